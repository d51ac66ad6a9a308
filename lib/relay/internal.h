/* SPDX-License-Identifier: MIT */
/* The insides of a relay and its loop, shared by the files of this folder. */
#ifndef KTLS_RELAY_INTERNAL_H
#define KTLS_RELAY_INTERNAL_H

#include <sys/socket.h>

#include <ktls-record.h>

#include "lib/conn/timer.h"
#include "lib/crypto/arena.h"
#include "lib/relay/relay.h"

#define RECORD_HEADER 5
#define FILLS_MAX     16 /* reads from a socket before others get their turn */
#define TICKET_BYTES  (KTLS_ENGINE_TICKET_MAX + 512) /* of a NewSessionTicket that is passed on */

enum content_type { TYPE_ALERT = 21, TYPE_HANDSHAKE = 22, TYPE_DATA = 23 };

/* From the arena; wiped with it. */
struct relay_secrets {
	struct ktls_record_layer layer;
	struct ktls_secrets secrets;
	struct ktls_traffic_key next;
};

/* One of the two sockets, as the epoll set knows it. */
struct relay_side {
	struct relay *relay;
	int fd;
	bool watched;
	uint32_t events;
};

/* Bytes of the peer's: records, of which the first may be open, with content to be delivered. */
struct relay_in {
	uint8_t *buf; /* NULL: nothing is under way */
	size_t at;    /* where the next record begins */
	size_t len;
	const uint8_t *content;
	size_t content_left;
	bool over;      /* nothing more is for the application */
	bool shut;      /* which has been told */
	bool discard;   /* what still comes is nobody's */
	bool peer_over; /* nothing comes any more */
};

/* One record on its way to the peer. */
struct relay_out {
	uint8_t *buf; /* NULL: none */
	size_t at;
	size_t len;
	size_t content; /* bytes of the application's in it */
	bool app_over;  /* the application sends no more, or nobody wants it */
	bool last;      /* the record is our close_notify or alert */
	bool over;      /* our side is shut */
	uint64_t moved; /* bytes that TCP has taken, records and all */
};

/* A message behind the handshake, which may come in pieces. */
struct relay_message {
	uint8_t head[KTLS_KEY_UPDATE_LEN];
	size_t head_len;
	size_t left;  /* of what is passed over */
	uint8_t *buf; /* of a ticket that is passed on; NULL: none */
	size_t len;
	size_t cap;
};

/* That the peer changes its key. */
enum relay_wish { WISH_NONE, WISH_NOW, WISH_SENT };

struct relay {
	struct relay_loop *loop;
	struct relay *next_ended;
	struct relay *next, **link; /* of all that there are */
	struct timer timer;         /* of a peer that lingers */
	bool lingers;
	uint64_t lingers_at; /* out.moved when the timer was started */
	bool ended;
	bool dropped; /* with its loop: the peer gets a reset */
	bool named;   /* the application can see how it ends */
	struct relay_secrets *s;
	struct relay_side peer, application;
	struct relay_in in;
	struct relay_out out;
	struct relay_message message;
	struct ktls_key_update_limit updates;
	uint64_t records;  /* under the transmit key */
	uint64_t received; /* under the peer's */
	enum relay_wish wish;
	bool received_max;  /* records_max is somebody's own limit: the peer is held to it */
	bool update_owed;   /* to be sent before the next data */
	uint8_t refusals;   /* of renegotiation, owed */
	uint8_t refused;    /* so often */
	uint8_t last_alert; /* to be sent at the end: close_notify or what went wrong */
	struct relay_request request;
	struct relay_end end;
};

struct relay_loop {
	struct relay_config config;
	int epoll;
	struct timers timers;
	struct arena *arena;
	size_t count;
	size_t bytes;
	struct relay *all;
	struct relay *ended; /* to be freed when the events at hand are dealt with */
};

/* relay.c */

/* A buffer of the relay's, counted. NULL where there is no memory. */
uint8_t *relay_buffer(struct relay *r, size_t len) __attribute__((warn_unused_result));
void relay_buffer_free(struct relay *r, uint8_t **buf, size_t len);

/* Notes why it ends; the first reason counts. */
void relay_note(struct relay *r, enum ktls_reason reason, uint8_t alert, int error);

/* Tells the application's library how the stream ends (lib/handoff/relayed.h), once. */
void relay_name_end(struct relay *r, enum ktls_reason reason, uint8_t alert);

/* Nothing more is for the application: says why, if it is no close_notify. */
void relay_receive_over(struct relay *r, enum ktls_reason reason, uint8_t alert);

/*
 * The peer broke the rules, or we cannot go on: the reason's alert goes out, close_notify with
 * KEY_EXHAUSTED, then it is over.
 */
void relay_fail(struct relay *r, enum ktls_reason reason);

/* Nothing more of the application's is wanted: its next write fails. */
void relay_stop_application(struct relay *r);

/* The connection is gone. */
void relay_lost(struct relay *r, int error);

/* in.c, out.c, message.c: go on as far as the sockets allow. */
void relay_receive(struct relay *r);
void relay_send(struct relay *r);
void relay_messages(struct relay *r, const uint8_t *bytes, size_t len);

#endif
