/* SPDX-License-Identifier: MIT */
/*
 * What the two ends of ktls-bench say to each other, as bytes (presentation language of RFC 9846,
 * section 3; text is a vector with two bytes of length). One answer to each message:
 *
 *	run                      serve
 *	HELLO  version, cert  -> MACHINE  facts, the root of its certificate, its name
 *	PLAN   a round        -> READY    port and token for the connections; or FAILED
 *	GO                    -> GOING    both ends have all connections; or FAILED
 *	END                   -> OUTCOME
 *
 * How they travel, and who may send them: control.h. Parsers return false for what is malformed and
 * leave the output alone; numbers are in range behind them.
 */
#ifndef KTLS_BENCH_MESSAGE_H
#define KTLS_BENCH_MESSAGE_H

#include "lib/wire/reader.h"
#include "lib/wire/writer.h"
#include "tests/bench/ktls-bench/credentials.h"
#include "tests/bench/ktls-bench/plan.h"

#define MESSAGE_VERSION  1
#define MESSAGE_MAX      65536 /* bytes of a message */
#define MESSAGE_TOKEN    16
#define MESSAGE_COUNTERS 128 /* in an outcome */

enum message_type {
	MESSAGE_HELLO = 1,
	MESSAGE_MACHINE,
	MESSAGE_PLAN,
	MESSAGE_READY,
	MESSAGE_GO,
	MESSAGE_GOING,
	MESSAGE_END,
	MESSAGE_OUTCOME,
	MESSAGE_FAILED, /* text, instead of any answer */
};

struct hello {
	uint16_t version; /* MESSAGE_VERSION */
	bool rsa;         /* the key of a certificate that is to be made */
	bool want_trust;  /* the root of the server's certificate */
};

struct greeting {
	struct result_machine machine;
	char trust[CREDENTIALS_PEM]; /* PEM; "" */
	char name[256];
	bool rsa; /* the server's key */
};

struct ready {
	uint16_t port;
	uint8_t token[MESSAGE_TOKEN];
};

void hello_write(struct writer *w, const struct hello *hello);
WIRE_MUST_CHECK bool hello_read(struct reader *r, struct hello *out);

void greeting_write(struct writer *w, const struct greeting *greeting);
WIRE_MUST_CHECK bool greeting_read(struct reader *r, struct greeting *out);

/* A plan that plan_check() has nothing against. */
void plan_write(struct writer *w, const struct plan *plan);
WIRE_MUST_CHECK bool plan_read(struct reader *r, struct plan *out);

void ready_write(struct writer *w, const struct ready *ready);
WIRE_MUST_CHECK bool ready_read(struct reader *r, struct ready *out);

/* The reader's outcome is to be freed with outcome_wipe(). Counters are the server's; numbers are
 * below 2^63, which is what JSON has. */
void outcome_write(struct writer *w, const struct outcome *outcome);
WIRE_MUST_CHECK bool outcome_read(struct reader *r, struct outcome *out);

void failed_write(struct writer *w, const char *text);
WIRE_MUST_CHECK bool failed_read(struct reader *r, char out[static RESULT_LINE]);

#endif
