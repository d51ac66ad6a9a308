/* SPDX-License-Identifier: MIT */
/*
 * The connections of a listening socket: accepted by a thread (acceptor.h), their handshakes
 * performed by a loop, as many at a time as there is room for.
 *
 * Whoever connects and then says nothing takes up room. So it is not what is finished that shares a
 * limit with what is under way, and when as many are under way as may be, the one that has waited
 * longest for its peer makes room for the next that comes, if it has waited for a second: time
 * enough for whoever means it. Until then, and where the caller has no room for more finished ones,
 * connections wait in the kernel's queue.
 */
#ifndef KTLS_CONN_ACCEPT_H
#define KTLS_CONN_ACCEPT_H

#include "lib/conn/conn.h"

struct conn_accept;

/* A connection whose handshake is under way. */
struct conn_accepted {
	struct conn_accepted *next, **link; /* the oldest is first */
	struct conn_accept *accept;
	struct conn *conn;
	int fd;
	void *user; /* the caller's */
	uint8_t peer[HANDOFF_ADDRESS_MAX], local[HANDOFF_ADDRESS_MAX];
	size_t peer_len, local_len;
};

/* All are called from conn_loop_run() and conn_accept_run() only. */
struct conn_accept_ops {
	/* A handshake is about to begin: sets user. False: it shall not. */
	bool (*begin)(void *arg, struct conn_accepted *a);
	/* It has ended, with the descriptor in the result if reason is KTLS_OK. user is to be
	 * freed; it never was conn_accept_run()'s caller that ended it. */
	void (*done)(void *arg, struct conn_accepted *a, const struct conn_result *result);
	/* accept() has failed with this errno, or no handshake could begin (then it is 0). */
	void (*trouble)(void *arg, int error);
	/* Nothing is under way any more, and nothing will be: after conn_accept_stop(), or because
	 * the socket listens no longer (then listening is false). */
	void (*over)(void *arg, bool listening);
};

struct conn_accept_config {
	struct conn_loop *loop;
	int fd;                      /* of the socket, which stays the caller's and open */
	struct conn_request request; /* of each; copied, but fd, done and arg are nothing */
	size_t under_way_max;        /* handshakes at a time */
	size_t loop_max;             /* none begins where the loop has so many, of whatever kind */
	const struct conn_accept_ops *ops;
	void *arg;
};

/*
 * 0, or a negative reason: SOCKET_NOT_SOCKET, SOCKET_NOT_TCP, SOCKET_NOT_LISTENING, or why no
 * handshake could begin: PROFILE_ROLE, REQUEST_VALUE.
 */
int conn_accept_check(int fd, const struct conn_request *request)
	__attribute__((warn_unused_result));

/* Begins, without room yet. 0 or a negative errno. */
int conn_accept_new(const struct conn_accept_config *config, struct conn_accept **out)
	__attribute__((warn_unused_result));

/* Readable when conn_accept_run() has something to do. */
int conn_accept_fd(const struct conn_accept *accept);
void conn_accept_run(struct conn_accept *accept);

/* So many more finished connections have a place. */
void conn_accept_room(struct conn_accept *accept, size_t room);

/*
 * Accepts no more. What is under way goes on, or is abandoned; when none is left, over() is called,
 * but never by this function. May be called again, to abandon.
 */
void conn_accept_stop(struct conn_accept *accept, bool abandon);

/* After over(), or when the loop is no more: then what was under way is closed. NULL is none. */
void conn_accept_free(struct conn_accept *accept);

#endif
