/* SPDX-License-Identifier: MIT */
/*
 * Parsed certificates by the SHA-256 of their DER: peers send the same intermediates, often the
 * same leaves, and libcrypto 3.0 takes 100 to 150 us to parse one and 80 us to check its signature.
 * Bounded; the least recently used
 * goes first. Only certificates of chains that were found good are put in, so that nobody can flush
 * it or fill it with rubbish. It holds nothing that depends on who asked.
 */
#ifndef KTLS_X509_CACHE_H
#define KTLS_X509_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#define X509_CACHE_ENTRIES  64
#define X509_CACHE_CERT_MAX 8192 /* bytes of DER; longer certificates are not kept */

struct x509_cache;

/* NULL without memory. A NULL cache is an empty one that keeps nothing. */
struct x509_cache *x509_cache_new(void) __attribute__((warn_unused_result));
void x509_cache_free(struct x509_cache *cache);

/* A reference to the parsed certificate, kept or parsed now; NULL if it cannot be parsed. */
X509 *x509_cache_get(struct x509_cache *cache, const uint8_t *der, size_t len)
	__attribute__((warn_unused_result));

/*
 * Keeps x, whose encoding is der, and with it issuer, whose key x's signature was found to be made
 * by; NULL where nobody looked.
 */
void x509_cache_put(struct x509_cache *cache, const uint8_t *der, size_t len, X509 *x,
		    X509 *issuer);

/*
 * Whether x, this very object and not one like it, is kept with that issuer, likewise: then x's
 * signature is good. Neither object can be another one than at that time, for the cache holds both.
 */
bool x509_cache_has_signature(const struct x509_cache *cache, const X509 *x, const X509 *issuer)
	__attribute__((warn_unused_result));

/* The number of certificates kept. */
size_t x509_cache_count(const struct x509_cache *cache);

#endif
