/* SPDX-License-Identifier: MIT */
/*
 * The transcript hash (RFC 9846, 4.1). Until the suite is known both hashes run: a client has sent
 * its ClientHello by then.
 */
#ifndef KTLS_HANDSHAKE_TRANSCRIPT_H
#define KTLS_HANDSHAKE_TRANSCRIPT_H

#include <stdbool.h>

#include "lib/crypto/hash.h"

struct transcript {
	bool selected;
	struct hash hash[2]; /* [0] once selected; before that SHA-256 and SHA-384 */
};

void transcript_init(struct transcript *t);

/* Adds a whole handshake message, its header included. */
void transcript_add(struct transcript *t, const void *bytes, size_t len);

/* Settles on the hash of the negotiated suite; calls after the first do nothing. */
void transcript_select(struct transcript *t, enum hash_alg alg);

/* Replaces the ClientHello added so far by the message_hash that stands for it in a retry. */
void transcript_retry(struct transcript *t);

/* The hash of all that was added: hash_size() bytes. */
void transcript_hash(const struct transcript *t, uint8_t out[static HASH_MAX]);

#endif
