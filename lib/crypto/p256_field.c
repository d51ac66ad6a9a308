/* SPDX-License-Identifier: MIT */
/* Arithmetic modulo the prime of P-256, on four words of 64 bits. */
#include "lib/crypto/p256_field.h"

#include <endian.h>
#include <string.h>

#include "lib/crypto/modinv.h"
#include "lib/crypto/carry.h"

/* The prime's words, least significant first. */
#define P0 0xffffffffffffffff
#define P1 0x00000000ffffffff
#define P2 0x0000000000000000
#define P3 0xffffffff00000001

/* 2^256 mod p, its square and its cube */
const struct p256_fe p256_fe_one = { { 1, 0xffffffff00000000, 0xffffffffffffffff,
				       0x00000000fffffffe } };
static const struct p256_fe montgomery_square = { { 0x0000000000000003, 0xfffffffbffffffff,
						    0xfffffffffffffffe, 0x00000004fffffffd } };

static const struct p256_fe montgomery_cube = { { 0xfffffffd0000000a, 0xffffffedfffffff7,
						  0x00000005fffffffc, 0x0000001800000001 } };

static ALWAYS_INLINE void multiply_words(uint64_t a, uint64_t b, uint64_t *low, uint64_t *high)
{
	const u128 product = (u128)a * b;

	*low = (uint64_t)product;
	*high = (uint64_t)(product >> 64);
}

/* t, of five words and below 2p, to below p. */
static ALWAYS_INLINE void subtract_prime_once(uint64_t t[5], struct p256_fe *r)
{
	const uint64_t t0 = t[0], t1 = t[1], t2 = t[2], t3 = t[3];
	const uint64_t keep = subtract_words_5(t, P0, P1, P2, P3, 0);

	r->w[0] = t[0] ^ ((t[0] ^ t0) & keep);
	r->w[1] = t[1] ^ ((t[1] ^ t1) & keep);
	r->w[2] = t[2] ^ ((t[2] ^ t2) & keep);
	r->w[3] = t[3] ^ ((t[3] ^ t3) & keep);
}

/*
 * One step of Montgomery's reduction: adds m p with the m that makes the lowest word 0, and drops
 * that word. As p = -1 mod 2^64, m is the lowest word itself, and m p0 + t0 = m 2^64; with
 * p1 = 2^32 - 1 and p2 = 0 only p3 takes a multiplication.
 */
static ALWAYS_INLINE void reduce_word(uint64_t t[5])
{
	const uint64_t m = t[0];
	uint64_t low, high;

	multiply_words(m, P3, &low, &high);
	t[0] = t[1];
	t[1] = t[2];
	t[2] = t[3];
	t[3] = t[4];
	t[4] = 0;
	add_words_5(t, m << 32, m >> 32, low, high, 0);
}

/*
 * t = (t + a b) / 2^64 mod p. With a below p and t below 2p the sum fits t, and the result is below
 * 2p again.
 */
static ALWAYS_INLINE void multiply_row(const struct p256_fe *a, uint64_t b, uint64_t t[5])
{
	uint64_t low[4], high[4];

	multiply_words(a->w[0], b, &low[0], &high[0]);
	multiply_words(a->w[1], b, &low[1], &high[1]);
	multiply_words(a->w[2], b, &low[2], &high[2]);
	multiply_words(a->w[3], b, &low[3], &high[3]);
	add_words_5(t, low[0], low[1], low[2], low[3], 0);
	add_words_4(t + 1, high[0], high[1], high[2], high[3]);
	reduce_word(t);
}

void p256_fe_mul(const struct p256_fe *a, const struct p256_fe *b, struct p256_fe *r)
{
	uint64_t t[5] = { 0 };

	multiply_row(a, b->w[0], t);
	multiply_row(a, b->w[1], t);
	multiply_row(a, b->w[2], t);
	multiply_row(a, b->w[3], t);
	subtract_prime_once(t, r);
}

/* a squared, in eight words: twice the products of different words, and the words' squares. */
static ALWAYS_INLINE void square_words(const struct p256_fe *a, uint64_t t[8])
{
	uint64_t low[4], high[4];

	multiply_words(a->w[0], a->w[1], &t[1], &t[2]);
	multiply_words(a->w[0], a->w[3], &t[3], &t[4]);
	multiply_words(a->w[2], a->w[3], &t[5], &t[6]);
	multiply_words(a->w[0], a->w[2], &low[0], &high[0]);
	multiply_words(a->w[1], a->w[3], &low[1], &high[1]);
	multiply_words(a->w[1], a->w[2], &low[2], &high[2]);
	add_words_5(t + 2, low[0], high[0], low[1], high[1], 0);
	add_words_4(t + 3, low[2], high[2], 0, 0);
	t[7] = t[6] >> 63;
	t[6] = t[6] << 1 | t[5] >> 63;
	t[5] = t[5] << 1 | t[4] >> 63;
	t[4] = t[4] << 1 | t[3] >> 63;
	t[3] = t[3] << 1 | t[2] >> 63;
	t[2] = t[2] << 1 | t[1] >> 63;
	t[1] = t[1] << 1;
	multiply_words(a->w[0], a->w[0], &t[0], &high[0]);
	multiply_words(a->w[1], a->w[1], &low[1], &high[1]);
	multiply_words(a->w[2], a->w[2], &low[2], &high[2]);
	multiply_words(a->w[3], a->w[3], &low[3], &high[3]);
	add_words_7(t + 1, high[0], low[1], high[1], low[2], high[2], low[3], high[3]);
}

void p256_fe_sqr(const struct p256_fe *a, struct p256_fe *r)
{
	uint64_t t[8], low[5];

	square_words(a, t);
	low[0] = t[0];
	low[1] = t[1];
	low[2] = t[2];
	low[3] = t[3];
	low[4] = 0;
	reduce_word(low);
	reduce_word(low);
	reduce_word(low);
	reduce_word(low);
	/* (a^2 + m p) / 2^256 with m below 2^256 is below 2p. */
	add_words_5(low, t[4], t[5], t[6], t[7], 0);
	subtract_prime_once(low, r);
}

void p256_fe_add(const struct p256_fe *a, const struct p256_fe *b, struct p256_fe *r)
{
	uint64_t t[5] = { a->w[0], a->w[1], a->w[2], a->w[3], 0 };

	add_words_5(t, b->w[0], b->w[1], b->w[2], b->w[3], 0);
	subtract_prime_once(t, r);
}

void p256_fe_sub(const struct p256_fe *a, const struct p256_fe *b, struct p256_fe *r)
{
	uint64_t t[5] = { a->w[0], a->w[1], a->w[2], a->w[3], 0 };
	const uint64_t negative = subtract_words_5(t, b->w[0], b->w[1], b->w[2], b->w[3], 0);

	add_words_4(t, P0 & negative, P1 & negative, P2 & negative, P3 & negative);
	r->w[0] = t[0];
	r->w[1] = t[1];
	r->w[2] = t[2];
	r->w[3] = t[3];
}

void p256_fe_halve(const struct p256_fe *a, struct p256_fe *r)
{
	const uint64_t odd = p256_mask(0 - (a->w[0] & 1));
	uint64_t t[5] = { a->w[0], a->w[1], a->w[2], a->w[3], 0 };

	add_words_5(t, P0 & odd, P1 & odd, P2 & odd, P3 & odd, 0);
	r->w[0] = t[0] >> 1 | t[1] << 63;
	r->w[1] = t[1] >> 1 | t[2] << 63;
	r->w[2] = t[2] >> 1 | t[3] << 63;
	r->w[3] = t[3] >> 1 | t[4] << 63;
}

uint64_t p256_fe_is_zero(const struct p256_fe *a)
{
	return p256_mask_zero(a->w[0] | a->w[1] | a->w[2] | a->w[3]);
}

void p256_fe_invert(const struct p256_fe *a, struct p256_fe *r)
{
	static const struct modinv_modulus prime = { { 0x7ffffffffffffff, 0x1fffffffff, 0,
						       0x7ff800000008000, 0xfffff },
						     0x7ffffffffffffff };
	struct p256_fe t;

	/* The inverse of a 2^256, to which Montgomery's form and product owe 2^768. */
	modinv(&prime, a->w, t.w);
	p256_fe_mul(&t, &montgomery_cube, r);
}

bool p256_fe_from_bytes(const uint8_t in[static 32], struct p256_fe *r)
{
	uint64_t t[5] = { 0 };
	struct p256_fe plain;

	for (int i = 0; i < 4; i++) {
		memcpy(&t[i], in + 8 * (3 - i), 8);
		plain.w[i] = t[i] = be64toh(t[i]);
	}
	if (!subtract_words_5(t, P0, P1, P2, P3, 0))
		return false;
	p256_fe_mul(&plain, &montgomery_square, r);
	return true;
}

void p256_fe_to_bytes(const struct p256_fe *a, uint8_t out[static 32])
{
	static const struct p256_fe unit = { { 1, 0, 0, 0 } };
	struct p256_fe t;

	p256_fe_mul(a, &unit, &t);
	for (int i = 0; i < 4; i++) {
		const uint64_t w = htobe64(t.w[3 - i]);

		memcpy(out + 8 * i, &w, sizeof(w));
	}
}
