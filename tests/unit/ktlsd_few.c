/* SPDX-License-Identifier: MIT */
/*
 * Roles of ktlsd that have no descriptor left for a connection (EMFILE), and whose user has more
 * under way than the kernel lets it (ETOOMANYREFS): nothing else is harmed, and it passes.
 */
#include <grp.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "tests/harness/listener.h"
#include "tests/unit/ktlsd_relay.h"

#define FEW   300 /* descriptors, which is more than a role has open here */
#define FLOOD 2   /* packets with as many descriptors as may be in one */

FIXTURE_SETUP(relays)
{
	open_relays(self, "workers = 1\nlog = stderr\n");
}

FIXTURE_TEARDOWN(relays)
{
	close_relays(self);
}

static long status_number(pid_t pid, const char *key)
{
	char path[64], line[256];
	long number = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	ASSERT_NOT_NULL(f);
	while (number < 0 && fgets(line, sizeof(line), f))
		if (strncmp(line, key, strlen(key)) == 0)
			number = atol(line + strlen(key));
	fclose(f);
	return number;
}

/* In a child: as whom that process runs. */
static bool become_user_of(pid_t pid)
{
	uid_t uid = (uid_t)status_number(pid, "Uid:");
	gid_t gid = (gid_t)status_number(pid, "Gid:");

	return uid == geteuid() || (setgroups(0, NULL) == 0 && setresgid(gid, gid, gid) == 0 &&
				    setresuid(uid, uid, uid) == 0);
}

/* What a process may have; root without CAP_SYS_RESOURCE may not set it, its own user may. */
static void limit_descriptors(pid_t pid, rlim_t most)
{
	struct rlimit limit;
	pid_t child = fork();
	int status = -1;

	if (child == 0) {
		bool done = become_user_of(pid) && prlimit(pid, RLIMIT_NOFILE, NULL, &limit) == 0;

		limit.rlim_cur = most;
		_exit(done && prlimit(pid, RLIMIT_NOFILE, &limit, NULL) == 0 ? 0 : 1);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	ASSERT_EQ(0, status);
}

/* ---- too many under way ---------------------------------------------------------------------- */

static bool send_many(int fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(253 * sizeof(int))];
	} control = { .header = { .cmsg_level = SOL_SOCKET,
				  .cmsg_type = SCM_RIGHTS,
				  .cmsg_len = CMSG_LEN(253 * sizeof(int)) } };
	struct iovec iov = { .iov_base = "x", .iov_len = 1 };
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	int *fds = (int *)(void *)CMSG_DATA(&control.header);

	for (size_t i = 0; i < 253; i++)
		fds[i] = fd;
	return sendmsg(fd, &message, 0) == 1;
}

/* A process of the same user that has many under way, until it is killed. */
static pid_t flood(pid_t of)
{
	int ready[2], pair[2];
	pid_t child;
	char byte = 0;

	ASSERT_EQ(0, pipe(ready));
	child = fork();
	if (child == 0) {
		bool done = become_user_of(of) && socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0;

		for (int i = 0; i < FLOOD; i++)
			done = done && send_many(pair[0]);
		(void)!write(ready[1], done ? "y" : "n", 1);
		for (;;)
			pause();
	}
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	EXPECT_EQ('y', byte);
	close(ready[0]);
	close(ready[1]);
	return child;
}

static void flood_ends(pid_t child)
{
	ASSERT_EQ(0, kill(child, SIGKILL));
	ASSERT_EQ(child, waitpid(child, NULL, 0));
}

/* Both ends are told; the connections there are go on, and so do new ones afterwards. */
static void is_told(struct test_self_relays *self, const char *role)
{
	pid_t pid = daemon_child(&self->daemon, role), child;
	int before[2];

	connect_relayed(self);
	memcpy(before, self->fd, sizeof(before));
	limit_descriptors(pid, FEW);
	child = flood(pid);
	tcp_pair(self->fd, 0);
	hand_over(self);
	for (size_t i = 0; i < 2; i++) {
		EXPECT_STREQ("RELAY_UNAVAILABLE", ktls_reason_name((int)self->reply[i]->reason));
		close(self->fd[i]);
	}
	flood_ends(child);
	memcpy(self->fd, before, sizeof(before));
	expect_carried(self);
	connect_relayed(self);
	expect_carried(self);
	EXPECT_EQ(pid, daemon_child(&self->daemon, role));
}

TEST_F_TIMEOUT(relays, worker_has_too_many_under_way, 60)
{
	is_told(self, "worker 1");
}

TEST_F_TIMEOUT(relays, relay_has_too_many_under_way, 60)
{
	is_told(self, "relay 1");
}

/* ---- none left ------------------------------------------------------------------------------- */

/* Of a process, in clock ticks. */
static long cpu_time(pid_t pid)
{
	char path[64], text[1024] = "";
	long user = -1, system = -1;
	const char *at;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	ASSERT_NOT_NULL(f);
	ASSERT_NOT_NULL(fgets(text, sizeof(text), f));
	fclose(f);
	at = strrchr(text, ')');
	ASSERT_NOT_NULL(at);
	ASSERT_EQ(2, sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user,
			    &system));
	return user + system;
}

/* The connection waits in the kernel's queue, and the worker does not go round and round. */
TEST_F_TIMEOUT(relays, worker_has_no_descriptor_for_a_connection, 60)
{
	pid_t pid = daemon_child(&self->daemon, "worker 1");
	int listener = listener_open(0);
	struct ktls_params client = as[1];
	long before;
	uint64_t id;

	ASSERT_EQ(0, ktls_listen(self->k, listener, &as[0], 4, &id));
	ASSERT_TRUE(daemon_logged(&self->daemon, ": listening"));
	limit_descriptors(pid, 3);
	self->fd[1] = listener_connect(listener);
	ASSERT_TRUE(daemon_logged(&self->daemon, "cannot accept: Too many open files"));
	before = cpu_time(pid);
	usleep(500000);
	EXPECT_LT(cpu_time(pid) - before, sysconf(_SC_CLK_TCK) / 10);
	EXPECT_EQ(1, listener_waiting(listener));
	limit_descriptors(pid, FEW);
	ASSERT_EQ(0, ktls_start(self->k, self->fd[1], &client, NULL));
	for (size_t i = 0; i < 2; i++) {
		struct ktls_reply *reply = collect(self->k);

		EXPECT_STREQ("OK", ktls_reason_name((int)reply->reason));
		EXPECT_EQ(reply->id == id, reply->more);
		ktls_reply_free(reply);
	}
	close(listener);
}

TEST_HARNESS_MAIN
