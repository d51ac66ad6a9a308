/* SPDX-License-Identifier: MIT */
/* Listening requests spoken by hand, with what is wrong with them, and collected ones likewise. */
#include "tests/harness/listener.h"
#include "tests/unit/lane.h"

static struct handoff_request listen_request(uint64_t id)
{
	struct handoff_request request = good_request(id);

	request.listen = 2;
	request.records = KTLS_RECORDS_PREFER_KERNEL;
	return request;
}

static void begin(struct test_self_requests *self, uint64_t id, int listener)
{
	struct handoff_request request = listen_request(id);

	send_request(self, &request, listener);
}

static void collected(struct test_self_requests *self, uint64_t id, uint16_t count, const int *fds,
		      size_t n)
{
	const struct handoff_collected message = { .id = id, .count = count };
	size_t len = handoff_collected_build(&message, self->packet, sizeof(self->packet));

	send_fds(self->lane, self->packet, len, fds, n);
}

static void cancel(struct test_self_requests *self, uint64_t id)
{
	send_fds(self->lane, self->packet,
		 handoff_cancel_build(id, self->packet, sizeof(self->packet)), NULL, 0);
}

TEST_F(requests, a_socket_that_listens_and_one_that_does_not)
{
	int listener = listener_open(0);

	begin(self, 1, self->fd[0]);
	expect_reply(self, 1, KTLS_R_SOCKET_NOT_LISTENING);
	close(self->fd[0]);
	expect_closed(self->fd[1]);
	self->fd[0] = -1;
	begin(self, 2, listener);
	cancel(self, 2);
	expect_reply(self, 2, KTLS_R_CANCELLED);
	close(listener);
}

TEST_F(requests, values_that_make_no_sense)
{
	struct handoff_request request = listen_request(1);
	int listener = listener_open(0);

	request.role = KTLS_CLIENT;
	strcpy(request.server_name, "localhost");
	send_request(self, &request, listener);
	expect_reply(self, 1, KTLS_R_REQUEST_VALUE);
	request = listen_request(2);
	strcpy(request.profile, "denied");
	send_request(self, &request, listener);
	expect_reply(self, 2, KTLS_R_PROFILE_ROLE);
	close(listener);
}

TEST_F(requests, an_id_in_use)
{
	int listener = listener_open(0);

	begin(self, 1, listener);
	begin(self, 1, listener);
	expect_reply(self, 1, KTLS_R_REQUEST_ID);
	cancel(self, 1);
	cancel(self, 1);
	expect_reply(self, 1, KTLS_R_CANCELLED);
	begin(self, 1, listener); /* it can be used again */
	cancel(self, 1);
	expect_reply(self, 1, KTLS_R_CANCELLED);
	close(listener);
}

/* It has crossed the last reply, or is about a handshake. */
TEST_F(requests, collected_of_what_is_not_there)
{
	int listener = listener_open(0);

	collected(self, 77, 1, NULL, 0);
	begin(self, 1, listener);
	cancel(self, 1);
	expect_reply(self, 1, KTLS_R_CANCELLED);
	collected(self, 1, 1, NULL, 0);
	expect_alive(self);
	close(listener);
}

TEST_F(requests, collected_more_than_there_were)
{
	int listener = listener_open(0);

	begin(self, 1, listener);
	collected(self, 1, 1, NULL, 0);
	expect_hung_up(self);
	close(listener);
}

TEST_F(requests, collected_with_a_descriptor)
{
	int listener = listener_open(0);

	begin(self, 1, listener);
	collected(self, 1, 1, &listener, 1);
	expect_hung_up(self);
	close(listener);
}

/* Nothing is accepted for whoever has gone. */
TEST_F(requests, gone_without_a_word)
{
	int listener = listener_open(0), fd;

	begin(self, 1, listener);
	EXPECT_TRUE(daemon_logged(&self->daemon, ": listening"));
	close(self->lane);
	self->lane = -1;
	EXPECT_TRUE(daemon_logged(&self->daemon, "no longer listening"));
	fd = listener_connect(listener);
	usleep(100000);
	EXPECT_EQ(1, listener_waiting(listener));
	close(fd);
	close(listener);
}

TEST_HARNESS_MAIN
