/* SPDX-License-Identifier: MIT */
#include "lib/handoff/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define GRACE_MS  5000  /* past a deadline, before ktlsd's worker is given up that says nothing */
#define LOOK_MS   500   /* until the next look at one that is late */
#define LATE_MS   30000 /* ... that answers others only, who are given up with it */
#define TRIES_MAX 3     /* new lanes lost in sending a request, before that is given up */

/* ---- time ---------------------------------------------------------------------------------- */

int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void client_wake_at(struct client *c, int64_t when)
{
	struct itimerspec spec = { .it_value = { .tv_sec = when / 1000,
						 .tv_nsec = when % 1000 * 1000000 } };

	if (c->timer_at && c->timer_at <= when)
		return;
	c->timer_at = when;
	timerfd_settime(c->timer, TFD_TIMER_ABSTIME, &spec, NULL);
}

/* ---- jobs ---------------------------------------------------------------------------------- */

static void job_forget_fd(struct job *job)
{
	if (job->fd_owned)
		close(job->fd);
	job->fd_owned = false;
	job->fd = -1;
}

void job_free(struct job *job)
{
	job_forget_fd(job);
	free(job->packet);
	free(job);
}

/* A job on the list of those that wait; error is a negative errno for people, or 0. */
static void waiting_fail(struct client *c, struct job *job, enum ktls_reason reason, int error)
{
	struct handoff_reply facts = { .reason = (uint16_t)reason };
	char buf[128];

	if (error < 0)
		snprintf(facts.text, sizeof(facts.text), "%s",
			 strerror_r(-error, buf, sizeof(buf)));
	TAILQ_REMOVE(&c->waiting, job, link);
	ktls_call_done(&c->base, job->call, &facts, -1);
	job_free(job);
}

/* For the len bytes of a request that are in c->packet. */
static struct job *job_new(struct client *c, struct ktls_call *call, int fd, size_t len,
			   uint32_t deadline_ms)
{
	struct job *job = len > 0 ? calloc(1, sizeof(*job)) : NULL;

	if (!job)
		return NULL;
	job->len = len;
	job->packet = malloc(job->len);
	if (!job->packet) {
		free(job);
		return NULL;
	}
	memcpy(job->packet, c->packet, job->len);
	job->call = call;
	job->fd = fd;
	job->expires = now_ms() + deadline_ms + GRACE_MS;
	call->impl = job;
	return job;
}

/* ---- sending ------------------------------------------------------------------------------- */

/*
 * -EPIPE: the worker is gone, which lanes that were idle for long tell only now, or takes no more
 * requests. What it said before is heard first. A worker that never said a word is a try.
 */
static int lane_broken(struct client *c, struct lane *lane, struct job *job)
{
	if (!lane->greeted)
		job->tries++;
	lane_refuses(c, lane);
	return -EPIPE;
}

static int job_send(struct client *c, struct lane *lane, struct job *job)
{
	int ret = handoff_send(lane->fd, job->packet, job->len, job->fd);

	switch (ret) {
	case 0:
		TAILQ_REMOVE(&c->waiting, job, link);
		lane_insert(lane, job);
		job_forget_fd(job);
		free(job->packet);
		job->packet = NULL;
		return 0;
	case -EAGAIN:
		lane_block(c, lane, true);
		return ret;
	case -ETOOMANYREFS:
	case -ENOBUFS:
	case -ENOMEM:
		client_wake_at(c, now_ms() + CLIENT_RETRY_MS);
		return -EBUSY;
	case -EPIPE:
	case -ECONNRESET:
		return lane_broken(c, lane, job);
	default:
		return ret;
	}
}

/* Sends what waits as long as there is room for it. */
static void flush(struct client *c)
{
	struct job *job;
	struct lane *lane;
	bool retry;
	int ret;

	for (job = TAILQ_FIRST(&c->waiting); job; job = TAILQ_FIRST(&c->waiting)) {
		lane = lane_find(c, &retry);
		if (!lane && retry)
			return;
		if (!lane) {
			waiting_fail(c, job, KTLS_R_DAEMON_UNREACHABLE, c->error);
			continue;
		}
		ret = job_send(c, lane, job);
		if (ret == -EBUSY)
			return;
		if (ret == -EPIPE && job->tries == TRIES_MAX)
			waiting_fail(c, job, c->lost_for, 0);
		else if (ret < 0 && ret != -EPIPE && ret != -EAGAIN)
			waiting_fail(c, job, KTLS_R_DAEMON_UNREACHABLE, ret);
	}
}

/* True, or the lane is without room again. */
static bool cancel_send(struct client *c, struct lane *lane, const struct job *job)
{
	uint8_t packet[HANDOFF_HEADER_LEN];
	size_t len = handoff_cancel_build(job->call->id, packet, sizeof(packet));

	/* Any other failure is the lane's end, which an event tells. */
	if (handoff_send(lane->fd, packet, len, -1) != -EAGAIN)
		return true;
	lane_block(c, lane, true);
	return false;
}

static void lane_has_room(struct client *c, struct lane *lane)
{
	struct job *job;

	lane_block(c, lane, false);
	client_listen_has_room(c, lane);
	if (lane->cancels == 0)
		return;
	TAILQ_FOREACH(job, &lane->jobs, link)
	{
		if (!job->cancel)
			continue;
		if (!cancel_send(c, lane, job))
			return;
		job->cancel = false;
		lane->cancels--;
	}
}

/* ---- expiry -------------------------------------------------------------------------------- */

/*
 * A worker that has not even noticed a deadline. Where it has so much to do that it is late with
 * that, or the machine has, others' handshakes are not to pay for it.
 */
static bool is_lost(const struct lane *lane, int64_t now)
{
	const struct job *job;

	TAILQ_FOREACH(job, &lane->jobs, link)
	{
		if (job->expires <= now &&
		    (now - lane->heard >= GRACE_MS || now - job->expires >= LATE_MS - GRACE_MS))
			return true;
	}
	return false;
}

static int64_t earliest(const struct job_list *jobs, int64_t other)
{
	const struct job *job;

	TAILQ_FOREACH(job, jobs, link)
	{
		if (!other || job->expires < other)
			other = job->expires;
	}
	return other;
}

static void expire_waiting(struct client *c, int64_t now)
{
	struct job *job = TAILQ_FIRST(&c->waiting), *next;

	for (; job; job = next) {
		next = TAILQ_NEXT(job, link);
		if (job->expires <= now)
			waiting_fail(c, job, KTLS_R_DEADLINE, 0);
	}
}

static void expire(struct client *c)
{
	int64_t now = now_ms(), next;

	expire_waiting(c, now);
	for (size_t i = c->lanes_len; i > 0; i--)
		if (is_lost(c->lanes[i - 1], now))
			lane_lost(c, c->lanes[i - 1], KTLS_R_WORKER_LOST);
	next = earliest(&c->waiting, 0);
	for (size_t i = 0; i < c->lanes_len; i++)
		next = earliest(&c->lanes[i]->jobs, next);
	if (next)
		client_wake_at(c, next > now ? next : now + LOOK_MS);
}

/* ---- the ops ------------------------------------------------------------------------------- */

/* Only a job that could not be sent at once needs a descriptor of its own. */
static int keep_waiting(struct client *c, struct job *job)
{
	int fd = fcntl(job->fd, F_DUPFD_CLOEXEC, 0);
	int error = errno;

	if (fd < 0) {
		TAILQ_REMOVE(&c->waiting, job, link);
		job_free(job);
		return -error;
	}
	job->fd = fd;
	job->fd_owned = true;
	return 0;
}

/* A request of len bytes that is in c->packet. */
static int job_start(struct client *c, struct ktls_call *call, int fd, size_t len,
		     uint32_t deadline_ms)
{
	struct job *job = job_new(c, call, fd, len, deadline_ms);
	uint64_t id = call->id;

	if (!job)
		return -ENOMEM;
	client_wake_at(c, job->expires);
	TAILQ_INSERT_TAIL(&c->waiting, job, link);
	flush(c);
	/* The job may have ended by now. */
	if (ktls_call_find(&c->base, id) && !job->lane)
		return keep_waiting(c, job);
	return 0;
}

static int client_start(struct ktls *k, struct ktls_call *call, int fd,
			const struct handoff_request *request)
{
	struct client *c = (struct client *)k;
	size_t len;

	if (call->listens)
		return client_listen_start(c, call, fd, request);
	len = handoff_request_build(request, c->packet, sizeof(c->packet));
	return job_start(c, call, fd, len, request->deadline_ms);
}

static int client_service(struct ktls *k, struct ktls_call *call, int fd,
			  const struct handoff_service *service)
{
	struct client *c = (struct client *)k;
	size_t len = handoff_service_build(service, c->packet, sizeof(c->packet));

	return job_start(c, call, fd, len, service->deadline_ms);
}

static void client_cancel(struct ktls *k, struct ktls_call *call)
{
	struct client *c = (struct client *)k;
	struct job *job = call->impl;

	if (call->listens) {
		client_listen_cancel(c, call);
		return;
	}
	if (!job->lane) {
		waiting_fail(c, job, KTLS_R_CANCELLED, 0);
		return;
	}
	if (job->cancel || (!job->lane->blocked && cancel_send(c, job->lane, job)))
		return;
	job->cancel = true;
	job->lane->cancels++;
}

static void client_collected(struct ktls *k, struct ktls_call *call)
{
	client_listen_collected((struct client *)k, call);
}

static void timer_run(struct client *c)
{
	uint64_t times;

	(void)!read(c->timer, &times, sizeof(times));
	c->timer_at = 0;
	expire(c);
	lanes_feed(c);
}

/* The lanes of one batch first: the timer may close any of them. */
static void client_run(struct ktls *k)
{
	struct client *c = (struct client *)k;
	struct epoll_event events[16];
	const int max = sizeof(events) / sizeof(events[0]);
	bool timer = false;
	int n;

	do {
		n = epoll_wait(k->events, events, max, 0);
		for (int i = 0; i < n; i++) {
			struct lane *lane = events[i].data.ptr;

			if (!lane)
				timer = true;
			else if (lane_read(c, lane) && (events[i].events & EPOLLOUT))
				lane_has_room(c, lane);
		}
	} while (n == max);
	if (timer)
		timer_run(c);
	flush(c);
	client_listen_run(c);
}

static void client_close(struct ktls *k)
{
	struct client *c = (struct client *)k;

	while (c->lanes_len > 0)
		lane_lost(c, c->lanes[0], KTLS_R_CANCELLED);
	while (!TAILQ_EMPTY(&c->waiting))
		waiting_fail(c, TAILQ_FIRST(&c->waiting), KTLS_R_CANCELLED, 0);
	client_listen_close(c);
	close(c->timer);
	free(c->path);
}

const struct ktls_ops client_ops = {
	.start = client_start,
	.service = client_service,
	.collected = client_collected,
	.cancel = client_cancel,
	.run = client_run,
	.close = client_close,
};
