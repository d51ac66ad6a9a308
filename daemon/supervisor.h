/* SPDX-License-Identifier: MIT */
/*
 * The role that everything begins with: it has the configuration, listens, starts workers and
 * signers and starts them again, and gives each connection to a worker. It keeps root's rights and
 * therefore parses nothing that comes from a client or from a client's peer; what its children say
 * is a few numbers (channel.h).
 *
 * A configuration and the processes that were started with it are a generation. A reload makes a
 * new one beside the old one, which serves until the new one is ready; then the old one's workers
 * take no more requests, and end when they have answered those that they have. Its signers go last.
 *
 *	supervisor.c           the process: its loop, its signals, its end
 *	supervisor_children.c  generations: their children's lives
 *	supervisor_reload.c    a new configuration
 *	supervisor_tickets.c   the keys of tickets
 *	supervisor_seals.c     the file of sealing keys
 *	supervisor_relays.c    relays, which belong to no generation
 *	supervisor_status.c    what "ktlsctl status" shows
 *	supervisor_clients.c   connections: who they are, and to which worker they go
 */
#ifndef KTLSD_SUPERVISOR_H
#define KTLSD_SUPERVISOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "daemon/child.h"
#include "daemon/config.h"
#include "daemon/loader.h"
#include "daemon/log.h"
#include "lib/conn/sealing_keys.h"
#include "lib/conn/ticket_keys.h"

#define GENERATIONS_MAX 8 /* that live at a time: a reload waits where there are more */

/* A worker as the supervisor sees it. */
struct load {
	uint64_t given; /* connections, since it was started */
	uint64_t gone;  /* of these, as it says itself */
	uint32_t handshakes;
	uint64_t succeeded, failed;
};

struct generation {
	struct generation *older;
	struct config *config; /* owned, as the bundles */
	struct bundles bundles;
	struct child *children; /* workers, then signers, then the one for netlink */
	size_t children_len;
	struct load *loads; /* of the workers */
	bool complete;      /* all children have been ready at one time */
	bool retiring;      /* its workers take no more requests; the next three are about that */
	bool failed;        /* it never came to serve */
	bool signers_told;  /* to stop */
	uint64_t kill_at;
};

/* A configuration that is being read. */
struct reload {
	bool wanted; /* again, as soon as that is possible */
	struct config *config;
	struct bundles_loading files; /* its pid is 0: none is being read */
	FILE *out;                    /* what is wrong with it, in a memory file */
	uint64_t give_up;
};

/* The keys of tickets. */
struct tickets {
	struct arena *arena;
	struct ticket_secrets *secrets; /* from the arena */
	bool own;                       /* random ones, not those of a folder */
	uint64_t due;                   /* to be replaced, or looked at */
	struct log_limit complaints;
};

/* A relay: it outlives reloads, for its connections would end with it. */
struct relay_child {
	struct child child; /* first */
	struct relay_child *next;
	unsigned int most; /* connections that it may have: those of its configuration */
	bool leaving; /* takes no more than workers from before give it, and ends with the last */
	uint32_t connections;
	uint64_t bytes;                   /* of memory */
	uint64_t carried, sent, received; /* since it was started */
};

struct totals {
	uint64_t succeeded, failed;       /* handshakes of workers that have ended */
	uint64_t carried, sent, received; /* of relays that have ended */
};

struct supervisor {
	char *file;   /* the configuration's name */
	char *socket; /* path */
	uint64_t capabilities;
	int epoll;
	int listener;
	bool given; /* by the service manager: its name stays */
	int signals;
	struct generation *newest;
	struct generation *serving;  /* gets the connections */
	struct generation *starting; /* is to serve as soon as it is complete; NULL: none */
	struct generation *leaving;  /* has been told to retire and may not know it yet; or NULL */
	struct reload reload;
	struct tickets tickets;
	struct relay_child *relays;
	struct totals totals;
	uint64_t started;           /* seconds since 1970 */
	int status;                 /* socket that status is read from; -1: none */
	int sealing_file;           /* the signers'; -1: not open */
	uint8_t boot[SEALING_BOOT]; /* which life of the machine this is */
	int waiting;                /* a connection that no worker had room for; -1: none */
	uint64_t retry_at;          /* when to try again; 0: the listener is being listened to */
	bool stopping;
	bool failed; /* the exit status */
	uint64_t kill_at;
};

/* ---- supervisor_children.c --------------------------------------------------------------------
 */

static inline struct child *generation_worker(const struct generation *g, size_t i)
{
	return &g->children[i];
}

static inline struct child *generation_signer(const struct generation *g, size_t i)
{
	return &g->children[g->config->workers + i];
}

static inline struct child *generation_netlink(const struct generation *g)
{
	return &g->children[g->config->workers + g->config->signers];
}

/* Takes config and bundles over; becomes the newest and the one to start. NULL: no memory. */
struct generation *generation_new(struct supervisor *s, struct config *config,
				  const struct bundles *bundles)
	__attribute__((warn_unused_result));

/* Those that have ended are freed: not while events are at hand. */
void generations_bury(struct supervisor *s);

size_t generations_count(const struct supervisor *s);

/* Starts children that are due, stops signers that nobody needs, ends what has had its time. */
void children_run(struct supervisor *s, uint64_t now);

/* When children_run() has something to do next; at most next. */
uint64_t children_next(const struct supervisor *s, uint64_t next);

/* A message, or the end of a channel. */
void child_ready(struct supervisor *s, struct child *child);

/* A process has ended. False where it is no child of a generation. */
bool child_reaped(struct supervisor *s, pid_t pid, int status);

/* All are told to stop; true from then on where all have ended. */
void children_stop(struct supervisor *s);
bool children_stopped(struct supervisor *s);

/* A channel between a worker and another role; either end may be new. */
void children_introduce(struct child *worker, struct child *other);

/* Out of the epoll set, and closed. */
void child_close(struct supervisor *s, struct child *child);

/* What has been waited for has come: the generation that was to serve serves, if all is there. */
void children_check(struct supervisor *s);

/* A child fails again and again, and nothing ever worked. */
void children_hopeless(struct supervisor *s, const struct child *child);

/* ---- supervisor_relays.c ----------------------------------------------------------------------
 */

/* The relays that a generation wants and that are not there yet. False: no memory. */
bool relays_begin(struct supervisor *s, const struct config *config)
	__attribute__((warn_unused_result));

/* This configuration serves: the relays that it does not want leave. */
void relays_serve(struct supervisor *s, const struct config *config);

/* Whether all of them are ready. */
bool relays_ready(const struct supervisor *s);

/* A worker has been started. */
void relays_introduce(struct supervisor *s, struct child *worker);

/* As children_run(), children_next(), child_ready(), child_reaped(). */
void relays_run(struct supervisor *s, uint64_t now);
uint64_t relays_next(const struct supervisor *s, uint64_t next);
void relay_ready(struct supervisor *s, struct child *child);
bool relay_reaped(struct supervisor *s, pid_t pid, int status);

/* Tells them to stop, when their workers have; true where all have ended. */
bool relays_stopped(struct supervisor *s, uint64_t kill_at);

/* Those that have left are freed: not while events are at hand. */
void relays_bury(struct supervisor *s);

/* ---- supervisor_status.c ----------------------------------------------------------------------
 */

/* Beside the socket for applications, with the same owner and mode. False where there is none. */
bool status_init(struct supervisor *s, const struct config *config)
	__attribute__((warn_unused_result));
void status_wipe(struct supervisor *s);

/* A child has ended: what it has done is part of the totals from now on. */
void status_count(struct supervisor *s, const struct child *child);

/* Tells everybody who has connected. */
void status_accept(struct supervisor *s);

/* ---- supervisor_reload.c ----------------------------------------------------------------------
 */

/* Reads the configuration again, as soon as no other reload is under way. */
void reload_begin(struct supervisor *s);

/* The process that reads files has ended. False where pid is not that. */
bool reload_reaped(struct supervisor *s, pid_t pid, int status);

/* The generation that was to serve does (or does not start). */
void reload_done(struct supervisor *s, bool good);

/* Begins what had to wait; gives up a process that does not end. */
void reload_run(struct supervisor *s, uint64_t now);

void reload_wipe(struct supervisor *s);

/* ---- supervisor_tickets.c ---------------------------------------------------------------------
 */

bool tickets_init(struct supervisor *s) __attribute__((warn_unused_result));
void tickets_wipe(struct supervisor *s);

/* The keys that this configuration wants, to all signers where they are others than before. */
void tickets_configure(struct supervisor *s, const struct config *config);

/* To one that has been started. 0 or a negative errno. */
int tickets_tell(const struct supervisor *s, const struct child *signer)
	__attribute__((warn_unused_result));

/* Replaces keys that are old enough; looks whether those of a folder have changed. */
void tickets_run(struct supervisor *s, uint64_t now);

/* ---- supervisor_seals.c -----------------------------------------------------------------------
 */

/* When the socket's path is known. */
bool seals_init(struct supervisor *s) __attribute__((warn_unused_result));
void seals_wipe(struct supervisor *s);

/* To a signer that has been started. 0 or a negative errno. */
int seals_tell(const struct supervisor *s, const struct child *signer)
	__attribute__((warn_unused_result));

/* ---- supervisor_clients.c ---------------------------------------------------------------------
 */

/* Takes connections and gives each to the worker that has fewest. */
void clients_accept(struct supervisor *s);

/* Tries again what no worker had room for; at s->retry_at, or when a worker has become ready. */
void clients_retry(struct supervisor *s);

/* ---- supervisor.c -----------------------------------------------------------------------------
 */

/* Readable: child_ready() is called. False where the kernel does not want to. */
bool supervisor_watch(struct supervisor *s, int fd, void *event_of)
	__attribute__((warn_unused_result));

/* Serves until SIGTERM or SIGINT. Takes over config and bundles. An exit status. */
int supervisor_main(struct config *config, const struct bundles *bundles);

#endif
