/* SPDX-License-Identifier: MIT */
/* Requests to ktlsd: who may ask for what, and what a client can count on. */
#include <pwd.h>
#include <sys/wait.h>

#include "tests/unit/lane.h"

TEST_F(requests, are_greeted)
{
	EXPECT_EQ(HANDOFF_VERSION, self->greeting.protocol);
	EXPECT_EQ(1, self->greeting.lanes);
	EXPECT_EQ(0, self->greeting.lane);
	EXPECT_EQ(HANDOFF_MESSAGE_MAX, self->greeting.message_max);
	EXPECT_EQ(1024, self->greeting.in_flight_max);
	EXPECT_EQ(60000, self->greeting.deadline_max);
	EXPECT_EQ(KTLS_RECEIVED_MAX, self->greeting.received_max);
	EXPECT_STREQ(KTLS_VERSION, self->greeting.version);
}

/* The reply comes when ktlsd has let go of the socket, and not before. */
TEST_F(requests, are_answered_when_the_socket_is_let_go)
{
	struct handoff_request request = good_request(7);
	struct handoff_reply reply;

	send_request(self, &request, self->fd[0]);
	get_reply(self, &reply);
	EXPECT_EQ(7, reply.id);
	close(self->fd[0]);
	self->fd[0] = -1;
	expect_closed(self->fd[1]);
}

TEST_F(requests, for_unknown_profiles_are_refused)
{
	struct handoff_request request = good_request(1);

	strcpy(request.profile, "no-such");
	send_request(self, &request, self->fd[0]);
	expect_reply(self, 1, KTLS_R_PROFILE_UNKNOWN);
	expect_alive(self);
}

TEST_F(requests, for_a_role_that_the_profile_lacks_are_refused)
{
	struct handoff_request request = good_request(1);

	strcpy(request.profile, "client-only");
	send_request(self, &request, self->fd[0]);
	expect_reply(self, 1, KTLS_R_PROFILE_ROLE);
}

TEST_F(requests, of_users_who_are_not_named_are_refused)
{
	struct handoff_request request = good_request(1);

	request.role = KTLS_CLIENT;
	strcpy(request.server_name, "localhost");
	strcpy(request.profile, "denied");
	send_request(self, &request, self->fd[0]);
	expect_reply(self, 1, KTLS_R_PROFILE_DENIED);
	expect_alive(self);
}

/* Somebody else on the same ktlsd: may be a client by the default profile, but no server. */
TEST_F(requests, of_another_uid_are_refused)
{
	const struct passwd *nobody = getpwnam("nobody");
	struct handoff_request request = good_request(1);
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
		send_request(self, &request, self->fd[0]);
		expect_reply(self, 1, KTLS_R_PROFILE_DENIED);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	expect_alive(self);
}

/* ---- flow -------------------------------------------------------------------------------------
 */

/* Who does not read replies is not read from; nothing is lost when they are read at last. */
TEST_F_TIMEOUT(requests, of_a_client_that_does_not_read_wait, 60)
{
	struct handoff_request request = good_request(1);
	struct pollfd p = { .fd = self->lane, .events = POLLOUT };
	uint64_t sent = 0;
	struct handoff_reply reply;
	uint64_t seen = 0;

	strcpy(request.profile, "no-such");
	for (; poll(&p, 1, 500) == 1 && sent < 100000; sent++) {
		request.id = sent + 1;
		send_request(self, &request, self->fd[0]);
	}
	EXPECT_LT(sent, 100000);
	for (uint64_t i = 0; i < sent; i++) {
		get_reply(self, &reply);
		EXPECT_EQ(KTLS_R_PROFILE_UNKNOWN, reply.reason);
		seen += reply.id;
	}
	EXPECT_EQ(sent * (sent + 1) / 2, seen);
	expect_alive(self);
}

TEST_F_TIMEOUT(requests, are_answered_once_each, 60)
{
	struct handoff_reply reply;
	uint64_t seen = 0;

	for (uint64_t id = 1; id <= 100; id++) {
		struct handoff_request request = good_request(id);

		send_request(self, &request, self->fd[0]);
	}
	for (uint64_t i = 1; i <= 100; i++) {
		get_reply(self, &reply);
		seen += reply.id;
	}
	EXPECT_EQ(5050, seen);
	expect_alive(self);
}

TEST_HARNESS_MAIN
