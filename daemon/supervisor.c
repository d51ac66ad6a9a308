/* SPDX-License-Identifier: MIT */
#include "daemon/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/bundle.h"
#include "daemon/child.h"
#include "daemon/clock.h"
#include "daemon/kernel.h"
#include "daemon/listener.h"
#include "daemon/log.h"
#include "daemon/notify.h"

#define EVENTS_MAX   64
#define STOP_MS      5000 /* that handshakes in flight have at the end */
#define FAILURES_MAX 5    /* of children, before the first ever was ready */

static struct child *worker(struct supervisor *s, size_t i)
{
	return &s->children[i];
}

static struct child *signer(struct supervisor *s, size_t i)
{
	return &s->children[s->config->workers + i];
}

static bool watch(struct supervisor *s, int fd, uint32_t event_of)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = event_of };

	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event) == 0)
		return true;
	log_message(LOG_ERR, "epoll_ctl: %s", strerror(errno));
	return false;
}

/* ---- children ---------------------------------------------------------------------------------
 */

static int send_index(const struct child *to, enum channel_type type, uint16_t index, int fd)
{
	struct channel_message m;

	channel_begin(&m, type);
	writer_u16(&m.body, index);
	return channel_send(&to->channel, &m, fd);
}

/* A channel between a worker and a signer; either end may be new. */
static void introduce(struct child *w, struct child *s)
{
	int pair[2];

	if (w->pid == 0 || s->pid == 0)
		return;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
		log_message(LOG_ERR, "socketpair: %s", strerror(errno));
		return;
	}
	if (send_index(w, CHANNEL_SIGNER, s->index, pair[0]) != 0)
		child_kill(w);
	if (send_index(s, CHANNEL_WORKER, w->index, pair[1]) != 0)
		child_kill(s);
	close(pair[0]);
	close(pair[1]);
}

static int set_up(const struct supervisor *s, const struct child *child)
{
	struct channel_message m;

	channel_begin(&m, CHANNEL_SETUP);
	writer_u16(&m.body, child->index);
	writer_u64(&m.body, s->capabilities);
	return channel_send(&child->channel, &m,
			    child->role == ROLE_WORKER ? s->bundles->workers : s->bundles->signers);
}

static void start(struct supervisor *s, size_t i)
{
	struct child *child = &s->children[i];
	int err = child_start(child);

	if (err) {
		log_message(LOG_ERR, "cannot start %s: %s", child->name, strerror(-err));
		return;
	}
	if (set_up(s, child) != 0 || !watch(s, child->channel.fd, (uint32_t)i)) {
		child_kill(child);
		return;
	}
	if (child->role == ROLE_WORKER) {
		s->loads[i] = (struct load){ 0 };
		for (size_t j = 0; j < s->config->signers; j++)
			introduce(child, signer(s, j));
	} else {
		for (size_t j = 0; j < s->config->workers; j++)
			introduce(worker(s, j), child);
	}
}

static void start_due(struct supervisor *s, uint64_t now)
{
	for (size_t i = 0; i < s->children_len && !s->stopping; i++) {
		const struct child *child = &s->children[i];

		if (child->pid == 0 && now >= child->restart)
			start(s, i);
	}
}

struct message_of {
	struct supervisor *s;
	size_t i; /* of the child */
};

static int on_ready(void *arg, struct reader *body, int fd)
{
	const struct message_of *m = arg;
	struct supervisor *s = m->s;
	struct child *child = &s->children[m->i];

	(void)body;
	(void)fd;
	child->ready = true;
	if (s->waiting >= 0)
		clients_retry(s);
	if (s->complete)
		log_message(LOG_NOTICE, "%s is there again (pid %d)", child->name, (int)child->pid);
	for (size_t i = 0; i < s->children_len; i++) {
		if (s->complete || !s->children[i].ready)
			return 0;
	}
	s->complete = true;
	notify_manager("READY=1");
	log_message(LOG_NOTICE, "ready: %u workers, %u signers, %zu profiles, listening on %s",
		    s->config->workers, s->config->signers, s->config->profiles_len,
		    s->config->socket.text);
	return 0;
}

static int on_load(void *arg, struct reader *body, int fd)
{
	const struct message_of *m = arg;
	struct load *load = &m->s->loads[m->i];
	uint64_t gone;

	(void)fd;
	if (!reader_u32(body, &load->handshakes) || !reader_u64(body, &gone) || gone > load->given)
		return -EPROTO;
	load->gone = gone;
	return 0;
}

/* A worker may accuse nobody, and a signer only workers. */
static int on_suspect(void *arg, struct reader *body, int fd)
{
	const struct message_of *m = arg;
	uint16_t index;

	(void)fd;
	if (!reader_u16(body, &index) || index >= m->s->config->workers)
		return -EPROTO;
	log_message(LOG_ERR, "%s broke the rules towards %s: it is ended",
		    worker(m->s, index)->name, m->s->children[m->i].name);
	child_kill(worker(m->s, index));
	return 0;
}

static const struct channel_handler handlers[] = {
	{ CHANNEL_READY, on_ready },
	{ CHANNEL_LOAD, on_load },
	{ CHANNEL_SUSPECT, on_suspect },
	{ 0 },
};

static void listen_to_child(struct supervisor *s, size_t i)
{
	struct child *child = &s->children[i];
	struct message_of m = { s, i };

	if (child->channel.fd < 0 || channel_run(&child->channel, handlers, &m, CHANNEL_TURN) == 0)
		return;
	/* It is ending, or not to be trusted any more. */
	close(child->channel.fd);
	child->channel.fd = -1;
	child->ready = false;
	child_kill(child);
}

static void ended(struct supervisor *s, struct child *child, int status)
{
	child_ended(child, status, s->stopping);
	if (s->complete || child->failures < FAILURES_MAX || s->stopping)
		return;
	log_message(LOG_ERR, "%s does not start: giving up", child->name);
	s->failed = true;
	s->stopping = true;
	s->kill_at = clock_ms();
}

static void reap(struct supervisor *s)
{
	int status;
	pid_t pid;

	for (pid = waitpid(-1, &status, WNOHANG); pid > 0; pid = waitpid(-1, &status, WNOHANG)) {
		for (size_t i = 0; i < s->children_len; i++) {
			if (s->children[i].pid == pid)
				ended(s, &s->children[i], status);
		}
	}
}

/* ---- the end ----------------------------------------------------------------------------------
 */

static void send_stop(const struct child *child)
{
	struct channel_message m;

	channel_begin(&m, CHANNEL_STOP);
	if (child->pid > 0 && channel_send(&child->channel, &m, CHANNEL_FD_NONE) != 0)
		kill(child->pid, SIGKILL);
}

static void stop(struct supervisor *s)
{
	if (s->stopping)
		return;
	log_message(LOG_NOTICE, "stopping");
	notify_manager("STOPPING=1");
	s->stopping = true;
	s->kill_at = clock_ms() + STOP_MS;
	listener_close(s->listener, s->config);
	s->listener = -1;
	for (size_t i = 0; i < s->config->workers; i++)
		send_stop(worker(s, i));
}

static bool any_alive(const struct child *children, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (children[i].pid > 0)
			return true;
	}
	return false;
}

/* Signers go last: the handshakes in flight may need them. True where all are gone. */
static bool stopped(struct supervisor *s)
{
	bool workers = any_alive(s->children, s->config->workers);

	for (size_t i = 0; i < s->config->signers && !workers && !s->signers_told; i++)
		send_stop(signer(s, i));
	s->signers_told = !workers;
	for (size_t i = 0; i < s->children_len && clock_ms() >= s->kill_at; i++)
		child_kill(&s->children[i]);
	return !any_alive(s->children, s->children_len);
}

static void on_signals(struct supervisor *s)
{
	struct signalfd_siginfo info;

	while (read(s->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			reap(s);
		else if (info.ssi_signo == SIGHUP)
			log_message(LOG_NOTICE, "SIGHUP: restart ktlsd for a new configuration");
		else
			stop(s);
	}
}

/* ---- the loop ---------------------------------------------------------------------------------
 */

static int timeout_of(const struct supervisor *s, uint64_t now)
{
	uint64_t next = now + 60000;

	if (s->retry_at > 0 && s->retry_at < next)
		next = s->retry_at;
	if (s->stopping && s->kill_at < next)
		next = s->kill_at + 50; /* and then now and then until all are gone */
	for (size_t i = 0; i < s->children_len && !s->stopping; i++) {
		const struct child *child = &s->children[i];

		if (child->pid == 0 && child->restart < next)
			next = child->restart;
	}
	return next > now ? (int)(next - now) : 0;
}

static void run_once(struct supervisor *s)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(s->epoll, events, EVENTS_MAX, timeout_of(s, clock_ms()));
	uint64_t now;

	for (int i = 0; i < n; i++) {
		if (events[i].data.u32 == EVENT_LISTENER)
			clients_accept(s);
		else if (events[i].data.u32 == EVENT_SIGNALS)
			on_signals(s);
		else
			listen_to_child(s, events[i].data.u32);
	}
	now = clock_ms();
	if (s->retry_at > 0 && now >= s->retry_at)
		clients_retry(s);
	start_due(s, now);
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return -1;
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool init(struct supervisor *s)
{
	const struct config *config = s->config;

	s->children_len = config->workers + config->signers;
	s->children = calloc(s->children_len, sizeof(*s->children));
	s->loads = calloc(config->workers, sizeof(*s->loads));
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->signals = open_signals();
	if (!s->children || !s->loads || s->epoll < 0 || s->signals < 0) {
		log_message(LOG_ERR, "cannot start: %s", strerror(errno));
		return false;
	}
	for (uint16_t i = 0; i < config->workers; i++)
		child_init(worker(s, i), ROLE_WORKER, i);
	for (uint16_t i = 0; i < config->signers; i++)
		child_init(signer(s, i), ROLE_SIGNER, i);
	s->listener = listener_open(config);
	return s->listener >= 0 && watch(s, s->listener, EVENT_LISTENER) &&
	       watch(s, s->signals, EVENT_SIGNALS);
}

static void wipe(struct supervisor *s)
{
	if (s->waiting >= 0)
		close(s->waiting);
	if (s->listener >= 0)
		listener_close(s->listener, s->config);
	if (s->signals >= 0)
		close(s->signals);
	if (s->epoll >= 0)
		close(s->epoll);
	free(s->children);
	free(s->loads);
}

int supervisor_main(const struct config *config, const struct bundles *bundles)
{
	struct supervisor s = { .config = config,
				.bundles = bundles,
				.epoll = -1,
				.listener = -1,
				.signals = -1,
				.waiting = -1 };

	s.failed = !init(&s);
	if (!s.failed) {
		s.capabilities = kernel_probe();
		start_due(&s, clock_ms());
		while (!s.stopping || !stopped(&s))
			run_once(&s);
		log_message(LOG_NOTICE, "stopped");
	}
	wipe(&s);
	return s.failed;
}
