/* SPDX-License-Identifier: MIT */
/*
 * How a traffic key becomes the kernel's crypto_info. The expected bytes are put together here by
 * hand, from the structs of include/uapi/linux/tls.h and how net/tls uses their fields.
 */
#include <string.h>

#include "lib/ktls/cipher.h"
#include "tests/harness/harness.h"

enum nonce { EXPLICIT, SALTED, WHOLE };

FIXTURE(suite)
{
	struct ktls_traffic_key key;
	uint8_t expected[CRYPTO_INFO_MAX];
	size_t len;
};

FIXTURE_VARIANT(suite)
{
	uint16_t version, suite;
	uint16_t cipher; /* TLS_CIPHER_... */
	size_t key_len;
	enum nonce nonce;
};

#define SUITE(name, version_, suite_, cipher_, key_, nonce_) \
	FIXTURE_VARIANT_ADD(suite, name){ version_, suite_, cipher_, key_, nonce_ };

SUITE(tls13_aes_128_gcm, 0x0304, 0x1301, 51, 16, SALTED)
SUITE(tls13_aes_256_gcm, 0x0304, 0x1302, 52, 32, SALTED)
SUITE(tls13_chacha20_poly1305, 0x0304, 0x1303, 54, 32, WHOLE)
SUITE(ecdhe_ecdsa_aes_128_gcm, 0x0303, 0xc02b, 51, 16, EXPLICIT)
SUITE(ecdhe_rsa_aes_128_gcm, 0x0303, 0xc02f, 51, 16, EXPLICIT)
SUITE(rsa_aes_128_gcm, 0x0303, 0x009c, 51, 16, EXPLICIT)
SUITE(ecdhe_ecdsa_aes_256_gcm, 0x0303, 0xc02c, 52, 32, EXPLICIT)
SUITE(ecdhe_rsa_aes_256_gcm, 0x0303, 0xc030, 52, 32, EXPLICIT)
SUITE(rsa_aes_256_gcm, 0x0303, 0x009d, 52, 32, EXPLICIT)
SUITE(ecdhe_ecdsa_chacha20_poly1305, 0x0303, 0xcca9, 54, 32, WHOLE)
SUITE(ecdhe_rsa_chacha20_poly1305, 0x0303, 0xcca8, 54, 32, WHOLE)

static void put(struct test_self_suite *self, const void *bytes, size_t len)
{
	memcpy(self->expected + self->len, bytes, len);
	self->len += len;
}

FIXTURE_SETUP(suite)
{
	struct ktls_traffic_key *key = &self->key;

	key->version = variant->version;
	key->suite = variant->suite;
	for (size_t i = 0; i < variant->key_len; i++)
		key->key[i] = (uint8_t)(0x80 + i);
	memcpy(key->iv, "\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b", 12);
	memcpy(key->seq, "\x00\x00\x00\x01\x02\x03\x04\x05", 8);

	put(self, &variant->version, 2);
	put(self, &variant->cipher, 2);
	if (variant->nonce == EXPLICIT)
		put(self, "\x00\x00\x00\x01\x02\x03\x04\x05", 8);
	if (variant->nonce == SALTED)
		put(self, "\x14\x15\x16\x17\x18\x19\x1a\x1b", 8);
	if (variant->nonce == WHOLE)
		put(self, "\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b", 12);
	put(self, key->key, variant->key_len);
	if (variant->nonce != WHOLE)
		put(self, "\x10\x11\x12\x13", 4);
	put(self, "\x00\x00\x00\x01\x02\x03\x04\x05", 8);
}

FIXTURE_TEARDOWN(suite)
{
}

TEST_F(suite, is_laid_out_as_the_kernel_wants_it)
{
	const struct cipher *cipher = cipher_of_suite(variant->version, variant->suite);
	struct crypto_info info;

	ASSERT_NOT_NULL(cipher);
	EXPECT_EQ(variant->cipher, cipher->id);
	crypto_info_build(cipher, &self->key, &info);
	ASSERT_EQ(self->len, info.len);
	EXPECT_MEMEQ(self->expected, info.bytes, info.len);
}

TEST_F(suite, is_read_back)
{
	const struct cipher *cipher = cipher_of_suite(variant->version, variant->suite);
	struct ktls_traffic_key key;
	struct crypto_info info;

	ASSERT_NOT_NULL(cipher);
	crypto_info_build(cipher, &self->key, &info);
	ASSERT_TRUE(crypto_info_parse(&info, cipher, &key));
	EXPECT_EQ(variant->version, key.version);
	EXPECT_EQ(cipher, cipher_of_suite(variant->version, key.suite));
	EXPECT_MEMEQ(self->key.key, key.key, sizeof(key.key));
	EXPECT_MEMEQ(self->key.seq, key.seq, sizeof(key.seq));
	EXPECT_MEMEQ(self->key.iv, key.iv, variant->nonce == EXPLICIT ? 4 : 12);
}

TEST_F(suite, is_not_read_back_at_another_length)
{
	const struct cipher *cipher = cipher_of_suite(variant->version, variant->suite);
	struct ktls_traffic_key key;
	struct crypto_info info;

	ASSERT_NOT_NULL(cipher);
	crypto_info_build(cipher, &self->key, &info);
	memset(&key, 0xee, sizeof(key));
	for (size_t len = 0; len < self->len; len++) {
		info.len = len;
		EXPECT_FALSE(crypto_info_parse(&info, cipher, &key));
	}
	EXPECT_EQ(0xeeee, key.version);
}

TEST(suites_are_known_by_version)
{
	EXPECT_NULL(cipher_of_suite(KTLS_TLS_1_2, KTLS_AES_128_GCM_SHA256));
	EXPECT_NULL(cipher_of_suite(KTLS_TLS_1_3, 0xc02b));
	EXPECT_NULL(cipher_of_suite(0x0302, 0x002f));
	EXPECT_NULL(cipher_of_suite(0, 0));
}

TEST(every_cipher_has_a_row)
{
	for (uint16_t i = 0; i < CIPHERS; i++) {
		const struct cipher *cipher = cipher_row(i);

		ASSERT_NOT_NULL(cipher);
		EXPECT_EQ(51 + i, cipher->id);
		EXPECT_EQ(cipher, cipher_find(cipher->id));
		EXPECT_EQ(12, cipher->iv_len + cipher->salt_len);
		EXPECT_LE(crypto_info_len(cipher), CRYPTO_INFO_MAX);
	}
	EXPECT_NULL(cipher_row(CIPHERS));
	EXPECT_NULL(cipher_find(50));
	EXPECT_NULL(cipher_find(59));
}

TEST_HARNESS_MAIN
