/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <jansson.h>

#include "tests/bench/ktls-bench/result_json.h"
#include "tests/bench/ktls-bench/result_pieces.h"

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
		return pieces_object(f->fields, at);
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

json_t *pieces_value(const struct field *f, const void *at)
{
	const char *member = (const char *)at + f->offset;

	return f->type == FIELD_ENDS ? ends_of(f, member) : value_of(f, f->type, member);
}

json_t *pieces_object(const struct field *fields, const void *at)
{
	json_t *object = json_object();

	for (const struct field *f = fields; object && f->name; f++)
		if (json_object_set_new(object, f->name, pieces_value(f, at)) < 0) {
			json_decref(object);
			return NULL;
		}
	return object;
}

/* ---- arrays ---------------------------------------------------------------------------------- */

json_t *pieces_array(const void *at, size_t n, size_t size, json_t *(*element)(const void *at))
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < n; i++)
		if (json_array_append_new(array, element((const char *)at + i * size)) < 0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

json_t *pieces_with(json_t *object, const char *name, json_t *value)
{
	if (object && json_object_set_new(object, name, value) == 0)
		return object;
	if (!object)
		json_decref(value);
	json_decref(object);
	return NULL;
}

static json_t *counter_json(const void *at)
{
	return pieces_object(result_counter_fields, at);
}

static json_t *round_json(const void *at)
{
	const struct result_round *r = at;

	return pieces_with(
		pieces_object(result_round_fields, at), "counters",
		pieces_array(r->counters, r->counters_len, sizeof(*r->counters), counter_json));
}

static json_t *cell_json(const void *at)
{
	const struct result_cell *c = at;

	return pieces_with(pieces_object(result_cell_fields, at), "rounds",
			   pieces_array(c->rounds, c->rounds_len, sizeof(*c->rounds), round_json));
}

static json_t *mode_json(const void *at)
{
	return pieces_object(result_mode_fields, at);
}

static json_t *warning_json(const void *at)
{
	return pieces_object(result_warning_fields, at);
}

static json_t *run_json(const struct result_run *run)
{
	json_t *root = json_pack("{s:s, s:i}", "format", RESULT_FORMAT, "version", RESULT_VERSION);
	json_t *fields = pieces_object(result_run_fields, run);

	if (!root || !fields || json_object_update(root, fields) < 0) {
		json_decref(root);
		root = NULL;
	}
	json_decref(fields);
	root = pieces_with(
		root, "modes",
		pieces_array(run->modes, run->modes_len, sizeof(*run->modes), mode_json));
	root = pieces_with(root, "warnings",
			   pieces_array(run->warnings, run->warnings_len, sizeof(*run->warnings),
					warning_json));
	return pieces_with(
		root, "cells",
		pieces_array(run->cells, run->cells_len, sizeof(*run->cells), cell_json));
}

/* No number of a run is one that JSON cannot have but by mistake: that is told from memory having
 * run out by nobody who could do something about it. */
int pieces_dump(json_t *root, FILE *out)
{
	int ret = 0;

	if (!root)
		return -EINVAL;
	errno = 0;
	if (json_dumpf(root, out, JSON_INDENT(1) | JSON_ENSURE_ASCII) < 0 || fputc('\n', out) < 0 ||
	    fflush(out) != 0)
		ret = errno ? -errno : -ENOMEM;
	json_decref(root);
	return ret;
}

int result_json_write(const struct result_run *run, FILE *out)
{
	return pieces_dump(run_json(run), out);
}
