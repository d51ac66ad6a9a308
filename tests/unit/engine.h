/* SPDX-License-Identifier: MIT */
/* What the tests of whole handshakes between two engines share. */
#ifndef KTLS_TESTS_UNIT_ENGINE_H
#define KTLS_TESTS_UNIT_ENGINE_H

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
	uint16_t client_max, server_max; /* versions; 0: TLS 1.3. With TLS 1.2, both may do it */
};

#ifndef ENGINE_ONLY_1_2
FIXTURE_VARIANT_ADD(engines, aes128_x25519){ KTLS_AES_128_GCM_SHA256, KTLS_GROUP_X25519, false, 0,
					     0 };
FIXTURE_VARIANT_ADD(engines, aes256_x25519){ KTLS_AES_256_GCM_SHA384, KTLS_GROUP_X25519, false, 0,
					     0 };
FIXTURE_VARIANT_ADD(engines, chacha_x25519){ KTLS_CHACHA20_POLY1305_SHA256, KTLS_GROUP_X25519,
					     false, 0, 0 };
FIXTURE_VARIANT_ADD(engines, aes128_p256){ KTLS_AES_128_GCM_SHA256, KTLS_GROUP_SECP256R1, false, 0,
					   0 };
FIXTURE_VARIANT_ADD(engines, aes256_p256){ KTLS_AES_256_GCM_SHA384, KTLS_GROUP_SECP256R1, false, 0,
					   0 };
FIXTURE_VARIANT_ADD(engines, chacha_p256){ KTLS_CHACHA20_POLY1305_SHA256, KTLS_GROUP_SECP256R1,
					   false, 0, 0 };
FIXTURE_VARIANT_ADD(engines, retry_aes128){ KTLS_AES_128_GCM_SHA256, KTLS_GROUP_SECP256R1, true, 0,
					    0 };
FIXTURE_VARIANT_ADD(engines, retry_aes256){ KTLS_AES_256_GCM_SHA384, KTLS_GROUP_SECP256R1, true, 0,
					    0 };
#endif

static bool is_1_2(const struct test_variant_engines *variant)
{
	return variant->client_max != 0;
}

static void configure(const struct test_variant_engines *variant)
{
	engines_init(&client, &server);
	if (is_1_2(variant)) {
		client.config.version_min = server.config.version_min = KTLS_TLS_1_2;
		client.config.version_max = variant->client_max;
		server.config.version_max = variant->server_max;
		server.config.suites = &variant->suite;
		server.config.suites_len = 1;
	} else {
		client.config.suites = &variant->suite;
		client.config.suites_len = 1;
	}
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
	/* A server may have sent tickets, which the client did not read yet. */
	EXPECT_MEMEQ(&cr, &st, offsetof(struct ktls_traffic_key, seq));
	EXPECT_MEMEQ(cr.seq, st.seq, sizeof(cr.seq) - 1);
	EXPECT_TRUE(memcmp(&ct, &cr, sizeof(ct)) != 0);
}

static void expect_handshake(void)
{
	ASSERT_EQ(0, engines_start(&client, &server));
	ASSERT_TRUE(engines_run(&client, &server));
	expect_same_keys();
}

#endif
