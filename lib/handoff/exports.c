/* SPDX-License-Identifier: MIT */
#include "lib/handoff/exports.h"

#include <string.h>

bool export_valid(const struct handoff_export *wanted)
{
	bool plain = true;

	for (size_t i = 0; i < wanted->label.len; i++)
		plain = plain && wanted->label.bytes[i] >= ' ' && wanted->label.bytes[i] < 0x7f;
	return plain && wanted->label.len > 0 && wanted->label.len <= KTLS_EXPORT_LABEL_MAX &&
	       wanted->context.len <= KTLS_EXPORT_CONTEXT_MAX && wanted->len > 0 &&
	       wanted->len <= KTLS_EXPORTED_MAX;
}

bool export_wanted_parse(struct reader value, struct handoff_request *request)
{
	struct handoff_export wanted = { 0 };
	struct reader label;
	uint8_t has_context;

	if (request->exports_len == KTLS_EXPORTS_MAX || !reader_u16(&value, &wanted.len) ||
	    !reader_vec8(&value, &label) || !reader_u8(&value, &has_context) || has_context > 1 ||
	    (!has_context && !reader_empty(&value)))
		return false;
	wanted.label = (struct ktls_span){ label.at, label.left };
	wanted.has_context = has_context;
	wanted.context = (struct ktls_span){ value.at, value.left };
	if (!export_valid(&wanted))
		return false;
	request->exports[request->exports_len++] = wanted;
	return true;
}

bool exported_parse(struct reader value, struct handoff_reply *reply)
{
	if (reply->exported_len == KTLS_EXPORTS_MAX)
		return false;
	reply->exported[reply->exported_len++] = (struct ktls_span){ value.at, value.left };
	return true;
}

void exports_wanted_build(uint16_t type, const struct handoff_request *request, struct writer *w)
{
	struct writer_vec body;

	w->overflow = w->overflow || request->exports_len > KTLS_EXPORTS_MAX;
	for (size_t i = 0; !w->overflow && i < request->exports_len; i++) {
		const struct handoff_export *wanted = &request->exports[i];

		writer_u16(w, (uint16_t)(type | HANDOFF_MANDATORY));
		body = writer_open(w, 2);
		writer_u16(w, wanted->len);
		writer_vec(w, 1, wanted->label.bytes, wanted->label.len);
		writer_u8(w, wanted->has_context);
		writer_bytes(w, wanted->context.bytes, wanted->context.len);
		writer_close(w, body);
		w->overflow = w->overflow || !export_valid(wanted);
	}
}

void exported_build(uint16_t type, const struct handoff_reply *reply, struct writer *w)
{
	w->overflow = w->overflow || reply->exported_len > KTLS_EXPORTS_MAX;
	for (size_t i = 0; !w->overflow && i < reply->exported_len; i++) {
		writer_u16(w, type);
		writer_vec(w, 2, reply->exported[i].bytes, reply->exported[i].len);
		w->overflow = w->overflow || reply->exported[i].len > KTLS_EXPORTED_MAX;
	}
}
