/* SPDX-License-Identifier: MIT */
/* Whole handshakes between two engines of ours, with make-believe certificates. */
#include <stdlib.h>

#include "lib/crypto/util.h"
#include "lib/handshake/machine.h"
#include "tests/harness/harness.h"
#include "tests/harness/later.h"
#include "tests/harness/puppet.h"

static struct engine_end client, server;

FIXTURE(engines)
{
	int unused;
};

FIXTURE_VARIANT(engines)
{
	uint16_t suite;
	uint16_t group;
	bool retry; /* the server takes only the group that the client sends no share of */
};

FIXTURE_VARIANT_ADD(engines, aes128_x25519){ KTLS_AES_128_GCM_SHA256, KTLS_GROUP_X25519, false };
FIXTURE_VARIANT_ADD(engines, aes256_x25519){ KTLS_AES_256_GCM_SHA384, KTLS_GROUP_X25519, false };
FIXTURE_VARIANT_ADD(engines, chacha_x25519){ KTLS_CHACHA20_POLY1305_SHA256, KTLS_GROUP_X25519,
					     false };
FIXTURE_VARIANT_ADD(engines, aes128_p256){ KTLS_AES_128_GCM_SHA256, KTLS_GROUP_SECP256R1, false };
FIXTURE_VARIANT_ADD(engines, aes256_p256){ KTLS_AES_256_GCM_SHA384, KTLS_GROUP_SECP256R1, false };
FIXTURE_VARIANT_ADD(engines, chacha_p256){ KTLS_CHACHA20_POLY1305_SHA256, KTLS_GROUP_SECP256R1,
					   false };
FIXTURE_VARIANT_ADD(engines, retry_aes128){ KTLS_AES_128_GCM_SHA256, KTLS_GROUP_SECP256R1, true };
FIXTURE_VARIANT_ADD(engines, retry_aes256){ KTLS_AES_256_GCM_SHA384, KTLS_GROUP_SECP256R1, true };

static void configure(const struct test_variant_engines *variant)
{
	engines_init(&client, &server);
	client.config.suites = &variant->suite;
	client.config.suites_len = 1;
	server.config.groups = &variant->group;
	server.config.groups_len = 1;
	if (!variant->retry) {
		client.config.groups = &variant->group;
		client.config.groups_len = 1;
	}
}

FIXTURE_SETUP(engines)
{
	(void)self;
	ASSERT_EQ(0, crypto_init());
	configure(variant);
}

FIXTURE_TEARDOWN(engines)
{
	(void)self;
	(void)variant;
	engines_wipe(&client, &server);
	EXPECT_EQ(0, client.borrowed);
	EXPECT_EQ(0, server.borrowed);
}

static void expect_same_keys(void)
{
	struct ktls_traffic_key ct, cr, st, sr;

	ASSERT_EQ(0, ktls_engine_keys(&client.engine, &ct, &cr));
	ASSERT_EQ(0, ktls_engine_keys(&server.engine, &st, &sr));
	EXPECT_MEMEQ(&ct, &sr, sizeof(ct));
	EXPECT_MEMEQ(&cr, &st, sizeof(ct));
	EXPECT_TRUE(memcmp(&ct, &cr, sizeof(ct)) != 0);
}

static void expect_handshake(void)
{
	ASSERT_EQ(0, engines_start(&client, &server));
	ASSERT_TRUE(engines_run(&client, &server));
	expect_same_keys();
}

TEST_F(engines, agree)
{
	const struct ktls_engine_facts *facts[] = { ktls_engine_facts(&client.engine),
						    ktls_engine_facts(&server.engine) };

	(void)self;
	expect_handshake();
	for (size_t i = 0; i < 2; i++) {
		EXPECT_EQ(KTLS_TLS_1_3, facts[i]->version);
		EXPECT_EQ(variant->suite, facts[i]->suite);
		EXPECT_EQ(variant->group, facts[i]->group);
		EXPECT_EQ(KTLS_SCHEME_ECDSA_SECP256R1_SHA256, facts[i]->scheme);
		EXPECT_EQ(variant->retry, facts[i]->retried);
		EXPECT_EQ(KTLS_OK, facts[i]->reason);
		EXPECT_EQ(KTLS_ALERT_NONE, facts[i]->alert);
		EXPECT_STREQ("", facts[i]->server_name);
		EXPECT_EQ(0, facts[i]->alpn_len);
	}
	EXPECT_EQ(0, client.borrowed_peak);
	EXPECT_EQ(0, server.borrowed_peak);
}

/* However the bytes arrive, one at a time or in pieces of any size. */
TEST_F(engines, input_in_pieces)
{
	(void)self;
	for (size_t chunk = 1; chunk < 64; chunk++) {
		configure(variant);
		client.chunk = server.chunk = chunk;
		expect_handshake();
		engines_wipe(&client, &server);
	}
	configure(variant);
}

/* The whole of what the server sends, cut in two at each byte. */
TEST_F(engines, input_split_at_every_byte)
{
	size_t len;

	(void)self;
	expect_handshake();
	engines_wipe(&client, &server);
	configure(variant);
	ASSERT_EQ(0, engines_start(&client, &server));
	engine_end_step(&client, &server.in);
	engine_end_step(&server, &client.in);
	len = client.in.len;
	engines_wipe(&client, &server);
	for (size_t at = 1; at < len; at++) {
		configure(variant);
		client.chunk = at;
		server.chunk = at;
		expect_handshake();
		engines_wipe(&client, &server);
	}
	configure(variant);
}

/* ---- operations that complete later --------------------------------------------------------- */

TEST_F(engines, operations_complete_later)
{
	(void)self;
	engine_end_put_off(&client);
	engine_end_put_off(&server);
	expect_handshake();
}

TEST_F(engines, operations_complete_later_with_input_in_pieces)
{
	(void)self;
	for (size_t chunk = 1; chunk < 40; chunk += 3) {
		configure(variant);
		engine_end_put_off(&client);
		engine_end_put_off(&server);
		client.chunk = server.chunk = chunk;
		expect_handshake();
		engines_wipe(&client, &server);
	}
	configure(variant);
}

TEST_F(engines, operation_fails_later)
{
	const struct ktls_engine_facts *facts = ktls_engine_facts(&client.engine);

	(void)self;
	engine_end_put_off(&client);
	client.verdict = -KTLS_R_CERTIFICATE_EXPIRED;
	ASSERT_EQ(0, engines_start(&client, &server));
	EXPECT_FALSE(engines_run(&client, &server));
	EXPECT_EQ(KTLS_ENGINE_FAILED, client.state);
	EXPECT_EQ(KTLS_R_CERTIFICATE_EXPIRED, facts->reason);
	EXPECT_EQ(KTLS_ALERT_CERTIFICATE_EXPIRED, facts->alert);
	facts = ktls_engine_facts(&server.engine);
	EXPECT_EQ(KTLS_ENGINE_FAILED, server.state);
	EXPECT_EQ(KTLS_R_PEER_ALERT, facts->reason);
	EXPECT_EQ(KTLS_ALERT_CERTIFICATE_EXPIRED, facts->alert);
}

/* ---- the client's certificate ------------------------------------------------------------------
 */

static int choose_none(void *arg, const struct ktls_engine_hello *hello,
		       struct ktls_engine_choice *choice)
{
	(void)arg;
	(void)hello;
	(void)choice;
	return -KTLS_R_SCHEMES_NONE_SHARED;
}

static void give_client_a_certificate(void)
{
	client.chain[0] = server.chain[0];
	client.chain_len = 1;
}

TEST_F(engines, client_certificate)
{
	(void)self;
	for (int auth = KTLS_ENGINE_REQUEST_CLIENT_AUTH; auth <= KTLS_ENGINE_REQUIRE_CLIENT_AUTH;
	     auth++) {
		configure(variant);
		give_client_a_certificate();
		server.config.client_auth = (enum ktls_engine_client_auth)auth;
		expect_handshake();
		EXPECT_EQ(KTLS_SCHEME_ECDSA_SECP256R1_SHA256,
			  ktls_engine_facts(&server.engine)->client_scheme);
		EXPECT_EQ(KTLS_SCHEME_ECDSA_SECP256R1_SHA256,
			  ktls_engine_facts(&client.engine)->client_scheme);
		EXPECT_EQ(1, server.chain_len);
		engines_wipe(&client, &server);
	}
	configure(variant);
}

TEST_F(engines, client_certificate_later_and_in_pieces)
{
	(void)self;
	for (size_t chunk = 1; chunk < 40; chunk += 3) {
		configure(variant);
		give_client_a_certificate();
		engine_end_put_off(&client);
		engine_end_put_off(&server);
		server.config.client_auth = KTLS_ENGINE_REQUIRE_CLIENT_AUTH;
		client.chunk = server.chunk = chunk;
		expect_handshake();
		engines_wipe(&client, &server);
	}
	configure(variant);
}

TEST_F(engines, client_without_a_certificate)
{
	(void)self;
	client.ops.choose = choose_none;
	server.config.client_auth = KTLS_ENGINE_REQUEST_CLIENT_AUTH;
	expect_handshake();
	EXPECT_EQ(0, ktls_engine_facts(&server.engine)->client_scheme);
	engines_wipe(&client, &server);
	configure(variant);
	client.ops.choose = NULL;
	client.ops.sign = NULL;
	server.config.client_auth = KTLS_ENGINE_REQUIRE_CLIENT_AUTH;
	ASSERT_EQ(0, engines_start(&client, &server));
	EXPECT_FALSE(engines_run(&client, &server));
	EXPECT_EQ(KTLS_R_CERTIFICATE_REQUIRED, ktls_engine_facts(&server.engine)->reason);
	EXPECT_EQ(KTLS_ALERT_CERTIFICATE_REQUIRED, ktls_engine_facts(&server.engine)->alert);
}

/* ---- what a peer may do --------------------------------------------------------------------- */

static void start_hello(void)
{
	ASSERT_EQ(0, engines_start(&client, &server));
	puppet_until(&client, &server.in, CLIENT_RECV_SERVER_HELLO);
}

/* Each handshake message of the server's in records of one byte, and padded; then all in one. */
static void cut_flight(size_t piece, size_t padding)
{
	static uint8_t flight[4096];
	struct engine *e = engine_of(&server.engine);
	struct ktls_engine_io io = { .out = server.out, .out_cap = sizeof(server.out) };
	size_t len;

	e->io = &io;
	e->flight.open = false;
	while (e->state != SERVER_APPLICATION_KEYS)
		ASSERT_EQ(0, machine_step(e));
	len = e->flight.w.len;
	ASSERT_LE(len, sizeof(flight));
	memcpy(flight, e->flight.w.buf, len);
	e->flight.open = false;
	for (size_t at = 0; at < len; at += piece)
		puppet_padded(&server, &client.in, 22, flight + at,
			      len - at < piece ? len - at : piece, padding);
}

TEST_F(engines, messages_in_pieces_and_padded)
{
	(void)self;
	for (size_t piece = 1; piece < 300; piece += 7) {
		configure(variant);
		ASSERT_EQ(0, engines_start(&client, &server));
		while (engine_of(&server.engine)->state != SERVER_CHOOSE) {
			engine_end_step(&client, &server.in);
			if (engine_of(&client.engine)->facts.retried || !variant->retry)
				puppet_until(&server, &client.in, SERVER_CHOOSE);
			else
				puppet_until(&server, &client.in, SERVER_RECV_HELLO_AGAIN);
		}
		puppet_until(&server, &client.in, SERVER_SEND_EXTENSIONS);
		cut_flight(piece, piece * 3);
		ASSERT_TRUE(engines_run(&client, &server));
		expect_same_keys();
		engines_wipe(&client, &server);
	}
	configure(variant);
}

/* A long chain comes in several records and is assembled in one borrowed buffer. */
TEST_F(engines, long_chain)
{
	uint8_t *der = calloc(1, 10000);

	(void)self;
	for (size_t i = 0; i < 3; i++)
		server.chain[i] = (struct ktls_span){ der, 10000 };
	server.chain_len = 3;
	expect_handshake();
	EXPECT_EQ(3, client.chain_len);
	EXPECT_GE(client.borrowed_peak, 30000);
	EXPECT_LT(client.borrowed_peak, 34000);
	EXPECT_EQ(0, server.borrowed_peak);
	free(der);
}

TEST_F(engines, chain_over_the_limit)
{
	uint8_t *der = calloc(1, KTLS_ENGINE_CHAIN_MAX);

	(void)self;
	server.chain[0] = (struct ktls_span){ der, KTLS_ENGINE_CHAIN_MAX };
	server.chain[1] = (struct ktls_span){ der, 5000 };
	server.chain_len = 2;
	ASSERT_EQ(0, engines_start(&client, &server));
	EXPECT_FALSE(engines_run(&client, &server));
	EXPECT_EQ(KTLS_R_MESSAGE_TOO_LONG, ktls_engine_facts(&client.engine)->reason);
	free(der);
}

/* change_cipher_spec may come at any time between the hellos and the Finished. */
TEST_F(engines, change_cipher_spec_is_dropped)
{
	static const uint8_t ccs[] = { 20, 3, 3, 0, 1, 1 };

	(void)self;
	start_hello();
	engine_end_feed(&client, ccs, sizeof(ccs));
	engine_end_step(&server, &client.in);
	engine_end_feed(&server, ccs, sizeof(ccs));
	engine_end_feed(&server, ccs, sizeof(ccs));
	ASSERT_TRUE(engines_run(&client, &server));
	expect_same_keys();
}

/* Early data that nobody asked for: undecryptable after a ServerHello, skipped by type after a
 * retry. */
TEST_F(engines, early_data_is_skipped)
{
	static const uint8_t record[5 + 1000] = { 23, 3, 3, 1000 >> 8, 1000 & 0xff, 7 };
	static const uint8_t empty[1];

	(void)self;
	start_hello();
	puppet_edit_extension(&server.in, 42, empty, 0);
	/* The transcript of the client must have the hello as it was sent. */
	transcript_init(&engine_of(&client.engine)->transcript);
	transcript_add(&engine_of(&client.engine)->transcript, server.in.bytes + 5,
		       server.in.len - 5);
	for (int i = 0; i < 20; i++)
		engine_end_feed(&server, record, sizeof(record));
	ASSERT_TRUE(engines_run(&client, &server));
	expect_same_keys();
	EXPECT_EQ(20 * sizeof(record), engine_of(&server.engine)->early_skipped);
}

/* A cookie comes back whole, and its memory is given back. */
TEST(cookie)
{
	static const uint16_t p256 = KTLS_GROUP_SECP256R1;
	uint8_t cookie[2 + 700] = { 700 >> 8, 700 & 0xff, 1, 2, 3 };
	struct engine *e = engine_of(&client.engine);

	ASSERT_EQ(0, crypto_init());
	engines_init(&client, &server);
	server.config.groups = &p256;
	server.config.groups_len = 1;
	start_hello();
	puppet_until(&server, &client.in, SERVER_RECV_HELLO_AGAIN);
	client.in.len -= 6; /* the change_cipher_spec */
	puppet_edit_extension(&client.in, 44, cookie, sizeof(cookie));
	puppet_until(&client, &server.in, CLIENT_RECV_SERVER_HELLO_AGAIN);
	EXPECT_NULL(e->cookie);
	EXPECT_EQ(0, client.borrowed);
	EXPECT_GE(client.borrowed_peak, 700);
	EXPECT_NOT_NULL(memmem(server.in.bytes, server.in.len, cookie, sizeof(cookie)));
	engines_wipe(&client, &server);
}

/* What follows the peer's Finished is left alone, to the byte. */
TEST_F(engines, leaves_what_follows)
{
	static const uint8_t after[] = "not the engine's";

	(void)self;
	ASSERT_EQ(0, engines_start(&client, &server));
	while (client.state != KTLS_ENGINE_DONE) {
		engine_end_step(&client, &server.in);
		if (client.state != KTLS_ENGINE_DONE)
			engine_end_step(&server, &client.in);
	}
	engine_end_feed(&server, after, sizeof(after));
	engine_end_step(&server, &client.in);
	ASSERT_EQ(KTLS_ENGINE_DONE, server.state);
	ASSERT_EQ(sizeof(after), server.in.len);
	EXPECT_MEMEQ(after, server.in.bytes, sizeof(after));
}

/* ---- names ------------------------------------------------------------------------------------
 */

TEST_F(engines, names)
{
	const struct ktls_engine_facts *facts = ktls_engine_facts(&server.engine);

	(void)self;
	client.config.server_name = "WWW.Example.ORG";
	client.config.alpn = (const uint8_t *)"\x02h2\x08http/1.1";
	client.config.alpn_len = 12;
	server.config.alpn = (const uint8_t *)"\003foo\010http/1.1\002h2";
	server.config.alpn_len = 16;
	expect_handshake();
	EXPECT_STREQ("www.example.org", facts->server_name);
	EXPECT_EQ(8, facts->alpn_len);
	EXPECT_MEMEQ("http/1.1", facts->alpn, 8);
	facts = ktls_engine_facts(&client.engine);
	EXPECT_EQ(8, facts->alpn_len);
	EXPECT_MEMEQ("http/1.1", facts->alpn, 8);
}

/* A server without protocols ignores the client's, a client without them gets none. */
TEST_F(engines, alpn_on_one_side_only)
{
	(void)self;
	client.config.alpn = (const uint8_t *)"\x02h2";
	client.config.alpn_len = 3;
	expect_handshake();
	EXPECT_EQ(0, ktls_engine_facts(&client.engine)->alpn_len);
	engines_wipe(&client, &server);
	configure(variant);
	server.config.alpn = (const uint8_t *)"\x02h2";
	server.config.alpn_len = 3;
	expect_handshake();
	EXPECT_EQ(0, ktls_engine_facts(&client.engine)->alpn_len);
}

TEST_HARNESS_MAIN
