/* SPDX-License-Identifier: MIT */
/*
 * AES's forward cipher and key expansion (FIPS 197) without tables: eight blocks side by side, each
 * bit of their bytes in a vector of its own, so that a byte substitution is a circuit of
 * AND and XOR on 128 bytes at once.
 *
 * In sliced form vector j holds bit j of every byte. Its 32-bit lane c is column c of the
 * state; within a lane, bits 8r to 8r+7 belong to row r, one bit for each of the eight blocks.
 */
#include <endian.h>
#include <string.h>

#include "lib/crypto/gcm.h"
#include "lib/crypto/util.h"

typedef aes_slice slice;

/*
 * The substitution box inverts in GF(256). Inversion is cheap where GF(256) is built as a tower of
 * quadratic extensions with normal bases, for the inverse of aZ + bZ^q in GF(q^2) is its conjugate
 * bZ + aZ^q over its norm ab + n(a+b)^2, n being the norm of Z (whose trace is 1):
 *
 *   GF(4)    w  with w^2 = w + 1         a w + b w^2
 *   GF(16)   X  with X^2 = X + w         a X + b X^4
 *   GF(256)  Y  with Y^2 = Y + mu        a Y + b Y^16
 *
 * In AES's representation w = bc, X = 5c, Y = fe, mu = ec (hexadecimal). Of all choices of these
 * roots this one gives the smallest circuits for the changes of basis.
 */
struct gf4 {
	slice a, b;
};

struct gf16 {
	struct gf4 a, b;
};

static inline struct gf4 gf4_add(struct gf4 x, struct gf4 y)
{
	return (struct gf4){ x.a ^ y.a, x.b ^ y.b };
}

/* The conjugate, the square and the inverse (of 0: 0) are all the same in GF(4). */
static inline struct gf4 gf4_conjugate(struct gf4 x)
{
	return (struct gf4){ x.b, x.a };
}

static inline struct gf4 gf4_mul(struct gf4 x, struct gf4 y)
{
	slice cross = (x.a ^ x.b) & (y.a ^ y.b);

	return (struct gf4){ cross ^ (x.a & y.a), cross ^ (x.b & y.b) };
}

static inline struct gf4 gf4_mul_w(struct gf4 x)
{
	return (struct gf4){ x.b, x.a ^ x.b };
}

static inline struct gf16 gf16_add(struct gf16 x, struct gf16 y)
{
	return (struct gf16){ gf4_add(x.a, y.a), gf4_add(x.b, y.b) };
}

static inline struct gf16 gf16_mul(struct gf16 x, struct gf16 y)
{
	struct gf4 cross = gf4_mul_w(gf4_mul(gf4_add(x.a, x.b), gf4_add(y.a, y.b)));

	return (struct gf16){ gf4_add(cross, gf4_mul(x.a, y.a)),
			      gf4_add(cross, gf4_mul(x.b, y.b)) };
}

static inline struct gf16 gf16_inverse(struct gf16 x)
{
	struct gf4 norm = gf4_add(gf4_mul(x.a, x.b), gf4_mul_w(gf4_conjugate(gf4_add(x.a, x.b))));
	struct gf4 over_norm = gf4_conjugate(norm);

	return (struct gf16){ gf4_mul(x.b, over_norm), gf4_mul(x.a, over_norm) };
}

/* mu x^2, which is linear in the bits of x. */
static inline struct gf16 gf16_mu_square(struct gf16 x)
{
	return (struct gf16){ { x.a.b ^ x.a.a, x.a.b }, { x.b.b ^ x.a.b, x.b.a ^ x.a.a } };
}

/* From AES's bits of a byte, least significant first, to the tower. */
static inline void tower_from_byte(const slice s[8], struct gf16 *a, struct gf16 *b)
{
	slice t0 = s[0] ^ s[6], t1 = s[5] ^ t0, t2 = s[1] ^ s[2], t3 = s[7] ^ t1;
	slice t4 = s[0] ^ s[1], t5 = s[3] ^ s[4];

	*a = (struct gf16){ { s[1] ^ t1, t3 }, { t2 ^ t3, s[4] ^ t1 } };
	*b = (struct gf16){ { t1, t2 ^ s[3] ^ t0 }, { t5 ^ s[7] ^ t4, s[0] } };
}

/* Back, and the linear part of the affine transformation (FIPS 197, 5.1.1). */
static inline void byte_from_tower(struct gf16 a, struct gf16 b, slice s[8])
{
	slice t0 = b.b.a ^ a.a.a, t1 = b.a.b ^ a.b.b, t2 = b.a.a ^ a.a.b, t3 = a.b.a ^ t0;

	s[0] = a.b.b ^ t2;
	s[1] = a.a.a ^ t2;
	s[2] = t1 ^ b.b.b ^ t0;
	s[3] = t3 ^ a.b.b ^ a.a.b;
	s[4] = t3;
	s[5] = t1;
	s[6] = b.b.a ^ a.b.a;
	s[7] = t0;
}

/*
 * SubBytes without its constant 63, which passes unchanged through ShiftRows and MixColumns and
 * is therefore part of our round keys.
 */
static inline void sub_bytes(slice s[8])
{
	struct gf16 a, b, over_norm;

	tower_from_byte(s, &a, &b);
	over_norm = gf16_inverse(gf16_add(gf16_mul(a, b), gf16_mu_square(gf16_add(a, b))));
	byte_from_tower(gf16_mul(b, over_norm), gf16_mul(a, over_norm), s);
}

static inline void shift_rows(slice s[8])
{
	const slice row0 = { 0xff, 0xff, 0xff, 0xff };

#pragma GCC unroll 8
	for (unsigned int j = 0; j < 8; j++)
		s[j] = (s[j] & row0) |
		       (__builtin_shufflevector(s[j], s[j], 1, 2, 3, 0) & (row0 << 8)) |
		       (__builtin_shufflevector(s[j], s[j], 2, 3, 0, 1) & (row0 << 16)) |
		       (__builtin_shufflevector(s[j], s[j], 3, 0, 1, 2) & (row0 << 24));
}

/* Brings row r + bits/8 to where row r was. */
static inline slice rotate_rows(slice x, unsigned int bits)
{
	return x >> bits | x << (32 - bits);
}

/* With t = a_r + a_(r+1), row r of the product is 2t + a_(r+1) + a_(r+2) + a_(r+3). */
static inline void mix_columns(slice s[8])
{
	slice t[8], rest[8];

#pragma GCC unroll 8
	for (unsigned int j = 0; j < 8; j++) {
		slice next = rotate_rows(s[j], 8);

		t[j] = s[j] ^ next;
		rest[j] = next ^ rotate_rows(t[j], 16);
	}
	s[0] = rest[0] ^ t[7];
	s[1] = rest[1] ^ t[0] ^ t[7];
	s[2] = rest[2] ^ t[1];
	s[3] = rest[3] ^ t[2] ^ t[7];
	s[4] = rest[4] ^ t[3] ^ t[7];
	s[5] = rest[5] ^ t[4];
	s[6] = rest[6] ^ t[5];
	s[7] = rest[7] ^ t[6];
}

static inline void add_round_key(slice s[8], const slice key[8])
{
#pragma GCC unroll 8
	for (unsigned int j = 0; j < 8; j++)
		s[j] ^= key[j];
}

static uint32_t load_le32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static void store_le32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
}

static inline slice load_block(const uint8_t *p)
{
	return (slice){ load_le32(p), load_le32(p + 4), load_le32(p + 8), load_le32(p + 12) };
}

static inline void store_block(uint8_t *p, slice x)
{
	for (unsigned int c = 0; c < 4; c++)
		store_le32(p + 4 * c, x[c]);
}

/* Swaps the bits of x that stand shift higher than those of the mask with y's bits under the mask.
 */
static inline void swap_bits(slice *x, slice *y, uint32_t mask, unsigned int shift)
{
	slice t = ((*x >> shift) ^ *y) & mask;

	*y ^= t;
	*x ^= t << shift;
}

/* Vectors of one block each into vectors of one bit of the bytes each, or back. */
static inline void transpose(slice s[8])
{
#pragma GCC unroll 8
	for (unsigned int i = 0; i < 4; i++)
		swap_bits(&s[i], &s[i + 4], 0x0f0f0f0f, 4);
#pragma GCC unroll 8
	for (unsigned int i = 0; i < 8; i += i % 2 ? 3 : 1)
		swap_bits(&s[i], &s[i + 2], 0x33333333, 2);
#pragma GCC unroll 8
	for (unsigned int i = 0; i < 8; i += 2)
		swap_bits(&s[i], &s[i + 1], 0x55555555, 1);
}

/* One block, sliced, as if it stood in all eight places. */
static inline void slice_repeated(slice s[8], slice block)
{
#pragma GCC unroll 8
	for (unsigned int j = 0; j < 8; j++) {
		slice bit = (block >> j) & 0x01010101;

		s[j] = (bit << 8) - bit;
	}
}

static uint32_t sub_word(uint32_t w)
{
	uint32_t out = 0x63636363;
	slice s[8];

	slice_repeated(s, (slice){ w });
	sub_bytes(s);
	for (unsigned int j = 0; j < 8; j++)
		out ^= (s[j][0] & 0x01010101) << j;
	secret_wipe(s, sizeof(s));
	return out;
}

/* FIPS 197, 5.2. A word's first byte is its lowest here, so RotWord goes to the right. */
void aes_expand_key(struct gcm_key *k, const uint8_t *key, size_t key_size)
{
	const size_t nk = key_size / 4, count = 4 * (nk + 7);
	uint32_t w[60], t, rcon = 1;

	k->rounds = (uint32_t)nk + 6;
	for (size_t i = 0; i < count; i++) {
		if (i < nk) {
			w[i] = load_le32(key + 4 * i);
		} else {
			t = w[i - 1];
			if (i % nk == 0) {
				t = sub_word(t >> 8 | t << 24) ^ rcon;
				rcon = (rcon << 1) ^ (rcon >> 7) * 0x11b;
			} else if (nk == 8 && i % nk == 4) {
				t = sub_word(t);
			}
			w[i] = w[i - nk] ^ t;
		}
		store_le32(k->round_key[i / 4] + 4 * (i % 4), w[i]);
	}
	secret_wipe(w, sizeof(w));
}

void aes_slice_key(struct aes_sliced *s, const struct gcm_key *k)
{
	s->rounds = k->rounds;
	for (uint32_t i = 0; i <= k->rounds; i++) {
		slice_repeated(s->round_key[i], load_block(k->round_key[i]));
		if (i == 0)
			continue;
		for (unsigned int j = 0; j < 8; j++) {
			if (0x63 >> j & 1)
				s->round_key[i][j] = ~s->round_key[i][j];
		}
	}
}

void aes_encrypt_batch(const struct aes_sliced *k, uint8_t blocks[static AES_BATCH * AES_BLOCK])
{
	slice s[8];

#pragma GCC unroll 8
	for (unsigned int b = 0; b < 8; b++)
		s[b] = load_block(blocks + AES_BLOCK * b);
	transpose(s);
	add_round_key(s, k->round_key[0]);
	for (uint32_t i = 1; i < k->rounds; i++) {
		sub_bytes(s);
		shift_rows(s);
		mix_columns(s);
		add_round_key(s, k->round_key[i]);
	}
	sub_bytes(s);
	shift_rows(s);
	add_round_key(s, k->round_key[k->rounds]);
	transpose(s);
#pragma GCC unroll 8
	for (unsigned int b = 0; b < 8; b++)
		store_block(blocks + AES_BLOCK * b, s[b]);
}
