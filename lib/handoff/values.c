/* SPDX-License-Identifier: MIT */
#include "lib/handoff/values.h"

#include <string.h>

#include "lib/handoff/exports.h"
#include "lib/handoff/lists.h"

/* ---- fields -------------------------------------------------------------------------------- */

static void number_put(void *field, size_t size, uint64_t v)
{
	switch (size) {
	case 1:
		*(uint8_t *)field = (uint8_t)v;
		break;
	case 2:
		*(uint16_t *)field = (uint16_t)v;
		break;
	case 4:
		*(uint32_t *)field = (uint32_t)v;
		break;
	default:
		*(uint64_t *)field = v;
	}
}

uint64_t number_get(const void *field, size_t size)
{
	switch (size) {
	case 1:
		return *(const uint8_t *)field;
	case 2:
		return *(const uint16_t *)field;
	case 4:
		return *(const uint32_t *)field;
	default:
		return *(const uint64_t *)field;
	}
}

static struct ktls_span span_of(const struct reader *r)
{
	return (struct ktls_span){ .bytes = r->at, .len = r->left };
}

static bool number_parse(const struct attribute *a, struct reader r, void *field)
{
	uint64_t v = 0;
	uint8_t byte;

	if (r.left != a->size)
		return false;
	while (reader_u8(&r, &byte))
		v = v << 8 | byte;
	if (v < a->min || v > a->max)
		return false;
	number_put(field, a->size, v);
	return true;
}

static bool is_control(uint8_t c)
{
	return c < 0x20 || c == 0x7f;
}

/* Of a name, every byte counts; of a text, only what would spoil a log or a terminal goes. */
static bool text_parse(const struct attribute *a, struct reader r, char *field)
{
	uint8_t c;

	while (reader_u8(&r, &c)) {
		if (c == 0 || (a->kind == NAME && (c <= ' ' || c >= 0x7f)))
			return false;
		*field++ = is_control(c) ? '?' : (char)c;
	}
	*field = 0;
	return true;
}

bool is_list(const struct attribute *a)
{
	return a->kind == CERT || a->kind == PEER_NAME || a->kind == EXPORT || a->kind == EXPORTED;
}

static bool item_parse(const struct attribute *a, struct reader r, void *out)
{
	switch (a->kind) {
	case CERT:
		return list_cert_parse(r, out);
	case PEER_NAME:
		return list_name_parse(r, out);
	case EXPORT:
		return export_wanted_parse(r, out);
	default:
		return exported_parse(r, out);
	}
}

bool value_parse(const struct attribute *a, struct reader r, void *out)
{
	void *field = (uint8_t *)out + a->offset;

	if (a->kind == NUMBER)
		return number_parse(a, r, field);
	if (r.left < a->min || r.left > a->max)
		return false;
	if (a->kind == NAME || a->kind == TEXT)
		return text_parse(a, r, field);
	if (is_list(a))
		return item_parse(a, r, out);
	if (a->kind == ALPN && !list_alpn_valid(r))
		return false;
	*(struct ktls_span *)field = span_of(&r);
	return true;
}

/* ---- building ------------------------------------------------------------------------------ */

static void value_build(const struct attribute *a, const void *bytes, size_t len, struct writer *w)
{
	unsigned int bit = a->flags & MANDATORY ? HANDOFF_MANDATORY : 0;

	writer_u16(w, (uint16_t)(a->type | bit));
	writer_vec(w, 2, bytes, len);
}

/* 0 says the same as no attribute, unless one is needed. */
static void number_build(const struct attribute *a, const void *field, struct writer *w)
{
	uint64_t v = number_get(field, a->size);
	uint8_t bytes[8];

	if (v == 0 && !(a->flags & NEEDED))
		return;
	for (size_t i = 0; i < a->size; i++)
		bytes[i] = (uint8_t)(v >> (8 * (a->size - 1 - i)));
	value_build(a, bytes, a->size, w);
}

static void bytes_build(const struct attribute *a, const void *bytes, size_t len, struct writer *w)
{
	if (len > a->max)
		w->overflow = true;
	else if (len > 0)
		value_build(a, bytes, len, w);
}

void attribute_build(const struct attribute *a, const void *in, struct writer *w)
{
	const void *field = (const uint8_t *)in + a->offset;
	const struct ktls_span *span = field;

	switch (a->kind) {
	case NUMBER:
		number_build(a, field, w);
		break;
	case NAME:
	case TEXT:
		bytes_build(a, field, strnlen(field, a->size), w);
		break;
	case ALPN:
	case BYTES:
		bytes_build(a, span->bytes, span->len, w);
		break;
	case CERT:
		list_certs_build(a->type, in, w);
		break;
	case PEER_NAME:
		list_names_build(a->type, in, w);
		break;
	case EXPORT:
		exports_wanted_build(a->type, in, w);
		break;
	case EXPORTED:
		exported_build(a->type, in, w);
		break;
	}
}
