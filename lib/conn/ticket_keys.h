/* SPDX-License-Identifier: MIT */
/*
 * Keys that tickets are sealed with (RFC 9846, 4.7.1; RFC 5077, 4), and sealing itself. Held by
 * ktlsd's signers, and by programs that perform their handshakes themselves; whoever holds one can
 * read all tickets sealed with it, and with them what was sent over the connections that were
 * resumed without a key exchange.
 *
 * A key and its name are derived from 32 to 64 random bytes (HKDF-SHA256), so that machines that
 * share these share both. A ticket is
 *
 *	name (16 bytes) | nonce (24 bytes, random) | XChaCha20-Poly1305 of the content
 *
 * with the name as associated data.
 */
#ifndef KTLS_CONN_TICKET_KEYS_H
#define KTLS_CONN_TICKET_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ktls-handshake.h>

#include "lib/crypto/xchacha.h"

#define TICKET_SECRET_MIN  32
#define TICKET_SECRET_MAX  64
#define TICKET_NAME        16
#define TICKET_KEYS_MAX    8
#define TICKET_OVERHEAD    (TICKET_NAME + XCHACHA_NONCE + XCHACHA_TAG)
#define TICKET_CONTENT_MAX (KTLS_ENGINE_TICKET_MAX - TICKET_OVERHEAD)

/*
 * By itself a current key is replaced after ROTATE, and is good for opening as long as a ticket of
 * its last moment lives.
 */
#define TICKET_ROTATE_S 43200
#define TICKET_KEEP     5 /* keys that were current before */

struct ticket_secret {
	uint8_t bytes[TICKET_SECRET_MAX];
	size_t len;
};

/* What keys are made of: the first is current, the others are good for opening. The owner's. */
struct ticket_secrets {
	struct ticket_secret secrets[TICKET_KEYS_MAX];
	size_t len;
};

/* Random ones: a current one and the next, which others are to know before it is used. */
void ticket_secrets_init(struct ticket_secrets *s);

/* The next one is current, there is a new next one, and the oldest goes. */
void ticket_secrets_rotate(struct ticket_secrets *s);

struct ticket_key {
	uint8_t name[TICKET_NAME];
	uint8_t key[XCHACHA_KEY];
};

/* As above. Wiped by its owner with secret_wipe(). */
struct ticket_keys {
	struct ticket_key keys[TICKET_KEYS_MAX];
	size_t len; /* 0: no tickets */
};

/* Replaces what was there. */
void ticket_keys_derive(struct ticket_keys *keys, const struct ticket_secrets *secrets);

/* Seals len bytes with the current key. Returns the ticket's length; 0: no key, or too long. */
size_t ticket_seal(const struct ticket_keys *keys, const uint8_t *content, size_t len,
		   uint8_t ticket[static KTLS_ENGINE_TICKET_MAX]);

/* The content of a ticket, and its length; 0 where it is none of ours. */
size_t ticket_open(const struct ticket_keys *keys, const uint8_t *ticket, size_t len,
		   uint8_t content[static TICKET_CONTENT_MAX]);

#endif
