/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <jansson.h>

#include "tests/bench/ktls-bench/result_fields.h"
#include "tests/bench/ktls-bench/result_json.h"

static json_t *object_of(const struct field *fields, const char *at);

/* A value; the ..._new functions take references, so NULL anywhere makes NULL of the whole. */
static json_t *value_of(const struct field *f, enum field_type type, const char *at)
{
	switch (type) {
	case FIELD_TEXT:
		return json_string(at);
	case FIELD_U32:
		return json_integer(*(const uint32_t *)(const void *)at);
	case FIELD_U64:
		return *(const uint64_t *)(const void *)at > INT64_MAX
			       ? NULL
			       : json_integer((json_int_t) * (const uint64_t *)(const void *)at);
	case FIELD_DOUBLE:
		return json_real(*(const double *)(const void *)at);
	case FIELD_BOOL:
		return json_boolean(*(const bool *)(const void *)at);
	case FIELD_ENUM:
		return json_string(f->words[*(const int *)(const void *)at]);
	case FIELD_STRUCT:
		return object_of(f->fields, at);
	case FIELD_ENDS:
		break;
	}
	return NULL;
}

static json_t *ends_of(const struct field *f, const char *at)
{
	json_t *object = json_object();

	for (int end = 0; object && end < RESULT_ENDS; end++)
		if (json_object_set_new(object, result_end_words[end],
					value_of(f, f->each, at + (size_t)end * f->size)) < 0) {
			json_decref(object);
			return NULL;
		}
	return object;
}

static json_t *object_of(const struct field *fields, const char *at)
{
	json_t *object = json_object();

	for (const struct field *f = fields; object && f->name; f++) {
		json_t *value = f->type == FIELD_ENDS ? ends_of(f, at + f->offset)
						      : value_of(f, f->type, at + f->offset);

		if (json_object_set_new(object, f->name, value) < 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

/* ---- arrays ---------------------------------------------------------------------------------- */

typedef json_t *element_of(const void *at);

static json_t *array_of(const void *at, size_t n, size_t size, element_of *element)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < n; i++)
		if (json_array_append_new(array, element((const char *)at + i * size)) < 0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

/* Takes the object and the array. */
static json_t *with_array(json_t *object, const char *name, json_t *array)
{
	if (object && json_object_set_new(object, name, array) == 0)
		return object;
	if (!object)
		json_decref(array);
	json_decref(object);
	return NULL;
}

static json_t *counter_json(const void *at)
{
	return object_of(result_counter_fields, at);
}

static json_t *round_json(const void *at)
{
	const struct result_round *r = at;

	return with_array(
		object_of(result_round_fields, at), "counters",
		array_of(r->counters, r->counters_len, sizeof(*r->counters), counter_json));
}

static json_t *cell_json(const void *at)
{
	const struct result_cell *c = at;

	return with_array(object_of(result_cell_fields, at), "rounds",
			  array_of(c->rounds, c->rounds_len, sizeof(*c->rounds), round_json));
}

static json_t *mode_json(const void *at)
{
	return object_of(result_mode_fields, at);
}

static json_t *warning_json(const void *at)
{
	return object_of(result_warning_fields, at);
}

static json_t *run_json(const struct result_run *run)
{
	json_t *root = json_pack("{s:s, s:i}", "format", RESULT_FORMAT, "version", RESULT_VERSION);
	json_t *fields = object_of(result_run_fields, (const char *)run);

	if (!root || !fields || json_object_update(root, fields) < 0) {
		json_decref(root);
		root = NULL;
	}
	json_decref(fields);
	root = with_array(root, "modes",
			  array_of(run->modes, run->modes_len, sizeof(*run->modes), mode_json));
	root = with_array(
		root, "warnings",
		array_of(run->warnings, run->warnings_len, sizeof(*run->warnings), warning_json));
	return with_array(root, "cells",
			  array_of(run->cells, run->cells_len, sizeof(*run->cells), cell_json));
}

int result_json_write(const struct result_run *run, FILE *out)
{
	json_t *root = run_json(run);
	int ret = 0;

	/* No number of a run is one that JSON cannot have but by mistake: that is told from memory
	 * having run out by nobody who could do something about it. */
	if (!root)
		return -EINVAL;
	errno = 0;
	if (json_dumpf(root, out, JSON_INDENT(1) | JSON_ENSURE_ASCII) < 0 || fputc('\n', out) < 0 ||
	    fflush(out) != 0)
		ret = errno ? -errno : -ENOMEM;
	json_decref(root);
	return ret;
}
