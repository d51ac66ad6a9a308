/* SPDX-License-Identifier: MIT */
/*
 * What comes on a TLS connection after the handshake, beside data: alerts (RFC 9846, 6) and
 * post-handshake messages (4.7). Without I/O.
 */
#ifndef KTLS_HANDOFF_STREAM_H
#define KTLS_HANDOFF_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <ktls-tls.h>

#include "lib/wire/reader.h"

/* What was in a record: bits. */
#define STREAM_DATA          1
#define STREAM_RENEGOTIATION 2 /* a HelloRequest or a ClientHello began */
#define STREAM_KEY_UPDATE    4 /* what follows is protected by the peer's next key */
#define STREAM_REQUESTED     8 /* with it: it wants us to change ours, too */
/*
 * Linux 6.14 and later read no further behind a record whose first byte is that of a KeyUpdate,
 * until a key is installed. With STREAM_KEY_UPDATE: this is such a record. Alone: it is one that
 * was taken for a KeyUpdate, being a part of something else, or of one that is not complete.
 */
#define STREAM_STOPS 16

/* Zeros at first. */
struct stream {
	bool server; /* the caller's: a client does not send tickets */
	/*
	 * The caller's: gets whole NewSessionTicket messages of up to HANDOFF_TICKET_MAX bytes,
	 * header included. NULL: they are passed over, as longer ones are.
	 */
	void (*ticket)(void *arg, const uint8_t *message, size_t len);
	void *arg;
	uint8_t alert;      /* the peer's, with PEER_ALERT */
	uint8_t type;       /* of the records that a message is coming in, or 0 */
	uint8_t header_len; /* bytes in header[] */
	uint8_t header[4];  /* how the message begins */
	bool inside;        /* a record of handshake messages, of which a part was seen */
	uint8_t first;      /* its first byte */
	uint8_t update;     /* a KeyUpdate's body, as long as its record lasts: STREAM_... */
	uint32_t left;      /* bytes of the message that are yet to come */
	uint8_t *message;   /* a ticket that is under way, on the heap */
	size_t message_len; /* bytes of it so far */
};

/* Frees what is under way. */
void stream_wipe(struct stream *stream);

/*
 * Looks at len bytes of a record of a type, or of the part of one that is there. end: they reach to
 * its end. Returns STREAM_... of what is in them, 0 where nothing is for the caller, or the
 * negative reason for which the stream ends: PEER_CLOSE_NOTIFY, PEER_ALERT with stream->alert set,
 * or what the peer did wrong. TLS 1.2 has no KeyUpdate and refuses renegotiation politely, TLS 1.3
 * has no renegotiation: that is the caller's to tell apart.
 */
WIRE_MUST_CHECK int stream_record(struct stream *stream, uint8_t type, const void *bytes,
				  size_t len, bool end);

/* The same where the n bytes are in several buffers. */
WIRE_MUST_CHECK int stream_records(struct stream *stream, uint8_t type, const struct iovec *iov,
				   size_t n, bool end);

#endif
