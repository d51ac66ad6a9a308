/* SPDX-License-Identifier: MIT */
/* The handshake of "ktlsctl explain": drives the engine, and writes down what it tells. */
#include <string.h>
#include <time.h>

#include "daemon/explain.h"

#include "lib/handshake/suite.h"

enum { CHANGE_CIPHER_SPEC = 20, ALERT = 21, HANDSHAKE = 22, APPLICATION_DATA = 23 };

#define RECORD_HEADER 5

/* ---- records --------------------------------------------------------------------------------- */

void explain_note_record(struct explain *x, bool sent, const uint8_t *record, size_t len)
{
	struct record_seen *seen = trace_alloc(&x->trace, sizeof(*seen));
	struct reader r;

	for (const struct record_seen *s = x->trace.records; s; s = s->next)
		seen->number += s->sent == sent;
	seen->number++;
	seen->sent = sent;
	seen->len = len;
	seen->at = explain_elapsed(x);
	reader_init(&r, record, len);
	if (!reader_u8(&r, &seen->type) || !reader_u16(&r, &seen->version))
		seen->type = 0;
	if (x->trace.last_record)
		x->trace.last_record->next = seen;
	else
		x->trace.records = seen;
	x->trace.last_record = seen;
}

/* Bytes of content in a record of ours, which has no padding. */
static size_t content_len(const struct record_seen *seen, const struct step *step, uint16_t suite)
{
	const struct suite *row = suite_find(suite);
	size_t len = seen->len - RECORD_HEADER, overhead = 0;

	if (step->encrypted && row && row->version == KTLS_TLS_1_3)
		overhead = 1 + AEAD_TAG;
	else if (step->encrypted && row && row->aead == AEAD_CHACHA20_POLY1305)
		overhead = AEAD_TAG;
	else if (step->encrypted)
		overhead = 8 + AEAD_TAG;
	return len > overhead ? len - overhead : 0;
}

/* The next step of ours that goes into a record. */
static struct step *next_sent(struct step *step)
{
	while (step && !(step->sent && step->kind != STEP_KEYS && step->kind != STEP_DONE))
		step = step->next;
	return step;
}

/* What was sent went into these records, one after the other. */
void explain_assign_records(struct explain *x, struct step *first, const struct record_seen *from)
{
	struct step *step = next_sent(first);
	size_t left = step ? step->len : 0, room, part;

	for (const struct record_seen *r = from; r && step; r = r->next) {
		if (!r->sent)
			continue;
		room = content_len(r, step, x->decoder.suite);
		for (bool begun = false; step && room > 0; begun = true) {
			part = left < room ? left : room;
			room -= part;
			left -= part;
			if (!step->first_record) {
				step->first_record = r;
				step->shares_record = begun;
			}
			step->last_record = r;
			if (left > 0)
				break;
			step = next_sent(step->next);
			left = step ? step->len : 0;
		}
	}
}

/* A call's output: the records in it, and which step went into which. */
static void note_output(struct explain *x, const uint8_t *out, size_t len, struct step *before)
{
	struct record_seen *last = x->trace.last_record;
	struct reader r, body;
	const uint8_t *at;
	uint32_t skipped;

	reader_init(&r, out, len);
	for (;;) {
		at = r.at;
		if (!reader_u24(&r, &skipped) || !reader_vec16(&r, &body))
			break;
		explain_note_record(x, true, at, RECORD_HEADER + body.left);
	}
	explain_assign_records(x, before ? before->next : x->trace.steps,
			       last ? last->next : x->trace.records);
}

/* ---- what the engine tells ------------------------------------------------------------------- */

/* The message told of last was good: say so, and which keys it led to. */
static void settle(struct explain *x)
{
	struct step *step = x->unsettled;

	x->unsettled = NULL;
	if (!step || step->kind != STEP_MESSAGE)
		return;
	if (!step->sent && step->message == FINISHED)
		field_add(&x->trace, &step->fields, "verified",
			  "yes: the peer saw the same messages and has the same keys");
	if (!step->sent && step->message == CERTIFICATE_VERIFY)
		field_add(&x->trace, &step->fields, "verified", "yes, with the key of the leaf");
	if (!step->sent && step->message == SERVER_KEY_EXCHANGE)
		field_add(&x->trace, &step->fields, "verified", "yes, with the key of the leaf");
	explain_keys(x, step);
}

static void place_in_record(struct explain *x, struct step *step)
{
	step->shares_record = x->told;
	step->first_record = x->began_in ? x->began_in : x->record;
	step->last_record = x->record;
	x->began_in = NULL;
	x->told = true;
}

/* In TLS 1.3 a Finished is the last message under its sender's handshake keys. */
static void note_keys_in_use(struct explain *x, struct step *step)
{
	bool *finished = step->sent ? &x->finished_by_us : &x->finished_by_peer;

	step->application = step->encrypted && x->decoder.version == KTLS_TLS_1_3 && *finished;
	if (step->kind == STEP_MESSAGE && step->message == FINISHED)
		*finished = true;
}

static void remember_hello(struct explain *x, const struct step *step)
{
	const struct suite *suite = suite_find(x->decoder.suite);

	if (step->kind != STEP_MESSAGE)
		return;
	if (step->message == CLIENT_HELLO)
		x->client_hello = step;
	if (step->message == CERTIFICATE_REQUEST && x->options->role == KTLS_CLIENT)
		x->asked = true;
	if (step->message != SERVER_HELLO || step->retry)
		return;
	x->server_hello = step;
	x->decoder.rsa_key_exchange =
		x->decoder.version == KTLS_TLS_1_2 && suite &&
		strstr(name_text(&x->trace, NAMES_SUITE, x->decoder.suite), "TLS_RSA_") != NULL;
}

static void watch(void *arg, const struct ktls_engine_event *event)
{
	struct explain *x = arg;
	bool over = event->sent && event->content_type == ALERT;
	struct step *step;

	if (!over)
		settle(x);
	x->unsettled = NULL;
	step = trace_step(&x->trace,
			  event->content_type == ALERT                ? STEP_ALERT
			  : event->content_type == CHANGE_CIPHER_SPEC ? STEP_CCS
								      : STEP_MESSAGE,
			  event->sent || !x->record ? explain_elapsed(x) : x->record->at);
	step->sent = event->sent;
	step->encrypted = event->encrypted;
	step->bytes = trace_copy(&x->trace, event->bytes, event->len);
	step->len = event->len;
	decode_step(&x->decoder, step);
	note_keys_in_use(x, step);
	remember_hello(x, step);
	if (!event->sent)
		place_in_record(x, step);
	x->unsettled = step;
}

/* ---- secrets --------------------------------------------------------------------------------- */

static void put_hex(FILE *out, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		fprintf(out, "%02x", bytes[i]);
}

/* Of a secret, the moment is of interest; the file is as RFC 9850 has it. */
static void log_secret(void *arg, const char *label, const uint8_t client_random[32],
		       const uint8_t *secret, size_t secret_len)
{
	struct explain *x = arg;

	x->derived = explain_elapsed(x);
	if (!x->keylog)
		return;
	fprintf(x->keylog, "%s ", label);
	put_hex(x->keylog, client_random, 32);
	fputc(' ', x->keylog);
	put_hex(x->keylog, secret, secret_len);
	fputc('\n', x->keylog);
	fflush(x->keylog);
}

static uint64_t now(void *arg)
{
	struct timespec t;

	(void)arg;
	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void keep_session(void *arg, const uint8_t *session, size_t session_len)
{
	struct explain *x = arg;

	memcpy(x->session->bytes, session, session_len);
	x->session->len = session_len;
}

/* ---- driving --------------------------------------------------------------------------------- */

/* Fills in what is 0 with all that the engine has. */
static void configure(struct explain *x)
{
	const struct explain_options *o = x->options;

	x->ops = ktls_engine_default_ops;
	x->ops.watch = watch;
	x->ops.log_secret = log_secret;
	x->ops.now = now;
	if (o->resume)
		x->ops.keep_session = keep_session;
	explain_auth_ops(x);
	x->config = (struct ktls_engine_config){
		.role = o->role,
		.ops = &x->ops,
		.version_min = o->version_min,
		.version_max = o->version_max,
		.suites = o->suites_len ? o->suites : suites_all,
		.suites_len = o->suites_len ? o->suites_len : SUITES_ALL,
		.groups = o->groups_len ? o->groups : groups_all,
		.groups_len = o->groups_len ? o->groups_len : GROUPS_MAX,
		.alpn = o->alpn_len ? o->alpn : NULL,
		.alpn_len = o->alpn_len,
		.client_auth = o->client_auth,
		.session = { x->session->bytes, x->session->len },
		.grease = o->grease,
		/* Who looks wants to see; the verdict says what is missing. */
		.plain_master_secret = true,
	};
	/* No address is sent as a server's name (RFC 6066, 3). */
	if (o->role == KTLS_CLIENT && *o->name && !strchr(o->name, ':') &&
	    strspn(o->name, "0123456789.") != strlen(o->name))
		x->config.server_name = o->name;
}

/* One call of the engine; its output is sent. False where the peer cannot be reached any more. */
static bool run_engine(struct explain *x, struct ktls_engine_io *io, enum ktls_engine_state *state)
{
	struct step *before = x->trace.last;
	uint64_t began = explain_now();

	x->told = false;
	*state = ktls_engine_run(&x->engine, io);
	x->trace.computed += explain_now() - began;
	note_output(x, io->out, io->out_len, before);
	if (*state != KTLS_ENGINE_FAILED)
		settle(x);
	if (*state == KTLS_ENGINE_DONE)
		x->trace.finished = explain_elapsed(x);
	if (x->record && !x->told && x->record->type != CHANGE_CIPHER_SPEC && io->consumed > 0 &&
	    !x->began_in)
		x->began_in = x->record;
	if (*state == KTLS_ENGINE_FAILED)
		x->outcome = OUTCOME_ENGINE;
	return explain_send(x, io->out, io->out_len) || *state == KTLS_ENGINE_FAILED;
}

/* For a peer that speaks something else: what it says. */
static void note_first_bytes(struct explain *x, const uint8_t *bytes, size_t len)
{
	struct reader r, line;
	uint8_t more[64];

	memcpy(more, bytes, len);
	while (len < sizeof(more) && explain_recv(x, more + len, 1))
		if (more[len++] == '\n')
			break;
	reader_init(&r, more, len);
	if (reader_bytes(&r, len, &line))
		x->first_bytes = trace_escape(&x->trace, line);
}

/* Until the engine has what it needs: a record's header, then the record. */
static bool read_on(struct explain *x, uint8_t *in, size_t *in_len, size_t need)
{
	if (!explain_recv(x, in + *in_len, need - *in_len))
		return false;
	*in_len = need;
	if (need > RECORD_HEADER) {
		explain_note_record(x, false, in, need);
		x->record = x->trace.last_record;
	}
	return true;
}

static enum ktls_engine_state shake_hands(struct explain *x)
{
	static uint8_t in[KTLS_ENGINE_RECORD_MAX], out[KTLS_ENGINE_OUT_MIN];
	enum ktls_engine_state state = KTLS_ENGINE_READ;
	size_t in_len = 0;

	for (;;) {
		struct ktls_engine_io io = {
			.in = in, .in_len = in_len, .out = out, .out_cap = sizeof(out)
		};

		if (!run_engine(x, &io, &state))
			return state;
		if (state != KTLS_ENGINE_READ)
			break;
		in_len -= io.consumed;
		memmove(in, in + io.consumed, in_len);
		if (!read_on(x, in, &in_len, io.need))
			return state;
	}
	if (ktls_engine_facts(&x->engine)->reason == KTLS_R_NOT_TLS) {
		enum outcome outcome = x->outcome;

		note_first_bytes(x, in, in_len < RECORD_HEADER ? in_len : RECORD_HEADER);
		x->outcome = outcome;
	}
	return state;
}

void explain_handshake(struct explain *x)
{
	enum ktls_engine_state state;
	struct step *done;

	configure(x);
	if (ktls_engine_init(&x->engine, &x->config, x) != 0) {
		x->outcome = OUTCOME_ENGINE;
		return;
	}
	x->outcome = OUTCOME_DONE;
	state = shake_hands(x);
	if (state != KTLS_ENGINE_DONE || x->outcome != OUTCOME_DONE) {
		x->trace.finished = 0;
		return;
	}
	done = trace_step(&x->trace, STEP_DONE, x->trace.finished);
	done->name = "handshake complete";
	done->meaning = "here ktlsd would give the keys to the kernel and the socket back";
}
