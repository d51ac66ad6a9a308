/* SPDX-License-Identifier: MIT */
/* AES-GCM (SP 800-38D, 7) on the bitsliced AES and the multiplying GHASH. */
#include <endian.h>
#include <string.h>

#include "lib/crypto/gcm.h"
#include "lib/crypto/util.h"

/* The cipher in counter mode: the key stream comes eight blocks at a time. */
struct keystream {
	struct aes_sliced aes;
	const uint8_t *nonce;
	uint32_t counter; /* of the next block */
	uint8_t bytes[AES_BATCH * AES_BLOCK];
	size_t used; /* of bytes */
};

void gcm_init_portable(struct gcm_key *k, const uint8_t *key, size_t key_size)
{
	uint8_t blocks[AES_BATCH * AES_BLOCK] = { 0 };
	struct aes_sliced aes;

	aes_expand_key(k, key, key_size);
	aes_slice_key(&aes, k);
	aes_encrypt_batch(&aes, blocks);
	ghash_key_set(k, blocks);
	secret_wipe(&aes, sizeof(aes));
	secret_wipe(blocks, sizeof(blocks));
}

static void keystream_refill(struct keystream *s)
{
	uint8_t *block = s->bytes;
	uint32_t counter;

	for (unsigned int i = 0; i < AES_BATCH; i++, block += AES_BLOCK) {
		counter = htobe32(s->counter++);
		memcpy(block, s->nonce, AEAD_NONCE);
		memcpy(block + AEAD_NONCE, &counter, sizeof(counter));
	}
	aes_encrypt_batch(&s->aes, s->bytes);
	s->used = 0;
}

static void keystream_xor(struct keystream *s, const uint8_t *in, size_t len, uint8_t *out)
{
	for (size_t i = 0; i < len; i++)
		out[i] = in[i] ^ s->bytes[s->used + i];
	s->used += len;
}

/* The key stream's first block is the tag's mask: 96-bit nonces start the counter at 1. */
void gcm_crypt_portable(const struct gcm_key *k, const struct gcm_message *m,
			uint8_t tag[static AEAD_TAG])
{
	struct keystream stream = { .nonce = m->nonce, .counter = 1 };
	uint8_t mask[AES_BLOCK];
	struct ghash g;
	size_t part;

	aes_slice_key(&stream.aes, k);
	keystream_refill(&stream);
	memset(mask, 0, sizeof(mask));
	keystream_xor(&stream, mask, sizeof(mask), mask);
	ghash_init(&g, k);
	ghash_update(&g, m->ad, m->ad_len);
	for (size_t done = 0; done < m->len; done += part) {
		if (stream.used == sizeof(stream.bytes))
			keystream_refill(&stream);
		part = sizeof(stream.bytes) - stream.used;
		if (part > m->len - done)
			part = m->len - done;
		if (!m->seal)
			ghash_update(&g, m->in + done, part);
		keystream_xor(&stream, m->in + done, part, m->out + done);
		if (m->seal)
			ghash_update(&g, m->out + done, part);
	}
	ghash_final(&g, m->ad_len, m->len, tag);
	for (unsigned int i = 0; i < AEAD_TAG; i++)
		tag[i] ^= mask[i];
	secret_wipe(&stream, sizeof(stream));
	secret_wipe(mask, sizeof(mask));
}
