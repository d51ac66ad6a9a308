/* SPDX-License-Identifier: MIT */
/*
 * Listening sockets in ktlsd's hands. Each worker that is asked has a share of the backlog: so many
 * finished connections may be on their way or wait to be collected. A share ends with its worker;
 * another is asked then, for as long as the application does not cancel.
 */
#ifndef KTLS_HANDOFF_LISTEN_H
#define KTLS_HANDOFF_LISTEN_H

#include "lib/handoff/client.h"

struct share {
	TAILQ_ENTRY(share) in_lane, link;
	struct listening *listening;
	struct lane *lane;
	uint64_t serial;     /* of this client's shares: what calls have in from */
	int64_t since;       /* monotonic milliseconds */
	unsigned int size;   /* connections */
	unsigned int away;   /* of these, that the worker has not been told to be collected */
	unsigned int untold; /* of these, that are collected */
	bool leaving;        /* the worker accepts no more; what it has under way still comes */
	bool cancel;         /* a cancel is to be sent when the lane has room */
};

/* The ops, for calls with listens set. */
WIRE_MUST_CHECK int client_listen_start(struct client *c, struct ktls_call *call, int fd,
					const struct handoff_request *request);
void client_listen_cancel(struct client *c, struct ktls_call *call);
void client_listen_collected(struct client *c, const struct ktls_call *call);

/*
 * A reply to such a request; fd (-1: none came) is taken over where 0 is returned. Else the
 * negative reason for which the lane is to be closed.
 */
WIRE_MUST_CHECK int client_listen_reply(struct client *c, struct lane *lane, struct ktls_call *call,
					const struct handoff_reply *reply, int fd);

/* The lane of a share is no more. */
void client_listen_lost(struct client *c, struct share *share, enum ktls_reason reason);

/* Sends what the lane had no room for. */
void client_listen_has_room(struct client *c, struct lane *lane);

/* Asks workers where there are fewer than wanted, and it is time. */
void client_listen_run(struct client *c);

/* Frees all there are; the lanes are closed. */
void client_listen_close(struct client *c);

#endif
