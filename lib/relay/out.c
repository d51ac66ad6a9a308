/* SPDX-License-Identifier: MIT */
/* From the application to the peer. */
#include <errno.h>
#include <string.h>

#include "lib/relay/internal.h"

/* ---- records --------------------------------------------------------------------------------- */

static bool have_buffer(struct relay *r)
{
	if (!r->out.buf)
		r->out.buf = relay_buffer(r, RELAY_BUFFER);
	if (!r->out.buf)
		relay_fail(r, KTLS_R_NO_MEMORY);
	return r->out.buf != NULL;
}

/* Makes the next record to be sent; content may be in its place already. */
static bool put(struct relay *r, enum content_type type, const void *content, size_t len)
{
	struct relay_out *out = &r->out;
	int result =
		ktls_record_seal(&r->s->layer, (uint8_t)type, content, len, out->buf, &out->len);

	if (result < 0) {
		/* Not even an alert can be made any more. */
		relay_note(r, (enum ktls_reason)(-result), KTLS_ALERT_NONE, 0);
		out->over = true;
		return false;
	}
	out->at = 0;
	out->content = type == TYPE_DATA ? len : 0;
	r->records++;
	return true;
}

static bool put_alert(struct relay *r, uint8_t level, uint8_t alert)
{
	uint8_t bytes[2] = { level, alert };

	return have_buffer(r) && put(r, TYPE_ALERT, bytes, sizeof(bytes));
}

/* Our own keys change behind it, at once (RFC 9846, 4.7.3). */
static bool put_update(struct relay *r)
{
	uint8_t message[KTLS_KEY_UPDATE_LEN];
	int result;

	ktls_secrets_build_key_update(r->wish == WISH_NOW, message);
	if (!have_buffer(r) || !put(r, TYPE_HANDSHAKE, message, sizeof(message)))
		return false;
	result = ktls_secrets_key_update(&r->s->secrets, KTLS_TX, &r->s->next);
	if (result == 0)
		result = ktls_record_rekey_tx(&r->s->layer, &r->s->next);
	if (result < 0) {
		relay_fail(r, KTLS_R_INTERNAL);
		return false;
	}
	if (r->wish == WISH_NOW) {
		r->wish = WISH_SENT;
		r->updates.asked++;
	}
	r->update_owed = false;
	r->records = 0;
	r->end.updates_sent++;
	return true;
}

/* ---- sockets --------------------------------------------------------------------------------- */

/* True where nothing waits any more. */
static bool flush(struct relay *r)
{
	struct relay_out *out = &r->out;
	ssize_t n;

	while (out->at < out->len) {
		n = send(r->peer.fd, out->buf + out->at, out->len - out->at,
			 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return false;
		if (n < 0) {
			relay_lost(r, errno);
			return false;
		}
		out->at += (size_t)n;
		out->moved += (size_t)n;
	}
	r->end.sent += out->content;
	out->content = 0;
	return true;
}

static void shut_peer(struct relay *r)
{
	r->out.over = true;
	shutdown(r->peer.fd, SHUT_WR);
}

static bool put_last(struct relay *r)
{
	bool orderly = r->last_alert == KTLS_ALERT_CLOSE_NOTIFY;

	r->out.last = true;
	if (r->last_alert == KTLS_ALERT_NONE)
		return true;
	return put_alert(r, orderly ? 1 : 2, r->last_alert);
}

/* The application's next bytes. False where there are none now. */
static bool take(struct relay *r)
{
	uint8_t *at;
	ssize_t n;

	if (!have_buffer(r))
		return false;
	at = r->out.buf + ktls_record_prefix(&r->s->layer);
	n = recv(r->application.fd, at, r->request.content_max, MSG_DONTWAIT);
	if (n > 0)
		return put(r, TYPE_DATA, at, (size_t)n);
	if (n < 0 && errno == EINTR)
		return true;
	if (n < 0 && errno == EAGAIN)
		return false;
	/* An end of file; or the application has closed without reading what it had. */
	r->out.app_over = true;
	return true;
}

/*
 * TLS 1.2 cannot change its keys: it closes in order before the limit (RFC 9846, 5.5). What the
 * application has written and nobody has taken yet is lost, so it is told why, before it is shut.
 */
static bool key_is_worn(struct relay *r)
{
	if (r->records < r->request.records_max)
		return false;
	if (r->s->secrets.version == KTLS_TLS_1_3) {
		r->update_owed = true;
		return false;
	}
	relay_note(r, KTLS_R_KEY_EXHAUSTED, KTLS_ALERT_NONE, 0);
	relay_name_end(r, KTLS_R_KEY_EXHAUSTED, KTLS_ALERT_NONE);
	relay_stop_application(r);
	return true;
}

static bool put_refusal(struct relay *r)
{
	r->refusals--;
	return put_alert(r, 1, KTLS_ALERT_NO_RENEGOTIATION);
}

static bool step(struct relay *r, int *takes)
{
	if (!flush(r))
		return false;
	if (r->out.last) {
		shut_peer(r);
		return false;
	}
	if (r->refusals > 0)
		return put_refusal(r);
	if (r->out.app_over || key_is_worn(r))
		return put_last(r);
	if (r->update_owed)
		return put_update(r);
	return (*takes)++ < FILLS_MAX && take(r);
}

void relay_send(struct relay *r)
{
	int takes = 0;

	while (!r->ended && !r->out.over && step(r, &takes))
		;
	if (r->out.buf && r->out.at == r->out.len)
		relay_buffer_free(r, &r->out.buf, RELAY_BUFFER);
}
