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

#include "lib/crypto/carry.h"
#include "lib/crypto/modinv.h"
#include "lib/crypto/util.h"

/* p = 2^255 - 19: its words, least significant first, and what modinv() wants of it */
#define P0 0xffffffffffffffed
#define P1 0xffffffffffffffff
#define P2 0xffffffffffffffff
#define P3 0x7fffffffffffffff

static const struct modinv_modulus prime = { { 0x7ffffffffffffed, 0x7ffffffffffffff,
					       0x7ffffffffffffff, 0x7ffffffffffffff, 0x7ffff },
					     0x1435e50d79435e5 };

/* r = a - b mod p, for a and b below p */
static void subtract(const uint64_t a[4], const uint64_t b[4], uint64_t r[4])
{
	uint64_t t[5] = { a[0], a[1], a[2], a[3], 0 };
	const uint64_t negative = subtract_words_5(t, b[0], b[1], b[2], b[3], 0);

	add_words_4(t, P0 & negative, P1 & negative, P2 & negative, P3 & negative);
	memcpy(r, t, 4 * sizeof(*r));
}

/* (1 + y) / (1 - y) is z - (1 - z) with z = 1 / (1 - y). */
void x25519_u_from_edwards_y(const uint8_t y[static X25519_BYTES], uint8_t u[static X25519_BYTES])
{
	static const uint64_t one[4] = { 1 };
	uint64_t w[4], z[4];

	for (int i = 0; i < 4; i++) {
		memcpy(&w[i], y + 8 * i, 8);
		w[i] = le64toh(w[i]);
	}
	w[3] &= INT64_MAX;
	subtract(one, w, w);
	modinv(&prime, w, z);
	subtract(one, z, w);
	subtract(z, w, w);
	for (int i = 0; i < 4; i++) {
		w[i] = htole64(w[i]);
		memcpy(u + 8 * i, &w[i], 8);
	}
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
