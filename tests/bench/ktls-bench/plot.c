/* SPDX-License-Identifier: MIT */
/*
 * Bars that lie: names stand beside them in full, and there may be as many as there are modes. A
 * bar ends at the median; the whisker is the spread; a dot is a round, where there is room for
 * them. Scales begin at zero.
 */
#include <math.h>
#include <string.h>

#include "tests/bench/ktls-bench/format.h"
#include "tests/bench/ktls-bench/html.h"

#define LABELS     206 /* of these are for the modes' names */
#define GAP        30  /* between panels */
#define VALUE      62  /* at the end of a scale, for the longest bar's number */
#define TOP        52
#define ROW        36
#define BAR        16
#define FOOT       34
#define TICKS      4
#define CLOSE      10 /* pixels: rounds so near to each other would be a blot */

#define PANELS_MAX 3

struct panel {
	enum column column, beyond; /* beyond: a second value, behind the first; or COLUMN_MODE */
	double x, width, max, step; /* of the scale */
};

struct picture {
	const struct result_run *run;
	const struct rows *rows;
	FILE *out;
	struct panel panels[PANELS_MAX];
	size_t panels_len, bars;
};

static const char *const light[PLOT_COLOURS] = { "#6e7781", "#c2500b", "#a87900", "#0969b5",
						 "#0a7f5a", "#8250a8", "#b5497e", "#3d7a8c" };
static const char *const dark[PLOT_COLOURS] = { "#9aa4af", "#f0883e", "#d9a514", "#58a6ff",
						"#3fb98a", "#b78be0", "#e583b0", "#73b7c9" };

unsigned int plot_colour(const struct result_run *run, const struct result_cell *cell)
{
	const struct result_mode *mode = result_mode_find(run, cell->mode);

	return mode ? (unsigned int)(mode - run->modes) % PLOT_COLOURS : 0;
}

const char *plot_colour_light(unsigned int colour)
{
	return light[colour];
}

const char *plot_colour_dark(unsigned int colour)
{
	return dark[colour];
}

/* ---- panels ---------------------------------------------------------------------------------- */

/* The largest of what is drawn. */
static double largest(const struct picture *p, enum column column)
{
	enum metric metric;
	double max = 0, value;

	if (!column_metric(column, p->rows->workload, &metric))
		return 0;
	for (size_t i = 0; i < p->rows->len; i++) {
		const struct result_cell *cell = p->rows->rows[i].cell;

		for (size_t k = 0; cell_measured(cell) && k < cell->rounds_len; k++)
			if (metric_of(metric, &cell->rounds[k], &value) && value > max)
				max = value;
	}
	return max;
}

/* 1, 2 or 5 times a power of ten, so that there are about TICKS steps. */
static double nice_step(double max)
{
	double rough = max / TICKS, power = pow(10, floor(log10(rough)));
	double first = rough / power;

	return power * (first <= 1 ? 1 : first <= 2 ? 2 : first <= 5 ? 5 : 10);
}

static void add_panel(struct picture *p, enum column column, enum column beyond)
{
	struct panel *panel = &p->panels[p->panels_len];
	double max = fmax(largest(p, column), largest(p, beyond));

	if (p->panels_len == PANELS_MAX || !p->rows->shown[column] || !(max > 1e-9 && max < 1e18))
		return;
	panel->column = column;
	panel->beyond = beyond;
	panel->max = max * 1.02;
	panel->step = nice_step(panel->max);
	p->panels_len++;
}

static void place_panels(struct picture *p)
{
	double n = (double)p->panels_len, width = (PLOT_WIDTH - LABELS - GAP * (n - 1)) / n;

	for (size_t i = 0; i < p->panels_len; i++) {
		p->panels[i].x = LABELS + (double)i * (width + GAP);
		p->panels[i].width = width - VALUE;
	}
}

static double x_of(const struct panel *panel, double value)
{
	return panel->x + panel->width * value / panel->max;
}

/* ---- drawing --------------------------------------------------------------------------------- */

void plot_text(FILE *out, const char *style, double x, double y)
{
	fprintf(out, "<text %s x=\"%.1f\" y=\"%.1f\">", style, x, y);
}

void plot_tick(FILE *out, double v)
{
	if (v >= 1e6)
		fprintf(out, "%gM</text>\n", v / 1e6);
	else
		fprintf(out, v >= 1e4 ? "%gk</text>\n" : "%g</text>\n", v >= 1e4 ? v / 1e3 : v);
}

void plot_open(FILE *out, double height, unsigned int number)
{
	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %.0f\" role=\"img\" "
		"aria-labelledby=\"plot-%u\" font-family=\"Inter, 'Segoe UI', 'Helvetica Neue', "
		"Arial, 'DejaVu Sans', sans-serif\">\n",
		PLOT_WIDTH, height, number);
	fprintf(out, "<title id=\"plot-%u\">", number);
}

void plot_paper(FILE *out, double height)
{
	fprintf(out, "<rect class=\"paper\" fill=\"#ffffff\" width=\"%d\" height=\"%.0f\"/>\n",
		PLOT_WIDTH, height);
}

static void put_scale(const struct picture *p, const struct panel *panel, double bottom)
{
	for (double v = 0; v <= panel->max; v = round(v / panel->step + 1) * panel->step) {
		double x = x_of(panel, v);

		fprintf(p->out,
			"<line class=\"%s\" stroke=\"%s\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" "
			"y2=\"%.1f\"/>\n",
			v > 0 ? "grid" : "axis", v > 0 ? "#e4e8ec" : "#8c959f", x, TOP - 8, x,
			bottom);
		plot_text(p->out, DIM " font-size=\"11\" text-anchor=\"middle\"", x, bottom + 16);
		plot_tick(p->out, v);
	}
}

static void put_panel(const struct picture *p, const struct panel *panel, double bottom)
{
	enum column c = panel->column;

	plot_text(p->out, INK " font-size=\"14\" font-weight=\"600\"", panel->x, 22);
	html_text(p->rows->heads[c], p->out);
	if (panel->beyond != COLUMN_MODE)
		fputs(" and p99", p->out);
	fputs("</text>\n", p->out);
	plot_text(p->out, DIM " font-size=\"12\"", panel->x, 38);
	html_unit(p->rows->units[c], p->out);
	fprintf(p->out, ", %s is better</text>\n", c == COLUMN_SPEED ? "more" : "less");
	put_scale(p, panel, bottom);
}

static void put_bar(const struct picture *p, unsigned int colour, double opacity, double x,
		    double width, double y)
{
	fprintf(p->out,
		"<rect class=\"c%u\" fill=\"%s\" fill-opacity=\"%g\" x=\"%.1f\" y=\"%.1f\" "
		"width=\"%.1f\" height=\"%d\" rx=\"2\"/>\n",
		colour, light[colour], opacity, x, y, fmax(width, 1), BAR);
}

static void put_whisker(const struct picture *p, const struct panel *panel,
			const struct estimate *e, double y)
{
	double low = x_of(panel, e->low), high = x_of(panel, e->high);

	fprintf(p->out,
		"<path class=\"whisker\" stroke=\"#1f2328\" stroke-width=\"1.4\" fill=\"none\" "
		"d=\"M%.1f %.1fv8m0 -4H%.1fm0 -4v8\"/>\n",
		low, y - 4, high);
}

/* The rounds, in the order in which they were, from the bar's top to its bottom. */
static void put_dots(const struct picture *p, const struct panel *panel, enum metric metric,
		     const struct result_cell *cell, double y)
{
	double value,
		step = (BAR - 4.0) / (double)(cell->rounds_len > 1 ? cell->rounds_len - 1 : 1);

	for (size_t i = 0; i < cell->rounds_len; i++)
		if (metric_of(metric, &cell->rounds[i], &value))
			fprintf(p->out,
				"<circle class=\"dot\" fill=\"#ffffff\" stroke=\"#1f2328\" "
				"stroke-width=\"0.6\" cx=\"%.1f\" cy=\"%.1f\" r=\"1.6\"/>\n",
				x_of(panel, value), y + 2 + step * (double)i);
}

static void put_value(const struct picture *p, const struct panel *panel, const struct row *row,
		      double x, double y)
{
	plot_text(p->out, INK " font-size=\"12\"", x + 7, y + 12.5);
	html_text(row->pieces[panel->column].text, p->out);
	if (panel->beyond != COLUMN_MODE && row->pieces[panel->beyond].text[0]) {
		fputs("<tspan " DIM "> / ", p->out);
		html_text(row->pieces[panel->beyond].text, p->out);
		fputs("</tspan>", p->out);
	}
	fputs("</text>\n", p->out);
}

/* What a pointer that rests on the bar is told. */
static void put_hint(const struct picture *p, const struct panel *panel, const struct row *row)
{
	const struct piece *piece = &row->pieces[panel->column];

	fputs("<g><title>", p->out);
	html_text(row->pieces[COLUMN_MODE].text, p->out);
	fputs(": ", p->out);
	html_text(piece->text, p->out);
	fputc(' ', p->out);
	html_unit(p->rows->units[panel->column], p->out);
	if (piece->spread[0]) {
		fputs(" (", p->out);
		html_spread(piece->spread, p->out);
		fputc(')', p->out);
	}
	fprintf(p->out, ", %zu rounds</title>\n", row->cell->rounds_len);
}

static void put_measure(const struct picture *p, const struct panel *panel, const struct row *row,
			double y)
{
	unsigned int colour = plot_colour(p->run, row->cell);
	struct estimate e, beyond = { 0 };
	enum metric metric, second;

	column_metric(panel->column, p->rows->workload, &metric);
	e = estimate_cell(metric, row->cell);
	if (e.n == 0)
		return;
	if (column_metric(panel->beyond, p->rows->workload, &second))
		beyond = estimate_cell(second, row->cell);
	put_hint(p, panel, row);
	if (beyond.n > 0)
		put_bar(p, colour, 0.35, panel->x, x_of(panel, beyond.median) - panel->x, y);
	put_bar(p, colour, 1, panel->x, x_of(panel, e.median) - panel->x, y);
	if (e.n > 1) {
		if (x_of(panel, e.high) - x_of(panel, e.low) > CLOSE)
			put_dots(p, panel, metric, row->cell, y);
		put_whisker(p, panel, &e, y + BAR / 2.0);
	}
	put_value(p, panel, row, x_of(panel, fmax(e.high, beyond.median)), y);
	fputs("</g>\n", p->out);
}

/* ---- the picture ----------------------------------------------------------------------------- */

/* In two lines where it is too long for one: broken behind its comma. */
static void put_label(const struct picture *p, const char *text, double y)
{
	const char *comma = strlen(text) > 28 ? strchr(text, ',') : NULL;
	char first[2 * RESULT_NAME];

	snprintf(first, sizeof(first), "%.*s", comma ? (int)(comma - text) : (int)strlen(text),
		 text);
	plot_text(p->out, INK " font-size=\"13\" text-anchor=\"end\"", LABELS - 12,
		  y + (comma ? 6 : 13));
	html_text(first, p->out);
	fputs("</text>\n", p->out);
	if (!comma)
		return;
	plot_text(p->out, DIM " font-size=\"11\" text-anchor=\"end\"", LABELS - 12, y + 20);
	html_text(comma + 1 + strspn(comma + 1, " "), p->out);
	fputs("</text>\n", p->out);
}

static void put_title(const struct picture *p, double height, unsigned int number)
{
	plot_open(p->out, height, number);
	html_text(p->rows->title, p->out);
	fputs("</title>\n<desc>Bars of medians for each mode:", p->out);
	for (size_t i = 0; i < p->panels_len; i++) {
		fputs(i > 0 ? ", " : " ", p->out);
		html_text(p->rows->heads[p->panels[i].column], p->out);
	}
	fputs(". The table below has all numbers.</desc>\n", p->out);
}

static void draw(const struct picture *p, unsigned int number)
{
	double bottom = TOP + (double)p->bars * ROW, y = TOP + (ROW - BAR) / 2.0 - 4;

	put_title(p, bottom + FOOT, number);
	plot_paper(p->out, bottom + FOOT);
	for (size_t i = 0; i < p->panels_len; i++)
		put_panel(p, &p->panels[i], bottom);
	for (size_t i = 0; i < p->rows->len; i++) {
		const struct row *row = &p->rows->rows[i];

		if (!cell_measured(row->cell))
			continue;
		put_label(p, row->pieces[COLUMN_MODE].text, y);
		for (size_t k = 0; k < p->panels_len; k++)
			put_measure(p, &p->panels[k], row, y);
		y += ROW;
	}
	fputs("</svg>\n", p->out);
}

void plot_rows(const struct result_run *run, const struct rows *rows, unsigned int number,
	       FILE *out)
{
	struct picture p = { .run = run, .rows = rows, .out = out };

	for (size_t i = 0; i < rows->len; i++)
		p.bars += cell_measured(rows->rows[i].cell);
	add_panel(&p, COLUMN_SPEED, COLUMN_MODE);
	add_panel(&p, COLUMN_SERVER_CPU, COLUMN_MODE);
	if (rows->shown[COLUMN_P50])
		add_panel(&p, COLUMN_P50, COLUMN_P99);
	else
		add_panel(&p, COLUMN_CLIENT_CPU, COLUMN_MODE);
	if (p.bars == 0 || p.panels_len == 0)
		return;
	place_panels(&p);
	draw(&p, number);
}
