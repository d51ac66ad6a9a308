/* SPDX-License-Identifier: MIT */
#include "daemon/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/kernel.h"
#include "daemon/listener.h"
#include "daemon/log.h"
#include "daemon/notify.h"
#include "daemon/sandbox.h"
#include "lib/crypto/util.h"

#define EVENTS_MAX 64
#define STOP_MS    5000 /* that handshakes in flight have at the end */

bool supervisor_watch(struct supervisor *s, int fd, void *event_of)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = event_of };

	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event) == 0)
		return true;
	log_message(LOG_ERR, "epoll_ctl: %s", strerror(errno));
	return false;
}

/* ---- signals ----------------------------------------------------------------------------------
 */

static void reap(struct supervisor *s)
{
	int status;
	pid_t pid;

	for (pid = waitpid(-1, &status, WNOHANG); pid > 0; pid = waitpid(-1, &status, WNOHANG)) {
		if (!child_reaped(s, pid, status) && !relay_reaped(s, pid, status) &&
		    !reload_reaped(s, pid, status))
			log_message(LOG_WARNING, "pid %d, which is nobody's, has ended", (int)pid);
	}
}

/* The socket last: whoever can have it then, a new ktlsd, finds nothing of this one. */
static void stop(struct supervisor *s)
{
	if (s->stopping)
		return;
	log_message(LOG_NOTICE, "stopping");
	notify_manager("STOPPING=1");
	s->stopping = true;
	s->kill_at = clock_ms() + STOP_MS;
	status_wipe(s);
	listener_close(s->listener, s->given ? NULL : s->socket);
	s->listener = -1;
	children_stop(s);
}

static void on_signals(struct supervisor *s)
{
	struct signalfd_siginfo info;

	while (read(s->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			reap(s);
		else if (info.ssi_signo == SIGHUP)
			reload_begin(s);
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
	if (s->reload.files.pid > 0 && s->reload.give_up < next)
		next = s->reload.give_up;
	if (s->tickets.due > 0 && s->tickets.due < next)
		next = s->tickets.due;
	next = children_next(s, next);
	next = relays_next(s, next);
	return next > now ? (int)(next - now) : 0;
}

static void run_once(struct supervisor *s)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(s->epoll, events, EVENTS_MAX, timeout_of(s, clock_ms()));
	uint64_t now;

	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr == &s->listener)
			clients_accept(s);
		else if (events[i].data.ptr == &s->status)
			status_accept(s);
		else if (events[i].data.ptr == &s->signals)
			on_signals(s);
		else
			child_ready(s, events[i].data.ptr);
	}
	generations_bury(s);
	relays_bury(s);
	now = clock_ms();
	if (s->retry_at > 0 && now >= s->retry_at)
		clients_retry(s);
	reload_run(s, now);
	tickets_run(s, now);
	children_run(s, now);
	relays_run(s, now);
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

static bool init(struct supervisor *s, const struct config *config)
{
	s->socket = strdup(config->socket.text);
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->signals = open_signals();
	if (!s->socket || s->epoll < 0 || s->signals < 0) {
		log_message(LOG_ERR, "cannot start: %s", strerror(errno));
		return false;
	}
	s->listener = listener_open(config, &s->given);
	/* Without it, a long name say, everything else goes on. */
	if (s->listener >= 0 && !status_init(s, config))
		log_message(LOG_WARNING, "there is nothing for 'ktlsctl status' to read");
	return s->listener >= 0 && seals_init(s) &&
	       supervisor_watch(s, s->listener, &s->listener) &&
	       supervisor_watch(s, s->signals, &s->signals);
}

static void wipe(struct supervisor *s)
{
	reload_wipe(s);
	(void)children_stopped(s);
	if (s->waiting >= 0)
		close(s->waiting);
	if (s->listener >= 0)
		listener_close(s->listener, s->given ? NULL : s->socket);
	if (s->signals >= 0)
		close(s->signals);
	if (s->epoll >= 0)
		close(s->epoll);
	status_wipe(s);
	tickets_wipe(s);
	seals_wipe(s);
	free(s->socket);
	free(s->file);
}

/* It has the keys of tickets, which are nobody's to look at. Sanitizers look at their own end. */
static bool hide(void)
{
#ifndef __SANITIZE_ADDRESS__
	return sandbox_hide() == 0;
#else
	return true;
#endif
}

int supervisor_main(struct config *config, const struct bundles *bundles)
{
	struct supervisor s = { .file = strdup(config->file),
				.epoll = -1,
				.listener = -1,
				.signals = -1,
				.sealing_file = -1,
				.status = -1,
				.started = (uint64_t)time(NULL),
				.waiting = -1 };

	s.failed = !s.file || !hide() || crypto_init() != 0 || !tickets_init(&s) ||
		   !generation_new(&s, config, bundles) || !init(&s, config);
	if (!s.failed) {
		tickets_configure(&s, config);
		s.capabilities = kernel_probe();
		children_run(&s, clock_ms());
		while (!s.stopping || !children_stopped(&s))
			run_once(&s);
		log_message(LOG_NOTICE, "stopped");
	}
	wipe(&s);
	return s.failed;
}
