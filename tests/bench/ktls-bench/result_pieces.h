/* SPDX-License-Identifier: MIT */
/*
 * Pieces of JSON (RFC 8259), for what is written of runs: result_write.c, and of two of them:
 * compare_json.c. All return new references and take those that they are given, so that NULL
 * anywhere makes NULL of the whole.
 */
#ifndef KTLS_BENCH_RESULT_PIECES_H
#define KTLS_BENCH_RESULT_PIECES_H

#include <jansson.h>
#include <stdio.h>

#include "tests/bench/ktls-bench/result_fields.h"

/* Of the struct at `at`: one member, and all that the table has. */
json_t *pieces_value(const struct field *field, const void *at);
json_t *pieces_object(const struct field *fields, const void *at);

/* Of n elements of size bytes each. */
json_t *pieces_array(const void *at, size_t n, size_t size, json_t *(*element)(const void *at));

/* The object with one more member. */
json_t *pieces_with(json_t *object, const char *name, json_t *value);

/* What result_json_write() returns; a NULL root is -EINVAL. */
__attribute__((warn_unused_result)) int pieces_dump(json_t *root, FILE *out);

#endif
