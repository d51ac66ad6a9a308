/* SPDX-License-Identifier: MIT */
/* The client's store of sessions: whose they are, how often, how long, how many. */
#include <stdlib.h>
#include <string.h>

#include "lib/conn/session_store.h"
#include "lib/handshake/session.h"
#include "lib/wire/writer.h"
#include "tests/harness/harness.h"

#define NOW UINT64_C(1800000000000) /* milliseconds */

static const struct ktls_span certs[] = { { (const uint8_t *)"leaf", 4 },
					  { (const uint8_t *)"root", 4 } };

FIXTURE(store)
{
	struct session_store *store;
	struct conn_chain *chain;
	uint8_t key[SESSION_KEY];
};

FIXTURE_SETUP(store)
{
	self->store = session_store_new(8, 100000);
	self->chain = chain_new(certs, 2, INT64_MAX);
	ASSERT_NOT_NULL(self->store);
	ASSERT_NOT_NULL(self->chain);
}

FIXTURE_TEARDOWN(store)
{
	session_store_free(self->store);
	free(self->chain);
}

/* A session with a ticket of len bytes, which begins with which. */
static void keep(struct test_self_store *self, uint16_t version, uint8_t which, size_t len)
{
	static uint8_t ticket[KTLS_ENGINE_TICKET_MAX], bytes[KTLS_ENGINE_SESSION_MAX];
	struct session s = { .version = version,
			     .suite = version == KTLS_TLS_1_3 ? KTLS_AES_128_GCM_SHA256
							      : KTLS_ECDHE_ECDSA_AES_128_GCM_SHA256,
			     .issued = NOW,
			     .lifetime = 100,
			     .secret_len = version == KTLS_TLS_1_3 ? 32 : 48,
			     .ticket = { ticket, len } };
	struct ktls_span session = { .bytes = bytes };
	struct writer w;

	ticket[0] = which;
	writer_init(&w, bytes, sizeof(bytes));
	session_build(&s, &w);
	session.len = w.len;
	session_store_keep(self->store, self->key, &session, self->chain);
}

/* Takes one and tells which; -1: there was none. */
static int take(struct test_self_store *self, uint64_t now)
{
	struct stored_session *s = session_store_take(self->store, self->key, now);
	struct session parsed;
	struct reader r;
	int which;

	if (!s)
		return -1;
	reader_init(&r, s->session, s->len);
	ASSERT_TRUE(session_parse(&r, &parsed));
	which = ((const uint8_t *)parsed.ticket.bytes)[0];
	EXPECT_EQ(2, s->chain->len);
	EXPECT_MEMEQ("root", s->chain->certs[1].bytes, 4);
	stored_session_free(s);
	return which;
}

TEST_F(store, tls_1_3_is_for_once)
{
	keep(self, KTLS_TLS_1_3, 1, 10);
	keep(self, KTLS_TLS_1_3, 2, 10);
	EXPECT_EQ(2, take(self, NOW));
	EXPECT_EQ(1, take(self, NOW));
	EXPECT_EQ(-1, take(self, NOW));
	EXPECT_EQ(0, session_store_bytes(self->store));
}

TEST_F(store, tls_1_2_is_for_often)
{
	keep(self, KTLS_TLS_1_2, 1, 10);
	keep(self, KTLS_TLS_1_2, 2, 10);
	EXPECT_EQ(1, session_store_count(self->store));
	EXPECT_EQ(2, take(self, NOW));
	EXPECT_EQ(2, take(self, NOW));
	session_store_forget(self->store, self->key);
	EXPECT_EQ(-1, take(self, NOW));
}

TEST_F(store, keys_are_told_apart)
{
	keep(self, KTLS_TLS_1_3, 1, 10);
	self->key[31] ^= 1;
	EXPECT_EQ(-1, take(self, NOW));
	session_store_forget(self->store, self->key);
	self->key[31] ^= 1;
	EXPECT_EQ(1, take(self, NOW));
}

TEST_F(store, expires_with_session_or_chain)
{
	keep(self, KTLS_TLS_1_3, 1, 10);
	EXPECT_EQ(-1, take(self, NOW + 100000));
	EXPECT_EQ(0, session_store_count(self->store));
	keep(self, KTLS_TLS_1_3, 2, 10);
	EXPECT_EQ(2, take(self, NOW + 99999));
	self->chain->until = (int64_t)(NOW / 1000) + 50;
	keep(self, KTLS_TLS_1_3, 3, 10);
	EXPECT_EQ(-1, take(self, NOW + 50000));
	keep(self, KTLS_TLS_1_2, 4, 10);
	EXPECT_EQ(4, take(self, NOW + 49999));
	EXPECT_EQ(-1, take(self, NOW + 50000));
	self->chain->until = -1;
	keep(self, KTLS_TLS_1_3, 5, 10);
	EXPECT_EQ(-1, take(self, NOW));
}

TEST_F(store, some_of_one_key)
{
	for (uint8_t i = 1; i <= 7; i++)
		keep(self, KTLS_TLS_1_3, i, 10);
	EXPECT_EQ(SESSIONS_OF_KEY, session_store_count(self->store));
	for (uint8_t i = 7; i > 7 - SESSIONS_OF_KEY; i--)
		EXPECT_EQ(i, take(self, NOW));
	EXPECT_EQ(-1, take(self, NOW));
}

/* The one that was not used for longest goes. */
TEST_F(store, bounded_in_number)
{
	for (uint8_t i = 0; i < 8; i++) {
		self->key[5] = i;
		keep(self, KTLS_TLS_1_2, i, 10);
	}
	self->key[5] = 0;
	EXPECT_EQ(0, take(self, NOW));
	for (uint8_t i = 8; i < 15; i++) {
		self->key[5] = i;
		keep(self, KTLS_TLS_1_2, i, 10);
	}
	EXPECT_EQ(8, session_store_count(self->store));
	self->key[5] = 0;
	EXPECT_EQ(0, take(self, NOW));
	self->key[5] = 1;
	EXPECT_EQ(-1, take(self, NOW));
}

TEST_F(store, bounded_in_bytes)
{
	for (uint8_t i = 0; i < 8; i++) {
		self->key[5] = i;
		keep(self, KTLS_TLS_1_3, i, 10000 + 200);
	}
	session_store_free(self->store);
	self->store = session_store_new(1000, 50000);
	for (uint8_t i = 0; i < 100; i++) {
		self->key[5] = i;
		keep(self, KTLS_TLS_1_3, i, 10000);
		EXPECT_LE(session_store_bytes(self->store), 50000);
	}
	EXPECT_EQ(4, session_store_count(self->store));
	EXPECT_EQ(99, take(self, NOW));
	session_store_free(self->store);
	self->store = session_store_new(1000, 5000);
	keep(self, KTLS_TLS_1_3, 1, 10000);
	EXPECT_EQ(0, session_store_count(self->store));
}

TEST_F(store, what_is_no_session)
{
	const struct ktls_span bad = { .bytes = (const uint8_t *)"no session", .len = 10 };

	session_store_keep(self->store, self->key, &bad, self->chain);
	EXPECT_EQ(0, session_store_count(self->store));
	EXPECT_EQ(-1, take(self, NOW));
}

TEST_HARNESS_MAIN
