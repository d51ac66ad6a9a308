/* SPDX-License-Identifier: MIT */
/* A listening TCP socket on loopback, and those who connect to it. */
#ifndef TESTS_HARNESS_LISTENER_H
#define TESTS_HARNESS_LISTENER_H

/* flags: 0 or SOCK_NONBLOCK. With a queue as long as the system lets it be. */
int listener_open(int flags);

/* A connection to it, from a blocking socket. */
int listener_connect(int listener);

/* How many connections nobody has accepted. */
int listener_waiting(int listener);

#endif
