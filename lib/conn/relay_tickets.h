/* SPDX-License-Identifier: MIT */
/*
 * Tickets (RFC 9846, 4.7.1) that relays of ktls_open_embedded() meet, on their way to the loop that
 * keeps sessions: the relays' thread may not touch that, and does not wait for it. They stay until
 * the loop's owner looks, which is before its next handshake. There is room for a few; those that
 * find none are dropped, as are those of a loop that has gone.
 */
#ifndef KTLS_CONN_RELAY_TICKETS_H
#define KTLS_CONN_RELAY_TICKETS_H

#include "lib/conn/conn.h"

struct relay_tickets;

#define RELAY_TICKETS_MAX 32

/* NULL where memory is short. */
struct relay_tickets *relay_tickets_new(void) __attribute__((warn_unused_result));

/* Another holder. relay_tickets_put() by the last one frees; NULL is a no-op. */
struct relay_tickets *relay_tickets_get(struct relay_tickets *tickets);
void relay_tickets_put(struct relay_tickets *tickets);

/* By any thread. */
void relay_tickets_add(struct relay_tickets *tickets, uint64_t cookie,
		       const struct ktls_span *session, const uint8_t *message, size_t len);

/* By whoever has the loop: what there is is kept, by conn_service_start() with these. */
void relay_tickets_keep(struct relay_tickets *tickets, struct conn_loop *loop,
			const struct conn_service_request *how);

#endif
