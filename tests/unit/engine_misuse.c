/* SPDX-License-Identifier: MIT */
/* The engine misused, interrupted and wiped. */
#include "lib/crypto/util.h"
#include "lib/handshake/engine.h"
#include "tests/harness/engines.h"
#include "tests/harness/harness.h"

static struct engine_end client, server;

TEST(bad_configuration)
{
	static const uint16_t suite = 0x1304, group = 0x18;
	static const uint8_t zeros[KTLS_ENGINE_SIZE];
	char long_name[300];

	ASSERT_EQ(0, crypto_init());
	memset(long_name, 'a', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	for (int i = 0; i < 8; i++) {
		engines_init(&client, &server);
		memset(&client.engine, 0xff, sizeof(client.engine));
		if (i == 0)
			client.config.ops = NULL;
		if (i == 1)
			client.ops.verify_chain = NULL;
		if (i == 2)
			client.config.suites = &suite, client.config.suites_len = 1;
		if (i == 3)
			client.config.groups = &group, client.config.groups_len = 1;
		if (i == 4)
			client.config.alpn = (const uint8_t *)"\x03h2", client.config.alpn_len = 3;
		if (i == 5)
			client.config.alpn = (const uint8_t *)"\0", client.config.alpn_len = 1;
		if (i == 6)
			client.config.server_name = "";
		if (i == 7)
			client.config.server_name = long_name;
		EXPECT_EQ(-KTLS_R_MISUSE,
			  ktls_engine_init(&client.engine, &client.config, &client));
		EXPECT_MEMEQ(zeros, client.engine.opaque, sizeof(zeros));
	}
}

TEST(small_output)
{
	struct ktls_engine_io io = { .out = client.out, .out_cap = 100 };
	struct ktls_traffic_key key;

	ASSERT_EQ(0, crypto_init());
	engines_init(&client, &server);
	ASSERT_EQ(0, engines_start(&client, &server));
	EXPECT_EQ(-KTLS_R_MISUSE, ktls_engine_keys(&client.engine, &key, &key));
	EXPECT_EQ(KTLS_ENGINE_FAILED, ktls_engine_run(&client.engine, &io));
	EXPECT_EQ(KTLS_R_MISUSE, ktls_engine_facts(&client.engine)->reason);
	EXPECT_EQ(KTLS_ENGINE_FAILED, ktls_engine_run(&client.engine, &io));
	EXPECT_EQ(0, io.out_len);
	engines_wipe(&client, &server);
}

/* From outside, at any moment: the alert goes out, once, and is heard. */
TEST(abort_at_each_step)
{
	ASSERT_EQ(0, crypto_init());
	for (int steps = 0; steps < 4; steps++) {
		struct ktls_engine_io io = { .out = client.out, .out_cap = sizeof(client.out) };

		engines_init(&client, &server);
		ASSERT_EQ(0, engines_start(&client, &server));
		if (steps > 0)
			engine_end_step(&client, &server.in);
		if (steps > 1)
			engine_end_step(&server, &client.in);
		if (steps > 2)
			engine_end_step(&client, &server.in);
		ktls_engine_abort(&client.engine, KTLS_R_DEADLINE, &io);
		if (steps < 3) {
			EXPECT_EQ(KTLS_R_DEADLINE, ktls_engine_facts(&client.engine)->reason);
			EXPECT_EQ(7 + 7, io.out_len);
			engine_end_feed(&server, client.out, io.out_len);
			engine_end_step(&server, &client.in);
			EXPECT_EQ(KTLS_R_PEER_CLOSE_NOTIFY,
				  ktls_engine_facts(&server.engine)->reason);
		} else {
			EXPECT_EQ(KTLS_OK, ktls_engine_facts(&client.engine)->reason);
			EXPECT_EQ(0, io.out_len);
		}
		ktls_engine_abort(&client.engine, KTLS_R_CANCELLED, &io);
		EXPECT_EQ(0, io.out_len);
		engines_wipe(&client, &server);
	}
}

/* No secret stays behind a failure or the end. */
TEST(wiped)
{
	static const uint8_t zeros[sizeof(struct engine)];
	struct ktls_engine_io io = { .out = client.out, .out_cap = sizeof(client.out) };

	ASSERT_EQ(0, crypto_init());
	engines_init(&client, &server);
	ASSERT_EQ(0, engines_start(&client, &server));
	engine_end_step(&client, &server.in);
	ktls_engine_abort(&client.engine, KTLS_R_DEADLINE, &io);
	EXPECT_MEMEQ(zeros, &engine_of(&client.engine)->schedule, sizeof(struct schedule));
	engines_wipe(&client, &server);
	EXPECT_MEMEQ(zeros, client.engine.opaque, sizeof(zeros));
	EXPECT_MEMEQ(zeros, server.engine.opaque, sizeof(zeros));
	ktls_engine_wipe(&client.engine);
}

TEST_HARNESS_MAIN
