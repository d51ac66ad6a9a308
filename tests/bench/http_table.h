/* SPDX-License-Identifier: MIT */
/* The HTTP benchmark's table, in Markdown: an object and a server a line. */
#ifndef KTLS_TESTS_BENCH_HTTP_TABLE_H
#define KTLS_TESTS_BENCH_HTTP_TABLE_H

#include <stdio.h>

#include "tests/bench/ktls-bench/format.h"
#include "tests/bench/ktls-bench/report.h"

static inline void table_head(const struct result_run *run)
{
	char machine[2 * RESULT_LINE];

	format_machine(machine, sizeof(machine), &run->machines[RESULT_SERVER]);
	printf("%s; %u round%s, %u clients, %u worker%s.\n\n", machine, run->parameters.rounds,
	       run->parameters.rounds == 1 ? "" : "s", run->cells[0].workload.connections,
	       run->cells[0].workload.threads, run->cells[0].workload.threads == 1 ? "" : "s");
	puts("| object | server | CPU s/GiB | CPU us/request | ratio | requests/s | p50 us | "
	     "kTLS tx | wrong |\n"
	     "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
}

/* "1.07 (1.02-1.10)"; nothing where there is no value. */
static inline void table_number(const struct estimate *e)
{
	char median[24], low[24], high[24];

	format_number(median, sizeof(median), e->median);
	format_number(low, sizeof(low), e->low);
	format_number(high, sizeof(high), e->high);
	if (e->n > 1)
		printf(" %s (%s-%s) |", median, low, high);
	else
		printf(" %s |", e->n > 0 ? median : "");
}

static inline void table_metric(enum metric metric, const struct result_cell *cell)
{
	const struct estimate e = estimate_cell(metric, cell);

	table_number(&e);
}

static inline void table_ratio(const struct result_run *run, const struct result_cell *cell)
{
	const struct result_cell *base = cell_base(run, cell);
	struct estimate e = { 0 };

	if (base)
		e = estimate_ratio(METRIC_SERVER_CPU_OPERATION, cell, base);
	if (base == cell)
		e.n = 1;
	table_number(&e);
}

static inline uint64_t table_failures(const struct result_cell *cell)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < cell->rounds_len; i++)
		sum += cell->rounds[i].failures + (cell->rounds[i].payload == RESULT_CORRUPT);
	return sum;
}

/* Returns how many requests went wrong. */
static inline uint64_t table_row(const struct result_run *run, const char *object,
				 const struct result_cell *cell)
{
	const uint64_t failures = table_failures(cell);

	if (cell->missing[0] != '\0')
		return 0;
	printf("| %s | %s |", object, result_mode_find(run, cell->mode)->label);
	table_metric(METRIC_SERVER_CPU, cell);
	table_metric(METRIC_SERVER_CPU_OPERATION, cell);
	table_ratio(run, cell);
	table_metric(METRIC_OPERATIONS, cell);
	table_metric(METRIC_P50, cell);
	printf(" %u | %ju |\n",
	       cell->rounds[0].tx[RESULT_SERVER].sw + cell->rounds[0].tx[RESULT_SERVER].hw,
	       (uintmax_t)failures);
	return failures;
}

static inline void table_foot(const struct result_run *run)
{
	char sure[RESULT_NAME];

	format_confidence(sure, sizeof(sure), run);
	printf("\nMedians of the rounds%s%s. Ratios are of CPU time, to nginx with OpenSSL, round "
	       "by "
	       "round.\n",
	       sure[0] ? "; in brackets, where the median lies with " : "", sure);
	report_warnings(run, stdout);
}

#endif
