/* SPDX-License-Identifier: MIT */
/* The running end: plans the rounds, takes part in them, and puts together what both ends saw. */
#ifndef KTLS_BENCH_RUN_H
#define KTLS_BENCH_RUN_H

#include "tests/bench/ktls-bench/control.h"
#include "tests/bench/ktls-bench/options.h"
#include "tests/bench/ktls-bench/progress.h"
#include "tests/bench/ktls-bench/round.h"

struct runner {
	const struct options *options;
	struct control control;
	struct station station;
	struct address peer; /* of the serving end's data connections, but for the port */
	struct result_run *run;
	struct progress progress;
	uint64_t began;
	uint16_t version, suite;
	char failed[RESULT_LINE];
};

/* Set by a signal: no more rounds, and what there is. */
extern volatile int run_interrupted;

/* All cells, over a control connection that has begun. 0, or -1 with failed: then run has what was
 * measured until then. */
int run_all(struct runner *r);

/* One round, of both ends. 0 with *ours and *theirs, which are to be wiped; 1 where this mode
 * cannot be had, with why in failed; -1 where the other end is gone. play.c */
int play_round(struct runner *r, const struct plan *plan, struct outcome *ours,
	       struct outcome *theirs);

#endif
