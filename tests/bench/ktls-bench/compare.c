/* SPDX-License-Identifier: MIT */
/*
 * Two runs, cell by cell. Rounds of different runs are no pairs, so two medians differ where their
 * spreads have nothing in common: that says "differs" too seldom rather than too often.
 */
#include <string.h>

#include "tests/bench/ktls-bench/format.h"
#include "tests/bench/ktls-bench/report.h"
#include "tests/bench/ktls-bench/result_json.h"
#include "tests/bench/ktls-bench/rows.h"

struct comparison {
	const struct result_run *a, *b;
	FILE *out;
	size_t compared, differing;
};

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

static void put_difference(const struct comparison *c, const char *what, const char *a,
			   const char *b)
{
	if (strcmp(a, b) != 0)
		fprintf(c->out, "  %s: %s | %s\n", what, a[0] ? a : "-", b[0] ? b : "-");
}

static void put_number(const struct comparison *c, const char *what, double a, double b)
{
	if (a != b)
		fprintf(c->out, "  %s: %g | %g\n", what, a, b);
}

static void put_machines(const struct comparison *c, const char *which, enum result_end end)
{
	const struct result_machine *a = &c->a->machines[end], *b = &c->b->machines[end];
	char what[64];

	snprintf(what, sizeof(what), "%s kernel", which);
	put_difference(c, what, a->kernel, b->kernel);
	snprintf(what, sizeof(what), "%s CPU", which);
	put_difference(c, what, a->cpu_model, b->cpu_model);
	snprintf(what, sizeof(what), "%s CPUs", which);
	put_number(c, what, a->cpus, b->cpus);
	snprintf(what, sizeof(what), "%s governor", which);
	put_difference(c, what, a->governor, b->governor);
	snprintf(what, sizeof(what), "%s hypervisor", which);
	put_difference(c, what, a->hypervisor, b->hypervisor);
	snprintf(what, sizeof(what), "%s device", which);
	put_difference(c, what, a->nic_driver[0] ? a->nic_driver : a->nic,
		       b->nic_driver[0] ? b->nic_driver : b->nic);
	snprintf(what, sizeof(what), "%s firmware", which);
	put_difference(c, what, a->nic_firmware, b->nic_firmware);
	snprintf(what, sizeof(what), "%s MTU", which);
	put_number(c, what, a->nic_mtu, b->nic_mtu);
	snprintf(what, sizeof(what), "%s ktls-bench", which);
	put_difference(c, what, a->version, b->version);
	snprintf(what, sizeof(what), "%s libssl", which);
	put_difference(c, what, a->libssl, b->libssl);
}

static void put_head(const struct comparison *c)
{
	const struct result_parameters *a = &c->a->parameters, *b = &c->b->parameters;

	fprintf(c->out, "A: %s %s\nB: %s %s\nDifferent about them (A | B):\n", c->a->date,
		c->a->title, c->b->date, c->b->title);
	put_machines(c, a->one_machine ? "the" : "server's", RESULT_SERVER);
	if (!a->one_machine)
		put_machines(c, "client's", RESULT_CLIENT);
	put_number(c, "rounds", a->rounds, b->rounds);
	put_number(c, "seconds of a round", a->round_seconds, b->round_seconds);
	put_difference(c, "pinning", a->pinning, b->pinning);
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

static const char *judge(struct comparison *c, enum metric metric, const struct estimate *a,
			 const struct estimate *b)
{
	if (a->n < 2 || b->n < 2)
		return "one round: no spread";
	if (!estimate_differ(a, b))
		return "within the spread";
	c->differing++;
	return (b->median > a->median) == metric_about(metric)->more_is_better ? "better" : "worse";
}

static void put_metric(struct comparison *c, enum metric metric, const struct result_cell *a,
		       const struct result_cell *b)
{
	struct estimate x = estimate_cell(metric, a), y = estimate_cell(metric, b);
	const struct metric_about *about = metric_about(metric);
	char from[32], to[32], ratio[32];

	if (x.n == 0 || y.n == 0 || !(x.median > 0))
		return;
	format_number(from, sizeof(from), x.median);
	format_number(to, sizeof(to), y.median);
	format_number(ratio, sizeof(ratio), y.median / x.median);
	fprintf(c->out, "    %-12s %-9s %9s -> %9s  x %-6s %s\n", about->label, about->unit, from,
		to, ratio, judge(c, metric, &x, &y));
}

static void put_cell(struct comparison *c, const struct result_cell *a, const struct result_cell *b)
{
	static const enum column columns[] = {
		COLUMN_SPEED, COLUMN_SERVER_CPU, COLUMN_CLIENT_CPU,  COLUMN_SERVER_CYCLES,
		COLUMN_P50,   COLUMN_P99,        COLUMN_RETRANSMITS,
	};
	enum metric metric;

	c->compared++;
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		if (column_metric(columns[i], &a->workload, &metric))
			put_metric(c, metric, a, b);
}

static void put_name(const struct comparison *c, const struct result_run *run,
		     const struct result_cell *cell)
{
	char mode[RESULT_LINE], workload[RESULT_LINE];

	format_mode(mode, sizeof(mode), run, cell, true);
	format_workload(workload, sizeof(workload), &cell->workload);
	fprintf(c->out, "\n%s\n  %s", workload, mode);
}

static void put_cells(struct comparison *c)
{
	for (size_t i = 0; i < c->a->cells_len; i++) {
		const struct result_cell *a = &c->a->cells[i], *b = find_cell(c->b, a);
		const char *why = b ? cells_refusal(a, b) : "only the first run has it";

		put_name(c, c->a, a);
		fprintf(c->out, "%s%s\n", why ? ": not compared: " : "", why ? why : "");
		if (!why)
			put_cell(c, a, b);
	}
	for (size_t i = 0; i < c->b->cells_len; i++)
		if (!find_cell(c->a, &c->b->cells[i])) {
			put_name(c, c->b, &c->b->cells[i]);
			fputs(": not compared: only the second run has it\n", c->out);
		}
}

enum compare_status compare_text(const struct result_run *a, const struct result_run *b, FILE *out)
{
	struct comparison c = { .a = a, .b = b, .out = out };
	const char *why = refusal(a, b);

	if (why) {
		fprintf(out, "These runs cannot be compared: %s.\n", why);
		return COMPARE_REFUSED;
	}
	put_head(&c);
	put_cells(&c);
	if (c.compared == 0) {
		fputs("\nThese runs have nothing in common that could be compared.\n", out);
		return COMPARE_REFUSED;
	}
	fprintf(out, "\n%zu compared, %zu of their numbers differ by more than the spread.\n",
		c.compared, c.differing);
	return c.differing > 0 ? COMPARE_DIFFERS : COMPARE_SAME;
}

enum compare_status compare_files(const char *a, const char *b, FILE *out, FILE *err)
{
	enum compare_status status = COMPARE_REFUSED;
	char why[RESULT_LINE];
	struct result_run *x = result_json_load(a, why), *y = x ? result_json_load(b, why) : NULL;

	if (x && y)
		status = compare_text(x, y, out);
	else
		fprintf(err, "ktls-bench: %s\n", why);
	result_run_free(x);
	result_run_free(y);
	return status;
}
