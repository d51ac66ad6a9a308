/* SPDX-License-Identifier: MIT */
/* Tickets of TLS 1.3, as an application of a connection without kernel TLS gets them. */
#ifndef KTLS_TESTS_CONNS_TICKETS_H
#define KTLS_TESTS_CONNS_TICKETS_H

#include "tests/harness/conns.h"

/*
 * Takes the tickets that came behind a client's handshake from its socket and hands them to the
 * loop. session says whose they are; its ALPN is the profile's, its session is filled in.
 */
void conns_keep_tickets(struct conns *conns, struct conn_end *client, struct conn_session session);

#endif
