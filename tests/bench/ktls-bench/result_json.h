/* SPDX-License-Identifier: MIT */
/*
 * A run as JSON (RFC 8259), and back, with jansson. The members are those of result.h, by name;
 * result_fields.c is the table of them, and has the words that enumerations are written as. The
 * reader believes nothing: types, ranges, lengths and numbers of elements are checked, members that
 * are there twice are refused, those that it does not know are passed over (what is added later
 * does not change the version), and text comes out as printable ASCII.
 */
#ifndef KTLS_BENCH_RESULT_JSON_H
#define KTLS_BENCH_RESULT_JSON_H

#include <stdio.h>

#include "tests/bench/ktls-bench/result.h"

#define RESULT_JSON_MAX (64u << 20) /* bytes of a file */

/* 0, -ENOMEM, -EINVAL (a number that JSON cannot have: NaN, infinity, or 2^63 and more), or what
 * writing failed with. */
__attribute__((warn_unused_result)) int result_json_write(const struct result_run *run, FILE *out);

/* NULL: `why` says in words what is wrong, and where. */
__attribute__((warn_unused_result)) struct result_run *
result_json_read(const char *text, size_t len, char why[static RESULT_LINE]);

/* The same, of a file by its name; `why` begins with the name. */
__attribute__((warn_unused_result)) struct result_run *
result_json_load(const char *path, char why[static RESULT_LINE]);

#endif
