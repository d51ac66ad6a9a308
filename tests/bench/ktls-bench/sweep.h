/* SPDX-License-Identifier: MIT */
/*
 * Workloads of a run that differ in their size only: that of calls for write and more, of files and
 * answers for the others. Its tables are matrices, a row for each mode and a column for each size.
 */
#ifndef KTLS_BENCH_SWEEP_H
#define KTLS_BENCH_SWEEP_H

#include <stdio.h>

#include "tests/bench/ktls-bench/rows.h"

#define SWEEP_SIZES 16

struct sweep {
	const struct result_run *run;
	const struct result_workload *workload; /* of the first */
	uint64_t sizes[SWEEP_SIZES];            /* bytes, ascending; at least two */
	size_t sizes_len;
	char title[RESULT_LINE];
};

/* The first sweep at or behind cell *from, which is then the place to go on from; false: none. */
bool sweep_next(const struct result_run *run, size_t *from, struct sweep *out);

/* The measured cell of a mode, or NULL. */
const struct result_cell *sweep_cell(const struct sweep *sweep, const char *mode, size_t size);

/* Of the column's metric over the base's at that size; n is 0 where there is none. */
struct estimate sweep_ratio(const struct sweep *sweep, enum column column, const char *mode,
			    size_t size);

/* Whether a mode has a row: it is not the base, and has a ratio. */
bool sweep_has(const struct sweep *sweep, enum column column, const char *mode);

/* Whether some mode does: else the matrix is empty. */
bool sweep_has_any(const struct sweep *sweep, enum column column);

/* The columns for which there are matrices: COLUMN_MODE ends them. */
extern const enum column sweep_columns[];

/* "throughput, ratio to libssl" */
void sweep_caption(char *out, size_t size, const struct sweep *sweep, enum column column);

/* As text, for a terminal. */
void sweep_text(const struct sweep *sweep, FILE *out);

#endif
