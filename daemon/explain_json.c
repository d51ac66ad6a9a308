/* SPDX-License-Identifier: MIT */
/* "ktlsctl explain" as JSON: ktlsctl(8) says what the members mean. */
#include <string.h>

#include "daemon/explain.h"

/* An object or an array that is being written; commas take care of themselves. */
struct json {
	FILE *out;
	unsigned int depth;
	bool first;
};

static void json_text(struct json *j, const char *s)
{
	fputc('"', j->out);
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			fprintf(j->out, "\\%c", c);
		else if (c < 0x20 || c > 0x7e)
			fprintf(j->out, "\\u%04x", c);
		else
			fputc(c, j->out);
	}
	fputc('"', j->out);
}

static void json_next(struct json *j, const char *name)
{
	fputs(j->first ? "" : ",", j->out);
	if (j->depth > 0)
		fprintf(j->out, "\n%*s", (int)(2 * j->depth), "");
	j->first = false;
	if (!name)
		return;
	json_text(j, name);
	fputs(": ", j->out);
}

static void json_open(struct json *j, const char *name, char bracket)
{
	json_next(j, name);
	fputc(bracket, j->out);
	j->depth++;
	j->first = true;
}

static void json_close(struct json *j, char bracket)
{
	j->depth--;
	if (!j->first)
		fprintf(j->out, "\n%*s", (int)(2 * j->depth), "");
	fputc(bracket, j->out);
	j->first = false;
}

static void json_string(struct json *j, const char *name, const char *value)
{
	json_next(j, name);
	if (value)
		json_text(j, value);
	else
		fputs("null", j->out);
}

static void json_number(struct json *j, const char *name, uint64_t value)
{
	json_next(j, name);
	fprintf(j->out, "%llu", (unsigned long long)value);
}

static void json_bool(struct json *j, const char *name, bool value)
{
	json_next(j, name);
	fputs(value ? "true" : "false", j->out);
}

/* ---- parts ----------------------------------------------------------------------------------- */

static void put_list(struct json *j, const char *name, const struct field *list)
{
	json_open(j, name, '[');
	for (const struct field *f = list->first; f; f = f->next)
		json_string(j, NULL, f->text);
	json_close(j, ']');
}

/* Names may be repeated, so fields are an array of objects. */
static void put_fields(struct json *j, const char *name, const struct field *parent)
{
	json_open(j, name, '[');
	for (const struct field *f = parent->first; f; f = f->next) {
		json_open(j, NULL, '{');
		json_string(j, "name", f->name);
		if (f->text)
			json_string(j, "value", f->text);
		if (f->list)
			put_list(j, "values", f);
		else if (f->first)
			put_fields(j, "fields", f);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static const char *kind_name(enum step_kind kind)
{
	static const char *const names[] = {
		[STEP_MESSAGE] = "message", [STEP_CCS] = "change_cipher_spec",
		[STEP_ALERT] = "alert",     [STEP_DONE] = "complete",
		[STEP_KEYS] = "keys",       [STEP_DATA] = "data",
	};

	return names[kind];
}

static void put_step(struct json *j, const struct trace *t, const struct step *s)
{
	json_open(j, NULL, '{');
	json_string(j, "kind", kind_name(s->kind));
	json_string(j, "name", s->name);
	json_number(j, "us", s->at);
	if (s->kind != STEP_KEYS && s->kind != STEP_DONE) {
		json_string(j, "from", s->sent == (t->role == KTLS_CLIENT) ? "client" : "server");
		json_number(j, "bytes", s->len);
		json_bool(j, "encrypted", s->encrypted);
	}
	if (s->first_record) {
		json_number(j, "first_record", s->first_record->number);
		json_number(j, "last_record", s->last_record->number);
	}
	json_string(j, "meaning", s->meaning);
	put_fields(j, "fields", &s->fields);
	json_close(j, '}');
}

static void put_record(struct json *j, const struct trace *t, const struct record_seen *r)
{
	json_open(j, NULL, '{');
	json_string(j, "from", r->sent == (t->role == KTLS_CLIENT) ? "client" : "server");
	json_number(j, "number", r->number);
	json_number(j, "type", r->type);
	json_number(j, "version", r->version);
	json_number(j, "bytes", r->len);
	json_number(j, "us", r->at);
	json_close(j, '}');
}

static void put_verdict(struct json *j, const struct verdict *v)
{
	static const char *const faults[] = {
		[FAULT_NONE] = "none",       [FAULT_US] = "us",           [FAULT_PEER] = "peer",
		[FAULT_BETWEEN] = "between", [FAULT_UNKNOWN] = "unknown",
	};

	json_open(j, "verdict", '{');
	json_bool(j, "complete", v->good);
	json_string(j, "headline", v->headline);
	json_string(j, "where", v->where);
	json_string(j, "why", v->why);
	json_string(j, "fault", faults[v->fault]);
	put_list(j, "advice", &v->advice);
	json_close(j, '}');
}

void explain_json(const struct trace *trace, FILE *out)
{
	struct json j = { .out = out, .first = true };

	json_open(&j, NULL, '{');
	json_string(&j, "role", trace->role == KTLS_CLIENT ? "client" : "server");
	json_string(&j, "target", trace->target);
	json_string(&j, "date", trace->date);
	json_string(&j, "address", trace->address);
	json_number(&j, "resolved_us", trace->resolved);
	json_number(&j, "connected_us", trace->connected);
	json_number(&j, "finished_us", trace->finished);
	json_number(&j, "computed_us", trace->computed);
	json_number(&j, "round_trips", trace->round_trips);
	json_open(&j, "steps", '[');
	for (const struct step *s = trace->steps; s; s = s->next)
		put_step(&j, trace, s);
	json_close(&j, ']');
	json_open(&j, "records", '[');
	for (const struct record_seen *r = trace->records; r; r = r->next)
		put_record(&j, trace, r);
	json_close(&j, ']');
	put_fields(&j, "agreed", &trace->negotiated);
	put_fields(&j, "certificate", &trace->certificate);
	json_string(&j, "kernel", trace->kernel);
	put_verdict(&j, &trace->verdict);
	json_close(&j, '}');
	fputc('\n', out);
}
