/* SPDX-License-Identifier: MIT */
/* SHA-256's compression function (FIPS 180-4, 6.2.2) on the SHA instructions of x86-64. */
#include "lib/crypto/sha2.h"

#if defined(__x86_64__)

#include <immintrin.h>

/* FIPS 180-4, 4.2.2 */
static const uint32_t K[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2,
};

#define TARGET __attribute__((target("sha,sse4.1,ssse3")))

/* The instructions want the working variables as (A,B,E,F) and (C,D,G,H), the first on top. */
struct working {
	__m128i abef, cdgh;
};

TARGET static inline struct working working_load(const uint32_t state[8])
{
	__m128i badc = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xb1);
	__m128i hgfe = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state + 4)), 0x1b);

	return (struct working){ .abef = _mm_alignr_epi8(badc, hgfe, 8),
				 .cdgh = _mm_blend_epi16(hgfe, badc, 0xf0) };
}

TARGET static inline void working_store(struct working v, uint32_t state[8])
{
	__m128i abef = _mm_shuffle_epi32(v.abef, 0x1b); /* A lowest: A, B, E, F */
	__m128i ghcd = _mm_shuffle_epi32(v.cdgh, 0xb1); /* G, H, C, D */

	_mm_storeu_si128((__m128i *)state, _mm_blend_epi16(abef, ghcd, 0xf0));
	_mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(ghcd, abef, 8));
}

/* The next four words of the message schedule after w[0..15], held four to a register. */
TARGET static inline __m128i schedule(__m128i w0, __m128i w4, __m128i w8, __m128i w12)
{
	__m128i t = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w4), _mm_alignr_epi8(w12, w8, 4));

	return _mm_sha256msg2_epu32(t, w12);
}

TARGET static inline struct working rounds_of_block(struct working v, const uint8_t *block)
{
	const __m128i big_endian =
		_mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
	__m128i w[4], wk;

#pragma GCC unroll 16
	for (unsigned int i = 0; i < 16; i++) {
		if (i < 4)
			w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)block + i),
						big_endian);
		else
			w[i % 4] =
				schedule(w[i % 4], w[(i + 1) % 4], w[(i + 2) % 4], w[(i + 3) % 4]);
		wk = _mm_add_epi32(w[i % 4], _mm_loadu_si128((const __m128i *)K + i));
		v.cdgh = _mm_sha256rnds2_epu32(v.cdgh, v.abef, wk);
		v.abef = _mm_sha256rnds2_epu32(v.abef, v.cdgh, _mm_shuffle_epi32(wk, 0x0e));
	}
	return v;
}

TARGET void sha256_blocks_ni(uint32_t state[8], const uint8_t *blocks, size_t n)
{
	struct working v = working_load(state), before;

	for (; n > 0; n--, blocks += 64) {
		before = v;
		v = rounds_of_block(v, blocks);
		v.abef = _mm_add_epi32(v.abef, before.abef);
		v.cdgh = _mm_add_epi32(v.cdgh, before.cdgh);
	}
	working_store(v, state);
}

#endif
