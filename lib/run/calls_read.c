/* SPDX-License-Identifier: MIT */
/* Calls that read: libc's, until what comes is data, or the end. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/run/calls.h"

#define RECORD_MAX 16384 /* bytes of data in a record: RFC 9846, 5.1 */

/* With file: n becomes the result of call, tried as often as it takes. */
#define READ(file, fd, n, call)                  \
	do {                                     \
		if (run_read_over((file), &(n))) \
			break;                   \
		(n) = (call);                    \
	} while (run_read_again((file), (fd), &(n)))

/* MSG_WAITALL waits for data beyond what is no data, too. */
static ssize_t recv_all(struct run_file *file, int fd, void *buf, size_t len, int flags)
{
	size_t got = 0;
	ssize_t n;

	do {
		READ(file, fd, n, REAL(recv)(fd, (uint8_t *)buf + got, len - got, flags));
		if (n > 0)
			got += (size_t)n;
	} while (n > 0 && got < len && (flags & MSG_WAITALL) && !(flags & MSG_PEEK));
	return got > 0 ? (ssize_t)got : n;
}

ssize_t run_recv(int fd, void *buf, size_t len, int flags)
{
	struct run_file *file = run_get_kind(fd, RUN_STREAM);
	ssize_t n;

	if (!file)
		return REAL(recv)(fd, buf, len, flags);
	n = len > 0 ? recv_all(file, fd, buf, len, flags) : 0;
	run_put(file);
	return n;
}

static ssize_t run_read(int fd, void *buf, size_t len)
{
	struct run_file *file = run_get_kind(fd, RUN_STREAM);
	ssize_t n;

	if (!file)
		return REAL(read)(fd, buf, len);
	n = len > 0 ? recv_all(file, fd, buf, len, 0) : 0;
	run_put(file);
	return n;
}

static ssize_t run_recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *addr,
			    socklen_t *addrlen)
{
	struct run_file *file = run_get_kind(fd, RUN_STREAM);

	if (!file)
		return REAL(recvfrom)(fd, buf, len, flags, addr, addrlen);
	run_put(file);
	if (addr && addrlen)
		*addrlen = 0;
	return run_recv(fd, buf, len, flags);
}

static size_t iov_bytes(const struct iovec *iov, size_t len)
{
	size_t bytes = 0;

	for (size_t i = 0; i < len; i++)
		bytes += iov[i].iov_len;
	return bytes;
}

/* The kernel would put the records' types into the control buffer, and tell them from nothing. */
ssize_t run_recvmsg(int fd, struct msghdr *message, int flags)
{
	struct run_file *file = run_get_kind(fd, RUN_STREAM);
	struct msghdr plain;
	ssize_t n = 0;

	if (!file)
		return REAL(recvmsg)(fd, message, flags);
	plain = (struct msghdr){ .msg_iov = message->msg_iov, .msg_iovlen = message->msg_iovlen };
	if (iov_bytes(message->msg_iov, message->msg_iovlen) > 0)
		READ(file, fd, n, REAL(recvmsg)(fd, &plain, flags));
	run_put(file);
	if (n >= 0) {
		message->msg_namelen = 0;
		message->msg_controllen = 0;
		message->msg_flags = plain.msg_flags & ~MSG_CTRUNC;
	}
	return n;
}

/* ---- libc's names -------------------------------------------------------------------------- */

RUN_EXPORT ssize_t recv(int fd, void *buf, size_t len, int flags)
{
	return run_recv(fd, buf, len, flags);
}

RUN_EXPORT ssize_t read(int fd, void *buf, size_t len)
{
	return run_read(fd, buf, len);
}

RUN_EXPORT ssize_t recvfrom(int fd, void *buf, size_t len, int flags, __SOCKADDR_ARG addr,
			    socklen_t *addrlen)
{
	return run_recvfrom(fd, buf, len, flags, addr.__sockaddr__, addrlen);
}

RUN_EXPORT ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	return run_recvmsg(fd, message, flags);
}

RUN_EXPORT ssize_t readv(int fd, const struct iovec *iov, int len)
{
	struct run_file *file = run_get_kind(fd, RUN_STREAM);
	ssize_t n = 0;

	if (!file)
		return REAL(readv)(fd, iov, len);
	if (len < 0 || iov_bytes(iov, (size_t)len) > 0)
		READ(file, fd, n, REAL(readv)(fd, iov, len));
	run_put(file);
	return n;
}

/* Sockets have no offset but -1, and then it is readv() with RWF_NOWAIT. */
static ssize_t run_preadv2(int fd, const struct iovec *iov, int len, off_t at, int flags)
{
	struct run_file *file = at == -1 ? run_get_kind(fd, RUN_STREAM) : NULL;
	ssize_t n = 0;

	if (!file)
		return REAL(preadv2)(fd, iov, len, at, flags);
	if (len < 0 || iov_bytes(iov, (size_t)len) > 0)
		READ(file, fd, n, REAL(preadv2)(fd, iov, len, at, flags));
	run_put(file);
	return n;
}

RUN_EXPORT ssize_t preadv2(int fd, const struct iovec *iov, int len, off_t at, int flags)
{
	return run_preadv2(fd, iov, len, at, flags);
}

_Static_assert(sizeof(off_t) == sizeof(off64_t), "preadv64v2() is another function");

RUN_EXPORT ssize_t preadv64v2(int fd, const struct iovec *iov, int len, off64_t at, int flags)
{
	return run_preadv2(fd, iov, len, at, flags);
}

/* Before the first message it may block; behind it, only if that was asked for. */
static int recvmmsg_all(int fd, struct mmsghdr *messages, unsigned int len, int flags,
			const struct timespec *timeout)
{
	int64_t until = timeout ? run_now_ms() + timeout->tv_sec * 1000 + timeout->tv_nsec / 1000000
				: INT64_MAX;
	unsigned int done = 0;
	ssize_t n;

	while (done < len && (done == 0 || run_now_ms() < until)) {
		n = run_recvmsg(fd, &messages[done].msg_hdr, flags & ~MSG_WAITFORONE);
		if (n < 0)
			return done > 0 ? (int)done : -1;
		messages[done++].msg_len = (unsigned int)n;
		if (n == 0)
			break;
		if (flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
	}
	return (int)done;
}

RUN_EXPORT int recvmmsg(int fd, struct mmsghdr *messages, unsigned int len, int flags,
			struct timespec *timeout)
{
	struct run_file *file = run_get_kind(fd, RUN_STREAM);
	int n;

	if (!file)
		return REAL(recvmmsg)(fd, messages, len, flags, timeout);
	n = recvmmsg_all(fd, messages, len, flags, timeout);
	run_put(file);
	return n;
}

/* ---- checked ones: gcc's _FORTIFY_SOURCE calls these -------------------------------------------
 */

ssize_t __read_chk(int fd, void *buf, size_t len, size_t cap);
ssize_t __recv_chk(int fd, void *buf, size_t len, size_t cap, int flags);
ssize_t __recvfrom_chk(int fd, void *buf, size_t len, size_t cap, int flags, __SOCKADDR_ARG addr,
		       socklen_t *addrlen);

static void check(size_t len, size_t cap)
{
	if (len > cap) {
		run_say("buffer overflow detected");
		__builtin_trap();
	}
}

RUN_EXPORT ssize_t __read_chk(int fd, void *buf, size_t len, size_t cap)
{
	check(len, cap);
	return run_read(fd, buf, len);
}

RUN_EXPORT ssize_t __recv_chk(int fd, void *buf, size_t len, size_t cap, int flags)
{
	check(len, cap);
	return run_recv(fd, buf, len, flags);
}

RUN_EXPORT ssize_t __recvfrom_chk(int fd, void *buf, size_t len, size_t cap, int flags,
				  __SOCKADDR_ARG addr, socklen_t *addrlen)
{
	check(len, cap);
	return run_recvfrom(fd, buf, len, flags, addr.__sockaddr__, addrlen);
}

/* FIONREAD: TCP would count encrypted bytes. What one record has is what is known. */
int run_bytes_there(struct run_file *file, int fd)
{
	uint8_t buf[RECORD_MAX];
	ssize_t n;

	READ(file, fd, n, REAL(recv)(fd, buf, sizeof(buf), MSG_PEEK | MSG_DONTWAIT));
	explicit_bzero(buf, sizeof(buf));
	return n > 0 ? (int)n : 0;
}
