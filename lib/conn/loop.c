/* SPDX-License-Identifier: MIT */
/* Many handshakes on one epoll set, with their deadlines, and the descriptors on their way out. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/conn/internal.h"

#define EVENTS                                                                            \
	64 /* handled in one run at most: conn_loop_fd() stays readable if there are more \
	    */

/* ---- slots: tokens that outlive what they stand for ------------------------------------------ */

void conn_loop_add(struct conn *c)
{
	struct conn_loop *loop = c->loop;
	uint32_t at = loop->free_slot;
	struct conn_slot *slot = &loop->slots[at];

	loop->free_slot = slot->next_free;
	slot->conn = c;
	c->token = (uint64_t)slot->generation << 32 | at;
	loop->count++;
}

void conn_loop_remove(struct conn *c)
{
	struct conn_loop *loop = c->loop;
	uint32_t at = (uint32_t)c->token;
	struct conn_slot *slot = &loop->slots[at];

	if (c->token == 0)
		return;
	slot->conn = NULL;
	slot->generation += slot->generation == UINT32_MAX ? 2 : 1;
	slot->next_free = loop->free_slot;
	loop->free_slot = at;
	loop->count--;
}

struct conn *conn_loop_find(struct conn_loop *loop, uint64_t token)
{
	uint32_t at = (uint32_t)token;

	if (at >= loop->config.handshakes_max || loop->slots[at].generation != token >> 32)
		return NULL;
	return loop->slots[at].conn;
}

void conn_loop_log_secrets(struct conn_loop *loop,
			   void (*log)(void *arg, const char *line, size_t len), void *arg)
{
	loop->log = log;
	loop->log_arg = arg;
}

size_t conn_loop_count(const struct conn_loop *loop)
{
	return loop->count;
}

/* ---- beginning and end of a loop ------------------------------------------------------------- */

static int loop_watch(struct conn_loop *loop, int fd, void *what)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = what };

	return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int loop_allocate(struct conn_loop *loop)
{
	size_t max = loop->config.handshakes_max;

	pool_init(&loop->pool, loop->config.pool_max);
	loop->arena = arena_new(sizeof(struct conn_secrets), max);
	loop->slots = calloc(max, sizeof(*loop->slots));
	if (!loop->arena || !loop->slots)
		return -ENOMEM;
	if (loop->config.sessions_max > 0) {
		loop->sessions =
			session_store_new(loop->config.sessions_max, loop->config.sessions_bytes);
		if (!loop->sessions)
			return -ENOMEM;
	}
	for (uint32_t i = 0; i < max; i++)
		loop->slots[i] = (struct conn_slot){ .generation = 1, .next_free = i + 1 };
	return timers_init(&loop->timers, max);
}

static int loop_open(struct conn_loop *loop)
{
	int r;

	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0)
		return -errno;
	loop->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->wake < 0)
		return -errno;
	r = loop_watch(loop, loop->wake, &loop->wake);
	if (r == 0)
		r = loop_watch(loop, loop->timers.fd, &loop->timers);
	if (r == 0 && loop->config.closers > 0)
		r = closer_new(loop->config.closers, loop->wake, &loop->closer);
	return r;
}

int conn_loop_new(const struct conn_config *config, struct conn_loop **out)
{
	struct conn_loop *loop;
	int r;

	if (config->handshakes_max == 0 || config->handshakes_max >= UINT32_MAX)
		return -EINVAL;
	loop = calloc(1, sizeof(*loop));
	if (!loop)
		return -ENOMEM;
	loop->config = *config;
	if (!loop->config.kernel)
		loop->config.kernel = &conn_kernel_default;
	loop->epoll = -1;
	loop->wake = -1;
	loop->timers.fd = -1;
	loop->ended_last = &loop->ended;
	conn_suites_extend(config->suites, config->suites_len, loop->suites);
	r = loop_allocate(loop);
	if (r == 0)
		r = loop_open(loop);
	if (r < 0) {
		conn_loop_free(loop);
		return r;
	}
	*out = loop;
	return 0;
}

void conn_loop_free(struct conn_loop *loop)
{
	if (!loop)
		return;
	for (size_t i = 0; loop->slots && i < loop->config.handshakes_max; i++)
		if (loop->slots[i].conn)
			conn_drop(loop->slots[i].conn);
	closer_free(loop->closer);
	timers_wipe(&loop->timers);
	arena_free(loop->arena);
	session_store_free(loop->sessions);
	if (loop->wake >= 0)
		close(loop->wake);
	if (loop->epoll >= 0)
		close(loop->epoll);
	free(loop->slots);
	free(loop);
}

/* ---- the epoll set --------------------------------------------------------------------------- */

int conn_loop_fd(const struct conn_loop *loop)
{
	return loop->epoll;
}

bool conn_loop_poll(struct conn *c, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = c };
	int op = c->polled != 0 ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	if (c->polled == events)
		return true;
	if (epoll_ctl(c->loop->epoll, op, c->fd, &event) < 0)
		return false;
	c->polled = events;
	return true;
}

/* Before the descriptor is closed: somebody else holds the socket, and an entry would outlive us.
 */
void conn_loop_unpoll(struct conn *c)
{
	if (c->polled != 0)
		epoll_ctl(c->loop->epoll, EPOLL_CTL_DEL, c->fd, NULL);
	c->polled = 0;
}

/* ---- the ends of handshakes ------------------------------------------------------------------ */

static void conn_closed(void *arg)
{
	conn_finish(arg);
}

void conn_loop_ended(struct conn *c)
{
	struct conn_loop *loop = c->loop;
	struct closer_job *job = c->job;

	if (job && !(c->has_keys && (c->keep_fd || c->result.carry))) {
		*job = (struct closer_job){ .fd = c->fd, .closed = conn_closed, .arg = c };
		c->job = NULL;
		closer_push(loop->closer, job);
		return;
	}
	*loop->ended_last = c;
	loop->ended_last = &c->next_ended;
	if (!loop->running)
		eventfd_write(loop->wake, 1);
}

void conn_loop_close(struct conn_loop *loop, int fd, void (*done)(void *arg), void *arg)
{
	struct closer_job *job = malloc(sizeof(*job));

	if (!job) {
		close(fd);
		if (done)
			done(arg);
		return;
	}
	*job = (struct closer_job){ .fd = fd, .closed = done, .arg = arg };
	closer_push(loop->closer, job);
}

static void loop_collect(struct conn_loop *loop)
{
	struct closer_job *job = loop->closer ? closer_collect(loop->closer) : NULL;
	struct closer_job *next;

	for (; job; job = next) {
		next = job->next;
		if (job->closed)
			job->closed(job->arg);
		free(job);
	}
}

/* Those that end while done() is called wait for the next run. */
static void loop_finish(struct conn_loop *loop)
{
	struct conn *c = loop->ended;
	struct conn *next;

	loop->ended = NULL;
	loop->ended_last = &loop->ended;
	for (; c; c = next) {
		next = c->next_ended;
		conn_finish(c);
	}
}

static void loop_deadlines(struct conn_loop *loop)
{
	uint64_t now = timer_now();
	struct timer *timer;

	for (timer = timers_due(&loop->timers, now); timer; timer = timers_due(&loop->timers, now))
		conn_deadline(conn_of_timer(timer));
}

void conn_loop_run(struct conn_loop *loop)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(loop->epoll, events, EVENTS, 0);
	bool woken = false;
	eventfd_t value;

	loop->running = true;
	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr == &loop->wake)
			woken = eventfd_read(loop->wake, &value) == 0;
		else if (events[i].data.ptr == &loop->timers)
			loop_deadlines(loop);
		else
			conn_advance(events[i].data.ptr, events[i].events);
	}
	loop->running = false;
	if (woken)
		loop_collect(loop);
	loop_finish(loop);
}
