/* SPDX-License-Identifier: MIT */
/* Extensions in words: RFC 9846, 4.3, and the RFCs that define the others. */
#include <string.h>

#include "daemon/explain_decode.h"

struct extension {
	uint16_t type;
	bool (*decode)(struct decoder *d, struct field *out, enum place place, struct reader *body);
};

void decode_numbers(struct decoder *d, struct field *out, const char *name, enum names table,
		    struct reader list)
{
	struct field *items = field_list(d->trace, out, name);
	uint16_t number;

	while (reader_u16(&list, &number))
		field_item(d->trace, items, "%s", name_text(d->trace, table, number));
}

void decode_bytes(struct decoder *d, struct field *out, const char *name, struct reader bytes)
{
	if (reader_empty(&bytes))
		field_add(d->trace, out, name, "empty");
	else
		field_add(d->trace, out, name, "%zu byte%s, %s", bytes.left,
			  bytes.left == 1 ? "" : "s", trace_hex(d->trace, bytes, HEX_SHORT));
}

/* A vector of 16-bit numbers as items of the extension itself. */
static bool number_items(struct decoder *d, struct field *out, enum names table, struct reader list)
{
	uint16_t number;

	out->list = true;
	while (reader_u16(&list, &number))
		field_item(d->trace, out, "%s", name_text(d->trace, table, number));
	return reader_empty(&list);
}

static bool byte_items(struct decoder *d, struct field *out, enum names table, struct reader list)
{
	uint8_t number;

	out->list = true;
	while (reader_u8(&list, &number))
		field_item(d->trace, out, "%s", name_text(d->trace, table, number));
	return true;
}

/* Names of up to 255 bytes, each with its length before it. */
static bool string_items(struct decoder *d, struct field *out, struct reader list)
{
	struct reader item;

	out->list = true;
	while (reader_vec8(&list, &item))
		field_item(d->trace, out, "%s", trace_escape(d->trace, item));
	return reader_empty(&list);
}

/* ---- who ------------------------------------------------------------------------------------- */

/* RFC 6066, 3. */
static bool server_name(struct decoder *d, struct field *out, enum place place, struct reader *body)
{
	struct reader list, name;
	uint8_t type;

	if (place != IN_CLIENT_HELLO && reader_empty(body)) {
		out->text = "taken note of";
		return true;
	}
	if (!reader_vec16(body, &list))
		return false;
	out->list = true;
	while (reader_u8(&list, &type) && reader_vec16(&list, &name))
		field_item(d->trace, out, "%s%s", type == 0 ? "" : "name of an unknown type: ",
			   trace_escape(d->trace, name));
	return reader_empty(&list);
}

/* RFC 7301, 3.1. */
static bool alpn(struct decoder *d, struct field *out, enum place place, struct reader *body)
{
	struct reader list;

	(void)place;
	return reader_vec16(body, &list) && string_items(d, out, list);
}

/* RFC 6066, 8. */
static bool status_request(struct decoder *d, struct field *out, enum place place,
			   struct reader *body)
{
	uint8_t type;

	if (place != IN_CLIENT_HELLO) {
		decode_bytes(d, out, "response", *body);
		return reader_skip(body, body->left);
	}
	if (!reader_u8(body, &type) || !reader_skip(body, body->left))
		return false;
	out->text = type == 1 ? "wants an OCSP response along with the certificate"
			      : "wants the certificate's status in an unknown way";
	return true;
}

/* RFC 9846, 4.3.4. */
static bool authorities(struct decoder *d, struct field *out, enum place place, struct reader *body)
{
	struct reader list;

	(void)place;
	if (!reader_vec16(body, &list))
		return false;
	decode_bytes(d, out, "names", list);
	return true;
}

/* ---- cryptography ---------------------------------------------------------------------------- */

static bool groups(struct decoder *d, struct field *out, enum place place, struct reader *body)
{
	struct reader list;

	(void)place;
	return reader_vec16(body, &list) && number_items(d, out, NAMES_GROUP, list);
}

static bool schemes(struct decoder *d, struct field *out, enum place place, struct reader *body)
{
	struct reader list;

	(void)place;
	return reader_vec16(body, &list) && number_items(d, out, NAMES_SCHEME, list);
}

static bool versions(struct decoder *d, struct field *out, enum place place, struct reader *body)
{
	struct reader list;
	uint16_t version;

	if (place == IN_CLIENT_HELLO)
		return reader_vec8(body, &list) && number_items(d, out, NAMES_VERSION, list);
	if (!reader_u16(body, &version))
		return false;
	out->text = name_text(d->trace, NAMES_VERSION, version);
	return true;
}

static bool key_share(struct decoder *d, struct field *out, enum place place, struct reader *body)
{
	struct reader list = *body, share;
	uint16_t group;

	if (place == IN_RETRY) {
		if (!reader_u16(body, &group))
			return false;
		out->text = trace_text(d->trace, "wants one of %s",
				       name_text(d->trace, NAMES_GROUP, group));
		return true;
	}
	if (place == IN_CLIENT_HELLO ? !reader_vec16(body, &list) : !reader_skip(body, body->left))
		return false;
	while (reader_u16(&list, &group) && reader_vec16(&list, &share))
		decode_bytes(d, out, name_text(d->trace, NAMES_GROUP, group), share);
	if (!out->first)
		out->text = "none: the client leaves the choice of a group to the server";
	return reader_empty(&list);
}

static bool point_formats(struct decoder *d, struct field *out, enum place place,
			  struct reader *body)
{
	struct reader list;

	(void)place;
	return reader_vec8(body, &list) && byte_items(d, out, NAMES_POINT_FORMAT, list);
}

/* RFC 8879, 3. */
static bool compression(struct decoder *d, struct field *out, enum place place, struct reader *body)
{
	struct reader list;

	(void)place;
	return reader_vec8(body, &list) && number_items(d, out, NAMES_COMPRESSION, list);
}

/* ---- sessions -------------------------------------------------------------------------------- */

static bool psk_modes(struct decoder *d, struct field *out, enum place place, struct reader *body)
{
	struct reader list;

	(void)place;
	return reader_vec8(body, &list) && byte_items(d, out, NAMES_PSK_MODE, list);
}

static bool pre_shared_key(struct decoder *d, struct field *out, enum place place,
			   struct reader *body)
{
	struct reader identities, binders, item;
	uint16_t chosen;
	uint32_t age;

	if (place != IN_CLIENT_HELLO) {
		if (!reader_u16(body, &chosen))
			return false;
		out->text = trace_text(d->trace, "number %u of the client's is taken", chosen + 1U);
		return true;
	}
	if (!reader_vec16(body, &identities) || !reader_vec16(body, &binders))
		return false;
	while (reader_vec16(&identities, &item) && reader_u32(&identities, &age))
		decode_bytes(d, out, "ticket", item);
	while (reader_vec8(&binders, &item))
		decode_bytes(d, out, "binder", item);
	return reader_empty(&identities) && reader_empty(&binders);
}

static bool early_data(struct decoder *d, struct field *out, enum place place, struct reader *body)
{
	uint32_t size;

	if (place != IN_TICKET) {
		out->text = place == IN_CLIENT_HELLO ? "data follows before the server has answered"
						     : "accepted";
		return true;
	}
	if (!reader_u32(body, &size))
		return false;
	out->text = trace_text(d->trace, "up to %u bytes", size);
	return true;
}

static bool cookie(struct decoder *d, struct field *out, enum place place, struct reader *body)
{
	struct reader value;

	(void)place;
	if (!reader_vec16(body, &value))
		return false;
	decode_bytes(d, out, "value", value);
	return true;
}

/* RFC 5077, 3.2. */
static bool session_ticket(struct decoder *d, struct field *out, enum place place,
			   struct reader *body)
{
	if (!reader_empty(body))
		decode_bytes(d, out, "ticket", *body);
	else
		out->text = place == IN_CLIENT_HELLO ? "takes tickets, has none to show"
						     : "a ticket will be sent";
	return reader_skip(body, body->left);
}

/* ---- limits and marks ------------------------------------------------------------------------ */

/* RFC 8449, 4. */
static bool record_size_limit(struct decoder *d, struct field *out, enum place place,
			      struct reader *body)
{
	uint16_t limit;

	(void)place;
	if (!reader_u16(body, &limit))
		return false;
	out->text = trace_text(d->trace, "%u bytes", limit);
	return true;
}

/* RFC 6066, 4. */
static bool max_fragment_length(struct decoder *d, struct field *out, enum place place,
				struct reader *body)
{
	uint8_t code;

	(void)place;
	if (!reader_u8(body, &code))
		return false;
	out->text = code >= 1 && code <= 4 ? trace_text(d->trace, "%u bytes", 256U << code)
					   : "a length that does not exist";
	return true;
}

/* RFC 5746, 3.2. */
static bool renegotiation_info(struct decoder *d, struct field *out, enum place place,
			       struct reader *body)
{
	struct reader verify;

	(void)place;
	if (!reader_vec8(body, &verify))
		return false;
	if (reader_empty(&verify))
		out->text = "this is no renegotiation, and its sender would notice one";
	else
		decode_bytes(d, out, "verify_data", verify);
	return true;
}

static bool padding(struct decoder *d, struct field *out, enum place place, struct reader *body)
{
	(void)place;
	out->text = trace_text(d->trace, "%zu bytes", body->left);
	return reader_skip(body, body->left);
}

/* Those whose presence says it all. */
static bool mark(struct decoder *d, struct field *out, enum place place, struct reader *body)
{
	(void)d;
	(void)place;
	out->text = reader_empty(body) ? "yes" : NULL;
	return reader_empty(body);
}

static const struct extension extensions[] = {
	{ 0, server_name },
	{ 1, max_fragment_length },
	{ 5, status_request },
	{ 10, groups },
	{ 11, point_formats },
	{ 13, schemes },
	{ 16, alpn },
	{ 18, NULL },
	{ 21, padding },
	{ 22, mark },
	{ 23, mark },
	{ 27, compression },
	{ 28, record_size_limit },
	{ 34, schemes },
	{ 35, session_ticket },
	{ 41, pre_shared_key },
	{ 42, early_data },
	{ 43, versions },
	{ 44, cookie },
	{ 45, psk_modes },
	{ 47, authorities },
	{ 49, mark },
	{ 50, schemes },
	{ 51, key_share },
	{ 65281, renegotiation_info },
};

/* ---- blocks ---------------------------------------------------------------------------------- */

static const struct extension *find(uint16_t type)
{
	for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++)
		if (extensions[i].type == type)
			return &extensions[i];
	return NULL;
}

static const char *title(struct decoder *d, uint16_t type)
{
	const char *name = name_find(NAMES_EXTENSION, type);

	if (name_is_grease(type))
		return name_text(d->trace, NAMES_EXTENSION, type);
	return trace_text(d->trace, "%s (%u)", name ? name : "unknown", type);
}

static void decode_one(struct decoder *d, struct field *block, enum place place, uint16_t type,
		       struct reader body)
{
	const struct extension *row = find(type);
	struct field *out = field_add(d->trace, block, title(d, type), NULL);
	struct reader whole = body;

	if (row && row->decode && row->decode(d, out, place, &body) && reader_empty(&body))
		return;
	if (row && row->decode && out->list)
		field_item(d->trace, out, "malformed: %s", trace_hex(d->trace, whole, HEX_SHORT));
	else if (row && row->decode)
		decode_bytes(d, out, "malformed", whole);
	else if (reader_empty(&whole))
		out->text = "empty";
	else
		out->text = trace_text(d->trace, "%zu bytes, %s", whole.left,
				       trace_hex(d->trace, whole, HEX_SHORT));
}

bool decode_extensions(struct decoder *d, struct field *out, enum place place,
		       struct reader *message)
{
	struct reader block, body;
	struct field *all;
	uint16_t type;

	if (!reader_vec16(message, &block))
		return false;
	if (reader_empty(&block))
		return true;
	all = field_add(d->trace, out, "extensions", NULL);
	while (reader_u16(&block, &type)) {
		if (!reader_vec16(&block, &body))
			return false;
		decode_one(d, all, place, type, body);
	}
	return reader_empty(&block);
}

bool extension_find(struct reader block, uint16_t type, struct reader *body)
{
	uint16_t number;

	while (reader_u16(&block, &number) && reader_vec16(&block, body))
		if (number == type)
			return true;
	return false;
}
