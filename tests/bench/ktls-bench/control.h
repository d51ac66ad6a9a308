/* SPDX-License-Identifier: MIT */
/*
 * The connection over which the ends of ktls-bench agree. Both have a secret key; each proves that
 * by a HMAC-SHA256 over both sides' nonces, and from then on every message has a HMAC over its
 * direction, number and bytes: nobody else can have a machine send load anywhere, or change what
 * was measured. It is not encrypted: nothing in it is secret.
 *
 *	serve -> run   "ktls-bench 1\n", nonce (16)
 *	run -> serve   nonce (16), HMAC (32)
 *	serve -> run   HMAC (32)
 *	then           uint8 type, opaque body<0..MESSAGE_MAX> with three bytes of length, HMAC (32)
 */
#ifndef KTLS_BENCH_CONTROL_H
#define KTLS_BENCH_CONTROL_H

#include "tests/bench/ktls-bench/message.h"

#define CONTROL_KEY 32 /* bytes */
#define CONTROL_MAC 32

struct control {
	int fd;
	bool serves;
	const volatile int *stop; /* set by a signal: no more is waited for; NULL: until it comes */
	uint8_t key[CONTROL_MAC]; /* of this connection */
	uint64_t sent, received;  /* messages */
	uint8_t buffer[MESSAGE_MAX];
	char failed[RESULT_LINE];
};

/* Zeros first, but for stop. Both take a connected socket, which stays the caller's, and prove the
 * key. 0, or -1 with failed.
 */
int control_begin(struct control *c, int fd, bool serves, const uint8_t key[static CONTROL_KEY]);
void control_wipe(struct control *c);

/* 0, or -1 with failed. */
int control_send(struct control *c, enum message_type type, const struct writer *body);

/* The next message, within patience_ms; the body is valid until the next call. 0, or -1. */
int control_receive(struct control *c, int patience_ms, enum message_type *type,
		    struct reader *body);

/* The same for one type only: FAILED gives its text in failed. */
int control_expect(struct control *c, int patience_ms, enum message_type wanted,
		   struct reader *body);

/* A key of 64 hexadecimal digits in a file, made where make is set and there is none. */
int control_key_load(const char *path, bool make, uint8_t key[static CONTROL_KEY]);

#endif
