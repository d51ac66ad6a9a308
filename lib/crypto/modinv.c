/* SPDX-License-Identifier: MIT */
#include "lib/crypto/modinv.h"

typedef __int128 i128;

#define LIMB_BITS MODINV_LIMB_BITS
#define LIMB_MASK ((INT64_C(1) << LIMB_BITS) - 1)

/*
 * With delta starting at 1/2 and not at 1, 590 steps bring any pair below 2^256 to its end; steps
 * beyond the end change nothing that matters.
 */
#define BATCHES 10 /* of LIMB_BITS steps */

/*
 * What the steps of a batch do together: 2^59 (f', g') = (u f + v g, q f + r g). |u| + |v| and
 * |q| + |r| are at most 2^59.
 */
struct transition {
	int64_t u, v, q, r;
};

/* Signed; all limbs but the top one are from 0 to 2^59 - 1. */
struct number {
	int64_t limb[5];
};

/*
 * Division steps on the lowest limbs, which decide a batch of them: where g is odd and delta above
 * 0, (f, g) becomes (g, g - f) and delta its negative, else g takes f if it is odd; then g is
 * halved and delta grows by 1. eta is delta - 1/2, and is returned.
 */
static int64_t divide_steps(int64_t eta, uint64_t f, uint64_t g, struct transition *t)
{
	uint64_t u = 1, v = 0, q = 0, r = 1;

	for (int i = 0; i < LIMB_BITS; i++) {
		uint64_t odd = 0 - (g & 1), swap = ~(uint64_t)(eta >> 63);

		__asm__("" : "+r"(odd));
		g += ((f ^ swap) - swap) & odd;
		q += ((u ^ swap) - swap) & odd;
		r += ((v ^ swap) - swap) & odd;
		swap &= odd;
		eta = (int64_t)(((uint64_t)eta ^ swap) + 1);
		f += g & swap;
		u += q & swap;
		v += r & swap;
		g >>= 1;
		u <<= 1;
		v <<= 1;
	}
	*t = (struct transition){ (int64_t)u, (int64_t)v, (int64_t)q, (int64_t)r };
	return eta;
}

/* (u a + v b) / 2^59, which is a whole number. */
static inline struct number combine(int64_t u, int64_t v, const struct number *a,
				    const struct number *b)
{
	i128 sum = (i128)u * a->limb[0] + (i128)v * b->limb[0];
	struct number n;

	for (int i = 1; i < 5; i++) {
		sum >>= LIMB_BITS;
		sum += (i128)u * a->limb[i] + (i128)v * b->limb[i];
		n.limb[i - 1] = (int64_t)sum & LIMB_MASK;
	}
	n.limb[4] = (int64_t)(sum >> LIMB_BITS);
	return n;
}

/*
 * (u a + v b) / 2^59 modulo m, for a and b above -2m and below m, and so is the result: a and b
 * have m added where they are negative, which leaves the sum within 2^59 m on either side; then
 * less than 2^59 m is taken off to make its low 59 bits zero.
 */
static inline struct number combine_modulo(int64_t u, int64_t v, const struct number *a,
					   const struct number *b, const struct modinv_modulus *m)
{
	int64_t k = (u & (a->limb[4] >> 63)) + (v & (b->limb[4] >> 63));
	i128 sum = (i128)u * a->limb[0] + (i128)v * b->limb[0];
	struct number n;

	k -= (int64_t)((uint64_t)sum * m->inverse + (uint64_t)k) & LIMB_MASK;
	sum += (i128)k * m->limb[0];
	for (int i = 1; i < 5; i++) {
		sum >>= LIMB_BITS;
		sum += (i128)u * a->limb[i] + (i128)v * b->limb[i] + (i128)k * m->limb[i];
		n.limb[i - 1] = (int64_t)sum & LIMB_MASK;
	}
	n.limb[4] = (int64_t)(sum >> LIMB_BITS);
	return n;
}

/* Where the mask is set: -n. Then where the result is negative: plus m. */
static void negate_and_lift(uint64_t mask, const struct modinv_modulus *m, struct number *n)
{
	const int64_t negate = (int64_t)mask;
	int64_t carry = 0, lift;

	for (int i = 0; i < 5; i++) {
		carry += (n->limb[i] ^ negate) - negate;
		n->limb[i] = i < 4 ? carry & LIMB_MASK : carry;
		carry >>= LIMB_BITS;
	}
	lift = n->limb[4] >> 63;
	carry = 0;
	for (int i = 0; i < 5; i++) {
		carry += n->limb[i] + (m->limb[i] & lift);
		n->limb[i] = i < 4 ? carry & LIMB_MASK : carry;
		carry >>= LIMB_BITS;
	}
}

static struct number from_words(const uint64_t w[4])
{
	return (struct number){
		{ (int64_t)w[0] & LIMB_MASK, (int64_t)(w[0] >> 59 | w[1] << 5) & LIMB_MASK,
		  (int64_t)(w[1] >> 54 | w[2] << 10) & LIMB_MASK,
		  (int64_t)(w[2] >> 49 | w[3] << 15) & LIMB_MASK, (int64_t)(w[3] >> 44) }
	};
}

static void to_words(const struct number *n, uint64_t w[4])
{
	const uint64_t a = (uint64_t)n->limb[0], b = (uint64_t)n->limb[1];
	const uint64_t c = (uint64_t)n->limb[2], d = (uint64_t)n->limb[3];

	w[0] = a | b << 59;
	w[1] = b >> 5 | c << 54;
	w[2] = c >> 10 | d << 49;
	w[3] = d >> 15 | (uint64_t)n->limb[4] << 44;
}

/*
 * From f = m and g = a to f = 1 or -1 and g = 0. All the while f = d a and g = e a modulo m, but
 * for a power of 2 that the steps' own division takes out of both sides.
 */
void modinv(const struct modinv_modulus *m, const uint64_t a[static 4], uint64_t r[static 4])
{
	struct number d = { { 0 } }, e = { { 1 } }, f, g = from_words(a), next;
	struct transition t;
	int64_t eta = 0;

	for (int i = 0; i < 5; i++)
		f.limb[i] = m->limb[i];
	for (int i = 0; i < BATCHES; i++) {
		eta = divide_steps(eta, (uint64_t)f.limb[0], (uint64_t)g.limb[0], &t);
		next = combine(t.u, t.v, &f, &g);
		g = combine(t.q, t.r, &f, &g);
		f = next;
		next = combine_modulo(t.u, t.v, &d, &e, m);
		e = combine_modulo(t.q, t.r, &d, &e, m);
		d = next;
	}
	negate_and_lift(0, m, &d);
	negate_and_lift((uint64_t)(f.limb[4] >> 63), m, &d);
	to_words(&d, r);
}
