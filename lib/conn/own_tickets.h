/* SPDX-License-Identifier: MIT */
/*
 * Tickets of a server that has its keys itself: random ones, in guarded memory, which are replaced
 * by themselves (ticket_keys.h). With the process they are gone.
 */
#ifndef KTLS_CONN_OWN_TICKETS_H
#define KTLS_CONN_OWN_TICKETS_H

#include "lib/conn/conn.h"

struct own_tickets;

/* NULL without memory. */
struct own_tickets *own_tickets_new(void) __attribute__((warn_unused_result));
void own_tickets_free(struct own_tickets *tickets);

/* What a profile's seal() and open() are to do. */
int own_tickets_seal(struct own_tickets *tickets, const struct conn_ticket *request,
		     uint8_t *ticket, size_t *ticket_len);
int own_tickets_open(struct own_tickets *tickets, const struct conn_ticket *request,
		     uint8_t *content, size_t *content_len);

#endif
