/* SPDX-License-Identifier: MIT */
/* What a configuration adds to a handshake: GREASE, shorter records, a log of secrets. */
#include "tests/harness/tickets.h"
#include "tests/unit/engine.h"

/* clang-format off */
#define TLS_1_2_VARIANT(name, suite, group, client, server) \
	FIXTURE_VARIANT_ADD(engines, name) { suite, group, false, client, server }
/* clang-format on */
TLS_1_2_VARIANT(tls12_aes128, KTLS_ECDHE_ECDSA_AES_128_GCM_SHA256, KTLS_GROUP_X25519, KTLS_TLS_1_2,
		KTLS_TLS_1_2);
TLS_1_2_VARIANT(tls12_chacha, KTLS_ECDHE_ECDSA_CHACHA20_POLY1305, KTLS_GROUP_X25519, KTLS_TLS_1_3,
		KTLS_TLS_1_2);

/* ---- GREASE ---------------------------------------------------------------------------------- */

static bool is_grease(uint16_t value)
{
	return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

static uint16_t first_of(struct reader list)
{
	uint16_t value = 0;

	EXPECT_TRUE(reader_u16(&list, &value));
	return value;
}

struct seen {
	uint16_t suite, extensions[32];
	size_t extensions_len;
	uint16_t version, group, scheme, share;
};

static void look_at_extension(uint16_t type, struct reader body, struct seen *seen)
{
	struct reader list;

	if (type == 43 && reader_vec8(&body, &list))
		seen->version = first_of(list);
	if (type == 13 && reader_vec16(&body, &list))
		seen->scheme = first_of(list);
	if (type == 10 && reader_vec16(&body, &list))
		seen->group = first_of(list);
	if (type == 51 && reader_vec16(&body, &list))
		seen->share = first_of(list);
}

/* The ClientHello at the head of the server's queue. */
static void look_at_hello(const struct engine_queue *queue, struct seen *seen)
{
	struct reader r, id, suites, methods, block, body;
	uint16_t type;

	memset(seen, 0, sizeof(*seen));
	reader_init(&r, queue->bytes + PUPPET_BODY, queue->len - PUPPET_BODY);
	ASSERT_TRUE(reader_skip(&r, 2 + 32) && reader_vec8(&r, &id) && reader_vec16(&r, &suites) &&
		    reader_vec8(&r, &methods) && reader_vec16(&r, &block));
	seen->suite = first_of(suites);
	while (reader_u16(&block, &type) && reader_vec16(&block, &body)) {
		seen->extensions[seen->extensions_len++] = type;
		look_at_extension(type, body, seen);
	}
}

static void expect_grease(const struct seen *seen, size_t last)
{
	EXPECT_TRUE(is_grease(seen->suite));
	EXPECT_TRUE(is_grease(seen->version));
	EXPECT_TRUE(is_grease(seen->group));
	EXPECT_TRUE(is_grease(seen->scheme));
	EXPECT_TRUE(is_grease(seen->extensions[0]));
	EXPECT_TRUE(is_grease(seen->extensions[last]));
	EXPECT_NE(seen->extensions[0], seen->extensions[last]);
}

TEST_F(engines, grease)
{
	struct seen first, again;

	(void)self;
	client.config.grease = true;
	ASSERT_EQ(0, engines_start(&client, &server));
	engine_end_step(&client, &server.in);
	look_at_hello(&server.in, &first);
	expect_grease(&first, first.extensions_len - 1);
	EXPECT_TRUE(is_grease(first.share));
	if (variant->retry) {
		/* The same again, without the share. */
		engine_end_step(&server, &client.in);
		engine_end_step(&client, &server.in);
		memmove(server.in.bytes, server.in.bytes + 6, server.in.len - 6);
		look_at_hello(&server.in, &again);
		EXPECT_FALSE(is_grease(again.share));
		again.share = first.share;
		EXPECT_MEMEQ(&first, &again, sizeof(first));
	}
	engines_wipe(&client, &server);
	configure(variant);
	client.config.grease = true;
	expect_handshake();
}

/* Each of a hundred hellos of its own, and none with one extension twice. */
TEST_F(engines, grease_differs)
{
	struct seen seen[2];
	bool differs = false;

	(void)self;
	for (int i = 0; i < 100; i++) {
		engines_wipe(&client, &server);
		configure(variant);
		server.in.len = 0;
		client.config.grease = true;
		ASSERT_EQ(0, engines_start(&client, &server));
		engine_end_step(&client, &server.in);
		look_at_hello(&server.in, &seen[i % 2]);
		expect_grease(&seen[i % 2], seen[i % 2].extensions_len - 1);
		differs = differs || (i > 0 && seen[0].suite != seen[1].suite);
	}
	EXPECT_TRUE(differs);
}

/* pre_shared_key stays the last extension. */
TEST(grease_before_a_pre_shared_key)
{
	struct seen seen;

	engines_init(&client, &server);
	client.config.grease = true;
	tickets_attach(&client, &server);
	ASSERT_EQ(0, engines_start(&client, &server));
	ASSERT_TRUE(engines_run(&client, &server));
	ASSERT_EQ(1u, tickets_collect(&client));
	engines_wipe(&client, &server);
	engines_init(&client, &server);
	client.config.grease = true;
	tickets_attach(&client, &server);
	tickets_offer(&client);
	ASSERT_EQ(0, engines_start(&client, &server));
	engine_end_step(&client, &server.in);
	look_at_hello(&server.in, &seen);
	EXPECT_EQ(41, seen.extensions[seen.extensions_len - 1]);
	expect_grease(&seen, seen.extensions_len - 2);
	ASSERT_TRUE(engines_run(&client, &server));
	EXPECT_TRUE(ktls_engine_facts(&server.engine)->resumed);
	engines_wipe(&client, &server);
}

/* ---- shorter records ------------------------------------------------------------------------- */

/* What an end sends is split at this many bytes of content, protected or not. */
static size_t longest_record(const struct engine_queue *queue)
{
	size_t longest = 0;

	for (size_t at = 0; at + 5 <= queue->len;) {
		size_t len = (size_t)queue->bytes[at + 3] << 8 | queue->bytes[at + 4];

		longest = len > longest ? len : longest;
		at += 5 + len;
	}
	return longest;
}

/* Bytes around the content that count for a record's length, at most. */
#define AROUND 24

static void limit(const struct test_variant_engines *variant, uint16_t of_client,
		  uint16_t of_server)
{
	engines_wipe(&client, &server);
	configure(variant);
	client.config.record_size_limit = of_client;
	server.config.record_size_limit = of_server;
}

static uint16_t content(const struct test_variant_engines *variant, uint16_t limit)
{
	return is_1_2(variant) ? limit : (uint16_t)(limit - 1);
}

/* A server spares clients of TLS 1.2 a byte, too, but for the least limit. */
static uint16_t content_to_client(const struct test_variant_engines *variant, uint16_t limit)
{
	return limit == 64 ? content(variant, limit) : (uint16_t)(limit - 1);
}

TEST_F(engines, record_size_limit)
{
	static const uint16_t limits[] = { 64, 65, 1000, 16383 };
	static uint8_t der[9000];

	(void)self;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		limit(variant, limits[i], 4000);
		server.chain[0] = (struct ktls_span){ der, sizeof(der) };
		ASSERT_EQ(0, engines_start(&client, &server));
		do {
			engine_end_step(&client, &server.in);
			engine_end_step(&server, &client.in);
			if (ktls_engine_facts(&server.engine)->content_max > 0)
				EXPECT_LE(longest_record(&client.in), (size_t)limits[i] + AROUND);
		} while (client.state == KTLS_ENGINE_READ && client.in.len > 0);
		ASSERT_TRUE(engines_run(&client, &server));
		expect_same_keys();
		EXPECT_EQ(content_to_client(variant, limits[i]),
			  ktls_engine_facts(&server.engine)->content_max);
		EXPECT_EQ(content(variant, 4000), ktls_engine_facts(&client.engine)->content_max);
	}
}

/* The greatest limit is none; and it takes two. */
TEST_F(engines, record_size_limit_of_one_side_only)
{
	static const uint16_t limits[][2] = { { 16385, 16385 }, { 0, 100 }, { 100, 0 }, { 0, 0 } };

	(void)self;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		limit(variant, limits[i][0], limits[i][1]);
		expect_handshake();
		EXPECT_EQ(0, ktls_engine_facts(&server.engine)->content_max);
		EXPECT_EQ(0, ktls_engine_facts(&client.engine)->content_max);
	}
}

static void hello_with(uint16_t type, const void *body, size_t len)
{
	ASSERT_EQ(0, engines_start(&client, &server));
	puppet_until(&client, &server.in, CLIENT_RECV_SERVER_HELLO);
	puppet_edit_extension(&server.in, type, body, len);
}

/* 2^9 bytes: a client that asks for it is answered only where limits are kept. */
TEST_F(engines, max_fragment_length)
{
	static const uint8_t der[3000];

	(void)self;
	if (variant->retry)
		return;
	for (uint16_t limit = 0; limit < 2; limit++) {
		engines_wipe(&client, &server);
		configure(variant);
		client.in.len = server.in.len = 0;
		server.config.record_size_limit = limit ? 16385 : 0;
		server.chain[0] = (struct ktls_span){ der, sizeof(der) };
		hello_with(1, "\x01", 1);
		engine_end_step(&server, &client.in);
		EXPECT_EQ(limit ? 512 : 0, ktls_engine_facts(&server.engine)->content_max);
		EXPECT_EQ(limit == 1, longest_record(&client.in) <= 512 + AROUND);
	}
}

/* Of both, the newer one counts: RFC 8449, 5. */
TEST_F(engines, max_fragment_length_beside_a_limit)
{
	(void)self;
	if (variant->retry)
		return;
	limit(variant, 1000, 16385);
	hello_with(1, "\x01", 1);
	engine_end_step(&server, &client.in);
	EXPECT_EQ(content_to_client(variant, 1000), ktls_engine_facts(&server.engine)->content_max);
}

/* ---- secrets --------------------------------------------------------------------------------- */

static struct {
	char lines[2][8][160];
	size_t n[2];
	uint8_t random[2][32];
} logged;

static void keep_line(size_t end, const char *label, const uint8_t *random, const uint8_t *secret,
		      size_t len)
{
	char *line = logged.lines[end][logged.n[end]++];
	int n = snprintf(line, 160, "%s ", label);

	ASSERT_LE(logged.n[end], 8u);
	for (size_t i = 0; i < len; i++)
		n += snprintf(line + n, 160 - (size_t)n, "%02x", secret[i]);
	memcpy(logged.random[end], random, 32);
}

static void log_client(void *arg, const char *label, const uint8_t *random, const uint8_t *secret,
		       size_t len)
{
	(void)arg;
	keep_line(0, label, random, secret, len);
}

static void log_server(void *arg, const char *label, const uint8_t *random, const uint8_t *secret,
		       size_t len)
{
	(void)arg;
	keep_line(1, label, random, secret, len);
}

/* RFC 9850: both ends say the same, each label once. */
TEST_F(engines, log_secrets)
{
	static const char *const labels[] = {
		"CLIENT_HANDSHAKE_TRAFFIC_SECRET ",
		"SERVER_HANDSHAKE_TRAFFIC_SECRET ",
		"CLIENT_TRAFFIC_SECRET_0 ",
		"SERVER_TRAFFIC_SECRET_0 ",
		"EXPORTER_SECRET ",
	};

	(void)self;
	for (int with_tickets = 0; with_tickets < 2; with_tickets++) {
		engines_wipe(&client, &server);
		configure(variant);
		if (with_tickets)
			tickets_attach(&client, &server);
		memset(&logged, 0, sizeof(logged));
		client.ops.log_secret = log_client;
		server.ops.log_secret = log_server;
		expect_handshake();
		ASSERT_EQ(logged.n[0], logged.n[1]);
		ASSERT_EQ(is_1_2(variant) ? 1u : 5u, logged.n[0]);
		EXPECT_MEMEQ(logged.random[0], logged.random[1], 32);
		for (size_t i = 0; i < logged.n[0]; i++) {
			const char *label = is_1_2(variant) ? "CLIENT_RANDOM " : labels[i];

			EXPECT_STREQ(logged.lines[0][i], logged.lines[1][i]);
			EXPECT_EQ(0, strncmp(label, logged.lines[0][i], strlen(label)));
		}
	}
}

TEST_HARNESS_MAIN
