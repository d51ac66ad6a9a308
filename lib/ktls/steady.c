/* SPDX-License-Identifier: MIT */
#include "lib/ktls/steady.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lib/ktls/kernel.h"

#define RECORD_MAX 16384
#define PIECE_MIN  1024 /* bytes of a file at a time */
#define IOV_LEN    16   /* buffers at a time */

/* A send that may have to wait. All signals are blocked while there is one. */
struct steady {
	int fd;
	sigset_t before; /* the thread's mask */
	int signals;     /* readable when there is one to be delivered */
	int timeout;     /* SO_SNDTIMEO in milliseconds; -1: none */
	size_t sent;
};

static bool blocks(int fd)
{
	return !(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

static int send_timeout(int fd)
{
	struct timeval t = { 0 };
	socklen_t len = sizeof(t);

	if (getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, &len) < 0 || (!t.tv_sec && !t.tv_usec))
		return -1;
	return (int)(t.tv_sec * 1000 + (t.tv_usec + 999) / 1000);
}

/* 0, or a negative errno; end() in any case. */
static int begin(struct steady *s, int fd)
{
	sigset_t all, wanted;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &s->before);
	sigemptyset(&wanted);
	for (int i = 1; i < NSIG; i++)
		if (sigismember(&s->before, i) == 0)
			sigaddset(&wanted, i);
	s->fd = fd;
	s->sent = 0;
	s->timeout = send_timeout(fd);
	s->signals = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals < 0 ? -errno : 0;
}

/* What the call returns, of its last step's result. */
static ssize_t end(const struct steady *s, ssize_t last)
{
	if (s->signals >= 0)
		close(s->signals);
	pthread_sigmask(SIG_SETMASK, &s->before, NULL);
	return s->sent > 0 ? (ssize_t)s->sent : last;
}

/* ---- waiting -------------------------------------------------------------------------------- */

/* Whether a send that waits ends with EINTR for it: with SO_SNDTIMEO none is restarted. */
static bool interrupts(const struct steady *s, int number)
{
	struct sigaction action;

	return sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_DFL &&
	       action.sa_handler != SIG_IGN && (!(action.sa_flags & SA_RESTART) || s->timeout >= 0);
}

/* Has what is pending delivered. As in the kernel: -EINTR, or 0 where the call would go on. */
static int deliver(const struct steady *s)
{
	bool interrupted = s->sent > 0;
	sigset_t pending, all;

	sigpending(&pending);
	for (int i = 1; i < NSIG; i++)
		if (sigismember(&pending, i) == 1 && sigismember(&s->before, i) == 0)
			interrupted |= interrupts(s, i);
	pthread_sigmask(SIG_SETMASK, &s->before, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	return interrupted ? -EINTR : 0;
}

/* Waits for events of fd: 0, -EAGAIN when the time is over, or -EINTR. */
static int wait_for(const struct steady *s, int fd, short events, int timeout)
{
	struct pollfd fds[2] = { { .fd = fd, .events = events },
				 { .fd = s->signals, .events = POLLIN } };
	int n, ret = 0;

	do {
		n = poll(fds, 2, timeout);
		if (n == 0)
			return -EAGAIN;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0 && fds[1].revents)
			ret = deliver(s);
	} while (ret == 0 && (n < 0 || !fds[0].revents));
	return ret;
}

static int wait_for_room(const struct steady *s)
{
	return wait_for(s, s->fd, POLLOUT, s->timeout);
}

/* ---- sends ---------------------------------------------------------------------------------- */

/* What of a message is not sent yet. */
struct rest {
	const struct iovec *iov;
	size_t iov_len;
	size_t skip; /* bytes of the first one */
};

static void advance(struct rest *rest, size_t n)
{
	rest->skip += n;
	while (rest->iov_len > 0 && rest->skip >= rest->iov->iov_len) {
		rest->skip -= rest->iov->iov_len;
		rest->iov++;
		rest->iov_len--;
	}
}

static ssize_t send_now(int fd, struct rest *rest, int flags)
{
	struct iovec iov[IOV_LEN];
	struct msghdr message = { .msg_iov = iov, .msg_iovlen = rest->iov_len };
	ssize_t n;

	if (message.msg_iovlen > IOV_LEN)
		message.msg_iovlen = IOV_LEN;
	memcpy(iov, rest->iov, message.msg_iovlen * sizeof(iov[0]));
	iov[0].iov_base = (uint8_t *)iov[0].iov_base + rest->skip;
	iov[0].iov_len -= rest->skip;
	n = sendmsg(fd, &message, flags | MSG_DONTWAIT);
	if (n < 0)
		return -errno;
	advance(rest, (size_t)n);
	return n;
}

/* The rest, where sent bytes of it are gone already. */
static ssize_t send_waiting(int fd, struct rest *rest, int flags, size_t sent)
{
	struct steady s;
	ssize_t n = begin(&s, fd);

	s.sent = sent;
	while (rest->iov_len > 0 && n == 0) {
		n = wait_for_room(&s);
		if (n < 0)
			break;
		n = send_now(fd, rest, flags);
		if (n > 0)
			s.sent += (size_t)n;
		if (n > 0 || n == -EAGAIN)
			n = 0;
	}
	return end(&s, n);
}

ssize_t steady_send(int fd, const struct msghdr *message, int flags)
{
	struct rest rest = { .iov = message->msg_iov, .iov_len = message->msg_iovlen };
	ssize_t n = sendmsg(fd, message, flags | MSG_DONTWAIT);

	if (n < 0 && errno != EAGAIN)
		return -errno;
	if (n >= 0)
		advance(&rest, (size_t)n);
	if (rest.iov_len == 0 || (flags & MSG_DONTWAIT) || !blocks(fd))
		return n < 0 ? -EAGAIN : n;
	return send_waiting(fd, &rest, flags, n > 0 ? (size_t)n : 0);
}

ssize_t steady_record_send(int fd, uint8_t type, const void *bytes, size_t len, int flags)
{
	struct steady s;
	ssize_t n;

	if ((flags & MSG_DONTWAIT) || !blocks(fd))
		return kernel_record_send(fd, type, bytes, len, flags);
	n = begin(&s, fd);
	if (n == 0)
		n = wait_for_room(&s);
	if (n == 0)
		n = kernel_record_send(fd, type, bytes, len, flags);
	return end(&s, n);
}

/* ---- files and pipes ------------------------------------------------------------------------ */

/*
 * Bytes that do not have to wait where poll() says that there is room, which it does for a third of
 * the buffer. Whole records, as far as that goes.
 */
static size_t piece(int fd, size_t len)
{
	int size = 0;
	socklen_t size_len = sizeof(size);
	size_t max;

	(void)!getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &size_len);
	max = (size_t)size / 4;
	if (max > RECORD_MAX)
		max -= max % RECORD_MAX;
	if (max < PIECE_MIN)
		max = PIECE_MIN;
	return len < max ? len : max;
}

/* Of a regular file, at *offset or where it stands; -1: it is none. */
static off_t left(int in, const off_t *offset)
{
	struct stat file;
	off_t at;

	if (fstat(in, &file) < 0 || !S_ISREG(file.st_mode))
		return -1;
	at = offset ? *offset : lseek(in, 0, SEEK_CUR);
	if (at < 0)
		return -1;
	return at < file.st_size ? file.st_size - at : 0;
}

size_t steady_file_left(int in, const off_t *offset, size_t count)
{
	off_t n = left(in, offset);

	return n > 0 && (uint64_t)n < count ? (size_t)n : count;
}

/* Elsewhere it would be an empty record, which a peer whose kernel has the records reads as 0. */
static bool kernel_leaves_records_open(void)
{
	unsigned int major, minor, patch = 0;
	struct utsname name;

	if (uname(&name) < 0 || sscanf(name.release, "%u.%u.%u", &major, &minor, &patch) < 2)
		return false;
	if (major == 6 && minor == 12)
		return patch < 101;
	return major < 7 || (major == 7 && minor < 2);
}

/* A file that has become shorter meanwhile leaves a record open; close_notify would be put into it.
 */
static ssize_t file_out(int fd, int in, off_t *offset, size_t count)
{
	ssize_t n = sendfile(fd, in, offset, count);

	if (n < 0)
		return -errno;
	if (n > 0 && (size_t)n < count && left(in, offset) == 0 && kernel_leaves_records_open())
		(void)!send(fd, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL);
	return n;
}

ssize_t steady_file_send(int fd, int in, off_t *offset, size_t count)
{
	return file_out(fd, in, offset, steady_file_left(in, offset, count));
}

ssize_t steady_sendfile(int fd, int in, off_t *offset, size_t count)
{
	struct steady s;
	ssize_t n;

	if (!blocks(fd))
		return steady_file_send(fd, in, offset, count);
	count = steady_file_left(in, offset, count);
	n = begin(&s, fd);
	while (n == 0) {
		n = wait_for_room(&s);
		if (n < 0)
			break;
		n = file_out(fd, in, offset, piece(fd, count - s.sent));
		if (n <= 0)
			return end(&s, n);
		s.sent += (size_t)n;
		n = s.sent == count;
	}
	return end(&s, n);
}

static bool pipe_blocks(int in, unsigned int flags)
{
	return !(flags & SPLICE_F_NONBLOCK) && blocks(in);
}

ssize_t steady_splice(int in, int fd, size_t len, unsigned int flags)
{
	struct steady s;
	ssize_t n;

	if (!blocks(fd)) {
		n = splice(in, NULL, fd, NULL, len, flags);
		return n < 0 ? -errno : n;
	}
	n = begin(&s, fd);
	while (n == 0 && s.sent == 0) {
		n = wait_for_room(&s);
		if (n < 0)
			break;
		n = splice(in, NULL, fd, NULL, piece(fd, len), flags | SPLICE_F_NONBLOCK);
		if (n > 0)
			s.sent = (size_t)n;
		else if (n == 0)
			break;
		else if (errno == EAGAIN && pipe_blocks(in, flags))
			n = wait_for(&s, in, POLLIN, -1);
		else
			n = -errno;
	}
	return end(&s, n);
}
