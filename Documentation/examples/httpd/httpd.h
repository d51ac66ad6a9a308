/* SPDX-License-Identifier: MIT */
/*
 * The parts of a worker: one process, one thread, one epoll set. Workers share nothing but the port
 * (SO_REUSEPORT): the kernel spreads connections over them.
 */
#ifndef HTTPD_H
#define HTTPD_H

#include <stdbool.h>
#include <stdint.h>

#include <ktls-handshake.h>
#include <ktls-session.h>

#include "Documentation/examples/httpd/answer.h"

enum httpd_mode {
	HTTPD_LISTEN, /* ktlsd accepts, and gives out connections that are ready: ktls_listen() */
	HTTPD_START,  /* the worker accepts, ktlsd performs the handshakes: ktls_start() */
	HTTPD_PLAIN,  /* no TLS: what it is compared with */
};

struct httpd_options {
	enum httpd_mode mode;
	const char *port, *socket;
	struct ktls_embedded_identity own; /* certs_file set: no ktlsd */
	struct ktls_params params;
	int folder;
	long workers, timeout_ms, connections_max; /* the last one: in a worker */
	bool verbose;
};

struct connection;

/* Connections in a row, of which the first has waited longest. */
struct queue {
	struct connection *first, *last;
};

struct place {
	struct connection *before, *behind;
	bool in;
};

struct worker {
	const struct httpd_options *options;
	struct ktls *ktls;
	int epoll, listener, signals;
	uint64_t listen_id; /* of ktls_listen() */
	uint64_t now;       /* milliseconds, when events were last asked for */
	long connections;
	uint64_t resume; /* where paused: when more connections are taken, milliseconds */
	bool paused;
	bool stopping; /* takes no more at all, and ends those that it has */
	struct queue by_deadline, ready;
};

enum connection_state {
	CONNECTION_HANDSHAKE, /* ktlsd has it */
	CONNECTION_REQUEST,
	CONNECTION_ANSWER,
	CONNECTION_END,  /* close_notify is to be sent */
	CONNECTION_LAST, /* the client closes first: close() with unread bytes would be a reset */
};

struct connection {
	struct worker *worker;
	enum connection_state state;
	int fd;
	struct ktls_session *session; /* NULL: plain TCP */
	uint64_t deadline;            /* milliseconds */
	struct place by_deadline, ready;
	bool readable;          /* nobody has seen -EAGAIN since the last event */
	bool ended;             /* the client sends no more */
	size_t len, sent;       /* bytes in text; bytes of the header that were sent */
	char text[REQUEST_MAX]; /* requests: the one that is served is gone from it */
	struct answer answer;
};

/* ---- worker.c ---------------------------------------------------------------------------------
 */

/* Serves until SIGTERM, and then what has begun. Returns what is for exit(). */
int worker_run(const struct httpd_options *options) __attribute__((warn_unused_result));

/* At the end of the queue, where the deadline is the latest: each has the same time. */
void worker_touch(struct connection *c);

/* It could go on at once, and others are to have a turn first. */
void worker_ready(struct connection *c);

void connection_free(struct connection *c);

/* ---- accept.c ---------------------------------------------------------------------------------
 */

/* Has connections come to the worker; ends the process where that cannot be. */
void accept_begin(struct worker *w);

/* Takes what has come: from the listening socket, from ktlsd. */
void accept_some(struct worker *w);
void accept_collect(struct worker *w);

/* Not for now, and again: at the limit of connections or descriptors, and below it. */
void accept_pause(struct worker *w);
void accept_resume(struct worker *w);

/* No more. */
void accept_end(struct worker *w);

/* ---- connection.c -----------------------------------------------------------------------------
 */

/* NULL where memory is short; fd is closed then. */
struct connection *connection_new(struct worker *w, int fd);

/* TLS is on it, or there is none. */
void connection_begin(struct connection *c, struct ktls_session *session);

/* As far as it goes, and no farther than its turn. It may be gone then. */
void connection_run(struct connection *c);

/* It has had its time, or the worker is about to leave and it waits for a request. */
void connection_expire(struct connection *c);

#endif
