/* SPDX-License-Identifier: MIT */
/*
 * XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha): ChaCha20-Poly1305 whose nonce is long enough to be
 * drawn at random, for what is sealed to come back later: tickets. libsodium's.
 */
#ifndef KTLS_CRYPTO_XCHACHA_H
#define KTLS_CRYPTO_XCHACHA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define XCHACHA_KEY   32
#define XCHACHA_NONCE 24
#define XCHACHA_TAG   16

/* Encrypts len bytes of in, which out does not overlap, and appends the tag. */
void xchacha_seal(const uint8_t key[static XCHACHA_KEY], const uint8_t nonce[static XCHACHA_NONCE],
		  const void *ad, size_t ad_len, const uint8_t *in, size_t len, uint8_t *out);

/*
 * Checks the tag at the end of the len bytes of in and decrypts len - XCHACHA_TAG bytes to out.
 * False where len is below that or the tag is wrong; there is nothing secret in out then.
 */
bool xchacha_open(const uint8_t key[static XCHACHA_KEY], const uint8_t nonce[static XCHACHA_NONCE],
		  const void *ad, size_t ad_len, const uint8_t *in, size_t len, uint8_t *out)
	__attribute__((warn_unused_result));

#endif
