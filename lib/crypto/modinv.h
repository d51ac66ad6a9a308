/* SPDX-License-Identifier: MIT */
/*
 * Inverses modulo an odd number below 2^256, in constant time: the division steps of D. J.
 * Bernstein and B.-Y. Yang, "Fast constant-time gcd computation and modular inversion" (TCHES 2019,
 * 3), at half the cost of Fermat's power.
 */
#ifndef KTLS_CRYPTO_MODINV_H
#define KTLS_CRYPTO_MODINV_H

#include <stdint.h>

#define MODINV_LIMB_BITS 59

/* Limbs least significant first. */
struct modinv_modulus {
	int64_t limb[5];
	uint64_t inverse; /* of the modulus, modulo 2^59 */
};

/*
 * r = 1/a, and 0 for 0; a is below the modulus and prime to it, or 0. Words of 64 bits, least
 * significant first; r may be a. What its frames hold is not wiped.
 */
void modinv(const struct modinv_modulus *m, const uint64_t a[static 4], uint64_t r[static 4]);

#endif
