/* SPDX-License-Identifier: MIT */
/* Services asked of ktlsd in ways that the protocol does not have; and when a worker leaves. */
#include <signal.h>

#include "tests/unit/lane.h"
#include "tests/unit/seals.h"

/* A service with a good seal, for which this client is denied the profile. */
static size_t build(struct test_self_requests *self, uint64_t id)
{
	const struct sealed s = seal_for(&self->daemon, self->fd[0], "denied", KTLS_CLIENT);
	const struct handoff_service service = { .id = id,
						 .deadline_ms = 30000,
						 .renew = HANDOFF_RENEW_TX,
						 .session = { s.bytes, s.len } };
	size_t len = handoff_service_build(&service, self->packet, sizeof(self->packet));

	ASSERT_GT(len, 0);
	return len;
}

static void expect_good(struct test_self_requests *self)
{
	size_t len = build(self, 77);

	send_fds(self->lane, self->packet, len, self->fd, 1);
	expect_reply(self, 77, KTLS_R_PROFILE_DENIED);
}

TEST_F(requests, for_a_service_without_a_descriptor)
{
	send_fds(self->lane, self->packet, build(self, 5), NULL, 0);
	expect_reply(self, 5, KTLS_R_REQUEST_NO_DESCRIPTOR);
	expect_good(self);
}

TEST_F(requests, for_a_service_with_two_descriptors)
{
	send_fds(self->lane, self->packet, build(self, 5), self->fd, 2);
	expect_reply(self, 5, KTLS_R_REQUEST_DESCRIPTORS);
	expect_good(self);
	close(self->fd[0]);
	self->fd[0] = -1;
	expect_closed(self->fd[1]);
}

TEST_F(requests, for_a_service_truncated_at_every_byte)
{
	const size_t len = build(self, 5);
	struct handoff_reply reply;

	for (size_t n = HANDOFF_HEADER_LEN; n < len; n++) {
		build(self, 5);
		set_length(self->packet, n);
		send_fds(self->lane, self->packet, n, self->fd, 1);
		get_reply(self, &reply);
		EXPECT_EQ(5, reply.id);
		EXPECT_TRUE(reply.reason == KTLS_R_REQUEST_MALFORMED ||
			    reply.reason == KTLS_R_SESSION_INVALID ||
			    (reply.reason == KTLS_R_PROFILE_DENIED && n > len - 20));
	}
	expect_good(self);
}

/* A service of these attributes, whatever they are; session NULL: none. */
struct wish {
	const struct sealed *session;
	size_t session_len;
	uint8_t renew;
	uint32_t deadline;
	bool ticket;
};

static void expect_refused(struct test_self_requests *self, const struct wish *wish,
			   enum ktls_reason reason)
{
	static const uint8_t ticket[] = { 4, 0, 0, 0 };
	struct writer w;

	writer_init(&w, self->packet, sizeof(self->packet));
	writer_u16(&w, HANDOFF_MAGIC);
	writer_u8(&w, HANDOFF_VERSION);
	writer_u8(&w, HANDOFF_SERVICE);
	writer_u32(&w, 0);
	writer_u64(&w, 9);
	if (wish->session) {
		writer_u16(&w, 2);
		writer_vec(&w, 2, wish->session->bytes, wish->session_len);
	}
	writer_u16(&w, 18);
	writer_u16(&w, 4);
	writer_u32(&w, wish->deadline);
	writer_u16(&w, 26);
	writer_vec(&w, 2, &wish->renew, 1);
	if (wish->ticket) {
		writer_u16(&w, 27);
		writer_vec(&w, 2, ticket, sizeof(ticket));
	}
	set_length(self->packet, w.len);
	send_fds(self->lane, self->packet, w.len, self->fd, 1);
	expect_reply(self, 9, reason);
}

TEST_F(requests, for_a_service_with_values_out_of_range)
{
	const struct sealed s = seal_for(&self->daemon, self->fd[0], "denied", KTLS_SERVER);
	static struct sealed long_one[2];
	struct wish wish = { &s, s.len, 4, 1000, false };

	expect_refused(self, &wish, KTLS_R_REQUEST_VALUE);
	wish.renew = 3;
	wish.deadline = 0;
	expect_refused(self, &wish, KTLS_R_REQUEST_VALUE);
	wish.deadline = KTLS_DEADLINE_MAX + 1;
	expect_refused(self, &wish, KTLS_R_REQUEST_VALUE);
	wish.deadline = 1000;
	wish.ticket = true; /* which a server does not get */
	expect_refused(self, &wish, KTLS_R_REQUEST_VALUE);
	wish.ticket = false;
	wish.session_len = 1;
	expect_refused(self, &wish, KTLS_R_SESSION_INVALID);
	wish.session_len = 0;
	expect_refused(self, &wish, KTLS_R_REQUEST_VALUE);
	wish.session = long_one;
	wish.session_len = HANDOFF_SESSION_MAX + 1;
	expect_refused(self, &wish, KTLS_R_REQUEST_VALUE);
	wish.session = NULL;
	expect_refused(self, &wish, KTLS_R_REQUEST_MALFORMED);
	expect_good(self);
}

/* With the signers stopped: it is over when its time is, and not before. */
TEST_F(requests, for_a_service_that_takes_too_long)
{
	const struct sealed s = seal_for(&self->daemon, self->fd[0], "default", KTLS_SERVER);
	const struct wish wish = { &s, s.len, 0, 100, false };
	pid_t signer = daemon_child(&self->daemon, "signer 1");

	ASSERT_EQ(0, kill(signer, SIGSTOP));
	expect_refused(self, &wish, KTLS_R_DEADLINE);
	EXPECT_TRUE(daemon_logged(&self->daemon, "waiting for the signer"));
	ASSERT_EQ(0, kill(signer, SIGCONT));
	expect_good(self);
}

/* A worker that leaves answers what was sent before. */
TEST_F(requests, for_a_service_of_a_worker_that_leaves)
{
	pid_t signer = daemon_child(&self->daemon, "signer 1");
	size_t len = build(self, 5);

	ASSERT_EQ(0, kill(signer, SIGSTOP));
	send_fds(self->lane, self->packet, len, self->fd, 1);
	usleep(50000);
	ASSERT_EQ(0, kill(self->daemon.pid, SIGHUP));
	ASSERT_TRUE(daemon_logged(&self->daemon, "reload: done"));
	ASSERT_EQ(0, kill(signer, SIGCONT));
	expect_reply(self, 5, KTLS_R_PROFILE_DENIED);
	EXPECT_EQ(0, receive(self->lane, self->packet, sizeof(self->packet)));
	EXPECT_TRUE(daemon_logged(&self->daemon, "the processes from before have ended"));
}

TEST_HARNESS_MAIN
