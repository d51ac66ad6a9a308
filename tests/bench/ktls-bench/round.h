/* SPDX-License-Identifier: MIT */
/*
 * One end of a round from beginning to end: its threads, what they did in sum, and what the machine
 * counted meanwhile. In this order:
 *
 *	round_prepare()   before the first connection
 *	round_begin()     the threads perform their handshakes
 *	round_ready()     until it is true; then round_go(), or round_abandon()
 *	round_done()      until it is true; round_stop() to hurry it
 *	round_end()       in any case
 */
#ifndef KTLS_BENCH_ROUND_H
#define KTLS_BENCH_ROUND_H

#include "tests/bench/ktls-bench/counters.h"
#include "tests/bench/ktls-bench/cpus.h"
#include "tests/bench/ktls-bench/worker.h"

/* What an end has for all of its rounds. */
struct station {
	enum result_end end;
	struct credentials credentials;
	struct cpu_list cpus;
	struct device device;
	struct content content; /* of the last round */
	struct ktls *ktls;
	const char *profile;
};

struct running {
	struct plan plan;
	struct station *station;
	struct round round;
	struct worker *workers;
	struct result_round *before;
	uint64_t busy; /* busy_now() when it began */
};

/* Where something is missing 0 is returned all the same, and round.failed says what. -1: no memory.
 */
int round_prepare(struct running *r, struct station *station, const struct plan *plan);

/* descriptors: connected sockets, plan->connections of them, which are the round's then; NULL for
 * churn, which calls connect. */
void round_begin(struct running *r, const int *descriptors, int (*connect)(struct round *),
		 void *arg);

/* Whether all have their connections, or have failed. */
bool round_ready(struct running *r);
bool round_failed(struct running *r, char text[static RESULT_LINE]);
void round_go(struct running *r);
void round_abandon(struct running *r);
void round_stop(struct running *r);
bool round_done(struct running *r);

/* Waits for the threads, and frees all. */
void round_end(struct running *r, struct outcome *out);

#endif
