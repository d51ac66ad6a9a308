/* SPDX-License-Identifier: MIT */
/*
 * Make-believe tickets for the engines of engines.h: the server's are its state behind a mark, the
 * client's sessions are kept here, the clock stands where a test sets it.
 */
#ifndef KTLS_TESTS_TICKETS_H
#define KTLS_TESTS_TICKETS_H

#include "tests/harness/engines.h"

#define TICKETS_KEPT 4

struct tickets {
	uint64_t now; /* ms since 1970 */
	bool later;   /* operations complete later */
	bool none;    /* the server's operations: no ticket to make, none that opens */
	int sealed, opened;
	char opened_for[256]; /* the server name at the last open_ticket() */
	uint8_t session[TICKETS_KEPT][KTLS_ENGINE_SESSION_MAX];
	size_t session_len[TICKETS_KEPT];
	size_t kept; /* sessions that the client was given */
};

extern struct tickets tickets;

/* To be called before engines_start(): the server gives one ticket, the client keeps. */
void tickets_attach(struct engine_end *client, struct engine_end *server);

/*
 * The client, which is done with TLS 1.3, reads what lies before it, tickets only, and keeps them:
 * the number of them.
 */
size_t tickets_collect(struct engine_end *client);

/* The client offers the session that it was given last. */
void tickets_offer(struct engine_end *client);

#endif
