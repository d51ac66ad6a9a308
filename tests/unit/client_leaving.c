/* SPDX-License-Identifier: MIT */
/*
 * Workers that end in good order: they take no more requests, answer those that they have, and
 * close. Whatever was sent when, each request has one reply.
 */
#include "tests/unit/client.h"

FIXTURE_VARIANT_ADD(client, one_lane){ .lanes = 1 };
FIXTURE_VARIANT_ADD(client, many_lanes){ .lanes = 8 };

static void leave(int lane)
{
	ASSERT_EQ(0, shutdown(lane, SHUT_RD));
}

TEST_F(client, request_goes_elsewhere_and_the_earlier_one_is_answered)
{
	uint64_t first = START(self), second;
	int lane;

	leave(self->lane);
	second = START(self);
	lane = fake_accept(&self->fake);
	ASSERT_GE(lane, 0);
	EXPECT_EQ(second, take(lane));
	fake_reply(lane, second, KTLS_OK);
	expect_reply(self->k, second, KTLS_OK);
	EXPECT_EQ(first, take(self->lane)); /* sent before: still there to be read */
	fake_reply(self->lane, first, KTLS_OK);
	expect_reply(self->k, first, KTLS_OK);
	close(self->lane);
	self->lane = -1;
	expect_none(self->k);
	close(lane);
}

TEST_F(client, idle_connection_that_was_closed_is_opened_anew)
{
	uint64_t id;
	int lane;

	leave(self->lane);
	close(self->lane);
	self->lane = -1;
	id = START(self);
	lane = fake_accept(&self->fake);
	ASSERT_GE(lane, 0);
	EXPECT_EQ(id, take(lane));
	fake_reply(lane, id, KTLS_OK);
	expect_reply(self->k, id, KTLS_OK);
	close(lane);
}

/* The worker ends without having answered: that is a lost one as ever. */
TEST_F(client, worker_that_ends_before_it_has_answered)
{
	uint64_t first = START(self), second;
	int lane;

	leave(self->lane);
	second = START(self);
	lane = fake_accept(&self->fake);
	ASSERT_GE(lane, 0);
	close(self->lane);
	self->lane = -1;
	expect_reply(self->k, first, KTLS_R_WORKER_LOST);
	EXPECT_EQ(second, take(lane));
	fake_reply(lane, second, KTLS_OK);
	expect_reply(self->k, second, KTLS_OK);
	close(lane);
}

/* As many lanes as there are, all of them closed while the application did not look. */
TEST_F(client, all_connections_were_closed)
{
	int lanes[8] = { self->lane };
	uint64_t ids[8];
	uint16_t n = variant->lanes;

	for (int i = 0; i < n; i++) {
		ids[i] = START(self);
		if (i > 0)
			lanes[i] = fake_accept(&self->fake);
		ASSERT_GE(lanes[i], 0);
	}
	for (int i = 0; i < n; i++) {
		fake_reply(lanes[i], take(lanes[i]), KTLS_OK);
		ktls_reply_free(collect(self->k));
	}
	for (int i = 0; i < n; i++) {
		leave(lanes[i]);
		close(lanes[i]);
	}
	ids[0] = START(self);
	self->lane = fake_accept(&self->fake);
	ASSERT_GE(self->lane, 0);
	EXPECT_EQ(ids[0], take(self->lane));
	fake_reply(self->lane, ids[0], KTLS_OK);
	expect_reply(self->k, ids[0], KTLS_OK);
}

/* A ktlsd that takes nothing on any connection is given up. */
TEST_F(client, nobody_takes_the_request)
{
	uint64_t id;

	leave(self->lane);
	ASSERT_EQ(0, shutdown(self->fake.listener, SHUT_RDWR));
	id = START(self);
	close(self->lane);
	self->lane = -1;
	expect_reply(self->k, id, KTLS_R_DAEMON_UNREACHABLE);
}

TEST_F(client, cancel_of_what_a_leaving_worker_has)
{
	uint64_t id = START(self);

	leave(self->lane);
	EXPECT_EQ(0, ktls_cancel(self->k, id));
	expect_none(self->k);
	EXPECT_EQ(id, take(self->lane));
	fake_reply(self->lane, id, KTLS_OK);
	expect_reply(self->k, id, KTLS_OK);
}

TEST_HARNESS_MAIN
