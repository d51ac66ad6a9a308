/* SPDX-License-Identifier: MIT */
/* lib/ktls/steady.c over TCP, where the kernel's own calls are to be told from it by nobody. */
#include "lib/ktls/steady.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/ktls/loopback.h"
#include "tests/harness/harness.h"

#define TOTAL ((size_t)1 << 17)

static uint8_t bytes[TOTAL], got[TOTAL];

FIXTURE(steady)
{
	int fd[2], pipe[2], file;
};

FIXTURE_SETUP(steady)
{
	ASSERT_EQ(0, loopback_narrow_pair(self->fd, 4096));
	ASSERT_EQ(0, pipe(self->pipe));
	self->file = memfd_create("steady", MFD_CLOEXEC);
	for (size_t i = 0; i < TOTAL; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 251);
	ASSERT_EQ((ssize_t)TOTAL, write(self->file, bytes, TOTAL));
}

FIXTURE_TEARDOWN(steady)
{
	close(self->fd[0]);
	close(self->fd[1]);
	close(self->pipe[0]);
	close(self->pipe[1]);
	close(self->file);
}

/* ---- another thread ----------------------------------------------------------------------------
 */

static void *read_all(void *arg)
{
	int fd = *(int *)arg;
	size_t at = 0;
	ssize_t n;

	while (at < TOTAL && (n = recv(fd, got + at, TOTAL - at, 0)) > 0)
		at += (size_t)n;
	return (void *)(uintptr_t)at;
}

static void reader(struct test_self_steady *self, pthread_t *thread)
{
	ASSERT_EQ(0, pthread_create(thread, NULL, read_all, &self->fd[1]));
}

static void expect_all(pthread_t thread)
{
	void *read;

	pthread_join(thread, &read);
	EXPECT_EQ(TOTAL, (uintptr_t)read);
	EXPECT_EQ(0, memcmp(bytes, got, TOTAL));
}

static ssize_t send_bytes(int fd, size_t len, int flags)
{
	struct iovec iov = { bytes, len };
	const struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	return steady_send(fd, &message, flags | MSG_NOSIGNAL);
}

/* Until there is no room, and stays none: what TCP sends by its timer of 200 ms makes room again.
 */
static size_t fill(int fd)
{
	size_t sent = 0, before;
	ssize_t n;

	do {
		before = sent;
		while ((n = send_bytes(fd, 1000, MSG_DONTWAIT)) > 0)
			sent += (size_t)n;
		EXPECT_EQ(-EAGAIN, n);
		usleep(300000);
	} while (sent > before);
	return sent;
}

/* ---- all of it ---------------------------------------------------------------------------------
 */

TEST_F(steady, a_blocking_send_takes_all)
{
	pthread_t thread;

	reader(self, &thread);
	EXPECT_EQ(TOTAL, send_bytes(self->fd[0], TOTAL, 0));
	expect_all(thread);
}

/* More buffers than go at a time, empty ones among them. */
TEST_F(steady, many_buffers)
{
	struct iovec iov[64];
	const struct msghdr message = { .msg_iov = iov, .msg_iovlen = 64 };
	pthread_t thread;

	for (size_t i = 0; i < 64; i++)
		iov[i] = (struct iovec){ bytes + i / 2 * (TOTAL / 32), i % 2 ? TOTAL / 32 : 0 };
	reader(self, &thread);
	EXPECT_EQ(TOTAL, steady_send(self->fd[0], &message, 0));
	expect_all(thread);
	EXPECT_EQ(0, send_bytes(self->fd[0], 0, 0));
}

TEST_F(steady, a_file)
{
	pthread_t thread;
	off_t at = 0;

	reader(self, &thread);
	EXPECT_EQ(TOTAL, steady_sendfile(self->fd[0], self->file, &at, 2 * TOTAL));
	EXPECT_EQ((off_t)TOTAL, at);
	expect_all(thread);
	EXPECT_EQ(0, steady_sendfile(self->fd[0], self->file, &at, 1));
	EXPECT_EQ(-EBADF, steady_sendfile(self->fd[0], -1, &at, 1));
	EXPECT_EQ(0, steady_sendfile(self->fd[0], self->file, &at, 0));
}

/* What is no file, or has nothing left, is for the kernel to judge. */
TEST_F(steady, what_a_file_has_left)
{
	off_t at = TOTAL - 10, end = TOTAL, before = -1;

	EXPECT_EQ(10, steady_file_left(self->file, &at, 11));
	EXPECT_EQ(10, steady_file_left(self->file, &at, SIZE_MAX));
	EXPECT_EQ(9, steady_file_left(self->file, &at, 9));
	EXPECT_EQ(TOTAL - 10, at);
	EXPECT_EQ(11, steady_file_left(self->file, &end, 11));
	EXPECT_EQ(11, steady_file_left(self->file, &before, 11));
	ASSERT_EQ(TOTAL - 3, lseek(self->file, -3, SEEK_END));
	EXPECT_EQ(3, steady_file_left(self->file, NULL, 11));
	ASSERT_EQ(0, lseek(self->file, 0, SEEK_SET));
	EXPECT_EQ(TOTAL, steady_file_left(self->file, NULL, 2 * TOTAL));
	EXPECT_EQ(2 * TOTAL, steady_file_left(self->pipe[0], NULL, 2 * TOTAL));
	EXPECT_EQ(11, steady_file_left(-1, &at, 11));
}

static void *write_pipe(void *arg)
{
	int fd = *(int *)arg;
	size_t at = 0;
	ssize_t n;

	while (at < TOTAL && (n = write(fd, bytes + at, TOTAL - at < 3000 ? TOTAL - at : 3000)) > 0)
		at += (size_t)n;
	close(fd);
	return NULL;
}

/* It waits for the pipe, too, and ends with it. */
TEST_F(steady, a_pipe)
{
	pthread_t thread, writer;
	size_t at = 0;
	ssize_t n;

	reader(self, &thread);
	ASSERT_EQ(0, pthread_create(&writer, NULL, write_pipe, &self->pipe[1]));
	while ((n = steady_splice(self->pipe[0], self->fd[0], TOTAL, 0)) > 0)
		at += (size_t)n;
	EXPECT_EQ(0, n);
	EXPECT_EQ(TOTAL, at);
	pthread_join(writer, NULL);
	self->pipe[1] = -1;
	expect_all(thread);
}

/* ---- without waiting ---------------------------------------------------------------------------
 */

TEST_F(steady, what_does_not_block)
{
	off_t at = 0;

	EXPECT_EQ(-EAGAIN, steady_splice(self->pipe[0], self->fd[0], 10, SPLICE_F_NONBLOCK));
	EXPECT_GT(fill(self->fd[0]), 0);
	EXPECT_EQ(-EAGAIN, send_bytes(self->fd[0], 1000, MSG_DONTWAIT));
	ASSERT_EQ(0, fcntl(self->fd[0], F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-EAGAIN, send_bytes(self->fd[0], 1000, 0));
	EXPECT_EQ(-EAGAIN, steady_sendfile(self->fd[0], self->file, &at, 1000));
	ASSERT_EQ(3, write(self->pipe[1], bytes, 3));
	EXPECT_EQ(-EAGAIN, steady_splice(self->pipe[0], self->fd[0], 3, 0));
	EXPECT_EQ(0, at);
}

TEST_F(steady, a_time_limit)
{
	const struct timeval limit = { 0, 20000 };
	off_t at = 0;

	ASSERT_EQ(0, setsockopt(self->fd[0], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)));
	fill(self->fd[0]);
	EXPECT_EQ(-EAGAIN, send_bytes(self->fd[0], 1000, 0));
	EXPECT_EQ(-EAGAIN, steady_sendfile(self->fd[0], self->file, &at, 1000));
}

/* ---- signals -----------------------------------------------------------------------------------
 */

static volatile sig_atomic_t ticks;

static void tick(int number)
{
	(void)number;
	ticks++;
}

static void handle(int number, int flags)
{
	const struct sigaction action = { .sa_handler = tick, .sa_flags = flags };

	ASSERT_EQ(0, sigaction(number, &action, NULL));
}

static void alarm_in(long us, long again)
{
	const struct itimerval in = { { 0, again }, { 0, us } };

	ASSERT_EQ(0, setitimer(ITIMER_REAL, &in, NULL));
}

TEST_F(steady, a_signal_interrupts)
{
	off_t at = 0;

	handle(SIGALRM, 0);
	fill(self->fd[0]);
	alarm_in(10000, 0);
	EXPECT_EQ(-EINTR, send_bytes(self->fd[0], TOTAL, 0));
	EXPECT_EQ(1, ticks);
	alarm_in(10000, 0);
	EXPECT_EQ(-EINTR, steady_sendfile(self->fd[0], self->file, &at, TOTAL));
	EXPECT_EQ(2, ticks);
	alarm_in(10000, 0);
	EXPECT_EQ(-EINTR, steady_splice(self->pipe[0], self->fd[0], 1, 0));
	EXPECT_EQ(3, ticks);
}

TEST_F(steady, in_the_middle_it_is_what_was_sent)
{
	ssize_t n;

	handle(SIGALRM, SA_RESTART);
	/* The first may come before anything is sent, which is no end. */
	alarm_in(20000, 20000);
	n = send_bytes(self->fd[0], TOTAL, 0);
	alarm_in(0, 0);
	EXPECT_GT(n, 0);
	EXPECT_LT(n, (ssize_t)TOTAL);
	EXPECT_GE(ticks, 1);
}

static void *wait_and_read(void *arg)
{
	struct test_self_steady *self = arg;
	ssize_t n = 1;
	size_t at = 0;

	while (ticks < 3)
		usleep(1000);
	while (at < TOTAL && n > 0) {
		n = recv(self->fd[1], got, sizeof(got), 0);
		at += n > 0 ? (size_t)n : 0;
	}
	return NULL;
}

/* A handler with SA_RESTART is none, nor is one whose signal is blocked. */
TEST_F(steady, a_call_goes_on_behind_a_signal)
{
	sigset_t mask, before, after;
	pthread_t thread;

	handle(SIGALRM, SA_RESTART);
	handle(SIGUSR1, 0);
	fill(self->fd[0]);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigaddset(&mask, SIGALRM);
	ASSERT_EQ(0, pthread_sigmask(SIG_BLOCK, &mask, NULL));
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_and_read, self));
	sigdelset(&mask, SIGUSR1);
	ASSERT_EQ(0, pthread_sigmask(SIG_UNBLOCK, &mask, NULL));
	ASSERT_EQ(0, pthread_sigmask(SIG_BLOCK, NULL, &before));
	raise(SIGUSR1);
	alarm_in(1000, 1000);
	EXPECT_GT(send_bytes(self->fd[0], TOTAL, 0), 0);
	alarm_in(0, 0);
	EXPECT_GE(ticks, 3);
	ASSERT_EQ(0, pthread_sigmask(SIG_BLOCK, NULL, &after));
	for (int i = 1; i < NSIG; i++)
		EXPECT_EQ(sigismember(&before, i), sigismember(&after, i));
	shutdown(self->fd[0], SHUT_WR);
	pthread_join(thread, NULL);
}

TEST_F(steady, with_a_time_limit_no_call_goes_on)
{
	const struct timeval limit = { 100, 0 };

	ASSERT_EQ(0, setsockopt(self->fd[0], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)));
	handle(SIGALRM, SA_RESTART);
	fill(self->fd[0]);
	alarm_in(10000, 0);
	EXPECT_EQ(-EINTR, send_bytes(self->fd[0], 1, 0));
}

TEST_F(steady, a_broken_pipe)
{
	struct iovec iov = { bytes, 1 };
	const struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	handle(SIGPIPE, 0);
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	EXPECT_EQ(-EPIPE, steady_send(self->fd[0], &message, MSG_NOSIGNAL));
	EXPECT_EQ(0, ticks);
	EXPECT_EQ(-EPIPE, steady_send(self->fd[0], &message, 0));
	EXPECT_EQ(1, ticks);
	EXPECT_EQ(-EPIPE, steady_sendfile(self->fd[0], self->file, &(off_t){ 0 }, 1));
	EXPECT_EQ(2, ticks);
}

TEST_HARNESS_MAIN
