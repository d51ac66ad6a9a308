/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tests/bench/ktls-bench/format.h"
#include "tests/bench/ktls-bench/grown.h"
#include "tests/bench/ktls-bench/report.h"
#include "tests/bench/ktls-bench/rows.h"
#include "tests/bench/ktls-bench/sweep.h"

#define GAP 2 /* spaces between columns */

/* Left out in this order where the line is too short; the others stay. */
static const enum column dispensable[] = {
	COLUMN_RETRANSMITS, COLUMN_CLIENT_CYCLES, COLUMN_SERVER_CYCLES,    COLUMN_P50,
	COLUMN_CLIENT_CPU,  COLUMN_PAYLOAD,       COLUMN_SERVER_CPU_RATIO, COLUMN_P99,
	COLUMN_HARDWARE,    COLUMN_SPEED_RATIO,   COLUMN_SERVER_CPU,
};

#define DISPENSABLE (sizeof(dispensable) / sizeof(dispensable[0]))

struct layout {
	bool brief;                         /* spreads */
	int text[COLUMNS], spread[COLUMNS]; /* characters; a spread has its brackets and a space */
	int whole[COLUMNS];
	int width;
};

static const char *spread_of(const struct layout *l, const struct piece *p)
{
	return l->brief ? p->brief : p->spread;
}

/* Around a spread: brackets where it is not brief, and a space before it. */
static int frame_of(const struct layout *l)
{
	return l->brief ? 1 : 3;
}

static int longest(int a, size_t b)
{
	return a > (int)b ? a : (int)b;
}

static void measure(const struct rows *rows, bool brief, struct layout *l)
{
	*l = (struct layout){ .brief = brief };
	for (enum column c = 0; c < COLUMNS; c++) {
		for (size_t i = 0; i < rows->len; i++) {
			const struct piece *p = &rows->rows[i].pieces[c];

			l->text[c] = longest(l->text[c], strlen(p->text));
			if (p->spread[0])
				l->spread[c] = longest(l->spread[c], strlen(spread_of(l, p)) +
									     (size_t)frame_of(l));
		}
		l->whole[c] = longest(l->text[c] + l->spread[c], strlen(rows->heads[c]));
		l->whole[c] = longest(l->whole[c], strlen(rows->units[c]));
		if (rows->shown[c])
			l->width += l->whole[c] + GAP;
	}
	l->width -= GAP;
}

/* Short spreads before missing columns. */
static void fit(struct rows *rows, struct layout *l, unsigned int width)
{
	measure(rows, false, l);
	if (width > 0 && l->width > (int)width)
		measure(rows, true, l);
	for (size_t i = 0; width > 0 && i < DISPENSABLE && l->width > (int)width; i++) {
		if (!rows->shown[dispensable[i]])
			continue;
		rows->shown[dispensable[i]] = false;
		l->width -= l->whole[dispensable[i]] + GAP;
	}
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* A line whose end has no spaces. */
static void put_line(char *line, FILE *out)
{
	size_t len = strlen(line);

	while (len > 0 && line[len - 1] == ' ')
		line[--len] = '\0';
	fprintf(out, "%s\n", line);
}

static bool is_words(enum column c)
{
	return c == COLUMN_MODE || c == COLUMN_HARDWARE || c == COLUMN_PAYLOAD;
}

static void put_heads(const struct rows *rows, const struct layout *l, const char *const *heads,
		      FILE *out)
{
	char *line = NULL;
	size_t size;
	FILE *to = open_memstream(&line, &size);

	if (!to)
		return;
	for (enum column c = 0; c < COLUMNS; c++)
		if (rows->shown[c])
			fprintf(to, "%-*s", l->whole[c] + GAP, heads[c]);
	if (fclose(to) == 0)
		put_line(line, out);
	free(line);
}

static void put_row(const struct rows *rows, const struct layout *l, const struct row *row,
		    FILE *out)
{
	char *line = NULL, spread[RESULT_NAME + 4];
	size_t size;
	FILE *to = open_memstream(&line, &size);

	if (!to)
		return;
	for (enum column c = 0; c < COLUMNS; c++) {
		const struct piece *p = &row->pieces[c];

		if (!rows->shown[c])
			continue;
		snprintf(spread, sizeof(spread),
			 !p->spread[0] ? "%s"
			 : l->brief    ? " %s"
				       : " (%s)",
			 spread_of(l, p));
		fprintf(to, is_words(c) ? "%-*s" : "%*s", l->text[c], p->text);
		fprintf(to, "%-*s", l->whole[c] - l->text[c] + GAP, spread);
	}
	if (fclose(to) == 0)
		put_line(line, out);
	free(line);
}

/* ---- parts ----------------------------------------------------------------------------------- */

static void put_missing(const struct rows *rows, FILE *out)
{
	for (size_t i = 0; i < rows->len; i++)
		if (rows->rows[i].cell->missing[0])
			fprintf(out, "  %s: %s\n", rows->rows[i].pieces[COLUMN_MODE].text,
				rows->rows[i].cell->missing);
}

/* A counter behind what the line has already, or on the next one; returns where that ends. */
static unsigned int put_counter(const char *name, const char *value, unsigned int at,
				unsigned int width, FILE *out)
{
	unsigned int len = (unsigned int)(strlen(name) + strlen(value)) + 3;

	if (width > 0 && at + len > width) {
		fputs("\n   ", out);
		at = 3;
	}
	fprintf(out, " %s %s,", name, value);
	return at + len;
}

/* For each mode that made some grow. */
static void put_counters(const struct rows *rows, unsigned int width, FILE *out)
{
	char name[2 * RESULT_NAME], value[32];
	struct counters *c = counters_new(rows);

	for (size_t k = 0; c && k < rows->len; k++) {
		int at;

		if (!counters_any(c, k))
			continue;
		at = fprintf(out, "  %s:", rows->rows[k].pieces[COLUMN_MODE].text);
		for (size_t i = 0; i < c->len; i++) {
			counters_value(value, sizeof(value), c, i, k);
			counters_name(name, sizeof(name), c, i);
			if (strcmp(value, "0") != 0)
				at = (int)put_counter(name, value, (unsigned int)at, width, out);
		}
		fputs(" all rounds together\n", out);
	}
	counters_free(c);
}

static void put_rows(struct rows *rows, unsigned int width, FILE *out)
{
	bool before[COLUMNS], first = true;
	struct layout l;

	memcpy(before, rows->shown, sizeof(before));
	fit(rows, &l, width);
	fprintf(out, "\n%s\n", rows->title);
	put_heads(rows, &l, rows->heads, out);
	put_heads(rows, &l, rows->units, out);
	for (size_t i = 0; i < rows->len; i++)
		put_row(rows, &l, &rows->rows[i], out);
	put_missing(rows, out);
	put_counters(rows, width, out);
	for (enum column c = 0; c < COLUMNS; c++)
		if (before[c] && !rows->shown[c]) {
			fprintf(out, "%s %s", first ? "  no room for:" : ",", rows->heads[c]);
			fprintf(out, "%s%s", rows->units[c][0] ? " " : "", rows->units[c]);
			first = false;
		}
	fputs(first ? "" : "\n", out);
}

static void put_head(const struct result_run *run, FILE *out)
{
	char text[2 * RESULT_LINE];

	if (run->title[0])
		fprintf(out, "%s\n", run->title);
	format_parameters(text, sizeof(text), run);
	fprintf(out, "%s: %s\n", run->date[0] ? run->date : "ktls-bench", text);
	format_machine(text, sizeof(text), &run->machines[RESULT_SERVER]);
	fprintf(out, "%s%s\n", run->parameters.one_machine ? "" : "server: ", text);
	if (run->parameters.one_machine)
		return;
	format_machine(text, sizeof(text), &run->machines[RESULT_CLIENT]);
	fprintf(out, "client: %s\n", text);
}

static void put_method(const struct result_run *run, FILE *out)
{
	char sure[RESULT_NAME];

	format_confidence(sure, sizeof(sure), run);
	fprintf(out, "\nMedians of the rounds%s%s.\nRatios are taken round by round.\n",
		sure[0] ? "; in brackets, where the median lies with " : "", sure);
}

void report_warnings(const struct result_run *run, FILE *out)
{
	if (run->warnings_len > 0)
		fputs("\nWhat spoils this measurement:\n", out);
	for (size_t i = 0; i < run->warnings_len; i++)
		fprintf(out, "- %s\n  %s\n", run->warnings[i].text, run->warnings[i].advice);
}

void report_text(const struct result_run *run, unsigned int width, FILE *out)
{
	struct sweep sweep;
	size_t from = 0;

	put_head(run, out);
	for (size_t i = rows_next(run, 0); i < run->cells_len; i = rows_next(run, i + 1)) {
		struct rows *rows = rows_new(run, i);

		if (rows)
			put_rows(rows, width, out);
		rows_free(rows);
	}
	while (sweep_next(run, &from, &sweep))
		sweep_text(&sweep, out);
	if (run->cells_len > 0)
		put_method(run, out);
	report_warnings(run, out);
}

unsigned int report_width(FILE *out)
{
	struct winsize size;

	if (ioctl(fileno(out), TIOCGWINSZ, &size) < 0)
		return 0;
	return size.ws_col;
}
