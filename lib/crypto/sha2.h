/* SPDX-License-Identifier: MIT */
/*
 * The compression functions of SHA-2 (FIPS 180-4, 6.2.2 and 6.4.2): n whole blocks of 64 (SHA-256)
 * or 128 bytes (SHA-512, SHA-384) into the state. Private to lib/crypto.
 */
#ifndef KTLS_CRYPTO_SHA2_H
#define KTLS_CRYPTO_SHA2_H

#include <stddef.h>
#include <stdint.h>

void sha256_blocks_portable(uint32_t state[8], const uint8_t *blocks, size_t n);
void sha256_blocks_ni(uint32_t state[8], const uint8_t *blocks, size_t n);
void sha512_blocks_portable(uint64_t state[8], const uint8_t *blocks, size_t n);

#endif
