/* SPDX-License-Identifier: MIT */
/* ktls-bench's connections one after the other: what is counted of them, and that there is an end.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/ktls-bench/net.h"
#include "tests/bench/ktls-bench/round.h"
#include "tests/harness/harness.h"

FIXTURE(churn)
{
	struct station station;
	struct plan plan;
	struct running running;
	struct outcome outcome;
	struct address address;
	int listener;
	pthread_t peer;
	unsigned int calls;
};

FIXTURE_SETUP(churn)
{
	struct sockaddr_in any = { .sin_family = AF_INET };

	(void)variant;
	any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	memcpy(&self->address.of, &any, sizeof(any));
	self->address.len = sizeof(any);
	self->station = (struct station){ .end = RESULT_CLIENT,
					  .content = { .file = -1 },
					  .device = { .tx_before = -1, .rx_before = -1 } };
	self->plan = (struct plan){ .mode = MODE_TCP,
				    .pattern = PATTERN_CHURN,
				    .connections = 1,
				    .threads = 1,
				    .object_bytes = PLAN_REQUEST };
	self->listener = net_listen(&self->address, 0);
	ASSERT_TRUE(self->listener >= 0 && net_local(self->listener, &self->address));
}

FIXTURE_TEARDOWN(churn)
{
	(void)variant;
	outcome_wipe(&self->outcome);
	content_free(&self->station.content);
	if (self->listener >= 0)
		close(self->listener);
}

static int wait_and_accept(int listener)
{
	struct pollfd poller = { .fd = listener, .events = POLLIN };

	return poll(&poller, 1, 10000) == 1 ? accept(listener, NULL, NULL) : -1;
}

/* A serving end: a byte there, a byte back, until the reset. */
static void *echo(void *arg)
{
	struct test_self_churn *self = arg;
	int fd = wait_and_accept(self->listener);
	char byte;

	if (fd >= 0 && recv(fd, &byte, 1, 0) == 1 && send(fd, &byte, 1, MSG_NOSIGNAL) == 1)
		(void)!recv(fd, &byte, 1, 0);
	if (fd >= 0)
		close(fd);
	return NULL;
}

static void run(struct test_self_churn *self, int (*connect)(struct round *))
{
	ASSERT_EQ(0, round_prepare(&self->running, &self->station, &self->plan));
	round_begin(&self->running, NULL, connect, self);
	round_go(&self->running);
	round_end(&self->running, &self->outcome);
}

/* The queue has room for one that nobody accepts: the second one's SYN is dropped, and sent again
 * when there is room. */
static int connect_late(struct round *round)
{
	struct test_self_churn *self = round->arg;
	const struct sockaddr *to = (const struct sockaddr *)&self->address.of;
	int first = net_connect(&self->address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct pollfd poller = { .fd = fd, .events = POLLOUT };

	if (first < 0 || connect(fd, to, self->address.len) == 0 || errno != EINPROGRESS)
		return -1;
	close(wait_and_accept(self->listener));
	close(first);
	if (poll(&poller, 1, 10000) != 1 || poller.revents != POLLOUT)
		return -1;
	pthread_create(&self->peer, NULL, echo, self);
	return fd;
}

TEST_F(churn, what_tcp_sent_again_is_counted)
{
	self->plan.bytes = 1;
	run(self, connect_late);
	pthread_join(self->peer, NULL);
	EXPECT_STREQ("", self->outcome.failed);
	EXPECT_EQ(1, self->outcome.operations);
	EXPECT_EQ(1, self->outcome.retransmits);
}

/* ---- the end --------------------------------------------------------------------------------- */

/* One connection, and then the other end is gone. */
static int connect_once(struct round *round)
{
	struct test_self_churn *self = round->arg;

	if (self->calls++ > 0) {
		if (self->calls == 2) {
			pthread_join(self->peer, NULL);
			close(self->listener);
			self->listener = -1;
		}
		return net_connect(&self->address);
	}
	pthread_create(&self->peer, NULL, echo, self);
	return net_connect(&self->address);
}

TEST_F(churn, ends_where_the_other_end_is_gone)
{
	self->plan.bytes = 1000000;
	run(self, connect_once);
	EXPECT_EQ(1, self->outcome.operations);
	EXPECT_TRUE(self->outcome.failures >= 100 && self->outcome.failures < 1000);
	EXPECT_NOT_NULL(strstr(self->outcome.failed, "no more connection succeeded"));
}

static int connect_never(struct round *round)
{
	(void)round;
	return -1;
}

TEST_F(churn, without_any_connection_fails)
{
	self->plan.round_ms = PLAN_ROUND_MS;
	run(self, connect_never);
	EXPECT_EQ(0, self->outcome.operations);
	EXPECT_STREQ("no connection succeeded", self->outcome.failed);
}

TEST_HARNESS_MAIN
