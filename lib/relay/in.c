/* SPDX-License-Identifier: MIT */
/* From the peer to the application. */
#include <errno.h>
#include <string.h>

#include "lib/relay/internal.h"
#include "lib/wire/reader.h"

/* ---- what is in a record --------------------------------------------------------------------- */

/* Warnings other than these two are for TLS 1.2, where they end nothing (RFC 5246, 7.2). */
static bool passes_over(const struct relay *r, uint8_t level, uint8_t alert)
{
	if (alert == KTLS_ALERT_USER_CANCELED)
		return true;
	return level == 1 && r->s->secrets.version == KTLS_TLS_1_2;
}

static void take_alert(struct relay *r, const struct ktls_span *content)
{
	if (content->len != 2) {
		relay_fail(r, KTLS_R_ALERT_MALFORMED);
		return;
	}
	if (content->bytes[1] == KTLS_ALERT_CLOSE_NOTIFY) {
		relay_receive_over(r, KTLS_OK, KTLS_ALERT_NONE);
		return;
	}
	if (passes_over(r, content->bytes[0], content->bytes[1]))
		return;
	/* "MUST NOT allow any further data to be sent or received", RFC 9846, 6. */
	relay_receive_over(r, KTLS_R_PEER_ALERT, content->bytes[1]);
	r->out.over = true;
	r->in.peer_over = true;
}

static void take_content(struct relay *r, uint8_t type, const struct ktls_span *content)
{
	bool inside = r->message.head_len > 0 || r->message.left > 0 || r->message.buf;

	if (type != TYPE_HANDSHAKE && inside) {
		relay_fail(r, KTLS_R_MESSAGE_INTERLEAVED);
	} else if (type == TYPE_DATA) {
		r->in.content = content->bytes;
		r->in.content_left = content->len;
	} else if (type == TYPE_ALERT) {
		take_alert(r, content);
	} else if (type == TYPE_HANDSHAKE) {
		relay_messages(r, content->bytes, content->len);
	} else {
		relay_fail(r, KTLS_R_RECORD_TYPE);
	}
}

/* ---- records --------------------------------------------------------------------------------- */

/* Bytes of the record at the front, 0 as long as its header is not there. */
static size_t record_len(const struct relay_in *in)
{
	struct reader r;
	uint16_t len;

	reader_init(&r, in->buf ? in->buf + in->at : NULL, in->len - in->at);
	return reader_skip(&r, 3) && reader_u16(&r, &len) ? RECORD_HEADER + (size_t)len : 0;
}

static bool has_record(const struct relay_in *in)
{
	size_t len = record_len(in);

	return len > 0 && in->len - in->at >= len;
}

/*
 * The peer had better not go on with its key (RFC 9846, 5.5). In TLS 1.2 one more record may be its
 * close_notify, for the same reason; in TLS 1.3 it has been asked for another.
 */
static bool key_is_worn(const struct relay *r)
{
	uint64_t max = r->request.records_max;

	if (r->s->secrets.version == KTLS_TLS_1_3)
		max += max + KTLS_RECORDS_UNDER_WAY;
	return r->received_max && r->received > max;
}

/* A peer with the same limit changes its key by itself. */
static void ask_for_key(struct relay *r)
{
	if (r->received <= r->request.records_max || r->wish != WISH_NONE ||
	    r->s->secrets.version != KTLS_TLS_1_3)
		return;
	r->wish = WISH_NOW;
	r->update_owed = true;
}

static void open_record(struct relay *r)
{
	struct relay_in *in = &r->in;
	size_t len = record_len(in);
	struct ktls_span content;
	uint8_t type;
	int result = -KTLS_R_KEY_EXHAUSTED;

	if (!key_is_worn(r))
		result = ktls_record_open(&r->s->layer, in->buf + in->at, len, &type, &content);
	in->at += len;
	if (result < 0) {
		relay_fail(r, (enum ktls_reason)(-result));
		return;
	}
	r->received++;
	take_content(r, type, &content);
	ask_for_key(r);
}

/* ---- sockets --------------------------------------------------------------------------------- */

/* False where the application's socket is full. */
static bool deliver(struct relay *r)
{
	struct relay_in *in = &r->in;
	ssize_t n =
		send(r->application.fd, in->content, in->content_left, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && errno == EINTR)
		return true;
	if (n < 0 && (errno == EAGAIN || errno == ENOBUFS))
		return false;
	if (n < 0) {
		/* The application has closed. What comes now is nobody's. */
		in->discard = true;
		in->content_left = 0;
		return true;
	}
	in->content += n;
	in->content_left -= (size_t)n;
	r->end.received += (uint64_t)n;
	return true;
}

static void peer_closed(struct relay *r)
{
	r->in.peer_over = true;
	if (!r->in.over)
		relay_receive_over(r, KTLS_R_TRUNCATED, KTLS_ALERT_NONE);
}

/* Room behind what is there: a record may not begin at the front. */
static bool make_room(struct relay *r)
{
	struct relay_in *in = &r->in;

	if (!in->buf) {
		in->buf = relay_buffer(r, RELAY_BUFFER);
		in->at = 0;
		in->len = 0;
	} else if (in->at > 0) {
		memmove(in->buf, in->buf + in->at, in->len - in->at);
		in->len -= in->at;
		in->at = 0;
	}
	return in->buf != NULL;
}

/* More bytes of the peer's. False where there are none now. */
static bool fill(struct relay *r)
{
	struct relay_in *in = &r->in;
	ssize_t n;

	if (record_len(in) > RELAY_BUFFER) {
		relay_fail(r, KTLS_R_RECORD_TOO_LONG);
		return false;
	}
	if (!make_room(r)) {
		relay_fail(r, KTLS_R_NO_MEMORY);
		return false;
	}
	n = recv(r->peer.fd, in->buf + in->len, RELAY_BUFFER - in->len, MSG_DONTWAIT);
	if (n > 0)
		in->len += (size_t)n;
	else if (n == 0)
		peer_closed(r);
	else if (errno != EAGAIN && errno != EINTR)
		relay_lost(r, errno);
	return n > 0;
}

/* Records that nobody wants are not opened. */
static bool drain(struct relay *r)
{
	r->in.at = 0;
	r->in.len = 0;
	return fill(r);
}

static bool step(struct relay *r, int *fills)
{
	struct relay_in *in = &r->in;

	if (in->content_left > 0)
		return deliver(r);
	if (!in->discard && !in->over && has_record(in)) {
		open_record(r);
		return true;
	}
	if (in->peer_over || (in->over && !in->discard) || (*fills)++ >= FILLS_MAX)
		return false;
	return in->discard ? drain(r) : fill(r);
}

/* Told when the last of the data is with the application. */
static void shut_application(struct relay *r)
{
	if (!r->in.over || r->in.shut || r->in.content_left > 0)
		return;
	r->in.shut = true;
	shutdown(r->application.fd, SHUT_WR);
}

void relay_receive(struct relay *r)
{
	int fills = 0;

	while (!r->ended && step(r, &fills))
		;
	shut_application(r);
	if (r->in.buf && r->in.at == r->in.len && r->in.content_left == 0)
		relay_buffer_free(r, &r->in.buf, RELAY_BUFFER);
}
