/* SPDX-License-Identifier: MIT */
/* Rows of the state tables: what machine.c drives. */
#ifndef KTLS_HANDSHAKE_ROWS_H
#define KTLS_HANDSHAKE_ROWS_H

#include "lib/handshake/engine.h"

#define MESSAGE_MAX     16384
#define CERTIFICATE_MAX (KTLS_ENGINE_CHAIN_MAX + 1024)
#define FINISHED_MAX    64

enum ccs { CCS_NONE, CCS_BEFORE, CCS_AFTER };

/* One state: it receives one of up to two messages, sends one, or does something. */
struct row {
	const char *name;
	struct {
		enum message message;
		uint32_t max; /* bytes of the body */
		int (*recv)(struct engine *e, struct reader *body);
		enum state next;
	} accept[2];
	bool boundary; /* keys may change behind it: it must end its record (5.1) */

	enum message send; /* where act is set: any number of it, outside the transcript */
	int (*build)(struct engine *e, struct writer *w);
	enum ccs ccs; /* change_cipher_spec before or behind it (E.4) */

	int (*act)(struct engine *e);
	bool ccs_in; /* waits for TLS 1.2's change_cipher_spec, then acts */

	enum state next, alternative, legacy, resumed;
};

/* Rows without a name belong to the other table. */
extern const struct row rows_1_3[STATES], rows_1_2[STATES];

static inline const struct row *row_of(enum state state)
{
	return rows_1_3[state].name ? &rows_1_3[state] : &rows_1_2[state];
}

#endif
