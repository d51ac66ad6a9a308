/* SPDX-License-Identifier: MIT */
/* A server that is one of TLS 1.2 to clients that have AES-GCM there, and one of TLS 1.3 to others.
 */
#include <string.h>

#include "lib/crypto/util.h"
#include "tests/harness/engines.h"
#include "tests/harness/harness.h"

#define RANDOM_END (5 + 4 + 2 + 24) /* of a ServerHello, from its record's header on */

static struct engine_end client, server;

static const uint16_t server_suites[] = {
	KTLS_AES_128_GCM_SHA256,
	KTLS_ECDHE_ECDSA_CHACHA20_POLY1305,
	KTLS_ECDHE_ECDSA_AES_128_GCM_SHA256,
	KTLS_ECDHE_ECDSA_AES_256_GCM_SHA384,
	KTLS_RSA_AES_128_GCM_SHA256,
};

FIXTURE(prefer)
{
	uint16_t suites[3]; /* the client's */
};

FIXTURE_VARIANT(prefer)
{
	uint16_t min, max; /* the client's versions */
	uint16_t suite;    /* of TLS 1.2 that it has; 0: none */
	uint16_t expected; /* suite */
	bool sentinel;     /* the server says that it has TLS 1.3 */
};

/* clang-format off */
FIXTURE_VARIANT_ADD(prefer, gcm_128) { KTLS_TLS_1_2, KTLS_TLS_1_3,
	KTLS_ECDHE_ECDSA_AES_128_GCM_SHA256, KTLS_ECDHE_ECDSA_AES_128_GCM_SHA256, false };
FIXTURE_VARIANT_ADD(prefer, gcm_256) { KTLS_TLS_1_2, KTLS_TLS_1_3,
	KTLS_ECDHE_ECDSA_AES_256_GCM_SHA384, KTLS_ECDHE_ECDSA_AES_256_GCM_SHA384, false };
FIXTURE_VARIANT_ADD(prefer, of_1_2_only) { KTLS_TLS_1_2, KTLS_TLS_1_2,
	KTLS_ECDHE_ECDSA_AES_128_GCM_SHA256, KTLS_ECDHE_ECDSA_AES_128_GCM_SHA256, false };
FIXTURE_VARIANT_ADD(prefer, of_1_3_only) { KTLS_TLS_1_3, KTLS_TLS_1_3,
	KTLS_ECDHE_ECDSA_AES_128_GCM_SHA256, KTLS_AES_128_GCM_SHA256, false };
FIXTURE_VARIANT_ADD(prefer, chacha) { KTLS_TLS_1_2, KTLS_TLS_1_3,
	KTLS_ECDHE_ECDSA_CHACHA20_POLY1305, KTLS_AES_128_GCM_SHA256, false };
FIXTURE_VARIANT_ADD(prefer, chacha_of_1_2_only) { KTLS_TLS_1_2, KTLS_TLS_1_2,
	KTLS_ECDHE_ECDSA_CHACHA20_POLY1305, KTLS_ECDHE_ECDSA_CHACHA20_POLY1305, true };
FIXTURE_VARIANT_ADD(prefer, no_forward_secrecy) { KTLS_TLS_1_2, KTLS_TLS_1_3,
	KTLS_RSA_AES_128_GCM_SHA256, KTLS_AES_128_GCM_SHA256, false };
/* clang-format on */

static int encrypt(void *arg, const uint8_t *plain, size_t len, uint8_t *out, size_t *out_len)
{
	(void)arg;
	memcpy(out, plain, len);
	*out_len = len;
	return 0;
}

static int decrypt(void *arg, const struct ktls_engine_decrypt *r, uint8_t *master)
{
	(void)arg;
	(void)r;
	(void)master;
	return -KTLS_R_SIGNER;
}

FIXTURE_SETUP(prefer)
{
	ASSERT_EQ(0, crypto_init());
	engines_init(&client, &server);
	self->suites[0] = KTLS_AES_128_GCM_SHA256;
	self->suites[1] = variant->suite;
	client.config.suites = self->suites;
	client.config.suites_len = variant->suite ? 2 : 1;
	client.config.version_min = variant->min;
	client.config.version_max = variant->max;
	client.ops.encrypt = encrypt;
	server.config.suites = server_suites;
	server.config.suites_len = sizeof(server_suites) / sizeof(server_suites[0]);
	server.config.version_min = KTLS_TLS_1_2;
	server.config.version_max = KTLS_TLS_1_3;
	server.config.prefer_1_2 = true;
	server.ops.decrypt_master = decrypt;
}

FIXTURE_TEARDOWN(prefer)
{
	(void)self;
	(void)variant;
	engines_wipe(&client, &server);
}

static bool has_sentinel(void)
{
	return client.in.len > RANDOM_END + 8 &&
	       memcmp(client.in.bytes + RANDOM_END, "DOWNGRD\x01", 8) == 0;
}

/* A client of both versions would not go on behind a sentinel: RFC 9846, 4.2.3. */
TEST_F(prefer, by_what_the_client_has)
{
	(void)self;
	ASSERT_EQ(0, engines_start(&client, &server));
	engine_end_step(&client, &server.in);
	engine_end_step(&server, &client.in);
	EXPECT_EQ(variant->sentinel, has_sentinel());
	ASSERT_TRUE(engines_run(&client, &server));
	EXPECT_EQ(variant->expected, ktls_engine_facts(&server.engine)->suite);
	EXPECT_EQ(variant->expected, ktls_engine_facts(&client.engine)->suite);
}

TEST_F(prefer, in_pieces)
{
	(void)self;
	client.chunk = server.chunk = 5;
	ASSERT_EQ(0, engines_start(&client, &server));
	ASSERT_TRUE(engines_run(&client, &server));
	EXPECT_EQ(variant->expected, ktls_engine_facts(&server.engine)->suite);
}

/* It may not do TLS 1.2 at all. */
TEST_F(prefer, not_beyond_the_versions)
{
	bool shared = variant->max == KTLS_TLS_1_3;

	(void)self;
	server.config.version_min = KTLS_TLS_1_3;
	ASSERT_EQ(0, engines_start(&client, &server));
	EXPECT_EQ(shared, engines_run(&client, &server));
	EXPECT_EQ(shared ? KTLS_OK : KTLS_R_VERSION_UNSUPPORTED,
		  ktls_engine_facts(&server.engine)->reason);
}

/* Without being asked to prefer it, TLS 1.3 is what clients that have it get. */
TEST_F(prefer, only_where_it_was_said)
{
	bool newer = variant->max == KTLS_TLS_1_3;

	(void)self;
	server.config.prefer_1_2 = false;
	ASSERT_EQ(0, engines_start(&client, &server));
	engine_end_step(&client, &server.in);
	engine_end_step(&server, &client.in);
	EXPECT_EQ(!newer, has_sentinel());
	ASSERT_TRUE(engines_run(&client, &server));
	EXPECT_EQ(newer ? KTLS_TLS_1_3 : KTLS_TLS_1_2, ktls_engine_facts(&client.engine)->version);
}

TEST_HARNESS_MAIN
