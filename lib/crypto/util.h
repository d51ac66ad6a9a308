/* SPDX-License-Identifier: MIT */
/* What every holder of secrets needs: wiping, comparing, random bytes, the time. */
#ifndef KTLS_CRYPTO_UTIL_H
#define KTLS_CRYPTO_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * To be called once before anything else of lib/crypto, from one thread: chooses code for this CPU.
 * 0, or a negative errno where the system has no random source.
 */
int crypto_init(void) __attribute__((warn_unused_result));

void secret_wipe(void *p, size_t len);

/* In time that depends on len only. */
bool secret_equal(const void *a, const void *b, size_t len);

void random_bytes(void *out, size_t len);

/* Milliseconds since 1970. */
uint64_t time_now(void);

#endif
