/* SPDX-License-Identifier: MIT */
/*
 * HMAC and HKDF by key and by text. Valgrind knows no SHA instructions and hides them from CPUID,
 * so SHA-256 is libsodium's here; our own compression function has no branch but its count of
 * blocks.
 */
#include "tests/ct/ct.h"

#include "lib/crypto/hash.h"

FIXTURE(hash)
{
	uint8_t key[32], text[300], out[200];
};

FIXTURE_VARIANT(hash)
{
	enum hash_alg alg;
};

FIXTURE_VARIANT_ADD(hash, sha256){ .alg = HASH_SHA256 };
FIXTURE_VARIANT_ADD(hash, sha384){ .alg = HASH_SHA384 };

FIXTURE_SETUP(hash)
{
	memset(self->key, 0x5a, sizeof(self->key));
	ct_secret(self->key, sizeof(self->key));
	ct_secret(self->text, sizeof(self->text));
}

FIXTURE_TEARDOWN(hash)
{
	EXPECT_EQ(0, ct_leaks());
}

TEST_F(hash, digest)
{
	for (size_t len = 100; len <= sizeof(self->text); len += 25) {
		hash_bytes(variant->alg, self->text, len, self->out);
		EXPECT_TRUE(ct_is_secret(self->out, hash_size(variant->alg)));
	}
}

TEST_F(hash, hmac)
{
	for (size_t len = 1; len <= sizeof(self->key); len++) {
		hmac_bytes(variant->alg, self->key, len, self->text, 64, self->out);
		EXPECT_TRUE(ct_is_secret(self->out, hash_size(variant->alg)));
	}
	hmac_bytes(variant->alg, self->text, sizeof(self->text), self->text, 64, self->out);
	EXPECT_TRUE(ct_is_secret(self->out, hash_size(variant->alg)));
}

TEST_F(hash, hkdf)
{
	uint8_t prk[HASH_MAX];

	hkdf_extract(variant->alg, self->key, sizeof(self->key), self->text, 64, prk);
	EXPECT_TRUE(ct_is_secret(prk, hash_size(variant->alg)));
	hkdf_expand(variant->alg, prk, "info", 4, self->out, sizeof(self->out));
	EXPECT_TRUE(ct_is_secret(self->out, sizeof(self->out)));
}

CT_MAIN
