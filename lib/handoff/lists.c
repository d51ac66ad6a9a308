/* SPDX-License-Identifier: MIT */
#include "lib/handoff/lists.h"

bool list_cert_parse(struct reader value, struct handoff_reply *reply)
{
	size_t sum = value.left;

	if (reply->certs_len == HANDOFF_CERTS_MAX)
		return false;
	for (size_t i = 0; i < reply->certs_len; i++)
		sum += reply->certs[i].len;
	if (sum > HANDOFF_CHAIN_MAX)
		return false;
	reply->certs[reply->certs_len++] = (struct ktls_span){ value.at, value.left };
	return true;
}

/* Programs compare names: nothing but printable ASCII is one. */
static bool name_valid(struct ktls_span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.bytes[i] < 0x20 || text.bytes[i] >= 0x7f)
			return false;
	return text.len > 0;
}

bool list_name_parse(struct reader value, struct handoff_reply *reply)
{
	struct handoff_name name;
	size_t sum;

	if (reply->names_len == HANDOFF_NAMES_MAX || !reader_u8(&value, &name.kind))
		return false;
	name.text = (struct ktls_span){ value.at, value.left };
	sum = name.text.len;
	for (size_t i = 0; i < reply->names_len; i++)
		sum += reply->names[i].text.len;
	if (name.kind == 0 || !name_valid(name.text) || sum > HANDOFF_NAMES_LEN_MAX)
		return false;
	reply->names[reply->names_len++] = name;
	return true;
}

void list_certs_build(uint16_t type, const struct handoff_reply *reply, struct writer *w)
{
	size_t sum = 0;

	if (reply->certs_len > HANDOFF_CERTS_MAX) {
		w->overflow = true;
		return;
	}
	for (size_t i = 0; i < reply->certs_len; i++) {
		if (reply->certs[i].len == 0)
			continue;
		sum += reply->certs[i].len;
		writer_u16(w, type);
		writer_vec(w, 2, reply->certs[i].bytes, reply->certs[i].len);
	}
	if (sum > HANDOFF_CHAIN_MAX)
		w->overflow = true;
}

void list_names_build(uint16_t type, const struct handoff_reply *reply, struct writer *w)
{
	size_t sum = 0;

	if (reply->names_len > HANDOFF_NAMES_MAX) {
		w->overflow = true;
		return;
	}
	for (size_t i = 0; i < reply->names_len; i++) {
		const struct handoff_name *name = &reply->names[i];

		sum += name->text.len;
		if (name->kind == 0 || !name_valid(name->text) || sum > HANDOFF_NAMES_LEN_MAX) {
			w->overflow = true;
			return;
		}
		writer_u16(w, type);
		writer_u16(w, (uint16_t)(1 + name->text.len));
		writer_u8(w, name->kind);
		writer_bytes(w, name->text.bytes, name->text.len);
	}
}

/* RFC 7301, 3.1: names of 1 to 255 bytes, at least one. */
bool list_alpn_valid(struct reader r)
{
	struct reader name;

	if (reader_empty(&r))
		return false;
	while (!reader_empty(&r))
		if (!reader_vec8(&r, &name) || reader_empty(&name))
			return false;
	return true;
}
