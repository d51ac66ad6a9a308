/* SPDX-License-Identifier: MIT */
/* Sockets that a service manager has made: ktlsd's own, and one that an application listens on. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "tests/unit/ktlsd_listen.h"

FIXTURE(activation)
{
	struct daemon daemon;
	int manager; /* the socket, as the manager has it */
};

/* What a socket unit does: the name is there before ktlsd is. */
static int manager_listen(const char *path, int type)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	ASSERT_GE(fd, 0);
	strcpy(address.sun_path, path);
	ASSERT_EQ(0, bind(fd, (struct sockaddr *)&address, sizeof(address)));
	ASSERT_EQ(0, listen(fd, 16));
	return fd;
}

/* And a service: descriptor 3, and who it is for. */
static void manager_start(struct daemon *d, int fd, const char *fds)
{
	char pid[16];
	int log = open(d->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	ASSERT_GE(log, 0);
	d->pid = fork();
	ASSERT_GE(d->pid, 0);
	if (d->pid == 0) {
		snprintf(pid, sizeof(pid), "%d", (int)getpid());
		setenv("LISTEN_PID", pid, 1);
		setenv("LISTEN_FDS", fds, 1);
		dup2(log, STDERR_FILENO);
		if (fd == 3)
			fcntl(fd, F_SETFD, 0);
		else
			dup2(fd, 3);
		execl(d->program, d->program, "--config", d->config, (char *)NULL);
		_exit(127);
	}
	close(log);
}

FIXTURE_SETUP(activation)
{
	daemon_prepare(&self->daemon);
	daemon_configure(&self->daemon, "workers = 1\n", LISTEN_PROFILE, NULL);
}

FIXTURE_TEARDOWN(activation)
{
	close(self->manager);
	unlink(self->daemon.socket);
	daemon_close(&self->daemon);
}

TEST_F(activation, ktlsd_takes_the_socket)
{
	struct stat before, after;
	struct ktls *k;

	self->manager = manager_listen(self->daemon.socket, SOCK_SEQPACKET);
	ASSERT_EQ(0, stat(self->daemon.socket, &before));
	manager_start(&self->daemon, self->manager, "1");
	k = ktls_open(self->daemon.socket, NULL); /* waits in the queue, and then for a greeting */
	EXPECT_NOT_NULL(k);
	ktls_close(k);
	ASSERT_TRUE(daemon_logged(&self->daemon, "ktlsd: ready:"));
	ASSERT_EQ(0, kill(self->daemon.pid, SIGTERM));
	EXPECT_EQ(0, daemon_wait(&self->daemon));
	ASSERT_EQ(0, stat(self->daemon.socket, &after)); /* the name is not ktlsd's */
	EXPECT_EQ(before.st_ino, after.st_ino);
	unlink(self->daemon.log);
	manager_start(&self->daemon, self->manager, "1");
	k = ktls_open(self->daemon.socket, NULL);
	EXPECT_NOT_NULL(k);
	ktls_close(k);
}

static void expect_refusal(struct test_self_activation *self, int type, const char *fds)
{
	unlink(self->daemon.log);
	self->manager = manager_listen(self->daemon.socket, type);
	manager_start(&self->daemon, self->manager, fds);
	EXPECT_NE(0, daemon_wait(&self->daemon));
	EXPECT_EQ(1, daemon_log_count(&self->daemon, "the service manager's socket is not one"));
	unlink(self->daemon.socket);
	close(self->manager);
}

TEST_F(activation, ktlsd_wants_one_of_the_right_kind)
{
	expect_refusal(self, SOCK_STREAM, "1");
	expect_refusal(self, SOCK_SEQPACKET, "2");
	self->manager = -1;
}

/* Somebody else's variables are nothing to us. */
TEST_F(activation, variables_for_another_process)
{
	struct ktls *k;

	self->manager = -1;
	setenv("LISTEN_PID", "1", 1);
	setenv("LISTEN_FDS", "1", 1);
	daemon_start(&self->daemon);
	k = ktls_open(self->daemon.socket, NULL);
	EXPECT_NOT_NULL(k);
	ktls_close(k);
}

/* ---- an application behind a socket unit --------------------------------------------------- */

FIXTURE_SETUP(listen)
{
	open_listen(self, "workers = 2\n");
}

FIXTURE_TEARDOWN(listen)
{
	close_listen(self);
}

/* Clients that came before the application did are in the queue; it never makes a socket itself. */
TEST_F(listen, descriptor_three)
{
	struct crowd c;
	int saved;

	crowd_start(&c, self, 4, 2, 0);
	usleep(50000);
	saved = dup(3);
	ASSERT_EQ(3, dup2(self->listener, 3));
	ASSERT_EQ(0, ktls_listen(self->app, 3, &as_server, 8, &self->id));
	if (saved >= 0) {
		dup2(saved, 3);
		close(saved);
	} else {
		close(3);
	}
	serve(self, 8, 60000);
	crowd_end(&c, 8);
}

TEST_HARNESS_MAIN
