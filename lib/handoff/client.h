/* SPDX-License-Identifier: MIT */
/*
 * The backend that asks ktlsd: its connections ("lanes", each to one worker), what was sent on
 * which, and what waits to be sent. open.c has its beginning, client.c the handshakes, listen.c the
 * listening sockets, lane.c the connections.
 *
 * A job is on one list: the client's until it is sent, then its lane's until its reply is there. It
 * is sent once, for nobody knows what a lost worker did with it; what was not sent goes on any
 * lane.
 *
 * A worker that ends in good order (ktlsd has a new configuration, say) takes no more requests and
 * answers those that it has: sending fails then, and the lane stays until its end for the replies.
 */
#ifndef KTLS_HANDOFF_CLIENT_H
#define KTLS_HANDOFF_CLIENT_H

#include <sys/queue.h>

#include "lib/handoff/ops.h"
#include "lib/handoff/packet.h"

/* A handshake, as long as it is in flight: the impl of its struct ktls_call. */
struct job {
	TAILQ_ENTRY(job) link;
	struct ktls_call *call;
	struct lane *lane;  /* NULL: waits to be sent */
	int64_t expires;    /* monotonic milliseconds; ktlsd should have replied long ago */
	bool cancel;        /* a cancel is to be sent when the lane has room */
	unsigned int tries; /* new lanes that were lost in sending it */
	int fd;             /* to be sent; -1 afterwards */
	bool fd_owned;      /* a duplicate, not the application's */
	uint8_t *packet;    /* to be sent; NULL afterwards */
	size_t len;         /* bytes of it */
};

TAILQ_HEAD(job_list, job);

struct listening;
struct share;

struct lane {
	int fd;
	bool blocked;           /* without room: waits for EPOLLOUT */
	bool greeted;           /* by a worker */
	bool starved;           /* a descriptor has come that there is no number for: not watched */
	bool leaving;           /* the worker takes no more requests */
	unsigned int in_flight; /* number of jobs */
	unsigned int cancels;   /* number of those with a cancel to be sent */
	int64_t heard; /* monotonic milliseconds: its worker's last word, or its beginning */
	struct job_list jobs;
	TAILQ_HEAD(, share) shares; /* of listening sockets: listen.h */
};

struct client {
	struct ktls base; /* first */
	char *path;       /* of ktlsd's socket */
	int timer;        /* something expires or is to be tried again */
	int64_t timer_at; /* monotonic milliseconds, 0: not armed */
	struct job_list waiting;
	TAILQ_HEAD(, listening) listenings;
	uint64_t last_share;    /* serial number */
	uint32_t in_flight_max; /* of each lane; from the greeting, as lanes_max */
	size_t lanes_max;
	size_t lanes_len;
	struct lane *lanes[HANDOFF_LANES_MAX];
	enum ktls_reason lost_for;           /* why the last lane was lost */
	int error;                           /* why none could be opened: a negative errno */
	uint8_t packet[HANDOFF_MESSAGE_MAX]; /* being built or received */
};

/* ---- client.c ------------------------------------------------------------------------------ */

extern const struct ktls_ops client_ops;

#define CLIENT_RETRY_MS 10 /* for what becomes possible again without an event */

/* Sees to it that base.events is readable at that time at the latest. */
void client_wake_at(struct client *c, int64_t when);

void job_free(struct job *job);

/* ---- open.c -------------------------------------------------------------------------------- */

/* Takes over what ktlsd says of itself. */
void client_greeted(struct client *c, const struct handoff_greeting *greeting);

/* ---- lane.c -------------------------------------------------------------------------------- */

/* A socket connected to ktlsd: a descriptor, or a negative errno; -EAGAIN: its queue is full. */
WIRE_MUST_CHECK int lane_connect(const char *path);

/* Makes fd one of the client's lanes. Returns 0, or a negative errno and fd is closed. */
WIRE_MUST_CHECK int lane_add(struct client *c, int fd);

/* A new one; *out is NULL where there may be no more of them. Returns 0 or a negative errno. */
WIRE_MUST_CHECK int lane_open(struct client *c, struct lane **out);

/* Whether what lane_open() has failed with passes, though no event tells when. */
bool lane_error_passes(int error);

/* It takes no more requests, or is at its end: what it said before is heard. May be gone then. */
void lane_refuses(struct client *c, struct lane *lane);

/*
 * A lane with room: the one that has least to do, or a new one where even that has something and
 * ktlsd has another worker. NULL where there is none: *retry tells whether there will be one, and
 * an event or the timer will tell when; else ktlsd is gone, and c->error says why.
 */
struct lane *lane_find(struct client *c, bool *retry);

void lane_insert(struct lane *lane, struct job *job);
void lane_remove(struct lane *lane, struct job *job);

/* Waits for room, or no longer does. */
void lane_block(struct client *c, struct lane *lane, bool blocked);

/* Watches those again that were starved. */
void lanes_feed(struct client *c);

/* Reads all that is there and ends the calls it is about. False: the lane was lost. */
bool lane_read(struct client *c, struct lane *lane);

/* Closes a lane; what is in flight on it fails for this reason. */
void lane_lost(struct client *c, struct lane *lane, enum ktls_reason reason);

#endif
