/* SPDX-License-Identifier: MIT */
/* What the tests of ktls_listen() without ktlsd share. */
#ifndef KTLS_TESTS_UNIT_EMBEDDED_LISTEN_H
#define KTLS_TESTS_UNIT_EMBEDDED_LISTEN_H

#include "tests/harness/listener.h"
#include "tests/harness/replies.h"
#include "tests/unit/embedded.h"

static uint64_t listen_on(struct ktls *k, int fd, unsigned int backlog)
{
	uint64_t id = 0;

	ASSERT_EQ(0, ktls_listen(k, fd, &as_server, backlog, &id));
	return id;
}

static void expect_last(struct ktls *k, uint64_t id, enum ktls_reason reason)
{
	struct ktls_reply *reply;

	expect_last_reply(collect(k), id, reason);
	EXPECT_EQ(-EAGAIN, ktls_collect(k, &reply));
}

static void cancel(struct ktls *k, uint64_t id)
{
	ASSERT_EQ(0, ktls_cancel(k, id));
	expect_last(k, id, KTLS_R_CANCELLED);
	EXPECT_EQ(-ENOENT, ktls_cancel(k, id));
}

/* Has k do what it has to. */
static void run(struct ktls *k, int ms)
{
	struct pollfd p = { .fd = ktls_fd(k), .events = POLLIN };
	struct ktls_reply *reply;

	for (int i = 0; i < ms / 10; i++) {
		poll(&p, 1, 10);
		while (ktls_collect(k, &reply) == 0)
			ktls_reply_free(reply);
	}
}

#endif
