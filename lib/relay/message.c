/* SPDX-License-Identifier: MIT */
/*
 * Handshake messages behind the handshake: NewSessionTicket and KeyUpdate (RFC 9846, 4.7), attempts
 * to renegotiate (RFC 5246, 7.4.1.1). They are spread over records, and records hold several, as
 * the peer likes (5.1).
 */
#include <string.h>

#include "lib/relay/internal.h"
#include "lib/wire/reader.h"

#define HEADER       4
#define REFUSALS_MAX 8 /* of renegotiation, before it counts as an attack */

enum { HELLO_REQUEST = 0, CLIENT_HELLO = 1, NEW_SESSION_TICKET = 4, KEY_UPDATE = 24 };

static size_t body_len(const struct relay_message *m)
{
	return (size_t)m->head[1] << 16 | (size_t)m->head[2] << 8 | m->head[3];
}

static void message_end(struct relay *r)
{
	struct relay_message *m = &r->message;

	if (m->buf)
		relay_buffer_free(r, &m->buf, m->cap);
	*m = (struct relay_message){ 0 };
}

/* ---- KeyUpdate ------------------------------------------------------------------------------- */

static void update_rx(struct relay *r)
{
	int result = ktls_secrets_key_update(&r->s->secrets, KTLS_RX, &r->s->next);

	if (result == 0)
		result = ktls_record_rekey_rx(&r->s->layer, &r->s->next);
	if (result < 0)
		relay_fail(r, KTLS_R_INTERNAL);
	r->received = 0;
	r->wish = WISH_NONE;
	r->end.updates_received++;
}

static void take_update(struct relay *r, size_t behind)
{
	bool request;
	int result = ktls_secrets_parse_key_update(r->message.head, KTLS_KEY_UPDATE_LEN, &request);

	if (result == 0 && behind > 0)
		result = -KTLS_R_MESSAGE_SPANS_KEY_CHANGE;
	if (result == 0)
		result = ktls_secrets_count_key_update(&r->updates, request, r->received,
						       timer_now() / 1000000);
	if (result < 0) {
		relay_fail(r, (enum ktls_reason)(-result));
		return;
	}
	message_end(r);
	update_rx(r);
	r->update_owed = r->update_owed || request;
}

/* ---- others ---------------------------------------------------------------------------------- */

static void refuse_renegotiation(struct relay *r)
{
	if (r->refused++ >= REFUSALS_MAX) {
		relay_fail(r, KTLS_R_RENEGOTIATION_STORM);
		return;
	}
	r->refusals++;
	r->message.left = body_len(&r->message);
	if (r->message.left == 0)
		message_end(r);
}

/* What is not passed on is passed over. */
static void begin_ticket(struct relay *r)
{
	struct relay_message *m = &r->message;
	size_t len = body_len(m);

	if (r->request.ticket && HEADER + len <= TICKET_BYTES)
		m->buf = relay_buffer(r, HEADER + len);
	if (m->buf) {
		memcpy(m->buf, m->head, HEADER);
		m->cap = HEADER + len;
		m->len = HEADER;
	} else {
		m->left = len;
	}
	m->head_len = 0;
}

static bool may_renegotiate(const struct relay *r, uint8_t type)
{
	return r->s->secrets.version == KTLS_TLS_1_2 &&
	       type == (r->s->secrets.role == KTLS_CLIENT ? HELLO_REQUEST : CLIENT_HELLO);
}

/* The header is there: what is it? */
static void begin(struct relay *r)
{
	uint8_t type = r->message.head[0];
	bool is_1_3 = r->s->secrets.version == KTLS_TLS_1_3;

	if (type == KEY_UPDATE && is_1_3) {
		if (body_len(&r->message) != KTLS_KEY_UPDATE_LEN - HEADER)
			relay_fail(r, KTLS_R_MESSAGE_MALFORMED);
	} else if (type == NEW_SESSION_TICKET && is_1_3 && r->s->secrets.role == KTLS_CLIENT) {
		begin_ticket(r);
	} else if (may_renegotiate(r, type)) {
		r->message.head_len = 0;
		refuse_renegotiation(r);
	} else {
		relay_fail(r, KTLS_R_MESSAGE_UNEXPECTED);
	}
}

/* ---- pieces ---------------------------------------------------------------------------------- */

static void take_head(struct relay *r, struct reader *bytes)
{
	struct relay_message *m = &r->message;
	uint8_t byte;

	if (!reader_u8(bytes, &byte))
		return;
	m->head[m->head_len++] = byte;
	if (m->head_len == HEADER)
		begin(r);
	else if (m->head_len == KTLS_KEY_UPDATE_LEN)
		take_update(r, bytes->left);
}

static void pass_over(struct relay *r, struct reader *bytes)
{
	size_t n = bytes->left < r->message.left ? bytes->left : r->message.left;

	if (reader_skip(bytes, n))
		r->message.left -= n;
	if (r->message.left == 0)
		message_end(r);
}

static void take_ticket(struct relay *r, struct reader *bytes)
{
	struct relay_message *m = &r->message;
	size_t n = bytes->left < m->cap - m->len ? bytes->left : m->cap - m->len;

	if (!reader_copy(bytes, m->buf + m->len, n))
		return;
	m->len += n;
	if (m->len < m->cap)
		return;
	r->request.ticket(r->request.arg, m->buf, m->len);
	message_end(r);
}

void relay_messages(struct relay *r, const uint8_t *bytes, size_t len)
{
	struct reader reader;

	reader_init(&reader, bytes, len);
	while (!reader_empty(&reader) && !r->in.over && !r->in.discard) {
		if (r->message.buf)
			take_ticket(r, &reader);
		else if (r->message.left > 0)
			pass_over(r, &reader);
		else
			take_head(r, &reader);
	}
}
