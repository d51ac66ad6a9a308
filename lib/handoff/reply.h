/* SPDX-License-Identifier: MIT */
/* The reply in a struct ktls_call: empty at first, set once, then the application's. */
#ifndef KTLS_HANDOFF_REPLY_H
#define KTLS_HANDOFF_REPLY_H

#include "lib/handoff/ops.h"

/* Makes call (all zeros) one whose reply says nothing yet. */
void ktls_reply_init(struct ktls_call *call, uint64_t id, void *arg);

/*
 * Copies facts into the reply; fd (-1: none) belongs to it from now on. Without memory for the copy
 * the reply says NO_MEMORY and leaves out all that has no fixed size. ktls_reply_free() frees the
 * reply and its call.
 */
void ktls_reply_set(struct ktls_call *call, const struct handoff_reply *facts, int fd);

#endif
