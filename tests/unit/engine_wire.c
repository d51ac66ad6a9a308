/* SPDX-License-Identifier: MIT */
/* How the engine's records look on the wire, which an engine of ours at the other end overlooks. */
#include "lib/crypto/util.h"
#include "tests/harness/harness.h"
#include "tests/harness/puppet.h"

static struct engine_end client, server;

FIXTURE(wire)
{
	int unused;
};

FIXTURE_SETUP(wire)
{
	(void)self;
	(void)variant;
	ASSERT_EQ(0, crypto_init());
	engines_init(&client, &server);
}

FIXTURE_TEARDOWN(wire)
{
	(void)self;
	(void)variant;
	engines_wipe(&client, &server);
}

static void abort_client(enum ktls_reason reason)
{
	struct ktls_engine_io io = { .out = client.out, .out_cap = sizeof(client.out) };

	ktls_engine_abort(&client.engine, reason, &io);
	engine_end_feed(&server, client.out, io.out_len);
}

/* RFC 9846, 5.1: 0x0301 for the first ClientHello, 0x0303 for the second and all others. */
TEST_F(wire, record_version)
{
	static const uint16_t p256 = KTLS_GROUP_SECP256R1;
	size_t hello;

	(void)self;
	server.config.groups = &p256;
	server.config.groups_len = 1;
	ASSERT_EQ(0, engines_start(&client, &server));
	engine_end_step(&client, &server.in);
	EXPECT_MEMEQ("\x16\x03\x01", server.in.bytes, 3);
	engine_end_step(&server, &client.in);
	EXPECT_MEMEQ("\x16\x03\x03", client.in.bytes, 3);
	engine_end_step(&client, &server.in);
	EXPECT_MEMEQ("\x14\x03\x03\0\1\1", server.in.bytes, 6);
	EXPECT_MEMEQ("\x16\x03\x03", server.in.bytes + 6, 3);
	hello = server.in.len;
	abort_client(KTLS_R_INTERNAL);
	EXPECT_MEMEQ("\x15\x03\x03", server.in.bytes + hello, 3);
}

TEST_F(wire, record_version_of_an_early_alert)
{
	(void)self;
	ASSERT_EQ(0, engines_start(&client, &server));
	abort_client(KTLS_R_INTERNAL);
	EXPECT_EQ(7, server.in.len);
	EXPECT_MEMEQ("\x15\x03\x03", server.in.bytes, 3);
}

/* RFC 9846, E.4: whatever a client sends first under its keys, a change_cipher_spec is before it.
 */
TEST_F(wire, change_cipher_spec_before_a_protected_alert)
{
	(void)self;
	ASSERT_EQ(0, engines_start(&client, &server));
	engine_end_step(&client, &server.in);
	engine_end_step(&server, &client.in);
	client.verdict = -KTLS_R_CERTIFICATE_EXPIRED;
	engine_end_step(&client, &server.in);
	ASSERT_EQ(KTLS_ENGINE_FAILED, client.state);
	ASSERT_EQ(6 + 5 + 2 + 1 + 16, server.in.len);
	EXPECT_MEMEQ("\x14\x03\x03\0\1\1\x17\x03\x03", server.in.bytes, 9);
	engine_end_step(&server, &client.in);
	EXPECT_EQ(KTLS_R_PEER_ALERT, ktls_engine_facts(&server.engine)->reason);
	EXPECT_EQ(KTLS_ALERT_CERTIFICATE_EXPIRED, ktls_engine_facts(&server.engine)->alert);
}

/* RFC 9846, 6.1: user_canceled is a warning, and close_notify follows in a record of its own. */
TEST_F(wire, close_notify_follows_user_canceled)
{
	(void)self;
	ASSERT_EQ(0, engines_start(&client, &server));
	abort_client(KTLS_R_CANCELLED);
	ASSERT_EQ(7 + 7, server.in.len);
	EXPECT_MEMEQ("\x15\x03\x03\0\2\1\x5a\x15\x03\x03\0\2\1\0", server.in.bytes, 14);
	EXPECT_EQ(KTLS_ALERT_USER_CANCELED, ktls_engine_facts(&client.engine)->alert);
}

/* A session id is for a handshake that may become one of TLS 1.3 (RFC 9846, 4.2.2). */
TEST_F(wire, no_session_id_for_tls_1_2)
{
	(void)self;
	client.config.version_min = server.config.version_min = KTLS_TLS_1_2;
	client.config.version_max = server.config.version_max = KTLS_TLS_1_2;
	ASSERT_EQ(0, engines_start(&client, &server));
	engine_end_step(&client, &server.in);
	EXPECT_EQ(0, server.in.bytes[PUPPET_BODY + 2 + 32]);
	EXPECT_TRUE(engines_run(&client, &server));
	EXPECT_EQ(KTLS_TLS_1_2, ktls_engine_facts(&client.engine)->version);
}

TEST_HARNESS_MAIN
