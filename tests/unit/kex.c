/* SPDX-License-Identifier: MIT */
/*
 * Key exchange: the published answers of both groups, X25519 against Wycheproof and libcrypto.
 * P-256 goes on in p256.c and p256_field.c.
 */
#include "tests/harness/harness.h"

#include <openssl/bn.h>
#include <openssl/evp.h>

#include "lib/crypto/kex.h"
#include "lib/crypto/util.h"
#include "lib/crypto/x25519.h"

#if defined(__SANITIZE_ADDRESS__)
#define RANDOM_ROUNDS 1000
#else
#define RANDOM_ROUNDS 10000
#endif

FIXTURE(kex)
{
	uint8_t private_key[32], share[65], peer[65], shared[32], expected[65];
};

FIXTURE_SETUP(kex)
{
	ASSERT_EQ(0, crypto_init());
}

FIXTURE_TEARDOWN(kex)
{
}

static bool all_are(uint8_t value, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i] != value)
			return false;
	return true;
}

/* ---- known answers -------------------------------------------------------------------------- */

/* Both sides of one exchange, in hex; the P-256 shares without the 04 before them. */
FIXTURE(exchange)
{
	uint8_t private_key[2][32], share[2][65], shared[32];
};

FIXTURE_VARIANT(exchange)
{
	enum kex_group group;
	const char *private_key[2], *share[2], *shared;
};

/* RFC 7748, 6.1 */
FIXTURE_VARIANT_ADD(exchange, rfc7748){
	.group = KEX_X25519,
	.private_key = { "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
			 "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb" },
	.share = { "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
		   "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f" },
	.shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
};

/* RFC 5903, 8.1 */
FIXTURE_VARIANT_ADD(exchange, rfc5903){
	.group = KEX_SECP256R1,
	.private_key = { "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
			 "c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53" },
	.share = { "04dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180"
		   "5271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3",
		   "04d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63"
		   "56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab" },
	.shared = "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de",
};

/* RFC 8448, 5: the second ClientHello's share and the ServerHello's */
FIXTURE_VARIANT_ADD(exchange, rfc8448){
	.group = KEX_SECP256R1,
	.private_key = { "ab5473467e19346ceb0a0414e41da21d4d2445bc3025afe97c4e8dc8d513da39",
			 "8c510601f9765bfb8ed693449a48989859b5cfa879cb9f5443c41c5ff10634ed" },
	.share = { "04a6da7392ec591e17abfd535964b99894d13befb221b3def2ebe3830eac8f0151"
		   "812677c4d6d2237e85cf01d6910cfb83954e76ba7352830534159897e8065780",
		   "04583e054b7a66672ae020ad9d2686fcc85b5ad41a134a0f03ee72b893052bd85b"
		   "4c8de6776f5b04ac07d83540eab3e3d9c547bc6528c4317d294686093a6cad7d" },
	.shared = "c142ce13ca11b5c2233652e63ad3d97844f1621fbfb9de69d547dc8fedeabeb4",
};

FIXTURE_SETUP(exchange)
{
	const size_t share_size = kex_share_size(variant->group);

	ASSERT_EQ(0, crypto_init());
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(32, test_hex(variant->private_key[i], self->private_key[i], 32));
		ASSERT_EQ(share_size, test_hex(variant->share[i], self->share[i], 65));
	}
	ASSERT_EQ(kex_shared_size(variant->group), test_hex(variant->shared, self->shared, 32));
}

FIXTURE_TEARDOWN(exchange)
{
}

TEST_F(exchange, shares)
{
	uint8_t share[65];

	for (int i = 0; i < 2; i++) {
		ASSERT_TRUE(kex_share_of(variant->group, self->private_key[i], share));
		EXPECT_MEMEQ(self->share[i], share, kex_share_size(variant->group));
	}
}

TEST_F(exchange, shared_secret)
{
	uint8_t shared[32];

	for (int i = 0; i < 2; i++) {
		ASSERT_TRUE(kex_agree(variant->group, self->private_key[i], self->share[1 - i],
				      kex_share_size(variant->group), shared));
		EXPECT_MEMEQ(self->shared, shared, sizeof(shared));
	}
}

/* RFC 7748, 5.2 */
TEST_F(kex, x25519_scalars_and_coordinates)
{
	static const char *const text[][3] = {
		{ "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
		  "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
		  "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552" },
		{ "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
		  "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
		  "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957" },
	};

	for (size_t i = 0; i < 2; i++) {
		test_hex(text[i][0], self->private_key, 32);
		test_hex(text[i][1], self->peer, 32);
		test_hex(text[i][2], self->expected, 32);
		ASSERT_TRUE(kex_agree(KEX_X25519, self->private_key, self->peer, 32, self->shared));
		EXPECT_MEMEQ(self->expected, self->shared, 32);
	}
}

/* RFC 7748, 5.2: each result is the next scalar, each scalar the next coordinate. */
TEST_F(kex, x25519_iterated)
{
	uint8_t k[32] = { 9 }, u[32] = { 9 };

	for (int i = 1; i <= 1000; i++) {
		ASSERT_TRUE(kex_agree(KEX_X25519, k, u, 32, self->shared));
		memcpy(u, k, 32);
		memcpy(k, self->shared, 32);
		if (i == 1) {
			test_hex("422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079",
				 self->expected, 32);
			ASSERT_MEMEQ(self->expected, k, 32);
		}
	}
	test_hex("684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51", self->expected,
		 32);
	EXPECT_MEMEQ(self->expected, k, 32);
}

/* RFC 9846, 7.4.2: all that is acceptable in other protocols must agree here too, but for zeros. */
TEST_F(kex, x25519_wycheproof)
{
	struct test_table t;

	if (!test_table_open(&t, "wycheproof/x25519.tsv"))
		SKIP(return, "no wycheproof/x25519.tsv");
	while (test_table_next(&t)) {
		ASSERT_EQ(32, test_table_hex(&t, "private", self->private_key, 32));
		ASSERT_EQ(32, test_table_hex(&t, "public", self->peer, 32));
		ASSERT_EQ(32, test_table_hex(&t, "shared", self->expected, 32));
		memset(self->shared, 0xff, sizeof(self->shared));
		EXPECT_EQ(!all_are(0, self->expected, 32),
			  kex_agree(KEX_X25519, self->private_key, self->peer, 32, self->shared));
		ASSERT_MEMEQ(self->expected, self->shared, 32);
	}
	test_table_close(&t);
}

/* ---- against libcrypto ---------------------------------------------------------------------- */

static void libcrypto_x25519(const uint8_t private_key[32], const uint8_t peer[32],
			     uint8_t share[32], uint8_t shared[32])
{
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, private_key, 32);
	EVP_PKEY *peer_key = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, peer, 32);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	size_t len = 32;

	ASSERT_EQ(1, EVP_PKEY_get_raw_public_key(key, share, &len));
	ASSERT_EQ(1, EVP_PKEY_derive_init(ctx));
	ASSERT_EQ(1, EVP_PKEY_derive_set_peer(ctx, peer_key));
	ASSERT_EQ(1, EVP_PKEY_derive(ctx, shared, &len));
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	EVP_PKEY_free(peer_key);
}

TEST_F_TIMEOUT(kex, x25519_random, 120)
{
	uint8_t expected_shared[32];

	for (int i = 0; i < RANDOM_ROUNDS; i++) {
		kex_generate(KEX_X25519, self->private_key, self->share);
		random_bytes(self->peer, 32);
		libcrypto_x25519(self->private_key, self->peer, self->expected, expected_shared);
		ASSERT_MEMEQ(self->expected, self->share, 32);
		ASSERT_TRUE(kex_agree(KEX_X25519, self->private_key, self->peer, 32, self->shared));
		ASSERT_MEMEQ(expected_shared, self->shared, 32);
	}
}

/* Clamped scalars at their ends, and such as differ only in bits that clamping sets. */
TEST_F(kex, x25519_extreme_private_keys)
{
	uint8_t expected_shared[32], share[32];

	kex_generate(KEX_X25519, self->private_key, self->peer);
	for (int i = 0; i < 256 + 3; i++) {
		memset(self->private_key, i == 257 ? 0xff : 0, 32);
		if (i < 256)
			self->private_key[i / 8] = (uint8_t)(1 << i % 8);
		if (i == 258)
			self->private_key[31] = 0xc0;
		libcrypto_x25519(self->private_key, self->peer, self->expected, expected_shared);
		ASSERT_TRUE(kex_share_of(KEX_X25519, self->private_key, share));
		ASSERT_MEMEQ(self->expected, share, 32);
	}
}

/* u_from_edwards_y() is (1 + y) / (1 - y) by libcrypto's numbers, for y as an encoded point has it.
 */
static void compare_u(const uint8_t y_bytes[32])
{
	BIGNUM *p = BN_new(), *y = BN_lebin2bn(y_bytes, 32, NULL), *t = BN_new();
	uint8_t expected[32], u[32];
	BN_CTX *ctx = BN_CTX_new();

	BN_set_bit(p, 255);
	BN_sub_word(p, 19);
	BN_mask_bits(y, 255);
	if (BN_cmp(y, p) < 0 && !BN_is_one(y)) {
		BN_mod_sub(t, BN_value_one(), y, p, ctx);
		ASSERT_NOT_NULL(BN_mod_inverse(t, t, p, ctx));
		BN_add_word(y, 1);
		BN_mod_mul(t, t, y, p, ctx);
		ASSERT_EQ(32, BN_bn2lebinpad(t, expected, 32));
		x25519_u_from_edwards_y(y_bytes, u);
		ASSERT_MEMEQ(expected, u, 32);
	}
	BN_free(t);
	BN_free(y);
	BN_free(p);
	BN_CTX_free(ctx);
}

/* Also such y as no point has. */
TEST_F(kex, x25519_u_from_edwards_y)
{
	uint8_t y[32];

	for (int i = 0; i < 4 * 256; i++) {
		memset(y, i & 1 ? 0xff : 0, 32);
		y[i / 4 / 8] ^= (uint8_t)((i & 2 ? 3 : 1) << i / 4 % 8);
		compare_u(y);
	}
	for (int i = 0; i < 256; i++) {
		memset(y, 0xff, 32);
		y[0] = (uint8_t)i;
		compare_u(y);
		memset(y, 0, 32);
		y[0] = (uint8_t)i;
		compare_u(y);
	}
	for (int i = 0; i < 2000; i++) {
		random_bytes(y, 32);
		compare_u(y);
	}
}

/* ---- what is refused ------------------------------------------------------------------------ */

TEST_F(kex, x25519_refuses_other_lengths)
{
	uint8_t peer[65];

	kex_generate(KEX_X25519, self->private_key, peer);
	memcpy(peer + 32, peer, 32);
	for (size_t len = 0; len <= 64; len++) {
		memset(self->shared, 0xff, 32);
		EXPECT_EQ(len == 32,
			  kex_agree(KEX_X25519, self->private_key, peer, len, self->shared));
		EXPECT_EQ(len != 32, all_are(0, self->shared, 32));
	}
}

/* RFC 7748, 6.1 and 7: each of the coordinates whose point has an order of 1, 2, 4 or 8. */
TEST_F(kex, x25519_refuses_points_of_small_order)
{
	static const char *const text[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	};

	for (size_t i = 0; i < 2 * sizeof(text) / sizeof(text[0]); i++) {
		test_hex(text[i / 2], self->peer, 32);
		self->peer[31] = (uint8_t)(self->peer[31] | (i % 2) << 7);
		kex_generate(KEX_X25519, self->private_key, self->share);
		memset(self->shared, 0xff, 32);
		EXPECT_FALSE(
			kex_agree(KEX_X25519, self->private_key, self->peer, 32, self->shared));
		EXPECT_TRUE(all_are(0, self->shared, 32));
	}
}

/* ---- fresh keys ----------------------------------------------------------------------------- */

TEST_F(kex, generates_other_keys_each_time)
{
	uint8_t private_key[32], share[65];

	for (enum kex_group group = KEX_X25519; group <= KEX_SECP256R1; group++) {
		kex_generate(group, self->private_key, self->share);
		kex_generate(group, private_key, share);
		EXPECT_NE(0, memcmp(self->private_key, private_key, 32));
		EXPECT_NE(0, memcmp(self->share, share, kex_share_size(group)));
	}
}

TEST_HARNESS_MAIN
