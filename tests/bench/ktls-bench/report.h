/* SPDX-License-Identifier: MIT */
/* What ktls-bench prints of a run. result_json.h has the third format, JSON; compare.h two runs. */
#ifndef KTLS_BENCH_REPORT_H
#define KTLS_BENCH_REPORT_H

#include <stdio.h>

#include "tests/bench/ktls-bench/result.h"

/*
 * Tables for people. Columns that do not fit into `width` characters are left out, the least
 * important first, and named below; 0: the width does not matter.
 */
void report_text(const struct result_run *run, unsigned int width, FILE *out);

/* What spoils the measurement, a list; nothing where there is nothing. */
void report_warnings(const struct result_run *run, FILE *out);

/* Of the terminal that `out` is; 0 where it is none. */
unsigned int report_width(FILE *out);

/* A page that needs nothing else: no scripts, no fonts, no network. */
void report_html(const struct result_run *run, FILE *out);

#endif
