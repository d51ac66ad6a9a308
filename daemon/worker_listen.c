/* SPDX-License-Identifier: MIT */
/*
 * Listening sockets of clients: their connections are accepted and handshakes performed by
 * lib/conn/accept.h, and what is finished goes to the client as it has room for it. A listening
 * request is in flight until its last reply; each connection has a request of its own that no
 * client knows of, for the log.
 *
 * What is finished waits here in three cases: so many are with the client that it has to collect
 * first; its socket is full; its user has too many descriptors under way. Only the first ends with
 * a message of the client's, and a worker that retires hears none: it does not wait for that.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/worker.h"
#include "lib/conn/accept.h"
#include "lib/conn/reply.h"

#define LISTENINGS_MAX 256 /* of a worker: each has a thread */
#define RETRY_MS       20  /* for what becomes possible again without an event */

/* A finished connection that the client has not got. */
struct finished {
	struct finished *next;
	int fd;
	size_t len;
	uint8_t bytes[]; /* the reply */
};

struct listening {
	struct watch watch; /* of accept; first */
	struct worker *worker;
	struct listening *next, **link; /* in worker->listenings */
	struct request *request;
	int fd;
	struct conn_accept *accept;
	unsigned int backlog;
	unsigned int away; /* connections that the client has or will have read, not collected */
	struct finished *finished, **finished_last;
	unsigned int finished_len;
	unsigned int carried; /* that a relay has been asked for */
	bool leaving;         /* the worker retires, or stops */
	bool over;            /* nothing is under way */
	bool gone;            /* the client is */
	enum ktls_reason last;
};

/* ---- the end ----------------------------------------------------------------------------------
 */

static void finished_pop(struct listening *l)
{
	struct finished *f = l->finished;

	l->finished = f->next;
	if (!l->finished)
		l->finished_last = &l->finished;
	l->finished_len--;
	conn_loop_close(l->worker->loop, f->fd, NULL, NULL);
	explicit_bzero(f->bytes, f->len); /* there may be keying material in it */
	free(f);
}

static void listening_free(struct listening *l)
{
	struct worker *w = l->worker;

	epoll_ctl(w->epoll, EPOLL_CTL_DEL, l->watch.fd, NULL);
	conn_accept_free(l->accept);
	conn_loop_close(w->loop, l->fd, NULL, NULL);
	*l->link = l->next;
	if (l->next)
		l->next->link = l->link;
	w->listenings_len--;
	free(l);
}

static void end(struct listening *l)
{
	struct request *request = l->request;
	struct handoff_reply reply = { .reason = (uint16_t)l->last, .alert = KTLS_ALERT_NONE };
	char who[256];

	request_describe(request, who, sizeof(who));
	log_message(LOG_INFO, "%s: no longer listening: %s", who, ktls_reason_name((int)l->last));
	/* Sending may find that the client has gone, which abandons all that it has. */
	request->listening = NULL;
	listening_free(l);
	request_answer(request, &reply);
}

/* When all that was finished has gone out. Not at once: whoever calls may hold it. */
static bool has_ended(const struct listening *l)
{
	return l->over && l->finished_len == 0 && l->carried == 0;
}

static void check_end(struct listening *l)
{
	if (has_ended(l))
		l->worker->listenings_ended = true;
}

static void bury(struct worker *w)
{
	struct listening *next;

	if (!w->listenings_ended)
		return;
	w->listenings_ended = false;
	for (struct listening *l = w->listenings; l; l = next) {
		next = l->next;
		if (has_ended(l))
			end(l);
	}
}

/* The client has gone, or something in its place: what is finished is of no use. */
static void drop_finished(struct listening *l)
{
	while (l->finished)
		finished_pop(l);
}

static void stop(struct listening *l, enum ktls_reason reason, bool abandon)
{
	if (l->last == KTLS_OK)
		l->last = reason;
	conn_accept_stop(l->accept, abandon);
}

/* ---- what is finished -------------------------------------------------------------------------
 */

static void make_room(struct listening *l)
{
	unsigned int busy = l->away + l->finished_len + l->carried;

	conn_accept_room(l->accept, busy < l->backlog ? l->backlog - busy : 0);
}

/* False: it has to wait, or nobody is left who does. */
static bool deliver_one(struct listening *l)
{
	struct worker *w = l->worker;
	struct client *client = l->request->client;
	const struct finished *f = l->finished;
	int err =
		client->unsent ? -EAGAIN : handoff_send(client->watch.fd, f->bytes, f->len, f->fd);

	switch (err) {
	case 0:
		finished_pop(l);
		l->away++;
		return true;
	case -EAGAIN: /* the socket says when it has room */
		return false;
	case -ETOOMANYREFS:
	case -ENOBUFS:
	case -ENOMEM:
		w->listenings_retry = clock_ms() + RETRY_MS;
		return false;
	default:
		client_drop(client);
		return false;
	}
}

/* The client may be gone afterwards. */
static void deliver(struct listening *l)
{
	while (l->finished && !l->gone && (l->away < l->backlog || l->leaving) && deliver_one(l))
		;
	make_room(l);
	check_end(l);
}

static struct finished *finished_new(const void *bytes, size_t len, int fd)
{
	struct finished *f = malloc(sizeof(*f) + len);

	if (!f)
		return NULL;
	f->next = NULL;
	f->fd = fd;
	f->len = len;
	memcpy(f->bytes, bytes, len);
	return f;
}

static void finished(struct listening *l, const void *bytes, size_t len, int fd)
{
	struct finished *f = l->gone ? NULL : finished_new(bytes, len, fd);

	if (!f) {
		conn_loop_close(l->worker->loop, fd, NULL, NULL);
		return;
	}
	*l->finished_last = f;
	l->finished_last = &f->next;
	l->finished_len++;
	deliver(l);
}

void listening_complete(const struct request *request, struct handoff_reply *reply)
{
	reply->id = request->id;
	reply->descriptor |= HANDOFF_FD_ACCEPTED;
	reply->more = 1;
}

void listening_carried(const struct request *request, int fd)
{
	struct listening *l = request->listening;

	l->carried--;
	if (fd >= 0)
		finished(l, request->packet, request->packet_len, fd);
	else
		make_room(l);
	check_end(l);
}

/* ---- what accept.h tells ----------------------------------------------------------------------
 */

static bool on_begin(void *arg, struct conn_accepted *a)
{
	struct listening *l = arg;
	struct request *request = request_of_connection(l->request, a->fd);

	if (!request)
		return false;
	request->listening = l;
	a->user = request;
	return true;
}

static void tell(struct listening *l, struct request *request, const struct conn_accepted *a,
		 const struct conn_result *result)
{
	struct worker *w = l->worker;
	struct handoff_reply reply;
	size_t len;

	conn_reply(result, &reply);
	reply.peer_address = (struct ktls_span){ a->peer, a->peer_len };
	reply.local_address = (struct ktls_span){ a->local, a->local_len };
	reply.time_us = clock_us() - request->arrived;
	listening_complete(request, &reply);
	len = handoff_reply_build(&reply, w->reply, sizeof(w->reply));
	finished(l, w->reply, len, result->fd);
	explicit_bzero(w->reply, len);
}

/* Where nobody is left who asked for it, there is nothing to be logged, either. */
static void on_done(void *arg, struct conn_accepted *a, const struct conn_result *result)
{
	struct listening *l = arg;
	struct request *request = a->user;

	if (result->reason != KTLS_R_CANCELLED || l->last == KTLS_OK)
		request_log(request, result);
	if (result->carry) {
		l->carried++;
		relay_carry(request, result);
		return;
	}
	if (result->reason == KTLS_OK)
		tell(l, request, a, result);
	request_free(request);
}

static void on_trouble(void *arg, int error)
{
	const struct listening *l = arg;
	char who[256];

	request_describe(l->request, who, sizeof(who));
	log_limited(&l->worker->complaints, LOG_WARNING, "%s: cannot accept: %s", who,
		    error ? strerror(error) : "no memory for a handshake, or too many of them");
}

static void on_over(void *arg, bool listening)
{
	struct listening *l = arg;

	l->over = true;
	if (!listening && l->last == KTLS_OK)
		l->last = KTLS_R_SOCKET_NOT_LISTENING;
	check_end(l);
}

static const struct conn_accept_ops accept_ops = {
	.begin = on_begin,
	.done = on_done,
	.trouble = on_trouble,
	.over = on_over,
};

static void on_ready(struct watch *watch, uint32_t events)
{
	struct listening *l = (struct listening *)watch;

	(void)events;
	conn_accept_run(l->accept);
}

/* ---- beginning --------------------------------------------------------------------------------
 */

/* Half of a worker's handshakes for one socket, three quarters for all that listen. */
static int begin_accepting(struct listening *l, const struct conn_request *conn)
{
	struct worker *w = l->worker;
	size_t max = w->settings.handshakes_max;
	const struct conn_accept_config config = { .loop = w->loop,
						   .fd = l->fd,
						   .request = *conn,
						   .under_way_max = (max + 1) / 2,
						   .loop_max = max - max / 4,
						   .ops = &accept_ops,
						   .arg = l };

	if (conn_accept_new(&config, &l->accept) != 0)
		return -KTLS_R_NO_MEMORY;
	l->watch = (struct watch){ .ready = on_ready, .fd = conn_accept_fd(l->accept) };
	if (watch_add(w, &l->watch, EPOLLIN))
		return 0;
	conn_accept_free(l->accept);
	return -KTLS_R_NO_MEMORY;
}

static void link_listening(struct listening *l)
{
	struct worker *w = l->worker;

	l->next = w->listenings;
	l->link = &w->listenings;
	if (l->next)
		l->next->link = &l->next;
	w->listenings = l;
	w->listenings_len++;
}

int listening_start(struct request *request, const struct conn_request *conn, unsigned int backlog,
		    int fd)
{
	struct worker *w = request->worker;
	uint16_t suites[CONN_SUITES_MAX];
	struct listening *l;
	char who[256];
	int err = conn_accept_check(fd, conn);

	if (err < 0)
		return err;
	if (w->stopping || w->retiring)
		return -KTLS_R_WORKER_LOST;
	/* Each connection would be told the same, and nobody would hear of it. */
	if (conn->records == CONN_KERNEL && conn_suites(w->capabilities, suites) == 0)
		return -KTLS_R_KERNEL_NO_TLS;
	l = w->listenings_len < LISTENINGS_MAX ? calloc(1, sizeof(*l)) : NULL;
	if (!l)
		return -KTLS_R_TOO_MANY;
	l->worker = w;
	l->request = request;
	l->fd = fd;
	l->backlog = backlog;
	l->finished_last = &l->finished;
	err = begin_accepting(l, conn);
	if (err < 0) {
		free(l);
		return err;
	}
	link_listening(l);
	request->listening = l;
	request_describe(request, who, sizeof(who));
	log_message(LOG_INFO, "%s: listening", who);
	make_room(l);
	return 0;
}

/* ---- the client -------------------------------------------------------------------------------
 */

void listening_cancel(struct listening *l)
{
	stop(l, KTLS_R_CANCELLED, true);
}

void listening_abandon(struct listening *l)
{
	l->gone = true;
	drop_finished(l);
	stop(l, KTLS_R_CANCELLED, true);
	check_end(l);
}

bool listening_collected(struct listening *l, unsigned int count)
{
	if (count > l->away)
		return false;
	l->away -= count;
	deliver(l);
	return true;
}

void listenings_resume(struct worker *w, const struct client *client)
{
	for (struct listening *l = w->listenings; l; l = l->next)
		if (l->finished && l->request->client == client)
			deliver(l);
}

void listenings_run(struct worker *w, uint64_t now_ms)
{
	if (w->listenings_retry > 0 && now_ms >= w->listenings_retry) {
		w->listenings_retry = 0;
		for (struct listening *l = w->listenings; l; l = l->next)
			deliver(l);
	}
	bury(w);
}

/* The client is told at once that it has to ask another; what is under way still comes. */
static void tell_leaving(struct listening *l)
{
	struct worker *w = l->worker;
	const struct handoff_reply reply = { .id = l->request->id,
					     .reason = KTLS_R_WORKER_LOST,
					     .alert = KTLS_ALERT_NONE,
					     .more = 1 };
	size_t len = handoff_reply_build(&reply, w->reply, sizeof(w->reply));

	client_send(l->request->client, w->reply, len);
}

void listenings_retire(struct worker *w)
{
	for (struct listening *l = w->listenings; l; l = l->next) {
		if (l->leaving || l->last != KTLS_OK)
			continue;
		l->leaving = true;
		stop(l, KTLS_R_WORKER_LOST, false);
		if (!l->gone)
			tell_leaving(l);
		if (!l->gone)
			deliver(l);
	}
}
