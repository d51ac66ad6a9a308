/* SPDX-License-Identifier: MIT */
#include "lib/conn/sealing_keys.h"

#include <string.h>
#include <time.h>

#include "lib/crypto/util.h"

#define AHEAD_S 60
#define AD_LEN  (SEALING_BOOT + 8 + SEALED_HEADER_LEN + SEALING_NAME)

uint64_t sealing_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec;
}

/* ---- keys ------------------------------------------------------------------------------------ */

/*
 * Who asked for the time a moment before may find what another has made since. What lies farther
 * ahead is as good as endlessly old.
 */
static bool older(uint64_t then, uint64_t now, uint64_t seconds)
{
	return now - then + AHEAD_S > seconds + AHEAD_S;
}

bool sealing_keys_due(const struct sealing_keys *keys, uint64_t now)
{
	return keys->len == 0 || older(keys->keys[0].made, now, SEALING_ROTATE_S);
}

/* A key's last seal was made when the next key was, or later: others may have been behind. */
static void forget(struct sealing_keys *keys, uint64_t now, uint32_t age)
{
	const uint64_t most = (uint64_t)age + 2 * SEALING_ROTATE_S;
	size_t kept = 0;

	for (size_t i = 0; i < keys->len && i < SEALING_KEYS_MAX - 1; i++)
		if (!older(keys->keys[i].made, now, most))
			keys->keys[kept++] = keys->keys[i];
	secret_wipe(&keys->keys[kept], (SEALING_KEYS_MAX - kept) * sizeof(keys->keys[0]));
	keys->len = kept;
}

void sealing_keys_rotate(struct sealing_keys *keys, uint64_t now, uint32_t age)
{
	struct sealing_key *fresh = &keys->keys[0];

	forget(keys, now, age);
	memmove(&keys->keys[1], &keys->keys[0], keys->len * sizeof(keys->keys[0]));
	random_bytes(fresh->name, sizeof(fresh->name));
	random_bytes(fresh->key, sizeof(fresh->key));
	fresh->made = now;
	keys->len++;
}

void sealing_keys_build(const struct sealing_keys *keys, struct writer *w)
{
	writer_bytes(w, keys->boot, sizeof(keys->boot));
	writer_u16(w, (uint16_t)keys->len);
	for (size_t i = 0; i < keys->len; i++) {
		writer_bytes(w, keys->keys[i].name, sizeof(keys->keys[i].name));
		writer_bytes(w, keys->keys[i].key, sizeof(keys->keys[i].key));
		writer_u64(w, keys->keys[i].made);
	}
}

static bool parse_key(struct reader *r, struct sealing_key *key)
{
	return reader_copy(r, key->name, sizeof(key->name)) &&
	       reader_copy(r, key->key, sizeof(key->key)) && reader_u64(r, &key->made);
}

bool sealing_keys_parse(struct reader *r, struct sealing_keys *out)
{
	struct sealing_keys keys = { .len = 0 };
	uint16_t n;
	bool ok = reader_copy(r, keys.boot, sizeof(keys.boot)) && reader_u16(r, &n) &&
		  n <= SEALING_KEYS_MAX;

	while (ok && keys.len < n)
		ok = parse_key(r, &keys.keys[keys.len++]);
	ok = ok && reader_empty(r);
	if (ok)
		*out = keys;
	secret_wipe(&keys, sizeof(keys));
	return ok;
}

/* ---- seals ----------------------------------------------------------------------------------- */

static void associate(const struct sealing_keys *keys, uint64_t cookie, const uint8_t *header,
		      const uint8_t *name, uint8_t out[static AD_LEN])
{
	struct writer w;

	writer_init(&w, out, AD_LEN);
	writer_bytes(&w, keys->boot, sizeof(keys->boot));
	writer_u64(&w, cookie);
	writer_bytes(&w, header, SEALED_HEADER_LEN);
	writer_bytes(&w, name, SEALING_NAME);
}

size_t sealing_seal(const struct sealing_keys *keys, uint64_t now, uint64_t cookie,
		    const uint8_t header[static SEALED_HEADER_LEN], const uint8_t *content,
		    size_t len, uint8_t sealed[static HANDOFF_SESSION_MAX])
{
	uint8_t plain[8 + SEALING_CONTENT_MAX], nonce[XCHACHA_NONCE], ad[AD_LEN];
	const struct sealing_key *key = keys->keys;
	struct writer in, out;

	if (keys->len == 0 || len > SEALING_CONTENT_MAX)
		return 0;
	writer_init(&in, plain, sizeof(plain));
	writer_u64(&in, now);
	writer_bytes(&in, content, len);
	random_bytes(nonce, sizeof(nonce));
	writer_init(&out, sealed, HANDOFF_SESSION_MAX);
	writer_bytes(&out, header, SEALED_HEADER_LEN);
	writer_bytes(&out, key->name, sizeof(key->name));
	writer_bytes(&out, nonce, sizeof(nonce));
	associate(keys, cookie, header, key->name, ad);
	xchacha_seal(key->key, nonce, ad, sizeof(ad), plain, in.len,
		     writer_space(&out, in.len + XCHACHA_TAG));
	secret_wipe(plain, sizeof(plain));
	return out.len;
}

struct parts {
	const uint8_t *header, *name, *nonce;
	struct reader rest;
};

static bool split(const uint8_t *sealed, size_t len, struct parts *out)
{
	struct reader r, header, name, nonce;

	reader_init(&r, sealed, len);
	if (len > HANDOFF_SESSION_MAX || !reader_bytes(&r, SEALED_HEADER_LEN, &header) ||
	    !reader_bytes(&r, SEALING_NAME, &name) || !reader_bytes(&r, XCHACHA_NONCE, &nonce) ||
	    r.left < 8 + XCHACHA_TAG)
		return false;
	*out = (struct parts){ header.at, name.at, nonce.at, r };
	return true;
}

static const struct sealing_key *find(const struct sealing_keys *keys, const uint8_t *name)
{
	for (size_t i = 0; i < keys->len; i++)
		if (memcmp(keys->keys[i].name, name, SEALING_NAME) == 0)
			return &keys->keys[i];
	return NULL;
}

bool sealing_key_known(const struct sealing_keys *keys, const uint8_t *sealed, size_t len)
{
	struct parts p;

	return !split(sealed, len, &p) || find(keys, p.name);
}

/* What was opened: its age is looked at before anything of it is given out. */
static size_t take(const uint8_t *plain, size_t len, uint64_t now, uint32_t age, uint8_t *content)
{
	struct reader r;
	uint64_t then;

	reader_init(&r, plain, len);
	if (!reader_u64(&r, &then) || older(then, now, age))
		return 0;
	len = r.left;
	return reader_copy(&r, content, len) ? len : 0;
}

size_t sealing_open(const struct sealing_keys *keys, uint64_t now, uint32_t age, uint64_t cookie,
		    const uint8_t *sealed, size_t len, uint8_t content[static SEALING_CONTENT_MAX])
{
	uint8_t plain[8 + SEALING_CONTENT_MAX], ad[AD_LEN];
	const struct sealing_key *key;
	struct parts p;
	size_t n = 0;

	if (!split(sealed, len, &p))
		return 0;
	key = find(keys, p.name);
	if (!key)
		return 0;
	associate(keys, cookie, p.header, p.name, ad);
	if (xchacha_open(key->key, p.nonce, ad, sizeof(ad), p.rest.at, p.rest.left, plain))
		n = take(plain, p.rest.left - XCHACHA_TAG, now, age, content);
	secret_wipe(plain, sizeof(plain));
	return n;
}
