/* SPDX-License-Identifier: MIT */
/*
 * What peers do after the handshake: a kernel TLS socket with keys typed in by hand, whose peer is
 * a codec of ours on a plain socket and does one of many things.
 */
#ifndef KTLS_TESTS_DEEDS_H
#define KTLS_TESTS_DEEDS_H

#include <stddef.h>
#include <stdint.h>

#include <ktls-secrets.h>

#include "tests/harness/keyed.h"

/* fd[0] is the kernel TLS socket, fd[1] the plain peer, -1 where it has gone. */
struct deed_pair {
	int fd[2];
	struct ktls_traffic_key tx, rx; /* what the peer opens, and seals, with */
	struct ktls_traffic_key next;   /* follows rx */
	struct ktls_secrets secrets;    /* of the socket's end, TLS 1.3, as they were at first */
	uint8_t record[KEYED_RECORD_MAX];
};

/* In the order of the table in Documentation/after-the-handshake.md. */
struct deed_row {
	const char *title;
	uint16_t version;
	uint8_t deeds[5]; /* private */
};

extern const struct deed_row deed_rows[];
extern const size_t deed_rows_len;

/* Makes the connection, and has the peer do what the row says. */
void deeds_begin(const struct deed_row *row, struct deed_pair *p);
void deeds_end(struct deed_pair *p);

#endif
