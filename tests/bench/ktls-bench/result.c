/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/ktls-bench/result.h"

struct result_run *result_run_new(void)
{
	return calloc(1, sizeof(struct result_run));
}

static void cell_wipe(struct result_cell *cell)
{
	for (size_t i = 0; i < cell->rounds_len; i++)
		free(cell->rounds[i].counters);
	free(cell->rounds);
}

void result_run_free(struct result_run *run)
{
	if (!run)
		return;
	for (size_t i = 0; i < run->cells_len; i++)
		cell_wipe(&run->cells[i]);
	free(run->cells);
	free(run);
}

/* Makes room for one more of size bytes behind the len; arrays grow by doubling. */
static void *grow(void *array, size_t *len, size_t max, size_t size)
{
	void *larger = array;

	if (*len >= max)
		return NULL;
	if ((*len & (*len - 1)) == 0)
		larger = reallocarray(array, *len ? 2 * *len : 1, size);
	if (larger)
		memset((char *)larger + (*len)++ * size, 0, size);
	return larger;
}

struct result_mode *result_mode_add(struct result_run *run)
{
	return run->modes_len < RESULT_MODES_MAX ? &run->modes[run->modes_len++] : NULL;
}

struct result_cell *result_cell_add(struct result_run *run)
{
	struct result_cell *cells =
		grow(run->cells, &run->cells_len, RESULT_CELLS_MAX, sizeof(*cells));

	if (!cells)
		return NULL;
	run->cells = cells;
	return &cells[run->cells_len - 1];
}

struct result_round *result_round_add(struct result_cell *cell)
{
	struct result_round *rounds =
		grow(cell->rounds, &cell->rounds_len, RESULT_ROUNDS_MAX, sizeof(*rounds));

	if (!rounds)
		return NULL;
	cell->rounds = rounds;
	return &rounds[cell->rounds_len - 1];
}

struct result_counter *result_counter_add(struct result_round *round)
{
	struct result_counter *counters =
		grow(round->counters, &round->counters_len, RESULT_COUNTERS_MAX, sizeof(*counters));

	if (!counters)
		return NULL;
	round->counters = counters;
	return &counters[round->counters_len - 1];
}

void result_warn(struct result_run *run, const char *code, const char *text, const char *advice)
{
	struct result_warning *w = &run->warnings[run->warnings_len];

	for (size_t i = 0; i < run->warnings_len; i++)
		if (strcmp(run->warnings[i].code, code) == 0)
			return;
	if (run->warnings_len >= RESULT_WARNINGS_MAX)
		return;
	run->warnings_len++;
	result_text(w->code, sizeof(w->code), "%s", code);
	result_text(w->text, sizeof(w->text), "%s", text);
	result_text(w->advice, sizeof(w->advice), "%s", advice);
}

const struct result_mode *result_mode_find(const struct result_run *run, const char *name)
{
	for (size_t i = 0; i < run->modes_len; i++)
		if (strcmp(run->modes[i].name, name) == 0)
			return &run->modes[i];
	return NULL;
}

void result_text(char *field, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(field, size, format, args);
	va_end(args);
	for (char *c = field; *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			*c = '?';
}
