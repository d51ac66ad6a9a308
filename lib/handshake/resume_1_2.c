/* SPDX-License-Identifier: MIT */
#include "lib/handshake/resume_1_2.h"

#include <string.h>

#include "lib/crypto/util.h"
#include "lib/handshake/messages.h"
#include "lib/handshake/record.h"
#include "lib/handshake/session.h"

/* In what is borrowed, a ticket lies behind the room for its state. */
#define TICKET_AT KTLS_ENGINE_STATE_MAX

void resume_1_2_release(struct engine *e)
{
	struct resume_1_2 *r = &e->resume;

	if (!r->buf)
		return;
	secret_wipe(r->buf, r->cap);
	e->config.ops->give_back(e->arg, r->buf);
	r->buf = NULL;
}

static bool take_room(struct engine *e, size_t len)
{
	e->resume.buf = e->config.ops->borrow(e->arg, len);
	e->resume.cap = len;
	return e->resume.buf != NULL;
}

/* The session of this handshake, behind its keys. */
static void describe(const struct engine *e, uint32_t lifetime, struct session *out)
{
	*out = (struct session){
		.version = KTLS_TLS_1_2,
		.suite = e->facts.suite,
		.extended = e->extended_master,
		.issued = e->config.ops->now(e->arg),
		.lifetime = lifetime,
		.secret_len = KTLS_ENGINE_MASTER_LEN,
	};
	memcpy(out->secret, e->schedule.secret, KTLS_ENGINE_MASTER_LEN);
	memcpy(out->server_name, e->facts.server_name, sizeof(out->server_name));
}

/* The session goes on with its master secret and without what only a key exchange has. */
static void adopt(struct engine *e, const struct session *s)
{
	e->facts.resumed = true;
	e->facts.group = 0;
	memcpy(e->schedule.secret, s->secret, KTLS_ENGINE_MASTER_LEN);
}

static int derive(struct engine *e)
{
	return schedule_1_2_keys(&e->schedule, e->config.role, e->random, e->server_random);
}

/* ---- extension ------------------------------------------------------------------------------- */

static bool client_wants(const struct engine *e)
{
	return engine_may_use(e, KTLS_TLS_1_2) && e->config.ops->now &&
	       (e->config.ops->keep_session || e->resume.offered);
}

bool session_ticket_wanted(const struct engine *e, enum message message)
{
	const struct ktls_engine_ops *ops = e->config.ops;

	if (message == MESSAGE_CLIENT_HELLO)
		return client_wants(e);
	return extension_received(e, EXTENSION_SESSION_TICKET) && !e->facts.resumed &&
	       e->config.tickets > 0 && ops->seal_ticket && ops->now;
}

/* A client sends the ticket that it has, a server's empty one announces a NewSessionTicket. */
void session_ticket_build(struct engine *e, enum message message, struct writer *w)
{
	struct session s;
	struct reader r;

	if (message != MESSAGE_CLIENT_HELLO) {
		e->resume.owed = true;
		return;
	}
	reader_init(&r, e->config.session.bytes, e->config.session.len);
	if (!e->resume.offered || !session_parse(&r, &s))
		return;
	writer_bytes(w, s.ticket.bytes, s.ticket.len);
	secret_wipe(&s, sizeof(s));
}

int session_ticket_parse(struct engine *e, struct extension_values *values, struct reader *body)
{
	if (values->message != MESSAGE_CLIENT_HELLO) {
		e->resume.owed = true;
		return 0;
	}
	values->ticket = *body;
	return reader_skip(body, body->left) ? 0 : -KTLS_R_INTERNAL;
}

/* ---- client ---------------------------------------------------------------------------------- */

static bool name_is(const struct session *s, const char *name)
{
	return strcmp(s->server_name, name) == 0;
}

static bool may_offer(const struct engine *e, const struct session *s)
{
	const struct ktls_engine_config *c = &e->config;

	return s->version == KTLS_TLS_1_2 && s->ticket.len > 0 &&
	       engine_list_has(c->suites, c->suites_len, s->suite) &&
	       (s->extended || c->plain_master_secret) && name_is(s, e->facts.server_name) &&
	       !session_expired(s, c->ops->now(e->arg));
}

void resume_1_2_offer(struct engine *e)
{
	struct reader r;
	struct session s;

	reader_init(&r, e->config.session.bytes, e->config.session.len);
	if (!e->config.ops->now || !engine_may_use(e, KTLS_TLS_1_2) || !session_parse(&r, &s))
		return;
	e->resume.offered = may_offer(e, &s);
	secret_wipe(&s, sizeof(s));
}

static bool offered_session(const struct engine *e, struct session *out)
{
	struct reader r;

	reader_init(&r, e->config.session.bytes, e->config.session.len);
	return session_parse(&r, out);
}

int resume_1_2_check(const struct engine *e)
{
	struct session s;
	int result = 0;

	if (!offered_session(e, &s))
		return -KTLS_R_INTERNAL;
	if (s.suite != e->facts.suite)
		result = -KTLS_R_SESSION_SUITE;
	else if (s.extended != e->extended_master)
		result = -KTLS_R_MASTER_SECRET; /* RFC 7627, 5.3: "the client MUST abort" */
	secret_wipe(&s, sizeof(s));
	return result;
}

int resume_1_2_client(struct engine *e)
{
	struct session s;

	if (!e->facts.resumed)
		return 0;
	if (!offered_session(e, &s))
		return -KTLS_R_INTERNAL;
	adopt(e, &s);
	secret_wipe(&s, sizeof(s));
	return ALTERNATIVE;
}

int resume_1_2_client_keys(struct engine *e)
{
	int result = derive(e);

	if (result < 0)
		return result;
	return e->resume.owed ? ALTERNATIVE : 0;
}

/* A lifetime of 0 is none that the server would tell (RFC 5077, 3.3). */
static uint32_t lifetime_of(uint32_t hint)
{
	if (hint == 0)
		return SESSION_LIFETIME;
	return hint < SESSION_LIFETIME_MAX ? hint : SESSION_LIFETIME_MAX;
}

static void remember(struct engine *e, uint32_t hint, struct reader ticket)
{
	struct session s;
	struct writer w;

	if (!take_room(e, KTLS_ENGINE_STATE_MAX + 2 + ticket.left))
		return;
	describe(e, lifetime_of(hint), &s);
	s.ticket = (struct ktls_span){ .bytes = ticket.at, .len = ticket.left };
	writer_init(&w, e->resume.buf, e->resume.cap);
	session_build(&s, &w);
	e->resume.state_len = writer_ok(&w) ? w.len : 0;
	secret_wipe(&s, sizeof(s));
}

/*
 * NewSessionTicket, RFC 5077 3.3. An empty one takes the promise back. It is kept until the
 * server's Finished has proved that it is the server's.
 */
int new_session_ticket_1_2_recv(struct engine *e, struct reader *body)
{
	struct reader ticket;
	uint32_t hint;

	if (!reader_u32(body, &hint) || !reader_vec16(body, &ticket))
		return -KTLS_R_MESSAGE_MALFORMED;
	e->resume.owed = false;
	if (ticket.left > 0 && ticket.left <= KTLS_ENGINE_TICKET_MAX && e->config.ops->keep_session)
		remember(e, hint, ticket);
	return 0;
}

/* What the server did not renew is as good as before: a ticket of TLS 1.2 may be used again. */
int resume_1_2_keep(struct engine *e)
{
	const struct ktls_engine_ops *ops = e->config.ops;

	if (e->resume.buf && e->resume.state_len > 0)
		ops->keep_session(e->arg, e->resume.buf, e->resume.state_len);
	else if (e->facts.resumed && ops->keep_session)
		ops->keep_session(e->arg, e->config.session.bytes, e->config.session.len);
	resume_1_2_release(e);
	return 0;
}

/* ---- server ---------------------------------------------------------------------------------- */

int resume_1_2_take(struct engine *e, struct reader ticket, struct reader session_id)
{
	size_t len = ticket.left;

	e->session_id_len = 0;
	if (!e->config.ops->open_ticket || !e->config.ops->now || len == 0 ||
	    len > KTLS_ENGINE_TICKET_MAX)
		return 0;
	if (!take_room(e, TICKET_AT + len))
		return -KTLS_R_NO_MEMORY;
	e->resume.state_len = 0;
	e->session_id_len = (uint8_t)session_id.left;
	if (!reader_copy(&ticket, e->resume.buf + TICKET_AT, len) ||
	    !reader_copy(&session_id, e->session_id, session_id.left))
		return -KTLS_R_INTERNAL;
	return 0;
}

int resume_1_2_open(struct engine *e)
{
	struct resume_1_2 *r = &e->resume;

	if (!r->buf)
		return 0;
	return engine_result(e->config.ops->open_ticket(e->arg, r->buf + TICKET_AT,
							r->cap - TICKET_AT, e->facts.server_name,
							r->buf, &r->state_len));
}

static bool suite_offered(const struct engine *e, uint16_t suite)
{
	for (size_t i = 0; i < e->config.suites_len; i++)
		if ((e->offered_suites & 1U << i) && e->config.suites[i] == suite)
			return true;
	return false;
}

/* RFC 5077, 3.4; the same server name: RFC 6066, 3. */
static bool holds(const struct engine *e, const struct session *s)
{
	return s->version == KTLS_TLS_1_2 && suite_offered(e, s->suite) &&
	       name_is(s, e->facts.server_name) && !session_expired(s, e->config.ops->now(e->arg));
}

/*
 * A client that can do without the extension that its session was made with is none of ours; one
 * that has learnt it gets a full handshake (RFC 7627, 5.3).
 */
static int check_master(const struct engine *e, const struct session *s)
{
	if (s->extended && !e->extended_master)
		return -KTLS_R_MASTER_SECRET;
	return s->extended == e->extended_master ? ALTERNATIVE : 0;
}

static int try_session(struct engine *e, const struct session *s)
{
	int result = holds(e, s) ? check_master(e, s) : 0;

	if (result != ALTERNATIVE)
		return result;
	adopt(e, s);
	e->facts.suite = s->suite;
	e->schedule.suite = suite_find(s->suite);
	transcript_select(&e->transcript, e->schedule.suite->hash);
	return ALTERNATIVE;
}

int resume_1_2_server(struct engine *e)
{
	struct reader state;
	struct session s;
	int result = 0;

	if (e->resume.buf && e->resume.state_len <= KTLS_ENGINE_STATE_MAX) {
		reader_init(&state, e->resume.buf, e->resume.state_len);
		if (session_parse(&state, &s)) {
			result = try_session(e, &s);
			secret_wipe(&s, sizeof(s));
		}
	}
	resume_1_2_release(e);
	/* A session id of ours would promise that it can be resumed: RFC 5077, 3.4. */
	if (result != ALTERNATIVE)
		e->session_id_len = 0;
	return result;
}

int resume_1_2_server_keys(struct engine *e)
{
	return derive(e);
}

int resume_1_2_seal(struct engine *e)
{
	struct resume_1_2 *r = &e->resume;
	struct session s;
	struct writer w;
	int result;

	if (!take_room(e, TICKET_AT + KTLS_ENGINE_TICKET_MAX))
		return -KTLS_R_NO_MEMORY;
	describe(e, SESSION_LIFETIME, &s);
	writer_init(&w, r->buf, TICKET_AT);
	session_build(&s, &w);
	secret_wipe(&s, sizeof(s));
	if (!writer_ok(&w))
		return -KTLS_R_INTERNAL;
	r->ticket_len = 0;
	result = e->config.ops->seal_ticket(e->arg, r->buf, w.len, r->buf + TICKET_AT,
					    &r->ticket_len);
	secret_wipe(r->buf, TICKET_AT);
	return engine_result(result);
}

/* "the server MUST NOT [send none]": one that was announced and not made is empty, 3.3. */
int new_session_ticket_1_2_build(struct engine *e, struct writer *w)
{
	struct resume_1_2 *r = &e->resume;

	if (r->ticket_len > KTLS_ENGINE_TICKET_MAX)
		return -KTLS_R_INTERNAL;
	writer_u32(w, r->ticket_len > 0 ? SESSION_LIFETIME : 0);
	writer_vec(w, 2, r->buf + TICKET_AT, r->ticket_len);
	r->owed = false;
	resume_1_2_release(e);
	return 0;
}
