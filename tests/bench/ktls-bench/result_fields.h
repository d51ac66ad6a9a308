/* SPDX-License-Identifier: MIT */
/*
 * The members of result.h's structs as JSON has them: one table for the writer and for the reader.
 */
#ifndef KTLS_BENCH_RESULT_FIELDS_H
#define KTLS_BENCH_RESULT_FIELDS_H

#include "tests/bench/ktls-bench/result.h"

enum field_type {
	FIELD_TEXT, /* char[size] */
	FIELD_U32,
	FIELD_U64,    /* below 2^63: JSON readers have no more */
	FIELD_DOUBLE, /* finite, not negative */
	FIELD_BOOL,
	FIELD_ENUM,   /* int; words */
	FIELD_STRUCT, /* fields */
	FIELD_ENDS,   /* two of what `each` is: {"server": ..., "client": ...} */
};

struct field {
	const char *name; /* NULL ends a table */
	enum field_type type;
	size_t offset, size;      /* of an end's, where there are two */
	const char *const *words; /* ended by NULL */
	const struct field *fields;
	enum field_type each;
	const char *label; /* for people, of what is told where two runs differ in it; else NULL */
};

extern const struct field result_run_fields[]; /* but for modes, cells and warnings */
extern const struct field result_mode_fields[], result_warning_fields[], result_cell_fields[],
	result_round_fields[], result_counter_fields[], result_machine_fields[],
	result_parameters_fields[];

extern const char *const result_end_words[], *const result_direction_words[],
						     *const result_source_words[];

#endif
