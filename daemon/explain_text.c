/* SPDX-License-Identifier: MIT */
/* "ktlsctl explain" as text for a terminal. */
#include <stdarg.h>
#include <string.h>

#include "daemon/explain.h"

#define WIDTH    100 /* columns */
#define INDENT   12  /* of what is below a step's first line */
#define NAME_MAX 36  /* columns of a field's name; longer ones get a line of their own */

enum style { PLAIN, BOLD, DIM, GREEN, RED, BLUE, YELLOW };

struct page {
	FILE *out;
	bool color, unicode;
};

static const char *const styles[] = {
	[PLAIN] = "0",  [BOLD] = "1",    [DIM] = "2",     [GREEN] = "1;32",
	[RED] = "1;31", [BLUE] = "1;34", [YELLOW] = "33",
};

static void put(const struct page *p, enum style style, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void put(const struct page *p, enum style style, const char *format, ...)
{
	va_list args;

	if (p->color && style != PLAIN)
		fprintf(p->out, "\033[%sm", styles[style]);
	va_start(args, format);
	vfprintf(p->out, format, args);
	va_end(args);
	if (p->color && style != PLAIN)
		fputs("\033[0m", p->out);
}

static void pad(const struct page *p, size_t columns)
{
	fprintf(p->out, "%*s", (int)columns, "");
}

/* ---- paragraphs ------------------------------------------------------------------------------ */

/* Text that goes on from one column, and from the indent on further lines. */
struct flow {
	const struct page *page;
	enum style style;
	size_t indent, column;
};

static void flow_word(struct flow *f, const char *word, size_t len)
{
	if (f->column > f->indent && f->column + 1 + len > WIDTH) {
		fputc('\n', f->page->out);
		pad(f->page, f->indent);
		f->column = f->indent;
	} else if (f->column > f->indent) {
		fputc(' ', f->page->out);
		f->column++;
	}
	put(f->page, f->style, "%.*s", (int)len, word);
	f->column += len;
}

static void flow_text(struct flow *f, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, " ");

		if (len > 0)
			flow_word(f, text, len);
		text += len + (text[len] == ' ');
	}
}

static void paragraph(const struct page *p, enum style style, size_t indent, const char *text)
{
	struct flow f = { p, style, indent, indent };

	pad(p, indent);
	flow_text(&f, text);
	fputc('\n', p->out);
}

/* ---- fields ---------------------------------------------------------------------------------- */

static size_t name_width(const struct field *parent)
{
	size_t width = 0;

	for (const struct field *f = parent->first; f; f = f->next) {
		size_t len = f->name ? strlen(f->name) : 0;

		if (len > width && len <= NAME_MAX)
			width = len;
	}
	return width;
}

static void put_items(struct flow *flow, const struct field *list)
{
	char item[WIDTH];

	for (const struct field *f = list->first; f; f = f->next) {
		if (!f->next || strlen(f->text) >= sizeof(item) - 1) {
			flow_text(flow, f->text);
			continue;
		}
		snprintf(item, sizeof(item), "%s,", f->text);
		flow_text(flow, item);
	}
	if (!list->first)
		flow_text(flow, "none");
}

static void put_value(struct flow *flow, const struct field *f)
{
	const struct field *why = field_find(f, "why");

	if (f->text)
		flow_text(flow, f->text);
	if (f->list)
		put_items(flow, f);
	if (!why)
		return;
	flow_word(flow, "-", 1);
	flow->style = DIM;
	flow_text(flow, why->text);
}

static void put_fields(const struct page *p, const struct field *parent, size_t indent)
{
	size_t width = name_width(parent);

	for (const struct field *f = parent->first; f; f = f->next) {
		size_t at = indent + width + 2, len = strlen(f->name ? f->name : "");
		struct flow flow = { p, PLAIN, at, at };
		bool group = !f->text && !f->list;

		if (f->name && strcmp(f->name, "why") == 0)
			continue;
		pad(p, indent);
		put(p, group ? BOLD : DIM, "%s", f->name ? f->name : "");
		if (!group && len <= width)
			pad(p, width - len + 2);
		else if (!group)
			flow.indent = flow.column = indent + 4;
		if (!group && len > width) {
			fputc('\n', p->out);
			pad(p, flow.indent);
		}
		put_value(&flow, f);
		fputc('\n', p->out);
		if (!f->list)
			put_fields(p, f, indent + 2);
	}
}

/* ---- steps ----------------------------------------------------------------------------------- */

static const char *arrow(const struct page *p, bool to_server)
{
	if (p->unicode)
		return to_server ? "client ──▶ server" : "client ◀── server";
	return to_server ? "client --> server" : "client <-- server";
}

static const char *protection(const struct step *s)
{
	if (!s->encrypted)
		return "in the clear";
	return s->application ? "encrypted with the application keys" : "encrypted";
}

static void put_records(const struct page *p, const struct step *s)
{
	const struct record_seen *first = s->first_record, *last = s->last_record;
	char text[256];

	if (!first)
		return;
	if (first == last)
		snprintf(text, sizeof(text), "%s record %u: %s, %zu bytes on the wire, %s",
			 s->shares_record ? "in the same" : "in", first->number,
			 name_find(NAMES_RECORD, first->type) ? name_find(NAMES_RECORD, first->type)
							      : "unknown type",
			 first->len, protection(s));
	else
		snprintf(text, sizeof(text), "in records %u to %u, %s", first->number, last->number,
			 protection(s));
	paragraph(p, DIM, INDENT, text);
}

static void put_step_head(const struct page *p, const struct trace *t, const struct step *s)
{
	bool to_server = s->sent == (t->role == KTLS_CLIENT);
	char size[32] = "";
	int room;

	put(p, DIM, "%8.1f ms", (double)s->at / 1000);
	if (s->kind == STEP_KEYS || s->kind == STEP_DONE) {
		put(p, s->kind == STEP_KEYS ? YELLOW : GREEN, " %s %s\n", p->unicode ? "●" : "*",
		    s->name);
		return;
	}
	snprintf(size, sizeof(size), "%zu byte%s", s->len, s->len == 1 ? "" : "s");
	put(p, to_server ? BLUE : GREEN, " %s", arrow(p, to_server));
	put(p, s->bad ? RED : BOLD, "  %s", s->name);
	room = WIDTH - INDENT - 17 - 2 - (int)strlen(s->name) - (int)strlen(size);
	fprintf(p->out, "%*s", room > 2 ? room : 2, "");
	put(p, DIM, "%s\n", size);
}

static void put_step(const struct page *p, const struct trace *t, const struct step *s)
{
	put_step_head(p, t, s);
	if (s->meaning)
		paragraph(p, PLAIN, INDENT, s->meaning);
	put_fields(p, &s->fields, INDENT + 2);
	put_records(p, s);
	fputc('\n', p->out);
}

/* ---- the rest -------------------------------------------------------------------------------- */

static void put_head(const struct page *p, const struct trace *t)
{
	bool client = t->role == KTLS_CLIENT;

	put(p, BOLD, "%s %s\n", client ? "A TLS handshake with" : "A TLS handshake on", t->target);
	if (client && t->resolved > 0)
		put(p, DIM, "name looked up in %.1f ms, ", (double)t->resolved / 1000);
	if (client && t->connected > 0)
		put(p, DIM, "connected to %s in %.1f ms\n", t->address,
		    (double)t->connected / 1000);
	else if (!client && t->address)
		put(p, DIM, "a client at %s\n", t->address);
	else if (t->address)
		put(p, DIM, "%s\n", t->address);
	fputc('\n', p->out);
}

static void put_section(const struct page *p, const char *title, const struct field *fields)
{
	if (!fields->first)
		return;
	put(p, BOLD, "%s\n", title);
	put_fields(p, fields, 2);
	fputc('\n', p->out);
}

static const char *fault_text(const struct trace *t, enum fault fault)
{
	bool client = t->role == KTLS_CLIENT;

	switch (fault) {
	case FAULT_US:
		return client ? "this side's: what we offer or have" : "this side's: this server";
	case FAULT_PEER:
		return client ? "the server's" : "the client's";
	case FAULT_BETWEEN:
		return "somebody's on the way, or a bug in one of the ends";
	default:
		return "cannot be told from here";
	}
}

static void put_verdict(const struct page *p, const struct trace *t)
{
	const struct verdict *v = &t->verdict;
	const char *sign = v->good ? (p->unicode ? "✔" : "OK:") : (p->unicode ? "✘" : "FAILED:");

	put(p, v->good ? GREEN : RED, "%s %s\n", sign, v->headline);
	if (v->why)
		paragraph(p, PLAIN, 2, v->why);
	if (!v->good) {
		fprintf(p->out, "  where       %s\n", v->where);
		fprintf(p->out, "  whose fault %s\n", fault_text(t, v->fault));
	}
	for (const struct field *f = v->advice.first; f; f = f->next) {
		struct flow flow = { p, PLAIN, 14, 14 };

		fputs(f == v->advice.first ? "  what to do  " : "              ", p->out);
		flow_text(&flow, f->text);
		fputc('\n', p->out);
	}
	if (t->kernel) {
		struct flow flow = { p, PLAIN, 2, 2 };

		pad(p, 2);
		flow_text(&flow, "This machine's kernel");
		flow_text(&flow, t->kernel);
		fputc('\n', p->out);
	}
}

void explain_text(const struct trace *trace, const struct explain_options *o, FILE *out)
{
	struct page p = { .out = out, .color = o->color, .unicode = o->unicode };

	put_head(&p, trace);
	for (const struct step *s = trace->steps; s; s = s->next)
		put_step(&p, trace, s);
	put_section(&p, "What was agreed, and why", &trace->negotiated);
	put_section(&p,
		    trace->role == KTLS_CLIENT ? "The server's certificate"
					       : "The client's certificate",
		    &trace->certificate);
	put_verdict(&p, trace);
}
