/* SPDX-License-Identifier: MIT */
/* What ktls-bench prints of a run, and of two. result_json.h has the third format, JSON. */
#ifndef KTLS_BENCH_REPORT_H
#define KTLS_BENCH_REPORT_H

#include <stdio.h>

#include "tests/bench/ktls-bench/result.h"

/*
 * Tables for people. Columns that do not fit into `width` characters are left out, the least
 * important first, and named below; 0: the width does not matter.
 */
void report_text(const struct result_run *run, unsigned int width, FILE *out);

/* Of the terminal that `out` is; 0 where it is none. */
unsigned int report_width(FILE *out);

/* A page that needs nothing else: no scripts, no fonts, no network. */
void report_html(const struct result_run *run, FILE *out);

enum compare_status {
	COMPARE_SAME = 0,    /* nothing exceeds the spread */
	COMPARE_DIFFERS = 1, /* something does */
	COMPARE_REFUSED = 2, /* nothing can be compared */
};

/* Puts b beside a, cell by cell, and says why some cannot be compared. */
enum compare_status compare_text(const struct result_run *a, const struct result_run *b, FILE *out);

/* "ktls-bench compare A B": reads the files; errors and refusals go to `err`. */
enum compare_status compare_files(const char *a, const char *b, FILE *out, FILE *err);

#endif
