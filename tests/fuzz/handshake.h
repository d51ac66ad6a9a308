/* SPDX-License-Identifier: MIT */
/*
 * Whole handshakes between two engines, one of which, the puppet, sends what the fuzzer makes of
 * its messages: edited in the clear, then protected under the right keys, and its transcript is
 * that of what it sent. So the other one's Finished is right, or wrong, for the right reasons, and
 * the fuzzer gets past each message to the next. Key exchange, signatures and tickets are
 * make-believe and quick; hashes and record protection are real.
 *
 * Input, unless a target says otherwise: u8 bytes that the engine gets at a time (0: all), u8
 * options, u8 suite and more options, edits (mutate.h).
 *
 * What must hold: the engine ends or waits; a failure has a reason of the table, its alert, and
 * nothing borrowed; where both sides are done they have the same keys; nothing stays in a context
 * that is wiped; and without edits the handshake succeeds.
 */
#ifndef KTLS_FUZZ_HANDSHAKE_H
#define KTLS_FUZZ_HANDSHAKE_H

#include <stdlib.h>

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
#include "lib/wire/reason.h"
#include "tests/fuzz/mutate.h"
#include "tests/fuzz/pretend.h"

enum {
	OPTION_ASK = 1,      /* the server asks for a certificate */
	OPTION_REQUIRE = 2,  /* and insists */
	OPTION_NO_CERT = 4,  /* the client has none */
	OPTION_P256 = 8,     /* the server knows that group only: a retry in TLS 1.3 */
	OPTION_SHARED = 16,  /* the puppet's messages share records */
	OPTION_RESUME = 32,  /* the client has a session */
	OPTION_TICKETS = 64, /* the server gives tickets */
	OPTION_BOTH = 128,   /* the client knows both versions */
};

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

/* ---- the engine under test ------------------------------------------------------------------- */

static void check_failure(const struct pretend *self, const struct ktls_engine_io *io)
{
	const struct ktls_engine_facts *facts = ktls_engine_facts(&self->engine);
	const struct reason *row = reason_find((int)facts->reason);

	FUZZ_CHECK(row->number == facts->reason && facts->reason != KTLS_R_INTERNAL &&
		   facts->reason != KTLS_R_MISUSE);
	if (row->alert != KTLS_ALERT_NONE)
		FUZZ_CHECK(facts->alert == row->alert && io->out_len >= 7);
	FUZZ_CHECK(self->borrowed == 0);
}

/* One call; true if it moved. */
static bool engine_call(struct pretend *self, struct pretend *peer, size_t give)
{
	uint8_t *exact = malloc(give ? give : 1);
	struct ktls_engine_io io = {
		.in = exact, .in_len = give, .out = self->out, .out_cap = sizeof(self->out)
	};
	enum ktls_engine_state before = self->state;

	FUZZ_CHECK(exact != NULL);
	memcpy(exact, self->in, give);
	self->state = ktls_engine_run(&self->engine, &io);
	free(exact);
	FUZZ_CHECK(io.consumed <= give && io.out_len <= io.out_cap);
	if (self->state == KTLS_ENGINE_FAILED && before != KTLS_ENGINE_FAILED)
		check_failure(self, &io);
	if (self->state == KTLS_ENGINE_READ)
		FUZZ_CHECK(io.need >= 5 && io.need <= KTLS_ENGINE_RECORD_MAX &&
			   io.need > give - io.consumed);
	FUZZ_CHECK((self->state == KTLS_ENGINE_FAILED) ==
		   (ktls_engine_facts(&self->engine)->reason != KTLS_OK));
	pretend_queue(peer, self->out, io.out_len);
	pretend_consume(self, io.consumed);
	return io.consumed > 0 || io.out_len > 0 || self->state != before;
}

/* chunk: bytes that it sees more of at each call. */
static bool engine_all(struct pretend *self, struct pretend *peer, size_t chunk)
{
	size_t give = chunk && chunk < self->in_len ? chunk : self->in_len;
	bool moved = false;

	for (;;) {
		const bool now = engine_call(self, peer, give);

		moved = moved || now;
		if (self->state != KTLS_ENGINE_READ || (!now && give == self->in_len))
			return moved;
		give = now ? chunk : give + chunk;
		if (chunk == 0 || give > self->in_len)
			give = self->in_len;
	}
}

static void check_same_keys(const struct pretend *a, const struct pretend *b)
{
	struct ktls_traffic_key tx[2], rx[2];

	FUZZ_CHECK(ktls_engine_keys(&a->engine, &tx[0], &rx[0]) == 0);
	FUZZ_CHECK(ktls_engine_keys(&b->engine, &tx[1], &rx[1]) == 0);
	for (size_t i = 0; i < 2; i++) {
		FUZZ_CHECK(tx[i].suite == rx[1 - i].suite && tx[i].version == rx[1 - i].version);
		FUZZ_CHECK(memcmp(tx[i].key, rx[1 - i].key, sizeof(tx[i].key)) == 0);
		FUZZ_CHECK(memcmp(tx[i].iv, rx[1 - i].iv, sizeof(tx[i].iv)) == 0);
	}
}

/* ---- a handshake ----------------------------------------------------------------------------- */

/* True where both are done. */
static bool fuzz_run(struct puppet *p, size_t chunk)
{
	struct pretend *victim = p->peer, *self = p->self;
	bool moved = true;

	for (int round = 0; moved && round < 32; round++) {
		moved = puppet_run(p);
		moved = engine_all(victim, self, chunk) || moved;
	}
	return victim->state == KTLS_ENGINE_DONE && engine_of(&self->engine)->state == STATE_DONE;
}

static void fuzz_set_options(struct pretend *client, struct pretend *server, uint16_t version,
			     uint8_t options, uint8_t suite)
{
	static const uint16_t p256 = KTLS_GROUP_SECP256R1;

	pretend_config(client, KTLS_CLIENT, version);
	pretend_config(server, KTLS_SERVER, version);
	if (options & OPTION_ASK)
		server->config.client_auth = options & OPTION_REQUIRE
						     ? KTLS_ENGINE_REQUIRE_CLIENT_AUTH
						     : KTLS_ENGINE_REQUEST_CLIENT_AUTH;
	if (options & OPTION_NO_CERT)
		client->ops.choose = NULL;
	if (options & OPTION_P256) {
		server->config.groups = &p256;
		server->config.groups_len = 1;
	}
	if (options & OPTION_TICKETS)
		server->config.tickets = version == KTLS_TLS_1_3 ? 2 : 1;
	if (options & OPTION_BOTH) {
		client->config.version_min = KTLS_TLS_1_2;
		client->config.version_max = KTLS_TLS_1_3;
	}
	client->config.psk_ke = suite & 0x40;
	server->config.psk_ke = suite & 0x40;
	client->config.grease = suite & 0x80;
	pretend_set_suites(client, server, version, suite & 0x0f);
}

/* A session that the client has from an earlier handshake of these options. */
static void fuzz_earlier(struct pretend *client, uint16_t version, uint8_t options, uint8_t suite)
{
	static struct pretend first, other;
	const struct edits none = { .n = 0 };
	static struct puppet p;

	memset(&p, 0, sizeof(p));
	p.self = &other;
	p.peer = &first;
	p.edits = &none;
	fuzz_set_options(&first, &other, version, options | OPTION_TICKETS, suite);
	pretend_start(&first);
	pretend_start(&other);
	fuzz_run(&p, 0);
	pretend_take_session(&first);
	pretend_end(&first);
	pretend_end(&other);
	FUZZ_CHECK(first.session_len > 0);
	memcpy(client->earlier, first.session, first.session_len);
	client->config.session = (struct ktls_span){ client->earlier, first.session_len };
}

/* Whether a handshake of these options succeeds if nobody meddles with it. */
static bool fuzz_is_sane(uint8_t options)
{
	return !(options & OPTION_ASK && options & OPTION_REQUIRE && options & OPTION_NO_CERT);
}

/* How the handshake goes, but for the edits. */
struct fuzz_course {
	enum ktls_role role; /* of the engine under test */
	uint16_t version;
	uint8_t chunk, options, suite;
};

static inline void fuzz_edited(const struct fuzz_course *c, const struct edits *edits)
{
	static struct pretend client, server;
	static struct puppet puppet;

	memset(&puppet, 0, sizeof(puppet));
	puppet.self = c->role == KTLS_CLIENT ? &server : &client;
	puppet.peer = c->role == KTLS_CLIENT ? &client : &server;
	puppet.edits = edits;
	puppet.shared = c->options & OPTION_SHARED;
	puppet.bind = c->suite & 0x20;
	fuzz_set_options(&client, &server, c->version, c->options, c->suite);
	if (c->options & OPTION_RESUME)
		fuzz_earlier(&client, c->version, c->options & (OPTION_P256 | OPTION_BOTH),
			     c->suite);
	pretend_start(&client);
	pretend_start(&server);
	if (fuzz_run(&puppet, c->chunk)) {
		check_same_keys(&client, &server);
		pretend_take_session(&client);
	} else {
		FUZZ_CHECK(edits->n > 0 || !fuzz_is_sane(c->options));
	}
	pretend_end(&client);
	pretend_end(&server);
}

static inline int fuzz_handshake(const uint8_t *data, size_t size, enum ktls_role role,
				 uint16_t version)
{
	struct fuzz_course course = { .role = role, .version = version };
	struct edits edits;
	struct reader r;

	reader_init(&r, data, size);
	if (!reader_u8(&r, &course.chunk) || !reader_u8(&r, &course.options) ||
	    !reader_u8(&r, &course.suite))
		return 0;
	edits_read(&r, &edits);
	fuzz_edited(&course, &edits);
	return 0;
}

/*
 * One edit of one message. Input: u8 role and version (the two lowest bits), u8 options, u8 suite,
 * u8 number of the message, then what the kind of edit needs.
 */
static inline bool fuzz_read_course(struct reader *r, struct fuzz_course *course, struct edit *edit)
{
	uint8_t which;

	*course = (struct fuzz_course){ .chunk = 0 };
	*edit = (struct edit){ .kind = EDIT_BODY };
	if (!reader_u8(r, &which) || !reader_u8(r, &course->options) ||
	    !reader_u8(r, &course->suite) || !reader_u8(r, &edit->number))
		return false;
	course->role = which & 1 ? KTLS_SERVER : KTLS_CLIENT;
	course->version = which & 2 ? KTLS_TLS_1_2 : KTLS_TLS_1_3;
	return true;
}

#endif
