/* SPDX-License-Identifier: MIT */
/*
 * The key schedule with a pre-shared key (RFC 9846, 7.1): its order, and its formulas written a
 * second time. The RFC's own numbers are in rfc8448_resumed.c.
 */
#include <string.h>

#include "lib/crypto/util.h"
#include "lib/handshake/schedule.h"
#include "tests/harness/harness.h"

static const uint8_t zeros[HASH_MAX];

FIXTURE(schedule)
{
	struct schedule s;
	uint8_t psk[HASH_MAX], hash[HASH_MAX];
};

FIXTURE_VARIANT(schedule)
{
	enum hash_alg alg;
	uint16_t suite, other; /* of the hash, and of the other one */
};

FIXTURE_VARIANT_ADD(schedule, sha256){ HASH_SHA256, KTLS_AES_128_GCM_SHA256,
				       KTLS_AES_256_GCM_SHA384 };
FIXTURE_VARIANT_ADD(schedule, sha384){ HASH_SHA384, KTLS_AES_256_GCM_SHA384,
				       KTLS_CHACHA20_POLY1305_SHA256 };

FIXTURE_SETUP(schedule)
{
	ASSERT_EQ(0, crypto_init());
	self->s.suite = suite_find(variant->suite);
	memset(self->psk, 0x11, sizeof(self->psk));
	memset(self->hash, 0x22, sizeof(self->hash));
	memset(self->s.shared, 0x33, sizeof(self->s.shared));
}

FIXTURE_TEARDOWN(schedule)
{
	(void)self;
	(void)variant;
}

/* Derive-Secret of a secret over nothing, or over a hash that is known. */
static void derive(enum hash_alg alg, const uint8_t *secret, const char *label, const uint8_t *hash,
		   uint8_t *out)
{
	uint8_t empty[HASH_MAX];

	hash_bytes(alg, "", 0, empty);
	schedule_expand_label(alg, secret, label, hash ? hash : empty, hash_size(alg), out,
			      hash_size(alg));
}

TEST_F(schedule, binder)
{
	uint8_t early[HASH_MAX], base[HASH_MAX], key[HASH_MAX], expected[HASH_MAX], got[HASH_MAX];
	enum hash_alg alg = variant->alg;
	size_t size = hash_size(alg);

	ASSERT_EQ(0, schedule_early(&self->s, alg, self->psk));
	schedule_binder(&self->s, self->hash, got);
	hkdf_extract(alg, zeros, size, self->psk, size, early);
	EXPECT_MEMEQ(early, self->s.secret, size);
	derive(alg, early, "res binder", NULL, base);
	schedule_expand_label(alg, base, "finished", NULL, 0, key, size);
	hmac_bytes(alg, key, size, self->hash, size, expected);
	EXPECT_MEMEQ(expected, got, size);
}

/* The handshake secret with a shared secret, and without. */
TEST_F(schedule, handshake)
{
	uint8_t early[HASH_MAX], salt[HASH_MAX], secret[HASH_MAX], expected[HASH_MAX];
	enum hash_alg alg = variant->alg;
	size_t size = hash_size(alg);
	struct schedule start = self->s;

	for (int only = 0; only < 2; only++) {
		self->s = start;
		ASSERT_EQ(0, schedule_early(&self->s, alg, self->psk));
		self->s.psk_only = only;
		ASSERT_EQ(0, schedule_handshake(&self->s, KTLS_SERVER, self->hash));
		hkdf_extract(alg, zeros, size, self->psk, size, early);
		derive(alg, early, "derived", NULL, salt);
		hkdf_extract(alg, salt, size, only ? zeros : start.shared, only ? size : 32,
			     secret);
		EXPECT_MEMEQ(secret, self->s.secret, size);
		derive(alg, secret, "c hs traffic", self->hash, expected);
		EXPECT_MEMEQ(expected, self->s.rx.secret, size);
		EXPECT_MEMEQ(zeros, self->s.shared, sizeof(self->s.shared));
	}
}

TEST_F(schedule, order)
{
	struct schedule *s = &self->s;

	ASSERT_EQ(0, schedule_early(s, variant->alg, self->psk));
	EXPECT_LT(schedule_early(s, variant->alg, self->psk), 0);
	EXPECT_LT(schedule_application(s, self->hash), 0);
	EXPECT_LT(schedule_resumption(s, self->hash), 0);
	EXPECT_LT(schedule_switch_tx(s, KTLS_CLIENT), 0);
	/* A suite of another hash does not go with the key. */
	s->suite = suite_find(variant->other);
	EXPECT_LT(schedule_handshake(s, KTLS_CLIENT, self->hash), 0);
	s->suite = NULL;
	EXPECT_LT(schedule_handshake(s, KTLS_CLIENT, self->hash), 0);
	s->suite = suite_find(variant->suite);
	ASSERT_EQ(0, schedule_handshake(s, KTLS_CLIENT, self->hash));
	EXPECT_LT(schedule_early(s, variant->alg, self->psk), 0);
}

TEST_F(schedule, forgets)
{
	struct schedule *s = &self->s, full = *s;

	ASSERT_EQ(0, schedule_early(s, variant->alg, self->psk));
	s->psk_only = true;
	schedule_forget_early(s);
	EXPECT_MEMEQ(zeros, s->secret, sizeof(s->secret));
	EXPECT_FALSE(s->psk_only);
	/* As if there had been no key. */
	ASSERT_EQ(0, schedule_handshake(s, KTLS_CLIENT, self->hash));
	ASSERT_EQ(0, schedule_handshake(&full, KTLS_CLIENT, self->hash));
	EXPECT_MEMEQ(full.tx.secret, s->tx.secret, sizeof(full.tx.secret));
	/* Later it does nothing. */
	schedule_forget_early(s);
	EXPECT_MEMEQ(full.secret, s->secret, sizeof(full.secret));
	EXPECT_EQ(SCHEDULE_HANDSHAKE, s->stage);
}

/* Nothing at all is no secret. */
TEST_F(schedule, neither_key)
{
	(void)variant;
	self->s.psk_only = true;
	EXPECT_LT(schedule_handshake(&self->s, KTLS_CLIENT, self->hash), 0);
}

TEST_HARNESS_MAIN
