/* SPDX-License-Identifier: MIT */
/*
 * Keys that sessions are sealed with, and sealing itself. A sealed session is what a connection
 * needs behind its handshake (sealed_state.h), kept by the application, which can neither read nor
 * change it. The keys are held by ktlsd's signers, and by programs that perform their handshakes
 * themselves; whoever has one and a seal has the connection's secrets.
 *
 * A sealed session, at most HANDOFF_SESSION_MAX bytes:
 *
 *	header (lib/handoff/sealed.h) | key's name (16 bytes) | nonce (24, random) |
 *	XChaCha20-Poly1305 of u64 time and the content
 *
 * Associated data: the boot's id (16 bytes), the socket's cookie (SO_COOKIE, u64), header, name. So
 * a seal is good for one socket, in one life of the machine, and for a limited time. Times are
 * seconds of CLOCK_BOOTTIME, which no one sets; differences of them are all that is looked at.
 */
#ifndef KTLS_CONN_SEALING_KEYS_H
#define KTLS_CONN_SEALING_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/crypto/xchacha.h"
#include "lib/handoff/protocol.h"
#include "lib/handoff/sealed.h"
#include "lib/wire/reader.h"
#include "lib/wire/writer.h"

#define SEALING_NAME        16
#define SEALING_BOOT        16
#define SEALING_KEYS_MAX    128
#define SEALING_ROTATE_S    86400 /* a key seals so long */
#define SEALING_AGE_MIN_S   60
#define SEALING_AGE_MAX_S   (90 * 86400)
#define SEALING_AGE_S       (30 * 86400) /* what a seal is good for, unless said otherwise */
#define SEALING_OVERHEAD    (SEALED_HEADER_LEN + SEALING_NAME + XCHACHA_NONCE + 8 + XCHACHA_TAG)
#define SEALING_CONTENT_MAX (HANDOFF_SESSION_MAX - SEALING_OVERHEAD)

_Static_assert(SEALING_AGE_MAX_S / SEALING_ROTATE_S + 2 <= SEALING_KEYS_MAX, "all that may open");

struct sealing_key {
	uint8_t name[SEALING_NAME];
	uint8_t key[XCHACHA_KEY];
	uint64_t made;
};

/* The newest first: it seals, all of them open. Wiped by its owner with secret_wipe(). */
struct sealing_keys {
	uint8_t boot[SEALING_BOOT];
	struct sealing_key keys[SEALING_KEYS_MAX];
	size_t len; /* 0: nothing is sealed or opened */
};

/* Now. */
uint64_t sealing_time(void);

/* Whether there is no key to seal with, or it has served its time. */
bool sealing_keys_due(const struct sealing_keys *keys, uint64_t now);

/* A fresh one seals from now on; those that no seal of that age (seconds) was made with go. */
void sealing_keys_rotate(struct sealing_keys *keys, uint64_t now, uint32_t age);

/*
 * As bytes, for a file: at most SEALING_KEYS_LEN of them. The parser is strict: false for what
 * build() does not make, with nothing written.
 */
#define SEALING_KEYS_LEN (SEALING_BOOT + 2 + SEALING_KEYS_MAX * (SEALING_NAME + XCHACHA_KEY + 8))

void sealing_keys_build(const struct sealing_keys *keys, struct writer *w);
WIRE_MUST_CHECK bool sealing_keys_parse(struct reader *r, struct sealing_keys *out);

/*
 * Seals len bytes for the socket of a cookie. Returns the length of the sealed session; 0: no key,
 * or too long.
 */
size_t sealing_seal(const struct sealing_keys *keys, uint64_t now, uint64_t cookie,
		    const uint8_t header[static SEALED_HEADER_LEN], const uint8_t *content,
		    size_t len, uint8_t sealed[static HANDOFF_SESSION_MAX]);

/* Whether the key of a sealed session is among these; true for what is none. */
bool sealing_key_known(const struct sealing_keys *keys, const uint8_t *sealed, size_t len);

/*
 * The content of a sealed session that is no older than age (seconds), and its length; 0 where it
 * is damaged, of another socket or boot, too old, or its key is not there any more. The caller
 * wipes content.
 */
size_t sealing_open(const struct sealing_keys *keys, uint64_t now, uint32_t age, uint64_t cookie,
		    const uint8_t *sealed, size_t len, uint8_t content[static SEALING_CONTENT_MAX]);

#endif
