/* SPDX-License-Identifier: MIT */
/*
 * A client and a server of some other TLS library, to be tried against our ends: main.c has
 * options, sockets and what is said, a file for each library does TLS. One connection at a time;
 * whatever fails before a connection ends the program with a message.
 */
#ifndef KTLS_TESTS_STACK_H
#define KTLS_TESTS_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct stack_options {
	bool server;
	const char *host; /* client: the server's name, to be sent and verified */
	const char *ca;   /* whom to trust: PEM */
	const char *cert; /* chain, leaf first, as PEM; NULL: none */
	const char *key;  /* PEM */
	const char *alpn; /* a protocol; NULL: none */
	bool demand_cert; /* server: of clients */
	bool tls13;       /* this version and no other; else TLS 1.2 */
};

void stack_setup(const struct stack_options *options);

/* Whether the handshake went well; says why not. resume: with the session of the last connection.
 */
bool stack_open(int fd, bool resume);

/* Bytes, 0 after close_notify, or below 0. */
ssize_t stack_read(void *buf, size_t len);
ssize_t stack_write(const void *buf, size_t len);

/* Sends close_notify if the connection still stands, and keeps a client's session. */
void stack_close(void);

#endif
