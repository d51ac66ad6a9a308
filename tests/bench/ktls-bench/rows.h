/* SPDX-License-Identifier: MIT */
/*
 * A report's tables, before they are text or HTML: one for each workload, a row for each mode. The
 * columns are those for which the run has values, in an order that does not change.
 */
#ifndef KTLS_BENCH_ROWS_H
#define KTLS_BENCH_ROWS_H

#include "tests/bench/ktls-bench/stats.h"

enum column {
	COLUMN_MODE,
	COLUMN_SPEED,       /* Gbit/s or operations a second */
	COLUMN_SPEED_RATIO, /* over the base's */
	COLUMN_SERVER_CPU,
	COLUMN_SERVER_CPU_RATIO,
	COLUMN_CLIENT_CPU,
	COLUMN_SERVER_CYCLES,
	COLUMN_CLIENT_CYCLES,
	COLUMN_P50,
	COLUMN_P99,
	COLUMN_RETRANSMITS,
	COLUMN_HARDWARE,
	COLUMN_PAYLOAD,
	COLUMNS
};

struct piece {
	char text[2 * RESULT_NAME];
	char spread[RESULT_NAME]; /* "9.70-9.90", or "" */
	char brief[RESULT_NAME];  /* "+-1%": half of that, as a share of the median */
};

struct row {
	const struct result_cell *cell;
	struct piece pieces[COLUMNS];
};

struct rows {
	const struct result_workload *workload; /* that all have */
	char title[RESULT_LINE];
	const char *heads[COLUMNS], *units[COLUMNS];
	bool shown[COLUMNS];
	struct row *rows;
	size_t len;
};

/* What a column measures; false of those that measure nothing. */
bool column_metric(enum column column, const struct result_workload *w, enum metric *metric);

/* The table of the workload that the run's cell `first` is the first of. NULL: no memory. */
struct rows *rows_new(const struct result_run *run, size_t first);
void rows_free(struct rows *rows);

/* The first cell at or behind `from` whose workload no cell before it has; cells_len: none. */
size_t rows_next(const struct result_run *run, size_t from);

#endif
