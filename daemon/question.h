/* SPDX-License-Identifier: MIT */
/*
 * What a worker asks a signer to sign: the fields of a handshake, never bytes to be signed as they
 * are. The signer puts the content together itself (ktls_engine_sign_content()), so that what it
 * signs is good for one TLS handshake and nothing else.
 *
 * On the channel:
 *	u16 version, u16 scheme, u8 role, and
 *	TLS 1.3  vec8 the transcript's hash
 *	TLS 1.2  server: 32 bytes client random, 32 bytes server random, u16 group, vec8 key share
 *	         client: vec24 the handshake messages so far
 */
#ifndef KTLSD_QUESTION_H
#define KTLSD_QUESTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ktls-handshake.h>

#include "lib/wire/reader.h"
#include "lib/wire/writer.h"

#define QUESTION_MIN        (5 + 1 + 32)
#define QUESTION_FIELDS_MAX (5 + 64 + 2 + 1 + KTLS_ENGINE_SHARE_MAX) /* bytes: all but messages */
#define QUESTION_MAX        (5 + 3 + KTLS_ENGINE_MESSAGES_MAX)

/* Bytes that question_write() needs at most. */
size_t question_size(const struct ktls_engine_sign *what);

void question_write(struct writer *w, const struct ktls_engine_sign *what);

/*
 * To the reader's end. *out points into what is read, its credential is NULL. False for what cannot
 * be parsed; whether the fields make sense is for question_allowed().
 */
WIRE_MUST_CHECK bool question_read(struct reader *r, struct ktls_engine_sign *out);

/*
 * What a worker asks a signer to decrypt, for the master secret (RFC 5246, 7.4.7.1). On the
 * channel: u16 version, u8 PRF, u8 extended, 48 bytes session hash, 32 bytes client random, 32
 * bytes server random, vec16 the encrypted premaster secret.
 */
#define DECRYPT_MIN (4 + 48 + 64 + 2)
#define DECRYPT_MAX (DECRYPT_MIN + KTLS_ENGINE_SIGNATURE_MAX)

void decrypt_write(struct writer *w, const struct ktls_engine_decrypt *what);

/* As question_read(). */
WIRE_MUST_CHECK bool decrypt_read(struct reader *r, struct ktls_engine_decrypt *out);

/* What a profile's keys may be used for. */
struct question_limits {
	uint8_t roles; /* BUNDLE_ROLE() */
	uint16_t version_min;
	uint16_t version_max;
	bool static_rsa; /* a server's may decrypt */
};

bool question_allowed(const struct ktls_engine_sign *what, const struct question_limits *limits);
bool decrypt_allowed(const struct question_limits *limits);

#endif
