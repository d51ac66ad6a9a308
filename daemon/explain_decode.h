/* SPDX-License-Identifier: MIT */
/*
 * Handshake messages in words (RFC 9846, 4; RFC 5246, 7.4): their fields, as a person would want to
 * read them. The bytes may be anything: what cannot be parsed is said to be so, and nothing is
 * believed.
 */
#ifndef KTLS_DAEMON_EXPLAIN_DECODE_H
#define KTLS_DAEMON_EXPLAIN_DECODE_H

#include "daemon/explain_names.h"
#include "daemon/explain_trace.h"

enum {
	HELLO_REQUEST = 0,
	CLIENT_HELLO = 1,
	SERVER_HELLO = 2,
	NEW_SESSION_TICKET = 4,
	ENCRYPTED_EXTENSIONS = 8,
	CERTIFICATE = 11,
	SERVER_KEY_EXCHANGE = 12,
	CERTIFICATE_REQUEST = 13,
	SERVER_HELLO_DONE = 14,
	CERTIFICATE_VERIFY = 15,
	CLIENT_KEY_EXCHANGE = 16,
	FINISHED = 20,
	KEY_UPDATE = 24,
};

/* What later messages are read by, learnt from earlier ones. Zeros but for trace and now. */
struct decoder {
	struct trace *trace;
	int64_t now;      /* seconds since 1970 */
	uint16_t version; /* chosen by the ServerHello; 0 before it */
	uint16_t suite;
	bool rsa_key_exchange; /* TLS 1.2 */
};

/*
 * Fills in name, meaning, brief and fields of a step from its bytes: a handshake message with its
 * header, an alert or a change_cipher_spec.
 */
void decode_step(struct decoder *d, struct step *step);

/* ---- the parts ------------------------------------------------------------------------------- */

/* Which message an extension stands in, for they differ. */
enum place {
	IN_CLIENT_HELLO,
	IN_SERVER_HELLO,
	IN_RETRY,
	IN_ENCRYPTED,
	IN_CERTIFICATE,
	IN_REQUEST,
	IN_TICKET,
};

/* False where the message is malformed; what could be read is in the fields. */
bool decode_client_hello(struct decoder *d, struct step *step, struct reader *body);
bool decode_server_hello(struct decoder *d, struct step *step, struct reader *body);
bool decode_certificate(struct decoder *d, struct step *step, struct reader *body);
bool decode_certificate_request(struct decoder *d, struct step *step, struct reader *body);

/* A block of extensions, its length prefix included. */
bool decode_extensions(struct decoder *d, struct field *out, enum place place,
		       struct reader *message);

/* The body of one extension of a block; false where it is not there. */
bool extension_find(struct reader block, uint16_t type, struct reader *body);

/* The extensions block of a hello (a whole message); false where there is none. */
bool hello_extensions(const uint8_t *message, size_t len, struct reader *block);

/* The cipher suites of a ClientHello (a whole message). */
bool hello_suites(const uint8_t *message, size_t len, struct reader *suites);

/* A list of 16-bit numbers by their names. */
void decode_numbers(struct decoder *d, struct field *out, const char *name, enum names table,
		    struct reader list);

/* Some bytes that mean nothing to people: "32 bytes, 0a0b...". */
void decode_bytes(struct decoder *d, struct field *out, const char *name, struct reader bytes);

/* Seconds since 1970 as "2026-11-21 13:46:00 UTC". */
const char *decode_time(struct trace *trace, int64_t when);

#endif
