/* SPDX-License-Identifier: MIT */
/* The role that performs handshakes: worker.h has the overview. */
#include "daemon/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/sandbox.h"
#include "lib/conn/acceptor.h"
#include "lib/crypto/util.h"
#include "lib/x509/x509.h"

#define EVENTS_MAX         256
#define CLOSERS            4
#define SESSIONS           4096 /* of clients, to be resumed */
#define SESSIONS_BYTES     (8 << 20)
#define POOL_PER_HANDSHAKE 65536 /* bytes: a few handshakes in hundred need any at a time */
#define HANDSHAKE_LOCKED                                                         \
	((size_t)6144) /* bytes of locked memory for one, with its pages' guards \
			*/
/* In a packet; and the worker's own, with those of listening sockets. */
#define DESCRIPTORS_MORE (HANDOFF_FDS_MAX + 128 + 4 * 256)
#define TELL_MS          50 /* between two messages about the load */
#define LISTEN_RETRY_MS  20 /* for what can be sent again without an event */

bool watch_add(struct worker *w, struct watch *watch, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	return epoll_ctl(w->epoll, EPOLL_CTL_ADD, watch->fd, &event) == 0;
}

/* ---- set-up -----------------------------------------------------------------------------------
 */

static int new_loop(struct worker *w)
{
	static uint16_t suites[CONN_SUITES_MAX]; /* lib/conn keeps the pointer */
	struct conn_config config = {
		.handshakes_max = w->settings.handshakes_max,
		.pool_max = POOL_PER_HANDSHAKE * (size_t)w->settings.handshakes_max,
		.timeout_ms = KTLS_DEADLINE_DEFAULT,
		.closers = CLOSERS,
		.sessions_max = SESSIONS,
		.sessions_bytes = SESSIONS_BYTES,
		.suites = suites,
		.suites_len = conn_suites(w->capabilities, suites),
		.expect_no_pad = w->capabilities & KTLS_CAN_EXPECT_NO_PAD,
		.router = &w->router,
		.sealer = &w->sealer,
		.rekey = w->capabilities & KTLS_CAN_REKEY,
		.session_age = w->settings.session_age,
	};

	signer_sealer(w, &w->sealer);
	/* A kernel that can do none is asked again by each handshake, and says what it lacks. */
	if (config.suites_len == 0)
		config.suites = NULL;
	if (w->capabilities & KTLS_CAN_RECORD_SIZE_LIMIT)
		config.record_size_limit = CONN_RECORD_SIZE;
	return conn_loop_new(&config, &w->loop);
}

static void enter_sandbox(enum channel_role role)
{
	int err = sandbox_enter(role);

	if (err)
		log_message(LOG_WARNING, "no limits on system calls: %s", strerror(-err));
}

static bool read_bundle(struct worker *w, const struct bundle *bundle)
{
	struct reader r;

	reader_init(&r, bundle->bytes, bundle->len);
	return bundle_settings_read(&r, &w->settings) && profiles_read(w, &r);
}

/* Errors are negative errnos. Privileges go first: all that follows can do without. */
static int set_up(struct worker *w, const struct bundle *bundle)
{
	struct reader r;
	int err;

	reader_init(&r, bundle->bytes, bundle->len);
	if (!bundle_settings_read(&r, &w->settings))
		return -EPROTO;
	log_init(w->name, w->settings.journal ? LOG_TARGET_JOURNAL : LOG_TARGET_STDERR);
	sandbox_raise_limits(w->settings.handshakes_max * HANDSHAKE_LOCKED,
			     2 * w->settings.handshakes_max + CLIENTS_MAX + DESCRIPTORS_MORE);
	err = sandbox_drop(w->settings.user, w->settings.group);
	if (err)
		return err;
	err = crypto_init();
	if (err)
		return err;
	if (x509_init() != 0 || !read_bundle(w, bundle))
		return -EPROTO;
	err = new_loop(w);
	if (err)
		return err;
	err = acceptor_init();
	if (err)
		return err;
	enter_sandbox(ROLE_WORKER);
	return 0;
}

static void on_loop(struct watch *watch, uint32_t events)
{
	struct worker *w = (struct worker *)((char *)watch - offsetof(struct worker, loop_watch));

	(void)events;
	conn_loop_run(w->loop);
}

static int on_setup(void *arg, struct reader *body, int fd)
{
	struct worker *w = arg;
	struct channel_message ready;
	struct bundle bundle = { 0 };
	int err;

	if (w->loop || !reader_u16(body, &w->index) || !reader_u64(body, &w->capabilities)) {
		close(fd);
		return -EPROTO;
	}
	snprintf(w->name, sizeof(w->name), "worker %u", w->index + 1U);
	err = bundle_map(fd, &bundle);
	close(fd);
	if (err == 0)
		err = set_up(w, &bundle);
	bundle_unmap(&bundle);
	if (err == 0) {
		w->loop_watch = (struct watch){ .ready = on_loop, .fd = conn_loop_fd(w->loop) };
		err = watch_add(w, &w->loop_watch, EPOLLIN) ? 0 : -errno;
	}
	if (err) {
		log_message(LOG_ERR, "cannot be set up: %s", strerror(-err));
		_exit(1);
	}
	channel_begin(&ready, CHANNEL_READY);
	return channel_send(&w->supervisor, &ready, CHANNEL_FD_NONE);
}

/* ---- what the supervisor says -----------------------------------------------------------------
 */

/* A line at a time: all workers write to one file. */
static void log_secret(void *arg, const char *line, size_t len)
{
	const struct worker *w = arg;

	(void)!write(w->key_log, line, len);
}

static int on_key_log(void *arg, struct reader *body, int fd)
{
	struct worker *w = arg;

	(void)body;
	if (!w->loop || w->key_log > 0) {
		close(fd);
		return -EPROTO;
	}
	w->key_log = fd;
	conn_loop_log_secrets(w->loop, log_secret, w);
	return 0;
}

static int on_signer(void *arg, struct reader *body, int fd)
{
	struct worker *w = arg;
	uint16_t index;

	if (!w->loop || !reader_u16(body, &index) || index >= SIGNERS_MAX) {
		close(fd);
		return -EPROTO;
	}
	signer_adopt(w, index, fd);
	return 0;
}

static int on_relay(void *arg, struct reader *body, int fd)
{
	struct worker *w = arg;
	uint16_t index;

	if (!w->loop || !reader_u16(body, &index) || index >= RELAYS_MAX) {
		close(fd);
		return -EPROTO;
	}
	relay_adopt(w, index, fd);
	return 0;
}

static int on_netlink(void *arg, struct reader *body, int fd)
{
	struct worker *w = arg;
	uint16_t index;

	if (!w->loop || !reader_u16(body, &index) || index != 0) {
		close(fd);
		return -EPROTO;
	}
	netlink_adopt(w, fd);
	return 0;
}

static int on_client(void *arg, struct reader *body, int fd)
{
	struct worker *w = arg;
	struct client_identity identity;
	uint32_t uid, pid;

	if (!w->loop || !reader_u32(body, &uid) || !reader_u32(body, &pid) ||
	    !reader_copy(body, identity.allowed, sizeof(identity.allowed))) {
		close(fd);
		return -EPROTO;
	}
	identity.uid = uid;
	identity.pid = (pid_t)pid;
	client_adopt(w, fd, &identity);
	return 0;
}

static int on_stop(void *arg, struct reader *body, int fd)
{
	struct worker *w = arg;

	(void)body;
	(void)fd;
	w->stopping = true;
	listenings_retire(w);
	return 0;
}

static int on_retire(void *arg, struct reader *body, int fd)
{
	struct worker *w = arg;
	struct channel_message m;

	(void)body;
	(void)fd;
	if (w->retiring)
		return -EPROTO;
	clients_retire(w);
	channel_begin(&m, CHANNEL_READY);
	return channel_send(&w->supervisor, &m, CHANNEL_FD_NONE);
}

static const struct channel_handler handlers[] = {
	{ CHANNEL_KEY_LOG, on_key_log },
	{ CHANNEL_SETUP, on_setup },
	{ CHANNEL_SIGNER, on_signer },
	{ CHANNEL_RELAY, on_relay },
	{ CHANNEL_NETLINK, on_netlink },
	{ CHANNEL_CLIENT, on_client },
	{ CHANNEL_STOP, on_stop },
	{ CHANNEL_RETIRE, on_retire },
	{ 0 },
};

static void on_supervisor(struct watch *watch, uint32_t events)
{
	struct worker *w =
		(struct worker *)((char *)watch - offsetof(struct worker, supervisor_watch));

	(void)events;
	if (channel_run(&w->supervisor, handlers, w, CHANNEL_TURN) != 0)
		_exit(1); /* without a supervisor there is nothing to do */
}

/* ---- the loop ---------------------------------------------------------------------------------
 */

static bool load_changed(const struct worker *w)
{
	return w->told_gone != w->clients_gone || w->told_requests != w->requests_len;
}

static void tell_load(struct worker *w, uint64_t now)
{
	struct channel_message m;

	if (!load_changed(w) || now < w->told_at + TELL_MS)
		return;
	channel_begin(&m, CHANNEL_LOAD);
	writer_u32(&m.body, (uint32_t)w->requests_len);
	writer_u64(&m.body, w->clients_gone);
	writer_u64(&m.body, w->succeeded);
	writer_u64(&m.body, w->failed);
	w->told_at = now;
	if (channel_send(&w->supervisor, &m, CHANNEL_FD_NONE) != 0)
		return; /* it is told the next time */
	w->told_gone = w->clients_gone;
	w->told_requests = w->requests_len;
}

static int timeout_of(const struct worker *w)
{
	if (w->due)
		return 0;
	if (w->listenings_retry || w->clients_retry)
		return LISTEN_RETRY_MS;
	if (load_changed(w))
		return TELL_MS;
	return w->clients_unsent > 0 ? 1000 : -1;
}

/* Clients that are owed nothing go; the others, as their handshakes end. */
static void leave(struct worker *w)
{
	clients_release(w);
	if (!w->clients)
		_exit(0);
}

static void run_once(struct worker *w)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(w->epoll, events, EVENTS_MAX, timeout_of(w));
	uint64_t now;

	for (int i = 0; i < n; i++) {
		struct watch *watch = events[i].data.ptr;

		watch->ready(watch, events[i].events);
	}
	clients_run(w);
	now = clock_ms();
	clients_expire(w, now);
	listenings_run(w, now);
	if (w->stopping || w->retiring)
		leave(w);
	clients_bury(w);
	tell_load(w, now);
}

int worker_main(void)
{
	static struct worker w = {
		.name = "worker",
		.supervisor = { .fd = CHANNEL_FD,
				.here = ROLE_WORKER,
				.there = ROLE_SUPERVISOR,
				.name = "supervisor" },
		.supervisor_watch = { .ready = on_supervisor, .fd = CHANNEL_FD },
		.failures = { .burst = 50 },
		.complaints = { .burst = 10 },
	};

	log_init(w.name, LOG_TARGET_STDERR);
	w.epoll = epoll_create1(EPOLL_CLOEXEC);
	signers_init(&w);
	relays_init(&w);
	netlink_init(&w);
	if (w.epoll < 0 || sandbox_hide() != 0 || !watch_add(&w, &w.supervisor_watch, EPOLLIN)) {
		log_message(LOG_ERR, "cannot start: %s", strerror(errno));
		return 1;
	}
	for (;;)
		run_once(&w);
}
