/* SPDX-License-Identifier: MIT */
/* Sealed sessions at the end of handshakes, and the keys that services give. */
#include "tests/unit/conn_service.h"

TEST_F(service, next_keys_of_both_ends_fit)
{
	struct handoff_keys client[2];

	shake(self);
	serve(self, self->client.fd, &self->sealed[0], BOTH);
	ASSERT_EQ(KTLS_OK, self->reason);
	ASSERT_TRUE(self->has[0] && self->has[1]);
	EXPECT_STREQ("web", self->profile);
	expect_same(&self->client.tx, &self->keys[0].follows);
	expect_same(&self->client.rx, &self->keys[1].follows);
	memcpy(client, self->keys, sizeof(client));
	serve(self, self->server.fd, &self->sealed[1], BOTH);
	ASSERT_EQ(KTLS_OK, self->reason);
	expect_same(&client[0].next, &self->keys[1].next);
	expect_same(&client[1].next, &self->keys[0].next);
	EXPECT_NE(0, memcmp(client[0].next.key, client[0].follows.key, 16));
	EXPECT_EQ(23726566, self->fresh.records_max);
	EXPECT_EQ(1000, self->fresh.session_age);
}

TEST_F(service, keys_that_nobody_asked_for)
{
	shake(self);
	serve(self, self->client.fd, &self->sealed[0], 0);
	ASSERT_EQ(KTLS_OK, self->reason);
	EXPECT_FALSE(self->has[0] || self->has[1]);
	EXPECT_GT(self->fresh.len, 0);
	serve(self, self->client.fd, &self->fresh, HANDOFF_RENEW_RX);
	ASSERT_EQ(KTLS_OK, self->reason);
	EXPECT_FALSE(self->has[0]);
	EXPECT_TRUE(self->has[1]);
}

/* So many keys were installed behind the back of the seal. */
static void step(struct conn_end *end, int n)
{
	struct ktls_traffic_key key = end->tx;

	for (int i = 0; i < n; i++)
		ASSERT_EQ(0, ktls_secrets_key_update(&end->secrets, KTLS_TX, &key));
	fake_kernel_set(end->fd, true, &key);
}

TEST_F(service, seal_of_an_old_generation)
{
	static const int steps[] = { 1, 62, 1 }; /* 1, 63, 64 in all */

	shake(self);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct ktls_traffic_key in_force;

		step(&self->client, steps[i]);
		ASSERT_EQ(0, fake_kernel_get(self->client.fd, true, &in_force));
		serve(self, self->client.fd, &self->sealed[0], BOTH);
		ASSERT_EQ(KTLS_OK, self->reason);
		expect_same(&in_force, &self->keys[0].follows);
		expect_same(&self->client.rx, &self->keys[1].follows);
	}
	step(&self->client, 1);
	serve(self, self->client.fd, &self->sealed[0], BOTH);
	EXPECT_EQ(KTLS_R_STALE_SESSION, self->reason);
	EXPECT_FALSE(self->has[0]);
	EXPECT_EQ(0, self->fresh.len);
	/* the seal that the one before brought leads there */
	serve(self, self->client.fd, &self->sealed[0], BOTH);
	EXPECT_EQ(KTLS_R_STALE_SESSION, self->reason);
}

/* A seal is of the state in force: however often one asks, the keys are the same. */
TEST_F(service, asking_again_changes_nothing)
{
	struct handoff_keys first;

	shake(self);
	step(&self->client, 64);
	serve(self, self->client.fd, &self->sealed[0], HANDOFF_RENEW_TX);
	first = self->keys[0];
	for (int i = 0; i < 3; i++) {
		const struct sealed before = self->fresh;

		serve(self, self->client.fd, &before, HANDOFF_RENEW_TX);
		ASSERT_EQ(KTLS_OK, self->reason);
		EXPECT_MEMEQ(&first, &self->keys[0], sizeof(first));
	}
	step(&self->client, 64);
	serve(self, self->client.fd, &self->fresh, HANDOFF_RENEW_TX);
	EXPECT_EQ(KTLS_OK, self->reason);
}

TEST_HARNESS_MAIN
