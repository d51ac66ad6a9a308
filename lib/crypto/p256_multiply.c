/* SPDX-License-Identifier: MIT */
/*
 * Multiples of points of P-256 in constant time: signed windows of five bits (Booth's recoding),
 * each digit's multiple taken from a table that is read whole.
 *
 * p256_point_add() does not double. That the sums below never need it, for k from 1 to n - 1: they
 * add d P to c P, where c is a multiple of 32 and |d| <= 16, or the same with both scaled by a
 * power of 32, and are wrong if d is not 0 and c - d = 0 mod n. While the lowest digit is not the
 * one being added, c and d are both multiples of 32, |c - d| < 2n, and n is odd: that leaves c = d,
 * but the lowest digit of c - d that is not 0 has nothing to cancel it. With the lowest digit, c +
 * d = k: from c = d + jn follows k = 2d + jn; j = 0 gives c = d, not a multiple of 32; j = 1 needs
 * d < 0 and d = -n = 15 mod 32; j = -1 needs k < 0.
 */
#include "lib/crypto/p256_point.h"

#include <string.h>

#include "lib/crypto/carry.h"

/* A digit as sign and magnitude. */
struct digit {
	uint64_t negative; /* mask */
	uint64_t magnitude;
};

/* The digit of weight 32^i: bits 5i - 1 to 5i + 4 of k, of which the lowest is the carry from
 * below. */
static struct digit digit_at(const uint64_t k[4], int i)
{
	const int bit = P256_WINDOW * i - 1, word = bit / 64, shift = bit % 64;
	struct digit d;
	uint64_t bits;

	if (i == 0) {
		bits = k[0] << 1;
	} else {
		bits = k[word] >> shift;
		if (shift > 64 - 6 && word < 3)
			bits |= k[word + 1] << (64 - shift);
	}
	bits &= 63;
	d.negative = p256_mask(0 - (bits >> 5));
	bits = (bits >> 1) + (bits & 1);
	d.magnitude = (bits & ~d.negative) | ((32 - bits) & d.negative);
	return d;
}

/* All ones where a = b. */
static uint64_t mask_equal(uint64_t a, uint64_t b)
{
	return p256_mask_zero(a ^ b);
}

/* Two words, for one load and one sum of a vector register. */
typedef uint64_t word_pair __attribute__((vector_size(16), aligned(8), may_alias));

/*
 * out = the entry of n words whose place in the table is index - 1; zeros where index is 0. Inlined
 * with its n, the sums stay in registers.
 */
static ALWAYS_INLINE void select_words(const uint64_t *table, size_t n, uint64_t index,
				       uint64_t *out)
{
	word_pair sum[sizeof(struct p256_point) / sizeof(word_pair)] = { 0 };

	for (uint64_t i = 1; i <= P256_WINDOW_MAX; i++, table += n) {
		const uint64_t mask = mask_equal(i, index);

#pragma GCC unroll 6
		for (size_t j = 0; j < n / 2; j++)
			sum[j] |= *(const word_pair *)(table + 2 * j) & (word_pair){ mask, mask };
	}
	memcpy(out, sum, n * sizeof(*out));
}

static void negate_if(uint64_t mask, struct p256_fe *y)
{
	static const struct p256_fe zero;
	struct p256_fe negative;

	p256_fe_sub(&zero, y, &negative);
	p256_fe_move(&negative, mask, y);
}

/* table[m - 1] = m p */
static void make_table(const struct p256_affine *p, struct p256_point table[P256_WINDOW_MAX])
{
	table[0] = (struct p256_point){ p->x, p->y, p256_fe_one };
	for (int m = 2; m <= P256_WINDOW_MAX; m += 2) {
		p256_point_double(&table[m / 2 - 1], &table[m - 1]);
		if (m < P256_WINDOW_MAX)
			p256_point_add(&table[m - 1], &table[0], &table[m]);
	}
}

static void select_point(const struct p256_point table[P256_WINDOW_MAX], struct digit d,
			 struct p256_point *r)
{
	select_words(table[0].x.w, sizeof(*r) / sizeof(uint64_t), d.magnitude, r->x.w);
	negate_if(d.negative, &r->y);
}

void p256_multiply(const uint64_t k[static 4], const struct p256_affine *p, struct p256_point *r)
{
	struct p256_point table[P256_WINDOW_MAX], entry, sum;

	make_table(p, table);
	select_point(table, digit_at(k, P256_WINDOWS - 1), &sum);
	for (int i = P256_WINDOWS - 2; i >= 0; i--) {
		for (int j = 0; j < P256_WINDOW; j++)
			p256_point_double(&sum, &sum);
		select_point(table, digit_at(k, i), &entry);
		p256_point_add(&sum, &entry, &sum);
	}
	*r = sum;
}

static void add_base_multiple(const uint64_t k[4], int window, struct p256_point *sum)
{
	const struct digit d = digit_at(k, window);
	struct p256_affine entry;

	select_words(p256_base_table[window / 2][0].x.w, sizeof(entry) / sizeof(uint64_t),
		     d.magnitude, entry.x.w);
	negate_if(d.negative, &entry.y);
	p256_point_add_affine(sum, &entry, mask_equal(d.magnitude, 0), sum);
}

/* The odd windows first, then five doublings, which make odd places of even ones; then the even
 * windows, the lowest last. */
void p256_multiply_base(const uint64_t k[static 4], struct p256_point *r)
{
	struct p256_point sum = { 0 };

	for (int i = P256_WINDOWS - 1; i > 0; i -= 2)
		add_base_multiple(k, i, &sum);
	for (int j = 0; j < P256_WINDOW; j++)
		p256_point_double(&sum, &sum);
	for (int i = P256_WINDOWS - 2; i >= 0; i -= 2)
		add_base_multiple(k, i, &sum);
	*r = sum;
}
