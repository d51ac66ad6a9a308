/* SPDX-License-Identifier: MIT */
/*
 * SHA-256 and SHA-384 (FIPS 180-4), HMAC (RFC 2104) and HKDF (RFC 5869) over them.
 *
 * SHA-256 runs on the CPU's SHA instructions where there are any, else on libsodium's code; SHA-384
 * is libsodium's SHA-512 core with its own initial value. A struct hash holds no pointer: copying
 * it takes a snapshot, which is how transcripts are hashed at several points.
 */
#ifndef KTLS_CRYPTO_HASH_H
#define KTLS_CRYPTO_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_MAX       48  /* bytes of the longest digest */
#define HASH_BLOCK_MAX 128 /* bytes of the longest block */

enum hash_alg { HASH_SHA256, HASH_SHA384 };

struct hash {
	enum hash_alg alg;
	uint64_t count; /* bytes hashed so far */
	union {
		uint32_t w32[8];
		uint64_t w64[8];
	} state;
	uint8_t block[HASH_BLOCK_MAX]; /* the incomplete block */
};

size_t hash_size(enum hash_alg alg);
size_t hash_block_size(enum hash_alg alg);

void hash_init(struct hash *h, enum hash_alg alg);
void hash_update(struct hash *h, const void *bytes, size_t len);

/* Writes hash_size() bytes and wipes h. */
void hash_final(struct hash *h, uint8_t *out);

/* The digest of what was hashed so far; h goes on. Writes hash_size() bytes. */
void hash_peek(const struct hash *h, uint8_t *out);

/* One call; writes hash_size() bytes. */
void hash_bytes(enum hash_alg alg, const void *bytes, size_t len, uint8_t *out);

struct hmac {
	struct hash inner, outer;
};

void hmac_init(struct hmac *m, enum hash_alg alg, const void *key, size_t key_len);
void hmac_update(struct hmac *m, const void *bytes, size_t len);
void hmac_final(struct hmac *m, uint8_t *out); /* hash_size() bytes; wipes m */
void hmac_bytes(enum hash_alg alg, const void *key, size_t key_len, const void *bytes, size_t len,
		uint8_t *out);

/* RFC 5869, 2.2: writes hash_size() bytes; a NULL salt means that many zero bytes. */
void hkdf_extract(enum hash_alg alg, const void *salt, size_t salt_len, const void *ikm,
		  size_t ikm_len, uint8_t *prk);

/* RFC 5869, 2.3: prk is hash_size() bytes; len at most 255 * hash_size(). */
void hkdf_expand(enum hash_alg alg, const uint8_t *prk, const void *info, size_t info_len,
		 uint8_t *out, size_t len);

#endif
