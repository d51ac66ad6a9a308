/* SPDX-License-Identifier: MIT */
/* ktls_listen() of the client: who is asked, what comes back, what is told, how it ends. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <time.h>

#include "tests/harness/replies.h"
#include "tests/unit/client.h"

FIXTURE_VARIANT_ADD(client, one_worker){ .lanes = 1 };

#define LISTEN(self, backlog)                                                             \
	({                                                                                \
		uint64_t started_ = 0;                                                    \
		ASSERT_EQ(0, ktls_listen((self)->k, (self)->fd, &(self)->params, backlog, \
					 &started_));                                     \
		started_;                                                                 \
	})

static uint16_t take_listen(int lane, uint64_t id, int same)
{
	struct fake_request r = { .fd = -1 };

	fake_request(lane, &r);
	EXPECT_EQ(id, r.request.id);
	EXPECT_TRUE(same_file(same, r.fd));
	close(r.fd);
	return r.request.listen;
}

static int any_file(void)
{
	int pair[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	close(pair[1]);
	return pair[0];
}

static void deliver(int lane, uint64_t id)
{
	fake_accepted(lane, id, HANDOFF_FD_ACCEPTED, any_file());
}

static void expect_connection(struct ktls *k, uint64_t id)
{
	struct ktls_reply *reply = collect(k);

	EXPECT_EQ(id, reply->id);
	EXPECT_EQ(KTLS_OK, reply->reason);
	EXPECT_EQ(1, reply->more);
	EXPECT_GE(reply->fd, 0);
	ktls_reply_free(reply);
}

static void expect_last(struct ktls *k, uint64_t id, enum ktls_reason reason)
{
	expect_last_reply(collect(k), id, reason);
	expect_none(k);
	EXPECT_EQ(-ENOENT, ktls_cancel(k, id));
}

/* ---- what is asked and what comes ---------------------------------------------------------- */

TEST_F(client, wrong_arguments)
{
	struct ktls_params params = self->params;

	EXPECT_EQ(-EINVAL, ktls_listen(self->k, self->fd, &params, 0, NULL));
	EXPECT_EQ(-EINVAL, ktls_listen(self->k, self->fd, &params, KTLS_BACKLOG_MAX + 1, NULL));
	EXPECT_EQ(-EINVAL, ktls_listen(self->k, self->fd, NULL, 1, NULL));
	EXPECT_EQ(-EBADF, ktls_listen(self->k, -1, &params, 1, NULL));
	params.role = KTLS_CLIENT;
	params.server_name = "a";
	EXPECT_EQ(-EINVAL, ktls_listen(self->k, self->fd, &params, 1, NULL));
	params = self->params;
	params.received = "x";
	params.received_len = 1;
	EXPECT_EQ(-EINVAL, ktls_listen(self->k, self->fd, &params, 1, NULL));
	EXPECT_FALSE(fake_readable(self->lane));
}

TEST_F(client, connections_are_replies)
{
	const struct sockaddr_in *peer;
	struct ktls_reply *reply;
	uint64_t id;
	int fd;

	self->params.arg = &fd;
	id = LISTEN(self, 10);
	EXPECT_EQ(10, take_listen(self->lane, id, self->fd));
	expect_none(self->k);
	EXPECT_FALSE(readable(self->k, 0));
	fd = any_file();
	fake_accepted(self->lane, id, HANDOFF_FD_ACCEPTED, dup(fd));
	EXPECT_TRUE(readable(self->k, 1000));
	reply = collect(self->k);
	EXPECT_EQ(id, reply->id);
	EXPECT_TRUE(reply->arg == &fd);
	EXPECT_EQ(KTLS_TLS_1_3, reply->version);
	EXPECT_EQ(1, reply->more);
	EXPECT_TRUE(same_file(fd, reply->fd));
	peer = (const void *)reply->peer;
	ASSERT_NOT_NULL(peer);
	EXPECT_EQ(AF_INET, peer->sin_family);
	EXPECT_EQ(4711, ntohs(peer->sin_port));
	EXPECT_NULL(reply->local);
	ktls_reply_free(reply); /* and closes the descriptor: the teardown counts */
	close(fd);
	expect_none(self->k);
	EXPECT_FALSE(readable(self->k, 0));
}

TEST_F(client, a_descriptor_can_be_kept)
{
	uint64_t id = LISTEN(self, 10);
	struct ktls_reply *reply;
	int fd;

	take_listen(self->lane, id, self->fd);
	fake_accepted(self->lane, id, HANDOFF_FD_ACCEPTED | HANDOFF_FD_RELAYED, any_file());
	reply = collect(self->k);
	fd = reply->fd;
	reply->fd = -1;
	ktls_reply_free(reply);
	EXPECT_EQ(0, close(fd));
}

/* The application's own number may be closed: the socket is kept until the end. */
TEST_F(client, keeps_the_listening_socket)
{
	uint64_t id = LISTEN(self, 1);
	int copy = dup(self->fd);

	close(self->fd);
	self->fd = -1;
	take_listen(self->lane, id, copy);
	close(self->lane);
	expect_none(self->k); /* and sees the end of the connection */
	while ((self->lane = fake_accept(&self->fake)) < 0)
		expect_none(self->k);
	EXPECT_EQ(1, take_listen(self->lane, id, copy));
	EXPECT_EQ(0, ktls_cancel(self->k, id));
	fake_reply(self->lane, fake_cancel(self->lane), KTLS_R_CANCELLED);
	expect_last(self->k, id, KTLS_R_CANCELLED);
	close(copy);
}

TEST_F(client, handshakes_beside_it)
{
	uint64_t id = LISTEN(self, 5), one;

	take_listen(self->lane, id, self->fd);
	one = START(self);
	EXPECT_EQ(one, take(self->lane));
	deliver(self->lane, id);
	fake_reply(self->lane, one, KTLS_OK);
	expect_connection(self->k, id);
	expect_reply(self->k, one, KTLS_OK);
}

/* Wakes the application so often, within that time, without giving it anything. */
static int woken(struct ktls *k, int ms)
{
	const struct timespec nap = { .tv_nsec = 1000000 };
	struct timespec begin, now;
	int n = 0;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	do {
		if (readable(k, 1)) {
			expect_none(k);
			n++;
			nanosleep(&nap, NULL);
		}
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1000000 < ms);
	return n;
}

/* As many descriptors as are open already. */
static rlim_t limit_descriptors(rlim_t limit)
{
	struct rlimit now;
	rlim_t before;

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &now));
	before = now.rlim_cur;
	now.rlim_cur = limit;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &now));
	return before;
}

/* recvmsg() would drop them without a word but MSG_CTRUNC. */
TEST_F(client, connections_wait_for_a_number)
{
	uint64_t id = LISTEN(self, 10), other;
	rlim_t before;
	int n;

	take_listen(self->lane, id, self->fd);
	other = START(self);
	take(self->lane);
	deliver(self->lane, id);
	deliver(self->lane, id);
	fake_reply(self->lane, other, KTLS_OK);
	before = limit_descriptors(3);
	n = woken(self->k, 400);
	TH_LOG("woken %d times", n);
	EXPECT_LT(n, 40);
	limit_descriptors(before);
	expect_connection(self->k, id);
	expect_connection(self->k, id);
	expect_reply(self->k, other, KTLS_OK);
	expect_none(self->k);
}

/* What needs no number is not held up; and whoever has gone is noticed behind what has come. */
TEST_F(client, others_need_no_number)
{
	uint64_t first = START(self), id = LISTEN(self, 10);
	rlim_t before;

	take(self->lane);
	take_listen(self->lane, id, self->fd);
	fake_reply(self->lane, first, KTLS_OK);
	deliver(self->lane, id);
	close(self->lane);
	self->lane = -1;
	before = limit_descriptors(3);
	expect_reply(self->k, first, KTLS_OK);
	EXPECT_LT(woken(self->k, 200), 30);
	limit_descriptors(before);
	expect_connection(self->k, id);
}

/* ---- what is told -------------------------------------------------------------------------- */

TEST_F(client, each_is_told_where_there_are_few)
{
	uint64_t id = LISTEN(self, 2);

	take_listen(self->lane, id, self->fd);
	for (int i = 0; i < 20; i++) {
		deliver(self->lane, id);
		expect_connection(self->k, id);
		EXPECT_EQ(1, fake_collected(self->lane, id));
	}
	EXPECT_FALSE(fake_readable(self->lane));
}

TEST_F(client, many_are_told_together)
{
	uint64_t id = LISTEN(self, 100);

	take_listen(self->lane, id, self->fd);
	for (int i = 0; i < 100; i++)
		deliver(self->lane, id);
	for (int i = 1; i <= 100; i++) {
		EXPECT_FALSE(fake_readable(self->lane));
		expect_connection(self->k, id);
		if (i % 25 == 0)
			EXPECT_EQ(25, fake_collected(self->lane, id));
	}
}

/* What is collected one at a time never leaves a worker without room for the next. */
TEST_F(client, a_trickle_does_not_dry_up)
{
	for (unsigned int backlog = 1; backlog <= 12; backlog++) {
		uint64_t id = LISTEN(self, backlog);
		unsigned int room = take_listen(self->lane, id, self->fd);

		for (int i = 0; i < 50; i++) {
			ASSERT_GT(room, 0);
			deliver(self->lane, id);
			room--;
			expect_connection(self->k, id);
			if (fake_readable(self->lane))
				room += fake_collected(self->lane, id);
		}
		EXPECT_EQ(0, ktls_cancel(self->k, id));
		EXPECT_EQ(id, fake_cancel(self->lane));
		fake_reply(self->lane, id, KTLS_R_CANCELLED);
		expect_last(self->k, id, KTLS_R_CANCELLED);
	}
}

/* ---- the end ------------------------------------------------------------------------------- */

TEST_F(client, last_reply_comes_behind_the_others)
{
	uint64_t id = LISTEN(self, 10);

	take_listen(self->lane, id, self->fd);
	deliver(self->lane, id);
	EXPECT_EQ(0, ktls_cancel(self->k, id));
	EXPECT_EQ(0, ktls_cancel(self->k, id));
	EXPECT_EQ(id, fake_cancel(self->lane));
	deliver(self->lane, id);
	expect_connection(self->k, id);
	expect_connection(self->k, id);
	expect_none(self->k);
	fake_reply(self->lane, id, KTLS_R_CANCELLED);
	expect_last(self->k, id, KTLS_R_CANCELLED);
	EXPECT_FALSE(fake_readable(self->lane));
}

TEST_F(client, refused_at_the_start)
{
	static const enum ktls_reason reasons[] = { KTLS_R_SOCKET_NOT_LISTENING,
						    KTLS_R_PROFILE_UNKNOWN, KTLS_R_PROFILE_DENIED,
						    KTLS_R_TOO_MANY, KTLS_R_REQUEST_OPTION };

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		uint64_t id = LISTEN(self, 4);

		take_listen(self->lane, id, self->fd);
		fake_reply(self->lane, id, reasons[i]);
		expect_last(self->k, id, reasons[i]);
	}
}

TEST_F(client, nobody_there_at_the_start)
{
	uint64_t id;

	fake_stop(&self->fake);
	close(self->lane);
	expect_none(self->k);
	self->lane = -1;
	id = LISTEN(self, 4);
	expect_last(self->k, id, KTLS_R_DAEMON_UNREACHABLE);
	fake_listen(&self->fake);
}

TEST_F(client, closing_frees_everything)
{
	uint64_t id = LISTEN(self, 10);

	take_listen(self->lane, id, self->fd);
	for (int i = 0; i < 5; i++)
		deliver(self->lane, id);
	expect_connection(self->k, id); /* reads them all */
	deliver(self->lane, id);
	ktls_close(self->k);
	self->k = NULL;
}

/* ---- lies ---------------------------------------------------------------------------------- */

static void expect_breach(struct test_self_client *self, uint64_t id)
{
	expect_last(self->k, id, KTLS_R_PROTOCOL);
	close(self->lane);
	EXPECT_EQ(1, LISTEN(self, 1) > id);
	self->lane = fake_accept(&self->fake);
	ASSERT_GE(self->lane, 0);
	take_listen(self->lane, id + 1, self->fd);
	EXPECT_EQ(0, ktls_cancel(self->k, id + 1));
	fake_reply(self->lane, fake_cancel(self->lane), KTLS_R_CANCELLED);
	expect_last(self->k, id + 1, KTLS_R_CANCELLED);
}

TEST_F(client, breaches_of_the_protocol)
{
	static const struct handoff_reply lies[] = {
		{ .descriptor = HANDOFF_FD_ACCEPTED },           /* not more */
		{ .descriptor = HANDOFF_FD_RELAYED, .more = 1 }, /* of what? */
		{ .descriptor = 4, .more = 1 },                  /* not known */
		{ .descriptor = HANDOFF_FD_ACCEPTED | 8, .more = 1 },
	};
	uint8_t bytes[256];

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		uint64_t id = LISTEN(self, 1);
		struct handoff_reply lie = lies[i];
		int fd = any_file();

		take_listen(self->lane, id, self->fd);
		lie.id = id;
		fake_send(self->lane, bytes, handoff_reply_build(&lie, bytes, sizeof(bytes)), &fd,
			  1);
		close(fd);
		expect_breach(self, id);
	}
}

TEST_F(client, more_than_there_is_room_for)
{
	uint64_t id = LISTEN(self, 2);

	take_listen(self->lane, id, self->fd);
	for (int i = 0; i < 3; i++)
		deliver(self->lane, id);
	expect_connection(self->k, id);
	expect_connection(self->k, id);
	expect_breach(self, id);
}

TEST_F(client, more_of_a_handshake)
{
	uint64_t id = START(self);
	const struct handoff_reply lie = { .id = id, .more = 1 };

	take(self->lane);
	fake_reply_full(self->lane, &lie);
	expect_reply(self->k, id, KTLS_R_PROTOCOL);
}

TEST_HARNESS_MAIN
