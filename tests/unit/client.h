/* SPDX-License-Identifier: MIT */
/* What the tests of the client share: a client, a ktlsd of the test's, a socket to hand over. */
#ifndef KTLS_TESTS_CLIENT_H
#define KTLS_TESTS_CLIENT_H

#include <ktls.h>

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/harness/descriptors.h"
#include "tests/harness/fake_ktlsd.h"
#include "tests/harness/harness.h"

FIXTURE(client)
{
	struct fake fake;
	struct ktls *k;
	int lane; /* ktlsd's end of the first connection */
	int fd;   /* to be handed over: one end of a pair; nobody looks what it is */
	int peer;
	int descriptors; /* open before the client was */
	struct ktls_params params;
};

FIXTURE_VARIANT(client)
{
	uint16_t lanes;
};

FIXTURE_SETUP(client)
{
	int pair[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	self->fd = pair[0];
	self->peer = pair[1];
	fake_open(&self->fake, variant->lanes);
	self->descriptors = open_descriptors();
	self->k = fake_client(&self->fake, &self->lane);
}

/* Whatever a test did, nothing is left open when the client is closed. */
FIXTURE_TEARDOWN(client)
{
	ktls_close(self->k);
	if (self->lane >= 0)
		close(self->lane);
	EXPECT_EQ(self->descriptors - (self->fd < 0), open_descriptors());
	close(self->peer);
	if (self->fd >= 0)
		close(self->fd);
	fake_close(&self->fake);
}

static inline bool readable(struct ktls *k, int ms)
{
	struct pollfd p = { .fd = ktls_fd(k), .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

/* The next reply, which is there or comes soon. */
static inline struct ktls_reply *collect(struct ktls *k)
{
	struct ktls_reply *reply = NULL;
	int ret = ktls_collect(k, &reply);

	while (ret == -EAGAIN) {
		ASSERT_TRUE(readable(k, 20000));
		ret = ktls_collect(k, &reply);
	}
	ASSERT_EQ(0, ret);
	ASSERT_NOT_NULL(reply);
	return reply;
}

static inline void expect_reply(struct ktls *k, uint64_t id, enum ktls_reason reason)
{
	struct ktls_reply *reply = collect(k);

	EXPECT_EQ(id, reply->id);
	EXPECT_STREQ(ktls_reason_name((int)reason), ktls_reason_name((int)reply->reason));
	EXPECT_EQ(-1, reply->fd);
	ktls_reply_free(reply);
}

static inline void expect_none(struct ktls *k)
{
	struct ktls_reply *reply = (struct ktls_reply *)1;

	EXPECT_EQ(-EAGAIN, ktls_collect(k, &reply));
	EXPECT_TRUE(reply == (struct ktls_reply *)1);
}

#define START(self)                                                                          \
	({                                                                                   \
		uint64_t started_ = 0;                                                       \
		ASSERT_EQ(0, ktls_start((self)->k, (self)->fd, &(self)->params, &started_)); \
		started_;                                                                    \
	})

/* The next request on a lane, its descriptor closed. */
static inline uint64_t take(int lane)
{
	struct fake_request r = { .fd = -1 };

	fake_request(lane, &r);
	close(r.fd);
	return r.request.id;
}

static inline bool same_file(int a, int b)
{
	struct stat sa, sb;

	return fstat(a, &sa) == 0 && fstat(b, &sb) == 0 && sa.st_dev == sb.st_dev &&
	       sa.st_ino == sb.st_ino;
}

#endif
