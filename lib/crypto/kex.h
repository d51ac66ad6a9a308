/* SPDX-License-Identifier: MIT */
/*
 * Ephemeral key exchange (RFC 9846, 4.3.8 and 7.4): X25519 (RFC 7748) and ECDH on P-256 (RFC 8422,
 * SEC 1), constant time in the private key.
 */
#ifndef KTLS_CRYPTO_KEX_H
#define KTLS_CRYPTO_KEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEX_PRIVATE_MAX 32 /* bytes of the longest private key */
#define KEX_SHARE_MAX   65 /* bytes of the longest public key share */
#define KEX_SHARED_MAX  32 /* bytes of the longest shared secret */

enum kex_group { KEX_X25519, KEX_SECP256R1 };

size_t kex_share_size(enum kex_group group);
size_t kex_shared_size(enum kex_group group);

/*
 * Makes a key pair from the system's random source. private_key: KEX_PRIVATE_MAX bytes, the caller
 * wipes them. share: kex_share_size() bytes, as they stand in KeyShareEntry.key_exchange (P-256:
 * the uncompressed point).
 */
void kex_generate(enum kex_group group, uint8_t *private_key, uint8_t *share);

/*
 * The share of a private key that is given (for tests with published keys). False where
 * the private key is none (P-256: 0, or the group's order and above).
 */
bool kex_share_of(enum kex_group group, const uint8_t *private_key, uint8_t *share)
	__attribute__((warn_unused_result));

/*
 * The shared secret with the peer's share: kex_shared_size() bytes. False where the share has the
 * wrong length or form, is not on the curve, or (X25519) gives all zeros; shared is then zeroed.
 */
bool kex_agree(enum kex_group group, const uint8_t *private_key, const uint8_t *peer_share,
	       size_t peer_len, uint8_t *shared) __attribute__((warn_unused_result));

#endif
