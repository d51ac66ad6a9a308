/* SPDX-License-Identifier: MIT */
#include "lib/handoff/stream.h"

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

static void message_end(struct ktls_stream *stream)
{
	stream->type = 0;
	stream->header_len = 0;
}

/* ---- alerts -------------------------------------------------------------------------------- */

/*
 * Two bytes in one record (RFC 9846, 5.1), which come apart only where the application reads byte
 * by byte.
 */
static int alert_record(struct ktls_stream *stream, struct reader r, bool complete)
{
	uint8_t byte;

	while (stream->header_len < 2 && reader_u8(&r, &byte))
		stream->header[stream->header_len++] = byte;
	if (stream->header_len < 2)
		return complete ? -KTLS_R_ALERT_MALFORMED : 0;
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

/* What a message is: 0 where it is passed over, STREAM_RENEGOTIATION likewise, or a reason. */
static int message_kind(uint8_t type, uint32_t len)
{
	switch (type) {
	case NEW_SESSION_TICKET:
		return len <= TICKET_MAX ? 0 : -KTLS_R_MESSAGE_TOO_LONG;
	case HELLO_REQUEST:
		return len == 0 ? STREAM_RENEGOTIATION : -KTLS_R_MESSAGE_MALFORMED;
	case CLIENT_HELLO:
		return len <= HELLO_MAX ? STREAM_RENEGOTIATION : -KTLS_R_MESSAGE_TOO_LONG;
	case KEY_UPDATE:
		return -KTLS_R_KEY_UPDATE_UNSUPPORTED;
	default: /* we have asked for nothing else (RFC 9846, 4.7.2) */
		return -KTLS_R_MESSAGE_UNEXPECTED;
	}
}

static int message_begin(struct ktls_stream *stream)
{
	const uint8_t *h = stream->header;
	uint32_t len = (uint32_t)h[1] << 16 | (uint32_t)h[2] << 8 | h[3];
	int kind = message_kind(h[0], len);

	if (kind < 0)
		return kind;
	stream->message_left = len;
	if (len == 0)
		message_end(stream);
	return kind;
}

static int header_byte(struct ktls_stream *stream, struct reader *r)
{
	uint8_t byte;

	if (!reader_u8(r, &byte))
		return 0;
	stream->type = RECORD_HANDSHAKE;
	stream->header[stream->header_len++] = byte;
	return stream->header_len == HEADER_LEN ? message_begin(stream) : 0;
}

static void pass_over(struct ktls_stream *stream, struct reader *r)
{
	size_t len = r->left < stream->message_left ? r->left : stream->message_left;

	if (!reader_skip(r, len))
		return;
	stream->message_left -= (uint32_t)len;
	if (stream->message_left == 0)
		message_end(stream);
}

/* Messages are spread over records, and records hold several, as the peer likes (5.1). */
static int handshake_record(struct ktls_stream *stream, struct reader r)
{
	int ret = 0, asked = 0;

	while (ret == 0 && !reader_empty(&r)) {
		if (stream->header_len < HEADER_LEN)
			ret = header_byte(stream, &r);
		else
			pass_over(stream, &r);
		if (ret != STREAM_RENEGOTIATION)
			continue;
		asked = ret;
		ret = 0;
	}
	return ret < 0 ? ret : asked;
}

/* ---- records ------------------------------------------------------------------------------- */

int stream_record(struct ktls_stream *stream, uint8_t type, const void *bytes, size_t len,
		  bool complete)
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
		return alert_record(stream, r, complete);
	case RECORD_HANDSHAKE:
		return len > 0 ? handshake_record(stream, r) : -KTLS_R_RECORD_EMPTY;
	default:
		return -KTLS_R_RECORD_TYPE;
	}
}
