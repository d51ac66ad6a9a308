/* SPDX-License-Identifier: MIT */
/*
 * Connections of applications. A client that does not read its replies is not read from, so that
 * what it makes us keep is bounded by what it has in flight; when that has lasted too long, or has
 * become too much, it is dropped.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/worker.h"

#define PACKETS_TURN     16        /* packets of one client before others get their turn */
#define REFUSED_MAX      16        /* requests in refusal beside the handshakes in flight */
#define UNSENT_MAX       (4 << 20) /* bytes of replies that a client has not read */
#define UNSENT_EXPIRE_MS 30000

struct packet {
	struct packet *next;
	size_t len;
	int fd; /* that goes with it; -1: none */
	uint8_t bytes[];
};

/* ---- replies ----------------------------------------------------------------------------------
 */

/* A relayed descriptor, which is ours and never makes close() wait. */
static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void queue_packet(struct client *client, const void *bytes, size_t len, int fd)
{
	struct packet *p = malloc(sizeof(*p) + len);

	if (!p || client->unsent_bytes + len > UNSENT_MAX) {
		free(p);
		close_fd(fd);
		log_limited(&client->worker->complaints, LOG_WARNING,
			    "uid %u pid %d does not read its replies: closed", client->uid,
			    (int)client->pid);
		client_drop(client);
		return;
	}
	p->next = NULL;
	p->len = len;
	p->fd = fd;
	memcpy(p->bytes, bytes, len);
	if (!client->unsent) {
		client->unsent_since = clock_ms();
		client->worker->clients_unsent++;
	}
	*client->unsent_tail = p;
	client->unsent_tail = &p->next;
	client->unsent_bytes += len;
}

static void pop_packet(struct client *client)
{
	struct packet *p = client->unsent;

	client->unsent = p->next;
	client->unsent_bytes -= p->len;
	close_fd(p->fd);
	explicit_bzero(p->bytes, p->len); /* there may be keying material in it */
	free(p);
	if (!client->unsent) {
		client->unsent_tail = &client->unsent;
		client->worker->clients_unsent--;
	}
}

/* The kernel lets a user have only so many descriptors under way; no event tells when it is less.
 */
static bool passes(int err)
{
	return err == -ETOOMANYREFS || err == -ENOBUFS || err == -ENOMEM;
}

void client_send_fd(struct client *client, const void *bytes, size_t len, int fd)
{
	int err = client->unsent ? -EAGAIN : handoff_send(client->watch.fd, bytes, len, fd);

	if (err == -EAGAIN || passes(err)) {
		client->worker->clients_retry |= passes(err);
		queue_packet(client, bytes, len, fd);
		return;
	}
	close_fd(fd);
	if (err)
		client_drop(client);
}

void client_send(struct client *client, const void *bytes, size_t len)
{
	client_send_fd(client, bytes, len, -1);
}

/* False where the client was dropped. */
static bool flush_unsent(struct client *client)
{
	while (client->unsent) {
		int err = handoff_send(client->watch.fd, client->unsent->bytes, client->unsent->len,
				       client->unsent->fd);

		if (err == -EAGAIN || passes(err)) {
			client->worker->clients_retry |= passes(err);
			return true;
		}
		if (err) {
			client_drop(client);
			return false;
		}
		client->unsent_since = clock_ms();
		pop_packet(client);
	}
	return true;
}

static void retry(struct worker *w)
{
	struct client *next;

	w->clients_retry = false;
	for (struct client *c = w->clients; c; c = next) {
		next = c->next;
		if (c->unsent && flush_unsent(c))
			client_resume(c);
	}
}

void clients_expire(struct worker *w, uint64_t now_ms)
{
	struct client *next;

	if (w->clients_retry)
		retry(w);
	for (struct client *c = w->clients; c && w->clients_unsent > 0; c = next) {
		next = c->next;
		if (!c->unsent || now_ms < c->unsent_since + UNSENT_EXPIRE_MS)
			continue;
		log_limited(&w->complaints, LOG_WARNING,
			    "uid %u pid %d has not read its replies for %d s: closed", c->uid,
			    (int)c->pid, UNSENT_EXPIRE_MS / 1000);
		client_drop(c);
	}
}

/* ---- packets ----------------------------------------------------------------------------------
 */

static bool may_be_read(const struct client *client)
{
	return client->readable && !client->unsent && !client->dead &&
	       client->in_flight < client->worker->settings.handshakes_max + REFUSED_MAX;
}

static void make_due(struct client *client)
{
	struct worker *w = client->worker;

	if (client->due || !may_be_read(client))
		return;
	client->due = true;
	client->next_due = w->due;
	w->due = client;
}

void client_resume(struct client *client)
{
	make_due(client);
}

/* What clients_retire() has closed is empty. */
static void ends_requests(struct client *client)
{
	client->readable = false;
	client->drained = true;
}

static void receive(struct client *client)
{
	struct worker *w = client->worker;
	struct handoff_packet packet;

	for (int i = 0; i < PACKETS_TURN && may_be_read(client); i++) {
		int n = handoff_recv(client->watch.fd, w->packet, sizeof(w->packet), &packet);

		if (n == -EAGAIN)
			client->readable = false;
		else if (n == 0 && w->retiring)
			ends_requests(client);
		else if (n <= 0 || !request_receive(client, &packet))
			client_drop(client);
	}
	if (!client->dead)
		make_due(client);
}

void clients_run(struct worker *w)
{
	struct client *client = w->due;
	struct client *next;

	w->due = NULL;
	for (; client; client = next) {
		next = client->next_due;
		client->due = false;
		receive(client);
	}
}

static void client_ready(struct watch *watch, uint32_t events)
{
	struct client *client = (struct client *)watch;
	uint32_t end = EPOLLHUP | EPOLLERR;

	if (client->dead)
		return;
	if (!client->worker->retiring) /* else that is our own doing */
		end |= EPOLLRDHUP;
	if (events & end) {
		client_drop(client);
		return;
	}
	if (events & EPOLLIN)
		client->readable = true;
	if (events & EPOLLOUT) {
		if (!flush_unsent(client))
			return;
		listenings_resume(client->worker, client);
	}
	if (!client->dead)
		make_due(client);
}

/* ---- retirement -------------------------------------------------------------------------------
 */

/* From here on the kernel refuses what the client sends, and hands out what it had sent before. */
static void client_retire(struct client *client)
{
	shutdown(client->watch.fd, SHUT_RD);
	client->readable = true;
	make_due(client);
}

void clients_retire(struct worker *w)
{
	w->retiring = true;
	listenings_retire(w);
	for (struct client *c = w->clients; c; c = c->next)
		client_retire(c);
}

void clients_release(struct worker *w)
{
	struct client *next;

	for (struct client *c = w->clients; c; c = next) {
		next = c->next;
		if (c->in_flight == 0 && !c->unsent && (c->drained || w->stopping))
			client_drop(c);
	}
}

/* ---- beginning and end ------------------------------------------------------------------------
 */

static void greet(struct client *client)
{
	struct worker *w = client->worker;
	struct handoff_greeting greeting = {
		.protocol = HANDOFF_VERSION,
		.lanes = w->settings.workers,
		.lane = w->index,
		.message_max = HANDOFF_MESSAGE_MAX,
		.in_flight_max = w->settings.handshakes_max,
		.deadline_max = w->settings.deadline_max,
		.received_max = KTLS_RECEIVED_MAX,
		.capabilities = w->capabilities,
		.version = KTLS_VERSION,
	};
	size_t len = handoff_greeting_build(&greeting, w->reply, sizeof(w->reply));

	client_send(client, w->reply, len);
}

/* Not one of us: the reply says why, and that is all. */
static void turn_away(struct worker *w, int fd)
{
	struct handoff_reply reply = { .reason = KTLS_R_TOO_MANY };
	size_t len = handoff_reply_build(&reply, w->reply, sizeof(w->reply));

	log_limited(&w->complaints, LOG_WARNING, "more than %d connections", CLIENTS_MAX);
	if (handoff_send(fd, w->reply, len, -1) != 0)
		log_limited(&w->complaints, LOG_WARNING, "a connection ended before it began");
	w->clients_gone++;
	conn_loop_close(w->loop, fd, NULL, NULL);
}

static void link_client(struct client **list, struct client *client)
{
	client->next = *list;
	client->link = list;
	if (*list)
		(*list)->link = &client->next;
	*list = client;
}

static void unlink_client(struct client *client)
{
	*client->link = client->next;
	if (client->next)
		client->next->link = client->link;
}

void client_adopt(struct worker *w, int fd, const struct client_identity *identity)
{
	struct client *client = w->clients_len < CLIENTS_MAX ? malloc(sizeof(*client)) : NULL;

	if (!client) {
		turn_away(w, fd);
		return;
	}
	*client = (struct client){ .watch = { .ready = client_ready, .fd = fd },
				   .worker = w,
				   .uid = identity->uid,
				   .pid = identity->pid };
	memcpy(client->allowed, identity->allowed, sizeof(client->allowed));
	client->unsent_tail = &client->unsent;
	link_client(&w->clients, client);
	w->clients_len++;
	if (!watch_add(w, &client->watch, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET))
		client_drop(client);
	else
		greet(client);
}

/*
 * Descriptors in packets that nobody will read: the kernel would close them with the connection,
 * and close what came from elsewhere in this thread.
 */
static void drain(struct client *client)
{
	struct worker *w = client->worker;
	struct handoff_packet packet;

	while (handoff_recv(client->watch.fd, w->packet, sizeof(w->packet), &packet) == 1) {
		for (size_t i = 0; i < packet.fds_len; i++)
			conn_loop_close(w->loop, packet.fds[i], NULL, NULL);
	}
}

void client_drop(struct client *client)
{
	struct worker *w = client->worker;

	if (client->dead)
		return;
	client->dead = true;
	requests_abandon(client);
	while (client->unsent)
		pop_packet(client);
	drain(client);
	epoll_ctl(w->epoll, EPOLL_CTL_DEL, client->watch.fd, NULL);
	conn_loop_close(w->loop, client->watch.fd, NULL, NULL);
	unlink_client(client);
	link_client(&w->buried, client);
	w->clients_len--;
	w->clients_gone++;
}

void clients_bury(struct worker *w)
{
	struct client *next;

	for (struct client *client = w->buried; client; client = next) {
		next = client->next;
		if (client->due) /* still in that list */
			continue;
		unlink_client(client);
		free(client);
	}
}
