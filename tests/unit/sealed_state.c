/* SPDX-License-Identifier: MIT */
/* What is sealed of a connection: there and back, and steps to the key in force. */
#include <string.h>

#include "lib/conn/sealed_state.h"
#include "lib/conn/sealing_keys.h"
#include "lib/crypto/util.h"
#include "tests/harness/harness.h"

static const uint8_t alpn[] = "\x02h2";
static const uint8_t cert[700] = { 0x30, 0x82 };

static struct sealed_state client_state(uint16_t suite)
{
	size_t len = suite == KTLS_AES_256_GCM_SHA384 ? 48 : 32;
	struct sealed_state s = {
		.profile = "web",
		.owner = 1000,
		.secrets = { .role = KTLS_CLIENT, .version = KTLS_TLS_1_3, .suite = suite },
		.takes_tickets = true,
		.server_name = "www.example.org.",
		.alpn = { alpn, sizeof(alpn) - 1 },
		.chain = { { cert, sizeof(cert) }, { cert, 1 } },
		.chain_len = 2,
		.chain_until = 1
	};

	memset(s.policy, 5, sizeof(s.policy));
	memset(s.secrets.tx, 0x11, len);
	memset(s.secrets.rx, 0x22, len);
	memset(s.secrets.resumption, 0x33, len);
	return s;
}

static struct sealed_header header_of(const struct sealed_state *s)
{
	return (struct sealed_header){ .role = (uint8_t)s->secrets.role,
				       .version = s->secrets.version,
				       .suite = s->secrets.suite };
}

FIXTURE(state)
{
	struct sealed_state state, got;
	struct sealed_header header;
	uint8_t bytes[SEALING_CONTENT_MAX];
	size_t len;
};

FIXTURE_VARIANT(state)
{
	uint16_t suite;
};

FIXTURE_VARIANT_ADD(state, aes_128){
	.suite = KTLS_AES_128_GCM_SHA256,
};

FIXTURE_VARIANT_ADD(state, aes_256){
	.suite = KTLS_AES_256_GCM_SHA384,
};

FIXTURE_VARIANT_ADD(state, chacha20){
	.suite = KTLS_CHACHA20_POLY1305_SHA256,
};

FIXTURE_SETUP(state)
{
	ASSERT_EQ(0, crypto_init());
	self->state = client_state(variant->suite);
	self->header = header_of(&self->state);
	self->len = sealed_state_build(&self->state, self->bytes, sizeof(self->bytes));
	ASSERT_GT(self->len, 0);
}

FIXTURE_TEARDOWN(state)
{
	secret_wipe(self, sizeof(*self));
}

static bool parse(struct test_self_state *self, size_t len)
{
	return sealed_state_parse(&self->header, self->bytes, len, &self->got);
}

TEST_F(state, there_and_back)
{
	const struct sealed_state *got = &self->got;

	ASSERT_TRUE(parse(self, self->len));
	EXPECT_STREQ("web", got->profile);
	EXPECT_EQ(1000, got->owner);
	EXPECT_MEMEQ(self->state.policy, got->policy, sizeof(got->policy));
	EXPECT_MEMEQ(&self->state.secrets, &got->secrets, sizeof(got->secrets));
	EXPECT_TRUE(got->takes_tickets);
	EXPECT_STREQ("www.example.org.", got->server_name);
	ASSERT_EQ(sizeof(alpn) - 1, got->alpn.len);
	EXPECT_MEMEQ(alpn, got->alpn.bytes, got->alpn.len);
	EXPECT_EQ(1, got->chain_until);
	ASSERT_EQ(2, got->chain_len);
	ASSERT_EQ(sizeof(cert), got->chain[0].len);
	EXPECT_MEMEQ(cert, got->chain[0].bytes, sizeof(cert));
	EXPECT_EQ(1, got->chain[1].len);
}

/* Nothing can be made of them later, so nobody gets them. */
TEST_F(state, secrets_that_are_left_out)
{
	memset(self->state.secrets.exporter, 0x44, 48);
	self->state.takes_tickets = false;
	self->len = sealed_state_build(&self->state, self->bytes, sizeof(self->bytes));
	for (size_t i = 0; i + 8 <= self->len; i++) {
		EXPECT_NE(0, memcmp(self->bytes + i, "DDDDDDDD", 8));
		EXPECT_NE(0, memcmp(self->bytes + i, "33333333", 8));
	}
	ASSERT_TRUE(parse(self, self->len));
	EXPECT_EQ(0, self->got.secrets.resumption[0]);
	EXPECT_STREQ("", self->got.server_name);
}

TEST_F(state, truncated_at_every_byte)
{
	struct sealed_state untouched;

	memset(&untouched, 9, sizeof(untouched));
	self->got = untouched;
	for (size_t i = 0; i < self->len; i++)
		EXPECT_FALSE(parse(self, i));
	self->bytes[self->len] = 0;
	EXPECT_FALSE(parse(self, self->len + 1));
	EXPECT_MEMEQ(&untouched, &self->got, sizeof(untouched));
}

TEST_F(state, under_another_header)
{
	const struct sealed_header header = self->header;

	self->header.role = KTLS_SERVER; /* which takes no tickets */
	EXPECT_FALSE(parse(self, self->len));
	self->header = header;
	self->header.version = KTLS_TLS_1_2;
	EXPECT_FALSE(parse(self, self->len));
	self->header = header;
	self->header.suite = KTLS_ECDHE_ECDSA_AES_128_GCM_SHA256;
	EXPECT_FALSE(parse(self, self->len));
	self->header.suite = variant->suite == KTLS_AES_256_GCM_SHA384 ? KTLS_AES_128_GCM_SHA256
								       : KTLS_AES_256_GCM_SHA384;
	EXPECT_FALSE(parse(self, self->len));
}

TEST_F(state, what_cannot_be_built)
{
	EXPECT_EQ(0, sealed_state_build(&self->state, self->bytes, self->len - 1));
	self->state.secrets.version = KTLS_TLS_1_2;
	EXPECT_EQ(0, sealed_state_build(&self->state, self->bytes, sizeof(self->bytes)));
	self->state.secrets.version = KTLS_TLS_1_3;
	self->state.secrets.suite = 0;
	EXPECT_EQ(0, sealed_state_build(&self->state, self->bytes, sizeof(self->bytes)));
}

static void expect_refused(struct test_self_state *self, struct sealed_state *state)
{
	self->len = sealed_state_build(state, self->bytes, sizeof(self->bytes));
	ASSERT_GT(self->len, 0);
	EXPECT_FALSE(parse(self, self->len));
}

TEST_F(state, values_that_make_no_sense)
{
	static uint8_t names[KTLS_ALPN_MAX + 1];
	struct sealed_state s = self->state;

	s.profile[0] = '\0';
	expect_refused(self, &s);
	s = self->state;
	s.server_name[0] = '\0';
	expect_refused(self, &s);
	s = self->state;
	s.alpn = (struct ktls_span){ names, sizeof(names) };
	expect_refused(self, &s);
	s = self->state;
	s.chain[1].len = 0;
	expect_refused(self, &s);
	self->state.profile[1] = 'x';
	self->len = sealed_state_build(&self->state, self->bytes, sizeof(self->bytes));
	self->bytes[2] = '\0';
	EXPECT_FALSE(parse(self, self->len));
	self->bytes[2] = 'x';
	ASSERT_TRUE(parse(self, self->len));
	self->bytes[4]++; /* form */
	EXPECT_FALSE(parse(self, self->len));
}

TEST_F(state, longest_names)
{
	memset(self->state.profile, 'p', KTLS_PROFILE_MAX);
	memset(self->state.server_name, 'n', KTLS_SERVER_NAME_MAX + 1);
	self->len = sealed_state_build(&self->state, self->bytes, sizeof(self->bytes));
	ASSERT_TRUE(parse(self, self->len));
	EXPECT_EQ(KTLS_PROFILE_MAX, strlen(self->got.profile));
	EXPECT_EQ(KTLS_SERVER_NAME_MAX + 1, strlen(self->got.server_name));
}

/* ---- steps ----------------------------------------------------------------------------------- */

static struct ktls_traffic_key key_after(const struct ktls_secrets *secrets,
					 enum ktls_direction direction, int steps)
{
	struct ktls_secrets at = *secrets;
	struct ktls_traffic_key key;

	ASSERT_EQ(0, ktls_secrets_traffic_key(&at, direction, &key));
	for (int i = 0; i < steps; i++)
		ASSERT_EQ(0, ktls_secrets_key_update(&at, direction, &key));
	memset(key.seq, 0xee, sizeof(key.seq)); /* records have gone since */
	return key;
}

TEST_F(state, steps_to_the_key_in_force)
{
	static const int steps[] = { 0, 1, 2, 63, 64 };

	for (int d = KTLS_TX; d <= KTLS_RX; d++) {
		for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
			struct ktls_secrets s = self->state.secrets;
			struct ktls_traffic_key key = key_after(&s, d, steps[i]);
			struct ktls_traffic_key next = key_after(&s, d, steps[i] + 1);
			struct handoff_keys keys;

			ASSERT_EQ(0, sealed_state_step(&s, d, &key));
			EXPECT_MEMEQ(d == KTLS_TX ? self->state.secrets.rx : self->state.secrets.tx,
				     d == KTLS_TX ? s.rx : s.tx, 48);
			ASSERT_EQ(0, sealed_state_keys(&s, d, &keys));
			EXPECT_MEMEQ(key.key, keys.follows.key, sizeof(key.key));
			EXPECT_MEMEQ(key.iv, keys.follows.iv, sizeof(key.iv));
			EXPECT_MEMEQ(next.key, keys.next.key, sizeof(next.key));
			EXPECT_MEMEQ(next.iv, keys.next.iv, sizeof(next.iv));
			EXPECT_MEMEQ("\0\0\0\0\0\0\0", keys.next.seq, 8);
		}
	}
}

TEST_F(state, keys_that_it_does_not_lead_to)
{
	const struct ktls_secrets before = self->state.secrets;
	struct ktls_traffic_key key = key_after(&before, KTLS_TX, 65);

	EXPECT_EQ(-KTLS_R_STALE_SESSION, sealed_state_step(&self->state.secrets, KTLS_TX, &key));
	key = key_after(&before, KTLS_RX, 0); /* the other direction's */
	EXPECT_EQ(-KTLS_R_STALE_SESSION, sealed_state_step(&self->state.secrets, KTLS_TX, &key));
	key = key_after(&before, KTLS_TX, 0);
	key.iv[11] ^= 1;
	EXPECT_EQ(-KTLS_R_STALE_SESSION, sealed_state_step(&self->state.secrets, KTLS_TX, &key));
	key = key_after(&before, KTLS_TX, 0);
	key.key[0] ^= 0x80;
	EXPECT_EQ(-KTLS_R_STALE_SESSION, sealed_state_step(&self->state.secrets, KTLS_TX, &key));
	key.key[0] ^= 0x80;
	key.version = KTLS_TLS_1_2;
	EXPECT_EQ(-KTLS_R_STALE_SESSION, sealed_state_step(&self->state.secrets, KTLS_TX, &key));
	EXPECT_MEMEQ(&before, &self->state.secrets, sizeof(before));
}

/* A step back is none: whoever has yesterday's key in force has another connection. */
TEST_F(state, a_key_from_before)
{
	struct ktls_traffic_key key = key_after(&self->state.secrets, KTLS_TX, 0), next;

	ASSERT_EQ(0, ktls_secrets_key_update(&self->state.secrets, KTLS_TX, &next));
	EXPECT_EQ(-KTLS_R_STALE_SESSION, sealed_state_step(&self->state.secrets, KTLS_TX, &key));
}

TEST_HARNESS_MAIN
