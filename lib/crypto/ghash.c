/* SPDX-License-Identifier: MIT */
/*
 * GHASH (SP 800-38D, 6.4) without tables and without carry-less multiplication instructions, on
 * ordinary 64-bit multiplications. These must take the same time for all operands, which holds for
 * the 64-bit CPUs that Linux runs on.
 */
#include <endian.h>
#include <string.h>

#include "lib/crypto/gcm.h"
#include "lib/crypto/util.h"

static uint64_t load_be64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return be64toh(v);
}

static void store_be64(uint8_t *p, uint64_t v)
{
	v = htobe64(v);
	memcpy(p, &v, sizeof(v));
}

/*
 * The low 64 bits of the carry-less product. Of four bits of each factor only one is kept at a
 * time: then a column of the ordinary product is a sum of at most 16 ones, whose carries stay in
 * the three bits above it, which are cut away (or, in the topmost column, fall off the end).
 */
static uint64_t clmul_low(uint64_t x, uint64_t y)
{
	const uint64_t every4 = 0x1111111111111111;
	uint64_t xs[4], ys[4], out = 0, z;

#pragma GCC unroll 4
	for (unsigned int i = 0; i < 4; i++) {
		xs[i] = x & every4 << i;
		ys[i] = y & every4 << i;
	}
#pragma GCC unroll 4
	for (unsigned int i = 0; i < 4; i++) {
		z = 0;
#pragma GCC unroll 4
		for (unsigned int j = 0; j < 4; j++)
			z ^= xs[j] * ys[(i - j) % 4];
		out |= z & every4 << i;
	}
	return out;
}

static uint64_t reverse(uint64_t x)
{
	x = (x >> 1 & 0x5555555555555555) | (x & 0x5555555555555555) << 1;
	x = (x >> 2 & 0x3333333333333333) | (x & 0x3333333333333333) << 2;
	x = (x >> 4 & 0x0f0f0f0f0f0f0f0f) | (x & 0x0f0f0f0f0f0f0f0f) << 4;
	return __builtin_bswap64(x);
}

/*
 * Takes the 256-bit product z, lowest word first, modulo x^128 + x^7 + x^2 + x + 1 to its
 * upper half. In our order of bits a word of 64 coefficients moves up by 128 bits when x^128 is
 * replaced by 1, and by 1, 2 and 7 bits less with x, x^2 and x^7.
 */
static void reduce(uint64_t z[4], uint64_t out[2])
{
	for (unsigned int i = 0; i < 2; i++) {
		z[i + 1] ^= z[i] << 63 ^ z[i] << 62 ^ z[i] << 57;
		z[i + 2] ^= z[i] ^ z[i] >> 1 ^ z[i] >> 2 ^ z[i] >> 7;
	}
	out[0] = z[2];
	out[1] = z[3];
}

/*
 * y := y H. Karatsuba: three products of 64 bits by 64. The high half of each is the low half of
 * the product of the mirrored factors, mirrored, and one bit down as a product has 127 bits.
 */
static void multiply_by_h(struct ghash *g)
{
	uint64_t y[3] = { g->y[0], g->y[1], g->y[0] ^ g->y[1] };
	uint64_t low[3], high[3], z[4];

	for (unsigned int i = 0; i < 3; i++) {
		low[i] = clmul_low(y[i], g->h[i]);
		high[i] = reverse(clmul_low(reverse(y[i]), g->h_reversed[i])) >> 1;
	}
	z[0] = low[0];
	z[1] = high[0] ^ low[0] ^ low[1] ^ low[2];
	z[2] = low[1] ^ high[0] ^ high[1] ^ high[2];
	z[3] = high[1];
	reduce(z, g->y);
}

/* H/x: every coefficient goes to the next higher bit, and the one of 1/x to x^127 + x^6 + x + 1. */
void ghash_key_set(struct gcm_key *k, const uint8_t h[static AES_BLOCK])
{
	uint64_t high = load_be64(h), low = load_be64(h + 8);
	uint64_t carry = 0 - (high >> 63);

	k->h[1] = (high << 1 | low >> 63) ^ (carry & 0xc200000000000000);
	k->h[0] = low << 1 ^ (carry & 1);
}

void ghash_init(struct ghash *g, const struct gcm_key *k)
{
	*g = (struct ghash){ .h = { k->h[0], k->h[1], k->h[0] ^ k->h[1] } };
	for (unsigned int i = 0; i < 3; i++)
		g->h_reversed[i] = reverse(g->h[i]);
}

void ghash_update(struct ghash *g, const uint8_t *bytes, size_t len)
{
	uint8_t block[AES_BLOCK];

	for (; len >= AES_BLOCK; bytes += AES_BLOCK, len -= AES_BLOCK) {
		g->y[1] ^= load_be64(bytes);
		g->y[0] ^= load_be64(bytes + 8);
		multiply_by_h(g);
	}
	if (len == 0)
		return;
	for (size_t i = 0; i < AES_BLOCK; i++)
		block[i] = i < len ? bytes[i] : 0;
	ghash_update(g, block, AES_BLOCK);
}

void ghash_final(struct ghash *g, size_t ad_len, size_t len, uint8_t out[static AES_BLOCK])
{
	g->y[1] ^= (uint64_t)ad_len << 3;
	g->y[0] ^= (uint64_t)len << 3;
	multiply_by_h(g);
	store_be64(out, g->y[1]);
	store_be64(out + 8, g->y[0]);
	secret_wipe(g, sizeof(*g));
}
