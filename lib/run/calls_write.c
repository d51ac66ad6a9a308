/* SPDX-License-Identifier: MIT */
/* Calls that send: libc's, once the keys are seen to; and splice(), which does both. */
#include <errno.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "lib/run/calls.h"

/* With file: n becomes the result of call, or -1. */
#define WRITE(file, fd, flags, n, call)                            \
	do {                                                       \
		(n) = run_write_begin((file), (fd), (flags));      \
		if ((n) == 0)                                      \
			(n) = run_write_end((file), (fd), (call)); \
	} while (0)

/* Data in the first segment would go in the clear, before a handshake. Programs know the error, and
 * call connect(). */
static bool is_fast_open(int fd, int flags)
{
	if (!run_active || !(flags & MSG_FASTOPEN) || !run_is_tcp(fd))
		return false;
	errno = EOPNOTSUPP;
	return true;
}

ssize_t run_send(int fd, const void *buf, size_t len, int flags)
{
	struct run_file *file = run_get_kind(fd, RUN_STREAM);
	ssize_t n;

	if (!file)
		return is_fast_open(fd, flags) ? -1 : REAL(send)(fd, buf, len, flags);
	WRITE(file, fd, flags, n, REAL(send)(fd, buf, len, flags));
	run_put(file);
	return n;
}

RUN_EXPORT ssize_t send(int fd, const void *buf, size_t len, int flags)
{
	return run_send(fd, buf, len, flags);
}

RUN_EXPORT ssize_t write(int fd, const void *buf, size_t len)
{
	struct run_file *file = run_get_kind(fd, RUN_STREAM);
	ssize_t n;

	if (!file)
		return REAL(write)(fd, buf, len);
	WRITE(file, fd, 0, n, REAL(write)(fd, buf, len));
	run_put(file);
	return n;
}

RUN_EXPORT ssize_t writev(int fd, const struct iovec *iov, int len)
{
	struct run_file *file = run_get_kind(fd, RUN_STREAM);
	ssize_t n;

	if (!file)
		return REAL(writev)(fd, iov, len);
	WRITE(file, fd, 0, n, REAL(writev)(fd, iov, len));
	run_put(file);
	return n;
}

/* TCP does not look at the address; a Unix socket would. */
RUN_EXPORT ssize_t sendto(int fd, const void *buf, size_t len, int flags, __CONST_SOCKADDR_ARG addr,
			  socklen_t addrlen)
{
	struct run_file *file = run_get_kind(fd, RUN_STREAM);

	if (!file)
		return is_fast_open(fd, flags)
			       ? -1
			       : REAL(sendto)(fd, buf, len, flags, addr.__sockaddr__, addrlen);
	run_put(file);
	return run_send(fd, buf, len, flags);
}

static ssize_t run_sendmsg(int fd, const struct msghdr *message, int flags)
{
	struct run_file *file = run_get_kind(fd, RUN_STREAM);
	struct msghdr plain;
	ssize_t n;

	if (!file)
		return is_fast_open(fd, flags) ? -1 : REAL(sendmsg)(fd, message, flags);
	plain = (struct msghdr){ .msg_iov = message->msg_iov, .msg_iovlen = message->msg_iovlen };
	WRITE(file, fd, flags, n, REAL(sendmsg)(fd, &plain, flags));
	run_put(file);
	return n;
}

RUN_EXPORT ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	return run_sendmsg(fd, message, flags);
}

RUN_EXPORT int sendmmsg(int fd, struct mmsghdr *messages, unsigned int len, int flags)
{
	struct run_file *file = run_get_kind(fd, RUN_STREAM);
	unsigned int done = 0;
	ssize_t n = 0;

	if (!file)
		return REAL(sendmmsg)(fd, messages, len, flags);
	run_put(file);
	while (done < len) {
		n = run_sendmsg(fd, &messages[done].msg_hdr, flags);
		if (n < 0)
			break;
		messages[done++].msg_len = (unsigned int)n;
	}
	return done > 0 || n == 0 ? (int)done : -1;
}

static ssize_t run_sendfile(int out, int in, off_t *at, size_t len)
{
	struct run_file *file = run_get_kind(out, RUN_STREAM);
	ssize_t n;

	if (!file)
		return REAL(sendfile)(out, in, at, len);
	WRITE(file, out, 0, n, REAL(sendfile)(out, in, at, len));
	run_put(file);
	return n;
}

RUN_EXPORT ssize_t sendfile(int out, int in, off_t *at, size_t len)
{
	return run_sendfile(out, in, at, len);
}

_Static_assert(sizeof(off_t) == sizeof(off64_t), "sendfile64() is another function");

RUN_EXPORT ssize_t sendfile64(int out, int in, off64_t *at, size_t len)
{
	return run_sendfile(out, in, at, len);
}

/* ---- splice() ------------------------------------------------------------------------------ */

static ssize_t splice_in(struct run_file *file, int in, off64_t *at, int out, off64_t *to,
			 size_t len, unsigned int flags)
{
	ssize_t n;

	do {
		if (run_read_over(file, &n))
			break;
		n = REAL(splice)(in, at, out, to, len, flags);
	} while (run_read_again(file, in, &n));
	return n;
}

RUN_EXPORT ssize_t splice(int in, off64_t *at, int out, off64_t *to, size_t len, unsigned int flags)
{
	struct run_file *from = run_get_kind(in, RUN_STREAM);
	struct run_file *into = from ? NULL : run_get_kind(out, RUN_STREAM);
	ssize_t n;

	if (from && len > 0)
		n = splice_in(from, in, at, out, to, len, flags);
	else if (into)
		WRITE(into, out, 0, n, REAL(splice)(in, at, out, to, len, flags));
	else
		n = REAL(splice)(in, at, out, to, len, flags);
	if (from)
		run_put(from);
	if (into)
		run_put(into);
	return n;
}
