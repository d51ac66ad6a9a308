/* SPDX-License-Identifier: MIT */
/* Log lines: one line each, printable, never in the way. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/log.h"
#include "tests/harness/harness.h"

/* Standard error is a pipe while lines are logged, and the harness's again when checks are made. */
FIXTURE(log)
{
	int stderr_fd;
	int read_fd;
	int write_fd;
	char said[8192];
};

FIXTURE_SETUP(log)
{
	int fd[2];

	ASSERT_EQ(0, pipe2(fd, O_CLOEXEC));
	self->read_fd = fd[0];
	self->write_fd = fd[1];
	self->stderr_fd = dup(STDERR_FILENO);
	ASSERT_GE(self->stderr_fd, 0);
	ASSERT_EQ(0, fcntl(self->read_fd, F_SETFL, O_NONBLOCK));
	log_init("worker 1", LOG_TARGET_STDERR);
}

FIXTURE_TEARDOWN(log)
{
	dup2(self->stderr_fd, STDERR_FILENO);
	close(self->read_fd);
	close(self->write_fd);
	close(self->stderr_fd);
}

static void to_pipe(struct test_self_log *self)
{
	dup2(self->write_fd, STDERR_FILENO);
}

static const char *said(struct test_self_log *self)
{
	ssize_t n;

	dup2(self->stderr_fd, STDERR_FILENO);
	n = read(self->read_fd, self->said, sizeof(self->said) - 1);
	self->said[n > 0 ? n : 0] = '\0';
	return self->said;
}

TEST_F(log, writes_one_line)
{
	to_pipe(self);
	log_message(LOG_INFO, "uid %d", 7);
	EXPECT_STREQ("worker 1: uid 7\n", said(self));
}

TEST_F(log, gives_the_journal_a_priority)
{
	log_init("signer 2", LOG_TARGET_JOURNAL);
	EXPECT_TRUE(log_to_journal());
	to_pipe(self);
	log_message(LOG_WARNING, "x");
	EXPECT_STREQ("<4>signer 2: x\n", said(self));
}

TEST_F(log, knows_the_journal_by_its_socket)
{
	struct stat st;
	char stream[64];

	ASSERT_EQ(0, fstat(self->write_fd, &st));
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	ASSERT_EQ(0, setenv("JOURNAL_STREAM", stream, 1));
	log_init("x", LOG_TARGET_AUTO);
	EXPECT_FALSE(log_to_journal());
	to_pipe(self);
	log_init("x", LOG_TARGET_AUTO);
	said(self);
	EXPECT_TRUE(log_to_journal());
}

TEST_F(log, makes_foreign_text_printable)
{
	to_pipe(self);
	log_message(LOG_INFO, "name '%s'", "a\nsigner: lies\x1b[2J\x7f");
	EXPECT_STREQ("worker 1: name 'a?signer: lies?[2J?'\n", said(self));
}

TEST_F(log, cuts_what_is_too_long)
{
	char text[2 * LOG_LINE_MAX];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	to_pipe(self);
	log_message(LOG_INFO, "%s", text);
	said(self);
	EXPECT_EQ(LOG_LINE_MAX - 1, strlen(self->said));
	EXPECT_EQ('\n', self->said[LOG_LINE_MAX - 2]);
}

TEST_F(log, limits_repeated_lines)
{
	struct log_limit limit = { .burst = 2 };

	to_pipe(self);
	for (int i = 0; i < 5; i++)
		log_limited(&limit, LOG_INFO, "line %d", i);
	limit.window = 0; /* time passes */
	log_limited(&limit, LOG_INFO, "last");
	EXPECT_STREQ("worker 1: line 0\nworker 1: line 1\n"
		     "worker 1: 3 more lines like the next left out\nworker 1: last\n",
		     said(self));
}

/* A pipe that nobody reads takes 64 KiB; then lines are dropped, and counted. */
TEST_F(log, is_not_held_by_a_full_pipe)
{
	const char *lost;

	to_pipe(self);
	for (int i = 0; i < 10000; i++)
		log_message(LOG_INFO, "line %d", i);
	while (strlen(said(self)) > 0)
		;
	to_pipe(self);
	log_message(LOG_INFO, "after");
	lost = strstr(said(self), "log lines lost: nobody was reading\nworker 1: after\n");
	EXPECT_NOT_NULL(lost);
	EXPECT_GT(atoi(self->said + strlen("worker 1: ")), 1000);
}

TEST_HARNESS_MAIN
