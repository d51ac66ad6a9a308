/* SPDX-License-Identifier: MIT */
/*
 * A side of a handshake that sends what the fuzzer makes of its messages: an engine driven row by
 * row, whose messages are taken from it, edited, added to its transcript and protected here.
 */
#ifndef KTLS_FUZZ_PUPPET_H
#define KTLS_FUZZ_PUPPET_H

#include "lib/crypto/util.h"
#include "lib/handshake/keys.h"
#include "lib/handshake/machine.h"
#include "lib/handshake/message_log.h"
#include "lib/handshake/messages.h"
#include "lib/handshake/protect.h"
#include "lib/handshake/psk.h"
#include "lib/handshake/record.h"
#include "lib/handshake/rows.h"
#include "lib/handshake/stash.h"
#include "tests/fuzz/mutate.h"
#include "tests/fuzz/pretend.h"

/* The side that sends what the fuzzer wants. */
struct puppet {
	struct pretend *self, *peer;
	const struct edits *edits;
	unsigned int number; /* of the next message */
	bool shared;
	bool bind;                       /* the binder of an edited ClientHello is made anew */
	bool hello;                      /* the message at hand is one */
	uint8_t waiting[2 * EDITED_MAX]; /* handshake bytes for the next record */
	size_t waiting_len;
	struct edited held; /* until the next message is sent; none: empty */
};

/* ---- what the puppet sends ------------------------------------------------------------------- */

static void puppet_record(struct puppet *p, uint8_t type, const uint8_t *bytes, size_t len,
			  bool plain)
{
	static uint8_t record[PROTECT_HEADER + 8 + 16384 + 1 + AEAD_TAG];
	struct engine *e = engine_of(&p->self->engine);
	struct traffic off = { .on = false }, *tx = plain ? &off : &e->schedule.tx;

	if (len > 0)
		memcpy(record + PROTECT_HEADER + protect_prefix(&e->schedule, tx), bytes, len);
	len = protect_seal(&e->schedule, tx, type, 0x0303, record, len, tx->seq);
	tx->seq++;
	pretend_queue(p->peer, record, len);
}

static void puppet_flush(struct puppet *p)
{
	size_t at = 0, n;

	for (; at < p->waiting_len; at += n) {
		n = p->waiting_len - at < 16384 ? p->waiting_len - at : 16384;
		puppet_record(p, 22, p->waiting + at, n, false);
	}
	p->waiting_len = 0;
}

static void puppet_bytes(struct puppet *p, const uint8_t *bytes, size_t len)
{
	if (len > sizeof(p->waiting) - p->waiting_len)
		puppet_flush(p);
	memcpy(p->waiting + p->waiting_len, bytes, len);
	p->waiting_len += len;
}

/* cut: where a record ends within it; 0: nowhere. */
static void puppet_message(struct puppet *p, const struct edited *m, size_t cut)
{
	struct engine *e = engine_of(&p->self->engine);

	transcript_add(&e->transcript, m->bytes, m->len);
	if (message_log_add(e, m->bytes, m->len) < 0)
		message_log_close(e);
	puppet_bytes(p, m->bytes, cut);
	if (cut > 0)
		puppet_flush(p);
	puppet_bytes(p, m->bytes + cut, m->len - cut);
	if (!p->shared)
		puppet_flush(p);
}

static void puppet_extra(struct puppet *p, const struct edit *edit)
{
	struct edited m;

	if (edit->kind == EDIT_MESSAGE) {
		edited_set(&m, (uint8_t)edit->where, edit->what, edit->len);
		puppet_message(p, &m, 0);
		return;
	}
	puppet_flush(p);
	if (edit->kind == EDIT_RAW)
		pretend_queue(p->peer, edit->what, edit->len);
	else
		puppet_record(p, (uint8_t)edit->where, edit->what, edit->len,
			      edit->kind == EDIT_PLAIN);
}

/* How a message is sent. */
struct manner {
	size_t times, cut;
	bool later;
};

static struct manner puppet_edit(struct puppet *p, struct edited *m)
{
	struct manner manner = { .times = 1 };

	for (size_t i = 0; i < p->edits->n; i++) {
		const struct edit *edit = &p->edits->list[i];

		if (edit->number != p->number)
			continue;
		if (edit->kind >= EDIT_RECORD)
			puppet_extra(p, edit);
		else if (edit->kind == EDIT_DROP)
			manner.times = 0;
		else if (edit->kind == EDIT_TWICE)
			manner.times++;
		else if (edit->kind == EDIT_LATER)
			manner.later = true;
		else if (edit->kind == EDIT_CUT)
			manner.cut = edit->where;
		else if (m->len > 0)
			edit_message(m, edit);
	}
	p->number++;
	return manner;
}

/* Where the hello still ends with pre_shared_key as we build it: 2 bytes of length, 1 of length. */
static void puppet_bind(struct puppet *p, struct edited *m)
{
	const struct engine *e = engine_of(&p->self->engine);
	struct writer w;

	if (m->len < 4 + 34 + HASH_MAX + 3)
		return;
	writer_init(&w, m->bytes, sizeof(m->bytes));
	w.len = m->len;
	psk_bind(e, &w, 4);
}

static void puppet_send(struct puppet *p, struct edited *m)
{
	static struct edited before;
	struct manner manner = puppet_edit(p, m);

	if (p->hello && p->bind)
		puppet_bind(p, m);
	p->hello = false;
	before = p->held;
	p->held.len = 0;
	if (manner.later)
		p->held = *m;
	for (size_t i = 0; !manner.later && i < manner.times; i++)
		puppet_message(p, m, m->len > 0 ? manner.cut % m->len : 0);
	if (before.len > 0)
		puppet_message(p, &before, 0);
}

static void puppet_send_ccs(struct puppet *p)
{
	struct edited m = { .bytes = { 1 }, .len = 1 };
	struct manner manner = puppet_edit(p, &m);

	puppet_flush(p);
	for (size_t i = 0; i < manner.times; i++)
		puppet_record(p, 20, m.bytes, m.len, false);
}

/* ---- the puppet's engine, row by row --------------------------------------------------------- */

static int puppet_build(struct puppet *p, struct engine *e, const struct row *row)
{
	static struct edited m;
	struct writer_vec body;
	struct writer w;
	int result;

	writer_init(&w, m.bytes, sizeof(m.bytes));
	writer_u8(&w, (uint8_t)(row->send & 0xff));
	body = writer_open(&w, 3);
	result = row->build(e, &w);
	writer_close(&w, body);
	if (result < 0)
		return result;
	FUZZ_CHECK(writer_ok(&w));
	m.len = w.len;
	p->hello = row->send == MESSAGE_CLIENT_HELLO;
	e->state = result == ALTERNATIVE ? row->alternative
		   : result == RESUMED   ? row->resumed
					 : row->next;
	puppet_send(p, &m);
	return 0;
}

/* NewSessionTickets are written as a whole, and are outside the transcript. */
static int puppet_tickets(struct puppet *p, struct engine *e)
{
	struct transcript transcript = e->transcript;
	static struct edited m;
	struct reader r, body;
	int result = machine_step(e);
	uint8_t type;

	reader_init(&r, e->flight.w.buf, e->flight.open ? e->flight.w.len : 0);
	while (reader_u8(&r, &type) && reader_vec24(&r, &body)) {
		edited_set(&m, type, body.at, body.left);
		puppet_send(p, &m);
	}
	puppet_flush(p);
	e->flight.open = false;
	e->transcript = transcript;
	return result;
}

static int puppet_step(struct puppet *p, struct engine *e)
{
	const struct row *row = row_of(e->state);

	if (row->build)
		return puppet_build(p, e, row);
	puppet_flush(p);
	if (row->act == keys_1_2_switch_tx)
		puppet_send_ccs(p);
	if (row->act == tickets_send)
		return puppet_tickets(p, e);
	return machine_step(e);
}

/* True if it moved. */
static bool puppet_run(struct puppet *p)
{
	struct pretend *self = p->self;
	struct engine *e = engine_of(&self->engine);
	struct ktls_engine_io io = { .in = self->in,
				     .in_len = self->in_len,
				     .out = self->out,
				     .out_cap = sizeof(self->out) };
	enum state before = e->state;
	int result = 0;

	e->io = &io;
	e->flight.open = false;
	e->ccs_sent = true; /* we send them, or not */
	reader_init(&e->content, NULL, 0);
	while (result == 0 && e->state != STATE_DONE && e->state != STATE_FAILED)
		result = puppet_step(p, e);
	puppet_flush(p);
	if (result >= 0)
		result = stash_keep(e, 0);
	if (result < 0)
		machine_fail(e, -result);
	pretend_queue(p->peer, self->out, io.out_len);
	pretend_consume(self, io.consumed);
	e->io = NULL;
	return io.consumed > 0 || e->state != before;
}

#endif
