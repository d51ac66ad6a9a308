/* SPDX-License-Identifier: MIT */
#include "tests/bench/ktls-bench/compare.h"

#include <stdlib.h>
#include <string.h>

#include "tests/bench/ktls-bench/format.h"
#include "tests/bench/ktls-bench/rows.h"

/* ---- what must not be compared --------------------------------------------------------------- */

static bool is_release(const struct result_machine *m)
{
	return m->build[0] == '\0' || strcmp(m->build, "release") == 0;
}

/* Why nothing of two runs can be compared; NULL: something can. */
static const char *refusal(const struct result_run *a, const struct result_run *b)
{
	for (int end = 0; end < RESULT_ENDS; end++) {
		const struct result_machine *x = &a->machines[end], *y = &b->machines[end];

		if (x->emulated != y->emulated)
			return "the CPU of one run was emulated, that of the other was not";
		if (is_release(x) != is_release(y) ||
		    (!is_release(x) && strcmp(x->build, y->build) != 0))
			return "they were made by different builds (release, debugging, "
			       "sanitizers)";
	}
	if (a->parameters.one_machine != b->parameters.one_machine)
		return "one run had both ends on one machine, the other had two";
	return NULL;
}

/* In hardware, in part, or not: 2, 1, 0. */
static int extent(uint64_t hw, uint64_t all)
{
	return hw == 0 ? 0 : hw < all ? 1 : 2;
}

/* Why two cells of the same mode and workload cannot be compared; NULL: they can. */
static const char *cells_refusal(const struct result_cell *a, const struct result_cell *b)
{
	struct hardware x, y;

	hardware_of(a, &x);
	hardware_of(b, &y);
	if (a->missing[0] || b->missing[0])
		return a->missing[0] && b->missing[0] ? "neither run has it"
		       : a->missing[0]                ? "the first run could not do it"
						      : "the second run could not do it";
	if (!cell_measured(a) || !cell_measured(b))
		return "one of the runs has rounds in which nothing was moved";
	if (strcmp(payload_of(a), "CORRUPT") == 0 || strcmp(payload_of(b), "CORRUPT") == 0)
		return "what arrived was not what was sent";
	if (extent(x.tx_hw, x.tx_all) != extent(y.tx_hw, y.tx_all) ||
	    extent(x.rx_hw, x.rx_all) != extent(y.rx_hw, y.rx_all))
		return "a device had the records in one run, and not in the other";
	return NULL;
}

/* ---- what is different about the runs -------------------------------------------------------- */

static bool same(const struct field *f, const void *a, const void *b)
{
	const char *x = (const char *)a + f->offset, *y = (const char *)b + f->offset;

	return f->type == FIELD_TEXT ? strcmp(x, y) == 0 : memcmp(x, y, f->size) == 0;
}

static void add_differences(struct comparison *c, enum result_end end, const struct field *fields,
			    const void *a, const void *b)
{
	for (const struct field *f = fields; f->name; f++)
		if (f->label && !same(f, a, b) && c->differences_len < COMPARE_DIFFERENCES)
			c->differences[c->differences_len++] =
				(struct compare_difference){ end, f, a, b };
}

/* Where both ends were on one machine, the client's is a copy of the server's. */
static void find_differences(struct comparison *c)
{
	const int ends = c->a->parameters.one_machine ? 1 : RESULT_ENDS;

	for (int end = 0; end < ends; end++)
		add_differences(c, (enum result_end)end, result_machine_fields,
				&c->a->machines[end], &c->b->machines[end]);
	add_differences(c, RESULT_ENDS, result_parameters_fields, &c->a->parameters,
			&c->b->parameters);
}

/* ---- cells ----------------------------------------------------------------------------------- */

static const struct result_cell *find_cell(const struct result_run *run,
					   const struct result_cell *like)
{
	for (size_t i = 0; i < run->cells_len; i++) {
		const struct result_cell *c = &run->cells[i];

		if (strcmp(c->mode, like->mode) == 0 && strcmp(c->tls, like->tls) == 0 &&
		    strcmp(c->suite, like->suite) == 0 &&
		    workload_equal(&c->workload, &like->workload))
			return c;
	}
	return NULL;
}

static enum compare_verdict judge(enum metric metric, const struct estimate *a,
				  const struct estimate *b)
{
	if (!estimate_concludes(a) || !estimate_concludes(b))
		return COMPARE_UNKNOWN;
	if (!estimate_differ(a, b))
		return COMPARE_WITHIN;
	return (b->median > a->median) == metric_about(metric)->more_is_better ? COMPARE_BETTER
									       : COMPARE_WORSE;
}

static void compare_metric(struct comparison *c, struct compare_cell *cell, enum metric metric)
{
	struct compare_metric m = { .metric = metric,
				    .a = estimate_cell(metric, cell->a),
				    .b = estimate_cell(metric, cell->b) };

	if (m.a.n == 0 || m.b.n == 0 || !(m.a.median > 0))
		return;
	m.verdict = judge(metric, &m.a, &m.b);
	c->differing += m.verdict == COMPARE_BETTER || m.verdict == COMPARE_WORSE;
	cell->metrics[cell->metrics_len++] = m;
}

static void compare_metrics(struct comparison *c, struct compare_cell *cell)
{
	static const enum column columns[] = {
		COLUMN_SPEED, COLUMN_SERVER_CPU, COLUMN_CLIENT_CPU,  COLUMN_SERVER_CYCLES,
		COLUMN_P50,   COLUMN_P99,        COLUMN_RETRANSMITS,
	};
	enum metric metric;

	_Static_assert(sizeof(columns) / sizeof(columns[0]) <= COMPARE_METRICS, "all fit");
	c->compared++;
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		if (column_metric(columns[i], &cell->a->workload, &metric))
			compare_metric(c, cell, metric);
}

static void compare_cells(struct comparison *c)
{
	for (size_t i = 0; i < c->a->cells_len; i++) {
		struct compare_cell *cell = &c->cells[c->cells_len++];

		cell->a = &c->a->cells[i];
		cell->b = find_cell(c->b, cell->a);
		cell->why_not =
			cell->b ? cells_refusal(cell->a, cell->b) : "only the first run has it";
		if (!cell->why_not)
			compare_metrics(c, cell);
	}
	for (size_t i = 0; i < c->b->cells_len; i++)
		if (!find_cell(c->a, &c->b->cells[i]))
			c->cells[c->cells_len++] =
				(struct compare_cell){ .b = &c->b->cells[i],
						       .why_not = "only the second run has it" };
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void compare(struct comparison *c)
{
	c->status = COMPARE_REFUSED;
	c->refusal = refusal(c->a, c->b);
	if (c->refusal)
		return;
	find_differences(c);
	compare_cells(c);
	if (c->compared == 0)
		c->refusal = "they have nothing in common that could be compared";
	else
		c->status = c->differing > 0 ? COMPARE_DIFFERS : COMPARE_SAME;
}

struct comparison *comparison_new(const struct result_run *a, const struct result_run *b)
{
	struct comparison *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->a = a;
	c->b = b;
	c->cells = calloc(a->cells_len + b->cells_len + 1, sizeof(*c->cells));
	if (!c->cells) {
		free(c);
		return NULL;
	}
	compare(c);
	return c;
}

void comparison_free(struct comparison *c)
{
	if (c)
		free(c->cells);
	free(c);
}
