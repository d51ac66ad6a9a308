/* SPDX-License-Identifier: MIT */
/*
 * AES-GCM (FIPS 197, SP 800-38D) with 12-byte nonces and 16-byte tags, twice: for AES-NI and
 * PCLMULQDQ, and portable. Both are free of branches and look-ups that depend on secrets, and
 * share struct gcm_key, so that either can use a key which the other has expanded. Private to
 * lib/crypto and its tests.
 *
 * GHASH's field elements are held as SP 800-38D, 6.3 numbers their bits, read as a 128-bit
 * big-endian integer: the coefficient of x^0 is the top bit. The carry-less product of two such
 * integers has 255 bits and stands for the product times 1/x. Keeping H/x in place of H
 * saves a shift in each multiplication.
 */
#ifndef KTLS_CRYPTO_GCM_H
#define KTLS_CRYPTO_GCM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/crypto/aead.h"

#define AES_BLOCK 16

/* A message to be sealed or opened; out is in itself or does not overlap it. */
struct gcm_message {
	bool seal;
	const uint8_t *nonce; /* AEAD_NONCE bytes */
	const uint8_t *ad;
	size_t ad_len;
	const uint8_t *in;
	size_t len; /* of in and out, without the tag */
	uint8_t *out;
};

/* Expands a key of key_size bytes, 16 or 32. */
void gcm_init_portable(struct gcm_key *k, const uint8_t *key, size_t key_size);
void gcm_init_ni(struct gcm_key *k, const uint8_t *key, size_t key_size);

/* Encrypts or decrypts the message, and writes the tag that belongs to it. */
void gcm_crypt_portable(const struct gcm_key *k, const struct gcm_message *m,
			uint8_t tag[static AEAD_TAG]);
void gcm_crypt_ni(const struct gcm_key *k, const struct gcm_message *m,
		  uint8_t tag[static AEAD_TAG]);

/* Sets k->h from H = E(K, 0). */
void ghash_key_set(struct gcm_key *k, const uint8_t h[static AES_BLOCK]);

/* GHASH, portable. y: the hash so far. */
struct ghash {
	uint64_t y[2];
	uint64_t h[3], h_reversed[3]; /* low half, high half and their sum; the same mirrored */
};

void ghash_init(struct ghash *g, const struct gcm_key *k);

/* Fills an incomplete last block up with zeros. */
void ghash_update(struct ghash *g, const uint8_t *bytes, size_t len);

/* Takes the block of lengths, and writes the hash. */
void ghash_final(struct ghash *g, size_t ad_len, size_t len, uint8_t out[static AES_BLOCK]);

/* AES, portable: eight blocks at a time, bit by bit side by side ("bitsliced"). */
#define AES_BATCH 8

typedef uint32_t aes_slice __attribute__((vector_size(16)));

struct aes_sliced {
	aes_slice round_key[15][8];
	uint32_t rounds;
};

void aes_expand_key(struct gcm_key *k, const uint8_t *key, size_t key_size);
void aes_slice_key(struct aes_sliced *s, const struct gcm_key *k);
void aes_encrypt_batch(const struct aes_sliced *s, uint8_t blocks[static AES_BATCH * AES_BLOCK]);

#endif
