/* SPDX-License-Identifier: MIT */
/* Calls about descriptors as such. */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/run/calls.h"

/* ---- close() ------------------------------------------------------------------------------- */

int run_close(int fd)
{
	if (run_is_own(fd))
		return run_fail(EBADF);
	run_release(fd);
	return REAL(close)(fd);
}

RUN_EXPORT int close(int fd)
{
	return run_close(fd);
}

struct range {
	unsigned int first, last;
};

static bool release_in(int fd, struct run_file *file, void *arg)
{
	const struct range *range = arg;

	(void)file;
	if ((unsigned int)fd >= range->first && (unsigned int)fd <= range->last)
		run_release(fd);
	return true;
}

/* From one of libktls's descriptors to the next. */
static int close_between(unsigned int first, unsigned int last, int flags)
{
	unsigned int top = last < INT32_MAX ? last : INT32_MAX - 1, from = first;
	int own;

	for (own = run_own_next((int)first); own >= 0 && (unsigned int)own <= top;
	     own = run_own_next(own + 1)) {
		if ((unsigned int)own > from)
			(void)!REAL(close_range)(from, (unsigned int)own - 1, flags);
		from = (unsigned int)own + 1;
	}
	return from <= last ? REAL(close_range)(from, last, flags) : 0;
}

static int run_close_range(unsigned int first, unsigned int last, int flags)
{
	struct range range = { first, last };

	if (!run_active || first > last || first > INT32_MAX - 1 ||
	    ((unsigned int)flags & CLOSE_RANGE_CLOEXEC))
		return REAL(close_range)(first, last, flags);
	run_each(release_in, &range);
	return close_between(first, last, flags);
}

RUN_EXPORT int close_range(unsigned int first, unsigned int last, int flags)
{
	return run_close_range(first, last, flags);
}

RUN_EXPORT void closefrom(int low)
{
	(void)!run_close_range(low > 0 ? (unsigned int)low : 0, ~0U, 0);
}

/* ---- dup() --------------------------------------------------------------------------------- */

/* copy is a new number for what fd is; -1: it could not be made. */
static int copied(int fd, int copy)
{
	struct run_file *file = copy >= 0 ? run_get(fd) : NULL;
	int error = errno;

	if (!file)
		return copy;
	if (run_is_mine() && !run_set(copy, file)) {
		REAL(close)(copy);
		copy = -1;
		error = ENOMEM;
	}
	run_put(file);
	errno = error;
	return copy;
}

RUN_EXPORT int dup(int fd)
{
	return copied(fd, REAL(dup)(fd));
}

/* What "to" was is closed. Programs take numbers that they think are free: ours are high. */
static int run_dup3(int fd, int to, int flags)
{
	if (fd == to || REAL(fcntl)(fd, F_GETFD) < 0)
		return REAL(dup3)(fd, to, flags);
	if (run_is_own(to))
		return run_fail(EBUSY);
	run_release(to);
	return copied(fd, REAL(dup3)(fd, to, flags));
}

RUN_EXPORT int dup2(int fd, int to)
{
	return fd == to ? REAL(dup2)(fd, to) : run_dup3(fd, to, 0);
}

RUN_EXPORT int dup3(int fd, int to, int flags)
{
	return run_dup3(fd, to, flags);
}

/* ---- fcntl() and ioctl() -------------------------------------------------------------------- */

/* A listening socket's flags are those of the TCP socket, which fork()'s children share, too. */
static int run_fcntl(int fd, int cmd, void *arg)
{
	struct run_file *file;
	int ret;

	if (cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC)
		return copied(fd, REAL(fcntl)(fd, cmd, arg));
	file = cmd == F_GETFL || cmd == F_SETFL ? run_get_kind(fd, RUN_LISTENER) : NULL;
	ret = REAL(fcntl)(file ? file->real : fd, cmd, arg);
	if (file)
		run_put(file);
	return ret;
}

RUN_EXPORT int fcntl(int fd, int cmd, ...)
{
	va_list args;
	void *arg;

	va_start(args, cmd);
	arg = va_arg(args, void *);
	va_end(args);
	return run_fcntl(fd, cmd, arg);
}

#undef fcntl64
int fcntl64(int fd, int cmd, ...);

RUN_EXPORT int fcntl64(int fd, int cmd, ...)
{
	va_list args;
	void *arg;

	va_start(args, cmd);
	arg = va_arg(args, void *);
	va_end(args);
	return run_fcntl(fd, cmd, arg);
}

static int run_ioctl(struct run_file *file, int fd, unsigned long request, void *arg)
{
	if (file->kind == RUN_LISTENER)
		return REAL(ioctl)(file->real, request, arg);
	if (request != FIONREAD || file->relayed)
		return REAL(ioctl)(fd, request, arg);
	*(int *)arg = run_bytes_there(file, fd);
	return 0;
}

RUN_EXPORT int ioctl(int fd, unsigned long request, ...)
{
	struct run_file *file = run_get(fd);
	va_list args;
	void *arg;
	int ret;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (!file)
		return REAL(ioctl)(fd, request, arg);
	ret = run_ioctl(file, fd, request, arg);
	run_put(file);
	return ret;
}
