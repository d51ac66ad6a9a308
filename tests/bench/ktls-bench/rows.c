/* SPDX-License-Identifier: MIT */
#include "tests/bench/ktls-bench/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/ktls-bench/format.h"

/* By what is counted: bytes, or operations. */
static const struct {
	enum metric bytes, operations;
	bool measured;
} columns[COLUMNS] = {
	[COLUMN_SPEED] = { METRIC_THROUGHPUT, METRIC_OPERATIONS, true },
	[COLUMN_SPEED_RATIO] = { METRIC_THROUGHPUT, METRIC_OPERATIONS, true },
	[COLUMN_SERVER_CPU] = { METRIC_SERVER_CPU, METRIC_SERVER_CPU_OPERATION, true },
	[COLUMN_SERVER_CPU_RATIO] = { METRIC_SERVER_CPU, METRIC_SERVER_CPU_OPERATION, true },
	[COLUMN_CLIENT_CPU] = { METRIC_CLIENT_CPU, METRIC_CLIENT_CPU_OPERATION, true },
	[COLUMN_SERVER_CYCLES] = { METRIC_SERVER_CYCLES, METRIC_SERVER_CYCLES, true },
	[COLUMN_CLIENT_CYCLES] = { METRIC_CLIENT_CYCLES, METRIC_CLIENT_CYCLES, true },
	[COLUMN_P50] = { METRIC_P50, METRIC_P50, true },
	[COLUMN_P99] = { METRIC_P99, METRIC_P99, true },
	[COLUMN_RETRANSMITS] = { METRIC_RETRANSMITS, METRIC_RETRANSMITS_OPERATION, true },
};

bool column_metric(enum column column, const struct result_workload *w, enum metric *metric)
{
	if (!columns[column].measured)
		return false;
	*metric =
		workload_counts_operations(w) ? columns[column].operations : columns[column].bytes;
	return true;
}

static bool is_ratio(enum column column)
{
	return column == COLUMN_SPEED_RATIO || column == COLUMN_SERVER_CPU_RATIO;
}

/* ---- a row ----------------------------------------------------------------------------------- */

static void set_estimate(struct piece *piece, const struct estimate *e)
{
	char low[24], high[24];

	if (e->n == 0)
		return;
	format_number(piece->text, sizeof(piece->text), e->median);
	if (e->n == 1)
		return;
	format_number(low, sizeof(low), e->low);
	format_number(high, sizeof(high), e->high);
	snprintf(piece->spread, sizeof(piece->spread), "%s-%s", low, high);
	snprintf(piece->brief, sizeof(piece->brief), "+-%.0f%%", 50 * estimate_noise(e));
}

static struct estimate estimate_column(const struct result_run *run, enum column column,
				       enum metric metric, const struct result_cell *cell)
{
	const struct result_cell *base = cell_base(run, cell);

	if (!is_ratio(column))
		return estimate_cell(metric, cell);
	return base && base != cell ? estimate_ratio(metric, cell, base) : (struct estimate){ 0 };
}

static void fill_row(const struct result_run *run, const struct rows *rows, struct row *row,
		     bool all)
{
	struct piece *p = row->pieces;
	enum metric metric;

	format_mode(p[COLUMN_MODE].text, sizeof(p->text), run, row->cell, all);
	if (!cell_measured(row->cell)) {
		snprintf(p[COLUMN_SPEED].text, sizeof(p->text), "-");
		return;
	}
	for (enum column c = 0; c < COLUMNS; c++)
		if (column_metric(c, rows->workload, &metric)) {
			struct estimate e = estimate_column(run, c, metric, row->cell);

			set_estimate(&p[c], &e);
		}
	format_hardware(p[COLUMN_HARDWARE].text, sizeof(p->text), row->cell);
	snprintf(p[COLUMN_PAYLOAD].text, sizeof(p->text), "%s", payload_of(row->cell));
}

/* ---- the table ------------------------------------------------------------------------------- */

static void fill_heads(const struct result_run *run, struct rows *rows)
{
	enum metric metric;

	for (enum column c = 0; c < COLUMNS; c++) {
		rows->heads[c] = rows->units[c] = "";
		if (!column_metric(c, rows->workload, &metric))
			continue;
		rows->heads[c] = is_ratio(c) ? "ratio to" : metric_about(metric)->label;
		rows->units[c] = is_ratio(c) ? run->base : metric_about(metric)->unit;
	}
	rows->heads[COLUMN_HARDWARE] = "records";
	rows->heads[COLUMN_PAYLOAD] = "payload";
}

static bool all_zero(const struct rows *rows, enum column c)
{
	for (size_t i = 0; i < rows->len; i++)
		if (strspn(rows->rows[i].pieces[c].text, "0") !=
		    strlen(rows->rows[i].pieces[c].text))
			return false;
	return true;
}

static void choose_columns(struct rows *rows)
{
	for (enum column c = 0; c < COLUMNS; c++)
		for (size_t i = 0; i < rows->len; i++)
			rows->shown[c] |= rows->rows[i].pieces[c].text[0] != '\0';
	rows->shown[COLUMN_RETRANSMITS] &= !all_zero(rows, COLUMN_RETRANSMITS);
}

/* Whether a mode is there twice, with different versions or suites. */
static bool has_twins(const struct rows *rows)
{
	for (size_t i = 0; i < rows->len; i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp(rows->rows[i].cell->mode, rows->rows[k].cell->mode) == 0)
				return true;
	return false;
}

struct rows *rows_new(const struct result_run *run, size_t first)
{
	struct rows *rows = calloc(1, sizeof(*rows));
	bool twins;

	if (rows)
		rows->rows = calloc(run->cells_len - first, sizeof(*rows->rows));
	if (!rows || !rows->rows) {
		free(rows);
		return NULL;
	}
	rows->workload = &run->cells[first].workload;
	for (size_t i = first; i < run->cells_len; i++)
		if (workload_equal(&run->cells[i].workload, rows->workload))
			rows->rows[rows->len++].cell = &run->cells[i];
	format_workload(rows->title, sizeof(rows->title), rows->workload);
	twins = has_twins(rows);
	for (size_t i = 0; i < rows->len; i++)
		fill_row(run, rows, &rows->rows[i], twins);
	fill_heads(run, rows);
	choose_columns(rows);
	return rows;
}

void rows_free(struct rows *rows)
{
	if (!rows)
		return;
	free(rows->rows);
	free(rows);
}

size_t rows_next(const struct result_run *run, size_t from)
{
	for (size_t i = from; i < run->cells_len; i++) {
		size_t k = 0;

		while (k < i && !workload_equal(&run->cells[k].workload, &run->cells[i].workload))
			k++;
		if (k == i)
			return i;
	}
	return run->cells_len;
}
