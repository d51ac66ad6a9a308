/* SPDX-License-Identifier: MIT */
/*
 * What a connection of nicsim.h puts on the wire: packets are taken off in namespace wire, between
 * the devices, and each direction is put together again by TCP's sequence numbers. Then it can be
 * held against what TLS 1.2 allows there (RFC 5246, 6.2; RFC 5288): whole records one behind the
 * other, each of which opens under the key with the next number, and nothing else.
 *
 * What is sent again has to be the same bytes again: other bytes under the same number would be two
 * records under one nonce, by which AES-GCM is broken.
 */
#ifndef TESTS_HARNESS_WIRETAP_H
#define TESTS_HARNESS_WIRETAP_H

#include <stdint.h>

#include "tests/harness/nicsim.h"

/* Of one direction, by who sends. */
struct wiretap_stream {
	uint8_t *bytes;
	uint8_t *seen;  /* for each byte, whether it has been on the wire */
	uint32_t first; /* sequence number of the first packet; at WIRETAP_BEFORE */
	bool begun;
	size_t from, to; /* what there is of it */
	uint64_t packets;
	uint64_t again; /* bytes that came more than once */
	uint64_t other; /* bytes that then were others */
};

struct wiretap {
	int fd;
	struct wiretap_stream streams[2];
};

/* What records of one direction said. */
struct wiretap_records {
	uint64_t records;
	uint64_t content; /* bytes */
	bool poured;      /* the last 32 are the hash of those before, as pour.h has it */
};

/* Taps the wire from now on. */
void wiretap_open(struct wiretap *tap);
void wiretap_close(struct wiretap *tap);

/* Takes off what has come by. No packet has been missed. */
void wiretap_take(struct wiretap *tap);

/*
 * All that an end has sent behind its handshake, as records under its key; checks that it is
 * nothing else.
 */
struct wiretap_records wiretap_open_records(const struct wiretap *tap,
					    const struct nicsim_conn *conn, enum nicsim_end end);

/* Both ends have sent what nicsim_pour() sends, with so many bytes each, in ciphertext only. */
void wiretap_expect_pour(struct wiretap *tap, const struct nicsim_conn *conn, uint64_t bytes);

#endif
