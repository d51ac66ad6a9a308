/* SPDX-License-Identifier: MIT */
/*
 * The end of what a program sends: close_notify (RFC 9846, 6.1), before TCP's. close() does not
 * wait on TCP, for the kernel goes on sending; here a thread does that, where the socket has no
 * room for an alert.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <time.h>

#include "lib/run/run.h"

/* What a thread has to do. */
enum {
	NOTIFY = 1, /* close_notify, when there is room */
	DRAIN = 2,  /* take what is no data until the other end closes */
	TASKS = 4,
};

#define LINGER_MS   5000 /* for a peer to take what is on its way */
#define LINGERS_MAX 256  /* threads that wait for that */
#define STACK       65536

static _Atomic unsigned int lingers;

static bool has_room(int fd, int timeout)
{
	struct pollfd room = { .fd = fd, .events = POLLOUT };

	return REAL(poll)(&room, 1, timeout) == 1 && !(room.revents & (POLLERR | POLLHUP)) &&
	       (room.revents & POLLOUT);
}

/* ---- when there is no room ------------------------------------------------------------------ */

/*
 * A server sends tickets behind its handshake. If they are not taken, or come to a socket that has
 * been closed, TCP resets the connection, and what the client has written is lost on its way
 * (RFC 9293, 3.10.4 and RFC 1122, 4.2.2.13). So a client that only writes does not leave before the
 * server has.
 */
static void drain(int fd)
{
	struct ktls_session *session = ktls_session_open(NULL, NULL, 0);
	struct pollfd in = { .fd = fd, .events = POLLIN };
	int64_t until = run_now_ms() + LINGER_MS, left = LINGER_MS;
	int ret = -EAGAIN;

	REAL(shutdown)(fd, SHUT_WR);
	while (session && left > 0 && ret == -EAGAIN && REAL(poll)(&in, 1, (int)left) == 1) {
		ret = ktls_recover(session, fd, EAGAIN);
		/* What is still there is data, and nobody wants them. */
		if (ret == -EAGAIN && REAL(poll)(&in, 1, 0) == 1)
			break;
		left = until - run_now_ms();
	}
	ktls_session_free(session);
}

static void *linger(void *arg)
{
	int fd = (int)((intptr_t)arg / TASKS);
	int tasks = (int)((intptr_t)arg % TASKS);

	if ((tasks & NOTIFY) && has_room(fd, LINGER_MS))
		(void)!ktls_shutdown(NULL, fd);
	if (tasks & DRAIN)
		drain(fd);
	run_own_remove(fd);
	REAL(close)(fd);
	atomic_fetch_sub(&lingers, 1);
	return NULL;
}

static bool linger_start(int fd, int tasks)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int ret;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK);
	ret = pthread_create(&thread, &attributes, linger, (void *)((intptr_t)fd * TASKS + tasks));
	pthread_attr_destroy(&attributes);
	return ret == 0;
}

/* The program's signals are none of that thread's. */
static void linger_on(int fd, int tasks)
{
	sigset_t all, before;
	int own;

	if (atomic_fetch_add(&lingers, 1) >= LINGERS_MAX) {
		atomic_fetch_sub(&lingers, 1);
		return;
	}
	own = run_own_add(REAL(fcntl)(fd, F_DUPFD_CLOEXEC, 0));
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (own < 0 || !linger_start(own, tasks)) {
		run_own_remove(own);
		if (own >= 0)
			REAL(close)(own);
		atomic_fetch_sub(&lingers, 1);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* ---- close_notify ---------------------------------------------------------------------------- */

static bool is_over(struct run_file *file)
{
	return file->kind != RUN_STREAM || file->relayed ||
	       atomic_load(&file->ended) == RUN_IS_LOST;
}

/* Once. What is left to be done is for a thread. */
static int notify(struct run_file *file, int fd)
{
	int ret;

	if (atomic_exchange(&file->shut_writing, true))
		return 0;
	ret = has_room(fd, 0) ? ktls_shutdown(NULL, fd) : -EAGAIN;
	return ret == -EAGAIN || ret == -EINTR ? NOTIFY : 0;
}

/*
 * Tickets that nobody has read make a reset of close(), which cuts off the close_notify. The
 * session is the process's that has opened it; behind fork() another will do, for nothing is
 * renewed any more.
 */
static void take_tickets(struct run_file *file, int fd)
{
	const bool own = file->session && file->generation == run_generation;
	struct ktls_session *session = own ? file->session : ktls_session_open(NULL, NULL, 0);

	if (session)
		(void)!ktls_recover(session, fd, EAGAIN);
	if (!own)
		ktls_session_free(session);
}

void run_stream_end(struct run_file *file, int fd)
{
	int error = errno, tasks;

	if (is_over(file))
		return;
	take_tickets(file, fd);
	tasks = notify(file, fd);
	if (file->client && !atomic_load(&file->heard) && atomic_load(&file->ended) == RUN_GOES_ON)
		tasks |= DRAIN;
	if (tasks)
		linger_on(fd, tasks);
	errno = error;
}

/*
 * TCP's own end may cut off what the kernel has not encrypted or queued yet, so it comes at once
 * only where the socket's queue has room; else with close(). A TLS peer knows by close_notify.
 */
int run_shutdown(struct run_file *file, int fd, int how)
{
	if (how != SHUT_WR)
		atomic_store(&file->shut_reading, true);
	if (file->relayed || how == SHUT_RD)
		return REAL(shutdown)(fd, how);
	if (!(REAL(fcntl)(fd, F_GETFL) & O_NONBLOCK))
		(void)has_room(fd, LINGER_MS);
	if (!is_over(file) && notify(file, fd))
		linger_on(fd, NOTIFY);
	else if (has_room(fd, 0))
		return REAL(shutdown)(fd, how);
	return how == SHUT_RDWR ? REAL(shutdown)(fd, SHUT_RD) : 0;
}

/* ---- the end of a number --------------------------------------------------------------------- */

void run_release(int fd)
{
	struct run_file *file = run_get(fd);
	bool last;

	if (!file)
		return;
	run_put(file);
	if (!run_is_mine())
		return;
	file = run_unset(fd);
	if (!file)
		return;
	last = run_share_leave(file);
	if (file->kind == RUN_LISTENER)
		run_listener_end(file, last);
	else if (last)
		run_stream_end(file, fd);
	run_put(file);
}

/* Threads are gone with the program, and their sockets are closed then. */
void run_lingers_wait(void)
{
	struct timespec while_ago = { .tv_nsec = 5000000 };
	int64_t until = run_now_ms() + LINGER_MS;

	while (atomic_load(&lingers) > 0 && run_now_ms() < until)
		nanosleep(&while_ago, NULL);
}

void run_lingers_forget(void)
{
	atomic_store(&lingers, 0);
}

static bool release_one(int fd, struct run_file *file, void *arg)
{
	(void)file;
	(void)arg;
	run_release(fd);
	return true;
}

void run_release_all(void)
{
	if (!run_is_mine())
		return;
	run_each(release_one, NULL);
	run_lingers_wait();
}
