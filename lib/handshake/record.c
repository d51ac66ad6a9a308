/* SPDX-License-Identifier: MIT */
#include "lib/handshake/record.h"

#include <string.h>

#include "lib/handshake/protect.h"

#define HEADER        PROTECT_HEADER
#define PLAINTEXT_MAX 16384
#define EXPANSION_MAX 256 /* of a protected record, 5.2; TLS 1.2 needs less */
#define OVERHEAD_MAX  (HEADER + 8 + 1 + AEAD_TAG)

/* ContentType, 5.1. */
enum {
	TYPE_CHANGE_CIPHER_SPEC = 20,
	TYPE_ALERT = 21,
	TYPE_HANDSHAKE = 22,
	TYPE_APPLICATION_DATA = 23,
};

#define ALERT_WARNING      1
#define ALERT_FATAL        2
#define HELLO_REQUESTS_MAX 4
#define WARNINGS_MAX       4

/* One record of the input: its header, and its body where the cursor found it. */
struct record {
	uint8_t type;
	size_t len;
	uint8_t *header; /* in the input; the body follows */
	uint8_t *body;
};

void record_watch(const struct engine *e, bool sent, uint8_t type, bool encrypted,
		  const uint8_t *bytes, size_t len)
{
	struct ktls_engine_event event = { .sent = sent,
					   .content_type = type,
					   .encrypted = encrypted,
					   .bytes = bytes,
					   .len = len };

	if (e->config.ops->watch)
		e->config.ops->watch(e->arg, &event);
}

void record_watch_message(const struct engine *e, bool sent, const uint8_t *bytes, size_t len)
{
	const struct traffic *t = sent ? &e->schedule.tx : &e->schedule.rx;

	record_watch(e, sent, TYPE_HANDSHAKE, t->on, bytes, len);
}

/* ---- receiving ------------------------------------------------------------------------------- */

/* Whether the record's header alone is reason enough to refuse it. */
static int check_header(const struct engine *e, const struct record *r)
{
	bool protect = e->schedule.rx.on;
	size_t max = PLAINTEXT_MAX;

	if (r->type < TYPE_CHANGE_CIPHER_SPEC || r->type > TYPE_APPLICATION_DATA) {
		if (e->state == SERVER_RECV_HELLO || e->state == CLIENT_RECV_SERVER_HELLO)
			return -KTLS_R_NOT_TLS;
		return -KTLS_R_RECORD_TYPE;
	}
	if (r->type == TYPE_APPLICATION_DATA || (protect && engine_is_1_2(e)))
		max += EXPANSION_MAX;
	if (r->len > max)
		return -KTLS_R_RECORD_TOO_LONG;
	if (engine_is_1_2(e))
		return 0;
	/* A client that could not make the keys sends its alert without them. */
	if (protect && r->type == TYPE_ALERT && (e->protected_seen || !engine_is_server(e)))
		return -KTLS_R_RECORD_PLAINTEXT;
	if (protect && r->type == TYPE_HANDSHAKE)
		return -KTLS_R_RECORD_PLAINTEXT;
	return 0;
}

/* Takes the next whole record: 1, 0 where it is not there, or a negative reason. */
static int take_record(struct engine *e, struct record *r)
{
	struct ktls_engine_io *io = e->io;
	struct reader in, body;
	uint16_t version, len;
	int result;

	reader_init(&in, io->in + io->consumed, io->in_len - io->consumed);
	r->header = io->in + io->consumed;
	io->need = HEADER;
	/* The first byte is enough to tell that somebody speaks something else. */
	if (!reader_u8(&in, &r->type))
		return 0;
	r->len = 0;
	result = check_header(e, r);
	if (result < 0)
		return result;
	/* legacy_record_version is ignored for all purposes, 5.1. */
	if (!reader_u16(&in, &version) || !reader_u16(&in, &len))
		return 0;
	r->len = len;
	result = check_header(e, r);
	if (result < 0)
		return result;
	io->need = HEADER + r->len;
	if (!reader_bytes(&in, r->len, &body))
		return 0;
	r->body = r->header + HEADER;
	io->consumed += HEADER + r->len;
	io->need = HEADER;
	return 1;
}

static int recv_ccs(const struct engine *e, const struct record *r)
{
	record_watch(e, false, TYPE_CHANGE_CIPHER_SPEC, false, r->body, r->len);
	/* In TLS 1.2 it has its place, where record_recv_ccs() waits for it. */
	if (engine_is_1_2(e))
		return -KTLS_R_CHANGE_CIPHER_SPEC;
	/* "At any time after the first ClientHello message has been sent or received", 5. */
	if (e->state == SERVER_RECV_HELLO || r->len != 1 || r->body[0] != 1)
		return -KTLS_R_CHANGE_CIPHER_SPEC;
	if (e->stash.len > 0)
		return -KTLS_R_MESSAGE_INTERLEAVED;
	return 0;
}

static int recv_alert(struct engine *e, const uint8_t *alert, size_t len)
{
	if (len != 2)
		return -KTLS_R_ALERT_MALFORMED;
	/* user_canceled announces a close_notify, 6.1; all other alerts are fatal whatever their
	 * level. */
	if (alert[1] == KTLS_ALERT_USER_CANCELED && alert[0] == ALERT_WARNING)
		return 0;
	/* Until TLS 1.3 is agreed on, a warning is a warning (RFC 5246, 7.2.2), but not many of
	 * them. */
	if (alert[0] == ALERT_WARNING && alert[1] != KTLS_ALERT_CLOSE_NOTIFY &&
	    e->config.version_min < KTLS_TLS_1_3 && e->facts.version != KTLS_TLS_1_3 &&
	    e->warnings++ < WARNINGS_MAX)
		return 0;
	e->facts.alert = alert[1];
	return alert[1] == KTLS_ALERT_CLOSE_NOTIFY ? -KTLS_R_PEER_CLOSE_NOTIFY : -KTLS_R_PEER_ALERT;
}

/* Early data that we did not ask for is passed over, up to a limit (4.3.10). */
static int skip_early_data(struct engine *e, const struct record *r)
{
	e->early_skipped += (uint32_t)(HEADER + r->len);
	return e->early_skipped > KTLS_ENGINE_EARLY_DATA_MAX ? -KTLS_R_EARLY_DATA_TOO_LONG : 0;
}

/* Bytes that may be protected in one record: in TLS 1.3 the type is one of them (5.4). */
static size_t receive_max(const struct engine *e)
{
	if (e->receive_limit > 0)
		return e->receive_limit;
	return engine_is_1_2(e) ? PLAINTEXT_MAX : PLAINTEXT_MAX + 1;
}

/* Decrypts in place: 1 with type and content, 0 for skipped early data, or a negative reason. */
static int unprotect(struct engine *e, const struct record *r, uint8_t *type, uint8_t **content,
		     size_t *len)
{
	struct traffic *rx = &e->schedule.rx;
	int result;

	if (!protect_open(&e->schedule, rx, r->header, r->len, content, len)) {
		if (e->skip_early_data && !e->protected_seen)
			return skip_early_data(e, r);
		return -KTLS_R_RECORD_MAC;
	}
	rx->seq++;
	e->protected_seen = true;
	if (*len > receive_max(e))
		return -KTLS_R_RECORD_TOO_LONG;
	if (engine_is_1_2(e))
		return 1;
	result = protection_strip(*content, len, type);
	return result < 0 ? result : 1;
}

/* What a record says after protection is off: 1 for handshake bytes, 0 for nothing, or a reason. */
static int recv_plaintext(struct engine *e, uint8_t type, uint8_t *bytes, size_t len,
			  struct reader *content)
{
	if (type == TYPE_ALERT)
		return len == 0 ? -KTLS_R_RECORD_EMPTY : recv_alert(e, bytes, len);
	if (type == TYPE_APPLICATION_DATA)
		return -KTLS_R_APPLICATION_DATA;
	if (type == TYPE_CHANGE_CIPHER_SPEC)
		return -KTLS_R_CHANGE_CIPHER_SPEC;
	if (type != TYPE_HANDSHAKE)
		return -KTLS_R_RECORD_TYPE;
	if (len == 0)
		return -KTLS_R_RECORD_EMPTY;
	reader_init(content, bytes, len);
	return 1;
}

static int recv_one(struct engine *e, const struct record *r, struct reader *content)
{
	bool protect = e->schedule.rx.on && (r->type == TYPE_APPLICATION_DATA || engine_is_1_2(e));
	uint8_t type = r->type, *bytes = r->body;
	size_t len = r->len;
	int result;

	if (type == TYPE_CHANGE_CIPHER_SPEC && !protect)
		return recv_ccs(e, r);
	if (type == TYPE_APPLICATION_DATA && !protect && e->skip_early_data)
		return skip_early_data(e, r);
	if (protect) {
		result = unprotect(e, r, &type, &bytes, &len);
		if (result <= 0)
			return result;
	}
	if (type == TYPE_ALERT)
		record_watch(e, false, type, protect, bytes, len);
	if (type != TYPE_HANDSHAKE && type != TYPE_ALERT && e->stash.len > 0)
		return -KTLS_R_MESSAGE_INTERLEAVED;
	return recv_plaintext(e, type, bytes, len, content);
}

int record_recv(struct engine *e, struct reader *content)
{
	struct record r;
	int result;

	do {
		result = take_record(e, &r);
		if (result <= 0)
			return result;
		result = recv_one(e, &r, content);
	} while (result == 0);
	return result;
}

bool record_is_hello_request(struct engine *e, const struct reader *message)
{
	if (engine_is_server(e) || !engine_may_use(e, KTLS_TLS_1_2) ||
	    e->facts.version == KTLS_TLS_1_3 || !reader_equal(message, "\0\0\0", 4))
		return false;
	return e->hello_requests++ < HELLO_REQUESTS_MAX;
}

int record_recv_ccs(struct engine *e)
{
	struct reader content;
	struct record r;
	int result;

	for (;;) {
		result = take_record(e, &r);
		if (result <= 0)
			return result;
		if (r.type == TYPE_CHANGE_CIPHER_SPEC && !e->schedule.rx.on) {
			record_watch(e, false, r.type, false, r.body, r.len);
			return r.len == 1 && r.body[0] == 1 ? 1 : -KTLS_R_CHANGE_CIPHER_SPEC;
		}
		result = recv_one(e, &r, &content);
		if (result < 0)
			return result;
		if (result > 0 && !record_is_hello_request(e, &content))
			return -KTLS_R_MESSAGE_UNEXPECTED;
	}
}

/* ---- sending --------------------------------------------------------------------------------- */

/* Bytes of content in a record of ours. */
static size_t send_max(const struct engine *e)
{
	return e->facts.content_max > 0 ? e->facts.content_max : PLAINTEXT_MAX;
}

/* Of so much room, what records need besides the messages in them. */
static size_t overhead(const struct engine *e, size_t room)
{
	return (room / (send_max(e) + OVERHEAD_MAX) + 1) * OVERHEAD_MAX;
}

struct writer *record_writer(struct engine *e)
{
	struct flight *f = &e->flight;
	struct ktls_engine_io *io = e->io;
	size_t room = io->out_cap - io->out_len;
	size_t reserve = overhead(e, room);
	size_t before = HEADER + protect_prefix(&e->schedule, &e->schedule.tx);

	if (!f->open) {
		f->open = true;
		f->start = io->out_len;
		writer_init(&f->w, io->out + f->start + (room > reserve ? before : 0),
			    room > reserve ? room - reserve : 0);
	}
	return &f->w;
}

void record_unwrite(struct engine *e, size_t len)
{
	e->flight.w.len = len;
	e->flight.w.overflow = false;
}

static uint16_t record_version(const struct engine *e, uint8_t type)
{
	bool hello = type == TYPE_HANDSHAKE && !engine_is_server(e) && !e->schedule.suite;

	/* "A record containing an initial ClientHello SHOULD have version 0x0301", 5.1. */
	return hello ? 0x0301 : 0x0303;
}

int record_flush(struct engine *e)
{
	struct flight *f = &e->flight;
	struct traffic *tx = &e->schedule.tx;
	uint8_t *first = e->io->out + f->start;
	size_t before = HEADER + protect_prefix(&e->schedule, tx);
	size_t most = send_max(e);
	size_t step = before + most + protect_suffix(&e->schedule, tx);
	size_t records = (f->w.len + most - 1) / most;

	if (!f->open)
		return 0;
	f->open = false;
	if (!writer_ok(&f->w) || f->start + f->w.len + records * OVERHEAD_MAX > e->io->out_cap)
		return -KTLS_R_INTERNAL;
	/* From the last to the first, so that each moves into room that is free. */
	for (size_t i = records; i-- > 0;) {
		size_t at = i * most;
		size_t len = f->w.len - at < most ? f->w.len - at : most;

		if (i > 0)
			memmove(first + i * step + before, first + before + at, len);
		len = protect_seal(&e->schedule, tx, TYPE_HANDSHAKE,
				   record_version(e, TYPE_HANDSHAKE), first + i * step, len,
				   tx->seq + i);
		if (i == records - 1)
			e->io->out_len = f->start + i * step + len;
	}
	tx->seq += records;
	return 0;
}

int record_send_ccs(struct engine *e)
{
	struct ktls_engine_io *io = e->io;
	struct writer w;
	int result;

	if (e->ccs_sent)
		return 0;
	result = record_flush(e);
	if (result < 0)
		return result;
	writer_init(&w, io->out + io->out_len, io->out_cap - io->out_len);
	writer_u8(&w, TYPE_CHANGE_CIPHER_SPEC);
	writer_u16(&w, 0x0303);
	writer_vec(&w, 2, "\x01", 1);
	if (!writer_ok(&w))
		return -KTLS_R_INTERNAL;
	record_watch(e, true, TYPE_CHANGE_CIPHER_SPEC, false, w.buf + HEADER, w.len - HEADER);
	io->out_len += w.len;
	e->ccs_sent = true;
	return 0;
}

static void put_alert(struct engine *e, uint8_t level, uint8_t alert)
{
	struct ktls_engine_io *io = e->io;
	struct traffic *tx = &e->schedule.tx;
	uint8_t *at = io->out + io->out_len;
	size_t before = HEADER + protect_prefix(&e->schedule, tx);

	if (io->out_cap - io->out_len < OVERHEAD_MAX + 2)
		return;
	at[before] = level;
	at[before + 1] = alert;
	record_watch(e, true, TYPE_ALERT, tx->on, at + before, 2);
	io->out_len += protect_seal(&e->schedule, tx, TYPE_ALERT, record_version(e, TYPE_ALERT), at,
				    2, tx->seq++);
}

void record_send_alert(struct engine *e, uint8_t alert)
{
	/* What a client sends first under its handshake keys may be an alert (E.4). */
	if (e->schedule.tx.on && e->session_id_len > 0 && record_send_ccs(e) < 0)
		return;
	if (alert != KTLS_ALERT_USER_CANCELED) {
		put_alert(e, ALERT_FATAL, alert);
		return;
	}
	/* "This alert MUST be followed by a close_notify", 6.1. */
	put_alert(e, ALERT_WARNING, alert);
	put_alert(e, ALERT_WARNING, KTLS_ALERT_CLOSE_NOTIFY);
}
