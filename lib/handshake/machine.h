/* SPDX-License-Identifier: MIT */
/*
 * The state machine of both roles (RFC 9846, A.1 and A.2) as a table, and its driver, which does
 * what all messages have in common: headers, order, lengths, transcript, record boundaries before
 * key changes.
 */
#ifndef KTLS_HANDSHAKE_MACHINE_H
#define KTLS_HANDSHAKE_MACHINE_H

#include "lib/handshake/engine.h"

/* Goes on as far as the input allows. Needs e->io. */
enum ktls_engine_state machine_run(struct engine *e);

/*
 * One row of the table: 0 to go on, PENDING, STARVED for want of input, or a negative reason. Needs
 * e->io; for tests that stop a peer in the middle.
 */
int machine_step(struct engine *e);

/* Ends the handshake for a reason, with its alert. Needs e->io. */
void machine_fail(struct engine *e, int reason);

/* What a test that holds the RFC's graph needs to know of the table. */
struct machine_row {
	const char *name;
	bool receives;
	enum message messages[2]; /* that it accepts, or the one that it sends; 0: none */
	enum state next[2];       /* after them, or after the row and its alternative */
	enum state legacy;        /* the way to TLS 1.2 */
	enum state resumed;       /* the way of a resumed handshake */
};
struct machine_row machine_row(enum state state);

#endif
