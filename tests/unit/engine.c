/* SPDX-License-Identifier: MIT */
/* Whole handshakes between two engines of ours, with make-believe certificates. */
#include "lib/crypto/util.h"
#include "lib/wire/reason.h"
#include "tests/harness/engines.h"
#include "tests/harness/harness.h"

static struct engine_end client, server;

FIXTURE(engines)
{
	int unused;
};

FIXTURE_VARIANT(engines)
{
	uint16_t suite;
	uint16_t group;
};

FIXTURE_VARIANT_ADD(engines, aes128_x25519){ KTLS_AES_128_GCM_SHA256, KTLS_GROUP_X25519 };
FIXTURE_VARIANT_ADD(engines, aes256_x25519){ KTLS_AES_256_GCM_SHA384, KTLS_GROUP_X25519 };
FIXTURE_VARIANT_ADD(engines, chacha_x25519){ KTLS_CHACHA20_POLY1305_SHA256, KTLS_GROUP_X25519 };
FIXTURE_VARIANT_ADD(engines, aes128_p256){ KTLS_AES_128_GCM_SHA256, KTLS_GROUP_SECP256R1 };
FIXTURE_VARIANT_ADD(engines, aes256_p256){ KTLS_AES_256_GCM_SHA384, KTLS_GROUP_SECP256R1 };

FIXTURE_SETUP(engines)
{
	(void)self;
	ASSERT_EQ(0, crypto_init());
	engines_init(&client, &server);
	client.config.suites = &variant->suite;
	client.config.suites_len = 1;
	client.config.groups = &variant->group;
	client.config.groups_len = 1;
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
}

TEST_F(engines, agree)
{
	const struct ktls_engine_facts *facts = ktls_engine_facts(&server.engine);

	(void)self;
	ASSERT_EQ(0, engines_start(&client, &server));
	ASSERT_TRUE(engines_run(&client, &server));
	EXPECT_EQ(variant->suite, facts->suite);
	EXPECT_EQ(variant->group, facts->group);
	expect_same_keys();
}

TEST_HARNESS_MAIN
