/* SPDX-License-Identifier: MIT */
#include "lib/conn/session_store.h"

#include <stdlib.h>
#include <string.h>

#include "lib/crypto/util.h"
#include "lib/handshake/session.h"

#define BUCKETS 256 /* by the key's first byte: it is a digest */

TAILQ_HEAD(session_list, stored_session);
LIST_HEAD(session_bucket, stored_session);

struct session_store {
	size_t sessions_max;
	size_t bytes_max;
	size_t count;
	size_t bytes;
	struct session_list by_use; /* the latest first */
	struct session_bucket buckets[BUCKETS];
};

struct session_store *session_store_new(size_t sessions_max, size_t bytes_max)
{
	struct session_store *store = calloc(1, sizeof(*store));

	if (!store)
		return NULL;
	store->sessions_max = sessions_max;
	store->bytes_max = bytes_max;
	TAILQ_INIT(&store->by_use);
	return store;
}

void stored_session_free(struct stored_session *session)
{
	if (!session)
		return;
	free(session->chain);
	secret_wipe(session, sizeof(*session) + session->len);
	free(session);
}

static size_t size_of(const struct stored_session *session)
{
	return sizeof(*session) + session->len + chain_size(session->chain);
}

static void take_out(struct session_store *store, struct stored_session *session)
{
	TAILQ_REMOVE(&store->by_use, session, by_use);
	LIST_REMOVE(session, in_bucket);
	store->count--;
	store->bytes -= size_of(session);
}

static void put_in(struct session_store *store, struct stored_session *session)
{
	TAILQ_INSERT_HEAD(&store->by_use, session, by_use);
	LIST_INSERT_HEAD(&store->buckets[session->key[0]], session, in_bucket);
	store->count++;
	store->bytes += size_of(session);
}

static void drop(struct session_store *store, struct stored_session *session)
{
	take_out(store, session);
	stored_session_free(session);
}

void session_store_free(struct session_store *store)
{
	if (!store)
		return;
	while (!TAILQ_EMPTY(&store->by_use))
		drop(store, TAILQ_FIRST(&store->by_use));
	free(store);
}

/* ---- keeping --------------------------------------------------------------------------------- */

static uint64_t earlier(uint64_t session_ends, int64_t chain_until)
{
	uint64_t chain_ends;

	if (chain_until < 0)
		return 0;
	if ((uint64_t)chain_until > UINT64_MAX / 1000)
		return session_ends;
	chain_ends = (uint64_t)chain_until * 1000;
	return chain_ends < session_ends ? chain_ends : session_ends;
}

static bool describe(const struct ktls_span *bytes, const struct conn_chain *chain,
		     struct stored_session *out)
{
	struct session s;
	struct reader r;

	reader_init(&r, bytes->bytes, bytes->len);
	if (!session_parse(&r, &s))
		return false;
	out->version = s.version;
	out->expires = earlier(s.issued + s.lifetime * UINT64_C(1000), chain->until);
	secret_wipe(&s, sizeof(s));
	return true;
}

static struct stored_session *session_new(const uint8_t *key, const struct ktls_span *bytes,
					  const struct conn_chain *chain)
{
	struct stored_session *s = malloc(sizeof(*s) + bytes->len);

	if (!s)
		return NULL;
	*s = (struct stored_session){ .len = bytes->len };
	memcpy(s->key, key, SESSION_KEY);
	memcpy(s->session, bytes->bytes, bytes->len);
	s->chain = chain_new(chain->certs, chain->len, chain->until);
	if (s->chain && describe(bytes, chain, s))
		return s;
	stored_session_free(s);
	return NULL;
}

static bool has_key(const struct stored_session *s, const uint8_t *key)
{
	return memcmp(s->key, key, SESSION_KEY) == 0;
}

/* A bucket has its newest first: makes room for one more of this key and version. */
static void limit_key(struct session_store *store, const struct stored_session *fresh)
{
	size_t most = fresh->version == KTLS_TLS_1_3 ? SESSIONS_OF_KEY : 1, n = 0;
	struct stored_session *s, *next;

	for (s = LIST_FIRST(&store->buckets[fresh->key[0]]); s; s = next) {
		next = LIST_NEXT(s, in_bucket);
		if (has_key(s, fresh->key) && s->version == fresh->version && ++n >= most)
			drop(store, s);
	}
}

void session_store_keep(struct session_store *store, const uint8_t key[static SESSION_KEY],
			const struct ktls_span *session, const struct conn_chain *chain)
{
	struct stored_session *s = session_new(key, session, chain);

	if (!s)
		return;
	if (store->sessions_max == 0 || size_of(s) > store->bytes_max) {
		stored_session_free(s);
		return;
	}
	limit_key(store, s);
	while (store->count >= store->sessions_max || store->bytes + size_of(s) > store->bytes_max)
		drop(store, TAILQ_LAST(&store->by_use, session_list));
	put_in(store, s);
}

/* ---- taking ---------------------------------------------------------------------------------- */

static struct stored_session *find(struct session_store *store, const uint8_t *key, uint64_t now)
{
	struct stored_session *s, *next;

	for (s = LIST_FIRST(&store->buckets[key[0]]); s; s = next) {
		next = LIST_NEXT(s, in_bucket);
		if (!has_key(s, key))
			continue;
		if (s->expires > now)
			return s;
		drop(store, s);
	}
	return NULL;
}

struct stored_session *session_store_take(struct session_store *store,
					  const uint8_t key[static SESSION_KEY], uint64_t now)
{
	struct stored_session *s = find(store, key, now);
	struct ktls_span bytes;

	if (!s)
		return NULL;
	if (s->version == KTLS_TLS_1_3) {
		take_out(store, s);
		return s;
	}
	TAILQ_REMOVE(&store->by_use, s, by_use);
	TAILQ_INSERT_HEAD(&store->by_use, s, by_use);
	bytes = (struct ktls_span){ .bytes = s->session, .len = s->len };
	return session_new(key, &bytes, s->chain);
}

void session_store_forget(struct session_store *store, const uint8_t key[static SESSION_KEY])
{
	struct stored_session *s, *next;

	for (s = LIST_FIRST(&store->buckets[key[0]]); s; s = next) {
		next = LIST_NEXT(s, in_bucket);
		if (has_key(s, key))
			drop(store, s);
	}
}

size_t session_store_count(const struct session_store *store)
{
	return store->count;
}

size_t session_store_bytes(const struct session_store *store)
{
	return store->bytes;
}
