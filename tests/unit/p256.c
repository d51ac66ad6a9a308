/* SPDX-License-Identifier: MIT */
/* ECDH on P-256 against Wycheproof and libcrypto, and what it refuses. */
#include "tests/harness/harness.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>

#include "lib/crypto/kex.h"
#include "lib/crypto/util.h"

#if defined(__SANITIZE_ADDRESS__)
#define RANDOM_ROUNDS 1000
#else
#define RANDOM_ROUNDS 10000
#endif

static bool all_are(uint8_t value, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i] != value)
			return false;
	return true;
}

/* The curve as libcrypto has it. */
FIXTURE(p256)
{
	EC_GROUP *group;
	const BIGNUM *order, *p;
	BIGNUM *k, *t;
	EC_POINT *point;
	BN_CTX *ctx;
	uint8_t private_key[32], share[65], peer[65], shared[32], expected[65];
};

FIXTURE_SETUP(p256)
{
	ASSERT_EQ(0, crypto_init());
	self->group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	ASSERT_NOT_NULL(self->group);
	self->order = EC_GROUP_get0_order(self->group);
	self->p = EC_GROUP_get0_field(self->group);
	self->k = BN_new();
	self->t = BN_new();
	self->point = EC_POINT_new(self->group);
	self->ctx = BN_CTX_new();
	ASSERT_NOT_NULL(self->ctx);
}

FIXTURE_TEARDOWN(p256)
{
	BN_CTX_free(self->ctx);
	EC_POINT_free(self->point);
	BN_free(self->t);
	BN_free(self->k);
	EC_GROUP_free(self->group);
}

typedef struct test_self_p256 p256_self;

/* share = the point in self->point */
static void encode_point(p256_self *self, uint8_t share[65])
{
	ASSERT_EQ(65, EC_POINT_point2oct(self->group, self->point, POINT_CONVERSION_UNCOMPRESSED,
					 share, 65, self->ctx));
}

/* Our share of self->k, and our secret with self->peer, are libcrypto's. */
static void compare_scalar(p256_self *self)
{
	ASSERT_EQ(32, BN_bn2binpad(self->k, self->private_key, 32));
	ASSERT_EQ(1, EC_POINT_mul(self->group, self->point, self->k, NULL, NULL, self->ctx));
	encode_point(self, self->expected);
	ASSERT_TRUE(kex_share_of(KEX_SECP256R1, self->private_key, self->share));
	ASSERT_MEMEQ(self->expected, self->share, 65);

	ASSERT_EQ(1, EC_POINT_oct2point(self->group, self->point, self->peer, 65, self->ctx));
	ASSERT_EQ(1, EC_POINT_mul(self->group, self->point, NULL, self->point, self->k, self->ctx));
	encode_point(self, self->expected);
	ASSERT_TRUE(kex_agree(KEX_SECP256R1, self->private_key, self->peer, 65, self->shared));
	ASSERT_MEMEQ(self->expected + 1, self->shared, 32);
}

/* A scalar of any length, to 32 bytes. */
static void private_field(const struct test_table *t, uint8_t private_key[32])
{
	uint8_t bytes[64];
	const size_t len = test_table_hex(t, "private", bytes, sizeof(bytes));
	const size_t extra = len > 32 ? len - 32 : 0;

	ASSERT_TRUE(all_are(0, bytes, extra));
	memset(private_key, 0, 32);
	memcpy(private_key + 32 - (len - extra), bytes + extra, len - extra);
}

/* Compressed points are acceptable elsewhere; TLS 1.3 has none (RFC 9846, 4.3.8.2). */
TEST_F(p256, wycheproof)
{
	uint8_t peer[128];
	struct test_table t;

	if (!test_table_open(&t, "wycheproof/ecdh_secp256r1_ecpoint.tsv"))
		SKIP(return, "no wycheproof/ecdh_secp256r1_ecpoint.tsv");
	while (test_table_next(&t)) {
		const size_t len = test_table_hex(&t, "public", peer, sizeof(peer));
		const bool valid = strcmp(test_table_text(&t, "result"), "valid") == 0;

		private_field(&t, self->private_key);
		memset(self->expected, 0, 32);
		if (valid)
			ASSERT_EQ(32, test_table_hex(&t, "shared", self->expected, 32));
		memset(self->shared, 0xff, sizeof(self->shared));
		EXPECT_EQ(valid,
			  kex_agree(KEX_SECP256R1, self->private_key, peer, len, self->shared));
		ASSERT_MEMEQ(self->expected, self->shared, 32);
	}
	test_table_close(&t);
}

/* ---- against libcrypto ---------------------------------------------------------------------- */

TEST_F_TIMEOUT(p256, random, 120)
{
	for (int i = 0; i < RANDOM_ROUNDS; i++) {
		kex_generate(KEX_SECP256R1, self->private_key, self->peer);
		BN_bin2bn(self->private_key, 32, self->k);
		ASSERT_LT(BN_cmp(self->k, self->order), 0);
		kex_generate(KEX_SECP256R1, self->private_key, self->peer);
		compare_scalar(self);
	}
}

/* From 1 up and from n - 1 down: the ends of the range, where sums come close to infinity. */
TEST_F(p256, scalars_at_the_ends)
{
	kex_generate(KEX_SECP256R1, self->private_key, self->peer);
	for (BN_ULONG i = 1; i <= 80; i++) {
		BN_set_word(self->k, i);
		compare_scalar(self);
		BN_copy(self->k, self->order);
		BN_sub_word(self->k, i);
		compare_scalar(self);
	}
}

/* Each window with each of its digits, between zeros and between ones. */
TEST_F_TIMEOUT(p256, scalars_by_window, 120)
{
	kex_generate(KEX_SECP256R1, self->private_key, self->peer);
	for (int shift = 0; shift < 256; shift += 5) {
		for (BN_ULONG digit = 1; digit < 32; digit++) {
			BN_set_word(self->k, digit);
			BN_lshift(self->k, self->k, shift);
			if (BN_cmp(self->k, self->order) >= 0)
				continue;
			compare_scalar(self);
			BN_sub(self->k, self->order, self->k);
			compare_scalar(self);
		}
	}
}

TEST_F(p256, scalars_with_few_bits)
{
	kex_generate(KEX_SECP256R1, self->private_key, self->peer);
	for (int bit = 0; bit < 256; bit++) {
		BN_zero(self->k);
		BN_set_bit(self->k, bit);
		compare_scalar(self);
		if (bit > 0) {
			BN_sub_word(self->k, 1);
			compare_scalar(self);
		}
		BN_add_word(self->k, 2);
		compare_scalar(self);
	}
}

/* The peer's share is a small multiple of the base point, or one's own share, or its negative. */
TEST_F(p256, peers_of_known_logarithm)
{
	for (int i = -20; i <= 20; i++) {
		kex_generate(KEX_SECP256R1, self->private_key, self->share);
		BN_bin2bn(self->private_key, 32, self->k);
		if (i != 0) {
			BN_set_word(self->t, (BN_ULONG)(i > 0 ? i : -i));
			BN_set_negative(self->t, i < 0);
		} else {
			BN_copy(self->t, self->k);
		}
		ASSERT_EQ(1,
			  EC_POINT_mul(self->group, self->point, self->t, NULL, NULL, self->ctx));
		encode_point(self, self->peer);
		compare_scalar(self);
		EC_POINT_invert(self->group, self->point, self->ctx);
		encode_point(self, self->peer);
		compare_scalar(self);
	}
}

/* Both points with this x, if the curve has any: libcrypto and we agree on what they give. */
static int compare_points_with_x(p256_self *self)
{
	for (int odd = 0; odd < 2; odd++) {
		if (EC_POINT_set_compressed_coordinates(self->group, self->point, self->t, odd,
							self->ctx) != 1)
			return 0;
		encode_point(self, self->peer);
		for (BN_ULONG k = 1; k < 40; k += 13) {
			BN_set_word(self->k, k);
			compare_scalar(self);
			BN_sub(self->k, self->order, self->k);
			compare_scalar(self);
		}
	}
	return 1;
}

/* x near 0, near p, and near powers of 2 where words carry. */
TEST_F(p256, peers_with_extreme_coordinates)
{
	int found = 0;

	for (BN_ULONG i = 0; i < 8; i++) {
		BN_set_word(self->t, i);
		found += compare_points_with_x(self);
		BN_copy(self->t, self->p);
		BN_sub_word(self->t, i + 1);
		found += compare_points_with_x(self);
		for (int bit = 32; bit < 256; bit += 32) {
			BN_zero(self->t);
			BN_set_bit(self->t, bit);
			BN_sub_word(self->t, i);
			found += compare_points_with_x(self);
		}
	}
	/* A half of all x have points; x = 0 is one. */
	EXPECT_GT(found, 20);
}

/* ---- what is refused ------------------------------------------------------------------------ */

static void expect_refused(p256_self *self, const uint8_t *peer, size_t len)
{
	memset(self->shared, 0xff, 32);
	EXPECT_FALSE(kex_agree(KEX_SECP256R1, self->private_key, peer, len, self->shared));
	EXPECT_TRUE(all_are(0, self->shared, 32));
}

TEST_F(p256, refuses_other_lengths)
{
	uint8_t peer[131];

	kex_generate(KEX_SECP256R1, self->private_key, peer);
	memcpy(peer + 65, peer, 65);
	for (size_t len = 0; len <= 130; len++)
		if (len != 65)
			expect_refused(self, peer, len);
	ASSERT_TRUE(kex_agree(KEX_SECP256R1, self->private_key, peer, 65, self->shared));
}

/* Compressed, hybrid and infinity among them. */
TEST_F(p256, refuses_other_forms)
{
	uint8_t compressed[33], infinity[65] = { 0 };

	kex_generate(KEX_SECP256R1, self->private_key, self->peer);
	for (int form = 0; form < 256; form++) {
		if (form == 4)
			continue;
		self->peer[0] = (uint8_t)form;
		expect_refused(self, self->peer, 65);
	}
	self->peer[0] = 4;
	memcpy(compressed, self->peer, 33);
	compressed[0] = (uint8_t)(2 | (self->peer[64] & 1));
	expect_refused(self, compressed, 33);
	expect_refused(self, infinity, 1);
	expect_refused(self, infinity, 65);
	infinity[0] = 4;
	expect_refused(self, infinity, 65);
}

TEST_F(p256, refuses_points_off_the_curve)
{
	for (int bit = 0; bit < 512; bit++) {
		kex_generate(KEX_SECP256R1, self->private_key, self->peer);
		self->peer[1 + bit / 8] ^= (uint8_t)(1 << bit % 8);
		expect_refused(self, self->peer, 65);
	}
}

/* Coordinates not below p, even where they are those of a point modulo p. */
TEST_F(p256, refuses_coordinates_out_of_range)
{
	kex_generate(KEX_SECP256R1, self->private_key, self->peer);
	BN_zero(self->t);
	ASSERT_EQ(1, EC_POINT_set_compressed_coordinates(self->group, self->point, self->t, 0,
							 self->ctx));
	encode_point(self, self->peer);
	ASSERT_TRUE(kex_agree(KEX_SECP256R1, self->private_key, self->peer, 65, self->shared));
	ASSERT_EQ(32, BN_bn2binpad(self->p, self->peer + 1, 32));
	expect_refused(self, self->peer, 65);
	memset(self->peer + 1, 0xff, 32);
	expect_refused(self, self->peer, 65);

	kex_generate(KEX_SECP256R1, self->private_key, self->peer);
	memset(self->peer + 33, 0xff, 32);
	expect_refused(self, self->peer, 65);
	ASSERT_EQ(32, BN_bn2binpad(self->p, self->peer + 33, 32));
	expect_refused(self, self->peer, 65);
}

TEST_F(p256, refuses_private_keys_out_of_range)
{
	static const char *const text[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
		"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632552",
		"ffffffff00000000ffffffffffffffffbce6faada7179e85f3b9cac2fc632550",
		"ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	};

	kex_generate(KEX_SECP256R1, self->private_key, self->peer);
	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		test_hex(text[i], self->private_key, 32);
		expect_refused(self, self->peer, 65);
		memset(self->share, 0xff, 65);
		EXPECT_FALSE(kex_share_of(KEX_SECP256R1, self->private_key, self->share));
		EXPECT_TRUE(all_are(0, self->share, 65));
	}
}

TEST_HARNESS_MAIN
