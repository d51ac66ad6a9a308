/* SPDX-License-Identifier: MIT */
/* What ktlsd's worker makes of packets that are not as they should be. */
#include <signal.h>

#include "tests/unit/lane.h"

/* ---- malformed, with an id --------------------------------------------------------------------
 */

TEST_F(requests, without_a_descriptor_are_refused)
{
	struct handoff_request request = good_request(3);
	size_t len = handoff_request_build(&request, self->packet, sizeof(self->packet));

	send_fds(self->lane, self->packet, len, NULL, 0);
	expect_reply(self, 3, KTLS_R_REQUEST_NO_DESCRIPTOR);
	expect_alive(self);
}

TEST_F(requests, with_two_descriptors_are_refused_and_both_are_closed)
{
	struct handoff_request request = good_request(4);
	size_t len = handoff_request_build(&request, self->packet, sizeof(self->packet));
	int other[2];

	tcp_pair(other, 0);
	send_fds(self->lane, self->packet, len, (const int[]){ self->fd[0], other[0] }, 2);
	expect_reply(self, 4, KTLS_R_REQUEST_DESCRIPTORS);
	expect_alive(self);
	close(self->fd[0]);
	close(other[0]);
	self->fd[0] = -1;
	expect_closed(self->fd[1]);
	expect_closed(other[1]);
	close(other[1]);
}

TEST_F(requests, that_do_not_add_up_are_refused)
{
	struct handoff_request request = good_request(5);
	size_t len = handoff_request_build(&request, self->packet, sizeof(self->packet));

	set_length(self->packet, --len); /* less than its last attribute says */
	send_fds(self->lane, self->packet, len, &self->fd[0], 1);
	expect_reply(self, 5, KTLS_R_REQUEST_MALFORMED);
	expect_alive(self);
}

static size_t add_attribute(uint8_t *packet, size_t len, uint16_t type, uint8_t value)
{
	struct writer w;

	writer_init(&w, packet + len, 16);
	writer_u16(&w, type);
	writer_vec(&w, 2, &value, 1);
	len += w.len;
	set_length(packet, len);
	return len;
}

TEST_F(requests, with_unknown_options_are_refused_if_they_insist)
{
	struct handoff_request request = good_request(6);
	size_t len = handoff_request_build(&request, self->packet, sizeof(self->packet));

	len = add_attribute(self->packet, len, 0x7123 | HANDOFF_MANDATORY, 0);
	send_fds(self->lane, self->packet, len, &self->fd[0], 1);
	expect_reply(self, 6, KTLS_R_REQUEST_OPTION);
	len = handoff_request_build(&request, self->packet, sizeof(self->packet));
	len = add_attribute(self->packet, len, 0x7123, 0);
	send_fds(self->lane, self->packet, len, &self->fd[0], 1);
	expect_reply(self, 6,
		     self->greeting.capabilities & ~KTLS_CAN_RELAY ? KTLS_R_DEADLINE
								   : KTLS_R_KERNEL_NO_TLS);
}

TEST_F(requests, with_values_out_of_range_are_refused)
{
	struct handoff_request request = good_request(8);
	size_t len;

	request.role = KTLS_CLIENT; /* the name is missing */
	send_request(self, &request, self->fd[0]);
	expect_reply(self, 8, KTLS_R_REQUEST_VALUE);
	request = good_request(9);
	len = handoff_request_build(&request, self->packet, sizeof(self->packet));
	len = add_attribute(self->packet, len, 20 | HANDOFF_MANDATORY, KTLS_HARDWARE_AVOID + 1);
	send_fds(self->lane, self->packet, len, &self->fd[0], 1);
	expect_reply(self, 9, KTLS_R_REQUEST_VALUE);
	expect_alive(self);
}

TEST_F(requests, of_an_unknown_type_are_refused)
{
	struct handoff_request request = good_request(10);
	size_t len = handoff_request_build(&request, self->packet, sizeof(self->packet));

	self->packet[3] = 99;
	send_fds(self->lane, self->packet, len, &self->fd[0], 1);
	expect_reply(self, 10, KTLS_R_REQUEST_MALFORMED);
	expect_alive(self);
}

static void fill_long(struct test_self_requests *self, size_t len)
{
	struct handoff_request request = good_request(11);

	memset(self->packet, 0, sizeof(self->packet));
	ASSERT_GT(handoff_request_build(&request, self->packet, sizeof(self->packet)), 0);
	set_length(self->packet, len);
}

TEST_F(requests, that_are_too_long_are_refused)
{
	const size_t lens[] = { HANDOFF_MESSAGE_MAX + 1, HANDOFF_MESSAGE_MAX + 4096 };

	for (int i = 0; i < 2; i++) {
		fill_long(self, lens[i]);
		send_fds(self->lane, self->packet, lens[i], &self->fd[0], 1);
		expect_reply(self, 11, KTLS_R_REQUEST_TOO_LONG);
	}
	expect_alive(self);
	close(self->fd[0]);
	self->fd[0] = -1;
	expect_closed(self->fd[1]);
}

/* Two of the same id in the worker's hands at one time: it is stopped until both are there. */
TEST_F(requests, with_an_id_in_use_are_refused)
{
	pid_t worker = daemon_child(&self->daemon, "worker 1");
	struct handoff_request request = good_request(12);
	struct handoff_reply first, second;

	ASSERT_EQ(0, kill(worker, SIGSTOP));
	send_request(self, &request, self->fd[0]);
	send_request(self, &request, self->fd[0]);
	ASSERT_EQ(0, kill(worker, SIGCONT));
	get_reply(self, &first);
	get_reply(self, &second);
	EXPECT_EQ(12, first.id);
	EXPECT_EQ(12, second.id);
	EXPECT_NE(first.reason, second.reason);
	EXPECT_TRUE(first.reason == KTLS_R_REQUEST_ID || second.reason == KTLS_R_REQUEST_ID);
}

/* ---- malformed, without one -------------------------------------------------------------------
 */

TEST_F(requests, that_are_garbage_end_the_connection)
{
	send_fds(self->lane, "GET / HTTP/1.0\r\n\r\n", 18, &self->fd[0], 1);
	expect_hung_up(self);
	close(self->fd[0]);
	self->fd[0] = -1;
	expect_closed(self->fd[1]);
}

TEST_F(requests, that_are_shorter_than_a_header_end_the_connection)
{
	struct handoff_request request = good_request(1);

	ASSERT_GT(handoff_request_build(&request, self->packet, sizeof(self->packet)), 0);
	send_fds(self->lane, self->packet, HANDOFF_HEADER_LEN - 1, &self->fd[0], 1);
	expect_hung_up(self);
}

TEST_F(requests, with_a_wrong_length_end_the_connection)
{
	struct handoff_request request = good_request(1);
	size_t len = handoff_request_build(&request, self->packet, sizeof(self->packet));

	send_fds(self->lane, self->packet, len - 1, &self->fd[0], 1);
	expect_hung_up(self);
}

TEST_F(requests, with_id_0_end_the_connection)
{
	struct handoff_request request = good_request(1);
	size_t len = handoff_request_build(&request, self->packet, sizeof(self->packet));

	self->packet[HANDOFF_HEADER_LEN - 1] = 0;
	send_fds(self->lane, self->packet, len, &self->fd[0], 1);
	expect_hung_up(self);
}

TEST_F(requests, to_cancel_with_a_descriptor_end_the_connection)
{
	size_t len = handoff_cancel_build(1, self->packet, sizeof(self->packet));

	send_fds(self->lane, self->packet, len, &self->fd[0], 1);
	expect_hung_up(self);
}

TEST_F(requests, to_cancel_what_is_over_are_ignored)
{
	size_t len = handoff_cancel_build(77, self->packet, sizeof(self->packet));

	send_fds(self->lane, self->packet, len, NULL, 0);
	expect_alive(self);
}

/* Truncated at every byte: an answer or the end, never a worker that dies. */
TEST_F_TIMEOUT(requests, truncated_at_every_byte_do_no_harm, 60)
{
	struct handoff_request request = good_request(13);
	pid_t worker = daemon_child(&self->daemon, "worker 1");
	size_t len;

	strcpy(request.profile, "a-profile-with-a-name");
	len = handoff_request_build(&request, self->packet, sizeof(self->packet));
	for (size_t cut = 1; cut < len; cut++) {
		len = handoff_request_build(&request, self->packet, sizeof(self->packet));
		if (cut > HANDOFF_HEADER_LEN)
			set_length(self->packet, cut);
		close(self->lane);
		self->lane = open_lane(&self->daemon);
		ASSERT_GT(receive(self->lane, (uint8_t[4096]){ 0 }, 4096), 0);
		send_fds(self->lane, self->packet, cut, &self->fd[0], 1);
		receive(self->lane, self->packet, sizeof(self->packet));
	}
	EXPECT_EQ(worker, daemon_child(&self->daemon, "worker 1"));
}

TEST_HARNESS_MAIN
