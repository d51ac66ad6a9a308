/* SPDX-License-Identifier: MIT */
#include "lib/conn/own_seals.h"

#include <stdlib.h>

#include "lib/conn/sealing_keys.h"
#include "lib/crypto/arena.h"

struct own_seals {
	struct conn_sealer sealer;
	struct arena *arena;
	struct sealing_keys *keys; /* from the arena */
};

static int seal(void *arg, const struct conn_seal *request, uint8_t *sealed, size_t *len)
{
	struct own_seals *s = arg;
	uint64_t now = sealing_time();

	if (sealing_keys_due(s->keys, now))
		sealing_keys_rotate(s->keys, now, SEALING_AGE_S);
	*len = sealing_seal(s->keys, now, request->cookie, request->header, request->bytes,
			    request->len, sealed);
	return *len > 0 ? 0 : -KTLS_R_SIGNER;
}

static int open_sealed(void *arg, const struct conn_seal *request, uint8_t *content, size_t *len)
{
	const struct own_seals *s = arg;

	*len = sealing_open(s->keys, sealing_time(), SEALING_AGE_S, request->cookie, request->bytes,
			    request->len, content);
	return *len > 0 ? 0 : -KTLS_R_SESSION_INVALID;
}

struct own_seals *own_seals_new(void)
{
	struct own_seals *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->sealer = (struct conn_sealer){ .seal = seal, .open = open_sealed, .arg = s };
	s->arena = arena_new(sizeof(struct sealing_keys), 1);
	s->keys = s->arena ? arena_get(s->arena) : NULL;
	if (s->keys)
		return s;
	own_seals_free(s);
	return NULL;
}

void own_seals_free(struct own_seals *s)
{
	if (!s)
		return;
	if (s->arena)
		arena_free(s->arena);
	free(s);
}

const struct conn_sealer *own_seals_sealer(struct own_seals *s)
{
	return &s->sealer;
}
