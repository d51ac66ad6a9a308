/* SPDX-License-Identifier: MIT */
/* The serving end: holds a station ready and does what the running end plans. */
#ifndef KTLS_BENCH_SERVE_H
#define KTLS_BENCH_SERVE_H

#include "tests/bench/ktls-bench/control.h"
#include "tests/bench/ktls-bench/net.h"
#include "tests/bench/ktls-bench/round.h"

struct server {
	struct station station;
	struct address address; /* that connections come to; port 0: any */
	const uint8_t *key;     /* CONTROL_KEY bytes */
	bool rsa;               /* the key of certificates that are made */
	bool given;             /* a certificate was given: none is made */
};

/* One running end, from the first byte to the last, on a connected socket. 0, or -1 with text. */
int serve_one(struct server *server, int fd, char text[static RESULT_LINE]);

#endif
