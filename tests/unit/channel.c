/* SPDX-License-Identifier: MIT */
/* Messages between ktlsd's roles: what the table allows gets through, and nothing else. */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/bundle.h"
#include "daemon/channel.h"
#include "daemon/log.h"
#include "lib/handoff/packet.h"
#include "tests/harness/descriptors.h"
#include "tests/harness/harness.h"

/* What the handlers saw. */
static unsigned int seen_load, seen_signer;
static int seen_fd;

FIXTURE(channel)
{
	int far; /* a worker's or supervisor's end, spoken by hand */
	struct channel near;
	int descriptors;
};

FIXTURE_VARIANT(channel)
{
	enum channel_role near, far;
};

FIXTURE_VARIANT_ADD(channel, supervisor){ .near = ROLE_SUPERVISOR, .far = ROLE_WORKER };
FIXTURE_VARIANT_ADD(channel, worker){ .near = ROLE_WORKER, .far = ROLE_SUPERVISOR };

FIXTURE_SETUP(channel)
{
	int pair[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	self->far = pair[0];
	self->near = (struct channel){
		.fd = pair[1], .here = variant->near, .there = variant->far, .name = "far end"
	};
	self->descriptors = open_descriptors();
	seen_load = seen_signer = 0;
	seen_fd = CHANNEL_FD_NONE;
}

FIXTURE_TEARDOWN(channel)
{
	EXPECT_EQ(self->descriptors - (self->far < 0), open_descriptors());
	close(self->near.fd);
	if (self->far >= 0)
		close(self->far);
}

static int on_load(void *arg, struct reader *body, int fd)
{
	uint32_t handshakes;
	uint64_t gone;

	EXPECT_EQ(CHANNEL_FD_NONE, fd);
	EXPECT_NOT_NULL(arg);
	if (!reader_u32(body, &handshakes) || !reader_u64(body, &gone) || !reader_skip(body, 16))
		return -EPROTO;
	seen_load++;
	return handshakes == 666 ? -EPROTO : 0;
}

/* Does not read its body. */
static int on_signer(void *arg, struct reader *body, int fd)
{
	uint16_t index;

	EXPECT_NOT_NULL(arg);
	EXPECT_GE(fd, 0);
	close(fd);
	seen_fd = fd;
	seen_signer++;
	return seen_signer > 1 || reader_u16(body, &index) ? 0 : -EPROTO;
}

static const struct channel_handler handlers[] = {
	{ CHANNEL_LOAD, on_load },
	{ CHANNEL_SIGNER, on_signer },
	{ 0 },
};

static int run(struct test_self_channel *self)
{
	return channel_run(&self->near, handlers, self, CHANNEL_TURN);
}

static void send_load(struct test_self_channel *self, uint32_t handshakes, size_t more)
{
	const struct channel far = { .fd = self->far };
	struct channel_message m;

	channel_begin(&m, CHANNEL_LOAD);
	writer_u32(&m.body, handshakes);
	writer_u64(&m.body, 2);
	for (size_t i = 0; i < 16 + more; i++)
		writer_u8(&m.body, 0);
	ASSERT_EQ(0, channel_send(&far, &m, CHANNEL_FD_NONE));
}

static void send_signer(struct test_self_channel *self, int fd)
{
	const struct channel far = { .fd = self->far };
	struct channel_message m;

	channel_begin(&m, CHANNEL_SIGNER);
	writer_u16(&m.body, 3);
	ASSERT_EQ(0, channel_send(&far, &m, fd));
}

TEST_F(channel, is_empty_at_first)
{
	EXPECT_EQ(0, run(self));
}

TEST_F(channel, carries_what_the_table_allows)
{
	if (variant->near == ROLE_SUPERVISOR) {
		send_load(self, 1, 0);
		send_load(self, 2, 0);
		EXPECT_EQ(0, run(self));
		EXPECT_EQ(2, seen_load);
	} else {
		send_signer(self, self->far);
		EXPECT_EQ(0, run(self));
		EXPECT_EQ(1, seen_signer);
	}
}

/* A worker's LOAD is for the supervisor, the supervisor's SIGNER for a worker. */
TEST_F(channel, is_closed_to_messages_for_others)
{
	if (variant->near == ROLE_SUPERVISOR)
		send_signer(self, self->far);
	else
		send_load(self, 1, 0);
	EXPECT_EQ(-EPROTO, run(self));
	EXPECT_EQ(0, seen_load + seen_signer);
}

TEST_F(channel, is_closed_to_wrong_lengths)
{
	if (variant->near != ROLE_SUPERVISOR)
		return (void)TH_LOG("LOAD is for the supervisor"), (void)EXPECT_EQ(0, run(self));
	send_load(self, 1, 1);
	EXPECT_EQ(-EPROTO, run(self));
	EXPECT_EQ(0, seen_load);
}

TEST_F(channel, is_closed_to_unknown_types)
{
	const uint8_t types[] = { 0, 200, 255 };

	for (size_t i = 0; i < sizeof(types); i++) {
		ASSERT_EQ(1, send(self->far, &types[i], 1, 0));
		EXPECT_EQ(-EPROTO, run(self));
	}
}

TEST_F(channel, is_closed_to_messages_without_a_handler)
{
	const uint8_t ready = CHANNEL_READY, stop = CHANNEL_STOP;

	ASSERT_EQ(1, send(self->far, variant->near == ROLE_SUPERVISOR ? &ready : &stop, 1, 0));
	EXPECT_EQ(-EPROTO, run(self));
}

/* Whatever comes is closed, wanted or not. */
TEST_F(channel, is_closed_to_wrong_descriptors)
{
	const uint8_t load[29] = { CHANNEL_LOAD };
	const uint8_t signer[3] = { CHANNEL_SIGNER };

	if (variant->near == ROLE_SUPERVISOR)
		ASSERT_EQ(0, handoff_send(self->far, load, sizeof(load), self->far));
	else
		ASSERT_EQ(0, handoff_send(self->far, signer, sizeof(signer), -1));
	EXPECT_EQ(-EPROTO, run(self));
	EXPECT_EQ(0, seen_load + seen_signer);
}

TEST_F(channel, believes_a_handler_that_says_no)
{
	if (variant->near == ROLE_SUPERVISOR) {
		send_load(self, 666, 0);
		EXPECT_EQ(-EPROTO, run(self));
		EXPECT_EQ(1, seen_load);
		return;
	}
	send_signer(self, self->far);
	send_signer(self, self->far);
	EXPECT_EQ(-EPROTO, run(self)); /* the second leaves its body unread */
	EXPECT_EQ(2, seen_signer);
}

TEST_F(channel, is_closed_to_what_is_too_long)
{
	uint8_t bytes[CHANNEL_MAX + 1] = { CHANNEL_LOAD };

	ASSERT_EQ(sizeof(bytes), send(self->far, bytes, sizeof(bytes), 0));
	EXPECT_EQ(-EPROTO, run(self));
}

TEST_F(channel, takes_a_few_at_a_time)
{
	if (variant->near != ROLE_SUPERVISOR)
		return (void)TH_LOG("LOAD is for the supervisor"), (void)EXPECT_EQ(0, run(self));
	for (uint32_t i = 0; i < 5; i++)
		send_load(self, i, 0);
	EXPECT_EQ(0, channel_run(&self->near, handlers, self, 3));
	EXPECT_EQ(3, seen_load);
	EXPECT_EQ(0, channel_run(&self->near, handlers, self, 3));
	EXPECT_EQ(5, seen_load);
}

TEST_F(channel, has_an_end)
{
	close(self->far);
	self->far = -1;
	EXPECT_EQ(-EPIPE, run(self));
}

TEST_F(channel, does_not_block)
{
	const struct channel far = { .fd = self->far };
	struct channel_message m;
	int err = 0;

	channel_begin(&m, CHANNEL_STOP);
	for (int i = 0; i < 100000 && err == 0; i++)
		err = channel_send(&far, &m, CHANNEL_FD_NONE);
	EXPECT_EQ(-EAGAIN, err);
}

TEST_F(channel, sends_nothing_that_did_not_fit)
{
	struct channel_message m;

	channel_begin(&m, CHANNEL_SIGNED);
	for (size_t i = 0; i < CHANNEL_MAX; i++)
		writer_u8(&m.body, 0);
	EXPECT_EQ(-EMSGSIZE, channel_send(&self->near, &m, CHANNEL_FD_NONE));
}

TEST_HARNESS_MAIN
