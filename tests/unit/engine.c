/* SPDX-License-Identifier: MIT */
/* Whole handshakes between two engines of ours, with make-believe certificates: both versions. */
#include "tests/unit/engine.h"

/* clang-format off */
#define TLS_1_2_VARIANT(name, suite, group, client, server) \
	FIXTURE_VARIANT_ADD(engines, name) { suite, group, false, client, server }
/* clang-format on */
TLS_1_2_VARIANT(tls12_aes128_x25519, KTLS_ECDHE_ECDSA_AES_128_GCM_SHA256, KTLS_GROUP_X25519,
		KTLS_TLS_1_2, KTLS_TLS_1_2);
TLS_1_2_VARIANT(tls12_aes256_p256, KTLS_ECDHE_ECDSA_AES_256_GCM_SHA384, KTLS_GROUP_SECP256R1,
		KTLS_TLS_1_2, KTLS_TLS_1_3);
TLS_1_2_VARIANT(tls12_chacha_x25519, KTLS_ECDHE_ECDSA_CHACHA20_POLY1305, KTLS_GROUP_X25519,
		KTLS_TLS_1_3, KTLS_TLS_1_2);

TEST_F(engines, agree)
{
	const struct ktls_engine_facts *facts[] = { ktls_engine_facts(&client.engine),
						    ktls_engine_facts(&server.engine) };

	(void)self;
	expect_handshake();
	for (size_t i = 0; i < 2; i++) {
		EXPECT_EQ(is_1_2(variant) ? KTLS_TLS_1_2 : KTLS_TLS_1_3, facts[i]->version);
		EXPECT_EQ(variant->suite, facts[i]->suite);
		EXPECT_EQ(variant->group, facts[i]->group);
		EXPECT_EQ(KTLS_SCHEME_ECDSA_SECP256R1_SHA256, facts[i]->scheme);
		EXPECT_EQ(variant->retry, facts[i]->retried);
		EXPECT_EQ(KTLS_OK, facts[i]->reason);
		EXPECT_EQ(KTLS_ALERT_NONE, facts[i]->alert);
		EXPECT_STREQ("", facts[i]->server_name);
		EXPECT_EQ(0, facts[i]->alpn_len);
	}
	/* A client that may be asked for a certificate in TLS 1.2 keeps the messages for that. */
	EXPECT_LT(client.borrowed_peak, is_1_2(variant) ? 5000 : 1);
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

/* ---- what a peer may do --------------------------------------------------------------------- */

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
	EXPECT_LT(client.borrowed_peak, is_1_2(variant) ? 34000 + 36000 : 34000);
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
