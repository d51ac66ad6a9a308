/* SPDX-License-Identifier: MIT */
/*
 * A thread that accepts the connections of one listening socket, which others have, too.
 *
 * accept() waits where somebody else took the connection that poll() told of, unless the socket has
 * O_NONBLOCK; that flag belongs to whoever made the socket, for it is shared, and so is
 * SO_RCVTIMEO, which connections would even inherit. accept4() has no flag for the call itself, and
 * io_uring, which has, is forbidden in many places. So accept() has a thread that may wait. To end
 * it, that thread is sent a signal with an empty handler until it has noticed: an accept() that a
 * signal ends has taken nothing, so that no connection is lost.
 *
 * Of several that wait for one socket's connections (the workers of a ktlsd), one is woken
 * (EPOLLEXCLUSIVE), and queues up behind the others after each turn.
 */
#ifndef KTLS_CONN_ACCEPTOR_H
#define KTLS_CONN_ACCEPTOR_H

#include <stdbool.h>

struct acceptor;

/* What a process needs, once: a real-time signal that is not used. 0 or a negative errno. */
int acceptor_init(void) __attribute__((warn_unused_result));

/*
 * Starts the thread, which accepts nothing yet. fd is the caller's and stays open until the thread
 * has stopped; 1 is written to the eventfd wake, the caller's as well, when there is something to
 * be taken. 0 or a negative errno.
 */
int acceptor_new(int fd, int wake, struct acceptor **out) __attribute__((warn_unused_result));

/*
 * No more than n connections shall be there to be taken from now on, until this is called again;
 * one more where accept() had begun before. Where n is 0, wake is written to after remind_ms
 * milliseconds, unless that is 0.
 */
void acceptor_allow(struct acceptor *a, unsigned int n, unsigned int remind_ms);

/*
 * The next connection, the caller's from here on; or -EAGAIN. Once each: another negative errno
 * that accept() has failed with. It goes on by itself, after a pause, but for -EINVAL: the socket
 * listens no longer.
 */
int acceptor_take(struct acceptor *a) __attribute__((warn_unused_result));

/* Ends the thread. What it has accepted can still be taken. */
void acceptor_stop(struct acceptor *a);

/* Stops, closes what was not taken, frees. NULL is none. */
void acceptor_free(struct acceptor *a);

#endif
