/* SPDX-License-Identifier: MIT */
#include "daemon/explain_trace.h"

#include <err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK     16384
#define HEX_SHOWN 12

/* Memory in blocks, which are freed together. */
struct block {
	struct block *next;
	size_t cap, len;
	_Alignas(16) unsigned char bytes[];
};

void trace_init(struct trace *trace, enum ktls_role role)
{
	*trace = (struct trace){ .role = role };
}

void trace_free(struct trace *trace)
{
	struct block *next;

	for (struct block *b = trace->blocks; b; b = next) {
		next = b->next;
		free(b);
	}
	*trace = (struct trace){ .role = trace->role };
}

static struct block *grow(struct trace *trace, size_t len)
{
	size_t cap = len > BLOCK ? len : BLOCK;
	struct block *b = calloc(1, sizeof(*b) + cap);

	if (!b)
		err(2, "out of memory");
	b->cap = cap;
	b->next = trace->blocks;
	trace->blocks = b;
	return b;
}

void *trace_alloc(struct trace *trace, size_t len)
{
	size_t rounded = (len + 15) & ~(size_t)15;
	struct block *b = trace->blocks;
	void *out;

	if (!b || b->cap - b->len < rounded)
		b = grow(trace, rounded);
	out = b->bytes + b->len;
	b->len += rounded;
	return out;
}

static const char *format_text(struct trace *trace, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

static const char *format_text(struct trace *trace, const char *format, va_list args)
{
	va_list again;
	char *out;
	int len;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (len < 0)
		return "";
	out = trace_alloc(trace, (size_t)len + 1);
	vsnprintf(out, (size_t)len + 1, format, args);
	return out;
}

const char *trace_text(struct trace *trace, const char *format, ...)
{
	const char *out;
	va_list args;

	va_start(args, format);
	out = format_text(trace, format, args);
	va_end(args);
	return out;
}

const uint8_t *trace_copy(struct trace *trace, const uint8_t *bytes, size_t len)
{
	uint8_t *out = trace_alloc(trace, len);

	if (len > 0)
		memcpy(out, bytes, len);
	return out;
}

const char *trace_escape(struct trace *trace, struct reader bytes)
{
	char *out = trace_alloc(trace, 4 * bytes.left + 1), *at = out;
	uint8_t c;

	while (reader_u8(&bytes, &c)) {
		if (c >= 0x20 && c < 0x7f && c != '\\')
			*at++ = (char)c;
		else
			at += sprintf(at, "\\x%02x", c);
	}
	return out;
}

const char *trace_hex(struct trace *trace, struct reader bytes, size_t most)
{
	bool whole = bytes.left <= most;
	size_t shown = whole ? bytes.left : HEX_SHOWN;
	char *out = trace_alloc(trace, 2 * shown + sizeof("..."));
	uint8_t c;

	for (size_t i = 0; i < shown && reader_u8(&bytes, &c); i++)
		sprintf(out + 2 * i, "%02x", c);
	if (!whole)
		strcpy(out + 2 * shown, "...");
	return out;
}

struct step *trace_step(struct trace *trace, enum step_kind kind, uint64_t at)
{
	struct step *step = trace_alloc(trace, sizeof(*step));

	step->kind = kind;
	step->at = at;
	if (trace->last)
		trace->last->next = step;
	else
		trace->steps = step;
	trace->last = step;
	return step;
}

/* ---- fields ---------------------------------------------------------------------------------- */

static struct field *append(struct trace *trace, struct field *parent, const char *name)
{
	struct field *f = trace_alloc(trace, sizeof(*f));

	f->name = name;
	if (parent->last)
		parent->last->next = f;
	else
		parent->first = f;
	parent->last = f;
	return f;
}

struct field *field_add(struct trace *trace, struct field *parent, const char *name,
			const char *format, ...)
{
	struct field *f = append(trace, parent, name);
	va_list args;

	if (!format)
		return f;
	va_start(args, format);
	f->text = format_text(trace, format, args);
	va_end(args);
	return f;
}

struct field *field_list(struct trace *trace, struct field *parent, const char *name)
{
	struct field *f = append(trace, parent, name);

	f->list = true;
	return f;
}

void field_item(struct trace *trace, struct field *list, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	append(trace, list, NULL)->text = format_text(trace, format, args);
	va_end(args);
}

const struct field *field_find(const struct field *parent, const char *name)
{
	for (const struct field *f = parent->first; f; f = f->next)
		if (f->name && strcmp(f->name, name) == 0)
			return f;
	return NULL;
}
