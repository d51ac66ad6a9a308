/* SPDX-License-Identifier: MIT */
/* A handshake's result in the words of the hand-off protocol, as it is told to the application. */
#ifndef KTLS_CONN_REPLY_H
#define KTLS_CONN_REPLY_H

#include "lib/conn/conn.h"
#include "lib/handoff/protocol.h"

/* out->id is left 0; its spans point into the result. */
void conn_reply(const struct conn_result *result, struct handoff_reply *out);

/* Room for what the reply points to. */
struct conn_carried {
	uint8_t peer[HANDOFF_ADDRESS_MAX], local[HANDOFF_ADDRESS_MAX];
};

/*
 * What more there is to say of a handshake that ended with carry, when a relay gets it: a
 * descriptor comes, whose addresses are the socket's, and why the kernel has not got the records.
 */
void conn_reply_carried(const struct conn_result *result, struct conn_carried *room,
			struct handoff_reply *out);

#endif
