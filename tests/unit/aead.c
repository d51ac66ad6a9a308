/* SPDX-License-Identifier: MIT */
/* The AEADs on each code path, against published answers, Wycheproof's tables and libcrypto. */
#include "tests/harness/harness.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "lib/crypto/aead.h"
#include "lib/crypto/cpu.h"
#include "lib/crypto/gcm.h"
#include "lib/crypto/util.h"

#define TEXT_MAX   17000
#define SEALED_MAX (TEXT_MAX + AEAD_TAG)
#define GUARD      64 /* bytes around an output that are to stay as they are */

FIXTURE(aead)
{
	struct aead a;
	uint8_t key[AEAD_KEY_MAX], nonce[AEAD_NONCE], ad[600];
	uint8_t text[TEXT_MAX], sealed[SEALED_MAX], expected[SEALED_MAX];
	uint8_t out[GUARD + SEALED_MAX + GUARD];
};

FIXTURE_VARIANT(aead)
{
	enum aead_alg alg;
	bool portable;
	const char *table;
};

FIXTURE_VARIANT_ADD(aead, aes_128_gcm_ni){ .alg = AEAD_AES_128_GCM,
					   .portable = false,
					   .table = "wycheproof/aes_gcm.tsv" };

FIXTURE_VARIANT_ADD(aead, aes_128_gcm_portable){ .alg = AEAD_AES_128_GCM,
						 .portable = true,
						 .table = "wycheproof/aes_gcm.tsv" };

FIXTURE_VARIANT_ADD(aead, aes_256_gcm_ni){ .alg = AEAD_AES_256_GCM,
					   .portable = false,
					   .table = "wycheproof/aes_gcm.tsv" };

FIXTURE_VARIANT_ADD(aead, aes_256_gcm_portable){ .alg = AEAD_AES_256_GCM,
						 .portable = true,
						 .table = "wycheproof/aes_gcm.tsv" };

FIXTURE_VARIANT_ADD(aead, chacha20_poly1305){ .alg = AEAD_CHACHA20_POLY1305,
					      .portable = true,
					      .table = "wycheproof/chacha20_poly1305.tsv" };

FIXTURE_SETUP(aead)
{
	ASSERT_EQ(0, crypto_init());
	if (!variant->portable && !crypto_cpu.aes_gcm)
		SKIP(return, "this CPU has no AES-NI and PCLMULQDQ");
	crypto_force_portable(variant->portable);
	random_bytes(self->key, sizeof(self->key));
	random_bytes(self->nonce, sizeof(self->nonce));
	random_bytes(self->ad, sizeof(self->ad));
	random_bytes(self->text, sizeof(self->text));
	aead_init(&self->a, variant->alg, self->key);
}

FIXTURE_TEARDOWN(aead)
{
	aead_wipe(&self->a);
}

/*
 * AES: the GCM specification (McGrew and Viega), test cases 1 to 4 and 13 to 16. ChaCha20-Poly1305:
 * RFC 8439, 2.8.2 and A.5.
 */
static const struct known {
	enum aead_alg alg;
	const char *key, *nonce, *ad, *text, *sealed;
} known[] = {
	{ AEAD_AES_128_GCM, "00000000000000000000000000000000", "000000000000000000000000", "", "",
	  "58e2fccefa7e3061367f1d57a4e7455a" },
	{ AEAD_AES_128_GCM, "00000000000000000000000000000000", "000000000000000000000000", "",
	  "00000000000000000000000000000000",
	  "0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf" },
	{ AEAD_AES_128_GCM, "feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888", "",
	  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
	  "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
	  "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
	  "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985"
	  "4d5c2af327cd64a62cf35abd2ba6fab4" },
	{ AEAD_AES_128_GCM, "feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
	  "feedfacedeadbeeffeedfacedeadbeefabaddad2",
	  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
	  "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
	  "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
	  "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e0915bc94fbc"
	  "3221a5db94fae95ae7121a47" },
	{ AEAD_AES_256_GCM, "0000000000000000000000000000000000000000000000000000000000000000",
	  "000000000000000000000000", "", "", "530f8afbc74536b9a963b4f1c4cb738b" },
	{ AEAD_AES_256_GCM, "0000000000000000000000000000000000000000000000000000000000000000",
	  "000000000000000000000000", "", "00000000000000000000000000000000",
	  "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919" },
	{ AEAD_AES_256_GCM, "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
	  "cafebabefacedbaddecaf888", "",
	  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
	  "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
	  "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
	  "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad"
	  "b094dac5d93471bdec1a502270e3cc6c" },
	{ AEAD_AES_256_GCM, "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
	  "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
	  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
	  "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
	  "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
	  "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece"
	  "0f4e1768cddf8853bb2d551b" },
	{ AEAD_CHACHA20_POLY1305,
	  "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
	  "070000004041424344454647", "50515253c0c1c2c3c4c5c6c7",
	  "4c616469657320616e642047656e746c656d656e206f662074686520636c6173"
	  "73206f66202739393a204966204920636f756c64206f6666657220796f75206f"
	  "6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73"
	  "637265656e20776f756c642062652069742e",
	  "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
	  "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
	  "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
	  "3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd060"
	  "0691" },
	{ AEAD_CHACHA20_POLY1305,
	  "1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0",
	  "000000000102030405060708", "f33388860000000000004e91",
	  "496e7465726e65742d4472616674732061726520647261667420646f63756d65"
	  "6e74732076616c696420666f722061206d6178696d756d206f6620736978206d"
	  "6f6e74687320616e64206d617920626520757064617465642c207265706c6163"
	  "65642c206f72206f62736f6c65746564206279206f7468657220646f63756d65"
	  "6e747320617420616e792074696d652e20497420697320696e617070726f7072"
	  "6961746520746f2075736520496e7465726e65742d4472616674732061732072"
	  "65666572656e6365206d6174657269616c206f7220746f206369746520746865"
	  "6d206f74686572207468616e206173202fe2809c776f726b20696e2070726f67"
	  "726573732e2fe2809d",
	  "64a0861575861af460f062c79be643bd5e805cfd345cf389f108670ac76c8cb2"
	  "4c6cfc18755d43eea09ee94e382d26b0bdb7b73c321b0100d4f03b7f355894cf"
	  "332f830e710b97ce98c8a84abd0b948114ad176e008d33bd60f982b1ff37c855"
	  "9797a06ef4f0ef61c186324e2b3506383606907b6a7c02b0f9f6157b53c867e4"
	  "b9166c767b804d46a59b5216cde7a4e99040c5a40433225ee282a1b0a06c523e"
	  "af4534d7f83fa1155b0047718cbc546a0d072b04b3564eea1b422273f548271a"
	  "0bb2316053fa76991955ebd63159434ecebb4e466dae5a1073a6727627097a10"
	  "49e617d91d361094fa68f0ff77987130305beaba2eda04df997b714d6c6f2c29"
	  "a6ad5cb4022b02709beead9d67890cbb22392336fea1851f38" },
};

static const EVP_CIPHER *cipher_of(enum aead_alg alg)
{
	switch (alg) {
	case AEAD_AES_128_GCM:
		return EVP_aes_128_gcm();
	case AEAD_AES_256_GCM:
		return EVP_aes_256_gcm();
	case AEAD_CHACHA20_POLY1305:
		return EVP_chacha20_poly1305();
	}
	return NULL;
}

/* len bytes of text, and the tag. */
static void reference_seal(enum aead_alg alg, const uint8_t *key, const uint8_t *nonce,
			   const uint8_t *ad, size_t ad_len, const uint8_t *text, size_t len,
			   uint8_t *out)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n;

	ASSERT_NOT_NULL(c);
	ASSERT_EQ(1, EVP_EncryptInit_ex(c, cipher_of(alg), NULL, key, nonce));
	if (ad_len > 0)
		ASSERT_EQ(1, EVP_EncryptUpdate(c, NULL, &n, ad, (int)ad_len));
	ASSERT_EQ(1, EVP_EncryptUpdate(c, out, &n, text, (int)len));
	ASSERT_EQ(1, EVP_EncryptFinal_ex(c, out + len, &n));
	ASSERT_EQ(1, EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG, out + len));
	EVP_CIPHER_CTX_free(c);
}

static bool all_are(uint8_t value, const void *p, size_t len)
{
	const uint8_t *bytes = p;

	for (size_t i = 0; i < len; i++) {
		if (bytes[i] != value)
			return false;
	}
	return true;
}

/* Seals and opens len bytes with ad_len bytes of associated data as libcrypto does. */
static void expect_agreement(struct test_self_aead *self, size_t ad_len, size_t len)
{
	uint8_t *out = self->out + GUARD;

	reference_seal(self->a.alg, self->key, self->nonce, self->ad, ad_len, self->text, len,
		       self->expected);
	memset(self->out, 0xa5, GUARD);
	memset(out, 0xa5, len + AEAD_TAG + GUARD);
	aead_seal(&self->a, self->nonce, ad_len ? self->ad : NULL, ad_len, self->text, len, out);
	ASSERT_MEMEQ(self->expected, out, len + AEAD_TAG);
	ASSERT_TRUE(all_are(0xa5, self->out, GUARD));
	ASSERT_TRUE(all_are(0xa5, out + len + AEAD_TAG, GUARD));
	memset(out, 0xa5, len + AEAD_TAG);
	ASSERT_TRUE(aead_open(&self->a, self->nonce, ad_len ? self->ad : NULL, ad_len,
			      self->expected, len + AEAD_TAG, out));
	ASSERT_MEMEQ(self->text, out, len);
	ASSERT_TRUE(all_are(0xa5, self->out, GUARD));
	ASSERT_TRUE(all_are(0xa5, out + len, GUARD));
}

/* Refused, and not a byte of the text comes out. */
static void expect_refusal(struct test_self_aead *self, size_t ad_len, const uint8_t *sealed,
			   size_t len)
{
	const size_t text_len = len < AEAD_TAG ? 0 : len - AEAD_TAG;

	memset(self->out, 0xa5, text_len + 1);
	ASSERT_FALSE(aead_open(&self->a, self->nonce, self->ad, ad_len, sealed, len, self->out));
	ASSERT_TRUE(all_are(0, self->out, text_len));
	ASSERT_EQ(0xa5, self->out[text_len]);
}

static void flip(uint8_t *bytes, size_t bit)
{
	bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
}

TEST_F(aead, known_answers)
{
	unsigned int seen = 0;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		const struct known *v = &known[i];
		size_t ad_len, len;

		if (v->alg != variant->alg)
			continue;
		seen++;
		ASSERT_EQ(aead_key_size(v->alg), test_hex(v->key, self->key, sizeof(self->key)));
		ASSERT_EQ(AEAD_NONCE, test_hex(v->nonce, self->nonce, AEAD_NONCE));
		ad_len = test_hex(v->ad, self->ad, sizeof(self->ad));
		len = test_hex(v->text, self->text, sizeof(self->text));
		ASSERT_EQ(len + AEAD_TAG, test_hex(v->sealed, self->expected, SEALED_MAX));
		aead_init(&self->a, v->alg, self->key);
		aead_seal(&self->a, self->nonce, self->ad, ad_len, self->text, len, self->out);
		EXPECT_MEMEQ(self->expected, self->out, len + AEAD_TAG);
		EXPECT_TRUE(aead_open(&self->a, self->nonce, self->ad, ad_len, self->expected,
				      len + AEAD_TAG, self->out));
		EXPECT_MEMEQ(self->text, self->out, len);
	}
	EXPECT_GE(seen, 2);
}

/* Those with a nonce or a key of another size than TLS has are not for us. */
TEST_F(aead, wycheproof)
{
	struct test_table t;
	unsigned int seen = 0;

	if (!test_table_open(&t, variant->table))
		SKIP(return, "no %s", variant->table);
	while (test_table_next(&t)) {
		bool valid = strcmp(test_table_text(&t, "result"), "valid") == 0;
		size_t ad_len, len;

		if (test_table_number(&t, "keySize") != 8 * aead_key_size(variant->alg) ||
		    test_table_number(&t, "ivSize") != 8 * AEAD_NONCE ||
		    test_table_number(&t, "tagSize") != 8 * AEAD_TAG)
			continue;
		seen++;
		test_table_hex(&t, "key", self->key, sizeof(self->key));
		test_table_hex(&t, "iv", self->nonce, sizeof(self->nonce));
		ad_len = test_table_hex(&t, "aad", self->ad, sizeof(self->ad));
		len = test_table_hex(&t, "ct", self->sealed, TEXT_MAX);
		test_table_hex(&t, "tag", self->sealed + len, AEAD_TAG);
		aead_init(&self->a, variant->alg, self->key);
		if (!valid) {
			expect_refusal(self, ad_len, self->sealed, len + AEAD_TAG);
			continue;
		}
		ASSERT_EQ(len, test_table_hex(&t, "msg", self->text, sizeof(self->text)));
		aead_seal(&self->a, self->nonce, self->ad, ad_len, self->text, len, self->out);
		EXPECT_MEMEQ(self->sealed, self->out, len + AEAD_TAG);
		EXPECT_TRUE(aead_open(&self->a, self->nonce, self->ad, ad_len, self->sealed,
				      len + AEAD_TAG, self->out));
		EXPECT_MEMEQ(self->text, self->out, len);
	}
	test_table_close(&t);
	EXPECT_GE(seen, 60);
}

TEST_F_TIMEOUT(aead, every_length, 120)
{
	for (size_t len = 0; len <= 5000; len++)
		expect_agreement(self, len % 40, len);
}

TEST_F(aead, every_length_of_ad)
{
	for (size_t ad_len = 0; ad_len <= sizeof(self->ad); ad_len++)
		expect_agreement(self, ad_len, ad_len % 150);
}

/* A record at its longest, in plain and with the type, the padding and more than that. */
TEST_F(aead, records)
{
	for (size_t len = 16384 - 2 * AES_BLOCK; len <= 16384 + 300; len++)
		expect_agreement(self, 5, len);
}

/* The counter of blocks carries from byte to byte. */
TEST_F(aead, more_than_65536_blocks)
{
	const size_t len = 65600 * 16 + 5;
	uint8_t *text = calloc(2, len + AEAD_TAG), *expected = text + len + AEAD_TAG;

	ASSERT_NOT_NULL(text);
	reference_seal(variant->alg, self->key, self->nonce, self->ad, 5, text, len, expected);
	aead_seal(&self->a, self->nonce, self->ad, 5, text, len, text);
	EXPECT_MEMEQ(expected, text, len + AEAD_TAG);
	EXPECT_TRUE(aead_open(&self->a, self->nonce, self->ad, 5, text, len + AEAD_TAG, text));
	EXPECT_TRUE(all_are(0, text, len));
	free(text);
}

TEST_F(aead, random_keys)
{
	for (unsigned int i = 0; i < 500; i++) {
		random_bytes(self->key, sizeof(self->key));
		random_bytes(self->nonce, sizeof(self->nonce));
		aead_init(&self->a, variant->alg, self->key);
		expect_agreement(self, i % 30, i);
	}
}

TEST_F(aead, unaligned)
{
	for (size_t from = 0; from < 32; from++) {
		const uint8_t *text = self->text + from;
		uint8_t *out = self->out + 31 - from;

		reference_seal(variant->alg, self->key, self->nonce, self->ad + from, 50, text, 500,
			       self->expected);
		aead_seal(&self->a, self->nonce, self->ad + from, 50, text, 500, out);
		ASSERT_MEMEQ(self->expected, out, 500 + AEAD_TAG);
		ASSERT_TRUE(aead_open(&self->a, self->nonce, self->ad + from, 50, out,
				      500 + AEAD_TAG, self->sealed + from));
		ASSERT_MEMEQ(text, self->sealed + from, 500);
	}
}

TEST_F(aead, in_place)
{
	for (size_t len = 0; len <= 600; len++) {
		reference_seal(variant->alg, self->key, self->nonce, self->ad, 5, self->text, len,
			       self->expected);
		memcpy(self->out, self->text, len);
		aead_seal(&self->a, self->nonce, self->ad, 5, self->out, len, self->out);
		ASSERT_MEMEQ(self->expected, self->out, len + AEAD_TAG);
		ASSERT_TRUE(aead_open(&self->a, self->nonce, self->ad, 5, self->out, len + AEAD_TAG,
				      self->out));
		ASSERT_MEMEQ(self->text, self->out, len);
	}
}

TEST_F(aead, in_place_refused)
{
	for (size_t len = 0; len <= 600; len++) {
		aead_seal(&self->a, self->nonce, self->ad, 5, self->text, len, self->out);
		flip(self->out, 8 * len + len % 128);
		ASSERT_FALSE(aead_open(&self->a, self->nonce, self->ad, 5, self->out,
				       len + AEAD_TAG, self->out));
		ASSERT_TRUE(all_are(0, self->out, len));
	}
}

/* Whole batches, a whole block and a part of one. */
#define FLIP_LEN 300
#define FLIP_AD  37

TEST_F(aead, every_bit_of_ciphertext_and_tag)
{
	aead_seal(&self->a, self->nonce, self->ad, FLIP_AD, self->text, FLIP_LEN, self->sealed);
	for (size_t bit = 0; bit < 8 * (FLIP_LEN + AEAD_TAG); bit++) {
		flip(self->sealed, bit);
		expect_refusal(self, FLIP_AD, self->sealed, FLIP_LEN + AEAD_TAG);
		flip(self->sealed, bit);
	}
	EXPECT_TRUE(aead_open(&self->a, self->nonce, self->ad, FLIP_AD, self->sealed,
			      FLIP_LEN + AEAD_TAG, self->out));
}

TEST_F(aead, every_bit_of_ad_and_nonce)
{
	aead_seal(&self->a, self->nonce, self->ad, FLIP_AD, self->text, FLIP_LEN, self->sealed);
	for (size_t bit = 0; bit < 8 * FLIP_AD; bit++) {
		flip(self->ad, bit);
		expect_refusal(self, FLIP_AD, self->sealed, FLIP_LEN + AEAD_TAG);
		flip(self->ad, bit);
	}
	for (size_t bit = 0; bit < 8 * AEAD_NONCE; bit++) {
		flip(self->nonce, bit);
		expect_refusal(self, FLIP_AD, self->sealed, FLIP_LEN + AEAD_TAG);
		flip(self->nonce, bit);
	}
}

TEST_F(aead, every_bit_of_key)
{
	aead_seal(&self->a, self->nonce, self->ad, FLIP_AD, self->text, FLIP_LEN, self->sealed);
	for (size_t bit = 0; bit < 8 * aead_key_size(variant->alg); bit++) {
		flip(self->key, bit);
		aead_init(&self->a, variant->alg, self->key);
		expect_refusal(self, FLIP_AD, self->sealed, FLIP_LEN + AEAD_TAG);
		flip(self->key, bit);
	}
}

/* Zeros at the end of either count; so does a byte that goes from the one to the other. */
TEST_F(aead, lengths_are_authenticated)
{
	memset(self->ad, 0, sizeof(self->ad));
	memset(self->sealed, 0, sizeof(self->sealed));
	aead_seal(&self->a, self->nonce, self->ad, 16, self->text, 16, self->sealed);
	expect_refusal(self, 15, self->sealed, 16 + AEAD_TAG);
	expect_refusal(self, 17, self->sealed, 16 + AEAD_TAG);
	expect_refusal(self, 0, self->sealed, 16 + AEAD_TAG);
	memcpy(self->ad + 16, self->sealed, 16);
	expect_refusal(self, 32, self->sealed + 16, AEAD_TAG);
}

TEST_F(aead, truncated_at_every_byte)
{
	uint8_t *exact;

	aead_seal(&self->a, self->nonce, self->ad, FLIP_AD, self->text, FLIP_LEN, self->sealed);
	for (size_t len = 0; len < FLIP_LEN + AEAD_TAG; len++) {
		exact = malloc(len); /* where a sanitizer sees what is read behind its end */
		ASSERT_TRUE(exact != NULL || len == 0);
		if (len > 0)
			memcpy(exact, self->sealed, len);
		expect_refusal(self, FLIP_AD, exact, len);
		free(exact);
	}
	expect_refusal(self, FLIP_AD, self->sealed, FLIP_LEN + AEAD_TAG + 1);
}

TEST_F(aead, once)
{
	aead_seal(&self->a, self->nonce, self->ad, 5, self->text, 100, self->expected);
	aead_seal_once(variant->alg, self->key, self->nonce, self->ad, 5, self->text, 100,
		       self->sealed);
	EXPECT_MEMEQ(self->expected, self->sealed, 100 + AEAD_TAG);
	EXPECT_TRUE(aead_open_once(variant->alg, self->key, self->nonce, self->ad, 5, self->sealed,
				   100 + AEAD_TAG, self->out));
	EXPECT_MEMEQ(self->text, self->out, 100);
	self->sealed[0] ^= 1;
	EXPECT_FALSE(aead_open_once(variant->alg, self->key, self->nonce, self->ad, 5, self->sealed,
				    100 + AEAD_TAG, self->out));
	EXPECT_TRUE(all_are(0, self->out, 100));
}

TEST_F(aead, wipe)
{
	EXPECT_FALSE(all_are(0, &self->a, sizeof(self->a)));
	aead_wipe(&self->a);
	EXPECT_TRUE(all_are(0, &self->a, sizeof(self->a)));
}

TEST_HARNESS_MAIN
