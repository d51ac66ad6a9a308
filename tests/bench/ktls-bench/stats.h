/* SPDX-License-Identifier: MIT */
/*
 * What a run's rounds say: medians with their spread, and ratios between modes.
 *
 * The spread is an interval in which the median lies with 95 % confidence, from the order of the
 * values alone (the sign test turned round): no distribution is assumed, and it shrinks as rounds
 * are added. Up to eight rounds it is the smallest and the largest value. Fewer than six cannot
 * give 95 %: two give 50 %, five 93.75 %, which are the fewest that anything is concluded from.
 *
 * A ratio is that of two cells' values in the same round, then the median over the rounds: modes
 * are run in turns, so that what changes on the machine meanwhile changes both.
 */
#ifndef KTLS_BENCH_STATS_H
#define KTLS_BENCH_STATS_H

#include "tests/bench/ktls-bench/result.h"

#define ESTIMATE_ROUNDS_MIN 5

struct estimate {
	double median, low, high;
	size_t n; /* of values; 0: there is no estimate, and the others are 0 */
};

enum metric {
	METRIC_THROUGHPUT, /* Gbit/s of payload */
	METRIC_OPERATIONS, /* a second */
	METRIC_SERVER_CPU, /* CPU seconds a GiB */
	METRIC_CLIENT_CPU,
	METRIC_SERVER_CPU_OPERATION, /* CPU microseconds an operation */
	METRIC_CLIENT_CPU_OPERATION,
	METRIC_SERVER_CYCLES, /* a byte */
	METRIC_CLIENT_CYCLES,
	METRIC_P50, /* microseconds */
	METRIC_P99,
	METRIC_RETRANSMITS,           /* segments a GiB */
	METRIC_RETRANSMITS_OPERATION, /* segments a thousand operations */
	METRICS
};

struct metric_about {
	const char *name;  /* in JSON: "server-cpu" */
	const char *label; /* "server CPU" */
	const char *unit;  /* "s/GiB" */
	bool more_is_better;
};

const struct metric_about *metric_about(enum metric metric);

/* False where the round does not have it. */
bool metric_of(enum metric metric, const struct result_round *round, double *value);

/* Of n values, at most RESULT_ROUNDS_MAX; sorts them. */
struct estimate estimate_of(double *values, size_t n);

/* Of the cell's rounds that have it. */
struct estimate estimate_cell(enum metric metric, const struct result_cell *cell);

/* Of cell's over base's, round by round. */
struct estimate estimate_ratio(enum metric metric, const struct result_cell *cell,
			       const struct result_cell *base);

/* Width of the spread as a share of the median; 0 where the median is 0. */
double estimate_noise(const struct estimate *e);

/* The probability with which the spread of n values holds the median; 0 where there is no spread.
 */
double estimate_confidence(size_t n);

/* Whether there are values enough to say that something is more than something else. */
static inline bool estimate_concludes(const struct estimate *e)
{
	return e->n >= ESTIMATE_ROUNDS_MIN;
}

/* Whether two estimates' spreads have nothing in common. */
bool estimate_differ(const struct estimate *a, const struct estimate *b);

bool workload_equal(const struct result_workload *a, const struct result_workload *b);

/* Whether a cell's rounds say something: it has some, and each moved something. */
bool cell_measured(const struct result_cell *cell);

/*
 * The measured cell of the run's base mode that does the same as this one, of the same version and
 * suite where there is one; the cell itself where it is of that mode; or NULL.
 */
const struct result_cell *cell_base(const struct result_run *run, const struct result_cell *cell);

/* Requests and connections are counted, not bytes. */
bool workload_counts_operations(const struct result_workload *w);

#endif
