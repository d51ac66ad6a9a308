/* SPDX-License-Identifier: MIT */
#include "lib/handshake/psk.h"

#include <string.h>
#include <strings.h>

#include "lib/crypto/util.h"
#include "lib/handshake/session.h"

/*
 * By how many milliseconds the client's idea of a ticket's age may differ from ours: the time the
 * ticket and this hello were under way, and clocks that drift. Who is further off handshakes in
 * full (RFC 9846, 4.3.11.1 and 8.3).
 */
#define AGE_TOLERANCE 60000

/* Hash of the transcript and of a ClientHello's first bytes, its header included. */
static void truncated_hash(struct transcript t, size_t body_len, const uint8_t *body, size_t len,
			   uint8_t hash[static HASH_MAX])
{
	uint8_t header[4];
	struct writer w;

	writer_init(&w, header, sizeof(header));
	writer_u8(&w, MESSAGE_CLIENT_HELLO);
	writer_u24(&w, (uint32_t)body_len);
	transcript_add(&t, header, sizeof(header));
	transcript_add(&t, body, len);
	transcript_hash(&t, hash);
}

/* ---- client ---------------------------------------------------------------------------------- */

/* "The server MUST ensure that it selects a compatible PSK (if any) and cipher suite": it can only
 * if we offer one. */
static bool offers_hash(const struct engine *e, enum hash_alg alg)
{
	for (size_t i = 0; i < e->config.suites_len; i++) {
		const struct suite *suite = suite_find(e->config.suites[i]);

		if (suite->version == KTLS_TLS_1_3 && suite->hash == alg)
			return true;
	}
	return false;
}

/* "Clients ... SHOULD only resume if the SNI value matches the one used in the original session",
 * 4.7.1. */
static bool fits(const struct engine *e, const struct session *s, uint64_t now)
{
	return s->version == KTLS_TLS_1_3 && s->ticket.len > 0 && !session_expired(s, now) &&
	       strcasecmp(s->server_name, e->facts.server_name) == 0 &&
	       offers_hash(e, suite_find(s->suite)->hash);
}

static bool find_session(const struct engine *e, struct session *out, uint64_t *now)
{
	const struct ktls_engine_config *c = &e->config;
	struct reader r;

	if (!c->ops->now || !engine_may_use(e, KTLS_TLS_1_3))
		return false;
	*now = c->ops->now(e->arg);
	reader_init(&r, c->session.bytes, c->session.len);
	return session_parse(&r, out) && fits(e, out, *now);
}

int psk_offer(struct engine *e)
{
	bool withdrawn = e->facts.retried && !e->psk.offered;
	struct session s = { 0 };
	uint64_t now = 0;
	int result = 0;

	if (withdrawn || !find_session(e, &s, &now)) {
		psk_withdraw(e);
	} else {
		e->psk.offered = true;
		e->psk.ticket = s.ticket;
		/* Modulo 2^32, 4.3.11.1. */
		e->psk.age = s.age_add + (uint32_t)(now > s.issued ? now - s.issued : 0);
		if (!e->facts.retried)
			result = schedule_early(&e->schedule, suite_find(s.suite)->hash, s.secret);
	}
	secret_wipe(&s, sizeof(s));
	return result;
}

void psk_withdraw(struct engine *e)
{
	e->psk.offered = false;
	schedule_forget_early(&e->schedule);
}

void psk_bind(const struct engine *e, struct writer *w, size_t start)
{
	size_t size = hash_size(e->schedule.early_hash), binders = 2 + 1 + size;
	struct transcript t = e->transcript;
	uint8_t hash[HASH_MAX];

	if (!e->psk.offered || !writer_ok(w))
		return;
	transcript_select(&t, e->schedule.early_hash);
	truncated_hash(t, w->len - start, w->buf + start, w->len - start - binders, hash);
	schedule_binder(&e->schedule, hash, w->buf + w->len - size);
}

int psk_answer(struct engine *e, const struct extension_values *values)
{
	if (!extension_received(e, EXTENSION_PRE_SHARED_KEY)) {
		psk_withdraw(e);
		return 0;
	}
	/* What "Clients MUST verify", 4.3.11. */
	if (values->identity != 0 || e->schedule.early_hash != e->schedule.suite->hash)
		return -KTLS_R_PSK_INVALID;
	if (!extension_received(e, EXTENSION_KEY_SHARE)) {
		if (!e->config.psk_ke)
			return -KTLS_R_PSK_INVALID;
		e->schedule.psk_only = true;
	}
	e->facts.resumed = true;
	return 0;
}

/* ---- server ---------------------------------------------------------------------------------- */

static void keep_binder(struct engine *e, struct reader binders)
{
	struct reader binder;

	e->psk.binder_len = 0;
	if (reader_vec8(&binders, &binder) && binder.left <= sizeof(e->psk.binder)) {
		e->psk.binder_len = (uint8_t)binder.left;
		if (!reader_copy(&binder, e->psk.binder, binder.left))
			e->psk.binder_len = 0;
	}
}

/* Tickets are for clients that can use them (4.3.9). */
static void note_tickets(struct engine *e, const struct extension_values *values)
{
	e->tickets.wanted = values->psk_dhe_ke || (values->psk_ke && e->config.psk_ke);
	e->tickets.lifetime = SESSION_LIFETIME_1_3;
}

int psk_open(struct engine *e, const struct extension_values *values, struct reader body,
	     bool has_share)
{
	const struct ktls_engine_ops *ops = e->config.ops;
	bool dhe = values->psk_dhe_ke && has_share, ke = values->psk_ke && e->config.psk_ke;
	size_t binders = 2 + values->psk_binders.left;

	note_tickets(e, values);
	if (!extension_received(e, EXTENSION_PRE_SHARED_KEY) || !ops->open_ticket || !ops->now ||
	    !(dhe || ke))
		return 0;
	e->psk.offered = true;
	e->psk.only = !dhe;
	e->psk.age = values->psk_age;
	keep_binder(e, values->psk_binders);
	truncated_hash(e->transcript, body.left, body.at, body.left - binders, e->psk.hash);
	return engine_result(ops->open_ticket(e->arg, values->psk_identity.at,
					      values->psk_identity.left, e->facts.server_name,
					      e->ticket_state, &e->ticket_state_len));
}

static bool age_is_right(const struct engine *e, const struct session *s, uint64_t now)
{
	uint32_t ours = (uint32_t)(now > s->issued ? now - s->issued : 0);
	uint32_t theirs = e->psk.age - s->age_add;
	uint32_t difference = ours > theirs ? ours - theirs : theirs - ours;

	return difference <= AGE_TOLERANCE;
}

/*
 * Whether the session may be resumed with what is negotiated. The name is compared although it need
 * not (4.3.11): a certificate for it may be none of ours any more.
 */
static bool is_fit(const struct engine *e, const struct session *s)
{
	uint64_t now = e->config.ops->now(e->arg);

	return s->version == KTLS_TLS_1_3 &&
	       suite_find(s->suite)->hash == e->schedule.suite->hash && !session_expired(s, now) &&
	       age_is_right(e, s, now) && strcmp(s->server_name, e->facts.server_name) == 0;
}

/* "Prior to accepting PSK key establishment, the server MUST validate the corresponding binder
 * value", 4.3.11. */
static int check_binder(struct engine *e, const struct session *s)
{
	size_t size = hash_size(e->schedule.suite->hash);
	uint8_t expected[HASH_MAX];
	bool same;
	int result = schedule_early(&e->schedule, e->schedule.suite->hash, s->secret);

	if (result < 0)
		return result;
	schedule_binder(&e->schedule, e->psk.hash, expected);
	same = e->psk.binder_len == size && secret_equal(e->psk.binder, expected, size);
	secret_wipe(expected, sizeof(expected));
	return same ? 0 : -KTLS_R_BINDER_MISMATCH;
}

/* No chain of resumptions outlives the ticket that the full handshake gave (4.7.1, at its end). */
static uint32_t lifetime_left(const struct engine *e, const struct session *s)
{
	uint64_t now = e->config.ops->now(e->arg);
	uint64_t age = now > s->issued ? (now - s->issued) / 1000 : 0;

	return age < s->lifetime ? s->lifetime - (uint32_t)age : 0;
}

static int resume(struct engine *e, const struct session *s)
{
	int result = check_binder(e, s);

	if (result < 0)
		return result;
	e->facts.resumed = true;
	e->tickets.lifetime = lifetime_left(e, s);
	if (e->psk.only) {
		e->schedule.psk_only = true;
		e->facts.group = 0;
	}
	return RESUMED;
}

int psk_accept(struct engine *e)
{
	struct session s = { 0 };
	struct reader r;
	int result = 0;

	if (e->ticket_state_len > sizeof(e->ticket_state))
		return -KTLS_R_INTERNAL;
	reader_init(&r, e->ticket_state, e->ticket_state_len);
	if (e->psk.offered && session_parse(&r, &s) && is_fit(e, &s))
		result = resume(e, &s);
	secret_wipe(&s, sizeof(s));
	secret_wipe(e->ticket_state, sizeof(e->ticket_state));
	e->ticket_state_len = 0;
	return result != 0 ? result : e->psk.otherwise;
}
