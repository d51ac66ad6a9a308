/* SPDX-License-Identifier: MIT */
/* Pieces of a page that is HTML and well-formed XML at once. */
#ifndef KTLS_BENCH_HTML_H
#define KTLS_BENCH_HTML_H

#include <stdio.h>

#include "tests/bench/ktls-bench/rows.h"

/* Text or an attribute's value: what is reserved is written as entities. */
void html_text(const char *text, FILE *out);

/* A unit as it is printed: micro is a letter of its own. */
void html_unit(const char *unit, FILE *out);

/* "9.70-9.90" with a dash between numbers. */
void html_spread(const char *spread, FILE *out);

/* ---- figures --------------------------------------------------------------------------------- */

#define PLOT_COLOURS 8

/* A mode's colour, and its number among the page's classes "c0" to "c7". */
unsigned int plot_colour(const struct result_run *run, const struct result_cell *cell);
const char *plot_colour_light(unsigned int colour);
const char *plot_colour_dark(unsigned int colour);

/*
 * An SVG picture: a row for each of the table's measured modes, a panel for each of speed, CPU and
 * latency. It can be cut out of the page as it is: what it needs are attributes; the page's style
 * only changes colours in the dark. `number` tells the pictures of a page apart.
 */
void plot_rows(const struct result_run *run, const struct rows *rows, unsigned int number,
	       FILE *out);

struct sweep;

/*
 * A line for each mode over the sizes of a sweep, a panel for speed and one for the server's CPU.
 * Scales are logarithmic: between sizes there are decades.
 */
void plot_sweep(const struct sweep *sweep, unsigned int number, FILE *out);

/* ---- what pictures are made of --------------------------------------------------------------- */

#define PLOT_WIDTH 960
#define INK        "class=\"ink\" fill=\"#1f2328\""
#define DIM        "class=\"dim\" fill=\"#57606a\""

/* Until the title's text; then that, its end, and the paper. */
void plot_open(FILE *out, double height, unsigned int number);
void plot_paper(FILE *out, double height);

/* Until the text itself. */
void plot_text(FILE *out, const char *style, double x, double y);

/* A scale's number and the end of its text: "50k", "0.2", short for there are some side by side. */
void plot_tick(FILE *out, double v);

#endif
