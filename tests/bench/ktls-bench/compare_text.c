/* SPDX-License-Identifier: MIT */
#include "tests/bench/ktls-bench/compare.h"
#include "tests/bench/ktls-bench/format.h"

/* ---- what is different about the runs -------------------------------------------------------- */

static void format_value(char out[static RESULT_LINE], const struct field *f, const void *at)
{
	const void *member = (const char *)at + f->offset;

	switch (f->type) {
	case FIELD_TEXT:
		result_text(out, RESULT_LINE, "%s",
			    ((const char *)member)[0] ? (const char *)member : "-");
		break;
	case FIELD_U32:
		result_text(out, RESULT_LINE, "%u", *(const uint32_t *)member);
		break;
	case FIELD_DOUBLE:
		result_text(out, RESULT_LINE, "%g", *(const double *)member);
		break;
	case FIELD_ENUM:
		result_text(out, RESULT_LINE, "%s", f->words[*(const int *)member]);
		break;
	default:
		result_text(out, RESULT_LINE, "?");
	}
}

static const char *whose(const struct comparison *c, enum result_end end)
{
	if (end == RESULT_ENDS)
		return "";
	if (c->a->parameters.one_machine)
		return "the ";
	return end == RESULT_SERVER ? "server's " : "client's ";
}

static void put_head(const struct comparison *c, FILE *out)
{
	char a[RESULT_LINE], b[RESULT_LINE];

	fprintf(out, "from %s %s\n  to %s %s\n", c->a->date, c->a->title, c->b->date, c->b->title);
	for (size_t i = 0; i < c->differences_len; i++) {
		const struct compare_difference *d = &c->differences[i];

		format_value(a, d->field, d->a);
		format_value(b, d->field, d->b);
		fprintf(out, "  %s%s: %s | %s\n", whose(c, d->end), d->field->label, a, b);
	}
}

/* ---- cells ----------------------------------------------------------------------------------- */

static void put_metric(const struct compare_metric *m, FILE *out)
{
	static const char *const words[COMPARE_VERDICTS] = {
		[COMPARE_WITHIN] = "within the spread",
		[COMPARE_BETTER] = "better",
		[COMPARE_WORSE] = "worse",
		[COMPARE_UNKNOWN] = "too few rounds to say",
	};
	const struct metric_about *about = metric_about(m->metric);
	char from[32], to[32], ratio[32];

	format_number(from, sizeof(from), m->a.median);
	format_number(to, sizeof(to), m->b.median);
	format_number(ratio, sizeof(ratio), m->b.median / m->a.median);
	fprintf(out, "    %-12s %-9s %9s -> %9s  x %-6s %s\n", about->label, about->unit, from, to,
		ratio, words[m->verdict]);
}

static void put_cell(const struct comparison *c, const struct compare_cell *cell, FILE *out)
{
	const struct result_cell *known = cell->a ? cell->a : cell->b;
	char mode[RESULT_LINE], workload[RESULT_LINE];

	format_mode(mode, sizeof(mode), cell->a ? c->a : c->b, known, true);
	format_workload(workload, sizeof(workload), &known->workload);
	fprintf(out, "\n%s\n  %s%s%s\n", workload, mode, cell->why_not ? ": not compared: " : "",
		cell->why_not ? cell->why_not : "");
	for (size_t i = 0; i < cell->metrics_len; i++)
		put_metric(&cell->metrics[i], out);
}

void comparison_text(const struct comparison *c, FILE *out)
{
	if (c->cells_len > 0)
		put_head(c, out);
	for (size_t i = 0; i < c->cells_len; i++)
		put_cell(c, &c->cells[i], out);
	if (c->refusal)
		fprintf(out, "%sThese runs cannot be compared: %s.\n", c->cells_len > 0 ? "\n" : "",
			c->refusal);
	else
		fprintf(out,
			"\n%zu compared, %zu of their numbers differ by more than the spread.\n",
			c->compared, c->differing);
}
