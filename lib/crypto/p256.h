/* SPDX-License-Identifier: MIT */
/*
 * ECDH on P-256 (SEC 1, 3.3.1; RFC 9846, 7.4.2), constant time in the private key, which is 32
 * bytes, big-endian, from 1 to n - 1. A share is an uncompressed point, the shared secret the x
 * coordinate.
 */
#ifndef KTLS_CRYPTO_P256_H
#define KTLS_CRYPTO_P256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define P256_PRIVATE 32
#define P256_SHARE   65
#define P256_SHARED  32

void p256_generate(uint8_t private_key[static P256_PRIVATE], uint8_t share[static P256_SHARE]);

/* False, and zeros in share, where the private key is out of range. */
bool p256_share_of(const uint8_t private_key[static P256_PRIVATE], uint8_t share[static P256_SHARE])
	__attribute__((warn_unused_result));

/* False, and zeros in shared, where the private key is out of range or the peer's share is no point
 * on the curve. */
bool p256_agree(const uint8_t private_key[static P256_PRIVATE], const uint8_t *peer_share,
		size_t peer_len, uint8_t shared[static P256_SHARED])
	__attribute__((warn_unused_result));

#endif
