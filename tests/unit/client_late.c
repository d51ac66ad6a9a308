/* SPDX-License-Identifier: MIT */
/* Workers that do not answer in time: one that says nothing is given up, one that talks is not. */
#include "tests/unit/client.h"

FIXTURE_VARIANT_ADD(client, one_worker){ .lanes = 1 };

TEST_F(client, worker_that_sleeps_is_given_up)
{
	uint64_t id;
	char byte;

	self->params.deadline_ms = 1;
	id = START(self);
	take(self->lane);
	EXPECT_FALSE(readable(self->k, 500));
	expect_reply(self->k, id, KTLS_R_WORKER_LOST);
	EXPECT_EQ(0, recv(self->lane, &byte, 1, MSG_DONTWAIT));
}

/* It has much to do, and is late with a deadline: the others' handshakes do not pay for it. */
TEST_F(client, worker_that_is_late_and_talks)
{
	uint64_t late, good, other;

	good = START(self);
	self->params.deadline_ms = 1;
	late = START(self);
	EXPECT_EQ(good, take(self->lane));
	EXPECT_EQ(late, take(self->lane));
	self->params.deadline_ms = 0;
	for (int i = 0; i < 6; i++) {
		poll(NULL, 0, 1000);
		other = START(self);
		EXPECT_EQ(other, take(self->lane));
		fake_reply(self->lane, other, KTLS_OK);
		expect_reply(self->k, other, KTLS_OK);
	}
	fake_reply(self->lane, late, KTLS_R_DEADLINE);
	expect_reply(self->k, late, KTLS_R_DEADLINE);
	fake_reply(self->lane, good, KTLS_OK);
	expect_reply(self->k, good, KTLS_OK);
}

TEST_HARNESS_MAIN
