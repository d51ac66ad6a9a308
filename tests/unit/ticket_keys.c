/* SPDX-License-Identifier: MIT */
/* Ticket keys: XChaCha20-Poly1305 by its published vector, derivation, rotation, what opens. */
#include <string.h>

#include "lib/conn/ticket_keys.h"
#include "lib/crypto/util.h"
#include "tests/harness/harness.h"
#include "tests/harness/vectors.h"

/* draft-irtf-cfrg-xchacha-03, A.3.1 */
TEST(published_vector)
{
	static const char text[] =
		"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for "
		"the future, sunscreen would be it.";
	uint8_t key[32], nonce[24], ad[12], expected[130], out[130], back[114];

	test_hex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", key, 32);
	test_hex("404142434445464748494a4b4c4d4e4f5051525354555657", nonce, 24);
	test_hex("50515253c0c1c2c3c4c5c6c7", ad, 12);
	test_hex("bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb"
		 "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452"
		 "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
		 "21f9664c97637da9768812f615c68b13b52e"
		 "c0875924c1c7987947deafd8780acf49",
		 expected, sizeof(expected));
	xchacha_seal(key, nonce, ad, 12, (const uint8_t *)text, 114, out);
	EXPECT_MEMEQ(expected, out, sizeof(out));
	ASSERT_TRUE(xchacha_open(key, nonce, ad, 12, out, sizeof(out), back));
	EXPECT_MEMEQ(text, back, sizeof(back));
	ad[0] ^= 1;
	EXPECT_FALSE(xchacha_open(key, nonce, ad, 12, out, sizeof(out), back));
	EXPECT_FALSE(xchacha_open(key, nonce, ad, 12, out, 15, back));
}

FIXTURE(keys)
{
	struct ticket_secrets secrets;
	struct ticket_keys keys;
	uint8_t ticket[KTLS_ENGINE_TICKET_MAX];
	uint8_t content[TICKET_CONTENT_MAX];
	size_t len;
};

static const uint8_t text[] = "what a session is made of";

FIXTURE_SETUP(keys)
{
	ASSERT_EQ(0, crypto_init());
	ticket_secrets_init(&self->secrets);
	ticket_keys_derive(&self->keys, &self->secrets);
	self->len = ticket_seal(&self->keys, text, sizeof(text), self->ticket);
	ASSERT_EQ(sizeof(text) + TICKET_OVERHEAD, self->len);
}

FIXTURE_TEARDOWN(keys)
{
	(void)self;
}

static bool opens(struct test_self_keys *self)
{
	size_t n = ticket_open(&self->keys, self->ticket, self->len, self->content);

	if (n == 0)
		return false;
	EXPECT_EQ(sizeof(text), n);
	EXPECT_MEMEQ(text, self->content, n);
	return true;
}

TEST_F(keys, opens_what_was_sealed)
{
	uint8_t again[KTLS_ENGINE_TICKET_MAX];

	EXPECT_TRUE(opens(self));
	EXPECT_EQ(self->len, ticket_seal(&self->keys, text, sizeof(text), again));
	EXPECT_MEMEQ(self->ticket, again, TICKET_NAME);
	EXPECT_NE(0, memcmp(self->ticket + TICKET_NAME, again + TICKET_NAME, XCHACHA_NONCE));
}

TEST_F(keys, every_byte_counts)
{
	for (size_t i = 0; i < self->len; i++) {
		self->ticket[i] ^= 0x40;
		EXPECT_FALSE(opens(self));
		self->ticket[i] ^= 0x40;
	}
	for (size_t i = self->len - 1; i > 0; i--) {
		self->len = i;
		EXPECT_FALSE(opens(self));
	}
}

TEST_F(keys, longest)
{
	static uint8_t big[TICKET_CONTENT_MAX + 1];

	EXPECT_EQ(0, ticket_seal(&self->keys, big, sizeof(big), self->ticket));
	self->len = ticket_seal(&self->keys, big, sizeof(big) - 1, self->ticket);
	EXPECT_EQ(KTLS_ENGINE_TICKET_MAX, self->len);
	EXPECT_EQ(sizeof(big) - 1,
		  ticket_open(&self->keys, self->ticket, self->len, self->content));
	EXPECT_EQ(0, ticket_seal(&self->keys, big, 0, self->ticket));
}

TEST_F(keys, none)
{
	struct ticket_keys empty = { .len = 0 };

	EXPECT_EQ(0, ticket_seal(&empty, text, sizeof(text), self->ticket));
	EXPECT_EQ(0, ticket_open(&empty, self->ticket, self->len, self->content));
}

/* A key is for opening as long as a ticket of its last moment may be used: two days. */
TEST_F(keys, rotation)
{
	struct ticket_secrets next;

	for (int i = 0; i < TICKET_KEEP; i++) {
		next = self->secrets;
		ticket_secrets_rotate(&self->secrets);
		EXPECT_MEMEQ(&next.secrets[1], &self->secrets.secrets[0], sizeof(next.secrets[0]));
		ticket_keys_derive(&self->keys, &self->secrets);
		EXPECT_TRUE(opens(self));
	}
	EXPECT_GE(TICKET_ROTATE_S * (TICKET_KEEP - 1), 172800);
	ticket_secrets_rotate(&self->secrets);
	ticket_keys_derive(&self->keys, &self->secrets);
	EXPECT_FALSE(opens(self));
	EXPECT_EQ(TICKET_KEEP + 2, self->secrets.len);
}

/* Who has not rotated yet knows the next key already. */
TEST_F(keys, next_one_opens)
{
	struct ticket_secrets ahead = self->secrets;
	struct ticket_keys keys;

	ticket_secrets_rotate(&ahead);
	ticket_keys_derive(&keys, &ahead);
	self->len = ticket_seal(&keys, text, sizeof(text), self->ticket);
	EXPECT_TRUE(opens(self));
}

/* Known answer: HKDF-SHA256 of 32 bytes of 0x01, computed apart. */
TEST_F(keys, derivation)
{
	struct ticket_secrets s = { .len = 1 };
	uint8_t expected[48];

	memset(s.secrets[0].bytes, 1, 32);
	s.secrets[0].len = 32;
	test_hex("144c101cb19c2c16e2157017ccc2e210"
		 "38a24758f9f68963b7abd9e9d13fe7dc776c33c61ee2bd9d7d51e26e9b78ee08",
		 expected, sizeof(expected));
	ticket_keys_derive(&self->keys, &s);
	EXPECT_MEMEQ(expected, self->keys.keys[0].name, 16);
	EXPECT_MEMEQ(expected + 16, self->keys.keys[0].key, 32);
}

TEST_HARNESS_MAIN
