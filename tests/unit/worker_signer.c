/* SPDX-License-Identifier: MIT */
/*
 * What ktlsd's worker asks signers, with the test as the signers: in which order, again if one is
 * lost, and what an answer out of order makes of it.
 */
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/worker.h"
#include "lib/crypto/util.h"
#include "tests/harness/harness.h"

FIXTURE(jobs)
{
	struct worker *w;
	struct profile profiles[2];
	int signer[2]; /* our ends */
};

static void adopt(struct test_self_jobs *self, uint16_t i)
{
	int pair[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	self->signer[i] = pair[0];
	signer_adopt(self->w, i, pair[1]);
}

FIXTURE_SETUP(jobs)
{
	const struct conn_config config = { .handshakes_max = 4, .pool_max = 65536 };

	ASSERT_EQ(0, crypto_init());
	self->w = calloc(1, sizeof(*self->w));
	ASSERT_NOT_NULL(self->w);
	self->w->settings.handshakes_max = 4;
	self->w->epoll = epoll_create1(EPOLL_CLOEXEC);
	ASSERT_EQ(0, conn_loop_new(&config, &self->w->loop));
	self->w->profiles = self->profiles;
	self->w->profiles_len = 2;
	self->profiles[0].worker = self->profiles[1].worker = self->w;
	signers_init(self->w);
	adopt(self, 0);
}

FIXTURE_TEARDOWN(jobs)
{
	for (int i = 0; i < 2; i++)
		if (self->signer[i] > 0)
			close(self->signer[i]);
	conn_loop_free(self->w->loop);
	close(self->w->epoll);
	free(self->w);
}

static void run(struct test_self_jobs *self)
{
	struct epoll_event events[16];
	int n = epoll_wait(self->w->epoll, events, 16, 0);

	for (int i = 0; i < n; i++) {
		struct watch *watch = events[i].data.ptr;

		watch->ready(watch, events[i].events);
	}
}

static int seal(struct test_self_jobs *self, uint64_t token, const char *text)
{
	const struct conn_ticket request = { .token = token,
					     .bytes = (const uint8_t *)text,
					     .len = strlen(text) };
	uint8_t out[1];
	size_t len = 1;
	int r = signer_seal(&self->profiles[1], &request, out, &len);

	EXPECT_EQ(0, len);
	return r;
}

/* The next question is this one. */
static void expect_asked(int fd, enum channel_type type, uint64_t token, const char *text)
{
	uint8_t bytes[CHANNEL_MAX], got_type;
	ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	uint64_t got_token;
	uint16_t profile;
	struct reader r;

	ASSERT_GT(n, 0);
	reader_init(&r, bytes, (size_t)n);
	ASSERT_TRUE(reader_u8(&r, &got_type) && reader_u64(&r, &got_token) &&
		    reader_u16(&r, &profile));
	EXPECT_EQ(type, got_type);
	EXPECT_EQ(token, got_token);
	EXPECT_EQ(1, profile);
	ASSERT_EQ(strlen(text), r.left);
	EXPECT_MEMEQ(text, r.at, r.left);
}

static void answer(int fd, enum channel_type type, uint64_t token)
{
	const struct channel channel = { .fd = fd };
	struct channel_message m;

	channel_begin(&m, type);
	writer_u64(&m.body, token);
	writer_u16(&m.body, KTLS_OK);
	writer_bytes(&m.body, "ticket", 6);
	ASSERT_EQ(0, channel_send(&channel, &m, CHANNEL_FD_NONE));
}

TEST_F(jobs, are_asked_and_answered)
{
	EXPECT_EQ(KTLS_ENGINE_PENDING, seal(self, 5, "first"));
	EXPECT_EQ(KTLS_ENGINE_PENDING, seal(self, 6, "second"));
	expect_asked(self->signer[0], CHANNEL_SEAL, 5, "first");
	expect_asked(self->signer[0], CHANNEL_SEAL, 6, "second");
	answer(self->signer[0], CHANNEL_OPENED, 5);
	answer(self->signer[0], CHANNEL_OPENED, 6);
	run(self);
	EXPECT_EQ(0, self->w->signers[0].sent.len);
}

/* Of another signer, in the order in which they were asked. */
TEST_F(jobs, are_asked_again_where_a_signer_is_lost)
{
	seal(self, 5, "first");
	seal(self, 6, "second");
	close(self->signer[0]);
	self->signer[0] = 0;
	run(self);
	seal(self, 7, "third");
	adopt(self, 1);
	expect_asked(self->signer[1], CHANNEL_SEAL, 5, "first");
	expect_asked(self->signer[1], CHANNEL_SEAL, 6, "second");
	expect_asked(self->signer[1], CHANNEL_SEAL, 7, "third");
	for (uint64_t token = 5; token <= 7; token++)
		answer(self->signer[1], CHANNEL_OPENED, token);
	run(self);
	EXPECT_EQ(0, self->w->signers[1].sent.len);
}

/* No ticket is no failure. */
TEST_F(jobs, are_not_without_end)
{
	close(self->signer[0]);
	self->signer[0] = 0;
	run(self);
	for (uint64_t token = 1; token <= 8; token++)
		EXPECT_EQ(KTLS_ENGINE_PENDING, seal(self, token, "waits"));
	EXPECT_EQ(0, seal(self, 9, "one too many"));
	adopt(self, 1);
	for (uint64_t token = 1; token <= 8; token++) {
		expect_asked(self->signer[1], CHANNEL_SEAL, token, "waits");
		answer(self->signer[1], CHANNEL_OPENED, token);
	}
	run(self);
	EXPECT_EQ(0, self->w->unsigned_jobs.len);
}

static void expect_lost(struct test_self_jobs *self)
{
	run(self);
	EXPECT_EQ(-1, self->w->signers[0].watch.fd);
	adopt(self, 1); /* and what it was asked is asked again */
	expect_asked(self->signer[1], CHANNEL_SEAL, 5, "first");
	answer(self->signer[1], CHANNEL_OPENED, 5);
	run(self);
	EXPECT_EQ(0, self->w->signers[1].sent.len);
}

TEST_F(jobs, answered_out_of_order)
{
	seal(self, 5, "first");
	answer(self->signer[0], CHANNEL_OPENED, 6);
	expect_lost(self);
}

TEST_F(jobs, ticket_answered_by_a_signature)
{
	seal(self, 5, "first");
	answer(self->signer[0], CHANNEL_SIGNED, 5);
	expect_lost(self);
}

TEST_HARNESS_MAIN
