/* SPDX-License-Identifier: MIT */
#include "lib/run/real.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>

#include "lib/run/table.h"

struct real run_real;
bool run_real_loaded;

/* ISO C has no conversion from dlsym()'s result to a function's pointer; POSIX has. */
static void find(const char *name, void *pointer)
{
	*(void **)pointer = dlsym(RTLD_NEXT, name);
}

#define FIND(ret, name, params, args) find(#name, &run_real.name);

/* Twice does no harm: the same is found. */
void run_real_load(void)
{
	REAL_BOTH(FIND)
	REAL_OTHERS(FIND)
	REAL_OPENERS(FIND)
	find("fcntl", &run_real.fcntl);
	find("ioctl", &run_real.ioctl);
	find("_exit", &run_real.exit);
	atomic_thread_fence(memory_order_release);
	run_real_loaded = true;
}

/* ---- what libktls calls -------------------------------------------------------------------- */

#define WRAP_PROTOTYPE(ret, name, params, args) ret __wrap_##name params;

#define WRAP(ret, name, params, args)   \
	ret __wrap_##name params        \
	{                               \
		return REAL(name) args; \
	}

/* close() has one of its own, below. */
#define __wrap_close run_wrap_plain_close
REAL_BOTH(WRAP_PROTOTYPE)
REAL_BOTH(WRAP)
#undef __wrap_close

#define WRAP_OPENER(ret, name, params, args)         \
	ret __wrap_##name params                     \
	{                                            \
		return run_own_add(REAL(name) args); \
	}

REAL_OPENERS(WRAP_PROTOTYPE)
REAL_OPENERS(WRAP_OPENER)

int __wrap_close(int fd);
int __wrap_fcntl(int fd, int cmd, ...);
int __wrap_fcntl64(int fd, int cmd, ...);
ssize_t __wrap___read_chk(int fd, void *buf, size_t len, size_t cap);
ssize_t __wrap___recv_chk(int fd, void *buf, size_t len, size_t cap, int flags);
int __wrap___poll_chk(struct pollfd *fds, nfds_t len, int timeout, size_t cap);

int __wrap_close(int fd)
{
	run_own_remove(fd);
	return REAL(close)(fd);
}

int __wrap_fcntl(int fd, int cmd, ...)
{
	va_list args;
	void *arg;
	int ret;

	va_start(args, cmd);
	arg = va_arg(args, void *);
	va_end(args);
	ret = REAL(fcntl)(fd, cmd, arg);
	return cmd == F_DUPFD_CLOEXEC ? run_own_add(ret) : ret;
}

int __wrap_fcntl64(int fd, int cmd, ...)
{
	va_list args;
	void *arg;

	va_start(args, cmd);
	arg = va_arg(args, void *);
	va_end(args);
	return __wrap_fcntl(fd, cmd, arg);
}

/* libktls is compiled with _FORTIFY_SOURCE, which has checked what can be checked. */
ssize_t __wrap___read_chk(int fd, void *buf, size_t len, size_t cap)
{
	return REAL(read)(fd, buf, len < cap ? len : cap);
}

ssize_t __wrap___recv_chk(int fd, void *buf, size_t len, size_t cap, int flags)
{
	return REAL(recv)(fd, buf, len < cap ? len : cap, flags);
}

int __wrap___poll_chk(struct pollfd *fds, nfds_t len, int timeout, size_t cap)
{
	(void)cap;
	return REAL(poll)(fds, len, timeout);
}
