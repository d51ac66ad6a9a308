/* SPDX-License-Identifier: MIT */
#include "tests/bench/ktls-bench/stats.h"

#include <math.h>
#include <string.h>

#include "tests/bench/bench.h"

#define GIB 1073741824.0

static const struct metric_about metrics[METRICS] = {
	[METRIC_THROUGHPUT] = { "throughput", "throughput", "Gbit/s", true },
	[METRIC_OPERATIONS] = { "operations", "operations", "1/s", true },
	[METRIC_SERVER_CPU] = { "server-cpu", "server CPU", "s/GiB", false },
	[METRIC_CLIENT_CPU] = { "client-cpu", "client CPU", "s/GiB", false },
	[METRIC_SERVER_CPU_OPERATION] = { "server-cpu-operation", "server CPU", "us each", false },
	[METRIC_CLIENT_CPU_OPERATION] = { "client-cpu-operation", "client CPU", "us each", false },
	[METRIC_SERVER_CYCLES] = { "server-cycles", "server", "cycles/B", false },
	[METRIC_CLIENT_CYCLES] = { "client-cycles", "client", "cycles/B", false },
	[METRIC_P50] = { "latency-p50", "latency p50", "us", false },
	[METRIC_P99] = { "latency-p99", "latency p99", "us", false },
	[METRIC_RETRANSMITS] = { "retransmits", "retransmits", "per GiB", false },
	[METRIC_RETRANSMITS_OPERATION] = { "retransmits-operation", "retransmits", "per 1000",
					   false },
};

const struct metric_about *metric_about(enum metric metric)
{
	return &metrics[metric];
}

/* ---- a round's values ------------------------------------------------------------------------ */

static bool quotient(double above, double below, double *value)
{
	if (!(below > 0) || !(above >= 0))
		return false;
	*value = above / below;
	return isfinite(*value);
}

static bool nonzero(double above, double below, double *value)
{
	return above > 0 && quotient(above, below, value);
}

bool metric_of(enum metric metric, const struct result_round *r, double *value)
{
	const double bytes = (double)r->bytes, operations = (double)r->operations;

	switch (metric) {
	case METRIC_THROUGHPUT:
		return nonzero(bytes * 8e-9, r->wall_seconds, value);
	case METRIC_OPERATIONS:
		return nonzero(operations, r->wall_seconds, value);
	case METRIC_SERVER_CPU:
		return nonzero(r->cpu_seconds[RESULT_SERVER], bytes / GIB, value);
	case METRIC_CLIENT_CPU:
		return nonzero(r->cpu_seconds[RESULT_CLIENT], bytes / GIB, value);
	case METRIC_SERVER_CPU_OPERATION:
		return nonzero(r->cpu_seconds[RESULT_SERVER] * 1e6, operations, value);
	case METRIC_CLIENT_CPU_OPERATION:
		return nonzero(r->cpu_seconds[RESULT_CLIENT] * 1e6, operations, value);
	case METRIC_SERVER_CYCLES:
		return nonzero((double)r->cycles[RESULT_SERVER], bytes, value);
	case METRIC_CLIENT_CYCLES:
		return nonzero((double)r->cycles[RESULT_CLIENT], bytes, value);
	case METRIC_P50:
		return nonzero((double)r->latency_p50_ns, 1000, value);
	case METRIC_P99:
		return nonzero((double)r->latency_p99_ns, 1000, value);
	case METRIC_RETRANSMITS:
		return quotient((double)r->retransmits, bytes / GIB, value);
	case METRIC_RETRANSMITS_OPERATION:
		return quotient((double)r->retransmits, operations / 1000, value);
	case METRICS:
		break;
	}
	return false;
}

/* ---- estimates ------------------------------------------------------------------------------- */

/*
 * How many of n sorted values lie outside the spread at each end: the most for which the two tails
 * of the binomial distribution (n, 1/2) hold no more than 5 % together, or none. *beyond: what they
 * hold together.
 */
static size_t outside(size_t n, double *beyond)
{
	double term = pow(0.5, (double)n), tail = term;
	size_t k = 0;

	*beyond = 2 * tail;
	while (tail <= 0.025) {
		*beyond = 2 * tail;
		k++;
		term *= (double)(n - k + 1) / (double)k;
		tail += term;
	}
	return k > 0 ? k - 1 : 0;
}

double estimate_confidence(size_t n)
{
	double beyond;

	if (n < 2)
		return 0;
	(void)outside(n, &beyond);
	return 1 - beyond;
}

_Static_assert(RESULT_ROUNDS_MAX <= 1000, "0.5 to that power is a normal number");

struct estimate estimate_of(double *values, size_t n)
{
	struct estimate e = { .n = n };
	double beyond;
	size_t k;

	if (n == 0)
		return e;
	e.median = bench_median(values, n);
	k = outside(n, &beyond);
	e.low = values[k];
	e.high = values[n - 1 - k];
	return e;
}

struct estimate estimate_cell(enum metric metric, const struct result_cell *cell)
{
	double values[RESULT_ROUNDS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < cell->rounds_len; i++)
		n += metric_of(metric, &cell->rounds[i], &values[n]);
	return estimate_of(values, n);
}

struct estimate estimate_ratio(enum metric metric, const struct result_cell *cell,
			       const struct result_cell *base)
{
	double values[RESULT_ROUNDS_MAX], above, below;
	size_t n = 0;

	for (size_t i = 0; i < cell->rounds_len && i < base->rounds_len; i++)
		if (metric_of(metric, &cell->rounds[i], &above) &&
		    metric_of(metric, &base->rounds[i], &below))
			n += quotient(above, below, &values[n]);
	return estimate_of(values, n);
}

double estimate_noise(const struct estimate *e)
{
	return e->median > 0 ? (e->high - e->low) / e->median : 0;
}

bool estimate_differ(const struct estimate *a, const struct estimate *b)
{
	return a->n > 0 && b->n > 0 && (a->low > b->high || b->low > a->high);
}

/* ---- cells ----------------------------------------------------------------------------------- */

bool workload_equal(const struct result_workload *a, const struct result_workload *b)
{
	return strcmp(a->pattern, b->pattern) == 0 && a->direction == b->direction &&
	       a->object_bytes == b->object_bytes && a->write_bytes == b->write_bytes &&
	       a->record_bytes == b->record_bytes && a->connections == b->connections &&
	       a->threads == b->threads;
}

bool workload_counts_operations(const struct result_workload *w)
{
	return strcmp(w->pattern, "request") == 0 || strcmp(w->pattern, "churn") == 0;
}

bool cell_measured(const struct result_cell *cell)
{
	for (size_t i = 0; i < cell->rounds_len; i++)
		if (cell->rounds[i].bytes == 0 && cell->rounds[i].operations == 0)
			return false;
	return cell->rounds_len > 0 && cell->missing[0] == '\0';
}

const struct result_cell *cell_base(const struct result_run *run, const struct result_cell *cell)
{
	const struct result_cell *found = NULL;

	if (strcmp(cell->mode, run->base) == 0)
		return cell_measured(cell) ? cell : NULL;
	for (size_t i = 0; i < run->cells_len; i++) {
		const struct result_cell *c = &run->cells[i];

		if (strcmp(c->mode, run->base) != 0 || !cell_measured(c) ||
		    !workload_equal(&c->workload, &cell->workload))
			continue;
		if (strcmp(c->tls, cell->tls) == 0 && strcmp(c->suite, cell->suite) == 0)
			return c;
		found = found ? found : c;
	}
	return found;
}
