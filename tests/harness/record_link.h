/* SPDX-License-Identifier: MIT */
/*
 * Application records (RFC 9846, 5; RFC 5246, 6.2) in userspace, over a socket, with the keys that
 * a kernel would get: for tests on machines without kernel TLS. Tickets go to whom they concern,
 * KeyUpdates are obeyed and, if wanted, sent.
 */
#ifndef KTLS_TESTS_RECORD_LINK_H
#define KTLS_TESTS_RECORD_LINK_H

#include <ktls-handshake.h>
#include <ktls-record.h>
#include <ktls-secrets.h>

#include "tests/harness/talk.h"

#define RECORD_LINK_MESSAGE_MAX (64 + KTLS_ENGINE_TICKET_MAX)

struct record_link {
	int fd;
	struct talk *talk; /* to which the end is reported */
	struct ktls_record_layer layer;
	struct ktls_secrets secrets;
	size_t content_max;   /* bytes that go into a record */
	size_t content_limit; /* bytes that may come in one; 0: as ever */
	unsigned update_at;   /* a KeyUpdate precedes this record of data, from 1; 0: none */
	unsigned sent;        /* records of data */
	bool update_owed;     /* the peer has asked for our KeyUpdate */
	unsigned updated_tx, updated_rx;     /* KeyUpdates */
	uint8_t out[KTLS_ENGINE_RECORD_MAX]; /* a sealed record */
	size_t out_len, out_at;
	uint8_t in[KTLS_ENGINE_RECORD_MAX]; /* what has come of a record, or one decrypted */
	size_t in_len;
	const uint8_t *data; /* decrypted and not given out yet */
	size_t data_len;
	uint8_t message[RECORD_LINK_MESSAGE_MAX]; /* what has come of a handshake message */
	size_t message_len;
	/* Client: gets each NewSessionTicket of TLS 1.3, header included; NULL: not wanted. */
	void (*ticket)(void *arg, const uint8_t *message, size_t len);
	void *ticket_arg;
	bool finishing;
};

/* For talk->ops; talk->arg is a struct record_link. */
extern const struct talk_ops record_link_ops;

/*
 * After the handshake, of which nothing may be unsent. The socket is the caller's. Zero is a
 * sensible default for what is not set here.
 */
void record_link_init(struct record_link *link, int fd, struct talk *talk,
		      const struct ktls_engine *engine);

void record_link_wipe(struct record_link *link);

#endif
