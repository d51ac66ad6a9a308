/* SPDX-License-Identifier: MIT */
/*
 * The field of P-256: integers modulo p = 2^256 - 2^224 + 2^192 + 2^96 - 1 (SP 800-186, 3.2.1.3),
 * in Montgomery form: the element a is held as a * 2^256 mod p, always below p.
 *
 * Nothing here branches on a value or uses one as an index. Outputs may be an input. The caller
 * wipes what is secret.
 */
#ifndef KTLS_CRYPTO_P256_FIELD_H
#define KTLS_CRYPTO_P256_FIELD_H

#include <stdbool.h>
#include <stdint.h>

struct p256_fe {
	uint64_t w[4]; /* least significant word first */
};

extern const struct p256_fe p256_fe_one; /* 1 */

void p256_fe_mul(const struct p256_fe *a, const struct p256_fe *b, struct p256_fe *r);
void p256_fe_sqr(const struct p256_fe *a, struct p256_fe *r);
void p256_fe_add(const struct p256_fe *a, const struct p256_fe *b, struct p256_fe *r);
void p256_fe_sub(const struct p256_fe *a, const struct p256_fe *b, struct p256_fe *r);
void p256_fe_halve(const struct p256_fe *a, struct p256_fe *r);

/* 1/a, and 0 for 0. */
void p256_fe_invert(const struct p256_fe *a, struct p256_fe *r);

/* Big-endian, as on the wire (SEC 1, 2.3.5). False, and r is unwritten, where the number is not
 * below p. */
bool p256_fe_from_bytes(const uint8_t in[static 32], struct p256_fe *r)
	__attribute__((warn_unused_result));
void p256_fe_to_bytes(const struct p256_fe *a, uint8_t out[static 32]);

/* Masks are all ones for true and zero for false. */
uint64_t p256_fe_is_zero(const struct p256_fe *a);

/* Hides from the compiler that a mask has two values only, lest it makes a branch of it. */
static inline uint64_t p256_mask(uint64_t mask)
{
	__asm__("" : "+r"(mask));
	return mask;
}

/* All ones where x is 0. */
static inline uint64_t p256_mask_zero(uint64_t x)
{
	return p256_mask(((x | (0 - x)) >> 63) - 1);
}

/* r = a where the mask is set. */
static inline void p256_fe_move(const struct p256_fe *a, uint64_t mask, struct p256_fe *r)
{
	for (int i = 0; i < 4; i++)
		r->w[i] ^= (r->w[i] ^ a->w[i]) & mask;
}

#endif
