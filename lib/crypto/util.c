/* SPDX-License-Identifier: MIT */
#include "lib/crypto/util.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <time.h>

#include "lib/crypto/cpu.h"

int crypto_init(void)
{
	if (sodium_init() < 0)
		return -ENOSYS;
	cpu_detect();
	return 0;
}

/* The empty statement reads *p as far as the compiler knows, so the stores before it must stay. */
void secret_wipe(void *p, size_t len)
{
	if (len == 0)
		return;
	memset(p, 0, len);
	__asm__ volatile("" : : "r"(p) : "memory");
}

bool secret_equal(const void *a, const void *b, size_t len)
{
	return sodium_memcmp(a, b, len) == 0;
}

void random_bytes(void *out, size_t len)
{
	randombytes_buf(out, len);
}

uint64_t time_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}
