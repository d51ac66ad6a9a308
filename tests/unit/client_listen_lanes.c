/* SPDX-License-Identifier: MIT */
/* ktls_listen() with several workers, some of which leave, die, or are not there yet. */
#include <sys/resource.h>

#include "tests/unit/client.h"

FIXTURE_VARIANT_ADD(client, three_workers){ .lanes = 3 };

struct workers {
	int lane[16];
	size_t len;
};

static uint64_t listen_at(struct test_self_client *self, unsigned int backlog)
{
	uint64_t id = 0;

	ASSERT_EQ(0, ktls_listen(self->k, self->fd, &self->params, backlog, &id));
	return id;
}

/* All connections that the client has made. */
static void accept_all(struct test_self_client *self, struct workers *w)
{
	int lane = fake_accept(&self->fake);

	for (; lane >= 0; lane = fake_accept(&self->fake))
		w->lane[w->len++] = lane;
}

/* The size of the share that was asked of a worker. */
static unsigned int take_share(int lane, uint64_t id)
{
	struct fake_request r = { .fd = -1 };

	fake_request(lane, &r);
	EXPECT_EQ(id, r.request.id);
	close(r.fd);
	return r.request.listen;
}

static uint64_t listen_everywhere(struct test_self_client *self, struct workers *w,
				  unsigned int backlog)
{
	uint64_t id = listen_at(self, backlog);
	unsigned int sum = 0;

	*w = (struct workers){ .lane = { self->lane }, .len = 1 };
	accept_all(self, w);
	for (size_t i = 0; i < w->len; i++)
		sum += take_share(w->lane[i], id);
	EXPECT_EQ(backlog, sum);
	return id;
}

static void close_others(struct workers *w)
{
	for (size_t i = 1; i < w->len; i++)
		close(w->lane[i]);
}

static void deliver(int lane, uint64_t id)
{
	int pair[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	close(pair[1]);
	fake_accepted(lane, id, HANDOFF_FD_ACCEPTED, pair[0]);
}

static void expect_connections(struct ktls *k, uint64_t id, int n)
{
	for (int i = 0; i < n; i++) {
		struct ktls_reply *reply = collect(k);

		EXPECT_EQ(id, reply->id);
		EXPECT_EQ(1, reply->more);
		EXPECT_GE(reply->fd, 0);
		ktls_reply_free(reply);
	}
	expect_none(k);
}

/* Waits for a connection of the client's, which has to run for it. */
static int next_lane(struct test_self_client *self)
{
	int lane = fake_accept(&self->fake);

	for (int i = 0; i < 5000 && lane < 0; i++) {
		expect_none(self->k);
		usleep(1000);
		lane = fake_accept(&self->fake);
	}
	ASSERT_GE(lane, 0);
	return lane;
}

TEST_F(client, every_worker_has_a_share)
{
	struct workers w;
	uint64_t id = listen_everywhere(self, &w, 10);

	EXPECT_EQ(3, w.len);
	for (size_t i = 0; i < 3; i++)
		deliver(w.lane[i], id);
	expect_connections(self->k, id, 3);
	close_others(&w);
}

TEST_F(client, fewer_shares_than_workers)
{
	struct workers w;

	listen_everywhere(self, &w, 2);
	EXPECT_EQ(2, w.len);
	close_others(&w);
}

TEST_F(client, collected_goes_to_whom_it_came_from)
{
	struct workers w;
	uint64_t id = listen_everywhere(self, &w, 3);

	deliver(w.lane[2], id);
	expect_connections(self->k, id, 1);
	EXPECT_EQ(1, fake_collected(w.lane[2], id));
	EXPECT_FALSE(fake_readable(w.lane[0]));
	EXPECT_FALSE(fake_readable(w.lane[1]));
	close_others(&w);
}

TEST_F(client, the_end_is_that_of_all)
{
	struct workers w;
	uint64_t id = listen_everywhere(self, &w, 30);

	EXPECT_EQ(0, ktls_cancel(self->k, id));
	for (size_t i = 0; i < 3; i++)
		EXPECT_EQ(id, fake_cancel(w.lane[i]));
	fake_reply(w.lane[0], id, KTLS_R_CANCELLED);
	close(w.lane[1]); /* died over it: that is an end, too */
	expect_none(self->k);
	deliver(w.lane[2], id);
	expect_connections(self->k, id, 1);
	fake_reply(w.lane[2], id, KTLS_R_CANCELLED);
	expect_reply(self->k, id, KTLS_R_CANCELLED);
	expect_none(self->k);
	close(w.lane[2]);
}

TEST_F(client, refused_by_one_is_refused)
{
	struct workers w;
	uint64_t id = listen_everywhere(self, &w, 30);

	fake_reply(w.lane[1], id, KTLS_R_PROFILE_DENIED);
	expect_none(self->k);
	EXPECT_EQ(id, fake_cancel(w.lane[0]));
	EXPECT_EQ(id, fake_cancel(w.lane[2]));
	fake_reply(w.lane[0], id, KTLS_R_CANCELLED);
	fake_reply(w.lane[2], id, KTLS_R_CANCELLED);
	expect_reply(self->k, id, KTLS_R_PROFILE_DENIED);
	close_others(&w);
}

/* ---- workers that end ---------------------------------------------------------------------- */

TEST_F(client, a_lost_worker_is_replaced)
{
	struct workers w;
	uint64_t id = listen_everywhere(self, &w, 30);

	deliver(w.lane[1], id);
	close(w.lane[1]);
	expect_connections(self->k, id, 1); /* what it had said is heard */
	w.lane[1] = next_lane(self);
	EXPECT_EQ(10, take_share(w.lane[1], id));
	deliver(w.lane[1], id);
	expect_connections(self->k, id, 1);
	close_others(&w);
}

/* What is collected of one that is gone is told to nobody. */
TEST_F(client, collected_after_the_loss)
{
	struct workers w;
	uint64_t id = listen_everywhere(self, &w, 3);
	struct ktls_reply *reply;

	deliver(w.lane[1], id);
	close_others(&w);
	reply = collect(self->k);
	EXPECT_EQ(id, reply->id);
	ktls_reply_free(reply);
}

TEST_F(client, a_leaving_worker_is_replaced_at_once)
{
	struct workers w;
	uint64_t id = listen_everywhere(self, &w, 30);
	int fresh;

	for (int i = 0; i < 10; i++)
		deliver(w.lane[1], id);
	fake_leaves(w.lane[1], id);
	ASSERT_EQ(0, shutdown(w.lane[1], SHUT_RD));
	/* What it has under way comes nevertheless, and no room is needed for it. */
	for (int i = 0; i < 5; i++)
		deliver(w.lane[1], id);
	expect_connections(self->k, id, 15);
	fresh = next_lane(self);
	EXPECT_EQ(10, take_share(fresh, id));
	deliver(w.lane[1], id);
	deliver(fresh, id);
	expect_connections(self->k, id, 2);
	fake_reply(w.lane[1], id, KTLS_R_WORKER_LOST);
	close(w.lane[1]);
	expect_none(self->k);
	w.lane[1] = fresh;
	EXPECT_EQ(-1, fake_accept(&self->fake));
	close_others(&w);
}

TEST_F(client, cancelled_while_one_leaves)
{
	struct workers w;
	uint64_t id = listen_everywhere(self, &w, 30);

	fake_leaves(w.lane[2], id);
	ASSERT_EQ(0, shutdown(w.lane[2], SHUT_RD));
	expect_none(self->k);
	w.lane[w.len++] = next_lane(self);
	take_share(w.lane[3], id);
	EXPECT_EQ(0, ktls_cancel(self->k, id));
	for (size_t i = 0; i < w.len; i++) {
		if (i == 2) /* hears nothing */
			continue;
		EXPECT_EQ(id, fake_cancel(w.lane[i]));
		fake_reply(w.lane[i], id, KTLS_R_CANCELLED);
	}
	expect_none(self->k);
	deliver(w.lane[2], id);
	expect_connections(self->k, id, 1);
	fake_reply(w.lane[2], id, KTLS_R_WORKER_LOST);
	expect_reply(self->k, id, KTLS_R_CANCELLED);
	close_others(&w);
}

/* Collects when there is something to read only, as an event loop does. */
static int next_lane_by_itself(struct test_self_client *self)
{
	int lane = fake_accept(&self->fake);

	while (lane < 0 && readable(self->k, 5000)) {
		expect_none(self->k);
		lane = fake_accept(&self->fake);
	}
	ASSERT_GE(lane, 0);
	return lane;
}

TEST_F(client, ktlsd_is_restarted)
{
	struct workers w;
	uint64_t id = listen_everywhere(self, &w, 30);
	unsigned int sum = 0;

	fake_stop(&self->fake);
	close_others(&w);
	close(self->lane);
	for (int i = 0; i < 6; i++) { /* asks, in vain, and more and more rarely */
		ASSERT_TRUE(readable(self->k, 5000));
		expect_none(self->k);
	}
	fake_listen(&self->fake);
	w = (struct workers){ .len = 0 };
	while (w.len < 3)
		w.lane[w.len++] = next_lane_by_itself(self);
	for (size_t i = 0; i < 3; i++)
		sum += take_share(w.lane[i], id);
	EXPECT_EQ(30, sum);
	self->lane = w.lane[0];
	close_others(&w);
}

/* ktlsd answers nobody for a while: the attempts become rare. */
TEST_F(client, does_not_ask_without_end)
{
	struct workers w;
	uint64_t id = listen_everywhere(self, &w, 1);
	int asked = 0, lane;

	close(self->lane);
	for (int i = 0; i < 500; i++) {
		expect_none(self->k);
		lane = fake_accept(&self->fake);
		if (lane >= 0) {
			take_share(lane, id);
			close(lane);
			asked++;
		}
		usleep(2000);
	}
	EXPECT_GE(asked, 4);
	EXPECT_LE(asked, 15);
	EXPECT_EQ(0, ktls_cancel(self->k, id));
	expect_reply(self->k, id, KTLS_R_CANCELLED);
	self->lane = -1;
}

/* After a reload: what does not fit now may fit later. */
TEST_F(client, too_many_passes_where_it_has_worked_before)
{
	struct workers w;
	uint64_t id = listen_everywhere(self, &w, 1);

	close(self->lane);
	expect_none(self->k);
	self->lane = next_lane(self);
	take_share(self->lane, id);
	fake_reply(self->lane, id, KTLS_R_TOO_MANY);
	for (int i = 0; i < 1000 && !fake_readable(self->lane); i++) {
		expect_none(self->k);
		usleep(1000);
	}
	EXPECT_EQ(1, take_share(self->lane, id));
	fake_reply(self->lane, id, KTLS_R_PROFILE_UNKNOWN);
	expect_reply(self->k, id, KTLS_R_PROFILE_UNKNOWN);
}

/* ---- room ---------------------------------------------------------------------------------- */

static uint8_t received[KTLS_RECEIVED_MAX];

/* A connection so full that the request has to wait for others. */
TEST_F(client, waits_for_room)
{
	struct fake_request r = { .fd = -1 };
	uint64_t id;

	self->fake.greeting.lanes = 1;
	self->fake.greeting.lane = 0;
	fake_send(self->lane, received,
		  handoff_greeting_build(&self->fake.greeting, received, sizeof(received)), NULL,
		  0);
	expect_none(self->k);
	self->params.received = received;
	self->params.received_len = sizeof(received);
	for (int i = 0; i < 60; i++)
		ASSERT_EQ(0, ktls_start(self->k, self->fd, &self->params, NULL));
	self->params.received_len = 0;
	id = listen_at(self, 8);
	for (int taken = 0; r.request.listen == 0; taken++) {
		ASSERT_LT(taken, 61);
		while (!fake_readable(self->lane))
			expect_none(self->k);
		fake_request(self->lane, &r);
		close(r.fd);
	}
	EXPECT_EQ(8, r.request.listen);
	EXPECT_EQ(id, r.request.id);
}

TEST_HARNESS_MAIN
