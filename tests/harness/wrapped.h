/* SPDX-License-Identifier: MIT */
/*
 * For test programs that are run by ktlsrun: they know nothing of TLS, but which ports have it, and
 * what TCP does. The variable KTLSRUN tells the ports; calls past the preload library are system
 * calls.
 */
#ifndef KTLS_TESTS_WRAPPED_H
#define KTLS_TESTS_WRAPPED_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* The nth port of the rules that begin so: "listen ", "connect ". 0: there is none. */
uint16_t wrapped_port(const char *rule, unsigned int nth);

/* The loopback address of a family. Returns its length. */
socklen_t wrapped_address(int family, uint16_t port, struct sockaddr_storage *out);

/* Bound and listening; flags of socket(). It may take a while until the port is free. */
int wrapped_bound(int family, uint16_t port, int flags);
int wrapped_listener(int family, uint16_t port, int flags);

/* socket() and connect(): a descriptor, or -1 and errno. */
int wrapped_connect(int family, uint16_t port, int flags);

/* The same without TLS, past the library. */
int plain_connect(int family, uint16_t port);

/* connect() in a thread, for a test that accepts. */
struct wrapped_dial {
	pthread_t thread;
	int family;
	uint16_t port;
	int fd; /* when it is over; -1 */
	int error;
};

void wrapped_dial(struct wrapped_dial *d, int family, uint16_t port);
int wrapped_dialled(struct wrapped_dial *d);

/* Both ends of a connection. */
void wrapped_pair(int listener, int family, int *client, int *server);

/* One byte goes over, and comes. */
void wrapped_works(int from, int to);

/* Whether fd becomes readable within so many milliseconds. */
bool wrapped_readable(int fd, int ms);

/* Milliseconds, as much longer as tests of this machine get. */
int wrapped_patience(int ms);

#endif
