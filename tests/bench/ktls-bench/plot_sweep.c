/* SPDX-License-Identifier: MIT */
/*
 * Lines over sizes: a point is a median, its whisker the spread, and a size that a mode does not
 * have is a gap. The names of modes stand at the left, in their colours.
 */
#include <math.h>
#include <string.h>

#include "tests/bench/ktls-bench/format.h"
#include "tests/bench/ktls-bench/html.h"
#include "tests/bench/ktls-bench/sweep.h"

#define LEFT   186 /* of these are for the modes' names */
#define GAP    64  /* before a panel, for its scale's numbers */
#define TOP    52
#define BOTTOM 292
#define HEIGHT 330

struct panel {
	enum metric metric;
	double x, width;
	double low, high; /* decimal logarithms at the ends of the scale */
};

struct picture {
	const struct sweep *sweep;
	FILE *out;
	struct panel panels[2];
	size_t panels_len;
};

/* ---- scales ---------------------------------------------------------------------------------- */

static double x_of(const struct picture *p, const struct panel *panel, size_t size)
{
	const uint64_t *sizes = p->sweep->sizes;
	const double first = log2((double)sizes[0]);
	const double last = log2((double)sizes[p->sweep->sizes_len - 1]);

	return panel->x + panel->width * (log2((double)sizes[size]) - first) / (last - first);
}

static double y_of(const struct panel *panel, double value)
{
	const double share = (log10(value) - panel->low) / (panel->high - panel->low);

	return BOTTOM - (BOTTOM - TOP) * share;
}

static struct estimate estimate_at(const struct picture *p, const struct panel *panel,
				   const char *mode, size_t size)
{
	const struct result_cell *cell = sweep_cell(p->sweep, mode, size);
	struct estimate e = { .n = 0 };

	if (cell)
		e = estimate_cell(panel->metric, cell);
	if (!(e.low > 1e-9 && e.high < 1e18))
		e.n = 0;
	return e;
}

static void widen(const struct picture *p, struct panel *panel, const char *mode)
{
	for (size_t i = 0; i < p->sweep->sizes_len; i++) {
		const struct estimate e = estimate_at(p, panel, mode, i);

		if (e.n == 0)
			continue;
		panel->low = fmin(panel->low, log10(e.low));
		panel->high = fmax(panel->high, log10(e.high));
	}
}

/* One decade at least; nothing touches the edge. */
static void add_panel(struct picture *p, enum column column)
{
	struct panel panel = { .low = 20, .high = -20 };

	if (!column_metric(column, p->sweep->workload, &panel.metric))
		return;
	for (size_t i = 0; i < p->sweep->run->modes_len; i++)
		widen(p, &panel, p->sweep->run->modes[i].name);
	if (panel.low > panel.high)
		return;
	panel.low -= 0.08;
	panel.high = fmax(panel.high + 0.08, panel.low + 1);
	p->panels[p->panels_len++] = panel;
}

static void place_panels(struct picture *p)
{
	const double each = (PLOT_WIDTH - LEFT) / (double)p->panels_len;

	for (size_t i = 0; i < p->panels_len; i++) {
		p->panels[i].x = LEFT + (double)i * each + GAP;
		p->panels[i].width = each - GAP - 24;
	}
}

/* ---- drawing --------------------------------------------------------------------------------- */

static void put_line(const struct picture *p, const char *class, double x, double y, double to_x,
		     double to_y)
{
	fprintf(p->out,
		"<line class=\"%s\" stroke=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" "
		"y2=\"%.1f\"/>\n",
		class, class[0] == 'g' ? "#e4e8ec" : "#8c959f", x, y, to_x, to_y);
}

/* 1, 2 and 5 of each decade. */
static void put_values(const struct picture *p, const struct panel *panel)
{
	static const double steps[] = { 1, 2, 5 };

	for (int decade = (int)floor(panel->low); decade <= (int)floor(panel->high); decade++)
		for (size_t i = 0; i < 3; i++) {
			const double v = steps[i] * pow(10, decade);

			if (log10(v) < panel->low || log10(v) > panel->high)
				continue;
			put_line(p, "grid", panel->x, y_of(panel, v), panel->x + panel->width,
				 y_of(panel, v));
			plot_text(p->out, DIM " font-size=\"11\" text-anchor=\"end\"",
				  panel->x - 10, y_of(panel, v) + 4);
			plot_tick(p->out, v);
		}
}

static void put_sizes(const struct picture *p, const struct panel *panel)
{
	char text[32];

	put_line(p, "axis", panel->x, BOTTOM, panel->x + panel->width, BOTTOM);
	for (size_t i = 0; i < p->sweep->sizes_len; i++) {
		const double x = x_of(p, panel, i);

		put_line(p, "axis", x, BOTTOM, x, BOTTOM + 4);
		format_bytes(text, sizeof(text), p->sweep->sizes[i]);
		plot_text(p->out, DIM " font-size=\"11\" text-anchor=\"middle\"", x, BOTTOM + 18);
		html_text(text, p->out);
		fputs("</text>\n", p->out);
	}
}

static void put_frame(const struct picture *p, const struct panel *panel)
{
	const struct metric_about *about = metric_about(panel->metric);

	plot_text(p->out, INK " font-size=\"14\" font-weight=\"600\"", panel->x, 22);
	html_text(about->label, p->out);
	fputs("</text>\n", p->out);
	plot_text(p->out, DIM " font-size=\"12\"", panel->x, 38);
	html_unit(about->unit, p->out);
	fprintf(p->out, ", %s is better</text>\n", about->more_is_better ? "more" : "less");
	put_values(p, panel);
	put_sizes(p, panel);
}

static void put_path(const struct picture *p, const struct panel *panel, const char *mode,
		     unsigned int colour)
{
	bool on = false;

	fprintf(p->out, "<path class=\"l%u\" stroke=\"%s\" stroke-width=\"2\" fill=\"none\" d=\"",
		colour, plot_colour_light(colour));
	for (size_t i = 0; i < p->sweep->sizes_len; i++) {
		const struct estimate e = estimate_at(p, panel, mode, i);

		if (e.n > 0)
			fprintf(p->out, "%c%.1f %.1f", on ? 'L' : 'M', x_of(p, panel, i),
				y_of(panel, e.median));
		on = e.n > 0;
	}
	fputs("\"/>\n", p->out);
}

static void put_point(const struct picture *p, const struct panel *panel, size_t size,
		      const struct result_mode *mode, unsigned int colour)
{
	const struct estimate e = estimate_at(p, panel, mode->name, size);
	const double x = x_of(p, panel, size);
	char text[32];

	if (e.n == 0)
		return;
	fputs("<g><title>", p->out);
	html_text(mode->label, p->out);
	format_bytes(text, sizeof(text), p->sweep->sizes[size]);
	fprintf(p->out, ", %s: ", text);
	format_number(text, sizeof(text), e.median);
	fprintf(p->out, "%s ", text);
	html_unit(metric_about(panel->metric)->unit, p->out);
	fprintf(p->out,
		"</title><path class=\"whisker\" stroke=\"#1f2328\" stroke-width=\"1.2\" "
		"d=\"M%.1f %.1fV%.1f\"/><circle class=\"c%u\" fill=\"%s\" cx=\"%.1f\" cy=\"%.1f\" "
		"r=\"4\"/></g>\n",
		x, y_of(panel, e.low), y_of(panel, e.high), colour, plot_colour_light(colour), x,
		y_of(panel, e.median));
}

static bool is_drawn(const struct picture *p, const struct result_mode *mode)
{
	for (size_t i = 0; i < p->sweep->sizes_len; i++)
		if (sweep_cell(p->sweep, mode->name, i))
			return true;
	return false;
}

static void put_mode(const struct picture *p, const struct result_mode *mode, double y)
{
	const unsigned int colour = (unsigned int)(mode - p->sweep->run->modes) % PLOT_COLOURS;

	fprintf(p->out,
		"<rect class=\"c%u\" fill=\"%s\" x=\"0\" y=\"%.1f\" width=\"12\" height=\"12\" "
		"rx=\"2\"/>\n",
		colour, plot_colour_light(colour), y);
	plot_text(p->out, INK " font-size=\"13\"", 20, y + 11);
	html_text(mode->label, p->out);
	fputs("</text>\n", p->out);
	for (size_t i = 0; i < p->panels_len; i++) {
		put_path(p, &p->panels[i], mode->name, colour);
		for (size_t k = 0; k < p->sweep->sizes_len; k++)
			put_point(p, &p->panels[i], k, mode, colour);
	}
}

void plot_sweep(const struct sweep *sweep, unsigned int number, FILE *out)
{
	struct picture p = { .sweep = sweep, .out = out };
	double y = TOP;

	add_panel(&p, COLUMN_SPEED);
	add_panel(&p, COLUMN_SERVER_CPU);
	if (p.panels_len == 0)
		return;
	place_panels(&p);
	plot_open(out, HEIGHT, number);
	html_text(sweep->title, out);
	fputs(", over sizes</title>\n<desc>Lines of medians for each mode. The tables have all "
	      "numbers.</desc>\n",
	      out);
	plot_paper(out, HEIGHT);
	for (size_t i = 0; i < p.panels_len; i++)
		put_frame(&p, &p.panels[i]);
	for (size_t i = 0; i < sweep->run->modes_len; i++)
		if (is_drawn(&p, &sweep->run->modes[i])) {
			put_mode(&p, &sweep->run->modes[i], y);
			y += 24;
		}
	fputs("</svg>\n", out);
}
