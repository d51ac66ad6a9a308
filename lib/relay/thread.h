/* SPDX-License-Identifier: MIT */
/*
 * Relays in a thread of their own, for programs that have no ktlsd: whoever reads and writes an
 * application's end may block, and the relay goes on.
 */
#ifndef KTLS_RELAY_THREAD_H
#define KTLS_RELAY_THREAD_H

#include "lib/relay/relay.h"

struct relay_thread;

/* As relay_loop_new(); -EAGAIN where there can be no thread. */
int relay_thread_new(const struct relay_config *config, struct relay_thread **out)
	__attribute__((warn_unused_result));

/* As relay_start(), in any thread; the request's functions are called in the relays' own. */
int relay_thread_start(struct relay_thread *thread, const struct relay_request *request)
	__attribute__((warn_unused_result));

/*
 * Waits until the peers have what applications had written that have closed since, linger_ms
 * without progress at most. Relays whose applications are still there go on, and with the last of
 * them the thread ends by itself. NULL is a no-op.
 */
void relay_thread_free(struct relay_thread *thread);

#endif
