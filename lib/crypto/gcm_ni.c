/* SPDX-License-Identifier: MIT */
/*
 * AES-GCM (FIPS 197, SP 800-38D) on AES-NI and PCLMULQDQ. Eight blocks are enciphered at a time,
 * while GHASH takes eight others: with the powers of H up to H^8 at hand, eight products are summed
 * and reduced once.
 */
#include <string.h>

#include "lib/crypto/gcm.h"
#include "lib/crypto/util.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define TARGET      __attribute__((target("aes,pclmul,sse4.1,ssse3")))
#define INLINE      static inline __attribute__((always_inline, target("aes,pclmul,sse4.1,ssse3")))

#define BATCH       8
#define BATCH_BYTES ((size_t)BATCH * AES_BLOCK)

/* A GHASH product before its reduction: high and low are 128 bits apart, mid is in their middle. */
struct product {
	__m128i low, mid, high;
};

/* One message's work. Counters are held in the CPU's byte order, to be added to. */
struct work {
	const struct gcm_key *key;
	__m128i counter;      /* of the next block */
	__m128i y;            /* the hash so far */
	__m128i power[BATCH]; /* H^1 to H^8, each over x */
};

INLINE __m128i load(const void *p)
{
	return _mm_loadu_si128(p);
}

INLINE void store(void *p, __m128i x)
{
	_mm_storeu_si128(p, x);
}

INLINE __m128i reverse_bytes(__m128i x)
{
	return _mm_shuffle_epi8(x,
				_mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

INLINE struct product product_zero(void)
{
	return (struct product){ _mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128() };
}

INLINE void product_add(struct product *p, __m128i x, __m128i y)
{
	p->low = _mm_xor_si128(p->low, _mm_clmulepi64_si128(x, y, 0x00));
	p->mid = _mm_xor_si128(p->mid, _mm_clmulepi64_si128(x, y, 0x01));
	p->mid = _mm_xor_si128(p->mid, _mm_clmulepi64_si128(x, y, 0x10));
	p->high = _mm_xor_si128(p->high, _mm_clmulepi64_si128(x, y, 0x11));
}

/*
 * Modulo x^128 + x^7 + x^2 + x + 1, a word at a time: when x^128 is replaced, a word of 64
 * coefficients moves up by 128 bits, and by 1, 2 and 7 less, which is its product with c2 00 .. 00
 * moved up by 64 (see reduce() in ghash.c).
 */
INLINE __m128i product_reduce(struct product p)
{
	const __m128i fold = _mm_set_epi64x(0, (long long)0xc200000000000000);
	__m128i low = _mm_xor_si128(p.low, _mm_slli_si128(p.mid, 8));
	__m128i high = _mm_xor_si128(p.high, _mm_srli_si128(p.mid, 8));

#pragma GCC unroll 8
	for (unsigned int i = 0; i < 2; i++)
		low = _mm_xor_si128(_mm_shuffle_epi32(low, 0x4e),
				    _mm_clmulepi64_si128(low, fold, 0x00));
	return _mm_xor_si128(high, low);
}

INLINE __m128i multiply(__m128i x, __m128i y)
{
	struct product p = product_zero();

	product_add(&p, x, y);
	return product_reduce(p);
}

/* H^2 to H^8, over x like H itself: H^i/x and H^j/x multiply to x H^(i+j)/x^2. */
INLINE void power_set(struct work *w)
{
#pragma GCC unroll 8
	for (unsigned int i = 1; i < BATCH; i++)
		w->power[i] = multiply(w->power[(i - 1) / 2], w->power[i / 2]);
}

INLINE void hash_block(struct work *w, __m128i block)
{
	w->y = multiply(_mm_xor_si128(w->y, reverse_bytes(block)), w->power[0]);
}

/* The first len bytes of x, below 16, and zeros. */
INLINE __m128i first_bytes(__m128i x, size_t len)
{
	const __m128i position = _mm_set_epi8(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);

	return _mm_and_si128(x, _mm_cmpgt_epi8(_mm_set1_epi8((char)len), position));
}

INLINE __m128i load_part(const uint8_t *p, size_t len)
{
	uint8_t block[AES_BLOCK] = { 0 };
	__m128i x;

	memcpy(block, p, len);
	x = load(block);
	secret_wipe(block, sizeof(block));
	return x;
}

INLINE void store_part(uint8_t *p, __m128i x, size_t len)
{
	uint8_t block[AES_BLOCK];

	store(block, x);
	memcpy(p, block, len);
	secret_wipe(block, sizeof(block));
}

INLINE void hash_bytes_padded(struct work *w, const uint8_t *bytes, size_t len)
{
	for (; len >= AES_BLOCK; bytes += AES_BLOCK, len -= AES_BLOCK)
		hash_block(w, load(bytes));
	if (len > 0)
		hash_block(w, load_part(bytes, len));
}

INLINE void hash_batch(struct work *w, const uint8_t *blocks)
{
	struct product p = product_zero();

#pragma GCC unroll 8
	for (unsigned int i = 0; i < BATCH; i++) {
		__m128i x = reverse_bytes(load(blocks + AES_BLOCK * i));

		product_add(&p, i == 0 ? _mm_xor_si128(x, w->y) : x, w->power[BATCH - 1 - i]);
	}
	w->y = product_reduce(p);
}

INLINE __m128i round_key(const struct gcm_key *k, uint32_t i)
{
	return _mm_load_si128((const __m128i *)k->round_key[i]);
}

INLINE __m128i encrypt_block(const struct gcm_key *k, __m128i x)
{
	x = _mm_xor_si128(x, round_key(k, 0));
	for (uint32_t i = 1; i < k->rounds; i++)
		x = _mm_aesenc_si128(x, round_key(k, i));
	return _mm_aesenclast_si128(x, round_key(k, k->rounds));
}

/* The counter blocks of the next batch, with the first round key added. */
INLINE void next_counters(struct work *w, __m128i b[BATCH])
{
#pragma GCC unroll 8
	for (unsigned int i = 0; i < BATCH; i++) {
		b[i] = _mm_xor_si128(reverse_bytes(w->counter), round_key(w->key, 0));
		w->counter = _mm_add_epi32(w->counter, _mm_set_epi32(0, 0, 0, 1));
	}
}

INLINE void encrypt_rounds(__m128i b[BATCH], const struct gcm_key *k, uint32_t from)
{
	for (uint32_t r = from; r < k->rounds; r++) {
#pragma GCC unroll 8
		for (unsigned int i = 0; i < BATCH; i++)
			b[i] = _mm_aesenc_si128(b[i], round_key(k, r));
	}
#pragma GCC unroll 8
	for (unsigned int i = 0; i < BATCH; i++)
		b[i] = _mm_aesenclast_si128(b[i], round_key(k, k->rounds));
}

INLINE void xor_batch(const __m128i b[BATCH], const uint8_t *in, uint8_t *out)
{
#pragma GCC unroll 8
	for (unsigned int i = 0; i < BATCH; i++)
		store(out + AES_BLOCK * i, _mm_xor_si128(b[i], load(in + AES_BLOCK * i)));
}

INLINE void crypt_batch(struct work *w, const uint8_t *in, uint8_t *out)
{
	__m128i b[BATCH];

	next_counters(w, b);
	encrypt_rounds(b, w->key, 1);
	xor_batch(b, in, out);
}

/* The same, and hashes the batch at hashed on the way: a block with each of the first rounds. */
INLINE void crypt_and_hash_batch(struct work *w, const uint8_t *in, uint8_t *out,
				 const uint8_t *hashed)
{
	struct product p = product_zero();
	__m128i b[BATCH], x;

	next_counters(w, b);
#pragma GCC unroll 8
	for (uint32_t r = 1; r <= BATCH; r++) {
#pragma GCC unroll 8
		for (unsigned int i = 0; i < BATCH; i++)
			b[i] = _mm_aesenc_si128(b[i], round_key(w->key, r));
		x = reverse_bytes(load(hashed + AES_BLOCK * (r - 1)));
		if (r == 1)
			x = _mm_xor_si128(x, w->y);
		product_add(&p, x, w->power[BATCH - r]);
	}
	encrypt_rounds(b, w->key, BATCH + 1);
	w->y = product_reduce(p);
	xor_batch(b, in, out);
}

/* Whole batches: sealing hashes the batch before the one it enciphers, opening that same one. */
INLINE void crypt_batches(struct work *w, const struct gcm_message *m, size_t bytes)
{
	size_t at = 0;

	if (bytes == 0)
		return;
	if (m->seal) {
		crypt_batch(w, m->in, m->out);
		for (at = BATCH_BYTES; at < bytes; at += BATCH_BYTES)
			crypt_and_hash_batch(w, m->in + at, m->out + at, m->out + at - BATCH_BYTES);
		hash_batch(w, m->out + at - BATCH_BYTES);
		return;
	}
	for (; at < bytes; at += BATCH_BYTES)
		crypt_and_hash_batch(w, m->in + at, m->out + at, m->in + at);
}

/* What is left when no whole batch is. */
INLINE void crypt_rest(struct work *w, const struct gcm_message *m, size_t at)
{
	__m128i b[BATCH], x, y;
	size_t part;

	next_counters(w, b);
	encrypt_rounds(b, w->key, 1);
	for (unsigned int i = 0; at < m->len; i++, at += part) {
		part = m->len - at < AES_BLOCK ? m->len - at : AES_BLOCK;
		x = part < AES_BLOCK ? load_part(m->in + at, part) : load(m->in + at);
		y = first_bytes(_mm_xor_si128(x, b[i]), part);
		hash_block(w, m->seal ? y : x);
		if (part < AES_BLOCK)
			store_part(m->out + at, y, part);
		else
			store(m->out + at, y);
	}
	secret_wipe(b, sizeof(b));
}

INLINE void hash_lengths(struct work *w, size_t ad_len, size_t len)
{
	__m128i bits = _mm_set_epi64x((long long)(ad_len << 3), (long long)(len << 3));

	hash_block(w, reverse_bytes(bits));
}

TARGET void gcm_crypt_ni(const struct gcm_key *k, const struct gcm_message *m,
			 uint8_t tag[static AEAD_TAG])
{
	const size_t whole = m->len / BATCH_BYTES * BATCH_BYTES;
	struct work w;
	uint8_t first[AES_BLOCK] = { [AES_BLOCK - 1] = 1 };
	__m128i mask;

	memcpy(first, m->nonce, AEAD_NONCE);
	w.key = k;
	w.y = _mm_setzero_si128();
	mask = encrypt_block(k, load(first));
	w.counter = _mm_add_epi32(reverse_bytes(load(first)), _mm_set_epi32(0, 0, 0, 1));
	w.power[0] = load(k->h);
	hash_bytes_padded(&w, m->ad, m->ad_len);
	if (whole > 0)
		power_set(&w);
	crypt_batches(&w, m, whole);
	if (whole < m->len)
		crypt_rest(&w, m, whole);
	hash_lengths(&w, m->ad_len, m->len);
	store(tag, _mm_xor_si128(reverse_bytes(w.y), mask));
	secret_wipe(&w, sizeof(w));
}

/* Four words of the schedule, each the sum of those before and of x: FIPS 197, 5.2, without its
 * loop. */
INLINE __m128i key_step(__m128i k, __m128i x)
{
	k = _mm_xor_si128(k, _mm_slli_si128(k, 4));
	k = _mm_xor_si128(k, _mm_slli_si128(k, 8));
	return _mm_xor_si128(k, x);
}

/*
 * SubWord of the last word in each of four columns, rotated or not, and rcon added to each. Where
 * all columns are alike ShiftRows changes nothing, so AESENCLAST does it, in far less time than
 * AESKEYGENASSIST.
 */
INLINE __m128i key_sub_word(__m128i k, bool rotate, int rcon)
{
	return _mm_aesenclast_si128(
		_mm_shuffle_epi8(k, _mm_set1_epi32(rotate ? 0x0c0f0e0d : 0x0f0e0d0c)),
		_mm_set1_epi32(rcon));
}

INLINE void expand_key(struct gcm_key *k, const uint8_t *key, size_t key_size)
{
	__m128i *out = (__m128i *)k->round_key;
	__m128i last = load(key), before = last;
	int rcon = 1;

	k->rounds = key_size == 16 ? 10 : 14;
	_mm_store_si128(out, last);
	if (key_size == 32) {
		last = load(key + 16);
		_mm_store_si128(out + 1, last);
	}
	for (uint32_t i = key_size == 32 ? 2 : 1; i <= k->rounds; i++) {
		const bool rotate = key_size == 16 || i % 2 == 0;
		__m128i next = key_step(before, key_sub_word(last, rotate, rotate ? rcon : 0));

		if (rotate)
			rcon = (rcon << 1) ^ (rcon >> 7) * 0x11b;
		_mm_store_si128(out + i, next);
		before = key_size == 16 ? next : last;
		last = next;
	}
}

TARGET void gcm_init_ni(struct gcm_key *k, const uint8_t *key, size_t key_size)
{
	uint8_t h[AES_BLOCK];

	if (key_size == 16)
		expand_key(k, key, 16);
	else
		expand_key(k, key, 32);
	store(h, encrypt_block(k, _mm_setzero_si128()));
	ghash_key_set(k, h);
	secret_wipe(h, sizeof(h));
}

#endif
