/* SPDX-License-Identifier: MIT */
/*
 * Tickets on their way from relays to the loop that keeps sessions: how many there is room for, and
 * what becomes of those that find no loop.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "lib/conn/relay_tickets.h"
#include "lib/crypto/util.h"
#include "lib/handoff/sealed.h"
#include "tests/harness/harness.h"

#define OPENED_MAX 100

FIXTURE(tickets)
{
	struct relay_tickets *tickets;
	struct conn_sealer sealer;
	struct conn_loop *loop;
	uint8_t sealed[SEALED_HEADER_LEN + 8];
	struct ktls_span session;
	uint64_t opened[OPENED_MAX]; /* the cookies of sessions that the loop has opened */
	size_t opened_len;
	size_t done;
};

static int seal(void *arg, const struct conn_seal *request, uint8_t *bytes, size_t *len)
{
	(void)arg;
	(void)request;
	(void)bytes;
	(void)len;
	return -KTLS_R_INTERNAL;
}

/* Nothing is to be found in it: it is counted, no more. */
static int open_sealed(void *arg, const struct conn_seal *request, uint8_t *bytes, size_t *len)
{
	struct test_self_tickets *self = arg;

	(void)bytes;
	(void)len;
	EXPECT_MEMEQ(self->sealed, request->bytes, sizeof(self->sealed));
	if (self->opened_len < OPENED_MAX)
		self->opened[self->opened_len++] = request->cookie;
	return -KTLS_R_SESSION_INVALID;
}

FIXTURE_SETUP(tickets)
{
	const struct sealed_header header = { .role = KTLS_CLIENT,
					      .version = KTLS_TLS_1_3,
					      .suite = KTLS_AES_128_GCM_SHA256 };
	struct conn_config config = { .handshakes_max = 64, .pool_max = 65536, .closers = 1 };

	ASSERT_EQ(0, crypto_init());
	self->tickets = relay_tickets_new();
	ASSERT_NOT_NULL(self->tickets);
	self->sealer = (struct conn_sealer){ seal, open_sealed, self };
	config.sealer = &self->sealer;
	ASSERT_EQ(0, conn_loop_new(&config, &self->loop));
	sealed_header_build(&header, self->sealed);
	self->session = (struct ktls_span){ self->sealed, sizeof(self->sealed) };
}

FIXTURE_TEARDOWN(tickets)
{
	relay_tickets_put(self->tickets);
	conn_loop_free(self->loop);
}

static void on_done(void *arg, const struct conn_result *result)
{
	struct test_self_tickets *self = arg;

	EXPECT_EQ(KTLS_R_SESSION_INVALID, result->reason);
	self->done++;
}

static void add(struct test_self_tickets *self, uint64_t from, uint64_t to)
{
	static const uint8_t message[] = { 4, 0, 0, 0 };

	for (; from < to; from++)
		relay_tickets_add(self->tickets, from, &self->session, message, sizeof(message));
}

static void keep(struct test_self_tickets *self)
{
	struct pollfd p = { .fd = conn_loop_fd(self->loop), .events = POLLIN };
	const struct conn_service_request how = { .done = on_done, .arg = self };

	relay_tickets_keep(self->tickets, self->loop, &how);
	while (poll(&p, 1, 10) == 1)
		conn_loop_run(self->loop);
}

TEST_F(tickets, are_kept_in_their_order_up_to_a_number)
{
	add(self, 100, 140);
	keep(self);
	ASSERT_EQ(32, self->opened_len);
	for (size_t i = 0; i < 32; i++)
		EXPECT_EQ(100 + i, self->opened[i]);
	EXPECT_EQ(32, self->done);
	keep(self);
	EXPECT_EQ(32, self->opened_len); /* each of them once */
	add(self, 200, 203);
	keep(self);
	ASSERT_EQ(35, self->opened_len);
	EXPECT_EQ(202, self->opened[34]);
}

/* A loop that has no room for more drops them. */
TEST_F(tickets, are_dropped_where_the_loop_is_full)
{
	struct conn_config config = { .handshakes_max = 1, .pool_max = 65536, .closers = 1 };

	conn_loop_free(self->loop);
	ASSERT_EQ(0, conn_loop_new(&config, &self->loop)); /* and without anybody who opens seals */
	add(self, 0, 3);
	keep(self);
	EXPECT_EQ(0, self->opened_len);
	EXPECT_EQ(0, self->done);
}

/* Relays outlive the program's struct ktls: what they add then is freed with the last of them. */
TEST_F(tickets, of_relays_that_are_left_behind)
{
	struct relay_tickets *relay = relay_tickets_get(self->tickets);

	ASSERT_TRUE(relay == self->tickets);
	add(self, 0, 2);
	relay_tickets_put(self->tickets);
	add(self, 2, 40);
	keep(self);
	EXPECT_EQ(32, self->opened_len);
	add(self, 0, 2);
}

TEST_HARNESS_MAIN
