/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/conn/closer.h"
#include "lib/conn/timer.h"
#include "tests/harness/harness.h"

#define THREADS 3

FIXTURE(closer)
{
	struct closer *closer;
	int wake;
};

FIXTURE_SETUP(closer)
{
	self->wake = eventfd(0, EFD_CLOEXEC);
	ASSERT_GE(self->wake, 0);
	ASSERT_EQ(0, closer_new(THREADS, self->wake, &self->closer));
}

FIXTURE_TEARDOWN(closer)
{
	closer_free(self->closer);
	close(self->wake);
}

static void push(struct closer *closer, int fd, void *arg)
{
	struct closer_job *job = calloc(1, sizeof(*job));

	ASSERT_TRUE(job != NULL);
	job->fd = fd;
	job->arg = arg;
	closer_push(closer, job);
}

/* Waits up to ms milliseconds for the next jobs to be closed; returns their number. */
static int collect(struct closer *closer, int wake, int ms, void **last_arg)
{
	struct pollfd pfd = { .fd = wake, .events = POLLIN };
	struct closer_job *job, *next;
	eventfd_t value;
	int n = 0;

	if (poll(&pfd, 1, ms) != 1)
		return 0;
	ASSERT_EQ(0, eventfd_read(wake, &value));
	for (job = closer_collect(closer); job; job = next) {
		next = job->next;
		*last_arg = job->arg;
		free(job);
		n++;
	}
	return n;
}

/*
 * A connected socket whose close() blocks for `seconds`: nobody reads what it has sent. *peer is
 * the other end.
 */
static int lingering(int seconds, int *peer)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	struct linger linger = { .l_onoff = 1, .l_linger = seconds };
	socklen_t len = sizeof(addr);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	static const char bytes[65536];

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ASSERT_EQ(0, bind(listener, (struct sockaddr *)&addr, len));
	ASSERT_EQ(0, listen(listener, 1));
	ASSERT_EQ(0, getsockname(listener, (struct sockaddr *)&addr, &len));
	ASSERT_EQ(0, connect(fd, (struct sockaddr *)&addr, len));
	*peer = accept(listener, NULL, NULL);
	ASSERT_GE(*peer, 0);
	close(listener);
	while (send(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	return fd;
}

TEST_F(closer, closes_and_says_so)
{
	int pipes[2], argument;
	void *arg = NULL;
	char byte;

	ASSERT_EQ(0, pipe(pipes));
	push(self->closer, pipes[1], &argument);
	EXPECT_EQ(1, collect(self->closer, self->wake, 5000, &arg));
	EXPECT_TRUE(arg == &argument);
	EXPECT_EQ(0, read(pipes[0], &byte, 1));
	EXPECT_EQ(-1, fcntl(pipes[1], F_GETFD));
	close(pipes[0]);
}

TEST_F(closer, closes_many)
{
	int pair[2], n = 0;
	void *arg;

	for (int i = 0; i < 200; i++) {
		ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
		push(self->closer, pair[0], NULL);
		push(self->closer, pair[1], NULL);
	}
	for (int got = 1; got > 0 && n < 400; n += got)
		got = collect(self->closer, self->wake, 5000, &arg);
	EXPECT_EQ(400, n);
}

TEST_F(closer, is_not_held_by_sockets_that_linger)
{
	int peers[2 * THREADS], n = 0;
	uint64_t start = timer_now();
	void *arg = NULL;

	for (int i = 0; i < 2 * THREADS; i++)
		push(self->closer, lingering(3600, &peers[i]), &peers[i]);
	for (int got = 1; got > 0 && n < 2 * THREADS; n += got)
		got = collect(self->closer, self->wake, 5000, &arg);
	EXPECT_EQ(2 * THREADS, n);
	EXPECT_LT(timer_now() - start, 2000000000);
	for (int i = 0; i < 2 * THREADS; i++)
		close(peers[i]);
}

/* What was sent before arrives, all of it, and then its end. */
TEST_F(closer, loses_nothing_of_what_lingers)
{
	static char bytes[65536];
	void *arg = NULL;
	int peer, queued;
	size_t sum = 0;
	ssize_t n;

	push(self->closer, lingering(3600, &peer), NULL);
	ASSERT_EQ(1, collect(self->closer, self->wake, 5000, &arg));
	ASSERT_EQ(0, ioctl(peer, FIONREAD, &queued));
	for (n = read(peer, bytes, sizeof(bytes)); n > 0; n = read(peer, bytes, sizeof(bytes)))
		sum += (size_t)n;
	EXPECT_EQ(0, n);
	EXPECT_GT(sum, queued); /* more than the peer had room for when it was closed */
	close(peer);
}

TEST(freeing_waits_for_nothing_and_forgets_nothing)
{
	int wake = eventfd(0, EFD_CLOEXEC);
	struct pollfd pfd = { .events = POLLIN };
	struct closer *closer;
	uint64_t start;
	int pair[2];

	ASSERT_EQ(0, closer_new(2, wake, &closer));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	push(closer, lingering(2, &pfd.fd), NULL);
	push(closer, pair[0], NULL);
	start = timer_now();
	closer_free(closer);
	EXPECT_LT(timer_now() - start, 500000000);
	close(wake);
	pfd.fd = pair[1];
	EXPECT_EQ(1, poll(&pfd, 1, 5000));
	EXPECT_TRUE(pfd.revents & POLLHUP);
	closer_free(NULL);
}

TEST_HARNESS_MAIN
