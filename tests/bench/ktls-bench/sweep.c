/* SPDX-License-Identifier: MIT */
#include "tests/bench/ktls-bench/sweep.h"

#include <string.h>

#include "tests/bench/ktls-bench/format.h"

const enum column sweep_columns[] = { COLUMN_SPEED_RATIO, COLUMN_SERVER_CPU_RATIO, COLUMN_MODE };

/* ---- which there are ------------------------------------------------------------------------- */

static bool is_of_calls(const struct result_workload *w)
{
	return strcmp(w->pattern, "write") == 0 || strcmp(w->pattern, "more") == 0;
}

static uint64_t size_of(const struct result_workload *w)
{
	return is_of_calls(w) ? w->write_bytes : w->object_bytes;
}

static struct result_workload without_size(const struct result_workload *w)
{
	struct result_workload copy = *w;

	if (is_of_calls(w))
		copy.write_bytes = 0;
	else
		copy.object_bytes = 0;
	return copy;
}

static bool belong_together(const struct result_workload *a, const struct result_workload *b)
{
	const struct result_workload x = without_size(a), y = without_size(b);

	return workload_equal(&x, &y);
}

static bool begins(const struct result_run *run, size_t cell)
{
	for (size_t i = 0; i < cell; i++)
		if (belong_together(&run->cells[i].workload, &run->cells[cell].workload))
			return false;
	return true;
}

/* Into its place, once. */
static void add_size(struct sweep *sweep, uint64_t size)
{
	size_t at = 0;

	while (at < sweep->sizes_len && sweep->sizes[at] < size)
		at++;
	if (size == 0 || sweep->sizes_len == SWEEP_SIZES ||
	    (at < sweep->sizes_len && sweep->sizes[at] == size))
		return;
	memmove(&sweep->sizes[at + 1], &sweep->sizes[at],
		(sweep->sizes_len - at) * sizeof(sweep->sizes[0]));
	sweep->sizes[at] = size;
	sweep->sizes_len++;
}

bool sweep_next(const struct result_run *run, size_t *from, struct sweep *out)
{
	for (; *from < run->cells_len; (*from)++) {
		const struct result_workload *w = &run->cells[*from].workload;
		struct result_workload rest = without_size(w);

		if (!begins(run, *from))
			continue;
		*out = (struct sweep){ .run = run, .workload = w };
		for (size_t i = *from; i < run->cells_len; i++)
			if (belong_together(w, &run->cells[i].workload))
				add_size(out, size_of(&run->cells[i].workload));
		if (out->sizes_len < 2)
			continue;
		format_workload(out->title, sizeof(out->title), &rest);
		(*from)++;
		return true;
	}
	return false;
}

/* ---- what it says ---------------------------------------------------------------------------- */

const struct result_cell *sweep_cell(const struct sweep *sweep, const char *mode, size_t size)
{
	for (size_t i = 0; i < sweep->run->cells_len; i++) {
		const struct result_cell *cell = &sweep->run->cells[i];

		if (strcmp(cell->mode, mode) == 0 && cell_measured(cell) &&
		    belong_together(&cell->workload, sweep->workload) &&
		    size_of(&cell->workload) == sweep->sizes[size])
			return cell;
	}
	return NULL;
}

struct estimate sweep_ratio(const struct sweep *sweep, enum column column, const char *mode,
			    size_t size)
{
	const struct result_cell *cell = sweep_cell(sweep, mode, size);
	const struct result_cell *base = cell ? cell_base(sweep->run, cell) : NULL;
	enum metric metric;

	if (!base || base == cell || !column_metric(column, sweep->workload, &metric))
		return (struct estimate){ .n = 0 };
	return estimate_ratio(metric, cell, base);
}

bool sweep_has(const struct sweep *sweep, enum column column, const char *mode)
{
	for (size_t i = 0; i < sweep->sizes_len; i++)
		if (sweep_ratio(sweep, column, mode, i).n > 0)
			return true;
	return false;
}

bool sweep_has_any(const struct sweep *sweep, enum column column)
{
	for (size_t i = 0; i < sweep->run->modes_len; i++)
		if (sweep_has(sweep, column, sweep->run->modes[i].name))
			return true;
	return false;
}

void sweep_caption(char *out, size_t size, const struct sweep *sweep, enum column column)
{
	enum metric metric;

	if (column_metric(column, sweep->workload, &metric))
		snprintf(out, size, "%s, ratio to %s", metric_about(metric)->label,
			 sweep->run->base);
}

/* ---- as text --------------------------------------------------------------------------------- */

static void put_row(const struct sweep *sweep, enum column column, const struct result_mode *mode,
		    FILE *out)
{
	char text[32];

	if (!sweep_has(sweep, column, mode->name))
		return;
	fprintf(out, "%-26s", mode->label);
	for (size_t i = 0; i < sweep->sizes_len; i++) {
		const struct estimate e = sweep_ratio(sweep, column, mode->name, i);

		format_number(text, sizeof(text), e.median);
		fprintf(out, "%10s", e.n > 0 ? text : "-");
	}
	fputc('\n', out);
}

static void put_matrix(const struct sweep *sweep, enum column column, FILE *out)
{
	char text[RESULT_LINE];

	sweep_caption(text, sizeof(text), sweep, column);
	fprintf(out, "%s\n%26s", text, "");
	for (size_t i = 0; i < sweep->sizes_len; i++) {
		format_bytes(text, sizeof(text), sweep->sizes[i]);
		fprintf(out, "%10s", text);
	}
	fputc('\n', out);
	for (size_t i = 0; i < sweep->run->modes_len; i++)
		put_row(sweep, column, &sweep->run->modes[i], out);
}

void sweep_text(const struct sweep *sweep, FILE *out)
{
	bool begun = false;

	for (const enum column *c = sweep_columns; *c != COLUMN_MODE; c++) {
		if (!sweep_has_any(sweep, *c))
			continue;
		if (!begun)
			fprintf(out, "\n%s, over sizes\n", sweep->title);
		begun = true;
		put_matrix(sweep, *c, out);
	}
}
