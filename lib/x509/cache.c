/* SPDX-License-Identifier: MIT */
#include "lib/x509/cache.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/x509/internal.h"

#define DIGEST_SIZE 32

struct entry {
	uint8_t digest[DIGEST_SIZE];
	uint64_t used; /* the clock at the last use */
	X509 *x;       /* NULL: free */
	X509 *issuer;  /* whose key made x's signature; NULL: nobody looked */
};

struct x509_cache {
	struct entry entries[X509_CACHE_ENTRIES];
	uint64_t clock; /* uses so far */
};

struct x509_cache *x509_cache_new(void)
{
	return calloc(1, sizeof(struct x509_cache));
}

static void empty(struct entry *entry)
{
	X509_free(entry->x);
	X509_free(entry->issuer);
	entry->x = NULL;
	entry->issuer = NULL;
}

void x509_cache_free(struct x509_cache *cache)
{
	size_t i;

	if (!cache)
		return;
	for (i = 0; i < X509_CACHE_ENTRIES; i++)
		empty(&cache->entries[i]);
	free(cache);
}

static bool digest_of(const uint8_t *der, size_t len, uint8_t out[static DIGEST_SIZE])
{
	const EVP_MD *md = x509_digest(X509_SHA256);

	return len <= X509_CACHE_CERT_MAX && md && EVP_Digest(der, len, out, NULL, md, NULL);
}

/* The entry of the digest; else the one to be overwritten next. */
static struct entry *find(struct x509_cache *cache, const uint8_t digest[static DIGEST_SIZE],
			  bool *found)
{
	struct entry *entry, *oldest = &cache->entries[0];
	size_t i;

	for (i = 0; i < X509_CACHE_ENTRIES; i++) {
		entry = &cache->entries[i];
		*found = entry->x && memcmp(entry->digest, digest, DIGEST_SIZE) == 0;
		if (*found)
			return entry;
		if (entry->used < oldest->used)
			oldest = entry;
	}
	return oldest;
}

X509 *x509_cache_get(struct x509_cache *cache, const uint8_t *der, size_t len)
{
	uint8_t digest[DIGEST_SIZE];
	struct entry *entry;
	bool found;

	if (!cache || !digest_of(der, len, digest))
		return x509_parse(der, len);
	entry = find(cache, digest, &found);
	if (!found || !X509_up_ref(entry->x))
		return x509_parse(der, len);
	entry->used = ++cache->clock;
	return entry->x;
}

/* NULL if libcrypto counts no further. */
static X509 *share(X509 *x)
{
	return x && X509_up_ref(x) ? x : NULL;
}

void x509_cache_put(struct x509_cache *cache, const uint8_t *der, size_t len, X509 *x, X509 *issuer)
{
	uint8_t digest[DIGEST_SIZE];
	struct entry *entry;
	bool found;

	if (!cache || !digest_of(der, len, digest))
		return;
	entry = find(cache, digest, &found);
	if (found && entry->x == x && entry->issuer == issuer)
		return;
	empty(entry);
	entry->x = share(x);
	entry->issuer = share(issuer);
	memcpy(entry->digest, digest, DIGEST_SIZE);
	entry->used = ++cache->clock;
}

bool x509_cache_has_signature(const struct x509_cache *cache, const X509 *x, const X509 *issuer)
{
	size_t i;

	for (i = 0; cache && i < X509_CACHE_ENTRIES; i++) {
		if (cache->entries[i].x == x)
			return cache->entries[i].issuer == issuer;
	}
	return false;
}

size_t x509_cache_count(const struct x509_cache *cache)
{
	size_t i, n = 0;

	for (i = 0; cache && i < X509_CACHE_ENTRIES; i++)
		n += cache->entries[i].x != NULL;
	return n;
}
