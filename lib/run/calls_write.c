/* SPDX-License-Identifier: MIT */
/* Calls that send: libc's, once the keys are seen to; and splice(), which does both. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "lib/ktls/steady.h"
#include "lib/run/calls.h"

#define STAGE 16384 /* bytes of a splice() at a time */
#define PAGE  4096  /* of a pipe, at least */

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

static ssize_t from_errno(ssize_t n)
{
	return n < 0 ? run_fail((int)-n) : n;
}

static ssize_t message_out(const struct run_file *file, int fd, const struct msghdr *message,
			   int flags)
{
	return file->steady ? from_errno(steady_send(fd, message, flags))
			    : REAL(sendmsg)(fd, message, flags);
}

static ssize_t bytes_out(const struct run_file *file, int fd, const void *buf, size_t len,
			 int flags)
{
	struct iovec iov = { (void *)(uintptr_t)buf, len };
	const struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	return file->steady ? message_out(file, fd, &message, flags)
			    : REAL(send)(fd, buf, len, flags);
}

static ssize_t file_out(const struct run_file *file, int fd, int in, off_t *at, size_t len)
{
	return from_errno(file->steady ? steady_sendfile(fd, in, at, len)
				       : steady_file_send(fd, in, at, len));
}

static ssize_t pipe_out(const struct run_file *file, int in, off64_t *at, int fd, off64_t *to,
			size_t len, unsigned int flags)
{
	return file->steady && !at && !to ? from_errno(steady_splice(in, fd, len, flags))
					  : REAL(splice)(in, at, fd, to, len, flags);
}

ssize_t run_send(int fd, const void *buf, size_t len, int flags)
{
	struct run_file *file = run_get_kind(fd, RUN_STREAM);
	ssize_t n;

	if (!file)
		return is_fast_open(fd, flags) ? -1 : REAL(send)(fd, buf, len, flags);
	WRITE(file, fd, flags, n, bytes_out(file, fd, buf, len, flags));
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
	WRITE(file, fd, 0, n, bytes_out(file, fd, buf, len, 0));
	run_put(file);
	return n;
}

/* What is not to wait (RWF_NOWAIT) is not interrupted by signals, either. */
static ssize_t vector_out(const struct run_file *file, int fd, const struct iovec *iov, int len,
			  int flags)
{
	const struct msghdr message = { .msg_iov = (struct iovec *)(uintptr_t)iov,
					.msg_iovlen = (size_t)len };

	return flags == 0 ? message_out(file, fd, &message, 0)
			  : REAL(pwritev2)(fd, iov, len, -1, flags);
}

RUN_EXPORT ssize_t writev(int fd, const struct iovec *iov, int len)
{
	struct run_file *file = run_get_kind(fd, RUN_STREAM);
	ssize_t n;

	if (!file)
		return REAL(writev)(fd, iov, len);
	WRITE(file, fd, 0, n, vector_out(file, fd, iov, len, 0));
	run_put(file);
	return n;
}

/* Sockets have no offset but -1: then it is writev() with RWF_NOWAIT. */
static ssize_t run_pwritev2(int fd, const struct iovec *iov, int len, off_t at, int flags)
{
	struct run_file *file = at == -1 ? run_get_kind(fd, RUN_STREAM) : NULL;
	ssize_t n;

	if (!file)
		return REAL(pwritev2)(fd, iov, len, at, flags);
	WRITE(file, fd, 0, n, vector_out(file, fd, iov, len, flags));
	run_put(file);
	return n;
}

RUN_EXPORT ssize_t pwritev2(int fd, const struct iovec *iov, int len, off_t at, int flags)
{
	return run_pwritev2(fd, iov, len, at, flags);
}

RUN_EXPORT ssize_t pwritev64v2(int fd, const struct iovec *iov, int len, off64_t at, int flags)
{
	return run_pwritev2(fd, iov, len, at, flags);
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
	WRITE(file, fd, flags, n, message_out(file, fd, &plain, flags));
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
	WRITE(file, out, 0, n, file_out(file, out, in, at, len));
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

/*
 * How many bytes a pipe takes without waiting: all where it is empty, else a page, if anything. 0
 * and errno: none, and what is not to be waited for.
 */
static size_t pipe_room(int out, size_t size, unsigned int flags)
{
	const bool waits =
		!(flags & SPLICE_F_NONBLOCK) && !(REAL(fcntl)(out, F_GETFL) & O_NONBLOCK);
	struct pollfd room = { .fd = out, .events = POLLOUT };
	int there = 1, n;

	if (REAL(ioctl)(out, FIONREAD, &there) == 0 && there == 0)
		return size;
	n = REAL(poll)(&room, 1, waits ? -1 : 0);
	if (n == 0)
		errno = EAGAIN;
	return n > 0 ? PAGE : 0;
}

/* There is room, unless another writes to the pipe: then this waits for it. */
static ssize_t pipe_fill(int out, const uint8_t *bytes, size_t len)
{
	struct pollfd room = { .fd = out, .events = POLLOUT };
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = REAL(write)(out, bytes + done, len - done);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -1;
		if (n < 0)
			REAL(poll)(&room, 1, -1);
		else
			done += (size_t)n;
	}
	return (ssize_t)len;
}

/* No more is taken out of the socket than goes into the pipe. */
static ssize_t splice_staged(int in, int out, size_t pipe_size, size_t len, unsigned int flags)
{
	size_t room = pipe_room(out, pipe_size, flags);
	uint8_t bytes[STAGE];
	ssize_t n;

	if (room == 0)
		return -1;
	if (room > sizeof(bytes))
		room = sizeof(bytes);
	n = REAL(recv)(in, bytes, len < room ? len : room,
		       flags & SPLICE_F_NONBLOCK ? MSG_DONTWAIT : 0);
	return n > 0 ? pipe_fill(out, bytes, (size_t)n) : n;
}

static ssize_t splice_in(struct run_file *file, int in, off64_t *at, int out, off64_t *to,
			 size_t len, unsigned int flags)
{
	int size = file->staged && !at && !to ? REAL(fcntl)(out, F_GETPIPE_SZ) : -1;
	ssize_t n;

	do {
		if (run_read_over(file, &n))
			break;
		n = size > 0 ? splice_staged(in, out, (size_t)size, len, flags)
			     : REAL(splice)(in, at, out, to, len, flags);
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
		WRITE(into, out, 0, n, pipe_out(into, in, at, out, to, len, flags));
	else
		n = REAL(splice)(in, at, out, to, len, flags);
	if (from)
		run_put(from);
	if (into)
		run_put(into);
	return n;
}
