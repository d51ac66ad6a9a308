/* SPDX-License-Identifier: MIT */
#include "lib/conn/embedded_listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/conn/accept.h"
#include "lib/conn/embedded_relay.h"
#include "lib/conn/reply.h"

/* A call's impl. */
struct embedded_listening {
	struct embedded_listenings *all;
	struct embedded_listening *next, **link;
	struct ktls_call *call;
	int fd; /* a duplicate */
	struct conn_accept *accept;
	unsigned int backlog,
		away; /* that may be, and that are, with the application uncollected */
	struct ktls_call *held, **held_last; /* connections beyond that */
	unsigned int held_len;
	bool over;
	enum ktls_reason last;
};

static void listening_free(struct embedded_listening *l)
{
	struct ktls_call *call;

	while (l->held) {
		call = l->held;
		l->held = call->next;
		ktls_reply_free(&call->reply);
	}
	conn_accept_free(l->accept);
	close(l->fd);
	*l->link = l->next;
	if (l->next)
		l->next->link = l->link;
	free(l);
}

/* ---- connections ----------------------------------------------------------------------------- */

static void release(struct embedded_listening *l)
{
	struct ktls_call *call;
	unsigned int busy;

	while (l->held && l->away < l->backlog) {
		call = l->held;
		l->held = call->next;
		l->held_len--;
		l->away++;
		ktls_call_push(l->all->k, call);
	}
	if (!l->held)
		l->held_last = &l->held;
	busy = l->away + l->held_len;
	conn_accept_room(l->accept, busy < l->backlog ? l->backlog - busy : 0);
}

static bool on_begin(void *arg, struct conn_accepted *a)
{
	(void)arg;
	(void)a;
	return true;
}

static void on_done(void *arg, struct conn_accepted *a, const struct conn_result *result)
{
	struct embedded_listening *l = arg;
	struct handoff_reply reply;
	struct conn_carried room;
	struct ktls_call *call;
	int fd = result->fd;

	if (result->reason != KTLS_OK)
		return;
	conn_reply(result, &reply);
	reply.peer_address = (struct ktls_span){ a->peer, a->peer_len };
	reply.local_address = (struct ktls_span){ a->local, a->local_len };
	if (result->carry)
		fd = embedded_carry(l->all->relays, result, &room, &reply);
	if (fd < 0)
		return;
	reply.more = 1;
	reply.descriptor |= HANDOFF_FD_ACCEPTED;
	call = ktls_call_make(l->call, &reply, fd, 0);
	if (!call) {
		close(fd);
		return;
	}
	*l->held_last = call;
	l->held_last = &call->next;
	l->held_len++;
	release(l);
}

static void on_trouble(void *arg, int error)
{
	(void)arg;
	(void)error;
}

static void on_over(void *arg, bool listening)
{
	struct embedded_listening *l = arg;

	l->over = true;
	if (!listening && l->last == KTLS_OK)
		l->last = KTLS_R_SOCKET_NOT_LISTENING;
}

static const struct conn_accept_ops accept_ops = {
	.begin = on_begin,
	.done = on_done,
	.trouble = on_trouble,
	.over = on_over,
};

/* ---- the ops --------------------------------------------------------------------------------- */

/* As many under way as a worker of ktlsd has. Errors are negative errnos. */
static int begin_accepting(struct embedded_listening *l, const struct conn_request *request)
{
	size_t max = l->all->handshakes_max;
	const struct conn_accept_config config = { .loop = l->all->loop,
						   .fd = l->fd,
						   .request = *request,
						   .under_way_max = (max + 1) / 2,
						   .loop_max = max - max / 4,
						   .ops = &accept_ops,
						   .arg = l };
	struct epoll_event event = { .events = EPOLLIN };
	int err = conn_accept_new(&config, &l->accept);

	if (err < 0)
		return err;
	err = epoll_ctl(l->all->k->events, EPOLL_CTL_ADD, conn_accept_fd(l->accept), &event);
	return err < 0 ? -errno : 0;
}

static struct embedded_listening *listening_new(struct embedded_listenings *all, int fd)
{
	struct embedded_listening *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	*l = (struct embedded_listening){
		.all = all, .fd = fd, .next = all->first, .link = &all->first
	};
	l->held_last = &l->held;
	if (l->next)
		l->next->link = &l->next;
	all->first = l;
	return l;
}

int embedded_listen_start(struct embedded_listenings *all, struct ktls_call *call, int fd,
			  const struct conn_request *request, unsigned int backlog)
{
	int err = conn_accept_check(fd, request), copy;
	struct embedded_listening *l;

	if (err < 0) {
		ktls_call_failed(all->k, call, (enum ktls_reason)(-err));
		return 0;
	}
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return -errno;
	l = listening_new(all, copy);
	if (!l) {
		close(copy);
		return -ENOMEM;
	}
	l->call = call;
	l->backlog = backlog;
	err = begin_accepting(l, request);
	if (err < 0) {
		listening_free(l);
		return err;
	}
	call->impl = l;
	release(l);
	return 0;
}

void embedded_listen_cancel(struct ktls_call *call)
{
	struct embedded_listening *l = call->impl;

	if (l->last == KTLS_OK)
		l->last = KTLS_R_CANCELLED;
	conn_accept_stop(l->accept, true);
}

void embedded_listen_collected(struct embedded_listenings *all, const struct ktls_call *call)
{
	const struct ktls_call *begun = ktls_call_find(all->k, call->id);
	struct embedded_listening *l = begun ? begun->impl : NULL;

	if (!l)
		return;
	l->away--;
	release(l);
}

void embedded_listen_run(struct embedded_listenings *all)
{
	struct embedded_listening *next;
	struct ktls_call *call;
	enum ktls_reason last;

	for (struct embedded_listening *l = all->first; l; l = next) {
		next = l->next;
		conn_accept_run(l->accept);
		if (!l->over || l->held)
			continue;
		call = l->call;
		last = l->last;
		listening_free(l);
		ktls_call_failed(all->k, call, last);
	}
}

void embedded_listen_close(struct embedded_listenings *all)
{
	while (all->first)
		listening_free(all->first);
}
