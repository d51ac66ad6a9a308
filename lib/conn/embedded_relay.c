/* SPDX-License-Identifier: MIT */
#include "lib/conn/embedded_relay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/conn/internal.h"
#include "lib/conn/relay_tickets.h"
#include "lib/relay/thread.h"

/* ---- its tickets ----------------------------------------------------------------------------- */

#define TICKETS_MAX 8 /* of a connection, that are kept */

/* Of a connection whose session came with it. */
struct ticketed {
	struct relay_tickets *tickets;
	uint64_t cookie;
	unsigned int n;
	struct ktls_span session;
	uint8_t bytes[];
};

static void on_ticket(void *arg, const uint8_t *message, size_t len)
{
	struct ticketed *t = arg;

	if (t->n++ < TICKETS_MAX)
		relay_tickets_add(t->tickets, t->cookie, &t->session, message, len);
}

static void ticketed_free(struct ticketed *t)
{
	if (!t)
		return;
	relay_tickets_put(t->tickets);
	free(t);
}

static void on_ended(void *arg, const struct relay_end *end)
{
	(void)end;
	ticketed_free(arg);
}

/* NULL where no tickets are kept. */
static struct ticketed *ticketed_new(struct relay_tickets *tickets,
				     const struct conn_result *result)
{
	const struct ktls_span *session = &result->session;
	struct ticketed *t = NULL;
	uint64_t cookie;

	if (tickets && session->len > 0 && conn_cookie(result->fd, &cookie))
		t = malloc(sizeof(*t) + session->len);
	if (!t)
		return NULL;
	*t = (struct ticketed){ .tickets = relay_tickets_get(tickets),
				.cookie = cookie,
				.session = { t->bytes, session->len } };
	memcpy(t->bytes, session->bytes, session->len);
	return t;
}

/* ---- starting -------------------------------------------------------------------------------- */

static int make_thread(struct relay_thread **thread)
{
	const struct relay_config config = { .relays_max = EMBEDDED_RELAYS_MAX };

	if (!*thread && relay_thread_new(&config, thread) < 0)
		return -KTLS_R_NO_MEMORY;
	return 0;
}

/* 0, or a negative reason. */
static int start(struct embedded_relays *relays, const struct conn_result *result, int application)
{
	struct ticketed *ticketed = ticketed_new(relays->tickets, result);
	const struct relay_request request = {
		.peer = result->fd,
		.application = application,
		.secrets = result->secrets,
		.tx = result->tx_key,
		.rx = result->rx_key,
		.content_max = result->facts->content_max,
		.records_max = result->records_max,
		.ticket = ticketed ? on_ticket : NULL,
		.ended = on_ended,
		.arg = ticketed,
	};
	int err = make_thread(&relays->thread);

	if (err == 0)
		err = relay_thread_start(relays->thread, &request);
	if (err < 0)
		ticketed_free(ticketed);
	return err;
}

static void refuse(enum ktls_reason reason, struct handoff_reply *reply)
{
	*reply = (struct handoff_reply){ .reason = KTLS_R_RELAY_UNAVAILABLE,
					 .alert = KTLS_ALERT_NONE };
	snprintf(reply->text, sizeof(reply->text), "%s", ktls_reason_text((int)reason));
}

int embedded_carry(struct embedded_relays *relays, const struct conn_result *result,
		   struct conn_carried *room, struct handoff_reply *reply)
{
	int pair[2] = { -1, -1 };
	int err = -KTLS_R_NO_MEMORY;

	conn_reply_carried(result, room, reply);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0)
		err = start(relays, result, pair[0]);
	if (err == 0)
		return pair[1];
	refuse((enum ktls_reason)(-err), reply);
	close(result->fd);
	for (int i = 0; i < 2; i++)
		if (pair[i] >= 0)
			close(pair[i]);
	return -1;
}
