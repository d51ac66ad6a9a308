/* SPDX-License-Identifier: MIT */
/* Run by ktlsrun: how connections end, and what calls say then that know TCP only. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/harness/wrapped_ends.h"

static volatile sig_atomic_t pipes;

static void on_pipe(int signal)
{
	(void)signal;
	pipes++;
}

TEST_F(ends, writing_behind_shutdown_is_SIGPIPE)
{
	signal(SIGPIPE, on_pipe);
	ASSERT_EQ(0, shutdown(self->client, SHUT_WR));
	EXPECT_EQ(-1, write(self->client, "x", 1));
	EXPECT_EQ(EPIPE, errno);
	EXPECT_EQ(1, pipes);
	EXPECT_EQ(-1, send(self->client, "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(1, pipes);
}

/* Past the library, which would say good-bye first. True: the records are a relay's, whose TCP
 * socket nobody can have reset. */
static bool reset(int fd)
{
	const struct linger abort = { .l_onoff = 1 };
	int domain = 0, nothing = open("/dev/null", O_RDONLY);
	socklen_t len = sizeof(domain);

	ASSERT_EQ(0, syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_DOMAIN, &domain, &len));
	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort, sizeof(abort)));
	ASSERT_EQ(fd, syscall(SYS_dup3, nothing, fd, 0));
	close(nothing);
	return domain == AF_UNIX;
}

TEST_F(ends, writing_behind_a_reset_that_was_read_is_SIGPIPE)
{
	bool relayed = reset(self->server);
	int file = memfd_create("data", MFD_CLOEXEC);
	off_t at = 0;
	char byte;

	ASSERT_EQ(1, write(file, "x", 1));
	signal(SIGPIPE, on_pipe);
	EXPECT_EQ(relayed ? 0 : -1, read(self->client, &byte, 1));
	EXPECT_EQ(relayed ? errno : ECONNRESET, errno);
	while (relayed && send(self->client, "x", 1, MSG_NOSIGNAL) == 1)
		usleep(1000);
	EXPECT_EQ(-1, write(self->client, "x", 1));
	EXPECT_EQ(EPIPE, errno);
	EXPECT_EQ(1, pipes);
	EXPECT_EQ(-1, sendfile(self->client, file, &at, 1));
	EXPECT_EQ(2, pipes);
}

TEST_F(ends, writing_behind_a_reset_that_was_written_to_is_SIGPIPE)
{
	reset(self->server);
	signal(SIGPIPE, on_pipe);
	while (send(self->client, "x", 1, MSG_NOSIGNAL) == 1)
		usleep(1000);
	EXPECT_TRUE(errno == ECONNRESET || errno == EPIPE);
	EXPECT_EQ(-1, write(self->client, "x", 1));
	EXPECT_EQ(EPIPE, errno);
	EXPECT_EQ(1, pipes);
}

TEST_F(ends, reading_behind_shutdown_is_the_end)
{
	char byte;

	ASSERT_EQ(0, shutdown(self->client, SHUT_RD));
	EXPECT_EQ(0, read(self->client, &byte, 1));
	wrapped_works(self->client, self->server);
}

TEST_HARNESS_MAIN
