/* SPDX-License-Identifier: MIT */
#include "lib/crypto/arena.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crypto/util.h"

#define ALIGNMENT   64 /* a divisor of the page size: libsodium puts the end at a page's end */
#define CHUNK_FIRST 8  /* slots of the first chunk; each further one doubles, up to CHUNK_MAX */
#define CHUNK_MAX   64

struct chunk {
	struct chunk *next;
	void *slots; /* guarded */
};

/* A free slot begins with the pointer to the next one; the rest of it is zero. */
struct free_slot {
	struct free_slot *next;
};

struct arena {
	size_t size;  /* bytes of a slot, a multiple of ALIGNMENT */
	size_t total; /* slots in all chunks */
	size_t max;
	size_t grow; /* slots of the next chunk */
	struct chunk *chunks;
	struct free_slot *free;
};

struct arena *arena_new(size_t size, size_t max)
{
	struct arena *arena = calloc(1, sizeof(*arena));

	if (!arena)
		return NULL;
	arena->size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	arena->max = max;
	arena->grow = CHUNK_FIRST;
	return arena;
}

static void slot_free(struct arena *arena, void *p)
{
	struct free_slot *slot = p;

	slot->next = arena->free;
	arena->free = slot;
}

static bool arena_grow(struct arena *arena)
{
	size_t left = arena->max - arena->total;
	size_t n = arena->grow < left ? arena->grow : left;
	struct chunk *chunk;
	uint8_t *slots;

	if (n == 0)
		return false;
	chunk = malloc(sizeof(*chunk));
	if (!chunk)
		return false;
	slots = sodium_malloc(n * arena->size);
	if (!slots) {
		free(chunk);
		return false;
	}
	memset(slots, 0, n * arena->size);
	for (size_t i = n; i > 0; i--)
		slot_free(arena, slots + (i - 1) * arena->size);
	chunk->slots = slots;
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	arena->total += n;
	arena->grow = arena->grow < CHUNK_MAX ? arena->grow * 2 : CHUNK_MAX;
	return true;
}

void *arena_get(struct arena *arena)
{
	struct free_slot *slot;

	if (!arena->free && !arena_grow(arena))
		return NULL;
	slot = arena->free;
	arena->free = slot->next;
	slot->next = NULL;
	return slot;
}

void arena_put(struct arena *arena, void *slot)
{
	if (!slot)
		return;
	secret_wipe(slot, arena->size);
	slot_free(arena, slot);
}

/* sodium_free() wipes. */
void arena_free(struct arena *arena)
{
	struct chunk *chunk;

	if (!arena)
		return;
	while (arena->chunks) {
		chunk = arena->chunks;
		arena->chunks = chunk->next;
		sodium_free(chunk->slots);
		free(chunk);
	}
	free(arena);
}
