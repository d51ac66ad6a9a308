/* SPDX-License-Identifier: MIT */
/*
 * A ktlsd of which there are services only, in a thread of its own: it knows the secrets of one
 * connection, finds the key in force and answers with the one that follows. It can be made to fail.
 */
#ifndef KTLS_TESTS_ANSWERING_H
#define KTLS_TESTS_ANSWERING_H

#include <pthread.h>
#include <stdatomic.h>

#include <ktls-secrets.h>

#include "lib/handoff/sealed.h"
#include "tests/harness/fake_ktlsd.h"

struct answering {
	struct fake fake;
	struct ktls_secrets secrets; /* of the handshake */
	int (*get)(int fd, bool transmit, struct ktls_traffic_key *out);
	struct sealed_header header;
	/* What is to go wrong. */
	atomic_int lose;     /* requests whose lane is closed instead */
	atomic_int silent;   /* requests that get no answer */
	atomic_int reason;   /* instead of keys, to all */
	atomic_int outdated; /* answers that name another key than that in force */
	atomic_int doubled;  /* answers that come twice */
	/* Closing a descriptor ends the process's record locks on it, which are the client's, too:
	 * set where other processes ask while the client may hold one. */
	bool keeps;
	/* What came. */
	atomic_int requests;
	atomic_int tickets;
	uint8_t ticket[256]; /* the last */
	size_t ticket_len;
	/* ---- */
	pthread_t thread;
	int stop[2];
	int lanes[16];
	int lanes_len;
	int kept[512];
	int kept_len;
};

/* Zeros, but for secrets, get and header, at first. */
void answering_start(struct answering *a);

/* It dies, and begins again, with everything that it knows. */
void answering_die(struct answering *a);
void answering_revive(struct answering *a);

void answering_stop(struct answering *a);

/* A sealed session as it would come with the reply to the handshake. Returns its length. */
size_t answering_seal(const struct answering *a, uint8_t out[static 64]);

#endif
