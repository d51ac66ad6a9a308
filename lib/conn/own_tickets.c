/* SPDX-License-Identifier: MIT */
#include "lib/conn/own_tickets.h"

#include <stdlib.h>

#include "lib/conn/ticket_keys.h"
#include "lib/conn/timer.h"
#include "lib/crypto/arena.h"

#define ROTATE_NS (TICKET_ROTATE_S * UINT64_C(1000000000))

struct keys {
	struct ticket_secrets secrets;
	struct ticket_keys keys;
};

struct own_tickets {
	struct arena *arena;
	struct keys *keys; /* from the arena */
	uint64_t due;      /* nanoseconds of CLOCK_MONOTONIC */
};

struct own_tickets *own_tickets_new(void)
{
	struct own_tickets *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->arena = arena_new(sizeof(struct keys), 1);
	t->keys = t->arena ? arena_get(t->arena) : NULL;
	if (!t->keys) {
		own_tickets_free(t);
		return NULL;
	}
	ticket_secrets_init(&t->keys->secrets);
	ticket_keys_derive(&t->keys->keys, &t->keys->secrets);
	t->due = timer_now() + ROTATE_NS;
	return t;
}

void own_tickets_free(struct own_tickets *t)
{
	if (!t)
		return;
	if (t->arena)
		arena_free(t->arena);
	free(t);
}

/* As often as it was due: nobody may have asked for days. */
static const struct ticket_keys *keys_now(struct own_tickets *t)
{
	uint64_t now = timer_now();

	for (int i = 0; t->due <= now && i < TICKET_KEYS_MAX; i++) {
		ticket_secrets_rotate(&t->keys->secrets);
		ticket_keys_derive(&t->keys->keys, &t->keys->secrets);
		t->due += ROTATE_NS;
	}
	if (t->due <= now)
		t->due = now + ROTATE_NS;
	return &t->keys->keys;
}

int own_tickets_seal(struct own_tickets *t, const struct conn_ticket *request, uint8_t *ticket,
		     size_t *ticket_len)
{
	*ticket_len = ticket_seal(keys_now(t), request->bytes, request->len, ticket);
	return 0;
}

int own_tickets_open(struct own_tickets *t, const struct conn_ticket *request, uint8_t *content,
		     size_t *content_len)
{
	*content_len = ticket_open(keys_now(t), request->bytes, request->len, content);
	return 0;
}
