/* SPDX-License-Identifier: MIT */
#include "tests/harness/tickets.h"

#include <string.h>

#include "lib/handshake/engine.h"
#include "lib/handshake/protect.h"
#include "tests/harness/harness.h"

#define MARK 0xa5

struct tickets tickets;

static struct {
	uint8_t bytes[KTLS_ENGINE_TICKET_MAX];
	size_t len;
	uint8_t *out;
	size_t *out_len;
} deferred;

static uint64_t fake_now(void *arg)
{
	(void)arg;
	return tickets.now;
}

static int finish(struct engine_end *end)
{
	(void)end;
	if (deferred.len > 0)
		memcpy(deferred.out, deferred.bytes, deferred.len);
	*deferred.out_len = deferred.len;
	return 0;
}

/* Writes what lies in deferred, now or later. */
static int deliver(void *arg, uint8_t *out, size_t *out_len)
{
	deferred.out = out;
	deferred.out_len = out_len;
	if (!tickets.later)
		return finish(arg);
	((struct engine_end *)arg)->deferred = finish;
	return KTLS_ENGINE_PENDING;
}

static int fake_seal(void *arg, const uint8_t *state, size_t state_len, uint8_t *ticket,
		     size_t *ticket_len)
{
	ASSERT_LE(state_len, (size_t)KTLS_ENGINE_STATE_MAX);
	tickets.sealed++;
	deferred.bytes[0] = MARK;
	memcpy(deferred.bytes + 1, state, state_len);
	deferred.len = tickets.none ? 0 : 1 + state_len;
	return deliver(arg, ticket, ticket_len);
}

static int fake_open(void *arg, const uint8_t *ticket, size_t ticket_len, const char *server_name,
		     uint8_t *state, size_t *state_len)
{
	bool ours = ticket_len > 1 && ticket_len - 1 <= KTLS_ENGINE_STATE_MAX && ticket[0] == MARK;

	tickets.opened++;
	strcpy(tickets.opened_for, server_name);
	deferred.len = ours && !tickets.none ? ticket_len - 1 : 0;
	memcpy(deferred.bytes, ticket + 1, deferred.len);
	return deliver(arg, state, state_len);
}

static void fake_keep(void *arg, const uint8_t *session, size_t session_len)
{
	(void)arg;
	ASSERT_LT(tickets.kept, TICKETS_KEPT);
	ASSERT_LE(session_len, (size_t)KTLS_ENGINE_SESSION_MAX);
	memcpy(tickets.session[tickets.kept], session, session_len);
	tickets.session_len[tickets.kept++] = session_len;
}

void tickets_attach(struct engine_end *client, struct engine_end *server)
{
	if (tickets.now == 0)
		tickets.now = 1700000000000;
	client->ops.now = server->ops.now = fake_now;
	client->ops.keep_session = fake_keep;
	server->ops.seal_ticket = fake_seal;
	server->ops.open_ticket = fake_open;
	server->config.tickets = 1;
}

/* Tickets one after the other. */
static size_t keep_all(const struct ktls_secrets *secrets, const char *name, struct reader messages)
{
	struct reader whole, body;
	uint8_t type;
	size_t n;

	for (n = 0; !reader_empty(&messages); n++) {
		whole = messages;
		ASSERT_TRUE(reader_u8(&messages, &type) && reader_vec24(&messages, &body));
		whole.left -= messages.left;
		ASSERT_LT(tickets.kept, TICKETS_KEPT);
		ASSERT_EQ(0, ktls_secrets_ticket(secrets, whole.at, whole.left, name, tickets.now,
						 tickets.session[tickets.kept],
						 &tickets.session_len[tickets.kept]));
		tickets.kept++;
	}
	return n;
}

size_t tickets_collect(struct engine_end *client)
{
	static uint8_t messages[ENGINES_QUEUE];
	struct engine *e = engine_of(&client->engine);
	struct ktls_secrets secrets;
	size_t at = 0, end = 0;
	struct reader r;

	ASSERT_EQ(0, ktls_engine_secrets(&client->engine, &secrets));
	while (at < client->in.len) {
		uint8_t *record = client->in.bytes + at, *content;
		size_t len = (size_t)(record[3] << 8 | record[4]), content_len;

		ASSERT_TRUE(protect_open(&e->schedule, &e->schedule.rx, record, len, &content,
					 &content_len));
		e->schedule.rx.seq++;
		ASSERT_EQ(22, content[content_len - 1]);
		memcpy(messages + end, content, content_len - 1);
		end += content_len - 1;
		at += 5 + len;
	}
	client->in.len = 0;
	reader_init(&r, messages, end);
	return keep_all(&secrets, client->config.server_name, r);
}

void tickets_offer(struct engine_end *client)
{
	size_t last = tickets.kept - 1;

	ASSERT_GT(tickets.kept, 0u);
	client->config.session = (struct ktls_span){ .bytes = tickets.session[last],
						     .len = tickets.session_len[last] };
}
