/* SPDX-License-Identifier: MIT */
/*
 * Services of ktlsd, for connections whose handshakes are over. The test reads the signers' keys
 * from their file, and so makes seals that are good, of connections that have no keys in the
 * kernel: as far as it goes without kernel TLS. SESSION_INVALID says both that a seal was not
 * opened and that the socket has no keys; a profile that is denied is known only to who opened it.
 */
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/unit/lane.h"
#include "tests/unit/seals.h"

static void send_service(struct test_self_requests *self, uint64_t id, int fd,
			 const struct sealed *sealed)
{
	const struct handoff_service service = { .id = id,
						 .deadline_ms = 5000,
						 .renew = HANDOFF_RENEW_TX | HANDOFF_RENEW_RX,
						 .session = { sealed->bytes, sealed->len } };
	size_t len = handoff_service_build(&service, self->packet, sizeof(self->packet));

	ASSERT_GT(len, 0);
	send_fds(self->lane, self->packet, len, &fd, 1);
}

static void expect_service(struct test_self_requests *self, int fd, const struct sealed *sealed,
			   enum ktls_reason reason)
{
	send_service(self, 5, fd, sealed);
	expect_reply(self, 5, reason);
}

static void expect_opened(struct test_self_requests *self, const struct sealed *of_denied)
{
	expect_service(self, self->fd[0], of_denied, KTLS_R_PROFILE_DENIED);
}

TEST_F(requests, for_a_service_say_who_may_have_it)
{
	struct sealed s = seal_for(&self->daemon, self->fd[0], "denied", KTLS_CLIENT);

	expect_service(self, self->fd[0], &s, KTLS_R_PROFILE_DENIED);
	s = seal_for(&self->daemon, self->fd[0], "denied", KTLS_SERVER);
	expect_service(self, self->fd[0], &s, KTLS_R_PROFILE_ROLE);
	s = seal_for(&self->daemon, self->fd[0], "no-such", KTLS_SERVER);
	expect_service(self, self->fd[0], &s, KTLS_R_PROFILE_UNKNOWN);
	s = seal_for(&self->daemon, self->fd[0], "default", KTLS_SERVER);
	expect_service(self, self->fd[0], &s, KTLS_R_SESSION_INVALID); /* it has no keys */
	EXPECT_TRUE(daemon_logged(&self->daemon, "profile denied client 127.0.0.1"));
	EXPECT_TRUE(daemon_logged(&self->daemon, " service: PROFILE_DENIED"));
	expect_alive(self);
}

TEST_F(requests, for_a_service_from_another_uid)
{
	struct sealed s = seal_for(&self->daemon, self->fd[0], "default", KTLS_SERVER);
	const struct passwd *nobody = getpwnam("nobody");
	int status;
	pid_t pid;

	if (geteuid() != 0 || !nobody)
		SKIP(return, "not root: cannot become another user");
	pid = fork();
	ASSERT_GE(pid, 0);
	if (pid == 0) {
		ASSERT_EQ(0, setgid(nobody->pw_gid));
		ASSERT_EQ(0, setuid(nobody->pw_uid));
		self->lane = open_lane(&self->daemon);
		ASSERT_GT(receive(self->lane, self->packet, sizeof(self->packet)), 0);
		expect_service(self, self->fd[0], &s, KTLS_R_PROFILE_DENIED);
		/* what a client may have, it may have */
		s.len = 100;
		expect_service(self, self->fd[0], &s, KTLS_R_SESSION_INVALID);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_F(requests, for_a_service_with_another_socket)
{
	struct sealed s = seal_for(&self->daemon, self->fd[0], "denied", KTLS_CLIENT);
	int pair[2];

	expect_service(self, self->fd[1], &s, KTLS_R_SESSION_INVALID);
	ASSERT_EQ(0, pipe2(pair, O_CLOEXEC));
	expect_service(self, pair[0], &s, KTLS_R_SESSION_INVALID);
	close(pair[0]);
	close(pair[1]);
	expect_opened(self, &s);
}

TEST_F_TIMEOUT(requests, for_a_service_with_a_bent_seal, 60)
{
	struct sealed s = seal_for(&self->daemon, self->fd[0], "denied", KTLS_CLIENT), bent = s;

	for (bent.len = 1; bent.len < s.len; bent.len++)
		expect_service(self, self->fd[0], &bent, KTLS_R_SESSION_INVALID);
	for (size_t bit = 0; bit < 8 * s.len; bit++) {
		bent = s;
		bent.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		expect_service(self, self->fd[0], &bent, KTLS_R_SESSION_INVALID);
	}
	expect_opened(self, &s);
}

/* The reply comes when ktlsd has let go of the socket, whatever came of it. */
TEST_F(requests, for_a_service_let_go_of_the_socket)
{
	struct sealed s = seal_for(&self->daemon, self->fd[0], "default", KTLS_SERVER);

	for (int i = 0; i < 3; i++)
		expect_service(self, self->fd[0], &s, KTLS_R_SESSION_INVALID);
	s.len = 3;
	expect_service(self, self->fd[0], &s, KTLS_R_SESSION_INVALID);
	close(self->fd[0]);
	self->fd[0] = -1;
	expect_closed(self->fd[1]);
}

/* The client goes while its services are with the signer. */
TEST_F(requests, for_a_service_of_a_client_that_goes)
{
	struct sealed s = seal_for(&self->daemon, self->fd[0], "default", KTLS_SERVER);
	pid_t signer = daemon_child(&self->daemon, "signer 1");

	ASSERT_GT(signer, 0);
	ASSERT_EQ(0, kill(signer, SIGSTOP));
	for (uint64_t id = 1; id < 40; id++)
		send_service(self, id, self->fd[0], &s);
	usleep(50000);
	close(self->lane);
	close(self->fd[0]);
	self->fd[0] = -1;
	expect_closed(self->fd[1]);
	ASSERT_EQ(0, kill(signer, SIGCONT));
	self->lane = open_lane(&self->daemon);
	ASSERT_GT(receive(self->lane, self->packet, sizeof(self->packet)), 0);
	self->fd[0] = self->fd[1];
	self->fd[1] = -1;
	s = seal_for(&self->daemon, self->fd[0], "denied", KTLS_CLIENT);
	expect_opened(self, &s);
}

TEST_F(requests, for_a_service_that_is_cancelled)
{
	struct sealed s = seal_for(&self->daemon, self->fd[0], "denied", KTLS_CLIENT);
	pid_t signer = daemon_child(&self->daemon, "signer 1");
	size_t len;

	ASSERT_EQ(0, kill(signer, SIGSTOP));
	send_service(self, 5, self->fd[0], &s);
	send_service(self, 5, self->fd[0], &s);
	expect_reply(self, 5, KTLS_R_REQUEST_ID);
	len = handoff_cancel_build(5, self->packet, sizeof(self->packet));
	send_fds(self->lane, self->packet, len, NULL, 0);
	expect_reply(self, 5, KTLS_R_CANCELLED);
	ASSERT_EQ(0, kill(signer, SIGCONT));
	expect_opened(self, &s);
}

/* Another one has the keys, too: nothing is lost but a moment. */
TEST_F(requests, for_a_service_when_the_signer_is_lost)
{
	struct sealed s = seal_for(&self->daemon, self->fd[0], "denied", KTLS_CLIENT);
	pid_t signer = daemon_child(&self->daemon, "signer 1");

	ASSERT_EQ(0, kill(signer, SIGSTOP));
	send_service(self, 5, self->fd[0], &s);
	usleep(20000);
	ASSERT_EQ(0, kill(signer, SIGKILL));
	expect_reply(self, 5, KTLS_R_PROFILE_DENIED);
}

/* ---- what outlives what -----------------------------------------------------------------------
 */

static void connect_again(struct test_self_requests *self)
{
	close(self->lane);
	self->lane = open_lane(&self->daemon);
	ASSERT_GT(receive(self->lane, self->packet, sizeof(self->packet)), 0);
}

TEST_F(requests, for_a_service_after_a_restart)
{
	struct sealed s = seal_for(&self->daemon, self->fd[0], "denied", KTLS_CLIENT);

	ASSERT_EQ(0, kill(self->daemon.pid, SIGTERM));
	ASSERT_EQ(0, daemon_wait(&self->daemon));
	ASSERT_EQ(0, unlink(self->daemon.log));
	daemon_start(&self->daemon);
	connect_again(self);
	expect_opened(self, &s);
}

TEST_F(requests, for_a_service_after_a_crash)
{
	struct sealed s = seal_for(&self->daemon, self->fd[0], "denied", KTLS_CLIENT);

	ASSERT_EQ(0, kill(self->daemon.pid, SIGKILL));
	daemon_wait(&self->daemon);
	ASSERT_EQ(0, unlink(self->daemon.log));
	daemon_start(&self->daemon);
	connect_again(self);
	expect_opened(self, &s);
}

TEST_F(requests, for_a_service_after_a_reload)
{
	struct sealed s = seal_for(&self->daemon, self->fd[0], "denied", KTLS_CLIENT);

	/* the file is looked at when ktlsd begins, and not again */
	ASSERT_EQ(0, unlink(daemon_path(&self->daemon, "socket.keys")));
	ASSERT_EQ(0, kill(self->daemon.pid, SIGHUP));
	ASSERT_TRUE(daemon_logged(&self->daemon, "reload: done"));
	connect_again(self);
	expect_opened(self, &s);
}

/* A file that others could have read is not believed; ktlsd goes on without. */
TEST_F(requests, for_a_service_where_the_file_is_bad)
{
	struct sealed s = seal_for(&self->daemon, self->fd[0], "denied", KTLS_CLIENT);

	ASSERT_EQ(0, kill(self->daemon.pid, SIGTERM));
	ASSERT_EQ(0, daemon_wait(&self->daemon));
	ASSERT_EQ(0, chmod(daemon_path(&self->daemon, "socket.keys"), 0644));
	ASSERT_EQ(0, unlink(self->daemon.log));
	daemon_start(&self->daemon);
	EXPECT_TRUE(daemon_logged(&self->daemon, "will be of no use when ktlsd is restarted"));
	connect_again(self);
	expect_service(self, self->fd[0], &s, KTLS_R_SESSION_INVALID);
	expect_alive(self);
}

TEST_HARNESS_MAIN
