/* SPDX-License-Identifier: MIT */
/*
 * What the tests of ktlsd's relays share: a ktlsd, and a TCP connection whose ends are both handed
 * over, each to be carried by a relay. They run on any kernel: the profile says that the kernel is
 * not to be asked.
 */
#ifndef KTLS_TESTS_KTLSD_RELAY_H
#define KTLS_TESTS_KTLSD_RELAY_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ktls-session.h>
#include <ktls.h>

#include "lib/handoff/relayed.h"
#include "tests/harness/conns.h"
#include "tests/harness/daemon.h"
#include "tests/harness/descriptors.h"
#include "tests/harness/harness.h"

FIXTURE(relays)
{
	struct daemon daemon;
	struct ktls *k;
	int fd[2]; /* server's end, client's end */
	struct ktls_reply *reply[2];
	const char *profile; /* NULL: the one that wants relays */
};

static const struct ktls_params as[2] = {
	{ .role = KTLS_SERVER, .records = KTLS_RECORDS_PREFER_KERNEL, .deadline_ms = 60000 },
	{ .role = KTLS_CLIENT,
	  .records = KTLS_RECORDS_PREFER_KERNEL,
	  .deadline_ms = 60000,
	  .server_name = "localhost" },
};

#define RELAYS_PROFILE "records = relay\nserver-users = *\nclient-users = *\n"

static inline void open_relays(struct test_self_relays *self, const char *ktlsd)
{
	const char *dir = self->daemon.dir;
	char more[768];

	daemon_prepare(&self->daemon);
	snprintf(more, sizeof(more),
		 "[profile kernel]\ntrust = %s/ca.pem\nrecords = require-kernel\n"
		 "client-users = *\n"
		 "[profile either]\ncertificate = %s/server.pem\nkey = %s/server.key\n"
		 "trust = %s/ca.pem\nserver-users = *\nclient-users = *\n",
		 dir, dir, dir, dir);
	daemon_configure(&self->daemon, ktlsd, RELAYS_PROFILE, more);
	daemon_start(&self->daemon);
	self->k = ktls_open(self->daemon.socket, NULL);
	ASSERT_NOT_NULL(self->k);
	self->fd[0] = self->fd[1] = -1;
}

static inline struct ktls_reply *collect(struct ktls *k)
{
	struct pollfd p = { .fd = ktls_fd(k), .events = POLLIN };
	struct ktls_reply *reply = NULL;
	int err = ktls_collect(k, &reply);

	while (err == -EAGAIN) {
		ASSERT_EQ(1, poll(&p, 1, 60000));
		err = ktls_collect(k, &reply);
	}
	ASSERT_EQ(0, err);
	return reply;
}

/* Hands both ends over and waits for the replies. */
static inline void hand_over(struct test_self_relays *self)
{
	struct ktls_params params[2] = { as[0], as[1] };

	for (size_t i = 0; i < 2; i++) {
		ktls_reply_free(self->reply[i]);
		self->reply[i] = NULL;
		params[i].profile = self->profile;
		params[i].arg = &self->reply[i];
		ASSERT_EQ(0, ktls_start(self->k, self->fd[i], &params[i], NULL));
	}
	for (size_t i = 0; i < 2; i++) {
		struct ktls_reply *reply = collect(self->k);

		*(struct ktls_reply **)reply->arg = reply;
	}
}

static inline void expect_relayed(const struct test_self_relays *self)
{
	for (size_t i = 0; i < 2; i++) {
		ASSERT_STREQ("OK", ktls_reason_name((int)self->reply[i]->reason));
		EXPECT_EQ(KTLS_STATE_RELAY, self->reply[i]->tx);
		EXPECT_EQ(KTLS_STATE_RELAY, self->reply[i]->rx);
		EXPECT_TRUE(relayed_is(self->fd[i]));
		EXPECT_EQ(-1, self->reply[i]->fd);
		EXPECT_EQ(0, self->reply[i]->session.len);
		EXPECT_EQ(0, self->reply[i]->records_max);
	}
}

/* A connection from nothing to two relayed ends. */
static inline void connect_relayed(struct test_self_relays *self)
{
	for (size_t i = 0; i < 2; i++)
		if (self->fd[i] >= 0)
			close(self->fd[i]);
	tcp_pair(self->fd, 0);
	hand_over(self);
	expect_relayed(self);
}

static inline void close_relays(struct test_self_relays *self)
{
	for (size_t i = 0; i < 2; i++) {
		ktls_reply_free(self->reply[i]);
		if (self->fd[i] >= 0)
			close(self->fd[i]);
	}
	ktls_close(self->k);
	daemon_close(&self->daemon);
}

/* A byte each way. */
static inline void expect_carried(const struct test_self_relays *self)
{
	for (size_t i = 0; i < 2; i++) {
		char got = 0;

		ASSERT_EQ(1, send(self->fd[i], "x", 1, MSG_NOSIGNAL));
		ASSERT_EQ(1, recv(self->fd[1 - i], &got, 1, 0));
		EXPECT_EQ('x', got);
	}
}

#endif
