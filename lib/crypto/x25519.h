/* SPDX-License-Identifier: MIT */
/* X25519 (RFC 7748, 5 and 6.1; RFC 9846, 7.4.2): every 32 bytes are a private key. */
#ifndef KTLS_CRYPTO_X25519_H
#define KTLS_CRYPTO_X25519_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define X25519_BYTES 32 /* a private key, a share, a shared secret */

void x25519_generate(uint8_t private_key[static X25519_BYTES], uint8_t share[static X25519_BYTES]);

void x25519_share_of(const uint8_t private_key[static X25519_BYTES],
		     uint8_t share[static X25519_BYTES]);

/* False, and zeros in shared, where the share has another length or gives all zeros. */
bool x25519_agree(const uint8_t private_key[static X25519_BYTES], const uint8_t *peer_share,
		  size_t peer_len, uint8_t shared[static X25519_BYTES])
	__attribute__((warn_unused_result));

/*
 * The u coordinate on Curve25519 of the point of edwards25519 with this y (RFC 7748, 4.1):
 * (1 + y) / (1 - y). y is an encoded point (RFC 8032, 5.1.2), below 2^255 - 19 and not 1; its sign
 * bit is ignored.
 */
void x25519_u_from_edwards_y(const uint8_t y[static X25519_BYTES], uint8_t u[static X25519_BYTES]);

#endif
