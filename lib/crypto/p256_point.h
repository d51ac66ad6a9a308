/* SPDX-License-Identifier: MIT */
/*
 * Points of P-256, y^2 = x^3 - 3x + b (SP 800-186, 3.2.1.3; SEC 1, 2.3.3), and their multiples.
 *
 * Jacobian coordinates: (x, y, z) stands for (x/z^2, y/z^3), z = 0 for the point at infinity. The
 * curve has prime order n and no other small subgroup: each point on it but infinity has order n.
 * The multiplications are constant time in the scalar. The caller wipes what is secret.
 */
#ifndef KTLS_CRYPTO_P256_POINT_H
#define KTLS_CRYPTO_P256_POINT_H

#include <stddef.h>

#include "lib/crypto/p256_field.h"

#define P256_POINT_BYTES 65 /* an uncompressed point */

struct p256_affine {
	struct p256_fe x, y;
};

struct p256_point {
	struct p256_fe x, y, z;
};

/* Windows of five bits, digits from -16 to 16: 52 of them hold 256 bits and the last carry. */
#define P256_WINDOW     5
#define P256_WINDOWS    52
#define P256_WINDOW_MAX 16

/*
 * The multiples of the base point G: p256_base_table[i][m - 1] = m * 2^(10 i) * G. Every second
 * window's; what p256_table.py prints.
 */
extern const struct p256_affine p256_base_table[P256_WINDOWS / 2][P256_WINDOW_MAX];

/* A point as on the wire: 04, x, y. False where it is anything else than a point on the curve. */
bool p256_point_from_bytes(const uint8_t *in, size_t len, struct p256_affine *p)
	__attribute__((warn_unused_result));
void p256_point_to_bytes(const struct p256_affine *p, uint8_t out[static P256_POINT_BYTES]);

/* p is not infinity; z is lost. */
void p256_point_to_affine(const struct p256_point *p, struct p256_affine *r);

void p256_point_double(const struct p256_point *a, struct p256_point *r);

/* a + b, either may be infinity; not for a = b, which wants p256_point_double(). */
void p256_point_add(const struct p256_point *a, const struct p256_point *b, struct p256_point *r);

/* The same with an affine b, of which b_is_infinity, a mask, says that it does not count. */
void p256_point_add_affine(const struct p256_point *a, const struct p256_affine *b,
			   uint64_t b_is_infinity, struct p256_point *r);

/* k p and k G, for k from 1 to n - 1, least significant word first. */
void p256_multiply(const uint64_t k[static 4], const struct p256_affine *p, struct p256_point *r);
void p256_multiply_base(const uint64_t k[static 4], struct p256_point *r);

#endif
