/* SPDX-License-Identifier: MIT */
/* ops.watch(): what both ends are told of goes by is the same, in the order of the RFC's graphs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crypto/util.h"
#include "tests/harness/harness.h"
#include "tests/harness/puppet.h"

#define LOG_MAX   1024
#define BYTES_MAX (64 * 1024)

/* What one end saw: names in order, and the bytes by direction. */
struct record_of {
	char log[LOG_MAX];
	uint8_t bytes[2][BYTES_MAX]; /* received, sent */
	size_t len[2];
	char flags[2][LOG_MAX]; /* of each event: type and whether it was encrypted */
	size_t last;            /* bytes of the event seen last */
};

static struct engine_end client, server;
static struct record_of by_client, by_server;

FIXTURE(watch)
{
	int unused;
};

static const char *name_of(const struct ktls_engine_event *event)
{
	if (event->content_type == 20)
		return "CCS";
	if (event->content_type == 21)
		return "ALERT";
	switch (event->bytes[0]) {
	case MESSAGE_CLIENT_HELLO:
		return "CH";
	case MESSAGE_SERVER_HELLO:
		return "SH";
	case MESSAGE_ENCRYPTED_EXTENSIONS:
		return "EE";
	case MESSAGE_CERTIFICATE:
		return "CT";
	case MESSAGE_CERTIFICATE_REQUEST:
		return "CR";
	case MESSAGE_CERTIFICATE_VERIFY:
		return "CV";
	case MESSAGE_SERVER_KEY_EXCHANGE:
		return "SKE";
	case MESSAGE_SERVER_HELLO_DONE:
		return "SHD";
	case MESSAGE_CLIENT_KEY_EXCHANGE:
		return "CKE";
	case MESSAGE_FINISHED:
		return "FIN";
	default:
		return "?";
	}
}

static void add(char *log, char sign, const char *name)
{
	size_t len = strlen(log);

	snprintf(log + len, LOG_MAX - len, "%c%s ", sign, name);
}

static void note(void *arg, const struct ktls_engine_event *event)
{
	struct record_of *to = arg == &client ? &by_client : &by_server;
	size_t *len = &to->len[event->sent];

	ASSERT_GT(event->len, 0);
	ASSERT_LE(event->len, BYTES_MAX - *len);
	add(to->log, event->sent ? '>' : '<', name_of(event));
	add(to->flags[event->sent], event->encrypted ? '*' : '.', name_of(event));
	memcpy(to->bytes[event->sent] + *len, event->bytes, event->len);
	*len += event->len;
	to->last = event->len;
}

FIXTURE_SETUP(watch)
{
	(void)self;
	(void)variant;
	ASSERT_EQ(0, crypto_init());
	engines_init(&client, &server);
	client.ops.watch = server.ops.watch = note;
	memset(&by_client, 0, sizeof(by_client));
	memset(&by_server, 0, sizeof(by_server));
}

FIXTURE_TEARDOWN(watch)
{
	(void)self;
	(void)variant;
	engines_wipe(&client, &server);
	EXPECT_EQ(0, client.borrowed);
	EXPECT_EQ(0, server.borrowed);
}

static void expect_same_bytes(void)
{
	for (int sent = 0; sent < 2; sent++) {
		ASSERT_EQ(by_client.len[sent], by_server.len[!sent]);
		EXPECT_MEMEQ(by_client.bytes[sent], by_server.bytes[!sent], by_client.len[sent]);
		EXPECT_STREQ(by_client.flags[sent], by_server.flags[!sent]);
	}
}

TEST_F(watch, full)
{
	(void)self;
	ASSERT_EQ(0, engines_start(&client, &server));
	ASSERT_TRUE(engines_run(&client, &server));
	EXPECT_STREQ(">CH <SH <CCS <EE <CT <CV <FIN >CCS >FIN ", by_client.log);
	EXPECT_STREQ("<CH >SH >CCS >EE >CT >CV >FIN <CCS <FIN ", by_server.log);
	EXPECT_STREQ(".SH .CCS *EE *CT *CV *FIN ", by_client.flags[0]);
	EXPECT_STREQ(".CH .CCS *FIN ", by_client.flags[1]);
	expect_same_bytes();
}

/* Messages that come in pieces are told of once, whole. */
TEST_F(watch, pieces_and_pending_operations)
{
	(void)self;
	client.chunk = server.chunk = 1;
	ASSERT_EQ(0, engines_start(&client, &server));
	ASSERT_TRUE(engines_run(&client, &server));
	EXPECT_STREQ(">CH <SH <CCS <EE <CT <CV <FIN >CCS >FIN ", by_client.log);
	expect_same_bytes();
}

TEST_F(watch, retry_and_client_certificate)
{
	static const uint16_t p256 = KTLS_GROUP_SECP256R1;

	(void)self;
	server.config.groups = &p256;
	server.config.groups_len = 1;
	server.config.client_auth = KTLS_ENGINE_REQUIRE_CLIENT_AUTH;
	memcpy(client.chain, server.chain, sizeof(client.chain));
	client.chain_len = server.chain_len;
	ASSERT_EQ(0, engines_start(&client, &server));
	ASSERT_TRUE(engines_run(&client, &server));
	EXPECT_STREQ(">CH <SH >CCS >CH <CCS <SH <EE <CR <CT <CV <FIN >CT >CV >FIN ", by_client.log);
	EXPECT_STREQ("<CH >SH >CCS <CCS <CH >SH >EE >CR >CT >CV >FIN <CT <CV <FIN ", by_server.log);
	expect_same_bytes();
}

static void allow_1_2(void)
{
	client.config.version_min = server.config.version_min = KTLS_TLS_1_2;
	client.config.version_max = KTLS_TLS_1_3;
	server.config.version_max = KTLS_TLS_1_2;
}

TEST_F(watch, tls_1_2)
{
	(void)self;
	allow_1_2();
	ASSERT_EQ(0, engines_start(&client, &server));
	ASSERT_TRUE(engines_run(&client, &server));
	EXPECT_STREQ(">CH <SH <CT <SKE <SHD >CKE >CCS >FIN <CCS <FIN ", by_client.log);
	EXPECT_STREQ(".SH .CT .SKE .SHD .CCS *FIN ", by_client.flags[0]);
	EXPECT_STREQ(".CH .CKE .CCS *FIN ", by_client.flags[1]);
	expect_same_bytes();
}

TEST_F(watch, alert)
{
	(void)self;
	client.verdict = -KTLS_R_CERTIFICATE_EXPIRED;
	ASSERT_EQ(0, engines_start(&client, &server));
	ASSERT_FALSE(engines_run(&client, &server));
	EXPECT_STREQ(">CH <SH <CCS <EE <CT >CCS >ALERT ", by_client.log);
	EXPECT_STREQ("<CH >SH >CCS >EE >CT >CV >FIN <CCS <ALERT ", by_server.log);
	EXPECT_STREQ(".CH .CCS *ALERT ", by_client.flags[1]);
	EXPECT_STREQ(by_client.flags[1], by_server.flags[0]);
}

/* Of a message that its header forbids, nothing more is waited for. */
TEST_F(watch, refused_by_its_header)
{
	static const uint8_t bytes[] = { 22, 3, 3, 0, 6, 99, 0, 0, 100, 1, 2 };

	(void)self;
	ASSERT_EQ(0, engines_start(&client, &server));
	engine_end_feed(&server, bytes, sizeof(bytes));
	engine_end_step(&server, &client.in);
	ASSERT_EQ(KTLS_ENGINE_FAILED, server.state);
	EXPECT_STREQ("<? >ALERT ", by_server.log);
	EXPECT_MEMEQ(bytes + 5, by_server.bytes[0], 4);
	EXPECT_EQ(4, by_server.len[0]);
}

TEST_HARNESS_MAIN
