/* SPDX-License-Identifier: MIT */
#include "lib/crypto/hash.h"

#include <endian.h>
#include <string.h>

#include "lib/crypto/cpu.h"
#include "lib/crypto/sha2.h"
#include "lib/crypto/util.h"

/* FIPS 180-4, 5.3.3 and 5.3.4 */
static const uint32_t sha256_iv[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
				       0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
static const uint64_t sha384_iv[8] = { 0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17,
				       0x152fecd8f70e5939, 0x67332667ffc00b31, 0x8eb44a8768581511,
				       0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4 };

size_t hash_size(enum hash_alg alg)
{
	return alg == HASH_SHA384 ? 48 : 32;
}

size_t hash_block_size(enum hash_alg alg)
{
	return alg == HASH_SHA384 ? 128 : 64;
}

/* len: of whole blocks. */
static void compress(struct hash *h, const uint8_t *blocks, size_t len)
{
	if (h->alg == HASH_SHA384) {
		sha512_blocks_portable(h->state.w64, blocks, len / 128);
		return;
	}
#if defined(__x86_64__)
	if (crypto_cpu.sha_ni) {
		sha256_blocks_ni(h->state.w32, blocks, len / 64);
		return;
	}
#endif
	sha256_blocks_portable(h->state.w32, blocks, len / 64);
}

static void store_be32(uint8_t *out, uint32_t v)
{
	v = htobe32(v);
	memcpy(out, &v, sizeof(v));
}

static void store_be64(uint8_t *out, uint64_t v)
{
	v = htobe64(v);
	memcpy(out, &v, sizeof(v));
}

/* Bytes of the incomplete block. */
static size_t held(const struct hash *h)
{
	return (size_t)h->count & (hash_block_size(h->alg) - 1);
}

void hash_init(struct hash *h, enum hash_alg alg)
{
	h->alg = alg;
	h->count = 0;
	if (alg == HASH_SHA384)
		memcpy(h->state.w64, sha384_iv, sizeof(sha384_iv));
	else
		memcpy(h->state.w32, sha256_iv, sizeof(sha256_iv));
}

void hash_update(struct hash *h, const void *bytes, size_t len)
{
	const size_t size = hash_block_size(h->alg);
	const size_t have = held(h);
	const uint8_t *p = bytes;
	size_t part, whole;

	if (len == 0)
		return;
	h->count += len;
	if (have > 0) {
		part = len < size - have ? len : size - have;
		memcpy(h->block + have, p, part);
		if (have + part < size)
			return;
		compress(h, h->block, size);
		p += part;
		len -= part;
	}
	whole = len & ~(size - 1);
	if (whole > 0)
		compress(h, p, whole);
	memcpy(h->block, p + whole, len - whole);
}

/* FIPS 180-4, 5.1: a one bit, zeros, and the length in bits at the end of a block. */
static void pad(struct hash *h)
{
	const size_t size = hash_block_size(h->alg);
	const size_t length_size = size / 8;
	size_t have = held(h);

	h->block[have++] = 0x80;
	memset(h->block + have, 0, size - have);
	if (size - have < length_size) {
		compress(h, h->block, size);
		memset(h->block, 0, size);
	}
	if (h->alg == HASH_SHA384)
		store_be64(h->block + size - 16, h->count >> 61);
	store_be64(h->block + size - 8, h->count << 3);
	compress(h, h->block, size);
}

void hash_final(struct hash *h, uint8_t *out)
{
	const size_t size = hash_size(h->alg);

	pad(h);
	if (h->alg == HASH_SHA384) {
		for (size_t i = 0; i < size / 8; i++)
			store_be64(out + 8 * i, h->state.w64[i]);
	} else {
		for (size_t i = 0; i < size / 4; i++)
			store_be32(out + 4 * i, h->state.w32[i]);
	}
	secret_wipe(h, sizeof(*h));
}

void hash_peek(const struct hash *h, uint8_t *out)
{
	struct hash copy = *h;

	hash_final(&copy, out);
}

void hash_bytes(enum hash_alg alg, const void *bytes, size_t len, uint8_t *out)
{
	struct hash h;

	hash_init(&h, alg);
	hash_update(&h, bytes, len);
	hash_final(&h, out);
}
