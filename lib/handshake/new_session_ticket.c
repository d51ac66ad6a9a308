/* SPDX-License-Identifier: MIT */
/* NewSessionTicket, RFC 9846 4.7.1. */
#include <string.h>

#include "lib/crypto/util.h"
#include "lib/handshake/messages.h"
#include "lib/handshake/record.h"
#include "lib/handshake/session.h"

#define HEADER 4 /* bytes of msg_type and length */
/* Bytes of the message around the ticket: a nonce of one byte, no extensions. */
#define AROUND (HEADER + 4 + 4 + 2 + 2 + 2)

_Static_assert(AROUND + KTLS_ENGINE_TICKET_MAX <= 16384, "a ticket fits a record");

/* The pre-shared key that a ticket stands for: it is the nonce that tells it from others'. */
static void ticket_secret(enum hash_alg alg, const uint8_t *resumption, struct reader nonce,
			  uint8_t out[static HASH_MAX])
{
	schedule_expand_label(alg, resumption, "resumption", nonce.at, nonce.left, out,
			      hash_size(alg));
}

/* ---- server ---------------------------------------------------------------------------------- */

bool tickets_wanted(const struct engine *e)
{
	const struct ktls_engine_ops *ops = e->config.ops;

	return e->config.tickets > 0 && ops->seal_ticket && ops->now && e->tickets.wanted &&
	       e->tickets.lifetime > 0;
}

static void build(const struct sealed_tickets *t, uint8_t nonce, struct writer *w)
{
	struct writer_vec body;

	writer_u8(w, MESSAGE_NEW_SESSION_TICKET);
	body = writer_open(w, 3);
	writer_u32(w, t->lifetime);
	writer_u32(w, t->age_add);
	writer_vec(w, 1, &nonce, 1);
	writer_vec(w, 2, t->sealing, t->sealed_len);
	writer_vec(w, 2, NULL, 0);
	writer_close(w, body);
}

/* Makes a message of the ticket that was sealed: 0, ALTERNATIVE where there is none, a reason. */
static int keep(struct engine *e)
{
	struct sealed_tickets *t = &e->tickets;
	struct writer w;
	uint8_t *message;

	if (t->sealed_len == 0)
		return ALTERNATIVE;
	if (t->sealed_len > KTLS_ENGINE_TICKET_MAX)
		return -KTLS_R_INTERNAL;
	message = e->config.ops->borrow(e->arg, AROUND + t->sealed_len);
	if (!message)
		return -KTLS_R_NO_MEMORY;
	writer_init(&w, message, AROUND + t->sealed_len);
	build(t, (uint8_t)t->len, &w);
	t->messages[t->len] = message;
	t->message_lens[t->len++] = (uint16_t)w.len;
	return writer_ok(&w) ? 0 : -KTLS_R_INTERNAL;
}

/* What the ticket is to bring back. Its nonce is its place among those of this connection. */
static int build_state(struct engine *e, struct writer *w)
{
	enum hash_alg alg = e->schedule.suite->hash;
	struct session s = {
		.version = KTLS_TLS_1_3,
		.suite = e->facts.suite,
		.issued = e->config.ops->now(e->arg),
		.lifetime = e->tickets.lifetime,
		.age_add = e->tickets.age_add,
		.secret_len = (uint8_t)hash_size(alg),
	};
	uint8_t number = (uint8_t)e->tickets.len;
	struct reader nonce;

	reader_init(&nonce, &number, 1);
	ticket_secret(alg, e->schedule.resumption, nonce, s.secret);
	memcpy(s.server_name, e->facts.server_name, sizeof(s.server_name));
	session_build(&s, w);
	secret_wipe(&s, sizeof(s));
	return writer_ok(w) ? 0 : -KTLS_R_INTERNAL;
}

static int seal(struct engine *e)
{
	const struct ktls_engine_ops *ops = e->config.ops;
	struct sealed_tickets *t = &e->tickets;
	struct writer w;
	int result = ops->random(e->arg, (uint8_t *)&t->age_add, sizeof(t->age_add));

	if (result < 0)
		return result;
	if (!t->sealing)
		t->sealing = ops->borrow(e->arg, KTLS_ENGINE_TICKET_MAX);
	if (!t->sealing)
		return -KTLS_R_NO_MEMORY;
	t->sealed_len = 0;
	writer_init(&w, e->ticket_state, sizeof(e->ticket_state));
	result = build_state(e, &w);
	if (result < 0)
		return result;
	return engine_result(
		ops->seal_ticket(e->arg, e->ticket_state, w.len, t->sealing, &t->sealed_len));
}

static void end_sealing(struct engine *e)
{
	secret_wipe(e->ticket_state, sizeof(e->ticket_state));
	if (e->tickets.sealing)
		e->config.ops->give_back(e->arg, e->tickets.sealing);
	e->tickets.sealing = NULL;
}

int tickets_seal(struct engine *e)
{
	int result = e->tickets.sealing ? keep(e) : 0;

	if (result == 0)
		result = e->tickets.len < e->config.tickets ? seal(e) : ALTERNATIVE;
	if (result == ALTERNATIVE)
		end_sealing(e);
	return result;
}

/* Outside the transcript, which ends with the client's Finished. What has no room is not sent. */
int tickets_send(struct engine *e)
{
	struct sealed_tickets *t = &e->tickets;

	for (size_t i = 0; i < t->len; i++) {
		struct writer *w = record_writer(e);

		if (w->cap - w->len < t->message_lens[i])
			break;
		writer_bytes(w, t->messages[i], t->message_lens[i]);
		record_watch_message(e, true, t->messages[i], t->message_lens[i]);
	}
	tickets_release(e);
	return 0;
}

void tickets_release(struct engine *e)
{
	struct sealed_tickets *t = &e->tickets;

	end_sealing(e);
	for (size_t i = 0; i < t->len; i++)
		e->config.ops->give_back(e->arg, t->messages[i]);
	t->len = 0;
}

/* ---- client ---------------------------------------------------------------------------------- */

struct new_session_ticket {
	uint32_t lifetime;
	uint32_t age_add;
	struct reader nonce;
	struct reader ticket;
};

/* "Clients MUST ignore unrecognized extensions", and early data is not for us. */
static bool extensions_have_a_parse(struct reader block)
{
	struct reader body;
	uint16_t type;

	while (!reader_empty(&block))
		if (!reader_u16(&block, &type) || !reader_vec16(&block, &body))
			return false;
	return true;
}

static bool parse(struct reader r, struct new_session_ticket *out)
{
	struct reader body, extensions;
	uint8_t type;

	return reader_u8(&r, &type) && type == MESSAGE_NEW_SESSION_TICKET &&
	       reader_vec24(&r, &body) && reader_empty(&r) && reader_u32(&body, &out->lifetime) &&
	       reader_u32(&body, &out->age_add) && reader_vec8(&body, &out->nonce) &&
	       reader_vec16(&body, &out->ticket) && !reader_empty(&out->ticket) &&
	       reader_vec16(&body, &extensions) && reader_empty(&body) &&
	       extensions_have_a_parse(extensions);
}

static void build_session(const struct ktls_secrets *secrets, const struct suite *suite,
			  const struct new_session_ticket *nst, const char *server_name,
			  uint64_t now, struct writer *w)
{
	struct session s = {
		.version = secrets->version,
		.suite = secrets->suite,
		.issued = now,
		.lifetime = nst->lifetime,
		.age_add = nst->age_add,
		.secret_len = (uint8_t)hash_size(suite->hash),
		.ticket = { nst->ticket.at, nst->ticket.left },
	};

	/* "Clients MUST NOT use tickets for longer than 7 days". */
	if (s.lifetime > SESSION_LIFETIME_MAX)
		s.lifetime = SESSION_LIFETIME_MAX;
	ticket_secret(suite->hash, secrets->resumption, nst->nonce, s.secret);
	memcpy(s.server_name, server_name, strlen(server_name) + 1);
	session_build(&s, w);
	secret_wipe(&s, sizeof(s));
}

int ktls_secrets_ticket(const struct ktls_secrets *secrets, const uint8_t *message, size_t len,
			const char *server_name, uint64_t now, uint8_t *session,
			size_t *session_len)
{
	const struct suite *suite = suite_find(secrets->suite);
	struct new_session_ticket nst;
	struct reader r;
	struct writer w;

	server_name = server_name ? server_name : "";
	if (secrets->role != KTLS_CLIENT || secrets->version != KTLS_TLS_1_3 || !suite ||
	    suite->version != KTLS_TLS_1_3 ||
	    strlen(server_name) >= sizeof(((struct session *)0)->server_name))
		return -KTLS_R_MISUSE;
	reader_init(&r, message, len);
	if (!parse(r, &nst))
		return -KTLS_R_MESSAGE_MALFORMED;
	*session_len = 0;
	/* "The value of zero indicates that the ticket should be discarded immediately." */
	if (nst.lifetime == 0 || nst.ticket.left > KTLS_ENGINE_TICKET_MAX)
		return 0;
	writer_init(&w, session, KTLS_ENGINE_SESSION_MAX);
	build_session(secrets, suite, &nst, server_name, now, &w);
	*session_len = w.len;
	return 0;
}
