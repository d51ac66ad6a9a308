/* SPDX-License-Identifier: MIT */
/* Relays of ktls_open_embedded(): a thread of this process, from the first that is needed. */
#ifndef KTLS_CONN_EMBEDDED_RELAY_H
#define KTLS_CONN_EMBEDDED_RELAY_H

#include "lib/conn/conn.h"
#include "lib/conn/reply.h"

struct relay_thread;
struct relay_tickets;

/* What relays of one struct ktls share. */
struct embedded_relays {
	struct relay_thread *thread;   /* NULL: none was needed yet */
	struct relay_tickets *tickets; /* NULL: none are kept */
};

#define EMBEDDED_RELAYS_MAX 4096

/*
 * A handshake that ended with carry: the socket is the relay's from here on, and reply, which
 * conn_reply() has filled in, tells of it, by means of room. The thread is made where it is NULL.
 * Returns the application's end; or -1 where there is no relay, which reply tells then, and the
 * socket is closed.
 */
int embedded_carry(struct embedded_relays *relays, const struct conn_result *result,
		   struct conn_carried *room, struct handoff_reply *reply);

#endif
