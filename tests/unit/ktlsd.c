/* SPDX-License-Identifier: MIT */
/*
 * ktlsd as a whole: its processes, their deaths, its socket. On any kernel: handshakes themselves
 * are for tests/kernel.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <ktls.h>

#include "tests/harness/conns.h"
#include "tests/harness/daemon.h"
#include "tests/harness/harness.h"

FIXTURE(ktlsd)
{
	struct daemon daemon;
	struct ktls *k;
	int fd[2];
};

FIXTURE_SETUP(ktlsd)
{
	daemon_open(&self->daemon, "workers = 2\nsigners = 2\n", NULL, NULL);
	self->k = ktls_open(self->daemon.socket, NULL);
	ASSERT_NOT_NULL(self->k);
	tcp_pair(self->fd, 0);
}

FIXTURE_TEARDOWN(ktlsd)
{
	ktls_close(self->k);
	close(self->fd[0]);
	close(self->fd[1]);
	daemon_close(&self->daemon);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A good request on a socket whose peer says nothing: how it ends depends on the kernel. */
static void expect_served(struct ktls *k)
{
	const struct ktls_params params = { .role = KTLS_SERVER, .deadline_ms = 200 };
	struct ktls_reply *reply;
	int fd[2];

	tcp_pair(fd, 0);
	ASSERT_EQ(0, ktls_handshake(k, fd[0], &params, &reply));
	if (reply->reason != KTLS_R_KERNEL_NO_TLS)
		EXPECT_STREQ("DEADLINE", ktls_reason_name((int)reply->reason));
	ktls_reply_free(reply);
	close(fd[0]);
	close(fd[1]);
}

TEST_F(ktlsd, serves)
{
	struct ktls_info info;

	expect_served(self->k);
	ktls_get_info(self->k, &info);
	EXPECT_EQ(2, info.workers);
	EXPECT_STREQ(KTLS_VERSION, info.version);
}

static long effective_uid(pid_t pid)
{
	char path[64], line[128];
	long uid = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	ASSERT_NOT_NULL(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Uid:\t%*d\t%ld", &uid) == 1)
			break;
	}
	fclose(f);
	return uid;
}

static bool has_status(pid_t pid, const char *want)
{
	char path[64], line[128];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	ASSERT_NOT_NULL(f);
	while (!found && fgets(line, sizeof(line), f))
		found = strncmp(line, want, strlen(want)) == 0;
	fclose(f);
	return found;
}

TEST_F(ktlsd, gives_up_privileges)
{
	static const char *const names[] = { "worker 1", "worker 2", "signer 1", "signer 2" };

	for (int i = 0; i < 4; i++) {
		pid_t pid = daemon_child(&self->daemon, names[i]);

		ASSERT_NE(0, pid);
		if (geteuid() == 0) {
			EXPECT_NE(0, effective_uid(pid));
			EXPECT_TRUE(has_status(pid, "CapPrm:\t0000000000000000"));
			EXPECT_TRUE(has_status(pid, "Groups:\t \n"));
		}
		EXPECT_TRUE(has_status(pid, "NoNewPrivs:\t1"));
		if (daemon_log_count(&self->daemon, "no limits on system calls") == 0)
			EXPECT_TRUE(has_status(pid, "Seccomp:\t2"));
	}
}

/* The private key is in the signers' memory and nowhere else; only they have sealing keys' file. */
TEST_F(ktlsd, gives_children_no_files)
{
	char command[128];

	if (geteuid() != 0)
		SKIP(return, "not root: cannot look into other processes");
	for (int i = 1; i <= 2; i++) {
		snprintf(command, sizeof(command),
			 "ls -l /proc/%d/fd | grep -E ' /(etc|tmp|memfd)' "
			 "| grep -v %s",
			 (int)daemon_child(&self->daemon, i == 1 ? "worker 1" : "signer 1"),
			 i == 1 ? "/log" : "-e /log -e /socket.keys");
		EXPECT_NE(0, system(command));
	}
}

/* What a killed worker had is told to be lost, within a second, and there is a new worker. */
TEST_F(ktlsd, outlives_a_worker)
{
	const struct ktls_params params = { .role = KTLS_SERVER, .deadline_ms = 60000 };
	struct pollfd p = { .fd = ktls_fd(self->k), .events = POLLIN };
	pid_t before[2];
	struct ktls_reply *reply;
	int64_t since;
	int err;

	for (int i = 0; i < 2; i++) {
		before[i] = daemon_child(&self->daemon, i == 0 ? "worker 1" : "worker 2");
		ASSERT_NE(0, before[i]);
		ASSERT_EQ(0, kill(before[i], SIGSTOP)); /* so that the request is still there */
	}
	ASSERT_EQ(0, ktls_start(self->k, self->fd[0], &params, NULL));
	since = now_ms();
	ASSERT_EQ(0, kill(before[0], SIGKILL));
	ASSERT_EQ(0, kill(before[1], SIGKILL));
	do {
		ASSERT_EQ(1, poll(&p, 1, 5000));
		err = ktls_collect(self->k, &reply);
	} while (err == -EAGAIN);
	ASSERT_EQ(0, err);
	EXPECT_STREQ("WORKER_LOST", ktls_reason_name((int)reply->reason));
	EXPECT_LT(now_ms() - since, 1000);
	ktls_reply_free(reply);
	daemon_child_after(&self->daemon, "worker 1", before[0]);
	daemon_child_after(&self->daemon, "worker 2", before[1]);
	EXPECT_TRUE(daemon_logged(&self->daemon, "was ended by signal 9"));
	expect_served(self->k);
	expect_served(self->k);
}

TEST_F(ktlsd, outlives_a_signer)
{
	pid_t before = daemon_child(&self->daemon, "signer 1");

	ASSERT_NE(0, before);
	ASSERT_EQ(0, kill(before, SIGKILL));
	daemon_child_after(&self->daemon, "signer 1", before);
	expect_served(self->k);
}

/* Whoever is left without a supervisor ends. */
TEST_F(ktlsd, takes_its_children_along)
{
	pid_t worker = daemon_child(&self->daemon, "worker 1");
	pid_t signer = daemon_child(&self->daemon, "signer 1");

	ASSERT_EQ(0, kill(self->daemon.pid, SIGKILL));
	daemon_wait(&self->daemon);
	for (int i = 0; i < 500 && (kill(worker, 0) == 0 || kill(signer, 0) == 0); i++)
		usleep(10000);
	EXPECT_NE(0, kill(worker, 0));
	EXPECT_NE(0, kill(signer, 0));
	/* and the next one replaces the socket that was left behind */
	unlink(self->daemon.log);
	daemon_start(&self->daemon);
	expect_served(self->k);
}

TEST_F(ktlsd, spreads_connections)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	unsigned int lanes[2] = { 0 };
	int fd[8];

	strcpy(address.sun_path, self->daemon.socket);
	for (int i = 0; i < 8; i++) {
		uint8_t greeting[4096];

		fd[i] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
		ASSERT_EQ(0, connect(fd[i], (struct sockaddr *)&address, sizeof(address)));
		ASSERT_GT(recv(fd[i], greeting, sizeof(greeting), 0), 0);
		/* attribute 66, lane: after the header, protocol and lanes, six bytes each */
		lanes[greeting[16 + 6 + 6 + 5] & 1]++;
	}
	EXPECT_GE(lanes[0], 3);
	EXPECT_GE(lanes[1], 3);
	for (int i = 0; i < 8; i++)
		close(fd[i]);
}

TEST_F(ktlsd, ends_orderly)
{
	ASSERT_EQ(0, kill(self->daemon.pid, SIGTERM));
	EXPECT_EQ(0, daemon_wait(&self->daemon));
	EXPECT_NE(0, access(self->daemon.socket, F_OK));
	EXPECT_EQ(1, daemon_log_count(&self->daemon, "ktlsd: stopped"));
}

/* ---- its socket and its files -----------------------------------------------------------------
 */

FIXTURE(files)
{
	struct daemon daemon;
};

FIXTURE_SETUP(files)
{
	daemon_prepare(&self->daemon);
}

FIXTURE_TEARDOWN(files)
{
	daemon_close(&self->daemon);
}

static void expect_refusal(struct daemon *d, const char *why)
{
	daemon_spawn(d);
	EXPECT_NE(0, daemon_wait(d));
	if (daemon_log_count(d, why) == 0)
		TH_LOG("no '%s' in the log", why);
	EXPECT_EQ(1, daemon_log_count(d, why));
}

TEST_F(files, socket_has_the_mode_configured)
{
	struct stat st;
	FILE *f;

	daemon_configure(&self->daemon, NULL, NULL, NULL);
	f = fopen(self->daemon.config, "w"); /* over it: no socket-mode */
	ASSERT_NOT_NULL(f);
	fprintf(f, "[ktlsd]\nsocket = %s\nsocket-mode = 0640\n[profile a]\nclient-users = 0\n",
		self->daemon.socket);
	fclose(f);
	daemon_start(&self->daemon);
	ASSERT_EQ(0, stat(self->daemon.socket, &st));
	EXPECT_EQ(0640, st.st_mode & 07777);
	EXPECT_EQ(geteuid(), st.st_uid);
}

TEST_F(files, second_instance_is_refused)
{
	struct daemon other = self->daemon;

	daemon_configure(&self->daemon, NULL, NULL, NULL);
	daemon_start(&self->daemon);
	expect_refusal(&other, "another ktlsd listens there");
	EXPECT_EQ(0, access(self->daemon.socket, F_OK));
}

static bool has_sockets(const struct daemon *d)
{
	char status[128];

	snprintf(status, sizeof(status), "%s.status", d->socket);
	return access(d->socket, F_OK) == 0 && access(status, F_OK) == 0;
}

static bool has_none(const struct daemon *d)
{
	return access(d->socket, F_OK) != 0;
}

static bool becomes(bool (*so)(const struct daemon *d), const struct daemon *d)
{
	for (int i = 0; i < 5000 && !so(d); i++)
		usleep(1000);
	return so(d);
}

/* A worker that does not end keeps the old one for some seconds more. */
TEST_F(files, next_instance_need_not_wait)
{
	struct daemon next;

	daemon_configure(&self->daemon, NULL, NULL, NULL);
	daemon_start(&self->daemon);
	EXPECT_TRUE(becomes(has_sockets, &self->daemon));
	ASSERT_EQ(0, kill(daemon_child(&self->daemon, "worker 1"), SIGSTOP));
	next = self->daemon;
	ASSERT_EQ(0, kill(self->daemon.pid, SIGTERM));
	ASSERT_TRUE(becomes(has_none, &self->daemon));
	daemon_spawn(&next);
	EXPECT_TRUE(becomes(has_sockets, &next));
	daemon_wait(&self->daemon);
	EXPECT_TRUE(has_sockets(&next));
	self->daemon.pid = next.pid;
}

TEST_F(files, no_file_is_replaced_by_a_socket)
{
	FILE *f = fopen(self->daemon.socket, "w");

	ASSERT_NOT_NULL(f);
	fclose(f);
	daemon_configure(&self->daemon, NULL, NULL, NULL);
	expect_refusal(&self->daemon, "there is something that is no socket");
}

TEST_F(files, bad_configuration_is_refused)
{
	char want[200];

	daemon_configure(&self->daemon, "worker = 1\n", NULL, NULL);
	snprintf(want, sizeof(want), "%s:4: no key 'worker'", self->daemon.config);
	expect_refusal(&self->daemon, want);
}

TEST_HARNESS_MAIN
