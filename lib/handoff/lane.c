/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/handoff/listen.h"

/* ---- opening ------------------------------------------------------------------------------- */

int lane_connect(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	size_t len = strlen(path);
	int fd, error;

	if (len >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path, len);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		error = errno;
		close(fd);
		return -error;
	}
	return fd;
}

static int lane_watch(struct client *c, struct lane *lane, int op)
{
	struct epoll_event event = { .events = EPOLLIN | (lane->blocked ? EPOLLOUT : 0u),
				     .data.ptr = lane };

	return epoll_ctl(c->base.events, op, lane->fd, &event) < 0 ? -errno : 0;
}

int lane_add(struct client *c, int fd)
{
	struct lane *lane = calloc(1, sizeof(*lane));
	int ret = -ENOMEM;

	if (lane) {
		lane->fd = fd;
		lane->heard = now_ms();
		TAILQ_INIT(&lane->jobs);
		TAILQ_INIT(&lane->shares);
		ret = lane_watch(c, lane, EPOLL_CTL_ADD);
	}
	if (ret < 0) {
		close(fd);
		free(lane);
		return ret;
	}
	c->lanes[c->lanes_len++] = lane;
	return 0;
}

/* ---- choosing ------------------------------------------------------------------------------ */

static struct lane *least_loaded(const struct client *c)
{
	struct lane *best = NULL;

	for (size_t i = 0; i < c->lanes_len; i++) {
		struct lane *lane = c->lanes[i];

		if (!lane->blocked && !lane->leaving && lane->in_flight < c->in_flight_max &&
		    (!best || lane->in_flight < best->in_flight))
			best = lane;
	}
	return best;
}

/* Whether there may be one more. Those whose worker is leaving count only for the array's sake. */
static bool may_open(const struct client *c)
{
	size_t open = 0;

	for (size_t i = 0; i < c->lanes_len; i++)
		open += !c->lanes[i]->leaving;
	return open < c->lanes_max && c->lanes_len < HANDOFF_LANES_MAX;
}

bool lane_error_passes(int error)
{
	return error == -EAGAIN || error == -ENOMEM || error == -ENOBUFS || error == -EMFILE ||
	       error == -ENFILE;
}

int lane_open(struct client *c, struct lane **out)
{
	int ret;

	*out = NULL;
	if (!may_open(c))
		return 0;
	ret = lane_connect(c->path);
	if (ret >= 0)
		ret = lane_add(c, ret);
	if (ret == 0)
		*out = c->lanes[c->lanes_len - 1];
	return ret;
}

struct lane *lane_find(struct client *c, bool *retry)
{
	struct lane *best = least_loaded(c), *lane;
	int ret;

	*retry = true;
	if (best && best->in_flight == 0)
		return best;
	ret = lane_open(c, &lane);
	if (lane || best || ret == 0)
		return lane ? lane : best;
	c->error = ret;
	if (lane_error_passes(ret))
		client_wake_at(c, now_ms() + CLIENT_RETRY_MS);
	else
		*retry = c->lanes_len > 0;
	return NULL;
}

/* ---- jobs on it ---------------------------------------------------------------------------- */

void lane_insert(struct lane *lane, struct job *job)
{
	job->lane = lane;
	lane->in_flight++;
	TAILQ_INSERT_TAIL(&lane->jobs, job, link);
}

void lane_remove(struct lane *lane, struct job *job)
{
	TAILQ_REMOVE(&lane->jobs, job, link);
	lane->in_flight--;
	if (job->cancel)
		lane->cancels--;
}

void lane_block(struct client *c, struct lane *lane, bool blocked)
{
	if (lane->blocked == blocked)
		return;
	lane->blocked = blocked;
	/* It fails for descriptors that are not in the set only. */
	(void)!lane_watch(c, lane, EPOLL_CTL_MOD);
}

void lane_refuses(struct client *c, struct lane *lane)
{
	if (lane_read(c, lane))
		lane->leaving = true;
}

void lane_lost(struct client *c, struct lane *lane, enum ktls_reason reason)
{
	size_t i = 0;

	while (c->lanes[i] != lane)
		i++;
	c->lanes[i] = c->lanes[--c->lanes_len];
	c->lost_for = reason;
	while (!TAILQ_EMPTY(&lane->jobs)) {
		struct job *job = TAILQ_FIRST(&lane->jobs);

		lane_remove(lane, job);
		ktls_call_failed(&c->base, job->call, reason);
		job_free(job);
	}
	while (!TAILQ_EMPTY(&lane->shares))
		client_listen_lost(c, TAILQ_FIRST(&lane->shares), reason);
	/* A child process may have the descriptor: then close() would leave it in the set. */
	epoll_ctl(c->base.events, EPOLL_CTL_DEL, lane->fd, NULL);
	close(lane->fd);
	free(lane);
}

/* ---- what comes on it ---------------------------------------------------------------------- */

/* Each returns 0, or the negative reason for which the lane is to be closed. */
static int greeting_recv(struct client *c, struct lane *lane, size_t len)
{
	struct handoff_greeting greeting;
	int ret = handoff_greeting_parse(c->packet, len, &greeting);

	if (ret < 0)
		return ret;
	client_greeted(c, &greeting);
	lane->greeted = true;
	return 0;
}

/* The descriptor of the packet is its reply's from here on; -1: there is none. */
static int take_fd(struct handoff_packet *packet)
{
	return packet->fds_len > 0 ? packet->fds[--packet->fds_len] : -1;
}

static void job_done(struct client *c, struct lane *lane, struct job *job,
		     const struct handoff_reply *reply, int fd)
{
	lane_remove(lane, job);
	ktls_call_done(&c->base, job->call, reply, fd);
	job_free(job);
}

/* A descriptor comes where the reply says so, and where it was asked for. */
static int reply_recv(struct client *c, struct lane *lane, struct handoff_packet *packet)
{
	struct handoff_reply reply;
	struct ktls_call *call;
	struct job *job;
	int fd, ret = handoff_reply_parse(c->packet, packet->len, &reply);

	if (ret < 0)
		return ret;
	if (packet->fds_len != (reply.descriptor != HANDOFF_FD_NONE))
		return -KTLS_R_PROTOCOL;
	if (reply.id == 0) /* ktlsd says why it closes this connection */
		return reply.reason ? -(int)reply.reason : -KTLS_R_PROTOCOL;
	call = ktls_call_find(&c->base, reply.id);
	if (!call)
		return -KTLS_R_PROTOCOL;
	if (call->listens) {
		fd = take_fd(packet);
		ret = client_listen_reply(c, lane, call, &reply, fd);
		if (ret < 0 && fd >= 0)
			close(fd);
		return ret;
	}
	job = call->impl;
	if (job->lane != lane || reply.more ||
	    (reply.descriptor != HANDOFF_FD_NONE && !ktls_call_relayed(call, &reply)))
		return -KTLS_R_PROTOCOL;
	job_done(c, lane, job, &reply, take_fd(packet));
	return 0;
}

static int packet_recv(struct client *c, struct lane *lane, struct handoff_packet *packet)
{
	struct handoff_header header;

	if (packet->truncated || packet->fds_lost ||
	    handoff_header_parse(c->packet, packet->len, &header) < 0)
		return -KTLS_R_PROTOCOL;
	switch (header.type) {
	case HANDOFF_GREETING:
		return packet->fds_len > 0 ? -KTLS_R_PROTOCOL : greeting_recv(c, lane, packet->len);
	case HANDOFF_REPLY:
		return reply_recv(c, lane, packet);
	default:
		return -KTLS_R_PROTOCOL;
	}
}

/* ---- no descriptor left -------------------------------------------------------------------- */

#define STARVED_MS 50 /* between two looks whether the process has a number for a descriptor */

static bool can_receive(int fd)
{
	int one;

	if (!handoff_brings_fd(fd))
		return true;
	one = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (one >= 0)
		close(one);
	return one >= 0;
}

/* Out of the set, for a worker's end cannot be left out of what is watched. */
static void lane_starve(struct client *c, struct lane *lane)
{
	if (!lane->starved)
		epoll_ctl(c->base.events, EPOLL_CTL_DEL, lane->fd, NULL);
	lane->starved = true;
	client_wake_at(c, now_ms() + STARVED_MS);
}

void lanes_feed(struct client *c)
{
	for (size_t i = 0; i < c->lanes_len; i++) {
		struct lane *lane = c->lanes[i];

		if (!lane->starved)
			continue;
		lane->starved = lane_watch(c, lane, EPOLL_CTL_ADD) < 0;
		if (lane->starved)
			client_wake_at(c, now_ms() + STARVED_MS);
	}
}

/* ---- reading ------------------------------------------------------------------------------- */

bool lane_read(struct client *c, struct lane *lane)
{
	struct handoff_packet packet;
	int ret;

	for (;;) {
		if (!can_receive(lane->fd)) {
			lane_starve(c, lane);
			return true;
		}
		ret = handoff_recv(lane->fd, c->packet, sizeof(c->packet), &packet);
		if (ret == -EAGAIN)
			return true;
		if (ret == -ECONNRESET) /* said once, before what the worker wrote last */
			continue;
		if (ret <= 0) {
			lane_lost(c, lane, KTLS_R_WORKER_LOST);
			return false;
		}
		lane->heard = now_ms();
		ret = packet_recv(c, lane, &packet);
		explicit_bzero(c->packet, packet.len); /* keys may have been in it */
		handoff_close_fds(&packet);
		if (ret < 0) {
			lane_lost(c, lane, (enum ktls_reason) - ret);
			return false;
		}
	}
}
