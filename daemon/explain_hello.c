/* SPDX-License-Identifier: MIT */
/* ClientHello, ServerHello and HelloRetryRequest in words: RFC 9846, 4.2; RFC 5246, 7.4.1. */
#include <string.h>

#include "daemon/explain_decode.h"

#include "lib/handshake/messages.h"

#define RANDOM_LEN 32

/* What both hellos begin with. */
struct hello {
	uint16_t version;
	struct reader random, session_id;
};

static bool parse_start(struct reader *body, struct hello *h)
{
	return reader_u16(body, &h->version) && reader_bytes(body, RANDOM_LEN, &h->random) &&
	       reader_vec8(body, &h->session_id);
}

static void session_id(struct decoder *d, struct field *out, struct reader id, bool of_client)
{
	if (reader_empty(&id))
		field_add(d->trace, out, "session id", "empty");
	else if (of_client)
		field_add(d->trace, out, "session id",
			  "%zu bytes, %s: of a TLS 1.2 session, or made up to look like one",
			  id.left, trace_hex(d->trace, id, HEX_SHORT));
	else
		decode_bytes(d, out, "session id", id);
}

static unsigned int count(struct reader list, size_t width)
{
	return (unsigned int)(list.left / width);
}

/* ---- the client's ---------------------------------------------------------------------------- */

#define LISTED_MAX 44 /* characters of a list in a diagram */

/* A list for a diagram: "TLS 1.3, TLS 1.2". False where it has become long enough. */
static bool append(struct decoder *d, const char **list, const char *item)
{
	bool full = strlen(*list) + strlen(item) > LISTED_MAX;

	*list = trace_text(d->trace, "%s%s%s", *list, **list ? ", " : "", full ? "..." : item);
	return !full;
}

static const char *first_names(struct decoder *d, enum names table, struct reader list)
{
	const char *out = "";
	uint16_t number;

	while (reader_u16(&list, &number))
		if (!name_is_grease(number) && !append(d, &out, name_text(d->trace, table, number)))
			break;
	return out;
}

static const char *offered_versions(struct decoder *d, const struct hello *h, struct reader block)
{
	struct reader body, list;

	if (extension_find(block, 43, &body) && reader_vec8(&body, &list))
		return first_names(d, NAMES_VERSION, list);
	return trace_text(d->trace, "up to %s", name_text(d->trace, NAMES_VERSION, h->version));
}

static const char *offered_shares(struct decoder *d, struct reader block)
{
	struct reader body, list, share;
	const char *out = "";
	uint16_t group;

	if (!extension_find(block, 51, &body) || !reader_vec16(&body, &list))
		return NULL;
	while (reader_u16(&list, &group) && reader_vec16(&list, &share))
		if (!name_is_grease(group) &&
		    !append(d, &out, name_text(d->trace, NAMES_GROUP, group)))
			break;
	return *out ? trace_text(d->trace, "key share: %s", out) : "no key share";
}

static const char *wanted_name(struct decoder *d, struct reader block)
{
	struct reader body, list, name;
	uint8_t type;

	if (!extension_find(block, 0, &body) || !reader_vec16(&body, &list) ||
	    !reader_u8(&list, &type) || !reader_vec16(&list, &name))
		return "no server name";
	return trace_text(d->trace, "for %s", trace_escape(d->trace, name));
}

static const char *wanted_protocols(struct decoder *d, struct reader block)
{
	struct reader body, list, name;
	const char *out = "";

	if (!extension_find(block, 16, &body) || !reader_vec16(&body, &list))
		return "";
	while (reader_vec8(&list, &name) && append(d, &out, trace_escape(d->trace, name)))
		;
	return trace_text(d->trace, "; ALPN %s", out);
}

static void brief_client_hello(struct decoder *d, struct step *step, const struct hello *h,
			       struct reader suites, struct reader block)
{
	step->brief[0] = trace_text(d->trace, "%s; %u cipher suites", offered_versions(d, h, block),
				    count(suites, 2));
	step->brief[1] =
		trace_text(d->trace, "%s%s", wanted_name(d, block), wanted_protocols(d, block));
	step->brief[2] = offered_shares(d, block);
}

bool decode_client_hello(struct decoder *d, struct step *step, struct reader *body)
{
	struct reader suites, compression, block;
	struct field *out = &step->fields;
	struct hello h;

	step->meaning = "what the client can do, and its half of a key exchange, made on a guess";
	if (!parse_start(body, &h) || !reader_vec16(body, &suites) ||
	    !reader_vec8(body, &compression))
		return false;
	field_add(d->trace, out, "legacy version", "%s%s",
		  name_text(d->trace, NAMES_VERSION, h.version),
		  h.version == KTLS_TLS_1_2 ? ": the real ones are in supported_versions" : "");
	decode_bytes(d, out, "random", h.random);
	session_id(d, out, h.session_id, true);
	decode_numbers(d, out, "cipher suites", NAMES_SUITE, suites);
	if (compression.left != 1 || *compression.at != 0)
		decode_bytes(d, out, "compression methods", compression);
	reader_init(&block, NULL, 0);
	if (!reader_empty(body)) {
		if (!hello_extensions(step->bytes, step->len, &block) ||
		    !decode_extensions(d, out, IN_CLIENT_HELLO, body))
			return false;
	}
	brief_client_hello(d, step, &h, suites, block);
	return reader_empty(body);
}

/* ---- the server's ---------------------------------------------------------------------------- */

/* RFC 9846, 4.2.3: what a server puts into its random that could do better. */
static const char *downgrade(struct reader random)
{
	struct reader end;

	if (!reader_skip(&random, RANDOM_LEN - 8) || !reader_bytes(&random, 8, &end))
		return NULL;
	if (reader_equal(&end, "DOWNGRD\x01", 8))
		return "the server could do TLS 1.3: it marks this in its random";
	if (reader_equal(&end, "DOWNGRD\0", 8))
		return "the server could do TLS 1.2 or later: it marks this in its random";
	return NULL;
}

static uint16_t chosen_version(const struct hello *h, struct reader block)
{
	struct reader body;
	uint16_t version;

	if (extension_find(block, 43, &body) && reader_u16(&body, &version))
		return version;
	return h->version;
}

static void brief_server_hello(struct decoder *d, struct step *step, struct reader block)
{
	struct reader body;
	uint16_t group;

	step->brief[0] =
		trace_text(d->trace, "%s; %s", name_text(d->trace, NAMES_VERSION, d->version),
			   name_text(d->trace, NAMES_SUITE, d->suite));
	if (extension_find(block, 51, &body) && reader_u16(&body, &group))
		step->brief[1] = trace_text(
			d->trace, step->retry ? "wants a key share of %s" : "key share: %s",
			name_text(d->trace, NAMES_GROUP, group));
	if (!step->retry && extension_find(block, 41, &body))
		step->brief[2] = "resumes an earlier session";
}

static void name_server_hello(struct decoder *d, struct step *step, const struct hello *h)
{
	struct reader whole;

	reader_init(&whole, step->bytes, step->len);
	step->retry = reader_skip(&whole, 4) && hello_is_retry(whole);
	if (step->retry) {
		step->name = "HelloRetryRequest";
		step->meaning = "the client guessed wrong: it has to say its hello again, with "
				"what the server asks for";
	} else if (d->version == KTLS_TLS_1_3) {
		step->meaning =
			"the server has chosen; with its key share, both ends can make keys";
	} else {
		step->meaning = "the server has chosen version and suite; keys come later";
	}
	if (step->retry)
		field_add(d->trace, &step->fields, "random",
			  "a fixed value, by which a HelloRetryRequest is known");
	else
		decode_bytes(d, &step->fields, "random", h->random);
}

bool decode_server_hello(struct decoder *d, struct step *step, struct reader *body)
{
	struct field *out = &step->fields;
	struct reader block;
	uint8_t compression;
	struct hello h;

	if (!parse_start(body, &h) || !reader_u16(body, &d->suite) ||
	    !reader_u8(body, &compression))
		return false;
	reader_init(&block, NULL, 0);
	if (!reader_empty(body) && !hello_extensions(step->bytes, step->len, &block))
		return false;
	d->version = chosen_version(&h, block);
	field_add(d->trace, out, "legacy version", "%s",
		  name_text(d->trace, NAMES_VERSION, h.version));
	name_server_hello(d, step, &h);
	if (d->version < KTLS_TLS_1_3 && downgrade(h.random))
		field_add(d->trace, out, "downgrade", "%s", downgrade(h.random));
	session_id(d, out, h.session_id, false);
	field_add(d->trace, out, "cipher suite", "%s", name_text(d->trace, NAMES_SUITE, d->suite));
	if (compression != 0)
		field_add(d->trace, out, "compression", "%u, which nobody may use", compression);
	brief_server_hello(d, step, block);
	if (!reader_empty(body))
		return decode_extensions(d, out, step->retry ? IN_RETRY : IN_SERVER_HELLO, body) &&
		       reader_empty(body);
	return true;
}

/* ---------------------------------------------------------------------------------------------- */

bool hello_extensions(const uint8_t *message, size_t len, struct reader *block)
{
	struct reader body, list;
	uint8_t type;
	struct hello h;

	reader_init(&body, message, len);
	if (!reader_u8(&body, &type) || !reader_skip(&body, 3) || !parse_start(&body, &h))
		return false;
	if (type == CLIENT_HELLO) {
		if (!reader_vec16(&body, &list) || !reader_vec8(&body, &list))
			return false;
	} else if (!reader_skip(&body, 3)) {
		return false;
	}
	return reader_vec16(&body, block);
}

bool hello_suites(const uint8_t *message, size_t len, struct reader *suites)
{
	struct reader body;
	struct hello h;

	reader_init(&body, message, len);
	return reader_skip(&body, 4) && parse_start(&body, &h) && reader_vec16(&body, suites);
}
