/* SPDX-License-Identifier: MIT */
/*
 * Two runs, cell by cell, before that is text or JSON. Rounds of different runs are no pairs, so
 * two medians differ where their spreads have nothing in common: that says "differs" too seldom
 * rather than too often.
 *
 * A comparison points into its runs, which have to live longer.
 */
#ifndef KTLS_BENCH_COMPARE_H
#define KTLS_BENCH_COMPARE_H

#include <stdio.h>

#include "tests/bench/ktls-bench/result_fields.h"
#include "tests/bench/ktls-bench/stats.h"

#define COMPARE_FORMAT      "ktls-bench comparison"
#define COMPARE_VERSION     1

#define COMPARE_METRICS     8
#define COMPARE_DIFFERENCES 48

/* The exit status of "ktls-bench compare". */
enum compare_status {
	COMPARE_SAME = 0,    /* nothing exceeds the spread */
	COMPARE_DIFFERS = 1, /* something does */
	COMPARE_REFUSED = 2, /* nothing can be compared */
};

/* A member in which the runs' machines, or what was asked of them, differ. */
struct compare_difference {
	enum result_end end; /* RESULT_ENDS: of the parameters */
	const struct field *field;
	const void *a, *b; /* the structs that have it */
};

enum compare_verdict {
	COMPARE_WITHIN, /* the spread */
	COMPARE_BETTER, /* is the second */
	COMPARE_WORSE,
	COMPARE_UNKNOWN, /* too few rounds (ESTIMATE_ROUNDS_MIN) */
	COMPARE_VERDICTS
};

struct compare_metric {
	enum metric metric;
	struct estimate a, b;
	enum compare_verdict verdict;
};

struct compare_cell {
	const struct result_cell *a, *b; /* NULL: this run has it not */
	const char *why_not;             /* NULL: they were compared */
	struct compare_metric metrics[COMPARE_METRICS];
	size_t metrics_len;
};

struct comparison {
	const struct result_run *a, *b;
	enum compare_status status;
	const char *refusal; /* why nothing is compared; or NULL */
	struct compare_difference differences[COMPARE_DIFFERENCES];
	size_t differences_len;
	struct compare_cell *cells; /* the first run's, then those that only the second has */
	size_t cells_len;
	size_t compared, differing; /* cells; numbers of theirs */
};

/* NULL: no memory. */
struct comparison *comparison_new(const struct result_run *a, const struct result_run *b);
void comparison_free(struct comparison *c);

/* For people. */
void comparison_text(const struct comparison *c, FILE *out);

/* As result_json_write(). */
__attribute__((warn_unused_result)) int comparison_json(const struct comparison *c, FILE *out);

#endif
