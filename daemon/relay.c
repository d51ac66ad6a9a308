/* SPDX-License-Identifier: MIT */
#include "daemon/relay.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ktls.h>

#include "daemon/bundle.h"
#include "daemon/carry.h"
#include "daemon/channel.h"
#include "daemon/clock.h"
#include "daemon/log.h"
#include "daemon/sandbox.h"
#include "lib/crypto/util.h"
#include "lib/relay/relay.h"

#define EVENTS_MAX       66
#define WORKERS_MAX      512            /* of all configurations that live at a time */
#define LOCKED_EACH      ((size_t)4096) /* bytes of locked memory for one, with its share of guards */
#define DESCRIPTORS_EACH 2
#define DESCRIPTORS_MORE 1024 /* in messages; and its own */
#define TELL_MS          200  /* between two messages about what it has */

struct worker_link {
	struct relay_role *role;
	struct channel channel; /* fd is -1 as long as there is none */
	bool waiting;           /* an answer has had no room: nothing is read until it has */
	struct channel_message answer;
	uint64_t token; /* that the answer is to */
	int pass;       /* the answer's descriptor, or CHANNEL_FD_NONE */
};

#define TICKETS_MAX 8 /* of a connection, that are kept */

/* A connection. */
struct carried {
	struct relay_role *role;
	struct worker_link *link; /* of the worker that gave it; by now it may be another's */
	uint64_t cookie;          /* of its socket */
	unsigned int tickets;     /* so far */
	size_t session_len;
	uint8_t session[]; /* sealed, for its tickets */
};

/* What the supervisor is told: the connections, now and since the start. */
struct held {
	uint32_t connections;
	uint64_t bytes; /* of memory */
	uint64_t carried, sent, received;
};

struct relay_role {
	uint16_t index;
	char name[16];
	struct bundle_settings settings;
	struct channel supervisor;
	int epoll;
	struct relay_loop *loop;
	bool retiring; /* it ends with its last connection and its last worker */
	struct worker_link workers[WORKERS_MAX];
	struct held held, told;
	uint64_t carried_bytes; /* of struct carried */
	uint64_t told_at;
	struct log_limit ends;
};

/* ---- set-up -----------------------------------------------------------------------------------
 */

/* Errors are negative errnos. Privileges go first. */
static int set_up(struct relay_role *role, const struct bundle *bundle)
{
	struct relay_config config;
	struct reader r;
	int err;

	reader_init(&r, bundle->bytes, bundle->len);
	if (!bundle_settings_read(&r, &role->settings))
		return -EPROTO;
	log_init(role->name, role->settings.journal ? LOG_TARGET_JOURNAL : LOG_TARGET_STDERR);
	sandbox_raise_limits(role->settings.relays_max * LOCKED_EACH,
			     role->settings.relays_max * DESCRIPTORS_EACH + DESCRIPTORS_MORE);
	err = sandbox_drop(role->settings.user, role->settings.group);
	if (err)
		return err;
	err = crypto_init();
	if (err)
		return err;
	config = (struct relay_config){ .relays_max = role->settings.relays_max };
	err = relay_loop_new(&config, &role->loop);
	if (err)
		return err;
	err = sandbox_enter(ROLE_RELAY);
	if (err)
		log_message(LOG_WARNING, "no limits on system calls: %s", strerror(-err));
	return 0;
}

static int watch(struct relay_role *role, int op, int fd, uint32_t events, void *what)
{
	struct epoll_event event = { .events = events, .data.ptr = what };

	return epoll_ctl(role->epoll, op, fd, &event) == 0 ? 0 : -errno;
}

static int on_setup(void *arg, struct reader *body, int fd)
{
	struct relay_role *role = arg;
	struct channel_message ready;
	struct bundle bundle = { 0 };
	uint64_t capabilities;
	int err;

	if (role->loop || !reader_u16(body, &role->index) || !reader_u64(body, &capabilities)) {
		close(fd);
		return -EPROTO;
	}
	snprintf(role->name, sizeof(role->name), "relay %u", role->index + 1U);
	err = bundle_map(fd, &bundle);
	close(fd);
	if (err == 0)
		err = set_up(role, &bundle);
	bundle_unmap(&bundle);
	if (err == 0)
		err = watch(role, EPOLL_CTL_ADD, relay_loop_fd(role->loop), EPOLLIN, &role->loop);
	if (err) {
		log_message(LOG_ERR, "cannot be set up: %s", strerror(-err));
		_exit(1);
	}
	channel_begin(&ready, CHANNEL_READY);
	return channel_send(&role->supervisor, &ready, CHANNEL_FD_NONE);
}

/* ---- connections ------------------------------------------------------------------------------
 */

/* Any worker will do: the session tells whose ticket it is. -1: none is there. */
static int to_worker(const struct carried *carried)
{
	const struct relay_role *role = carried->role;
	int fd = carried->link->channel.fd;

	for (size_t i = 0; i < WORKERS_MAX && fd < 0; i++)
		fd = role->workers[i].channel.fd;
	return fd;
}

/* What is too long, or finds no room on its way, is dropped: tickets are for convenience. */
static void on_ticket(void *arg, const uint8_t *message, size_t len)
{
	struct carried *carried = arg;
	const struct channel to = { .fd = to_worker(carried) };
	const struct carry_ticket ticket = { .cookie = carried->cookie,
					     .session = { carried->session, carried->session_len },
					     .message = { message, len } };
	struct channel_message m;

	if (to.fd < 0 || carried->tickets == TICKETS_MAX)
		return;
	carried->tickets++;
	channel_begin(&m, CHANNEL_TICKET);
	carry_ticket_write(&m.body, &ticket);
	(void)!channel_send(&to, &m, CHANNEL_FD_NONE);
	channel_wipe(&m);
}

static struct carried *carried_new(struct worker_link *link, int fd, const struct reader *session)
{
	struct carried *carried = malloc(sizeof(*carried) + session->left);
	struct reader bytes = *session;
	socklen_t len = sizeof(carried->cookie);

	if (!carried)
		return NULL;
	*carried =
		(struct carried){ .role = link->role, .link = link, .session_len = session->left };
	if (!reader_copy(&bytes, carried->session, carried->session_len) ||
	    getsockopt(fd, SOL_SOCKET, SO_COOKIE, &carried->cookie, &len) != 0)
		carried->session_len = 0;
	return carried;
}

/* A good end is no news; one that the relay had to make is, and so is what a peer did wrong. */
static void on_ended(void *arg, const struct relay_end *end)
{
	struct carried *carried = arg;
	struct relay_role *role = carried->role;

	role->carried_bytes -= sizeof(*carried) + carried->session_len;
	free(carried);
	role->held.sent += end->sent;
	role->held.received += end->received;
	if (end->reason != KTLS_OK)
		log_limited(&role->ends, LOG_INFO, "a connection ended: %s, %ju bytes out, %ju in",
			    ktls_reason_name((int)end->reason), (uintmax_t)end->sent,
			    (uintmax_t)end->received);
}

static bool is_tcp(int fd)
{
	int protocol = 0;
	socklen_t len = sizeof(protocol);

	return getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) == 0 &&
	       protocol == IPPROTO_TCP;
}

/* 0 with the application's end, and the socket is the loop's; or a negative reason. */
static int begin(const struct carry *carry, int fd, struct carried *carried, int *application)
{
	struct relay_role *role = carried->role;
	struct relay_request request = { .peer = fd,
					 .secrets = &carry->secrets,
					 .tx = &carry->tx,
					 .rx = &carry->rx,
					 .content_max = carry->content_max,
					 .records_max = carry->records_max,
					 .ticket = carried->session_len > 0 ? on_ticket : NULL,
					 .ended = on_ended,
					 .arg = carried };
	int pair[2];
	int err;

	if (!is_tcp(fd))
		return -KTLS_R_SOCKET_NOT_TCP;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return -KTLS_R_NO_MEMORY;
	request.application = pair[0];
	err = relay_start(role->loop, &request);
	if (err < 0) {
		close(pair[0]);
		close(pair[1]);
		return err;
	}
	role->held.carried++;
	role->carried_bytes += sizeof(*carried) + carried->session_len;
	*application = pair[1];
	return 0;
}

/* The descriptor has been sent, or nobody is left to get it: then its relay ends by itself. */
static void drop_pass(struct worker_link *link)
{
	if (link->pass >= 0)
		close(link->pass);
	link->pass = CHANNEL_FD_NONE;
}

static void decline(struct worker_link *link, enum ktls_reason reason)
{
	channel_begin(&link->answer, CHANNEL_DECLINED);
	writer_u64(&link->answer.body, link->token);
	writer_u16(&link->answer.body, (uint16_t)reason);
}

/*
 * Where too many descriptors of ktlsd's user are under way, this connection is over, which is said:
 * its relay ends by itself when the application's end is closed.
 */
static int send_answer(struct worker_link *link)
{
	int err = channel_send(&link->channel, &link->answer, link->pass);

	if (err == -ETOOMANYREFS) {
		drop_pass(link);
		decline(link, KTLS_R_TOO_MANY);
		err = channel_send(&link->channel, &link->answer, CHANNEL_FD_NONE);
	}
	link->waiting = err == -EAGAIN;
	if (link->waiting)
		return 0;
	drop_pass(link);
	return err;
}

static int on_carry(void *arg, struct reader *body, int fd)
{
	struct worker_link *link = arg;
	struct carried *carried;
	struct carry carry;
	struct reader session;
	uint64_t token;
	int err = -KTLS_R_NO_MEMORY;

	if (!reader_u64(body, &token) || !carry_read(body, &carry) ||
	    !reader_bytes(body, body->left, &session)) {
		close(fd);
		return -EPROTO;
	}
	carried = carried_new(link, fd, &session);
	if (carried)
		err = begin(&carry, fd, carried, &link->pass);
	secret_wipe(&carry, sizeof(carry));
	if (err < 0) {
		free(carried);
		close(fd);
	}
	link->token = token;
	if (err < 0) {
		decline(link, (enum ktls_reason) - err);
	} else {
		channel_begin(&link->answer, CHANNEL_CARRIED);
		writer_u64(&link->answer.body, token);
	}
	return send_answer(link);
}

static const struct channel_handler worker_handlers[] = {
	{ CHANNEL_CARRY, on_carry },
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
	drop_pass(link);
}

/* Each connection is answered before the next is read: so one answer at most has to wait. */
static void link_ready(struct worker_link *link)
{
	bool waited = link->waiting;
	int err;

	if (link->channel.fd < 0)
		return;
	err = waited ? send_answer(link) : channel_run(&link->channel, worker_handlers, link, 1);
	if (err == 0 && link->waiting != waited)
		err = watch(link->role, EPOLL_CTL_MOD, link->channel.fd,
			    link->waiting ? EPOLLOUT : EPOLLIN, link);
	if (err)
		link_close(link);
}

static int on_worker(void *arg, struct reader *body, int fd)
{
	struct relay_role *role = arg;
	struct worker_link *link = NULL;
	uint16_t index;

	if (!role->loop || !reader_u16(body, &index)) {
		close(fd);
		return -EPROTO;
	}
	/* Workers of two configurations may have the same index: any link that is free will do. */
	for (size_t i = 0; i < WORKERS_MAX && !link; i++)
		if (role->workers[i].channel.fd < 0)
			link = &role->workers[i];
	if (!link) {
		close(fd); /* that worker does without */
		return 0;
	}
	link->channel.fd = fd;
	return watch(role, EPOLL_CTL_ADD, fd, EPOLLIN, link);
}

/* ---- the supervisor ---------------------------------------------------------------------------
 */

static int on_retire(void *arg, struct reader *body, int fd)
{
	struct relay_role *role = arg;

	(void)body;
	(void)fd;
	role->retiring = true;
	return 0;
}

/* Who is being carried gets no word: neither end takes that for the end of its stream. */
static int on_stop(void *arg, struct reader *body, int fd)
{
	struct relay_role *role = arg;

	(void)body;
	(void)fd;
	relay_loop_free(role->loop);
	_exit(0);
}

static const struct channel_handler supervisor_handlers[] = {
	{ CHANNEL_SETUP, on_setup },
	{ CHANNEL_WORKER, on_worker },
	{ CHANNEL_RETIRE, on_retire },
	{ CHANNEL_STOP, on_stop },
	{ 0 },
};

static bool held_changed(struct relay_role *role)
{
	role->held.connections = (uint32_t)relay_loop_count(role->loop);
	role->held.bytes = relay_loop_bytes(role->loop) + role->carried_bytes;
	return memcmp(&role->held, &role->told, sizeof(role->held)) != 0;
}

static void tell(struct relay_role *role)
{
	const struct held *held = &role->held;
	struct channel_message m;

	if (!role->loop || !held_changed(role) || clock_ms() < role->told_at + TELL_MS)
		return;
	channel_begin(&m, CHANNEL_HELD);
	writer_u32(&m.body, held->connections);
	writer_u64(&m.body, held->bytes);
	writer_u64(&m.body, held->carried);
	writer_u64(&m.body, held->sent);
	writer_u64(&m.body, held->received);
	role->told_at = clock_ms();
	if (channel_send(&role->supervisor, &m, CHANNEL_FD_NONE) == 0)
		role->told = *held;
}

/* ---- the loop ---------------------------------------------------------------------------------
 */

static bool is_idle(const struct relay_role *role)
{
	for (size_t i = 0; i < WORKERS_MAX; i++)
		if (role->workers[i].channel.fd >= 0)
			return false;
	return relay_loop_count(role->loop) == 0;
}

static void run_event(struct relay_role *role, void *what)
{
	if (what == &role->loop)
		relay_loop_run(role->loop);
	else if (what)
		link_ready(what);
	else if (channel_run(&role->supervisor, supervisor_handlers, role, CHANNEL_TURN) != 0)
		_exit(1); /* without a supervisor there is nobody to know of it */
}

static void run_once(struct relay_role *role)
{
	struct epoll_event events[EVENTS_MAX];
	int timeout = role->loop && held_changed(role) ? TELL_MS : -1;
	int n = epoll_wait(role->epoll, events, EVENTS_MAX, timeout);

	for (int i = 0; i < n; i++)
		run_event(role, events[i].data.ptr);
	tell(role);
	if (role->retiring && is_idle(role))
		_exit(0);
}

static void init(struct relay_role *role)
{
	for (uint16_t i = 0; i < WORKERS_MAX; i++) {
		struct worker_link *link = &role->workers[i];

		link->role = role;
		link->pass = CHANNEL_FD_NONE;
		link->channel = (struct channel){
			.fd = -1, .here = ROLE_RELAY, .there = ROLE_WORKER, .name = "a worker"
		};
	}
}

int relay_main(void)
{
	static struct relay_role role = {
		.name = "relay",
		.supervisor = { .fd = CHANNEL_FD,
				.here = ROLE_RELAY,
				.there = ROLE_SUPERVISOR,
				.name = "supervisor" },
		.ends = { .burst = 20 },
	};

	log_init(role.name, LOG_TARGET_STDERR);
	init(&role);
	role.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (role.epoll < 0 || sandbox_hide() != 0 ||
	    watch(&role, EPOLL_CTL_ADD, CHANNEL_FD, EPOLLIN, NULL) != 0) {
		log_message(LOG_ERR, "cannot start: %s", strerror(errno));
		return 1;
	}
	for (;;)
		run_once(&role);
}
