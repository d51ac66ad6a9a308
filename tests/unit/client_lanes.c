/* SPDX-License-Identifier: MIT */
/* The client of the hand-off protocol when things go wrong: losses, lies, no room, no time. */
#include <pthread.h>
#include <sys/resource.h>

#include "tests/unit/client.h"

FIXTURE_VARIANT_ADD(client, one_worker){ .lanes = 1 };

/* ktlsd says that it has another number of workers now. */
static void say_lanes(struct ktls *k, struct fake *f, int lane, uint16_t lanes)
{
	uint8_t packet[512];

	f->greeting.lanes = lanes;
	f->greeting.lane = 0;
	fake_send(lane, packet, handoff_greeting_build(&f->greeting, packet, sizeof(packet)), NULL,
		  0);
	expect_none(k);
}

/* ---- cancel -------------------------------------------------------------------------------- */

TEST_F(client, cancel_is_sent_and_answered)
{
	uint64_t id = START(self);

	take(self->lane);
	EXPECT_EQ(0, ktls_cancel(self->k, id));
	EXPECT_EQ(id, fake_cancel(self->lane));
	expect_none(self->k);
	fake_reply(self->lane, id, KTLS_R_CANCELLED);
	expect_reply(self->k, id, KTLS_R_CANCELLED);
	EXPECT_EQ(-ENOENT, ktls_cancel(self->k, id));
}

TEST_F(client, cancel_may_come_too_late)
{
	uint64_t id = START(self);

	take(self->lane);
	fake_reply(self->lane, id, KTLS_OK); /* not collected yet */
	EXPECT_EQ(0, ktls_cancel(self->k, id));
	expect_reply(self->k, id, KTLS_OK);
	EXPECT_EQ(id, fake_cancel(self->lane));
	expect_none(self->k);
}

TEST_F(client, cancel_of_what_is_not_in_flight)
{
	EXPECT_EQ(-ENOENT, ktls_cancel(self->k, 0));
	EXPECT_EQ(-ENOENT, ktls_cancel(self->k, 12345));
	EXPECT_FALSE(fake_readable(self->lane));
}

/* ---- losses -------------------------------------------------------------------------------- */

TEST_F(client, lost_worker_takes_its_own_with_it)
{
	uint64_t first, second;
	int other;

	say_lanes(self->k, &self->fake, self->lane, 2);
	first = START(self);
	second = START(self);
	other = fake_accept(&self->fake);
	close(self->lane);
	self->lane = other;
	expect_reply(self->k, first, KTLS_R_WORKER_LOST);
	expect_none(self->k);
	EXPECT_EQ(second, take(other));
	fake_reply(other, second, KTLS_OK);
	expect_reply(self->k, second, KTLS_OK);
}

/* With a request that it never read: the kernel tells the client of a reset first. */
TEST_F(client, reply_written_before_the_worker_ended)
{
	uint64_t first = START(self), second;

	take(self->lane);
	fake_reply(self->lane, first, KTLS_OK);
	second = START(self);
	close(self->lane);
	self->lane = -1;
	expect_reply(self->k, first, KTLS_OK);
	expect_reply(self->k, second, KTLS_R_WORKER_LOST);
}

TEST_F(client, lost_connection_is_opened_anew)
{
	uint64_t id = START(self);

	close(self->lane);
	expect_reply(self->k, id, KTLS_R_WORKER_LOST);
	id = START(self);
	self->lane = fake_accept(&self->fake);
	EXPECT_EQ(id, take(self->lane));
	fake_reply(self->lane, id, KTLS_OK);
	expect_reply(self->k, id, KTLS_OK);
}

/* The client does not know of the end before it sends. */
TEST_F(client, request_that_finds_its_connection_closed_takes_another)
{
	uint64_t id;

	close(self->lane);
	id = START(self);
	self->lane = fake_accept(&self->fake);
	EXPECT_EQ(id, take(self->lane));
	fake_reply(self->lane, id, KTLS_OK);
	expect_reply(self->k, id, KTLS_OK);
}

TEST_F(client, without_a_daemon)
{
	struct ktls_reply *reply;
	uint64_t id;

	fake_stop(&self->fake);
	close(self->lane);
	self->lane = -1;
	id = START(self);
	EXPECT_TRUE(readable(self->k, 0));
	reply = collect(self->k);
	EXPECT_EQ(id, reply->id);
	EXPECT_EQ(KTLS_R_DAEMON_UNREACHABLE, reply->reason);
	EXPECT_STREQ("the daemon cannot be reached: No such file or directory", reply->text);
	ktls_reply_free(reply);

	fake_listen(&self->fake);
	id = START(self);
	self->lane = fake_accept(&self->fake);
	EXPECT_EQ(id, take(self->lane));
}

TEST_F(client, refused_for_a_reason)
{
	uint64_t id = START(self);

	take(self->lane);
	fake_reply(self->lane, 0, KTLS_R_TOO_MANY);
	expect_reply(self->k, id, KTLS_R_TOO_MANY);
}

static void *close_all(void *arg)
{
	int *listener = arg, lane;

	for (;;) {
		struct pollfd p = { .fd = *listener, .events = POLLIN };

		poll(&p, 1, -1);
		lane = accept(*listener, NULL, NULL);
		if (lane < 0)
			return NULL;
		close(lane);
	}
}

/* A ktlsd that closes each connection at once: some attempts, and then a reply. */
TEST_F(client, closed_again_and_again)
{
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, close_all, &self->fake.listener));
	close(self->lane);
	self->lane = -1;
	for (int i = 0; i < 100; i++)
		expect_reply(self->k, START(self), KTLS_R_WORKER_LOST);
	shutdown(self->fake.listener, SHUT_RDWR);
	pthread_join(thread, NULL);
}

TEST_F(client, closing_abandons_what_is_in_flight)
{
	struct ktls_reply *reply;
	struct fake_request r = { .fd = -1 };

	START(self);
	fake_request(self->lane, &r);
	close(r.fd);
	ktls_close(self->k);
	self->k = NULL;
	EXPECT_TRUE(fake_readable(self->lane));
	EXPECT_EQ(0, recv(self->lane, &reply, sizeof(reply), MSG_DONTWAIT));
}

/* ---- lies ---------------------------------------------------------------------------------- */

enum lie {
	NO_HEADER,
	WRONG_MAGIC,
	UNKNOWN_TYPE,
	REQUEST_FROM_DAEMON,
	UNKNOWN_ID,
	BROKEN_REPLY,
	UNKNOWN_MANDATORY,
	DESCRIPTOR_ANNOUNCED,
	DESCRIPTOR_UNEXPECTED,
	DESCRIPTORS_MANY,
	GREETING_WITH_DESCRIPTOR,
	TOO_LONG,
	REFUSAL_WITHOUT_REASON,
	LIES
};

static uint8_t lie_packet[HANDOFF_MESSAGE_MAX + 1];

static void tell(enum lie lie, int lane, uint64_t id, const struct handoff_greeting *greeting)
{
	struct handoff_reply reply = { .id = id };
	int fds[3] = { lane, lane, lane };
	size_t len, fds_len = 0;

	if (lie == UNKNOWN_ID)
		reply.id = id + 1000;
	if (lie == REFUSAL_WITHOUT_REASON)
		reply.id = 0;
	if (lie == DESCRIPTOR_ANNOUNCED)
		reply.descriptor = 1;
	if (lie == DESCRIPTOR_ANNOUNCED || lie == DESCRIPTOR_UNEXPECTED ||
	    lie == GREETING_WITH_DESCRIPTOR)
		fds_len = 1;
	if (lie == DESCRIPTORS_MANY)
		fds_len = 3;
	len = handoff_reply_build(&reply, lie_packet, sizeof(lie_packet));
	if (lie == GREETING_WITH_DESCRIPTOR)
		len = handoff_greeting_build(greeting, lie_packet, sizeof(lie_packet));
	if (lie == NO_HEADER)
		len = 15;
	if (lie == WRONG_MAGIC)
		lie_packet[0] ^= 1;
	if (lie == UNKNOWN_TYPE)
		lie_packet[3] = 9;
	if (lie == REQUEST_FROM_DAEMON)
		lie_packet[3] = HANDOFF_REQUEST;
	if (lie == BROKEN_REPLY)
		lie_packet[19] = 9; /* an attribute beyond the end */
	if (lie == UNKNOWN_MANDATORY)
		lie_packet[16] = 0xff;
	if (lie == TOO_LONG)
		len = sizeof(lie_packet);
	fake_send(lane, lie_packet, len, fds, fds_len);
}

/* The lane is closed, its handshakes end, others are not touched; the teardown counts descriptors.
 */
TEST_F(client, whoever_breaks_the_protocol_is_closed)
{
	for (enum lie lie = 0; lie < LIES; lie++) {
		uint64_t id = START(self);

		ASSERT_EQ(id, take(self->lane));
		tell(lie, self->lane, id, &self->fake.greeting);
		expect_reply(self->k, id, KTLS_R_PROTOCOL);
		EXPECT_EQ(0, recv(self->lane, lie_packet, 1, MSG_DONTWAIT));
		close(self->lane);
		id = START(self);
		self->lane = fake_accept(&self->fake);
		EXPECT_EQ(id, take(self->lane));
		fake_reply(self->lane, id, KTLS_OK);
		expect_reply(self->k, id, KTLS_OK);
	}
}

TEST_F(client, reply_on_another_connection_than_the_request)
{
	uint64_t first, second;
	int other;

	say_lanes(self->k, &self->fake, self->lane, 2);
	first = START(self);
	second = START(self);
	other = fake_accept(&self->fake);
	fake_reply(other, first, KTLS_OK);
	expect_reply(self->k, second, KTLS_R_PROTOCOL);
	fake_reply(self->lane, first, KTLS_OK);
	expect_reply(self->k, first, KTLS_OK);
	close(other);
}

TEST_F(client, second_reply_to_a_request)
{
	uint64_t id = START(self);

	fake_reply(self->lane, id, KTLS_OK);
	fake_reply(self->lane, id, KTLS_OK);
	expect_reply(self->k, id, KTLS_OK);
	expect_none(self->k);
	EXPECT_EQ(id, take(self->lane));
	EXPECT_EQ(0, recv(self->lane, lie_packet, 1, MSG_DONTWAIT));
}

/* ---- no room ------------------------------------------------------------------------------- */

static uint8_t received[KTLS_RECEIVED_MAX];

#define BIG 60 /* requests of 32 KiB: more than any socket's buffer */

TEST_F(client, requests_wait_for_room)
{
	uint64_t last = 0;

	self->params.received = received;
	self->params.received_len = sizeof(received);
	for (int i = 0; i < BIG; i++)
		last = START(self);
	/* The application's own end is not needed any more. */
	close(self->fd);
	self->fd = -1;
	EXPECT_GT(open_descriptors(), self->descriptors + BIG / 2);
	for (uint64_t id = last - BIG + 1; id <= last; id++) {
		while (!fake_readable(self->lane))
			expect_none(self->k);
		EXPECT_EQ(id, take(self->lane));
		fake_reply(self->lane, id, KTLS_OK);
		expect_reply(self->k, id, KTLS_OK);
	}
	expect_none(self->k);
	EXPECT_LT(open_descriptors(), self->descriptors + 10);
}

TEST_F(client, full_connection_is_left_for_another)
{
	uint64_t lanes_used = 0;
	int other;

	say_lanes(self->k, &self->fake, self->lane, 2);
	self->params.received = received;
	self->params.received_len = sizeof(received);
	for (int i = 0; i < BIG; i++)
		START(self);
	other = fake_accept(&self->fake);
	ASSERT_GE(other, 0);
	while (fake_readable(other)) {
		take(other);
		lanes_used++;
	}
	EXPECT_GT(lanes_used, 2);
	close(other);
}

TEST_F(client, what_waits_can_be_cancelled)
{
	uint64_t ids[BIG];

	self->params.received = received;
	self->params.received_len = sizeof(received);
	for (int i = 0; i < BIG; i++)
		ids[i] = START(self);
	EXPECT_EQ(0, ktls_cancel(self->k, ids[BIG - 1]));
	expect_reply(self->k, ids[BIG - 1], KTLS_R_CANCELLED);
	EXPECT_EQ(-ENOENT, ktls_cancel(self->k, ids[BIG - 1]));
	expect_none(self->k);
}

TEST_F(client, cancel_waits_for_room)
{
	bool cancelled = false;
	uint64_t first;

	first = START(self);
	self->params.received = received;
	self->params.received_len = sizeof(received);
	for (int i = 0; i < BIG; i++)
		START(self);
	EXPECT_EQ(0, ktls_cancel(self->k, first));
	EXPECT_EQ(0, ktls_cancel(self->k, first));
	while (!cancelled) {
		struct handoff_packet p;
		uint64_t id;
		int ret = handoff_recv(self->lane, received, sizeof(received), &p);

		if (ret == -EAGAIN) {
			expect_none(self->k);
			continue;
		}
		ASSERT_EQ(1, ret);
		cancelled = handoff_cancel_parse(received, p.len, &id) == 0;
		if (cancelled)
			EXPECT_EQ(first, id);
		handoff_close_fds(&p);
	}
}

TEST_F(client, what_waits_survives_a_lost_worker)
{
	uint64_t id;
	int ok = 0, lost = 0;

	self->params.received = received;
	self->params.received_len = sizeof(received);
	for (int i = 0; i < BIG; i++)
		START(self);
	close(self->lane);
	expect_reply(self->k, 1, KTLS_R_WORKER_LOST); /* and opens a connection for the rest */
	self->lane = fake_accept(&self->fake);
	while (ok + lost < BIG - 1) {
		struct ktls_reply *reply;

		while (fake_readable(self->lane)) {
			id = take(self->lane);
			fake_reply(self->lane, id, KTLS_OK);
		}
		reply = collect(self->k);
		ok += reply->reason == KTLS_OK;
		lost += reply->reason == KTLS_R_WORKER_LOST;
		ktls_reply_free(reply);
	}
	EXPECT_GT(ok, BIG / 2);
	EXPECT_GT(lost, 1);
	EXPECT_EQ(BIG - 1, ok + lost);
}

TEST_F(client, no_descriptor_left_to_wait_with)
{
	struct rlimit limit = { .rlim_cur = (rlim_t)self->descriptors + 15, .rlim_max = 4096 };
	int ret = 0, started = 0;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	self->params.received = received;
	self->params.received_len = sizeof(received);
	while (started < BIG && ret == 0) {
		ret = ktls_start(self->k, self->fd, &self->params, NULL);
		started += ret == 0;
	}
	EXPECT_EQ(-EMFILE, ret);
	EXPECT_GT(started, 0);
	for (int i = 0; i < started && i < 3; i++)
		EXPECT_EQ(0, ktls_cancel(self->k, (uint64_t)(started - i)));
	limit.rlim_cur = 1024;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
}

/* The kernel lets a user have only so many descriptors under way; nothing tells when it is less. */
TEST_F(client, too_many_descriptors_under_way)
{
	struct rlimit limit = { .rlim_cur = 80, .rlim_max = 4096 };
	uid_t uid = 40000 + (uid_t)getpid() % 20000;
	int ret = 0, started = 0, answered = 0;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	/* A user that nobody else is: what other processes have under way counts as well. */
	if (geteuid() == 0)
		ASSERT_EQ(0, setresuid(uid, uid, 0));
	while (ret == 0 && started < 1000) {
		ret = ktls_start(self->k, self->fd, &self->params, NULL);
		started += ret == 0;
	}
	/* 80 were sent, and with those that wait the table is full. */
	EXPECT_EQ(-EMFILE, ret);
	EXPECT_GT(started, 100);
	if (getuid() == uid)
		ASSERT_EQ(0, setresuid(0, 0, 0));
	limit.rlim_cur = 1024;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	while (answered < started) {
		while (fake_readable(self->lane))
			fake_reply(self->lane, take(self->lane), KTLS_OK);
		expect_reply(self->k, (uint64_t)++answered, KTLS_OK);
	}
}

/* ---- no time ------------------------------------------------------------------------------- */

TEST_F(client, deadline_of_what_was_never_sent)
{
	uint64_t id;

	self->params.received = received;
	self->params.received_len = sizeof(received);
	for (int i = 0; i < BIG; i++)
		START(self);
	self->params.deadline_ms = 1;
	id = START(self);
	expect_reply(self->k, id, KTLS_R_DEADLINE);
	expect_none(self->k);
}

TEST_HARNESS_MAIN
