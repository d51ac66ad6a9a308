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

#include "lib/wire/reason.h"
#include "tests/fuzz/puppet.h"

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
