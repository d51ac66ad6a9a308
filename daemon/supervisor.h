/* SPDX-License-Identifier: MIT */
/*
 * The role that everything begins with: it has the configuration, listens, starts workers and
 * signers and starts them again, and gives each connection to a worker. It keeps root's rights and
 * therefore parses nothing that comes from a client or from a client's peer; what its children say
 * is a few numbers (channel.h).
 *
 *	supervisor.c          the process: its children, its loop, its end
 *	supervisor_clients.c  connections: who they are, and to which worker they go
 */
#ifndef KTLSD_SUPERVISOR_H
#define KTLSD_SUPERVISOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/child.h"
#include "daemon/config.h"
#include "daemon/loader.h"

/* An event's data: a child's index, or one of these. */
#define EVENT_LISTENER (UINT32_MAX - 1)
#define EVENT_SIGNALS  (UINT32_MAX - 2)

/* A worker as the supervisor sees it. */
struct load {
	uint64_t given; /* connections, since it was started */
	uint64_t gone;  /* of these, as it says itself */
	uint32_t handshakes;
};

struct supervisor {
	const struct config *config;
	const struct bundles *bundles;
	uint64_t capabilities;
	int epoll;
	int listener;
	int signals;
	struct child *children; /* workers, then signers */
	size_t children_len;
	struct load *loads; /* of the workers */
	int waiting;        /* a connection that no worker had room for; -1: none */
	uint64_t retry_at;  /* when to try again; 0: the listener is being listened to */
	bool complete;      /* all children have been ready at one time */
	bool stopping;
	bool signers_told; /* to stop */
	bool failed;       /* the exit status */
	uint64_t kill_at;
};

/* ---- supervisor_clients.c ---------------------------------------------------------------------
 */

/* Takes connections and gives each to the worker that has fewest. */
void clients_accept(struct supervisor *s);

/* Tries again what no worker had room for; at s->retry_at, or when a worker has become ready. */
void clients_retry(struct supervisor *s);

/* ---- supervisor.c -----------------------------------------------------------------------------
 */

/* Serves until SIGTERM or SIGINT. An exit status. */
int supervisor_main(const struct config *config, const struct bundles *bundles);

#endif
