/* SPDX-License-Identifier: MIT */
/* What "ktlsctl explain" makes of messages: good ones, damaged ones, and hostile ones. */
#include <stdlib.h>
#include <string.h>

#include "daemon/explain.h"
#include "lib/crypto/util.h"
#include "tests/harness/engines.h"
#include "tests/harness/harness.h"

#define MESSAGES_MAX 32

static struct trace trace;
static struct decoder decoder;

FIXTURE(explain)
{
	int unused;
};

FIXTURE_VARIANT(explain)
{
	uint16_t version;
};

FIXTURE_VARIANT_ADD(explain, tls_1_3){ KTLS_TLS_1_3 };
FIXTURE_VARIANT_ADD(explain, tls_1_2){ KTLS_TLS_1_2 };

static void begin(void)
{
	trace_init(&trace, KTLS_CLIENT);
	trace.target = "example.org:443";
	trace.date = "today";
	trace.verdict = (struct verdict){ .headline = "none", .advice = { .list = true } };
	decoder = (struct decoder){ .trace = &trace, .now = 1700000000 };
}

FIXTURE_SETUP(explain)
{
	(void)self;
	(void)variant;
	ASSERT_EQ(0, crypto_init());
	begin();
}

FIXTURE_TEARDOWN(explain)
{
	(void)self;
	(void)variant;
	trace_free(&trace);
}

static struct step *decode(enum step_kind kind, const uint8_t *bytes, size_t len)
{
	struct step *step = trace_step(&trace, kind, 0);

	step->bytes = bytes;
	step->len = len;
	decode_step(&decoder, step);
	return step;
}

/* ---- looking at what came of it -------------------------------------------------------------- */

static const char *text_of(const struct field *f)
{
	return f && f->text ? f->text : "";
}

/* By names with slashes between them: "extensions/server_name (0)". */
static const struct field *look(const struct step *step, const char *path)
{
	const struct field *f = &step->fields;
	char copy[256], *rest = copy, *name;

	snprintf(copy, sizeof(copy), "%s", path);
	while (f && (name = strsep(&rest, "/")) != NULL)
		f = field_find(f, name);
	return f;
}

/* The items of a list, with commas. */
static const char *items(const struct field *list)
{
	static char out[4096];

	out[0] = '\0';
	if (!list)
		return out;
	EXPECT_TRUE(list->list);
	for (const struct field *f = list->first; f; f = f->next) {
		strncat(out, f->text, sizeof(out) - strlen(out) - 2);
		if (f->next)
			strcat(out, ",");
	}
	return out;
}

static bool printable(const char *text)
{
	for (; text && *text; text++)
		if (*text < 0x20 || *text > 0x7e)
			return false;
	return true;
}

static void expect_printable(const struct field *fields)
{
	for (const struct field *f = fields->first; f; f = f->next) {
		EXPECT_TRUE(printable(f->name) && printable(f->text));
		expect_printable(f);
	}
}

static void expect_printable_step(const struct step *step)
{
	EXPECT_TRUE(step->name != NULL && printable(step->name));
	for (size_t i = 0; i < 3; i++)
		EXPECT_TRUE(printable(step->brief[i]));
	expect_printable(&step->fields);
}

/* ---- a hello with everything ----------------------------------------------------------------- */

/* clang-format off */
static const uint8_t greased[] = {
	1, 0, 0, 0, 3, 3, 'r', 'a', 'n', 'd', 'o', 'm', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0x2a, 0x2a, 0x13, 1, 0xc0, 0x30, 0xfe, 0xdc, 1,
	0, 0, 0,
	/* GREASE, server_name, ALPN */
	0x1a, 0x1a, 0, 0,
	0, 0, 0, 11, 0, 9, 0, 0, 6, 'h', 27, ']', '<', '&', '"',
	0, 16, 0, 11, 0, 9, 2, 'h', '2', 5, 'a', '\n', '\\', 'b', 'c',
	/* supported_versions, supported_groups, key_share */
	0, 43, 0, 7, 6, 0x4a, 0x4a, 3, 4, 3, 3,
	0, 10, 0, 8, 0, 6, 0x0a, 0x0a, 0, 29, 0x11, 0xec,
	0, 51, 0, 12, 0, 10, 0x0a, 0x0a, 0, 1, 0, 0, 29, 0, 1, 9,
	/* unknown, and one that is malformed */
	0x12, 0x34, 0, 2, 0xab, 0xcd,
	0, 13, 0, 3, 0, 9, 4,
	0, 23, 0, 0,
};
/* clang-format on */

static struct step *decode_greased(void)
{
	static uint8_t copy[sizeof(greased)];

	memcpy(copy, greased, sizeof(copy));
	copy[3] = (uint8_t)(sizeof(copy) - 4);
	copy[52] = (uint8_t)(sizeof(copy) - 53);
	return decode(STEP_MESSAGE, copy, sizeof(copy));
}

TEST_F(explain, client_hello)
{
	struct step *step = decode_greased();

	(void)self;
	EXPECT_STREQ("ClientHello", step->name);
	EXPECT_STREQ("GREASE (0x2a2a),TLS_AES_128_GCM_SHA256,"
		     "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,unknown (0xfedc)",
		     items(look(step, "cipher suites")));
	EXPECT_STREQ("empty", text_of(look(step, "extensions/GREASE (0x1a1a)")));
	EXPECT_STREQ("h\\x1b]<&\"", items(look(step, "extensions/server_name (0)")));
	EXPECT_STREQ("h2,a\\x0a\\x5cbc",
		     items(look(step, "extensions/application_layer_protocol_negotiation (16)")));
	EXPECT_STREQ("GREASE (0x4a4a),TLS 1.3,TLS 1.2",
		     items(look(step, "extensions/supported_versions (43)")));
	EXPECT_STREQ("GREASE (0x0a0a),x25519,X25519MLKEM768",
		     items(look(step, "extensions/supported_groups (10)")));
	EXPECT_STREQ("1 byte, 09", text_of(look(step, "extensions/key_share (51)/x25519")));
	EXPECT_STREQ("2 bytes, abcd", text_of(look(step, "extensions/unknown (4660)")));
	EXPECT_STREQ("3 bytes, 000904",
		     text_of(look(step, "extensions/signature_algorithms (13)/malformed")));
	EXPECT_STREQ("yes", text_of(look(step, "extensions/extended_master_secret (23)")));
	EXPECT_STREQ("TLS 1.3, TLS 1.2; 4 cipher suites", step->brief[0]);
	EXPECT_STREQ("key share: x25519", step->brief[2]);
	expect_printable_step(step);
}

/* ---- messages of real handshakes ------------------------------------------------------------- */

static struct engine_end client, server;
static struct {
	uint8_t *bytes;
	size_t len;
	uint8_t type; /* of content */
} messages[MESSAGES_MAX];
static size_t messages_len;

static void keep(void *arg, const struct ktls_engine_event *event)
{
	(void)arg;
	ASSERT_LT(messages_len, MESSAGES_MAX);
	messages[messages_len].bytes = malloc(event->len);
	memcpy(messages[messages_len].bytes, event->bytes, event->len);
	messages[messages_len].type = event->content_type;
	messages[messages_len++].len = event->len;
}

static void drop_messages(void)
{
	while (messages_len > 0)
		free(messages[--messages_len].bytes);
}

/* Everything that a handshake with a retry and a client's certificate has. */
static void collect(uint16_t version)
{
	static const uint16_t p256 = KTLS_GROUP_SECP256R1;

	engines_init(&client, &server);
	client.ops.watch = keep;
	client.config.version_min = server.config.version_min = version;
	client.config.version_max = server.config.version_max = version;
	server.config.groups = &p256;
	server.config.groups_len = 1;
	server.config.client_auth = version == KTLS_TLS_1_3 ? KTLS_ENGINE_REQUIRE_CLIENT_AUTH
							    : KTLS_ENGINE_NO_CLIENT_AUTH;
	client.chain[0] = server.chain[0];
	client.chain_len = 1;
	ASSERT_EQ(0, engines_start(&client, &server));
	ASSERT_TRUE(engines_run(&client, &server));
	engines_wipe(&client, &server);
}

static enum step_kind kind_of(size_t i)
{
	return messages[i].type == 22   ? STEP_MESSAGE
	       : messages[i].type == 21 ? STEP_ALERT
					: STEP_CCS;
}

TEST_F(explain, whole_handshakes)
{
	(void)self;
	collect(variant->version);
	for (size_t i = 0; i < messages_len; i++) {
		struct step *step = decode(kind_of(i), messages[i].bytes, messages[i].len);

		EXPECT_NULL(field_find(&step->fields, "malformed"));
		EXPECT_NOT_NULL(step->meaning);
		expect_printable_step(step);
	}
	EXPECT_EQ(variant->version, decoder.version);
	drop_messages();
}

/* The first len bytes of a message, with a header that is true or not, behind those before it. */
static void decode_cut(size_t i, size_t len, bool truthful)
{
	uint8_t *copy = malloc(len ? len : 1);
	uint16_t version = decoder.version;

	memcpy(copy, messages[i].bytes, len);
	if (truthful && len >= 4) {
		copy[2] = (uint8_t)((len - 4) >> 8);
		copy[3] = (uint8_t)(len - 4);
	}
	expect_printable_step(decode(kind_of(i), copy, len));
	free(copy);
	decoder.version = version;
}

TEST_F(explain, truncated_at_every_byte)
{
	(void)self;
	collect(variant->version);
	for (size_t i = 0; i < messages_len; i++) {
		for (size_t len = 0; len < messages[i].len; len++) {
			decode_cut(i, len, false);
			decode_cut(i, len, true);
		}
		decode(kind_of(i), messages[i].bytes, messages[i].len);
	}
	drop_messages();
}

TEST_F(explain, every_byte_damaged)
{
	static const uint8_t values[] = { 0, 1, 0x7f, 0xff };

	(void)self;
	collect(variant->version);
	for (size_t i = 0; i < messages_len; i++) {
		for (size_t at = 0; at < messages[i].len; at++) {
			uint8_t was = messages[i].bytes[at];

			for (size_t v = 0; v < sizeof(values); v++) {
				messages[i].bytes[at] = values[v];
				decode_cut(i, messages[i].len, false);
			}
			messages[i].bytes[at] = was;
		}
		decode(kind_of(i), messages[i].bytes, messages[i].len);
		trace_free(&trace);
	}
	drop_messages();
}

/* ---- renderers ------------------------------------------------------------------------------- */

static char *rendered(void (*render)(const struct trace *trace, FILE *out))
{
	static char *text;
	static size_t len;
	FILE *out = open_memstream(&text, &len);

	ASSERT_NOT_NULL(out);
	render(&trace, out);
	fclose(out);
	return text;
}

static void render_text(const struct trace *t, FILE *out)
{
	struct explain_options plain = { .color = false };

	explain_text(t, &plain, out);
}

TEST_F(explain, hostile_names_in_text)
{
	char *shown;

	(void)self;
	decode_greased();
	shown = rendered(render_text);
	for (const char *c = shown; *c; c++)
		EXPECT_TRUE((*c >= 0x20 && *c < 0x7f) || *c == '\n');
	EXPECT_NOT_NULL(strstr(shown, "h\\x1b]<&\""));
	free(shown);
}

TEST_F(explain, hostile_names_in_a_picture)
{
	char *svg;

	(void)self;
	decode_greased();
	svg = rendered(explain_svg);
	EXPECT_NOT_NULL(strstr(svg, "for h\\x1b]&lt;&amp;&quot; \302\267 ALPN h2"));
	EXPECT_NULL(strstr(svg, "]<&"));
	free(svg);
}

TEST_F(explain, hostile_names_in_json)
{
	char *json;

	(void)self;
	decode_greased();
	json = rendered(explain_json);
	EXPECT_NOT_NULL(strstr(json, "\"h\\\\x1b]<&\\\"\""));
	free(json);
}

/* ---- the rest -------------------------------------------------------------------------------- */

TEST_F(explain, alerts)
{
	static const uint8_t fatal[] = { 2, KTLS_ALERT_UNKNOWN_CA }, strange[] = { 7, 254 };
	static const uint8_t close_notify[] = { 1, 0 };
	struct step *step = decode(STEP_ALERT, fatal, sizeof(fatal));

	(void)self;
	EXPECT_STREQ("alert: unknown_ca", step->name);
	EXPECT_TRUE(step->bad);
	EXPECT_FALSE(decode(STEP_ALERT, close_notify, sizeof(close_notify))->bad);
	step = decode(STEP_ALERT, strange, sizeof(strange));
	EXPECT_STREQ("unknown level", text_of(look(step, "level")));
	EXPECT_NOT_NULL(look(decode(STEP_ALERT, strange, 1), "malformed"));
}

TEST_F(explain, unknown_message)
{
	static const uint8_t message[] = { 99, 0, 0, 2, 1, 2 };
	struct step *step = decode(STEP_MESSAGE, message, sizeof(message));

	(void)self;
	EXPECT_STREQ("unknown (0x63)", step->name);
	EXPECT_STREQ("2 bytes, 0102", text_of(look(step, "body")));
}

TEST_F(explain, grease)
{
	(void)self;
	EXPECT_TRUE(name_is_grease(0x0a0a));
	EXPECT_TRUE(name_is_grease(0xfafa));
	EXPECT_FALSE(name_is_grease(0x0a1a));
	EXPECT_FALSE(name_is_grease(0x0303));
	EXPECT_STREQ("GREASE (0x2a)", name_text(&trace, NAMES_PSK_MODE, 0x2a));
	EXPECT_STREQ("unknown (0x02)", name_text(&trace, NAMES_PSK_MODE, 2));
}

TEST_HARNESS_MAIN
