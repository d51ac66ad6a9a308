/* SPDX-License-Identifier: MIT */
/*
 * Routes of sockets, and who has their records, asked from the netlink role. Where that is not
 * there, and for what it had been asked when it ended, the answer is that nobody may look:
 * handshakes do not wait for it.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "daemon/netlink_role.h"
#include "daemon/worker.h"
#include "lib/netlink/path.h"

static const struct conn_verdict unknown_verdict = { .tx = KTLS_STATE_UNKNOWN,
						     .rx = KTLS_STATE_UNKNOWN,
						     .tx_no_hw = KTLS_NO_HW_MAY_NOT_LOOK,
						     .rx_no_hw = KTLS_NO_HW_MAY_NOT_LOOK };
static const struct conn_route unknown = { .tx = KTLS_NO_HW_MAY_NOT_LOOK,
					   .rx = KTLS_NO_HW_MAY_NOT_LOOK };

/* ---- questions --------------------------------------------------------------------------------
 */

static void asked_push(struct netlink_queue *queue, struct route_job *job)
{
	job->next = NULL;
	*(queue->head ? queue->tail : &queue->head) = job;
	queue->tail = &job->next;
}

static struct route_job *asked_pop(struct netlink_queue *queue)
{
	struct route_job *job = queue->head;

	if (job)
		queue->head = job->next;
	return job;
}

/* There is no answer. */
static void answer_unknown(struct netlink_link *link, struct route_job *job)
{
	if (job->look)
		conn_verdict_done(link->worker->loop, job->token, &unknown_verdict);
	else
		conn_route_done(link->worker->loop, job->token, &unknown);
	free(job);
}

/* What it has been asked, and what it would have been. Answers may ask anew: not this one. */
static void link_lose(struct netlink_link *link)
{
	struct netlink_queue sent = link->sent, waiting = link->waiting;
	struct route_job *job;

	if (link->watch.fd < 0)
		return;
	epoll_ctl(link->worker->epoll, EPOLL_CTL_DEL, link->watch.fd, NULL);
	close(link->watch.fd);
	link->watch.fd = -1;
	link->channel.fd = -1;
	link->sent.head = link->waiting.head = NULL;
	while ((job = asked_pop(&sent)))
		answer_unknown(link, job);
	while ((job = asked_pop(&waiting)))
		answer_unknown(link, job);
}

static int send_job(const struct netlink_link *link, const struct route_job *job)
{
	const struct route_question route = { job->question.netns, job->question.socket.flow };
	struct channel_message m;

	channel_begin(&m, job->look ? CHANNEL_LOOK : CHANNEL_ROUTE);
	writer_u64(&m.body, job->token);
	if (job->look)
		look_question_write(&m.body, &job->question);
	else
		route_question_write(&m.body, &route);
	return channel_send(&link->channel, &m, CHANNEL_FD_NONE);
}

/* 0; -EAGAIN where there is no room now; another negative errno where the link is lost. */
static int flush(struct netlink_link *link)
{
	int err = 0;

	while (link->waiting.head && err == 0) {
		err = send_job(link, link->waiting.head);
		if (err == 0)
			asked_push(&link->sent, asked_pop(&link->waiting));
	}
	return err;
}

/* NULL where there is nobody to be asked, or no memory. */
static struct route_job *job_new(const struct netlink_link *link, uint64_t token, int fd, bool look)
{
	struct route_job *job = link->watch.fd >= 0 ? malloc(sizeof(*job)) : NULL;

	if (job)
		*job = (struct route_job){ .token = token,
					   .look = look,
					   .question.netns = netlink_namespace_of(fd) };
	return job;
}

static int ask(struct netlink_link *link, struct route_job *job)
{
	asked_push(&link->waiting, job);
	(void)flush(link); /* the link's end is seen where it is read */
	return KTLS_ENGINE_PENDING;
}

static int find(void *arg, uint64_t token, int fd, struct conn_route *out)
{
	struct worker *w = arg;
	struct route_job *job = job_new(&w->netlink, token, fd, false);

	*out = unknown;
	if (!job)
		return 0;
	if (netlink_flow_of(fd, &job->question.socket.flow) < 0) {
		out->tx = out->rx = KTLS_NO_HW_NO_ROUTE;
		free(job);
		return 0;
	}
	return ask(&w->netlink, job);
}

static int look(void *arg, uint64_t token, int fd, struct conn_verdict *out)
{
	struct worker *w = arg;
	struct route_job *job = job_new(&w->netlink, token, fd, true);

	*out = unknown_verdict;
	if (!job)
		return 0;
	if (netlink_socket_of(fd, &job->question.socket) < 0) {
		free(job);
		return 0;
	}
	return ask(&w->netlink, job);
}

/* ---- answers ----------------------------------------------------------------------------------
 */

/* The job that an answer is to: the one that was asked first. NULL: it is none. */
static struct route_job *answered(struct netlink_link *link, struct reader *body, bool look)
{
	uint64_t token;

	if (!reader_u64(body, &token) || !link->sent.head || link->sent.head->token != token ||
	    link->sent.head->look != look)
		return NULL;
	return asked_pop(&link->sent);
}

static int on_routed(void *arg, struct reader *body, int fd)
{
	struct netlink_link *link = arg;
	struct route_job *job = answered(link, body, false);
	struct conn_route route = unknown;
	bool valid = job && route_answer_read(body, &route);

	(void)fd;
	if (job)
		conn_route_done(link->worker->loop, job->token, &route);
	free(job);
	return valid ? 0 : -EPROTO;
}

static int on_looked(void *arg, struct reader *body, int fd)
{
	struct netlink_link *link = arg;
	struct route_job *job = answered(link, body, true);
	struct conn_verdict verdict = unknown_verdict;
	bool valid = job && look_answer_read(body, &verdict);

	(void)fd;
	if (job)
		conn_verdict_done(link->worker->loop, job->token, &verdict);
	free(job);
	return valid ? 0 : -EPROTO;
}

static const struct channel_handler handlers[] = {
	{ CHANNEL_ROUTED, on_routed },
	{ CHANNEL_LOOKED, on_looked },
	{ 0 },
};

static void link_ready(struct watch *watch, uint32_t events)
{
	struct netlink_link *link = (struct netlink_link *)watch;
	int err;

	(void)events;
	if (watch->fd < 0)
		return;
	err = channel_run(&link->channel, handlers, link, ~0U);
	if (err == 0)
		err = flush(link);
	if (err != 0 && err != -EAGAIN)
		link_lose(link);
}

void netlink_init(struct worker *w)
{
	struct netlink_link *link = &w->netlink;

	link->worker = w;
	link->watch = (struct watch){ .ready = link_ready, .fd = -1 };
	link->channel = (struct channel){
		.fd = -1, .here = ROLE_WORKER, .there = ROLE_NETLINK, .name = "netlink"
	};
	w->router = (struct conn_router){ .find = find, .look = look, .arg = w };
}

void netlink_adopt(struct worker *w, int fd)
{
	struct netlink_link *link = &w->netlink;

	link_lose(link);
	link->watch.fd = fd;
	link->channel.fd = fd;
	if (!watch_add(w, &link->watch, EPOLLIN | EPOLLOUT | EPOLLET))
		link_lose(link);
}
