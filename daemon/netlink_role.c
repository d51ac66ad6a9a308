/* SPDX-License-Identifier: MIT */
#include "daemon/netlink_role.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "daemon/bundle.h"
#include "daemon/channel.h"
#include "daemon/log.h"
#include "daemon/sandbox.h"
#include "lib/conn/router.h"
#include "lib/netlink/path.h"

#define EVENTS_MAX  64
#define WORKERS_MAX 64 /* of its generation */

struct worker_link {
	struct netlink_role *role;
	struct channel channel; /* fd is -1 as long as there is none */
	bool waiting;           /* an answer has had no room: nothing is read until it has */
	struct channel_message answer;
};

struct netlink_role {
	bool ready;
	struct bundle_settings settings;
	struct channel supervisor;
	int epoll;
	struct netlink_paths *paths; /* NULL: the kernel has no netlink for us */
	bool untold;                 /* the kernel does not tell us who has a socket's records */
	struct worker_link workers[WORKERS_MAX];
};

/* ---- set-up -----------------------------------------------------------------------------------
 */

/* With the rights that are left; sockets can be made for the last time. */
static void try_look(struct netlink_role *role)
{
	role->untold = !router_is_told(role->paths);
	if (role->untold)
		log_message(LOG_WARNING,
			    "this kernel does not tell who has a connection's records without "
			    "CAP_NET_ADMIN: hardware = require is refused");
}

/* Without netlink it says so to each who asks: that is no reason for ktlsd not to start. */
static int set_up(struct netlink_role *role, const struct bundle *bundle)
{
	struct reader r;
	int err;

	reader_init(&r, bundle->bytes, bundle->len);
	if (!bundle_settings_read(&r, &role->settings))
		return -EPROTO;
	log_init("netlink", role->settings.journal ? LOG_TARGET_JOURNAL : LOG_TARGET_STDERR);
	err = sandbox_drop_keeping(role->settings.user, role->settings.group, CAP_NET_ADMIN);
	if (err)
		return err;
	err = netlink_paths_open(&role->paths);
	if (err)
		log_message(LOG_WARNING, "no look at network devices: %s", strerror(-err));
	else
		try_look(role);
	err = sandbox_enter(ROLE_NETLINK);
	if (err)
		log_message(LOG_WARNING, "no limits on system calls: %s", strerror(-err));
	return 0;
}

static int on_setup(void *arg, struct reader *body, int fd)
{
	struct netlink_role *role = arg;
	struct channel_message ready;
	struct bundle bundle = { 0 };
	uint64_t capabilities;
	uint16_t index;
	int err;

	if (role->ready || !reader_u16(body, &index) || !reader_u64(body, &capabilities)) {
		close(fd);
		return -EPROTO;
	}
	err = bundle_map(fd, &bundle);
	close(fd);
	if (err == 0)
		err = set_up(role, &bundle);
	bundle_unmap(&bundle);
	if (err) {
		log_message(LOG_ERR, "cannot be set up: %s", strerror(-err));
		_exit(1);
	}
	role->ready = true;
	channel_begin(&ready, CHANNEL_READY);
	return channel_send(&role->supervisor, &ready, CHANNEL_FD_NONE);
}

static int watch(struct netlink_role *role, int op, int fd, uint32_t events, void *what)
{
	struct epoll_event event = { .events = events, .data.ptr = what };

	return epoll_ctl(role->epoll, op, fd, &event) == 0 ? 0 : -errno;
}

/* ---- questions --------------------------------------------------------------------------------
 */

static int send_answer(struct worker_link *link)
{
	int err = channel_send(&link->channel, &link->answer, CHANNEL_FD_NONE);

	link->waiting = err == -EAGAIN;
	return link->waiting ? 0 : err;
}

static int on_route(void *arg, struct reader *body, int fd)
{
	struct worker_link *link = arg;
	struct route_question question;
	struct conn_route answer;
	uint64_t token;

	(void)fd;
	if (!reader_u64(body, &token) || !route_question_read(body, &question))
		return -EPROTO;
	answer = router_route(link->role->paths, question.netns, &question.flow);
	answer.untold = link->role->untold;
	channel_begin(&link->answer, CHANNEL_ROUTED);
	writer_u64(&link->answer.body, token);
	route_answer_write(&link->answer.body, &answer);
	return send_answer(link);
}

static int on_look(void *arg, struct reader *body, int fd)
{
	struct worker_link *link = arg;
	struct look_question question;
	struct conn_verdict answer;
	uint64_t token;

	(void)fd;
	if (!reader_u64(body, &token) || !look_question_read(body, &question))
		return -EPROTO;
	answer = router_verdict(link->role->paths, question.netns, &question.socket);
	channel_begin(&link->answer, CHANNEL_LOOKED);
	writer_u64(&link->answer.body, token);
	look_answer_write(&link->answer.body, &answer);
	return send_answer(link);
}

static const struct channel_handler worker_handlers[] = {
	{ CHANNEL_LOOK, on_look },
	{ CHANNEL_ROUTE, on_route },
	{ 0 },
};

/* ---- workers ----------------------------------------------------------------------------------
 */

static void link_close(struct worker_link *link)
{
	if (link->channel.fd >= 0)
		close(link->channel.fd);
	link->channel.fd = -1;
	link->waiting = false;
}

static int link_turn(struct worker_link *link)
{
	int err = 0;

	if (link->waiting)
		return send_answer(link);
	for (unsigned int i = 0; i < CHANNEL_TURN && err == 0 && !link->waiting; i++)
		err = channel_run(&link->channel, worker_handlers, link, 1);
	return err;
}

static void link_ready(struct worker_link *link)
{
	bool waited = link->waiting;
	int err;

	if (link->channel.fd < 0)
		return;
	err = link_turn(link);
	if (err == 0 && link->waiting != waited)
		err = watch(link->role, EPOLL_CTL_MOD, link->channel.fd,
			    link->waiting ? EPOLLOUT : EPOLLIN, link);
	if (err)
		link_close(link);
}

/* In place of one that was lost, too. */
static int on_worker(void *arg, struct reader *body, int fd)
{
	struct netlink_role *role = arg;
	struct worker_link *link;
	uint16_t index;

	if (!role->ready || !reader_u16(body, &index) || index >= WORKERS_MAX) {
		close(fd);
		return -EPROTO;
	}
	link = &role->workers[index];
	link_close(link);
	link->channel.fd = fd;
	return watch(role, EPOLL_CTL_ADD, fd, EPOLLIN, link);
}

/* ---- the loop ---------------------------------------------------------------------------------
 */

static int on_stop(void *arg, struct reader *body, int fd)
{
	(void)arg;
	(void)body;
	(void)fd;
	_exit(0);
}

static const struct channel_handler supervisor_handlers[] = {
	{ CHANNEL_SETUP, on_setup },
	{ CHANNEL_WORKER, on_worker },
	{ CHANNEL_STOP, on_stop },
	{ 0 },
};

static void run_once(struct netlink_role *role)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(role->epoll, events, EVENTS_MAX, -1);

	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr)
			link_ready(events[i].data.ptr);
		else if (channel_run(&role->supervisor, supervisor_handlers, role, CHANNEL_TURN))
			_exit(1); /* without a supervisor there is nobody to answer */
	}
}

int netlink_main(void)
{
	static struct netlink_role role = {
		.supervisor = { .fd = CHANNEL_FD,
				.here = ROLE_NETLINK,
				.there = ROLE_SUPERVISOR,
				.name = "supervisor" },
	};

	log_init("netlink", LOG_TARGET_STDERR);
	for (size_t i = 0; i < WORKERS_MAX; i++) {
		role.workers[i].role = &role;
		role.workers[i].channel = (struct channel){
			.fd = -1, .here = ROLE_NETLINK, .there = ROLE_WORKER, .name = "a worker"
		};
	}
	role.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (role.epoll < 0 || sandbox_hide() != 0 ||
	    watch(&role, EPOLL_CTL_ADD, CHANNEL_FD, EPOLLIN, NULL) != 0) {
		log_message(LOG_ERR, "cannot start: %s", strerror(errno));
		return 1;
	}
	for (;;)
		run_once(&role);
}
