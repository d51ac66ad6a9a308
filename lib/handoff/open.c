/* SPDX-License-Identifier: MIT */
/* ktls_open(): the first connection to ktlsd, and the greeting on it. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "lib/handoff/client.h"

#define OPEN_MS 5000 /* for connection and greeting */

void client_greeted(struct client *c, const struct handoff_greeting *greeting)
{
	struct ktls_info *info = &c->base.info;

	c->lanes_max = greeting->lanes;
	c->in_flight_max = greeting->in_flight_max;
	info->workers = greeting->lanes;
	info->capabilities = greeting->capabilities;
	memcpy(info->version, greeting->version, sizeof(info->version));
}

/* What has failed, for struct ktls_error. */
struct failure {
	enum ktls_reason reason;
	int error; /* a negative errno, or 0 */
	const char *what;
	char text[HANDOFF_TEXT_MAX + 1]; /* ktlsd's own words */
};

static bool fail(struct failure *f, enum ktls_reason reason, int error, const char *what)
{
	f->reason = reason;
	f->error = error;
	f->what = what;
	return false;
}

static void report(struct ktls_error *out, const char *path, const struct failure *f)
{
	char buf[128];
	const char *cause = f->error ? strerror_r(-f->error, buf, sizeof(buf)) : f->text;

	if (!out)
		return;
	*out = (struct ktls_error){ .reason = f->reason, .error = -f->error };
	snprintf(out->text, sizeof(out->text), "%s: %s%s%.120s", path, f->what,
		 cause[0] ? ": " : "", cause);
}

/* ---- the greeting -------------------------------------------------------------------------- */

static bool wait_readable(int fd, int64_t until)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int64_t left;
	int n;

	do {
		left = until - now_ms();
		n = left > 0 ? poll(&p, 1, (int)left) : 0;
	} while (n < 0 && errno == EINTR);
	return n > 0;
}

/* A greeting, or a reply with id 0 that says why there is none. */
static bool greeting_parse(struct client *c, const struct handoff_packet *packet, struct failure *f)
{
	struct handoff_greeting greeting;
	struct handoff_reply reply;

	if (packet->truncated || packet->fds_len > 0)
		return fail(f, KTLS_R_PROTOCOL, 0, "not ktlsd's greeting");
	if (handoff_reply_parse(c->packet, packet->len, &reply) == 0 && reply.reason) {
		memcpy(f->text, reply.text, sizeof(f->text));
		return fail(f, (enum ktls_reason)reply.reason, 0, ktls_reason_text(reply.reason));
	}
	if (handoff_greeting_parse(c->packet, packet->len, &greeting) < 0)
		return fail(f, KTLS_R_PROTOCOL, 0, "not ktlsd's greeting");
	client_greeted(c, &greeting);
	return true;
}

static bool greeting_recv(struct client *c, int fd, int64_t until, struct failure *f)
{
	struct handoff_packet packet;
	bool good;
	int ret;

	if (!wait_readable(fd, until))
		return fail(f, KTLS_R_DAEMON_UNREACHABLE, -ETIMEDOUT, "waiting for the greeting");
	ret = handoff_recv(fd, c->packet, sizeof(c->packet), &packet);
	if (ret < 0)
		return fail(f, KTLS_R_DAEMON_UNREACHABLE, ret, "waiting for the greeting");
	if (ret == 0)
		return fail(f, KTLS_R_DAEMON_UNREACHABLE, -ECONNRESET, "waiting for the greeting");
	good = greeting_parse(c, &packet, f);
	handoff_close_fds(&packet);
	return good;
}

/* ---- opening ------------------------------------------------------------------------------- */

/* While ktlsd's queue of connections is full, no event tells when it is not. */
static int connect_until(const char *path, int64_t until)
{
	const struct timespec pause = { .tv_nsec = CLIENT_RETRY_MS * 1000000 };
	int ret = lane_connect(path);

	while (ret == -EAGAIN && now_ms() < until) {
		nanosleep(&pause, NULL);
		ret = lane_connect(path);
	}
	return ret;
}

static bool first_lane(struct client *c, struct failure *f)
{
	int64_t until = now_ms() + OPEN_MS;
	int ret, fd = connect_until(c->path, until);

	if (fd < 0)
		return fail(f, KTLS_R_DAEMON_UNREACHABLE, fd, "connecting");
	if (!greeting_recv(c, fd, until, f)) {
		close(fd);
		return false;
	}
	ret = lane_add(c, fd);
	if (ret == 0)
		c->lanes[0]->greeted = true;
	return ret == 0 || fail(f, KTLS_R_NO_MEMORY, ret, "watching the connection");
}

static bool timer_open(struct client *c, struct failure *f)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };

	c->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (c->timer >= 0 && epoll_ctl(c->base.events, EPOLL_CTL_ADD, c->timer, &event) == 0)
		return true;
	fail(f, KTLS_R_NO_MEMORY, -errno, "opening a timer");
	if (c->timer >= 0)
		close(c->timer);
	return false;
}

static bool client_init(struct client *c, const char *path, struct failure *f)
{
	int ret;

	TAILQ_INIT(&c->waiting);
	TAILQ_INIT(&c->listenings);
	c->lost_for = KTLS_R_WORKER_LOST;
	c->path = strdup(path);
	ret = c->path ? ktls_base_init(&c->base, &client_ops) : -ENOMEM;
	if (ret < 0) {
		free(c->path);
		return fail(f, KTLS_R_NO_MEMORY, ret, "opening");
	}
	if (timer_open(c, f))
		return true;
	ktls_base_wipe(&c->base);
	free(c->path);
	return false;
}

struct ktls *ktls_open(const char *socket_path, struct ktls_error *error)
{
	const char *path = socket_path ? socket_path : KTLS_SOCKET_PATH;
	struct failure f = { .reason = KTLS_R_NO_MEMORY, .error = -ENOMEM, .what = "opening" };
	struct client *c = calloc(1, sizeof(*c));

	if (!c || !client_init(c, path, &f)) {
		report(error, path, &f);
		free(c);
		return NULL;
	}
	if (!first_lane(c, &f)) {
		report(error, path, &f);
		ktls_close(&c->base);
		return NULL;
	}
	return &c->base;
}
