/* SPDX-License-Identifier: MIT */
/* A worker's loop: events, turns, deadlines, the end. */
#include "Documentation/examples/httpd/httpd.h"

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 64

/* ---- queues -----------------------------------------------------------------------------------
 */

/* Which of a connection's places a queue is of. */
typedef struct place *place_of(struct connection *c);

static struct place *deadline_place(struct connection *c)
{
	return &c->by_deadline;
}

static struct place *ready_place(struct connection *c)
{
	return &c->ready;
}

static void leave(struct queue *q, struct connection *c, place_of *of)
{
	struct place *p = of(c);

	if (!p->in)
		return;
	*(p->before ? &of(p->before)->behind : &q->first) = p->behind;
	*(p->behind ? &of(p->behind)->before : &q->last) = p->before;
	p->in = false;
}

static void enter(struct queue *q, struct connection *c, place_of *of)
{
	leave(q, c, of);
	*of(c) = (struct place){ .before = q->last, .in = true };
	*(q->last ? &of(q->last)->behind : &q->first) = c;
	q->last = c;
}

void worker_touch(struct connection *c)
{
	c->deadline = c->worker->now + (uint64_t)c->worker->options->timeout_ms;
	enter(&c->worker->by_deadline, c, deadline_place);
}

void worker_ready(struct connection *c)
{
	enter(&c->worker->ready, c, ready_place);
}

void connection_free(struct connection *c)
{
	struct worker *w = c->worker;

	leave(&w->by_deadline, c, deadline_place);
	leave(&w->ready, c, ready_place);
	if (c->answer.file >= 0)
		close(c->answer.file);
	ktls_session_free(c->session);
	/* Before close(): a relay or ktlsd may hold the same socket a little longer. */
	epoll_ctl(w->epoll, EPOLL_CTL_DEL, c->fd, NULL);
	close(c->fd);
	free(c);
	w->connections--;
}

/* ---- the loop ---------------------------------------------------------------------------------
 */

static uint64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Milliseconds, or -1: until whatever comes first. */
static int until(const struct worker *w)
{
	uint64_t then = w->by_deadline.first ? w->by_deadline.first->deadline : UINT64_MAX;

	if (w->paused && w->resume < then)
		then = w->resume;
	if (w->ready.first || then <= w->now)
		return 0;
	return then == UINT64_MAX ? -1 : (int)(then - w->now);
}

static void take_turns(struct worker *w)
{
	struct connection *last = w->ready.last, *c;
	bool more = last != NULL;

	while (more) {
		c = w->ready.first;
		more = c != last;
		leave(&w->ready, c, ready_place);
		connection_run(c);
	}
}

static void expire(struct worker *w)
{
	while (w->by_deadline.first && w->by_deadline.first->deadline <= w->now)
		connection_expire(w->by_deadline.first);
}

/* Those who wait for a request are let go; the others are answered first. */
static void stop(struct worker *w)
{
	struct connection *c, *next;

	if (w->stopping)
		_exit(1);
	w->stopping = true;
	accept_end(w);
	for (c = w->by_deadline.first; c; c = next) {
		next = c->by_deadline.behind;
		if (c->state == CONNECTION_REQUEST && c->len == 0)
			connection_expire(c);
	}
}

static void event(struct worker *w, const struct epoll_event *e)
{
	struct connection *c = e->data.ptr;

	if (e->data.ptr == &w->listener) {
		accept_some(w);
	} else if (e->data.ptr == &w->ktls) {
		accept_collect(w);
	} else if (e->data.ptr != &w->signals) {
		if (e->events & ~(uint32_t)EPOLLOUT)
			c->readable = true;
		connection_run(c);
	}
}

static bool stop_signal(struct worker *w)
{
	struct signalfd_siginfo info;

	return read(w->signals, &info, sizeof(info)) == sizeof(info);
}

/* Stopping frees connections, which may have events: so it comes behind these. */
static void turn(struct worker *w)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(w->epoll, events, EVENTS, until(w));

	if (n < 0 && errno != EINTR)
		err(1, "epoll_wait");
	w->now = clock_ms();
	for (int i = 0; i < n; i++)
		event(w, &events[i]);
	take_turns(w);
	expire(w);
	if (stop_signal(w))
		stop(w);
	if (w->paused && w->resume <= w->now)
		accept_resume(w);
}

static struct ktls *open_ktls(const struct httpd_options *options)
{
	const struct ktls_embedded_config config = { .identities = &options->own,
						     .identities_len = 1 };
	struct ktls_error error;
	struct ktls *k = options->own.certs_file ? ktls_open_embedded(&config, &error)
						 : ktls_open(options->socket, &error);

	if (!k)
		errx(1, "%s", error.text);
	return k;
}

int worker_run(const struct httpd_options *options)
{
	struct worker w = { .options = options, .now = clock_ms() };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	w.signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	w.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (w.signals < 0 || w.epoll < 0 ||
	    epoll_ctl(w.epoll, EPOLL_CTL_ADD, w.signals,
		      &(struct epoll_event){ EPOLLIN, { &w.signals } }) < 0)
		err(1, "a worker");
	if (options->mode != HTTPD_PLAIN)
		w.ktls = open_ktls(options);
	accept_begin(&w);
	while (!w.stopping || w.connections > 0 || w.listen_id != 0)
		turn(&w);
	ktls_close(w.ktls);
	return 0;
}
