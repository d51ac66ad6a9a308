/* SPDX-License-Identifier: MIT */
/* What the tests of RFC 8448's traces share: two engines that make the trace's keys. */
#ifndef KTLS_TESTS_UNIT_RFC8448_H
#define KTLS_TESTS_UNIT_RFC8448_H

#include <string.h>

#include "lib/crypto/util.h"
#include "tests/harness/harness.h"
#include "tests/harness/puppet.h"

static struct engine_end client, server;
static const char *section;
static const char *private_key; /* name of the next one to be "generated" */

struct bytes {
	uint8_t at[2048];
	size_t len;
};

static struct bytes trace(const char *name)
{
	struct bytes b;

	b.len = test_trace("rfc8448.txt", section, name, b.at, sizeof(b.at));
	ASSERT_GT(b.len, 0);
	return b;
}

static int generate(void *arg, uint16_t group, uint8_t *key, uint8_t *share)
{
	struct bytes b = trace(private_key);

	(void)arg;
	memcpy(key, b.at, b.len);
	return kex_share_of(group_find(group)->kex, key, share) ? 0 : -KTLS_R_INTERNAL;
}

static void feed(struct engine_end *end, const char *record)
{
	struct bytes b = trace(record);

	engine_end_feed(end, b.at, b.len);
}

static void expect_bytes(const char *name, const void *got, size_t len)
{
	struct bytes b = trace(name);

	ASSERT_EQ(b.len, len);
	EXPECT_MEMEQ(b.at, got, len);
}

static void add_to_transcript(struct engine_end *end, const char *message)
{
	struct bytes b = trace(message);

	transcript_add(&engine_of(&end->engine)->transcript, b.at, b.len);
}

/* The client as if it had sent the trace's hello, which offers more than ours and has no session
 * id. */
static void pretend_hello(const char *message)
{
	struct engine *e = engine_of(&client.engine);

	e->session_id_len = 0;
	e->ccs_sent = true;
	e->offered = ~(uint32_t)0;
	add_to_transcript(&client, message);
}

static void expect_keys(struct engine_end *end)
{
	bool is_client = end->config.role == KTLS_CLIENT;
	struct ktls_traffic_key tx, rx;

	ASSERT_EQ(0, ktls_engine_keys(&end->engine, &tx, &rx));
	expect_bytes("client_application_key", is_client ? tx.key : rx.key, 16);
	expect_bytes("client_application_iv", is_client ? tx.iv : rx.iv, 12);
	expect_bytes("server_application_key", is_client ? rx.key : tx.key, 16);
	expect_bytes("server_application_iv", is_client ? rx.iv : tx.iv, 12);
	EXPECT_EQ(KTLS_AES_128_GCM_SHA256, tx.suite);
}

/* False where there are no vectors. */
static bool start_section(const char *name)
{
	char path[512];

	if (!test_vectors_path(path, sizeof(path), "rfc8448.txt"))
		return false;
	section = name;
	ASSERT_EQ(0, crypto_init());
	engines_init(&client, &server);
	client.ops.generate = generate;
	server.ops.generate = generate;
	return true;
}

#endif
