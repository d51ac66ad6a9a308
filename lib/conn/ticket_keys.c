/* SPDX-License-Identifier: MIT */
#include "lib/conn/ticket_keys.h"

#include <string.h>

#include "lib/crypto/hash.h"
#include "lib/crypto/util.h"

#define NEXT 1 /* where random secrets have the next one */

_Static_assert(TICKET_KEEP + 2 <= TICKET_KEYS_MAX, "current, next and those from before");

/* ---- secrets --------------------------------------------------------------------------------- */

static void fresh(struct ticket_secret *s)
{
	random_bytes(s->bytes, TICKET_SECRET_MIN);
	s->len = TICKET_SECRET_MIN;
}

void ticket_secrets_init(struct ticket_secrets *s)
{
	secret_wipe(s, sizeof(*s));
	fresh(&s->secrets[0]);
	fresh(&s->secrets[NEXT]);
	s->len = 2;
}

void ticket_secrets_rotate(struct ticket_secrets *s)
{
	struct ticket_secret before = s->secrets[0];
	size_t kept = s->len - 2 < TICKET_KEEP ? s->len - 2 : TICKET_KEEP - 1;

	s->secrets[0] = s->secrets[NEXT];
	memmove(&s->secrets[3], &s->secrets[2], kept * sizeof(s->secrets[0]));
	s->secrets[2] = before;
	secret_wipe(&before, sizeof(before));
	fresh(&s->secrets[NEXT]);
	s->len = 3 + kept;
}

/* ---- keys ------------------------------------------------------------------------------------ */

static void derive(struct ticket_key *key, const struct ticket_secret *secret)
{
	static const char name[] = "ktlsd ticket key name";
	static const char use[] = "ktlsd ticket key";
	uint8_t prk[HASH_MAX];

	hkdf_extract(HASH_SHA256, NULL, 0, secret->bytes, secret->len, prk);
	hkdf_expand(HASH_SHA256, prk, name, sizeof(name) - 1, key->name, sizeof(key->name));
	hkdf_expand(HASH_SHA256, prk, use, sizeof(use) - 1, key->key, sizeof(key->key));
	secret_wipe(prk, sizeof(prk));
}

void ticket_keys_derive(struct ticket_keys *keys, const struct ticket_secrets *secrets)
{
	secret_wipe(keys, sizeof(*keys));
	for (size_t i = 0; i < secrets->len; i++)
		derive(&keys->keys[i], &secrets->secrets[i]);
	keys->len = secrets->len;
}

static const struct ticket_key *find(const struct ticket_keys *keys, const uint8_t *name)
{
	for (size_t i = 0; i < keys->len; i++)
		if (memcmp(keys->keys[i].name, name, TICKET_NAME) == 0)
			return &keys->keys[i];
	return NULL;
}

size_t ticket_seal(const struct ticket_keys *keys, const uint8_t *content, size_t len,
		   uint8_t ticket[static KTLS_ENGINE_TICKET_MAX])
{
	const struct ticket_key *key = keys->keys;
	uint8_t *nonce = ticket + TICKET_NAME;

	if (keys->len == 0 || len == 0 || len > TICKET_CONTENT_MAX)
		return 0;
	memcpy(ticket, key->name, TICKET_NAME);
	random_bytes(nonce, XCHACHA_NONCE);
	xchacha_seal(key->key, nonce, ticket, TICKET_NAME, content, len, nonce + XCHACHA_NONCE);
	return len + TICKET_OVERHEAD;
}

size_t ticket_open(const struct ticket_keys *keys, const uint8_t *ticket, size_t len,
		   uint8_t content[static TICKET_CONTENT_MAX])
{
	const size_t head = TICKET_NAME + XCHACHA_NONCE;
	const struct ticket_key *key;

	if (len <= TICKET_OVERHEAD || len > KTLS_ENGINE_TICKET_MAX)
		return 0;
	key = find(keys, ticket);
	if (!key || !xchacha_open(key->key, ticket + TICKET_NAME, ticket, TICKET_NAME,
				  ticket + head, len - head, content))
		return 0;
	return len - TICKET_OVERHEAD;
}
