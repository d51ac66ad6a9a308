/* SPDX-License-Identifier: MIT */
#include "lib/handoff/stream.h"

#include <stdlib.h>
#include <string.h>

#include "lib/handoff/protocol.h"
#include "lib/ktls/kernel.h"

/* HandshakeType, RFC 9846 B.3 and RFC 5246 7.4. */
#define HELLO_REQUEST      0
#define CLIENT_HELLO       1
#define NEW_SESSION_TICKET 4
#define KEY_UPDATE         24

#define HEADER_LEN         4

/* Lifetime, age_add, and nonce, ticket and extensions of the greatest length (RFC 9846, 4.7.1). */
#define TICKET_MAX (4 + 4 + 256 + (2 + 65535) + (2 + 65534))

#define HELLO_MAX  16384 /* bytes of a ClientHello that is refused */

void stream_wipe(struct stream *stream)
{
	if (stream->message)
		explicit_bzero(stream->message, stream->message_len);
	free(stream->message);
	stream->message = NULL;
	stream->message_len = 0;
}

static void message_end(struct stream *stream)
{
	stream->type = 0;
	stream->header_len = 0;
}

/* ---- alerts -------------------------------------------------------------------------------- */

/*
 * Two bytes in one record (RFC 9846, 5.1), which come apart only where the application reads byte
 * by byte.
 */
static int alert_record(struct stream *stream, struct reader r, bool end)
{
	uint8_t byte;

	while (stream->header_len < 2 && reader_u8(&r, &byte))
		stream->header[stream->header_len++] = byte;
	if (stream->header_len < 2)
		return end ? -KTLS_R_ALERT_MALFORMED : 0;
	if (!reader_empty(&r))
		return -KTLS_R_ALERT_MALFORMED;
	message_end(stream);
	switch (stream->header[1]) {
	case KTLS_ALERT_CLOSE_NOTIFY:
		return -KTLS_R_PEER_CLOSE_NOTIFY;
	case KTLS_ALERT_USER_CANCELED: /* close_notify follows (6.1) */
		return 0;
	default:
		stream->alert = stream->header[1];
		return -KTLS_R_PEER_ALERT;
	}
}

/* ---- post-handshake messages --------------------------------------------------------------- */

/* What the beginning of a message tells: STREAM_..., 0, or a reason. */
static int message_kind(const struct stream *stream, uint8_t type, uint32_t len)
{
	switch (type) {
	case NEW_SESSION_TICKET:
		if (stream->server)
			return -KTLS_R_MESSAGE_UNEXPECTED;
		return len <= TICKET_MAX ? 0 : -KTLS_R_MESSAGE_TOO_LONG;
	case HELLO_REQUEST:
		return len == 0 ? STREAM_RENEGOTIATION : -KTLS_R_MESSAGE_MALFORMED;
	case CLIENT_HELLO:
		return len <= HELLO_MAX ? STREAM_RENEGOTIATION : -KTLS_R_MESSAGE_TOO_LONG;
	case KEY_UPDATE:
		return len == 1 ? 0 : -KTLS_R_MESSAGE_MALFORMED;
	default: /* we have asked for nothing else (RFC 9846, 4.7.2) */
		return -KTLS_R_MESSAGE_UNEXPECTED;
	}
}

/* Where memory is short the ticket is passed over, as if nobody wanted it. */
static void ticket_begin(struct stream *stream)
{
	size_t len = HEADER_LEN + stream->left;

	if (!stream->ticket || len > HANDOFF_TICKET_MAX)
		return;
	stream->message = malloc(len);
	if (!stream->message)
		return;
	memcpy(stream->message, stream->header, HEADER_LEN);
	stream->message_len = HEADER_LEN;
}

static void ticket_end(struct stream *stream)
{
	if (stream->message)
		stream->ticket(stream->arg, stream->message, stream->message_len);
	stream_wipe(stream);
}

static int message_begin(struct stream *stream)
{
	const uint8_t *h = stream->header;
	uint32_t len = (uint32_t)h[1] << 16 | (uint32_t)h[2] << 8 | h[3];
	int kind = message_kind(stream, h[0], len);

	if (kind < 0)
		return kind;
	stream->left = len;
	if (h[0] == NEW_SESSION_TICKET)
		ticket_begin(stream);
	if (len == 0) {
		ticket_end(stream);
		message_end(stream);
	}
	return kind;
}

static int header_byte(struct stream *stream, struct reader *r)
{
	uint8_t byte;

	if (!reader_u8(r, &byte))
		return 0;
	stream->type = RECORD_HANDSHAKE;
	stream->header[stream->header_len++] = byte;
	return stream->header_len == HEADER_LEN ? message_begin(stream) : 0;
}

/* It is the last of its record, for the next one has another key (RFC 9846, 5.1). */
static int key_update(struct stream *stream, struct reader *r)
{
	uint8_t request;

	if (!reader_u8(r, &request))
		return 0;
	if (request > 1)
		return -KTLS_R_KEY_UPDATE_INVALID;
	message_end(stream);
	stream->type = RECORD_HANDSHAKE;
	stream->update = STREAM_KEY_UPDATE | (request ? STREAM_REQUESTED : 0);
	return 0;
}

static int message_body(struct stream *stream, struct reader *r)
{
	size_t len = r->left < stream->left ? r->left : stream->left;

	if (stream->header[0] == KEY_UPDATE)
		return key_update(stream, r);
	if (stream->message) {
		if (!reader_copy(r, stream->message + stream->message_len, len))
			return -KTLS_R_INTERNAL;
		stream->message_len += len;
	} else if (!reader_skip(r, len)) {
		return -KTLS_R_INTERNAL;
	}
	stream->left -= (uint32_t)len;
	if (stream->left == 0) {
		ticket_end(stream);
		message_end(stream);
	}
	return 0;
}

/* Messages are spread over records, and records hold several, as the peer likes (5.1). */
static int handshake_record(struct stream *stream, struct reader r, bool end)
{
	struct reader ahead = r;
	int ret = 0, all = 0;

	if (!stream->inside && !reader_u8(&ahead, &stream->first))
		return -KTLS_R_RECORD_EMPTY;
	stream->inside = !end;
	while (ret >= 0 && !reader_empty(&r)) {
		if (stream->update)
			return -KTLS_R_MESSAGE_SPANS_KEY_CHANGE;
		ret = stream->header_len < HEADER_LEN ? header_byte(stream, &r)
						      : message_body(stream, &r);
		all |= ret;
	}
	if (ret < 0)
		return ret;
	if (end && stream->first == KEY_UPDATE)
		all |= STREAM_STOPS;
	if (end && stream->update) {
		all |= stream->update;
		stream->update = 0;
		message_end(stream);
	}
	return all;
}

/* ---- records ------------------------------------------------------------------------------- */

int stream_record(struct stream *stream, uint8_t type, const void *bytes, size_t len, bool end)
{
	struct reader r;

	reader_init(&r, bytes, len);
	if (stream->type != 0 && stream->type != type)
		return -KTLS_R_MESSAGE_INTERLEAVED;
	switch (type) {
	case RECORD_APPLICATION_DATA:
		return len > 0 ? STREAM_DATA : 0;
	case RECORD_ALERT:
		stream->type = RECORD_ALERT;
		return alert_record(stream, r, end);
	case RECORD_HANDSHAKE:
		return len > 0 ? handshake_record(stream, r, end) : -KTLS_R_RECORD_EMPTY;
	default:
		return -KTLS_R_RECORD_TYPE;
	}
}

int stream_records(struct stream *stream, uint8_t type, const struct iovec *iov, size_t n, bool end)
{
	int all = 0, what;
	size_t part;

	do {
		part = iov->iov_len < n ? iov->iov_len : n;
		what = part > 0 || n == 0
			       ? stream_record(stream, type, iov->iov_base, part, end && part == n)
			       : 0;
		if (what < 0)
			return what;
		all |= what;
		n -= part;
		iov++;
	} while (n > 0);
	return all;
}
