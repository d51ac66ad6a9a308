/* SPDX-License-Identifier: MIT */
/* The AEADs by key, plaintext and (nothing being known of it before it is checked) tag. */
#include "tests/ct/ct.h"

#include "lib/crypto/aead.h"
#include "lib/crypto/cpu.h"
#include "lib/crypto/gcm.h"

#define TEXT 1000 /* several batches, a rest, and an incomplete block */

FIXTURE(gcm)
{
	uint8_t key[AEAD_KEY_MAX], nonce[AEAD_NONCE], ad[20];
	uint8_t text[TEXT], sealed[TEXT + AEAD_TAG];
	struct aead a;
};

FIXTURE_VARIANT(gcm)
{
	enum aead_alg alg;
	bool portable;
};

FIXTURE_VARIANT_ADD(gcm, aes_128_gcm_ni){ .alg = AEAD_AES_128_GCM, .portable = false };
FIXTURE_VARIANT_ADD(gcm, aes_128_gcm_portable){ .alg = AEAD_AES_128_GCM, .portable = true };
FIXTURE_VARIANT_ADD(gcm, aes_256_gcm_ni){ .alg = AEAD_AES_256_GCM, .portable = false };
FIXTURE_VARIANT_ADD(gcm, aes_256_gcm_portable){ .alg = AEAD_AES_256_GCM, .portable = true };

FIXTURE_SETUP(gcm)
{
	crypto_force_portable(variant->portable);
	if (!variant->portable && !crypto_cpu.aes_gcm)
		SKIP(return, "no AES-NI and PCLMULQDQ here, or valgrind hides them");
	ct_secret(self->key, sizeof(self->key));
	ct_secret(self->text, sizeof(self->text));
	aead_init(&self->a, variant->alg, self->key);
}

FIXTURE_TEARDOWN(gcm)
{
	EXPECT_EQ(0, ct_leaks());
}

TEST_F(gcm, key)
{
	const struct gcm_key *k = &self->a.key.gcm;

	EXPECT_TRUE(ct_is_secret(k->round_key, AES_BLOCK * (k->rounds + 1)));
	EXPECT_TRUE(ct_is_secret(k->h, sizeof(k->h)));
}

TEST_F(gcm, seal)
{
	for (size_t len = 0; len <= TEXT; len += 125) {
		aead_seal(&self->a, self->nonce, self->ad, sizeof(self->ad), self->text, len,
			  self->sealed);
		EXPECT_TRUE(ct_is_secret(self->sealed, len + AEAD_TAG));
	}
}

TEST_F(gcm, open)
{
	uint8_t opened[TEXT];

	aead_seal(&self->a, self->nonce, self->ad, sizeof(self->ad), self->text, TEXT,
		  self->sealed);
	EXPECT_TRUE(aead_open(&self->a, self->nonce, self->ad, sizeof(self->ad), self->sealed,
			      TEXT + AEAD_TAG, opened));
	EXPECT_TRUE(ct_is_secret(opened, TEXT));
}

TEST_F(gcm, open_refused)
{
	uint8_t opened[TEXT];

	aead_seal(&self->a, self->nonce, self->ad, sizeof(self->ad), self->text, TEXT,
		  self->sealed);
	self->sealed[TEXT] ^= 1;
	EXPECT_FALSE(aead_open(&self->a, self->nonce, self->ad, sizeof(self->ad), self->sealed,
			       TEXT + AEAD_TAG, opened));
}

/* libsodium's, which checks a tag and branches on the verdict by itself: only sealed here. */
TEST(chacha20_poly1305_seal)
{
	const uint8_t nonce[AEAD_NONCE] = { 0 };
	uint8_t key[AEAD_KEY_MAX] = { 0 }, text[TEXT + AEAD_TAG] = { 0 };

	ct_secret(key, sizeof(key));
	ct_secret(text, TEXT);
	aead_seal_once(AEAD_CHACHA20_POLY1305, key, nonce, NULL, 0, text, TEXT, text);
	EXPECT_TRUE(ct_is_secret(text, sizeof(text)));
	EXPECT_EQ(0, ct_leaks());
}

CT_MAIN
