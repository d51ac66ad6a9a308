/* SPDX-License-Identifier: MIT */
/*
 * X25519 by libsodium, but for key generation: libsodium 1.0.18 runs the whole Montgomery ladder
 * for the base point. Its Ed25519 has a table of the base point's multiples; that product's
 * birational image is the same share at half the time.
 */
#include "lib/crypto/x25519.h"

#include <endian.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crypto/util.h"

typedef unsigned __int128 u128;

/*
 * Integers modulo p = 2^255 - 19 as five limbs of 51 bits. Limbs may grow to 2^54 in sums and
 * differences; products take such and give limbs below 2^52.
 */
struct fe {
	uint64_t v[5];
};

#define LIMB_BITS 51
#define LIMB_MASK ((UINT64_C(1) << LIMB_BITS) - 1)

/* Carries once round; 2^255 = 19. */
static inline struct fe fe_carry(u128 a, u128 b, u128 c, u128 d, u128 e)
{
	struct fe r;
	u128 low;

	b += (uint64_t)(a >> LIMB_BITS);
	c += (uint64_t)(b >> LIMB_BITS);
	d += (uint64_t)(c >> LIMB_BITS);
	e += (uint64_t)(d >> LIMB_BITS);
	low = ((uint64_t)a & LIMB_MASK) + (u128)19 * (uint64_t)(e >> LIMB_BITS);
	r.v[0] = (uint64_t)low & LIMB_MASK;
	r.v[1] = ((uint64_t)b & LIMB_MASK) + (uint64_t)(low >> LIMB_BITS);
	r.v[2] = (uint64_t)c & LIMB_MASK;
	r.v[3] = (uint64_t)d & LIMB_MASK;
	r.v[4] = (uint64_t)e & LIMB_MASK;
	return r;
}

static struct fe fe_mul(const struct fe *x, const struct fe *y)
{
	const uint64_t x0 = x->v[0], x1 = x->v[1], x2 = x->v[2], x3 = x->v[3], x4 = x->v[4];
	const uint64_t y0 = y->v[0], y1 = y->v[1], y2 = y->v[2], y3 = y->v[3], y4 = y->v[4];
	const uint64_t z1 = 19 * y1, z2 = 19 * y2, z3 = 19 * y3, z4 = 19 * y4;

	return fe_carry(
		(u128)x0 * y0 + (u128)x1 * z4 + (u128)x2 * z3 + (u128)x3 * z2 + (u128)x4 * z1,
		(u128)x0 * y1 + (u128)x1 * y0 + (u128)x2 * z4 + (u128)x3 * z3 + (u128)x4 * z2,
		(u128)x0 * y2 + (u128)x1 * y1 + (u128)x2 * y0 + (u128)x3 * z4 + (u128)x4 * z3,
		(u128)x0 * y3 + (u128)x1 * y2 + (u128)x2 * y1 + (u128)x3 * y0 + (u128)x4 * z4,
		(u128)x0 * y4 + (u128)x1 * y3 + (u128)x2 * y2 + (u128)x3 * y1 + (u128)x4 * y0);
}

/* x^(2^n) */
static struct fe fe_square_times(const struct fe *x, int n)
{
	struct fe r = *x;

	for (; n > 0; n--) {
		const uint64_t x0 = r.v[0], x1 = r.v[1], x2 = r.v[2], x3 = r.v[3], x4 = r.v[4];
		const uint64_t d0 = 2 * x0, d1 = 2 * x1, d2 = 2 * x2, d3 = 2 * x3;
		const uint64_t z3 = 19 * x3, z4 = 19 * x4;

		r = fe_carry((u128)x0 * x0 + (u128)d1 * z4 + (u128)d2 * z3,
			     (u128)d0 * x1 + (u128)d2 * z4 + (u128)x3 * z3,
			     (u128)d0 * x2 + (u128)x1 * x1 + (u128)d3 * z4,
			     (u128)d0 * x3 + (u128)d1 * x2 + (u128)x4 * z4,
			     (u128)d0 * x4 + (u128)d1 * x3 + (u128)x2 * x2);
	}
	return r;
}

static struct fe fe_square_times_mul(const struct fe *x, int n, const struct fe *y)
{
	const struct fe t = fe_square_times(x, n);

	return fe_mul(&t, y);
}

/*
 * By Fermat: x^(p - 2), p - 2 = 2^255 - 21, in binary 250 ones and 01011. onesN is x to the number
 * of N binary ones.
 */
static struct fe fe_invert(const struct fe *x)
{
	const struct fe x2 = fe_square_times(x, 1);
	const struct fe x9 = fe_square_times_mul(&x2, 2, x);
	const struct fe x11 = fe_mul(&x9, &x2);
	const struct fe ones5 = fe_square_times_mul(&x11, 1, &x9);
	const struct fe ones10 = fe_square_times_mul(&ones5, 5, &ones5);
	const struct fe ones20 = fe_square_times_mul(&ones10, 10, &ones10);
	const struct fe ones40 = fe_square_times_mul(&ones20, 20, &ones20);
	const struct fe ones50 = fe_square_times_mul(&ones40, 10, &ones10);
	const struct fe ones100 = fe_square_times_mul(&ones50, 50, &ones50);
	const struct fe ones200 = fe_square_times_mul(&ones100, 100, &ones100);
	const struct fe ones250 = fe_square_times_mul(&ones200, 50, &ones50);

	return fe_square_times_mul(&ones250, 5, &x11);
}

static uint64_t load64(const uint8_t *in)
{
	uint64_t w;

	memcpy(&w, in, sizeof(w));
	return le64toh(w);
}

static void store64(uint64_t w, uint8_t *out)
{
	w = htole64(w);
	memcpy(out, &w, sizeof(w));
}

/* Bit 255 is ignored. */
static struct fe fe_from_bytes(const uint8_t in[X25519_BYTES])
{
	const uint64_t a = load64(in), b = load64(in + 8), c = load64(in + 16), d = load64(in + 24);

	return (struct fe){ { a & LIMB_MASK, (a >> 51 | b << 13) & LIMB_MASK,
			      (b >> 38 | c << 26) & LIMB_MASK, (c >> 25 | d << 39) & LIMB_MASK,
			      (d >> 12) & LIMB_MASK } };
}

/* The one number below p. */
static void fe_to_bytes(const struct fe *x, uint8_t out[X25519_BYTES])
{
	struct fe r = fe_carry(x->v[0], x->v[1], x->v[2], x->v[3], x->v[4]);
	uint64_t q;

	/* The first time round may leave limb 1 a bit too long, the second leaves 51 bits in all.
	 */
	r = fe_carry(r.v[0], r.v[1], r.v[2], r.v[3], r.v[4]);
	/* q = 1 if r is p or more, which is when r + 19 has bit 255. */
	q = (r.v[0] + 19) >> LIMB_BITS;
	for (int i = 1; i < 5; i++)
		q = (r.v[i] + q) >> LIMB_BITS;
	r.v[0] += 19 * q;
	for (int i = 0; i < 4; i++) {
		r.v[i + 1] += r.v[i] >> LIMB_BITS;
		r.v[i] &= LIMB_MASK;
	}
	r.v[4] &= LIMB_MASK;
	store64(r.v[0] | r.v[1] << 51, out);
	store64(r.v[1] >> 13 | r.v[2] << 38, out + 8);
	store64(r.v[2] >> 26 | r.v[3] << 25, out + 16);
	store64(r.v[3] >> 39 | r.v[4] << 12, out + 24);
}

void x25519_u_from_edwards_y(const uint8_t y[static X25519_BYTES], uint8_t u[static X25519_BYTES])
{
	const struct fe fy = fe_from_bytes(y);
	struct fe numerator = fy, denominator;

	numerator.v[0] += 1;
	/* 1 + 2p - y: no limb is below 0. */
	denominator.v[0] = 2 * (LIMB_MASK - 18) + 1 - fy.v[0];
	for (int i = 1; i < 5; i++)
		denominator.v[i] = 2 * LIMB_MASK - fy.v[i];
	denominator = fe_invert(&denominator);
	numerator = fe_mul(&numerator, &denominator);
	fe_to_bytes(&numerator, u);
}

/*
 * The clamped scalar is 8 times a number from 2^251 to 2^252 - 1, and the base point's order L is a
 * prime above 2^252: so the product is never the neutral element, the only point of that subgroup
 * with y = 1.
 */
void x25519_share_of(const uint8_t private_key[static X25519_BYTES],
		     uint8_t share[static X25519_BYTES])
{
	uint8_t scalar[X25519_BYTES], y[X25519_BYTES];

	/* libsodium refuses a scalar of zero bytes, and clamps only after. */
	memcpy(scalar, private_key, sizeof(scalar));
	scalar[0] &= 248;
	scalar[31] = (uint8_t)((scalar[31] & 127) | 64);
	if (crypto_scalarmult_ed25519_base(y, scalar) != 0)
		abort();
	x25519_u_from_edwards_y(y, share);
	secret_wipe(scalar, sizeof(scalar));
	secret_wipe(y, sizeof(y));
}

void x25519_generate(uint8_t private_key[static X25519_BYTES], uint8_t share[static X25519_BYTES])
{
	random_bytes(private_key, X25519_BYTES);
	x25519_share_of(private_key, share);
}

bool x25519_agree(const uint8_t private_key[static X25519_BYTES], const uint8_t *peer_share,
		  size_t peer_len, uint8_t shared[static X25519_BYTES])
{
	uint8_t product[X25519_BYTES] = { 0 };
	bool ok = false;

	if (peer_len == X25519_BYTES)
		ok = crypto_scalarmult(product, private_key, peer_share) == 0;
	if (ok)
		memcpy(shared, product, sizeof(product));
	else
		memset(shared, 0, X25519_BYTES);
	secret_wipe(product, sizeof(product));
	return ok;
}
