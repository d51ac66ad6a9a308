/* SPDX-License-Identifier: MIT */
/* The insides of AES-GCM: key expansion, the bitsliced cipher, GHASH; and both paths side by side.
 */
#include "tests/harness/harness.h"

#include <openssl/evp.h>

#include "lib/crypto/cpu.h"
#include "lib/crypto/gcm.h"
#include "lib/crypto/util.h"

FIXTURE(aes)
{
	uint8_t key[32], blocks[AES_BATCH * AES_BLOCK], expected[AES_BATCH * AES_BLOCK];
	struct gcm_key k, other;
};

FIXTURE_VARIANT(aes)
{
	size_t key_size;
	const EVP_CIPHER *(*ecb)(void);
	/* FIPS 197, appendices A (the last round key) and C */
	const char *expansion_key, *last_round_key, *encrypted;
};

FIXTURE_VARIANT_ADD(aes, 128){ .key_size = 16,
			       .ecb = EVP_aes_128_ecb,
			       .expansion_key = "2b7e151628aed2a6abf7158809cf4f3c",
			       .last_round_key = "d014f9a8c9ee2589e13f0cc8b6630ca6",
			       .encrypted = "69c4e0d86a7b0430d8cdb78070b4c55a" };

FIXTURE_VARIANT_ADD(aes, 256){
	.key_size = 32,
	.ecb = EVP_aes_256_ecb,
	.expansion_key = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
	.last_round_key = "fe4890d1e6188d0b046df344706c631e",
	.encrypted = "8ea2b7ca516745bfeafc49904b496089"
};

FIXTURE_SETUP(aes)
{
	ASSERT_EQ(0, crypto_init());
	random_bytes(self->key, sizeof(self->key));
	random_bytes(self->blocks, sizeof(self->blocks));
}

FIXTURE_TEARDOWN(aes)
{
}

static void encrypt_batch(const struct gcm_key *k, uint8_t *blocks)
{
	struct aes_sliced s;

	aes_slice_key(&s, k);
	aes_encrypt_batch(&s, blocks);
}

static void reference_encrypt(const EVP_CIPHER *ecb, const uint8_t *key, const uint8_t *blocks,
			      uint8_t *out)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n;

	ASSERT_NOT_NULL(c);
	ASSERT_EQ(1, EVP_EncryptInit_ex(c, ecb, NULL, key, NULL));
	ASSERT_EQ(1, EVP_EncryptUpdate(c, out, &n, blocks, AES_BATCH * AES_BLOCK));
	ASSERT_EQ(AES_BATCH * AES_BLOCK, n);
	EVP_CIPHER_CTX_free(c);
}

TEST_F(aes, key_expansion)
{
	uint8_t last[AES_BLOCK];

	ASSERT_EQ(variant->key_size, test_hex(variant->expansion_key, self->key, 32));
	ASSERT_EQ(AES_BLOCK, test_hex(variant->last_round_key, last, sizeof(last)));
	aes_expand_key(&self->k, self->key, variant->key_size);
	EXPECT_EQ(variant->key_size / 4 + 6, self->k.rounds);
	EXPECT_MEMEQ(last, self->k.round_key[self->k.rounds], AES_BLOCK);
	EXPECT_MEMEQ(self->key, self->k.round_key, variant->key_size);
}

TEST_F(aes, known_answer)
{
	ASSERT_EQ(AES_BLOCK, test_hex(variant->encrypted, self->expected, AES_BLOCK));
	for (unsigned int i = 0; i < 32; i++)
		self->key[i] = (uint8_t)i;
	for (unsigned int i = 0; i < AES_BLOCK; i++)
		self->blocks[5 * AES_BLOCK + i] = (uint8_t)(0x11 * i);
	aes_expand_key(&self->k, self->key, variant->key_size);
	encrypt_batch(&self->k, self->blocks);
	EXPECT_MEMEQ(self->expected, self->blocks + 5 * AES_BLOCK, AES_BLOCK);
}

/* 500 x 8 x 16 x 10 substitutions and more: each byte is met hundreds of times. */
TEST_F(aes, random_blocks)
{
	for (unsigned int i = 0; i < 500; i++) {
		random_bytes(self->key, sizeof(self->key));
		reference_encrypt(variant->ecb(), self->key, self->blocks, self->expected);
		aes_expand_key(&self->k, self->key, variant->key_size);
		encrypt_batch(&self->k, self->blocks);
		ASSERT_MEMEQ(self->expected, self->blocks, sizeof(self->blocks));
	}
}

/* The product by H, bit by bit as SP 800-38D, 6.3 has it. */
static void multiply_slowly(uint8_t y[AES_BLOCK], const uint8_t h[AES_BLOCK])
{
	uint8_t v[AES_BLOCK], z[AES_BLOCK] = { 0 };
	unsigned int last;

	memcpy(v, h, sizeof(v));
	for (unsigned int bit = 0; bit < 128; bit++) {
		for (unsigned int i = 0; i < AES_BLOCK && (y[bit / 8] << bit % 8 & 0x80); i++)
			z[i] ^= v[i];
		last = v[AES_BLOCK - 1] & 1;
		for (unsigned int i = AES_BLOCK - 1; i > 0; i--)
			v[i] = (uint8_t)(v[i] >> 1 | v[i - 1] << 7);
		v[0] = (uint8_t)(v[0] >> 1 ^ (last ? 0xe1 : 0));
	}
	memcpy(y, z, sizeof(z));
}

static void expect_ghash(const uint8_t h[AES_BLOCK], const uint8_t *blocks, size_t len)
{
	uint8_t y[AES_BLOCK] = { 0 }, out[AES_BLOCK];
	struct gcm_key k;
	struct ghash g;

	for (size_t at = 0; at < len; at += AES_BLOCK) {
		for (unsigned int i = 0; i < AES_BLOCK; i++)
			y[i] ^= blocks[at + i];
		multiply_slowly(y, h);
	}
	y[14] ^= (uint8_t)(len >> 5);
	y[15] ^= (uint8_t)(len << 3);
	multiply_slowly(y, h);
	ghash_key_set(&k, h);
	ghash_init(&g, &k);
	ghash_update(&g, blocks, len);
	ghash_final(&g, 0, len, out);
	ASSERT_MEMEQ(y, out, sizeof(y));
}

TEST(ghash)
{
	uint8_t h[AES_BLOCK], blocks[5 * AES_BLOCK];

	ASSERT_EQ(0, crypto_init());
	for (unsigned int i = 0; i < 1000; i++) {
		random_bytes(h, sizeof(h));
		random_bytes(blocks, sizeof(blocks));
		expect_ghash(h, blocks, sizeof(blocks));
	}
	for (unsigned int bit = 0; bit < 128; bit++) { /* all that is carried, and nothing else */
		memset(h, 0, sizeof(h));
		h[bit / 8] = (uint8_t)(0x80 >> bit % 8);
		expect_ghash(h, blocks, AES_BLOCK);
		memset(h, 0xff, sizeof(h));
		memset(blocks, 0xff, sizeof(blocks));
		expect_ghash(h, blocks, sizeof(blocks));
	}
}

#if defined(__x86_64__)

TEST_F(aes, both_paths_expand_alike)
{
	if (!crypto_cpu.aes_gcm)
		SKIP(return, "this CPU has no AES-NI and PCLMULQDQ");
	for (unsigned int i = 0; i < 500; i++) {
		random_bytes(self->key, sizeof(self->key));
		gcm_init_portable(&self->k, self->key, variant->key_size);
		gcm_init_ni(&self->other, self->key, variant->key_size);
		ASSERT_EQ(self->k.rounds, self->other.rounds);
		ASSERT_MEMEQ(self->k.round_key, self->other.round_key,
			     AES_BLOCK * (self->k.rounds + 1));
		ASSERT_MEMEQ(self->k.h, self->other.h, sizeof(self->k.h));
	}
}

TEST_F(aes, both_paths_crypt_alike)
{
	static uint8_t ad[100], text[3000], a[3000], b[3000];
	uint8_t tag_a[AEAD_TAG], tag_b[AEAD_TAG];
	struct gcm_message m = { .nonce = self->blocks, .ad = ad, .in = text };

	if (!crypto_cpu.aes_gcm)
		SKIP(return, "this CPU has no AES-NI and PCLMULQDQ");
	random_bytes(ad, sizeof(ad));
	random_bytes(text, sizeof(text));
	for (size_t len = 0; len <= sizeof(text); len++) {
		random_bytes(self->key, sizeof(self->key));
		gcm_init_ni(&self->k, self->key, variant->key_size);
		m.seal = len % 2;
		m.ad_len = len % (sizeof(ad) + 1);
		m.len = len;
		m.out = a;
		gcm_crypt_ni(&self->k, &m, tag_a);
		m.out = b;
		gcm_crypt_portable(&self->k, &m, tag_b);
		ASSERT_MEMEQ(a, b, len);
		ASSERT_MEMEQ(tag_a, tag_b, AEAD_TAG);
	}
}

#endif

TEST_HARNESS_MAIN
