/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/ktls-bench/result_fields.h"
#include "tests/bench/ktls-bench/result_json.h"

/* What is being read, and what was wrong with it: the first thing stays. */
struct input {
	char *why;
	const char *part; /* "cell 3", for people */
	size_t index;
};

static bool wrong(struct input *in, const char *name, const char *what)
{
	if (in->why[0] != '\0')
		return false;
	if (in->index > 0)
		result_text(in->why, RESULT_LINE, "%s %zu: \"%s\" %s", in->part, in->index, name,
			    what);
	else
		result_text(in->why, RESULT_LINE, "%s: \"%s\" %s", in->part, name, what);
	return false;
}

static bool read_fields(struct input *in, const struct field *fields, json_t *object, char *at);

/* ---- values ---------------------------------------------------------------------------------- */

static bool read_text(struct input *in, const struct field *f, json_t *value, char *at)
{
	if (!json_is_string(value))
		return wrong(in, f->name, "is not text");
	if (json_string_length(value) >= f->size)
		return wrong(in, f->name, "is too long");
	result_text(at, f->size, "%s", json_string_value(value));
	return true;
}

static bool read_integer(struct input *in, const struct field *f, json_t *value, uint64_t max,
			 uint64_t *out)
{
	if (!json_is_integer(value))
		return wrong(in, f->name, "is not a whole number");
	if (json_integer_value(value) < 0 || (uint64_t)json_integer_value(value) > max)
		return wrong(in, f->name, "is out of range");
	*out = (uint64_t)json_integer_value(value);
	return true;
}

static bool read_double(struct input *in, const struct field *f, json_t *value, double *out)
{
	if (!json_is_number(value))
		return wrong(in, f->name, "is not a number");
	if (!(json_number_value(value) >= 0))
		return wrong(in, f->name, "is negative");
	*out = json_number_value(value);
	return true;
}

static bool read_enum(struct input *in, const struct field *f, json_t *value, int *out)
{
	const char *word = json_string_value(value);

	for (int i = 0; word && f->words[i]; i++)
		if (strcmp(word, f->words[i]) == 0) {
			*out = i;
			return true;
		}
	return wrong(in, f->name, "is none of the words that it may be");
}

static bool read_ends(struct input *in, const struct field *f, json_t *value, char *at);

static bool read_value(struct input *in, const struct field *f, enum field_type type, json_t *value,
		       char *at)
{
	uint64_t number;

	switch (type) {
	case FIELD_TEXT:
		return read_text(in, f, value, at);
	case FIELD_U32:
		if (!read_integer(in, f, value, UINT32_MAX, &number))
			return false;
		*(uint32_t *)(void *)at = (uint32_t)number;
		return true;
	case FIELD_U64:
		return read_integer(in, f, value, INT64_MAX, (uint64_t *)(void *)at);
	case FIELD_DOUBLE:
		return read_double(in, f, value, (double *)(void *)at);
	case FIELD_BOOL:
		*(bool *)(void *)at = json_is_true(value);
		return json_is_boolean(value) || wrong(in, f->name, "is neither true nor false");
	case FIELD_ENUM:
		return read_enum(in, f, value, (int *)(void *)at);
	case FIELD_STRUCT:
		return read_fields(in, f->fields, value, at) ||
		       wrong(in, f->name, "is not an object");
	case FIELD_ENDS:
		return read_ends(in, f, value, at);
	}
	return false;
}

static bool read_ends(struct input *in, const struct field *f, json_t *value, char *at)
{
	if (!json_is_object(value))
		return wrong(in, f->name, "is not an object");
	for (int end = 0; end < RESULT_ENDS; end++) {
		json_t *of = json_object_get(value, result_end_words[end]);

		if (of && !read_value(in, f, f->each, of, at + (size_t)end * f->size))
			return false;
	}
	return true;
}

static bool read_fields(struct input *in, const struct field *fields, json_t *object, char *at)
{
	if (!json_is_object(object))
		return false;
	for (const struct field *f = fields; f->name; f++) {
		json_t *value = json_object_get(object, f->name);

		if (value && !read_value(in, f, f->type, value, at + f->offset))
			return false;
	}
	return true;
}

/* ---- arrays ---------------------------------------------------------------------------------- */

/* Reads an element into a new one of the owner's. */
typedef bool read_element(struct input *in, json_t *element, void *owner);

/* An array that is not there is empty. */
static bool read_array(struct input *in, json_t *object, const char *name, read_element *read,
		       void *owner)
{
	json_t *array = json_object_get(object, name);

	if (array && !json_is_array(array))
		return wrong(in, name, "is not an array");
	for (size_t i = 0; i < json_array_size(array); i++)
		if (!read(in, json_array_get(array, i), owner))
			return wrong(in, name, "has an element that is not an object, or too many");
	return true;
}

static bool read_counter(struct input *in, json_t *element, void *owner)
{
	struct result_counter *counter = result_counter_add(owner);

	return counter && read_fields(in, result_counter_fields, element, (char *)counter);
}

static bool read_round(struct input *in, json_t *element, void *owner)
{
	struct result_round *round = result_round_add(owner);

	return round && read_fields(in, result_round_fields, element, (char *)round) &&
	       read_array(in, element, "counters", read_counter, round);
}

static bool read_mode(struct input *in, json_t *element, void *owner)
{
	struct result_mode *mode = result_mode_add(owner);

	return mode && read_fields(in, result_mode_fields, element, (char *)mode);
}

static bool read_warning(struct input *in, json_t *element, void *owner)
{
	struct result_warning warning = { 0 };

	if (!read_fields(in, result_warning_fields, element, (char *)&warning))
		return false;
	result_warn(owner, warning.code, warning.text, warning.advice);
	return true;
}

static bool read_cell(struct input *in, json_t *element, void *owner)
{
	struct result_run *run = owner;
	struct result_cell *cell = result_cell_add(run);

	in->part = "cell";
	in->index = run->cells_len;
	if (!cell || !read_fields(in, result_cell_fields, element, (char *)cell) ||
	    !read_array(in, element, "rounds", read_round, cell))
		return false;
	return result_mode_find(run, cell->mode) || wrong(in, "mode", "is none of the run's");
}

/* ---- the run --------------------------------------------------------------------------------- */

static bool check_format(struct input *in, json_t *root)
{
	const char *format = json_string_value(json_object_get(root, "format"));
	json_t *version = json_object_get(root, "version");

	if (!format || strcmp(format, RESULT_FORMAT) != 0) {
		result_text(in->why, RESULT_LINE, "this is not a result of ktls-bench");
		return false;
	}
	if (json_is_integer(version) && json_integer_value(version) == RESULT_VERSION)
		return true;
	result_text(in->why, RESULT_LINE,
		    "the result has version %lld of the format; this ktls-bench reads version %d",
		    (long long)json_integer_value(version), RESULT_VERSION);
	return false;
}

static struct result_run *run_of(json_t *root, char *why)
{
	struct input in = { .why = why, .part = "the run" };
	struct result_run *run = result_run_new();

	if (run && check_format(&in, root) &&
	    read_fields(&in, result_run_fields, root, (char *)run) &&
	    read_array(&in, root, "modes", read_mode, run) &&
	    read_array(&in, root, "warnings", read_warning, run) &&
	    read_array(&in, root, "cells", read_cell, run))
		return run;
	wrong(&in, "", "has no room");
	result_run_free(run);
	return NULL;
}

struct result_run *result_json_read(const char *text, size_t len, char why[static RESULT_LINE])
{
	struct result_run *run = NULL;
	json_error_t error;
	json_t *root;

	why[0] = '\0';
	root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (root)
		run = run_of(root, why);
	else
		result_text(why, RESULT_LINE, "line %d, column %d: %s", error.line, error.column,
			    error.text);
	json_decref(root);
	return run;
}

/* ---- files ----------------------------------------------------------------------------------- */

static char *read_all(FILE *file, size_t *len)
{
	char *text = malloc(RESULT_JSON_MAX + 1);

	if (!text)
		return NULL;
	*len = fread(text, 1, RESULT_JSON_MAX + 1, file);
	if (ferror(file) || *len > RESULT_JSON_MAX) {
		errno = ferror(file) ? errno : EFBIG;
		free(text);
		return NULL;
	}
	return text;
}

struct result_run *result_json_load(const char *path, char why[static RESULT_LINE])
{
	FILE *file = fopen(path, "re");
	size_t len = 0;
	char *text = file ? read_all(file, &len) : NULL;
	char what[RESULT_LINE];
	struct result_run *run = NULL;

	if (text)
		run = result_json_read(text, len, what);
	else
		result_text(what, sizeof(what), "%s", strerror(errno));
	if (!run)
		result_text(why, RESULT_LINE, "%s: %s", path, what);
	free(text);
	if (file)
		fclose(file);
	return run;
}
