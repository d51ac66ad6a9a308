/* SPDX-License-Identifier: MIT */
/* The parts of ECDH on P-256: field, group law, table, recoding; against libcrypto's numbers and
 * points. */
#include "tests/harness/harness.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <ucontext.h>

#include "lib/crypto/p256.h"
#include "lib/crypto/p256_point.h"
#include "lib/crypto/util.h"

/* ---- field ---------------------------------------------------------------------------------- */

FIXTURE(field)
{
	BIGNUM *p, *radix_inverse; /* 2^-256 mod p */
	BN_CTX *ctx;
	struct p256_fe edge[64]; /* as they are held, in Montgomery form */
	size_t edges;
};

typedef struct test_self_field field_self;

static BIGNUM *number(const struct p256_fe *a)
{
	uint8_t bytes[32];

	memcpy(bytes, a->w, sizeof(bytes));
	return BN_lebin2bn(bytes, sizeof(bytes), NULL);
}

static void add_edge(field_self *self, const BIGNUM *value)
{
	uint8_t bytes[32];

	if (BN_is_negative(value) || BN_cmp(value, self->p) >= 0)
		return;
	ASSERT_LT(self->edges, sizeof(self->edge) / sizeof(self->edge[0]));
	ASSERT_EQ(32, BN_bn2lebinpad(value, bytes, sizeof(bytes)));
	memcpy(self->edge[self->edges++].w, bytes, sizeof(bytes));
}

/* Numbers near 0, p, 2^256 - p and p / 2, and such with words of ones and zeros. */
FIXTURE_SETUP(field)
{
	BIGNUM *t = BN_new();

	ASSERT_EQ(0, crypto_init());
	self->ctx = BN_CTX_new();
	self->p = NULL;
	BN_hex2bn(&self->p, "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff");
	BN_set_bit(t, 256);
	self->radix_inverse = BN_mod_inverse(NULL, t, self->p, self->ctx);
	for (int i = -2; i <= 2; i++) {
		BN_zero(t);
		BN_set_bit(t, 256);
		for (int of = 0; of < 4; of++) {
			if (of == 1)
				BN_sub(t, t, self->p);
			if (of == 2)
				BN_rshift1(t, self->p);
			if (of == 3)
				BN_zero(t);
			if (i < 0)
				BN_sub_word(t, (BN_ULONG)-i);
			else
				BN_add_word(t, (BN_ULONG)i);
			add_edge(self, t);
		}
		BN_copy(t, self->p);
		BN_sub_word(t, (BN_ULONG)(i + 3));
		add_edge(self, t);
	}
	for (int bit = 32; bit < 256; bit += 32) {
		BN_zero(t);
		BN_set_bit(t, bit);
		add_edge(self, t);
		BN_sub_word(t, 1);
		add_edge(self, t);
		BN_sub(t, self->p, t);
		add_edge(self, t);
	}
	BN_hex2bn(&t, "fffffffe00000000ffffffffffffffff0000000000000000ffffffffffffffff");
	add_edge(self, t);
	BN_hex2bn(&t, "fffffffeffffffffffffffffffffffffffffffffffffffffffffffffffffffff");
	add_edge(self, t);
	ASSERT_GT(self->edges, 30);
	BN_free(t);
}

FIXTURE_TEARDOWN(field)
{
	BN_free(self->radix_inverse);
	BN_free(self->p);
	BN_CTX_free(self->ctx);
}

/* What was computed is held as this number, and below p. */
static void expect_number(field_self *self, const BIGNUM *expected, const struct p256_fe *r)
{
	BIGNUM *got = number(r);

	ASSERT_LT(BN_cmp(got, self->p), 0);
	ASSERT_EQ(0, BN_cmp(expected, got));
	BN_free(got);
}

static void compare_field(field_self *self, const struct p256_fe *fa, const struct p256_fe *fb)
{
	BIGNUM *a = number(fa), *b = number(fb), *t = BN_new();
	struct p256_fe r;

	p256_fe_add(fa, fb, &r);
	BN_mod_add(t, a, b, self->p, self->ctx);
	expect_number(self, t, &r);
	p256_fe_sub(fa, fb, &r);
	BN_mod_sub(t, a, b, self->p, self->ctx);
	expect_number(self, t, &r);
	p256_fe_mul(fa, fb, &r);
	BN_mod_mul(t, a, b, self->p, self->ctx);
	BN_mod_mul(t, t, self->radix_inverse, self->p, self->ctx);
	expect_number(self, t, &r);
	r = *fa;
	p256_fe_mul(&r, fb, &r);
	expect_number(self, t, &r);
	BN_free(a);
	BN_free(b);
	BN_free(t);
}

static void compare_field_one(field_self *self, const struct p256_fe *fa)
{
	BIGNUM *a = number(fa), *t = BN_new();
	struct p256_fe r, product;

	p256_fe_sqr(fa, &r);
	BN_mod_sqr(t, a, self->p, self->ctx);
	BN_mod_mul(t, t, self->radix_inverse, self->p, self->ctx);
	expect_number(self, t, &r);
	p256_fe_halve(fa, &r);
	p256_fe_add(&r, &r, &r);
	expect_number(self, a, &r);
	EXPECT_EQ(BN_is_zero(a) ? UINT64_MAX : 0, p256_fe_is_zero(fa));
	p256_fe_invert(fa, &r);
	p256_fe_mul(&r, fa, &product);
	if (BN_is_zero(a))
		EXPECT_NE(0, p256_fe_is_zero(&r));
	else
		EXPECT_MEMEQ(&p256_fe_one, &product, sizeof(product));
	BN_free(a);
	BN_free(t);
}

TEST_F(field, edges)
{
	for (size_t i = 0; i < self->edges; i++) {
		compare_field_one(self, &self->edge[i]);
		for (size_t j = 0; j < self->edges; j++)
			compare_field(self, &self->edge[i], &self->edge[j]);
	}
}

TEST_F(field, random)
{
	struct p256_fe a, b;
	uint8_t bytes[64];

	for (int i = 0; i < 3000; i++) {
		random_bytes(bytes, sizeof(bytes));
		bytes[0] &= 0x7f;
		bytes[32] &= 0x7f;
		ASSERT_TRUE(p256_fe_from_bytes(bytes, &a));
		ASSERT_TRUE(p256_fe_from_bytes(bytes + 32, &b));
		compare_field(self, &a, &b);
		compare_field_one(self, &a);
	}
}

TEST_F(field, bytes)
{
	uint8_t bytes[32], again[32];
	struct p256_fe a, held;
	BIGNUM *t = BN_new();

	for (size_t i = 0; i < self->edges; i++) {
		p256_fe_to_bytes(&self->edge[i], bytes);
		ASSERT_TRUE(p256_fe_from_bytes(bytes, &a));
		EXPECT_MEMEQ(&self->edge[i], &a, sizeof(a));
	}
	ASSERT_TRUE(p256_fe_from_bytes(bytes, &held));
	a = held;
	for (int i = -5; i < 5; i++) {
		BN_copy(t, self->p);
		if (i < 0)
			BN_sub_word(t, (BN_ULONG)-i);
		else
			BN_add_word(t, (BN_ULONG)i);
		ASSERT_EQ(32, BN_bn2binpad(t, bytes, 32));
		ASSERT_EQ(i < 0, p256_fe_from_bytes(bytes, &a));
		if (i < 0) {
			p256_fe_to_bytes(&a, again);
			EXPECT_MEMEQ(bytes, again, 32);
			a = held;
		}
		EXPECT_MEMEQ(&held, &a, sizeof(a));
	}
	BN_free(t);
}

/* ---- group law ------------------------------------------------------------------------------ */

FIXTURE(point)
{
	EC_GROUP *group;
	EC_POINT *point;
	BN_CTX *ctx;
	struct p256_point base, infinity;
};

typedef struct test_self_point point_self;

FIXTURE_SETUP(point)
{
	self->group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	ASSERT_NOT_NULL(self->group);
	self->point = EC_POINT_new(self->group);
	self->ctx = BN_CTX_new();
	self->base.x = p256_base_table[0][0].x;
	self->base.y = p256_base_table[0][0].y;
	self->base.z = p256_fe_one;
	/* Any x and y will do. */
	self->infinity.x = self->infinity.y = p256_base_table[3][3].x;
}

FIXTURE_TEARDOWN(point)
{
	BN_CTX_free(self->ctx);
	EC_POINT_free(self->point);
	EC_GROUP_free(self->group);
}

/* The affine point is 2^shift m G. */
static void expect_multiple(point_self *self, int shift, BN_ULONG m, const struct p256_affine *p)
{
	uint8_t expected[65], got[65];
	BIGNUM *k = BN_new();

	BN_set_word(k, m);
	BN_lshift(k, k, shift);
	ASSERT_EQ(1, EC_POINT_mul(self->group, self->point, k, NULL, NULL, self->ctx));
	ASSERT_EQ(65, EC_POINT_point2oct(self->group, self->point, POINT_CONVERSION_UNCOMPRESSED,
					 expected, 65, self->ctx));
	p256_point_to_bytes(p, got);
	ASSERT_MEMEQ(expected, got, 65);
	BN_free(k);
}

static void expect_small_multiple(point_self *self, BN_ULONG m, const struct p256_point *p)
{
	struct p256_affine affine;

	p256_point_to_affine(p, &affine);
	expect_multiple(self, 0, m, &affine);
}

TEST_F(point, base_table)
{
	for (int row = 0; row < P256_WINDOWS / 2; row++)
		for (int m = 1; m <= P256_WINDOW_MAX; m++)
			expect_multiple(self, 2 * P256_WINDOW * row, (BN_ULONG)m,
					&p256_base_table[row][m - 1]);
}

TEST_F(point, sums)
{
	const struct p256_affine base = { self->base.x, self->base.y };
	struct p256_point two, sum, mixed;

	p256_point_double(&self->base, &two);
	expect_small_multiple(self, 2, &two);
	sum = mixed = two;
	for (BN_ULONG m = 3; m < 40; m++) {
		p256_point_add(&sum, &self->base, &sum);
		expect_small_multiple(self, m, &sum);
		p256_point_add_affine(&mixed, &base, 0, &mixed);
		expect_small_multiple(self, m, &mixed);
		/* With a second point whose z is not 1, and the sum in the second's place. */
		two = sum;
		p256_point_add(&self->base, &sum, &two);
		expect_small_multiple(self, m + 1, &two);
	}
}

TEST_F(point, infinity)
{
	const struct p256_affine base = { self->base.x, self->base.y };
	struct p256_point r, negative = self->base;

	p256_point_double(&self->infinity, &r);
	EXPECT_NE(0, p256_fe_is_zero(&r.z));
	p256_point_add(&self->infinity, &self->base, &r);
	expect_small_multiple(self, 1, &r);
	p256_point_add(&self->base, &self->infinity, &r);
	expect_small_multiple(self, 1, &r);
	p256_point_add(&self->infinity, &self->infinity, &r);
	EXPECT_NE(0, p256_fe_is_zero(&r.z));
	p256_point_add_affine(&self->infinity, &base, 0, &r);
	expect_small_multiple(self, 1, &r);
	p256_point_add_affine(&self->base, &base, UINT64_MAX, &r);
	expect_small_multiple(self, 1, &r);
	p256_point_add_affine(&self->infinity, &base, UINT64_MAX, &r);
	EXPECT_NE(0, p256_fe_is_zero(&r.z));

	p256_fe_sub(&self->infinity.z, &negative.y, &negative.y);
	p256_point_add(&self->base, &negative, &r);
	EXPECT_NE(0, p256_fe_is_zero(&r.z));
	p256_point_add_affine(&negative, &base, 0, &r);
	EXPECT_NE(0, p256_fe_is_zero(&r.z));
}

/* ---- what is left in memory ----------------------------------------------------------------- */

#if !defined(__SANITIZE_ADDRESS__)

static struct {
	ucontext_t back;
	uint8_t private_key[32], share[65], shared[32];
	bool ok;
} run;

static void run_agree(void)
{
	run.ok = p256_agree(run.private_key, run.share, 65, run.shared);
}

static void run_share_of(void)
{
	run.ok = p256_share_of(run.private_key, run.share);
}

/* Runs f on a stack of its own that is zero before, and counts the words there that are in list. */
static size_t words_left(void (*f)(void), const uint64_t *list, size_t words)
{
	static uint64_t stack[8192];
	ucontext_t there;
	size_t found = 0;

	memset(stack, 0, sizeof(stack));
	ASSERT_EQ(0, getcontext(&there));
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = sizeof(stack);
	there.uc_link = &run.back;
	makecontext(&there, f, 0);
	ASSERT_EQ(0, swapcontext(&run.back, &there));
	for (size_t i = 0; i < sizeof(stack) / sizeof(stack[0]); i++)
		for (size_t j = 0; j < words; j++)
			found += stack[i] == list[j];
	return found;
}

/* Neither the scalar nor the coordinates of the product, of which z would tell about the scalar. */
TEST_F(point, nothing_is_left_on_the_stack)
{
	struct {
		uint64_t k[4];
		struct p256_point product;
	} secret;
	const size_t words = sizeof(secret) / sizeof(uint64_t);
	struct p256_affine peer;

	ASSERT_EQ(0, crypto_init());
	p256_generate(run.private_key, run.share);
	for (int i = 0; i < 4; i++) {
		memcpy(&secret.k[i], run.private_key + 8 * (3 - i), 8);
		secret.k[i] = __builtin_bswap64(secret.k[i]);
	}
	ASSERT_TRUE(p256_point_from_bytes(run.share, 65, &peer));
	p256_multiply(secret.k, &peer, &secret.product);
	EXPECT_EQ(0, words_left(run_agree, secret.k, words));
	ASSERT_TRUE(run.ok);
	p256_multiply_base(secret.k, &secret.product);
	EXPECT_EQ(0, words_left(run_share_of, secret.k, words));
	ASSERT_TRUE(run.ok);
}

#endif

TEST_HARNESS_MAIN
