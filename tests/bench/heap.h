/* SPDX-License-Identifier: MIT */
/*
 * What a piece of code takes from the heap: malloc() and its kin replaced for the whole process,
 * shared libraries included, and counted while an account is open. A block counts with its usable
 * size and the allocator's header of 8 bytes, as it weighs on the process.
 */
#ifndef KTLS_TESTS_HEAP_H
#define KTLS_TESTS_HEAP_H

#include <malloc.h>
#include <stddef.h>

struct heap_account {
	long now; /* bytes; blocks that are freed may be older than the account */
	long peak;
	long calls; /* that took memory */
};

/* What is counted now; NULL: nothing. */
static struct heap_account *heap_account;

#if defined(__SANITIZE_ADDRESS__)
#define HEAP_COUNTED 0 /* it has replaced malloc() itself */
#else
#define HEAP_COUNTED 1

/* glibc's own, under the names that it keeps for replacements. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void __libc_free(void *p);

#pragma GCC visibility push(default) /* else the shared libraries would not see them */

static void heap_count(void *p, long sign)
{
	struct heap_account *account = heap_account;

	if (!account || !p)
		return;
	account->now += sign * (long)(malloc_usable_size(p) + sizeof(size_t));
	account->calls += sign > 0;
	if (account->now > account->peak)
		account->peak = account->now;
}

void *malloc(size_t size)
{
	void *p = __libc_malloc(size);

	heap_count(p, 1);
	return p;
}

void *calloc(size_t n, size_t size)
{
	void *p = __libc_calloc(n, size);

	heap_count(p, 1);
	return p;
}

void *realloc(void *p, size_t size)
{
	void *q;

	heap_count(p, -1);
	q = __libc_realloc(p, size);
	heap_count(q, 1);
	return q;
}

void free(void *p)
{
	heap_count(p, -1);
	__libc_free(p);
}

#pragma GCC visibility pop

#endif

#endif
