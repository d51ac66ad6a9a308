/* SPDX-License-Identifier: MIT */
#include "lib/conn/relay_tickets.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct ticket {
	struct ticket *next;
	uint64_t cookie;
	size_t session_len, len;
	uint8_t bytes[]; /* the sealed session, then the message */
};

struct relay_tickets {
	pthread_mutex_t lock;
	unsigned int holders;
	struct ticket *first, **last;
	size_t n;
};

struct relay_tickets *relay_tickets_new(void)
{
	struct relay_tickets *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	pthread_mutex_init(&t->lock, NULL);
	t->holders = 1;
	t->last = &t->first;
	return t;
}

struct relay_tickets *relay_tickets_get(struct relay_tickets *t)
{
	pthread_mutex_lock(&t->lock);
	t->holders++;
	pthread_mutex_unlock(&t->lock);
	return t;
}

/* A list that is nobody's any more. */
static void drop(struct ticket *ticket)
{
	while (ticket) {
		struct ticket *next = ticket->next;

		explicit_bzero(ticket->bytes, ticket->session_len + ticket->len);
		free(ticket);
		ticket = next;
	}
}

void relay_tickets_put(struct relay_tickets *t)
{
	bool last;

	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	last = --t->holders == 0;
	pthread_mutex_unlock(&t->lock);
	if (!last)
		return;
	drop(t->first);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

void relay_tickets_add(struct relay_tickets *t, uint64_t cookie, const struct ktls_span *session,
		       const uint8_t *message, size_t len)
{
	struct ticket *ticket = malloc(sizeof(*ticket) + session->len + len);

	if (!ticket)
		return;
	*ticket = (struct ticket){ .cookie = cookie, .session_len = session->len, .len = len };
	memcpy(ticket->bytes, session->bytes, session->len);
	memcpy(ticket->bytes + session->len, message, len);
	pthread_mutex_lock(&t->lock);
	if (t->n < RELAY_TICKETS_MAX) {
		t->n++;
		*t->last = ticket;
		t->last = &ticket->next;
		ticket = NULL;
	}
	pthread_mutex_unlock(&t->lock);
	drop(ticket);
}

static struct ticket *take_all(struct relay_tickets *t)
{
	struct ticket *all;

	pthread_mutex_lock(&t->lock);
	all = t->first;
	t->first = NULL;
	t->last = &t->first;
	t->n = 0;
	pthread_mutex_unlock(&t->lock);
	return all;
}

void relay_tickets_keep(struct relay_tickets *t, struct conn_loop *loop,
			const struct conn_service_request *how)
{
	struct ticket *all = take_all(t);
	struct conn *conn;

	for (const struct ticket *ticket = all; ticket; ticket = ticket->next) {
		struct conn_service_request request = *how;

		request.fd = -1;
		request.relayed = true;
		request.cookie = ticket->cookie;
		request.session = (struct ktls_span){ ticket->bytes, ticket->session_len };
		request.ticket =
			(struct ktls_span){ ticket->bytes + ticket->session_len, ticket->len };
		(void)!conn_service_start(loop, &request, &conn);
	}
	drop(all);
}
