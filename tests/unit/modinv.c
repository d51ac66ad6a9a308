/* SPDX-License-Identifier: MIT */
/* Inverses by division steps, against libcrypto's. */
#include "tests/harness/harness.h"

#include <openssl/bn.h>

#include "lib/crypto/modinv.h"
#include "lib/crypto/util.h"

#define RANDOM_ROUNDS 5000

/* The primes that use it, and odd numbers of other shapes: the smallest, the largest, with gaps. */
FIXTURE(modinv)
{
	struct modinv_modulus m;
	BIGNUM *modulus;
	BN_CTX *ctx;
};

FIXTURE_VARIANT(modinv)
{
	const char *modulus;
};

FIXTURE_VARIANT_ADD(modinv, p25519){
	"7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed",
};
FIXTURE_VARIANT_ADD(modinv, p256){
	"ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
};
FIXTURE_VARIANT_ADD(modinv, p256_order){
	"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
};
FIXTURE_VARIANT_ADD(modinv, largest){
	"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
};
FIXTURE_VARIANT_ADD(modinv, power_plus_one){
	"8000000000000000000000000000000000000000000000000000000000000001",
};
FIXTURE_VARIANT_ADD(modinv, one_limb){ "07ffffffffffffff" };
FIXTURE_VARIANT_ADD(modinv, small){ "65" };
FIXTURE_VARIANT_ADD(modinv, three){ "03" };

static int64_t bits(const BIGNUM *n, int from)
{
	int64_t value = 0;

	for (int i = 0; i < MODINV_LIMB_BITS; i++)
		value |= (int64_t)BN_is_bit_set(n, from + i) << i;
	return value;
}

FIXTURE_SETUP(modinv)
{
	BIGNUM *radix = BN_new();

	ASSERT_EQ(0, crypto_init());
	self->ctx = BN_CTX_new();
	ASSERT_NE(0, BN_hex2bn(&self->modulus, variant->modulus));
	for (int i = 0; i < 5; i++)
		self->m.limb[i] = bits(self->modulus, MODINV_LIMB_BITS * i);
	BN_set_bit(radix, MODINV_LIMB_BITS);
	ASSERT_NOT_NULL(BN_mod_inverse(radix, self->modulus, radix, self->ctx));
	self->m.inverse = (uint64_t)bits(radix, 0);
	BN_free(radix);
}

FIXTURE_TEARDOWN(modinv)
{
	BN_CTX_free(self->ctx);
	BN_free(self->modulus);
}

typedef struct test_self_modinv modinv_self;

/* Of a modulo the modulus, if it has an inverse; 0 for 0. */
static void compare(modinv_self *self, const BIGNUM *a)
{
	BIGNUM *reduced = BN_new(), *inverse = BN_new();
	uint8_t bytes[32], expected[32];
	uint64_t w[4];

	BN_nnmod(reduced, a, self->modulus, self->ctx);
	if (BN_is_zero(reduced) ||
	    BN_mod_inverse(inverse, reduced, self->modulus, self->ctx) != NULL) {
		ASSERT_EQ(32, BN_bn2lebinpad(inverse, expected, 32));
		ASSERT_EQ(32, BN_bn2lebinpad(reduced, bytes, 32));
		memcpy(w, bytes, 32);
		modinv(&self->m, w, w);
		ASSERT_MEMEQ(expected, w, 32);
	}
	BN_free(reduced);
	BN_free(inverse);
}

TEST_F(modinv, random)
{
	uint8_t bytes[32];
	BIGNUM *a = BN_new();

	for (int i = 0; i < RANDOM_ROUNDS; i++) {
		random_bytes(bytes, sizeof(bytes));
		ASSERT_NOT_NULL(BN_bin2bn(bytes, sizeof(bytes), a));
		compare(self, a);
	}
	BN_free(a);
}

/* 0, 1, powers of 2 and their neighbours, from both ends. */
TEST_F(modinv, edges)
{
	BIGNUM *a = BN_new();

	for (int bit = 0; bit < 256; bit++) {
		for (int i = -2; i <= 2; i++) {
			BN_zero(a);
			BN_set_bit(a, bit);
			if (i < 0)
				BN_sub_word(a, (BN_ULONG)-i);
			else
				BN_add_word(a, (BN_ULONG)i);
			compare(self, a);
			BN_set_negative(a, !BN_is_negative(a));
			compare(self, a);
		}
	}
	for (BN_ULONG i = 0; i < 300; i++) {
		BN_set_word(a, i);
		compare(self, a);
		BN_set_negative(a, 1);
		compare(self, a);
	}
	BN_free(a);
}

/*
 * What takes many steps: quotients of the modulus near the golden ratio, as in Euclid's worst case,
 * and inverses of powers of 2 and small numbers.
 */
TEST_F(modinv, long_ways)
{
	BIGNUM *a = BN_new(), *b = BN_new();

	for (BN_ULONG i = 1; i < 2000; i++) {
		BN_set_word(b, i % 2 ? 0x9e3779b97f4a7c15 + 2 * i : 0x61c8864680b583eb - 2 * i);
		BN_mul(a, self->modulus, b, self->ctx);
		BN_rshift(a, a, 64);
		compare(self, a);
		BN_set_word(b, i);
		if (BN_mod_inverse(a, b, self->modulus, self->ctx))
			compare(self, a);
		BN_clear_bit(b, 0);
		BN_set_bit(b, (int)(i % 256));
		if (BN_mod_inverse(a, b, self->modulus, self->ctx))
			compare(self, a);
	}
	BN_free(a);
	BN_free(b);
}

TEST_HARNESS_MAIN
