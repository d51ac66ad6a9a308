/* SPDX-License-Identifier: MIT */
/* ktlsd lets go of sockets: at once, of all of them, and whatever close() does. */
#include <dirent.h>

#define KTLSD_RELAY_TOO
#include "tests/kernel/ktlsd.h"

/* ---- letting go -------------------------------------------------------------------------------
 */

/* Entries in all epoll sets of a process, and its TCP sockets. */
static unsigned int epoll_entries(pid_t pid)
{
	char command[160];
	unsigned int n = 0;
	FILE *f;

	snprintf(command, sizeof(command), "cat /proc/%d/fdinfo/* | grep -c ^tfd:", (int)pid);
	f = popen(command, "re");
	ASSERT_NOT_NULL(f);
	ASSERT_EQ(1, fscanf(f, "%u", &n));
	pclose(f);
	return n;
}

static unsigned int descriptors(pid_t pid)
{
	char path[64];
	unsigned int n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	ASSERT_NOT_NULL(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

TEST_F_TIMEOUT(handoff, leaves_nothing_behind_after_a_thousand, 120)
{
	static int fds[500][2];
	pid_t worker = daemon_child(&self->daemon, "worker 1");
	unsigned int entries, open;

	handshake_both(self);
	entries = epoll_entries(worker);
	open = descriptors(worker);
	for (int i = 0; i < 500; i++) {
		tcp_pair(fds[i], 0);
		start(self->k, fds[i][0], &as_server);
		start(self->k, fds[i][1], &as_client);
		if (i % 10 < 9)
			continue;
		for (int j = 0; j < 20; j++)
			expect_reason(self->k, KTLS_OK);
	}
	EXPECT_EQ(entries, epoll_entries(worker));
	EXPECT_EQ(open, descriptors(worker));
	expect_carried(fds[0][0], fds[0][1]);
	expect_carried(fds[499][1], fds[499][0]);
	for (int i = 0; i < 500; i++) {
		close(fds[i][0]);
		close(fds[i][1]);
	}
}

TEST_F(handoff, lets_the_peer_see_the_end_at_once)
{
	handshake_both(self);
	close(self->fd[0]);
	self->fd[0] = -1;
	EXPECT_LT(wait_for_end(self->fd[1]), a_second());
}

/* An application that hands a socket over, in a process of its own. */
static pid_t application(struct test_self_handoff *self, int fd, int peer)
{
	int ready[2];
	pid_t pid;
	char byte;

	ASSERT_EQ(0, pipe(ready));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (pid == 0) {
		struct ktls *k = ktls_open(self->daemon.socket, NULL);

		close(peer);
		start(k, fd, &as_server);
		ASSERT_EQ(1, write(ready[1], "", 1));
		pause();
		_exit(0);
	}
	close(ready[1]);
	close(fd);
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	close(ready[0]);
	return pid;
}

TEST_F(handoff, ends_with_an_application_that_is_killed)
{
	pid_t pid = application(self, self->fd[0], self->fd[1]);

	self->fd[0] = -1;
	usleep(100000); /* the worker has it by now, mostly; if not, all the better */
	ASSERT_EQ(0, kill(pid, SIGKILL));
	EXPECT_LT(wait_for_end(self->fd[1]), a_second());
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_TRUE(daemon_logged(&self->daemon, "CANCELLED"));
}

/* close() would block for an hour, each of more sockets than there are threads to close them. */
TEST_F(handoff, is_not_held_by_linger)
{
	const struct linger linger = { .l_onoff = 1, .l_linger = 3600 };
	static char junk[65536];
	int peers[8];
	int64_t since;
	pid_t pid;

	for (int i = 0; i < 8; i++) {
		ASSERT_EQ(0,
			  setsockopt(self->fd[0], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
		while (send(self->fd[0], junk, sizeof(junk), MSG_DONTWAIT) > 0)
			;
		pid = application(self, self->fd[0], self->fd[1]);
		usleep(100000);
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(pid, waitpid(pid, NULL, 0));
		peers[i] = self->fd[1];
		tcp_pair(self->fd, 0);
	}
	ASSERT_EQ(0, setsockopt(self->fd[0], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	since = now_ms();
	handshake_both(self);
	EXPECT_LT(now_ms() - since, 5 * a_second());
	expect_carried(self->fd[0], self->fd[1]);
	for (int i = 0; i < 8; i++)
		EXPECT_LT(wait_for_end(peers[i]), a_second());
	for (int i = 0; i < 8; i++)
		close(peers[i]);
}

TEST_HARNESS_MAIN
