/* SPDX-License-Identifier: MIT */
/* Calls that wait: a listening socket that is waited for is one that ktlsd is to be told of. */
#include <errno.h>
#include <signal.h>
#include <time.h>

#include "lib/run/calls.h"

static void begin(int fd)
{
	if (fd >= 0)
		run_listener_wait(fd);
}

static bool nothing_to_begin(void)
{
	return atomic_load_explicit(&run_listeners_idle, memory_order_relaxed) == 0;
}

static void begin_poll(const struct pollfd *fds, nfds_t len)
{
	if (nothing_to_begin())
		return;
	for (nfds_t i = 0; i < len; i++)
		if (fds[i].events & (POLLIN | POLLRDNORM))
			begin(fds[i].fd);
}

static void begin_select(int len, const fd_set *in)
{
	if (nothing_to_begin() || !in)
		return;
	for (int fd = 0; fd < len; fd++)
		if (FD_ISSET(fd, in))
			begin(fd);
}

/* ---- poll() -------------------------------------------------------------------------------- */

/* libc's header says that the array is written only, and gcc warns of what is read of it. */
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"

RUN_EXPORT int poll(struct pollfd *fds, nfds_t len, int timeout)
{
	begin_poll(fds, len);
	return REAL(poll)(fds, len, timeout);
}

RUN_EXPORT int ppoll(struct pollfd *fds, nfds_t len, const struct timespec *timeout,
		     const sigset_t *mask)
{
	begin_poll(fds, len);
	return REAL(ppoll)(fds, len, timeout, mask);
}

int __poll_chk(struct pollfd *fds, nfds_t len, int timeout, size_t cap);
int __ppoll_chk(struct pollfd *fds, nfds_t len, const struct timespec *timeout,
		const sigset_t *mask, size_t cap);

static void check(nfds_t len, size_t cap)
{
	if (cap / sizeof(struct pollfd) < len) {
		run_say("buffer overflow detected");
		__builtin_trap();
	}
}

RUN_EXPORT int __poll_chk(struct pollfd *fds, nfds_t len, int timeout, size_t cap)
{
	check(len, cap);
	begin_poll(fds, len);
	return REAL(poll)(fds, len, timeout);
}

RUN_EXPORT int __ppoll_chk(struct pollfd *fds, nfds_t len, const struct timespec *timeout,
			   const sigset_t *mask, size_t cap)
{
	check(len, cap);
	begin_poll(fds, len);
	return REAL(ppoll)(fds, len, timeout, mask);
}

/* ---- select() ------------------------------------------------------------------------------ */

RUN_EXPORT int select(int len, fd_set *in, fd_set *out, fd_set *other, struct timeval *timeout)
{
	begin_select(len, in);
	return REAL(select)(len, in, out, other, timeout);
}

RUN_EXPORT int pselect(int len, fd_set *in, fd_set *out, fd_set *other,
		       const struct timespec *timeout, const sigset_t *mask)
{
	begin_select(len, in);
	return REAL(pselect)(len, in, out, other, timeout, mask);
}

/* ---- epoll --------------------------------------------------------------------------------- */

/* What stands for a listening socket is an epoll set, which is not to be had exclusively. */
static int listener_ctl(int set, int op, int fd, const struct epoll_event *event)
{
	struct epoll_event plain = *event;

	plain.events &= ~(uint32_t)EPOLLEXCLUSIVE;
	run_listener_wait(fd);
	return REAL(epoll_ctl)(set, op, fd, &plain);
}

RUN_EXPORT int epoll_ctl(int set, int op, int fd, struct epoll_event *event)
{
	struct run_file *file;

	if (!run_active || op == EPOLL_CTL_DEL || !event)
		return REAL(epoll_ctl)(set, op, fd, event);
	run_watched_set(fd);
	file = run_get_kind(fd, RUN_LISTENER);
	if (!file)
		return REAL(epoll_ctl)(set, op, fd, event);
	run_put(file);
	return listener_ctl(set, op, fd, event);
}
