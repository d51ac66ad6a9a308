/* SPDX-License-Identifier: MIT */
/* HMAC (RFC 2104) and HKDF (RFC 5869). */
#include <sodium.h>
#include <string.h>

#include "lib/crypto/hash.h"
#include "lib/crypto/util.h"

/* Hashes one block: the key, which zeros fill up, XOR a byte repeated. */
static void hash_padded_key(struct hash *h, enum hash_alg alg, const uint8_t key[HASH_BLOCK_MAX],
			    uint8_t byte)
{
	uint8_t block[HASH_BLOCK_MAX];

	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = key[i] ^ byte;
	hash_init(h, alg);
	hash_update(h, block, hash_block_size(alg));
	secret_wipe(block, sizeof(block));
}

void hmac_init(struct hmac *m, enum hash_alg alg, const void *key, size_t key_len)
{
	uint8_t block[HASH_BLOCK_MAX] = { 0 };

	if (key_len > hash_block_size(alg))
		hash_bytes(alg, key, key_len, block);
	else if (key_len > 0)
		memcpy(block, key, key_len);
	hash_padded_key(&m->inner, alg, block, 0x36);
	hash_padded_key(&m->outer, alg, block, 0x5c);
	secret_wipe(block, sizeof(block));
}

void hmac_update(struct hmac *m, const void *bytes, size_t len)
{
	hash_update(&m->inner, bytes, len);
}

void hmac_final(struct hmac *m, uint8_t *out)
{
	uint8_t inner[HASH_MAX];
	const size_t size = hash_size(m->inner.alg);

	hash_final(&m->inner, inner);
	hash_update(&m->outer, inner, size);
	hash_final(&m->outer, out);
	secret_wipe(inner, sizeof(inner));
}

void hmac_bytes(enum hash_alg alg, const void *key, size_t key_len, const void *bytes, size_t len,
		uint8_t *out)
{
	struct hmac m;

	hmac_init(&m, alg, key, key_len);
	hmac_update(&m, bytes, len);
	hmac_final(&m, out);
}

/* A salt of no bytes and one of hash_size() zeros make the same HMAC key. */
void hkdf_extract(enum hash_alg alg, const void *salt, size_t salt_len, const void *ikm,
		  size_t ikm_len, uint8_t *prk)
{
	hmac_bytes(alg, salt, salt ? salt_len : 0, ikm, ikm_len, prk);
}

void hkdf_expand(enum hash_alg alg, const uint8_t *prk, const void *info, size_t info_len,
		 uint8_t *out, size_t len)
{
	const size_t size = hash_size(alg);
	struct hmac keyed, copy, *m;
	uint8_t t[HASH_MAX];
	uint8_t i = 0;
	size_t part;

	if (len > 255 * size)
		sodium_misuse();
	hmac_init(&keyed, alg, prk, size);
	for (; len > 0; out += part, len -= part) {
		part = len < size ? len : size;
		m = &keyed;
		if (part < len) {
			copy = keyed;
			m = &copy;
		}
		if (i > 0)
			hmac_update(m, t, size);
		i++;
		hmac_update(m, info, info_len);
		hmac_update(m, &i, 1);
		hmac_final(m, t);
		memcpy(out, t, part);
	}
	secret_wipe(&keyed, sizeof(keyed));
	secret_wipe(t, sizeof(t));
}
