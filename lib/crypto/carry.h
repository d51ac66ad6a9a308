/* SPDX-License-Identifier: MIT */
/*
 * Sums and differences of numbers of several 64-bit words, least significant word first.
 *
 * On x86-64 each is one chain of add and adc: gcc, given 128-bit sums or the carry intrinsics,
 * moves carries through registers, which doubles the time of a product. Elsewhere it is plain C.
 */
#ifndef KTLS_CRYPTO_CARRY_H
#define KTLS_CRYPTO_CARRY_H

#include <stdint.h>

typedef unsigned __int128 u128;

#define ALWAYS_INLINE inline __attribute__((always_inline))

#if defined(__x86_64__)

/* t += a; the carry out of the last word is lost. */
static ALWAYS_INLINE void add_words_4(uint64_t t[4], uint64_t a0, uint64_t a1, uint64_t a2,
				      uint64_t a3)
{
	__asm__("addq %4, %0\n\tadcq %5, %1\n\tadcq %6, %2\n\tadcq %7, %3"
		: "+&r"(t[0]), "+&r"(t[1]), "+&r"(t[2]), "+&r"(t[3])
		: "rme"(a0), "rme"(a1), "rme"(a2), "rme"(a3)
		: "cc");
}

static ALWAYS_INLINE void add_words_5(uint64_t t[5], uint64_t a0, uint64_t a1, uint64_t a2,
				      uint64_t a3, uint64_t a4)
{
	__asm__("addq %5, %0\n\tadcq %6, %1\n\tadcq %7, %2\n\tadcq %8, %3\n\tadcq %9, %4"
		: "+&r"(t[0]), "+&r"(t[1]), "+&r"(t[2]), "+&r"(t[3]), "+&r"(t[4])
		: "rme"(a0), "rme"(a1), "rme"(a2), "rme"(a3), "rme"(a4)
		: "cc");
}

static ALWAYS_INLINE void add_words_7(uint64_t t[7], uint64_t a0, uint64_t a1, uint64_t a2,
				      uint64_t a3, uint64_t a4, uint64_t a5, uint64_t a6)
{
	__asm__("addq %7, %0\n\tadcq %8, %1\n\tadcq %9, %2\n\tadcq %10, %3\n\t"
		"adcq %11, %4\n\tadcq %12, %5\n\tadcq %13, %6"
		: "+&r"(t[0]), "+&r"(t[1]), "+&r"(t[2]), "+&r"(t[3]), "+&r"(t[4]), "+&r"(t[5]),
		  "+&r"(t[6])
		: "rme"(a0), "rme"(a1), "rme"(a2), "rme"(a3), "rme"(a4), "rme"(a5), "rme"(a6)
		: "cc");
}

/* t -= a; all ones where that is below zero (t is then 2^320 more), else zero. */
static ALWAYS_INLINE uint64_t subtract_words_5(uint64_t t[5], uint64_t a0, uint64_t a1, uint64_t a2,
					       uint64_t a3, uint64_t a4)
{
	uint64_t negative;

	__asm__("subq %6, %0\n\tsbbq %7, %1\n\tsbbq %8, %2\n\tsbbq %9, %3\n\tsbbq %10, %4\n\t"
		"sbbq %5, %5"
		: "+&r"(t[0]), "+&r"(t[1]), "+&r"(t[2]), "+&r"(t[3]), "+&r"(t[4]), "=&r"(negative)
		: "rme"(a0), "rme"(a1), "rme"(a2), "rme"(a3), "rme"(a4)
		: "cc");
	return negative;
}

#else

static ALWAYS_INLINE void add_words(uint64_t *t, const uint64_t *a, int n)
{
	u128 sum = 0;

	for (int i = 0; i < n; i++) {
		sum = (sum >> 64) + t[i] + a[i];
		t[i] = (uint64_t)sum;
	}
}

static ALWAYS_INLINE void add_words_4(uint64_t t[4], uint64_t a0, uint64_t a1, uint64_t a2,
				      uint64_t a3)
{
	add_words(t, (const uint64_t[]){ a0, a1, a2, a3 }, 4);
}

static ALWAYS_INLINE void add_words_5(uint64_t t[5], uint64_t a0, uint64_t a1, uint64_t a2,
				      uint64_t a3, uint64_t a4)
{
	add_words(t, (const uint64_t[]){ a0, a1, a2, a3, a4 }, 5);
}

static ALWAYS_INLINE void add_words_7(uint64_t t[7], uint64_t a0, uint64_t a1, uint64_t a2,
				      uint64_t a3, uint64_t a4, uint64_t a5, uint64_t a6)
{
	add_words(t, (const uint64_t[]){ a0, a1, a2, a3, a4, a5, a6 }, 7);
}

static ALWAYS_INLINE uint64_t subtract_words_5(uint64_t t[5], uint64_t a0, uint64_t a1, uint64_t a2,
					       uint64_t a3, uint64_t a4)
{
	const uint64_t a[] = { a0, a1, a2, a3, a4 };
	uint64_t borrow = 0;

	for (int i = 0; i < 5; i++) {
		const u128 difference = (u128)t[i] - a[i] - borrow;

		t[i] = (uint64_t)difference;
		borrow = (uint64_t)(difference >> 64) & 1;
	}
	__asm__("" : "+r"(borrow));
	return 0 - borrow;
}

#endif

#endif
