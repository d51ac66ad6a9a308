/* SPDX-License-Identifier: MIT */
/*
 * The cursor over handshake bytes that messages are taken from: first what was kept of earlier
 * records, then the record at hand. Whole messages in one record are parsed where they lie; only
 * what comes in pieces is copied, into the context's small buffer or into a borrowed one.
 */
#ifndef KTLS_HANDSHAKE_STASH_H
#define KTLS_HANDSHAKE_STASH_H

#include "lib/handshake/engine.h"

/*
 * The next len bytes, left where they are: 1 with *out over them, 0 where fewer are there, or a
 * negative reason. *out is valid until the next call of a function of this header.
 */
int stash_peek(struct engine *e, size_t len, struct reader *out)
	__attribute__((warn_unused_result));

/* Bytes there are in all. */
size_t stash_left(const struct engine *e);

/* Passes over len bytes that were peeked at. */
void stash_drop(struct engine *e, size_t len);

/* Keeps what is left of the record at hand beyond the life of the input, with room for len bytes.
 */
int stash_keep(struct engine *e, size_t len) __attribute__((warn_unused_result));

/* Forgets everything and gives back what is borrowed. */
void stash_release(struct engine *e);

#endif
