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
};

struct x509_cache {
	struct entry entries[X509_CACHE_ENTRIES];
	uint64_t clock; /* uses so far */
};

struct x509_cache *x509_cache_new(void)
{
	return calloc(1, sizeof(struct x509_cache));
}

void x509_cache_free(struct x509_cache *cache)
{
	size_t i;

	if (!cache)
		return;
	for (i = 0; i < X509_CACHE_ENTRIES; i++)
		X509_free(cache->entries[i].x);
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

void x509_cache_put(struct x509_cache *cache, const uint8_t *der, size_t len, X509 *x)
{
	uint8_t digest[DIGEST_SIZE];
	struct entry *entry;
	bool found;

	if (!cache || !digest_of(der, len, digest))
		return;
	entry = find(cache, digest, &found);
	if (found || !X509_up_ref(x))
		return;
	X509_free(entry->x);
	memcpy(entry->digest, digest, DIGEST_SIZE);
	entry->x = x;
	entry->used = ++cache->clock;
}

size_t x509_cache_count(const struct x509_cache *cache)
{
	size_t i, n = 0;

	for (i = 0; cache && i < X509_CACHE_ENTRIES; i++)
		n += cache->entries[i].x != NULL;
	return n;
}
