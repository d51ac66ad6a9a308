// SPDX-License-Identifier: GPL-2.0
/*
 * AES-GCM (NIST SP 800-38D) for a NIC, which sees packets, not records: it
 * stops and goes on at any byte. Counter mode comes from the crypto API, GHASH
 * is here: the API of that moved between kernel versions. It is a table of 16
 * multiples of the key, not constant time: keys of an emulated NIC are worth
 * nothing.
 */
#include <crypto/skcipher.h>
#include <linux/slab.h>

#include "nicsim.h"

#define BLOCK		16
#define REDUCTION	(0xe1ULL << 56)
#define COUNTER_TAG	1	/* counter of the block that hides the tag */
#define COUNTER_DATA	2

static u64 reduction[16];

/* Multiplies by x: in GHASH's order of bits that is a shift to the right. */
static void times_x(u64 *hi, u64 *lo)
{
	u64 carry = *lo & 1;

	*lo = *hi << 63 | *lo >> 1;
	*hi = *hi >> 1 ^ (carry ? REDUCTION : 0);
}

void nicsim_gcm_init(void)
{
	u64 hi, lo;
	int i, bit;

	for (i = 0; i < 16; i++) {
		hi = 0;
		lo = i;
		for (bit = 0; bit < 4; bit++)
			times_x(&hi, &lo);
		reduction[i] = hi;
	}
}

static void ghash_setkey(struct nicsim_gcm_key *key)
{
	u64 hi = get_unaligned_be64(key->block);
	u64 lo = get_unaligned_be64(key->block + 8);
	int i, j;

	key->hash_hi[0] = 0;
	key->hash_lo[0] = 0;
	for (i = 8; i; i >>= 1) {
		key->hash_hi[i] = hi;
		key->hash_lo[i] = lo;
		times_x(&hi, &lo);
	}
	for (i = 2; i < 16; i <<= 1) {
		for (j = 1; j < i; j++) {
			key->hash_hi[i + j] = key->hash_hi[i] ^ key->hash_hi[j];
			key->hash_lo[i + j] = key->hash_lo[i] ^ key->hash_lo[j];
		}
	}
}

static void ghash_multiply(const struct nicsim_gcm_key *key, u8 y[BLOCK])
{
	u64 hi = 0, lo = 0;
	int i, nibble;

	for (i = 2 * BLOCK - 1; i >= 0; i--) {
		u64 out = reduction[lo & 15];

		lo = hi << 60 | lo >> 4;
		hi = hi >> 4 ^ out;
		nibble = i & 1 ? y[i / 2] & 15 : y[i / 2] >> 4;
		hi ^= key->hash_hi[nibble];
		lo ^= key->hash_lo[nibble];
	}
	put_unaligned_be64(hi, y);
	put_unaligned_be64(lo, y + 8);
}

static void ghash(const struct nicsim_gcm_key *key, u8 y[BLOCK], u32 done,
		  const u8 *data, u32 len)
{
	while (len--) {
		y[done++ % BLOCK] ^= *data++;
		if (done % BLOCK == 0)
			ghash_multiply(key, y);
	}
}

/* data is whole blocks, or the last; not on the stack. */
static int ctr(struct nicsim_gcm_key *key, const u8 *nonce, u32 counter,
	       u8 *data, u32 len)
{
	SYNC_SKCIPHER_REQUEST_ON_STACK(request, key->ctr);
	struct scatterlist sg;
	u8 iv[BLOCK];
	int err;

	memcpy(iv, key->salt, sizeof(key->salt));
	memcpy(iv + sizeof(key->salt), nonce, NICSIM_NONCE);
	put_unaligned_be32(counter, iv + 12);
	sg_init_one(&sg, data, len);
	skcipher_request_set_sync_tfm(request, key->ctr);
	skcipher_request_set_callback(request, 0, NULL, NULL);
	skcipher_request_set_crypt(request, &sg, &sg, len, iv);
	err = crypto_skcipher_encrypt(request);
	skcipher_request_zero(request);
	return err;
}

/* The rest of a block that an earlier piece has begun. */
static int ctr_head(struct nicsim_gcm_key *key, const u8 *nonce, u32 done,
		    u8 *data, u32 len)
{
	u32 skip = done % BLOCK;
	int err;

	memset(key->block, 0, BLOCK);
	memcpy(key->block + skip, data, len);
	err = ctr(key, nonce, COUNTER_DATA + done / BLOCK, key->block, BLOCK);
	if (!err)
		memcpy(data, key->block + skip, len);
	return err;
}

static int ctr_data(struct nicsim_gcm_key *key, const u8 *nonce, u32 done,
		    u8 *data, u32 len)
{
	u32 head = min(len, (BLOCK - done % BLOCK) % BLOCK);
	int err;

	if (head) {
		err = ctr_head(key, nonce, done, data, head);
		if (err)
			return err;
	}
	if (head == len)
		return 0;
	return ctr(key, nonce, COUNTER_DATA + (done + head) / BLOCK,
		   data + head, len - head);
}

int nicsim_gcm_setkey(struct nicsim_gcm_key *key, const u8 *bytes,
		      unsigned int len, const u8 *salt)
{
	static const u8 zero[NICSIM_NONCE];
	int err;

	key->ctr = crypto_alloc_sync_skcipher("ctr(aes)", 0, 0);
	if (IS_ERR(key->ctr)) {
		err = PTR_ERR(key->ctr);
		key->ctr = NULL;
		return err;
	}
	err = crypto_sync_skcipher_setkey(key->ctr, bytes, len);
	/* The hash key is the block 0 encrypted: the salt is still 0 here. */
	if (!err)
		err = ctr(key, zero, 0, key->block, BLOCK);
	if (err)
		return err;
	ghash_setkey(key);
	memcpy(key->salt, salt, sizeof(key->salt));
	return 0;
}

void nicsim_gcm_free(struct nicsim_gcm_key *key)
{
	if (key->ctr)
		crypto_free_sync_skcipher(key->ctr);
	key->ctr = NULL;
}

/* header: type and version of the record (RFC 5246, 6.2.3.3); len: plaintext. */
void nicsim_gcm_begin(const struct nicsim_gcm_key *key, struct nicsim_gcm *gcm,
		      u64 sn, const u8 *header, u32 len)
{
	memset(gcm, 0, sizeof(*gcm));
	put_unaligned_be64(sn, gcm->y);
	memcpy(gcm->y + 8, header, 3);
	put_unaligned_be16(len, gcm->y + 11);
	ghash_multiply(key, gcm->y);
}

int nicsim_gcm_crypt(struct nicsim_gcm_key *key, struct nicsim_gcm *gcm,
		     const u8 *nonce, u8 *data, u32 len, bool encrypt)
{
	u32 done = gcm->done;
	int err;

	if (!encrypt)
		ghash(key, gcm->y, done, data, len);
	err = ctr_data(key, nonce, done, data, len);
	if (err)
		return err;
	if (encrypt)
		ghash(key, gcm->y, done, data, len);
	gcm->done += len;
	return 0;
}

int nicsim_gcm_tag(struct nicsim_gcm_key *key, const struct nicsim_gcm *gcm,
		   const u8 *nonce, u8 *tag)
{
	u8 y[BLOCK], lengths[BLOCK];
	int err;

	memcpy(y, gcm->y, BLOCK);
	if (gcm->done % BLOCK)
		ghash_multiply(key, y);
	put_unaligned_be64(8 * 13, lengths);
	put_unaligned_be64(8 * (u64)gcm->done, lengths + 8);
	ghash(key, y, 0, lengths, BLOCK);
	memcpy(key->block, y, BLOCK);
	err = ctr(key, nonce, COUNTER_TAG, key->block, BLOCK);
	if (!err)
		memcpy(tag, key->block, BLOCK);
	return err;
}
