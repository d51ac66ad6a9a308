/* SPDX-License-Identifier: MIT */
/*
 * The three AEADs of TLS 1.3 (RFC 9846, B.4; RFC 5116, RFC 8439), with 12-byte nonces and 16-byte
 * tags.
 *
 * AES-GCM is ours: on AES-NI and PCLMUL where the CPU has them, else a portable path without
 * table look-ups by secrets. ChaCha20-Poly1305 is libsodium's.
 */
#ifndef KTLS_CRYPTO_AEAD_H
#define KTLS_CRYPTO_AEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AEAD_KEY_MAX 32
#define AEAD_NONCE   12
#define AEAD_TAG     16

enum aead_alg { AEAD_AES_128_GCM, AEAD_AES_256_GCM, AEAD_CHACHA20_POLY1305 };

/* The expanded key of AES-GCM: one form for all of our code paths. */
struct gcm_key {
	_Alignas(16) uint8_t round_key[15][16]; /* FIPS 197, 5.2 */
	_Alignas(16) uint64_t h[2];             /* GHASH's key over x, the low half first */
	uint32_t rounds;                        /* 10 or 14 */
};

/* A keyed AEAD. The owner wipes it with aead_wipe(). What is in key is lib/crypto's affair. */
struct aead {
	enum aead_alg alg;
	union {
		struct gcm_key gcm;
		uint8_t chacha20_poly1305[32];
	} key;
};

size_t aead_key_size(enum aead_alg alg);

void aead_init(struct aead *a, enum aead_alg alg, const uint8_t *key);
void aead_wipe(struct aead *a);

/*
 * Encrypts len bytes of in and appends the tag: out has room for len + AEAD_TAG. out may be in
 * itself, or not overlap it at all.
 */
void aead_seal(const struct aead *a, const uint8_t nonce[static AEAD_NONCE], const void *ad,
	       size_t ad_len, const uint8_t *in, size_t len, uint8_t *out);

/*
 * Checks the tag at the end of the len bytes of in (len includes it) and decrypts len - AEAD_TAG
 * bytes to out, which may be in itself. False where len is below AEAD_TAG or the tag is wrong: then
 * out is all zero for len - AEAD_TAG bytes, or untouched.
 */
bool aead_open(const struct aead *a, const uint8_t nonce[static AEAD_NONCE], const void *ad,
	       size_t ad_len, const uint8_t *in, size_t len, uint8_t *out)
	__attribute__((warn_unused_result));

/* The same with a key that is used once: expanded, used and wiped. */
void aead_seal_once(enum aead_alg alg, const uint8_t *key, const uint8_t nonce[static AEAD_NONCE],
		    const void *ad, size_t ad_len, const uint8_t *in, size_t len, uint8_t *out);
bool aead_open_once(enum aead_alg alg, const uint8_t *key, const uint8_t nonce[static AEAD_NONCE],
		    const void *ad, size_t ad_len, const uint8_t *in, size_t len, uint8_t *out)
	__attribute__((warn_unused_result));

#endif
