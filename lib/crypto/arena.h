/* SPDX-License-Identifier: MIT */
/*
 * Memory for secrets: slots of one size, taken from guarded chunks of libsodium's: pages that no
 * core dump shows, locked into RAM as far as RLIMIT_MEMLOCK allows, with an inaccessible page on
 * each side. One arena serves all handshakes of a process role: a guarded allocation each would
 * cost seven system calls and three pages.
 *
 * An arena belongs to one thread. It grows in chunks up to its limit and shrinks when it is freed.
 */
#ifndef KTLS_CRYPTO_ARENA_H
#define KTLS_CRYPTO_ARENA_H

#include <stddef.h>

struct arena;

/* For at most max slots of size bytes each. NULL where there is no memory. */
struct arena *arena_new(size_t size, size_t max);

/* A slot of zeros, aligned to 64 bytes; NULL at the limit or where there is no memory. */
void *arena_get(struct arena *arena);

/* Wipes the slot and takes it back; NULL is none. */
void arena_put(struct arena *arena, void *slot);

/* Wipes everything, slots in use included. */
void arena_free(struct arena *arena);

#endif
