/* SPDX-License-Identifier: MIT */
/*
 * Listening sockets. ktlsd is told of one when the program begins to wait for connections, not
 * before: a server that forks first has them in its children, and each child tells for itself. Then
 * the number stands for an epoll set, which is readable when connections have been made, or when
 * ktlsd is to be asked again; the TCP socket is kept, for all that is asked about it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "lib/run/run.h"

#define RETRY_S 5 /* until ktlsd is asked again that would have no more connections */

_Atomic unsigned int run_listeners_idle;

int run_listen(int fd, const struct run_rule *rule, int backlog)
{
	struct run_file *file;
	bool done;

	if (REAL(listen)(fd, backlog) < 0)
		return -1;
	file = run_file_new(RUN_LISTENER);
	if (!file)
		return run_fail(ENOMEM);
	file->rule = rule;
	file->backlog = backlog < 1                  ? 1
			: backlog > KTLS_BACKLOG_MAX ? KTLS_BACKLOG_MAX
						     : (unsigned int)backlog;
	file->real = run_kept_add(REAL(fcntl)(fd, F_DUPFD_CLOEXEC, 0));
	done = file->real >= 0 && run_set(fd, file);
	if (done)
		atomic_fetch_add(&run_listeners_idle, 1);
	run_put(file);
	if (!done)
		return run_fail(ENOMEM);
	if (run_watched(fd))
		run_listener_wait(fd);
	return 0;
}

/* ---- ktlsd is told ----------------------------------------------------------------------------
 */

struct exchange {
	struct run_file *file;
	int by;
};

static bool exchange(int fd, struct run_file *file, void *arg)
{
	const struct exchange *e = arg;
	struct run_watches watches;
	int close_on_exec;

	if (file != e->file)
		return true;
	close_on_exec = REAL(fcntl)(fd, F_GETFD) & FD_CLOEXEC ? O_CLOEXEC : 0;
	run_watches_take(fd, &watches);
	REAL(dup3)(e->by, fd, close_on_exec);
	run_watches_restore(fd, &watches);
	return true;
}

static struct ktls *tell(struct run_file *file)
{
	struct ktls_params params = { .role = KTLS_SERVER,
				      .records = run_rules.records,
				      .deadline_ms = run_rules.deadline_ms,
				      .profile = file->rule->what };
	struct ktls_error error;
	struct ktls *k = ktls_open(run_rules.socket[0] ? run_rules.socket : NULL, &error);
	int ret;

	if (!k) {
		run_say("listening on port %u: %s", file->rule->port, error.text);
		errno = run_errno_of(error.reason);
		return NULL;
	}
	ret = ktls_listen(k, file->real, &params, file->backlog, NULL);
	if (ret == 0)
		return k;
	run_say("listening on port %u: %s", file->rule->port, strerror(-ret));
	ktls_close(k);
	errno = -ret;
	return NULL;
}

/* By this process: what its parent has begun is not its own. */
static bool has_begun(const struct run_file *file)
{
	return file->events >= 0 && file->owner == run_generation;
}

static bool watch(const struct run_file *file, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return REAL(epoll_ctl)(file->events, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void set_alarm(const struct run_file *file, time_t seconds)
{
	const struct itimerspec spec = { .it_value = { .tv_sec = seconds } };

	timerfd_settime(file->alarm, 0, &spec, NULL);
}

static void events_close(struct run_file *file)
{
	run_own_remove(file->events);
	run_own_remove(file->alarm);
	REAL(close)(file->events);
	REAL(close)(file->alarm);
	file->events = -1;
}

static bool events_open(struct run_file *file)
{
	file->owner = run_generation;
	file->events = run_own_add(REAL(epoll_create1)(EPOLL_CLOEXEC));
	file->alarm = run_own_add(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
	if (file->events >= 0 && watch(file, file->alarm))
		return true;
	events_close(file);
	return false;
}

static bool take_up(struct run_file *file, struct ktls *k)
{
	struct exchange e = { .file = file };

	if (has_begun(file))
		return watch(file, ktls_fd(k));
	if (!events_open(file))
		return false;
	if (!watch(file, ktls_fd(k))) {
		events_close(file);
		return false;
	}
	e.by = file->events;
	run_each(exchange, &e);
	atomic_fetch_sub(&run_listeners_idle, 1);
	return true;
}

static int start(struct run_file *file)
{
	struct ktls *k;
	int ret = 0;

	if (has_begun(file) && file->ktls)
		return 0;
	k = tell(file);
	if (!k)
		ret = -errno;
	else if (!take_up(file, k))
		ret = -ENOMEM;
	if (has_begun(file))
		set_alarm(file, ret < 0 ? RETRY_S : 0);
	if (ret < 0)
		ktls_close(k);
	else
		file->ktls = k;
	return ret;
}

int run_listener_start(struct run_file *file)
{
	sigset_t all, before;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_mutex_lock(&file->lock);
	ret = start(file);
	pthread_mutex_unlock(&file->lock);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ret;
}

void run_listener_wait(int fd)
{
	struct run_file *file = run_get_kind(fd, RUN_LISTENER);
	int error = errno;

	if (!file)
		return;
	(void)!run_listener_start(file);
	run_put(file);
	errno = error;
}

/* ---- the end --------------------------------------------------------------------------------- */

/* With SHUT_RDWR the port is free at once, though ktlsd may take a moment to let go of the socket.
 */
void run_listener_end(struct run_file *file, bool last)
{
	if (last)
		(void)!REAL(shutdown)(file->real, SHUT_RDWR);
	if (has_begun(file)) {
		ktls_close(file->ktls);
		events_close(file);
	} else {
		atomic_fetch_sub(&run_listeners_idle, 1);
	}
	file->ktls = NULL;
	run_own_remove(file->real);
	REAL(close)(file->real);
}

/* ktlsd will have no more connections: it said why. Who asks again, or is alarmed, begins anew. */
static int ended(struct run_file *file, const struct ktls_reply *reply)
{
	run_say("listening on port %u: %s", file->rule->port, reply->text);
	ktls_close(file->ktls);
	file->ktls = NULL;
	set_alarm(file, RETRY_S);
	return -run_errno_of(reply->reason);
}

/* ---- accept() -------------------------------------------------------------------------------- */

static int collect_one(struct run_file *file, struct ktls_reply **reply)
{
	int ret = file->ktls ? ktls_collect(file->ktls, reply) : -EAGAIN;

	if (ret < 0 || (*reply)->more)
		return ret;
	ret = ended(file, *reply);
	ktls_reply_free(*reply);
	return ret;
}

/* The next connection's reply, -EAGAIN, or another negative errno; *fd to wait on. */
static int collect(struct run_file *file, int *fd, struct ktls_reply **reply)
{
	sigset_t all, before;
	int ret = -EBADF;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_mutex_lock(&file->lock);
	if (has_begun(file)) {
		*fd = file->events;
		ret = collect_one(file, reply);
	}
	pthread_mutex_unlock(&file->lock);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ret;
}

/* Whether a call that a signal has interrupted goes on: as the kernel does it for accept(). */
static bool goes_on(void)
{
	struct sigaction action;

	for (int signal = 1; signal < NSIG; signal++) {
		if (sigaction(signal, NULL, &action) < 0 || action.sa_handler == SIG_DFL ||
		    action.sa_handler == SIG_IGN)
			continue;
		if (!(action.sa_flags & SA_RESTART))
			return false;
	}
	return true;
}

/* SO_RCVTIMEO, in milliseconds; -1: none. */
static int patience(int fd)
{
	struct timeval t = { 0 };
	socklen_t len = sizeof(t);

	if (REAL(getsockopt)(fd, SOL_SOCKET, SO_RCVTIMEO, &t, &len) < 0 ||
	    (t.tv_sec == 0 && t.tv_usec == 0))
		return -1;
	return (int)(t.tv_sec * 1000 + t.tv_usec / 1000);
}

/* Returns 0 when it is to be tried again. */
static int wait_for_one(struct run_file *file, int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	int ret;

	if (REAL(fcntl)(file->real, F_GETFL) & O_NONBLOCK)
		return -EAGAIN;
	ret = REAL(poll)(&wait, 1, patience(file->real));
	if (ret < 0)
		return errno == EINTR && goes_on() ? 0 : -errno;
	return ret == 0 ? -EAGAIN : 0;
}

static int next(struct run_file *file, struct ktls_reply **reply)
{
	int fd = -1, ret;

	for (;;) {
		ret = run_listener_start(file);
		if (ret < 0)
			return ret;
		ret = collect(file, &fd, reply);
		if (ret == 0 && (*reply)->fd >= 0)
			return 0;
		if (ret == 0)
			ktls_reply_free(*reply);
		if (ret == -EAGAIN)
			ret = wait_for_one(file, fd);
		if (ret < 0)
			return ret;
	}
}

static int equip(int fd, int flags)
{
	int status = REAL(fcntl)(fd, F_GETFL);

	status = flags & SOCK_NONBLOCK ? status | O_NONBLOCK : status & ~O_NONBLOCK;
	if (REAL(fcntl)(fd, F_SETFL, status) < 0 ||
	    REAL(fcntl)(fd, F_SETFD, flags & SOCK_CLOEXEC ? FD_CLOEXEC : 0) < 0)
		return -errno;
	return 0;
}

static int take(const struct run_file *file, struct ktls_reply *reply, int flags,
		struct sockaddr *addr, socklen_t *len)
{
	struct sockaddr_in6 peer = { 0 };
	struct run_told told = { 0 };
	int fd = reply->fd;

	if (reply->tx == KTLS_STATE_RELAY)
		run_told_read(file->real, &told);
	if (equip(fd, flags) < 0 || !run_connected(fd, reply, &told, false))
		return -ENOMEM;
	reply->fd = -1;
	run_tell("accepted on descriptor %d: %s, %s, records by %s", fd,
		 ktls_version_name(reply->version), ktls_suite_name(reply->suite),
		 ktls_state_name(reply->tx));
	if (reply->peer && run_address_from(reply->peer, sizeof(peer), &peer))
		run_address_give(&peer, addr, len);
	else if (addr && len)
		(void)!REAL(getpeername)(fd, addr, len);
	return fd;
}

int run_accept(struct run_file *file, struct sockaddr *addr, socklen_t *len, int flags)
{
	struct ktls_reply *reply;
	int ret = next(file, &reply);

	if (ret < 0)
		return run_fail(-ret);
	ret = take(file, reply, flags, addr, len);
	ktls_reply_free(reply);
	return ret < 0 ? run_fail(-ret) : ret;
}
