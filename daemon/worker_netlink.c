/* SPDX-License-Identifier: MIT */
/*
 * Routes of sockets, asked from the netlink role. Where that is not there, and for what it had been
 * asked when it ended, the answer is that nobody may look: handshakes do not wait for it.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "daemon/netlink_role.h"
#include "daemon/worker.h"
#include "lib/netlink/path.h"

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

static void answer(struct netlink_link *link, struct route_job *job, const struct conn_route *route)
{
	conn_route_done(link->worker->loop, job->token, route);
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
		answer(link, job, &unknown);
	while ((job = asked_pop(&waiting)))
		answer(link, job, &unknown);
}

static int send_job(const struct netlink_link *link, const struct route_job *job)
{
	struct channel_message m;

	channel_begin(&m, CHANNEL_ROUTE);
	writer_u64(&m.body, job->token);
	route_question_write(&m.body, &job->question);
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

static int find(void *arg, uint64_t token, int fd, struct conn_route *out)
{
	struct worker *w = arg;
	struct netlink_link *link = &w->netlink;
	struct route_job *job = link->watch.fd >= 0 ? malloc(sizeof(*job)) : NULL;

	*out = unknown;
	if (!job)
		return 0;
	*job = (struct route_job){ .token = token, .question.netns = netlink_namespace_of(fd) };
	if (netlink_flow_of(fd, &job->question.flow) < 0) {
		out->tx = out->rx = KTLS_NO_HW_NO_ROUTE;
		free(job);
		return 0;
	}
	asked_push(&link->waiting, job);
	(void)flush(link); /* the link's end is seen where it is read */
	return KTLS_ENGINE_PENDING;
}

/* ---- answers ----------------------------------------------------------------------------------
 */

static int on_routed(void *arg, struct reader *body, int fd)
{
	struct netlink_link *link = arg;
	struct conn_route route;
	uint64_t token;

	(void)fd;
	if (!reader_u64(body, &token) || !route_answer_read(body, &route) || !link->sent.head ||
	    link->sent.head->token != token)
		return -EPROTO;
	answer(link, asked_pop(&link->sent), &route);
	return 0;
}

static const struct channel_handler handlers[] = {
	{ CHANNEL_ROUTED, on_routed },
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
	w->router = (struct conn_router){ .find = find, .arg = w };
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
