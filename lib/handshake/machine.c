/* SPDX-License-Identifier: MIT */
#include "lib/handshake/machine.h"

#include "lib/crypto/util.h"
#include "lib/handshake/message_log.h"
#include "lib/handshake/messages.h"
#include "lib/handshake/record.h"
#include "lib/handshake/resume_1_2.h"
#include "lib/handshake/rows.h"
#include "lib/handshake/stash.h"
#include "lib/wire/reason.h"

#define HEADER 4 /* bytes of msg_type and length */

struct machine_row machine_row(enum state state)
{
	const struct row *row = row_of(state);
	struct machine_row out = { .name = row->name, .receives = row->accept[0].recv != NULL };

	out.legacy = row->legacy;
	out.resumed = row->resumed;
	if (out.receives) {
		for (int i = 0; i < 2 && row->accept[i].recv; i++) {
			out.messages[i] = row->accept[i].message;
			out.next[i] = row->accept[i].next;
		}
		if (row->alternative)
			out.next[1] = row->alternative;
	} else {
		out.messages[0] = row->send;
		out.next[0] = row->next;
		out.next[1] = row->alternative;
	}
	return out;
}

/* Where a handler's result leads. */
static enum state way_on(const struct row *row, int result, enum state next)
{
	switch (result) {
	case ALTERNATIVE:
		return row->alternative;
	case LEGACY:
		return row->legacy;
	case RESUMED:
		return row->resumed;
	default:
		return next;
	}
}

/* ---- receiving ------------------------------------------------------------------------------- */

static uint8_t wire_type(enum message message)
{
	return (uint8_t)(message & 0xff);
}

/* Which of the row's messages has this type on the wire: its index, or -1. */
static int accepted(const struct row *row, uint8_t type)
{
	for (int i = 0; i < 2 && row->accept[i].recv; i++)
		if (wire_type(row->accept[i].message) == type)
			return i;
	return -1;
}

/* Refuses a message by its header alone, before any of it is kept. */
static int check_header(const struct row *row, struct reader header, size_t *total)
{
	uint8_t type;
	uint32_t len;
	int i;

	if (!reader_u8(&header, &type) || !reader_u24(&header, &len))
		return -KTLS_R_INTERNAL;
	i = accepted(row, type);
	if (i < 0)
		return -KTLS_R_MESSAGE_UNEXPECTED;
	if (len > row->accept[i].max)
		return -KTLS_R_MESSAGE_TOO_LONG;
	*total = HEADER + (size_t)len;
	return 0;
}

/* The next len bytes, from further records where need be: 0, STARVED, or a negative reason. */
static int peek(struct engine *e, size_t len, struct reader *out)
{
	int result;

	for (;;) {
		result = stash_peek(e, len, out);
		if (result != 0)
			return result < 0 ? result : 0;
		result = stash_keep(e, len);
		if (result < 0)
			return result;
		result = record_recv(e, &e->content);
		if (result <= 0)
			return result < 0 ? result : STARVED;
	}
}

/* The next header that is of a message to be dealt with. */
static int peek_header(struct engine *e, struct reader *header)
{
	int result;

	for (;;) {
		result = peek(e, HEADER, header);
		if (result != 0 || !record_is_hello_request(e, header))
			return result;
		record_watch_message(e, false, header->at, header->left);
		stash_drop(e, HEADER);
	}
}

/* The message at the cursor as a whole: 0, STARVED, or a negative reason. */
static int take_message(struct engine *e, const struct row *row, struct reader *message)
{
	size_t total;
	int result;

	result = peek_header(e, message);
	if (result == 0) {
		result = check_header(row, *message, &total);
		if (result < 0)
			record_watch_message(e, false, message->at, message->left);
	}
	if (result == 0)
		result = peek(e, total, message);
	if (result == 0)
		record_watch_message(e, false, message->at, message->left);
	return result;
}

/* What CertificateVerify and Finished are about. */
static int count(struct engine *e, const uint8_t *message, size_t len)
{
	transcript_add(&e->transcript, message, len);
	return message_log_add(e, message, len);
}

static int dispatch(struct engine *e, const struct row *row, struct reader message)
{
	struct reader body = message;
	uint8_t type;
	int i, result, counted;

	if (!reader_u8(&body, &type) || !reader_skip(&body, HEADER - 1))
		return -KTLS_R_INTERNAL;
	i = accepted(row, type);
	if (type == MESSAGE_SERVER_HELLO && hello_is_retry(body))
		i = 1;
	result = row->accept[i].recv(e, &body);
	if (result < 0)
		return result;
	if (!reader_empty(&body))
		return -KTLS_R_MESSAGE_MALFORMED;
	counted = count(e, message.at, message.left);
	if (counted < 0)
		return counted;
	e->state = way_on(row, result, row->accept[i].next);
	return result;
}

static int recv_message(struct engine *e, const struct row *row)
{
	struct reader message;
	int result = take_message(e, row, &message);
	bool boundary;

	if (result != 0)
		return result;
	result = dispatch(e, row, message);
	boundary = row->boundary;
	/* In TLS 1.2 the rest of the server's flight may be in the record of its hello. */
	if (result == LEGACY && !engine_is_server(e))
		boundary = false;
	if (boundary && result >= 0 && stash_left(e) > message.left)
		return -KTLS_R_MESSAGE_SPANS_KEY_CHANGE;
	if (result >= 0)
		stash_drop(e, message.left);
	return result;
}

/* TLS 1.2: the keys change behind it. */
static int recv_ccs(struct engine *e, const struct row *row)
{
	int result;

	if (stash_left(e) > 0)
		return -KTLS_R_MESSAGE_SPANS_KEY_CHANGE;
	result = record_recv_ccs(e);
	if (result <= 0)
		return result < 0 ? result : STARVED;
	result = row->act(e);
	if (result == 0)
		e->state = row->next;
	return result;
}

/* ---- sending --------------------------------------------------------------------------------- */

static int send_message(struct engine *e, const struct row *row)
{
	struct writer_vec body;
	struct writer *w;
	size_t start;
	int result = 0, counted;

	if (row->ccs == CCS_BEFORE)
		result = record_send_ccs(e);
	if (result < 0)
		return result;
	w = record_writer(e);
	start = w->len;
	writer_u8(w, wire_type(row->send));
	body = writer_open(w, 3);
	result = row->build(e, w);
	writer_close(w, body);
	if (result >= 0 && !writer_ok(w))
		result = -KTLS_R_INTERNAL;
	if (result < 0) {
		record_unwrite(e, start);
		return result;
	}
	counted = count(e, w->buf + start, w->len - start);
	if (counted < 0)
		return counted;
	record_watch_message(e, true, w->buf + start, w->len - start);
	e->state = way_on(row, result, row->next);
	return row->ccs == CCS_AFTER && e->session_id_len > 0 ? record_send_ccs(e) : 0;
}

static int act(struct engine *e, const struct row *row)
{
	int result = row->act(e);

	if (result >= 0)
		e->state = way_on(row, result, row->next);
	return result;
}

/* ---- the driver ------------------------------------------------------------------------------ */

void machine_fail(struct engine *e, int reason)
{
	const struct reason *row = reason_find(reason);

	if (record_flush(e) < 0)
		e->flight.open = false;
	e->facts.reason = row->number;
	e->state = STATE_FAILED;
	/* What an operation under way may write to lasts until the context is wiped. */
	if (!e->waiting) {
		resume_1_2_release(e);
		tickets_release(e);
	}
	e->waiting = false;
	if (row->alert != KTLS_ALERT_NONE) {
		e->facts.alert = (uint8_t)row->alert;
		record_send_alert(e, (uint8_t)row->alert);
	}
	secret_wipe(&e->schedule, sizeof(e->schedule));
	stash_release(e);
}

int machine_step(struct engine *e)
{
	const struct row *row = row_of(e->state);
	int result;

	if (row->ccs_in)
		result = recv_ccs(e, row);
	else if (row->build)
		result = send_message(e, row);
	else if (row->act)
		result = act(e, row);
	else
		result = recv_message(e, row);
	return result == PENDING || result == STARVED || result < 0 ? result : 0;
}

static enum ktls_engine_state outcome(const struct engine *e)
{
	if (e->state == STATE_DONE)
		return KTLS_ENGINE_DONE;
	if (e->state == STATE_FAILED)
		return KTLS_ENGINE_FAILED;
	return e->waiting ? KTLS_ENGINE_WAIT : KTLS_ENGINE_READ;
}

enum ktls_engine_state machine_run(struct engine *e)
{
	int result = 0;

	while (result == 0 && !e->waiting && e->state != STATE_DONE && e->state != STATE_FAILED) {
		result = machine_step(e);
		if (result == PENDING)
			e->waiting = true;
	}
	if (result >= 0)
		result = record_flush(e);
	if (result >= 0)
		result = stash_keep(e, 0);
	if (result < 0)
		machine_fail(e, -result);
	return outcome(e);
}
