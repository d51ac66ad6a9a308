/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the hand-off on a real kernel share: a ktlsd, and a TCP connection whose ends
 * can both be handed over. Tests that define KTLSD_RELAY_TOO before they include this run a second
 * time over ktlsd's relays, on any kernel.
 */
#ifndef KTLS_TESTS_KERNEL_KTLSD_H
#define KTLS_TESTS_KERNEL_KTLSD_H

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <ktls-session.h>

#include "lib/crypto/util.h"
#include "lib/handoff/relayed.h"
#include "lib/ktls/kernel.h"
#include "lib/ktls/probe.h"
#include "tests/harness/conns.h"
#include "tests/harness/daemon.h"
#include "tests/harness/harness.h"

FIXTURE(handoff)
{
	struct daemon daemon;
	struct ktls *k;
	int fd[2]; /* server's end, client's end */
};

FIXTURE_VARIANT(handoff)
{
	enum ktls_state state;
};

FIXTURE_VARIANT_ADD(handoff, kernel){ KTLS_STATE_SW };
#ifdef KTLSD_RELAY_TOO
FIXTURE_VARIANT_ADD(handoff, relay){ KTLS_STATE_RELAY };
#endif

static bool over_relay;

static inline void configure_handoff(struct daemon *d, const char *ktlsd)
{
	char profile[128];

	snprintf(profile, sizeof(profile), "server-users = *\nclient-users = *\nrecords = %s\n",
		 over_relay ? "relay" : "require-kernel");
	daemon_configure(d, ktlsd, profile, NULL);
}

FIXTURE_SETUP(handoff)
{
	struct ktls_probe probe;

	over_relay = variant->state == KTLS_STATE_RELAY;
	ktls_probe(KTLS_PROBE_SUITES, &probe);
	if (probe.reason != KTLS_OK && !over_relay)
		SKIP(return, "no kernel TLS");
	daemon_prepare(&self->daemon);
	configure_handoff(&self->daemon, "workers = 1\nrelays-max = 4096\nlog = stderr\n");
	daemon_start(&self->daemon);
	self->k = ktls_open(self->daemon.socket, NULL);
	ASSERT_NOT_NULL(self->k);
	tcp_pair(self->fd, 0);
}

FIXTURE_TEARDOWN(handoff)
{
	ktls_close(self->k);
	for (int i = 0; i < 2; i++) {
		if (self->fd[i] >= 0)
			close(self->fd[i]);
	}
	daemon_close(&self->daemon);
}

static inline int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A second, or what is as much on an emulated machine. */
static inline int64_t a_second(void)
{
	const char *factor = getenv("KTLS_TIMEOUT_FACTOR");
	int n = factor ? atoi(factor) : 1;

	return 1000 * (n > 1 ? n / 2 + 1 : 1);
}

/* What becomes of that is up to the profile. */
static const struct ktls_params as_server = { .role = KTLS_SERVER,
					      .records = KTLS_RECORDS_PREFER_KERNEL,
					      .deadline_ms = 60000 };
static const struct ktls_params as_client = { .role = KTLS_CLIENT,
					      .records = KTLS_RECORDS_PREFER_KERNEL,
					      .deadline_ms = 60000,
					      .server_name = "localhost" };

static inline uint64_t start(struct ktls *k, int fd, const struct ktls_params *params)
{
	uint64_t id = 0;

	ASSERT_EQ(0, ktls_start(k, fd, params, &id));
	return id;
}

static inline struct ktls_reply *collect(struct ktls *k)
{
	struct pollfd p = { .fd = ktls_fd(k), .events = POLLIN };
	struct ktls_reply *reply;
	int err = ktls_collect(k, &reply);

	while (err == -EAGAIN) {
		ASSERT_EQ(1, poll(&p, 1, 60000));
		err = ktls_collect(k, &reply);
	}
	ASSERT_EQ(0, err);
	return reply;
}

static inline void expect_reason(struct ktls *k, enum ktls_reason reason)
{
	struct ktls_reply *reply = collect(k);

	EXPECT_STREQ(ktls_reason_name((int)reason), ktls_reason_name((int)reply->reason));
	ktls_reply_free(reply);
}

/* Whether the kernel has keys for both directions: not a word of what follows is in the clear. A
 * relayed descriptor is no TCP socket at all. */
static inline void expect_keys(int fd)
{
	struct ktls_traffic_key key;

	EXPECT_EQ(over_relay, relayed_is(fd));
	if (over_relay)
		return;
	EXPECT_EQ(0, kernel_get(fd, true, &key));
	EXPECT_EQ(KTLS_TLS_1_3, key.version);
	EXPECT_EQ(0, kernel_get(fd, false, &key));
	secret_wipe(&key, sizeof(key));
}

static inline void expect_carried(int from, int to)
{
	static const char text[] = "through the kernel";
	struct ktls_session *session = ktls_session_open(NULL, NULL, 0); /* reads over tickets */
	char got[sizeof(text)];

	ASSERT_EQ(sizeof(text), write(from, text, sizeof(text)));
	ASSERT_NOT_NULL(session);
	ASSERT_EQ(sizeof(text), ktls_recv(session, to, got, sizeof(got), MSG_WAITALL));
	ktls_session_free(session);
	EXPECT_STREQ(text, got);
}

static inline void handshake_both(struct test_self_handoff *self)
{
	start(self->k, self->fd[0], &as_server);
	start(self->k, self->fd[1], &as_client);
	expect_reason(self->k, KTLS_OK);
	expect_reason(self->k, KTLS_OK);
}

/* Bytes that do not matter; a ticket among them is no data, which recv() does not give out. */
static inline ssize_t recv_whatever(int fd)
{
	uint8_t type, bytes[512];
	ssize_t n = recv(fd, bytes, sizeof(bytes), 0);

	if (n >= 0 || errno != EIO)
		return n;
	n = kernel_record_recv(fd, bytes, sizeof(bytes), 0, &type);
	if (n < 0)
		errno = (int)-n;
	return n;
}

/* The other end is closed: all holders of it have let go. Returns after how many milliseconds. */
static inline int64_t wait_for_end(int peer)
{
	struct pollfd p = { .fd = peer, .events = POLLIN };
	int64_t since = now_ms();
	ssize_t n;

	do {
		ASSERT_EQ(1, poll(&p, 1, 60000));
		n = recv_whatever(peer);
	} while (n > 0);
	if (n < 0)
		EXPECT_EQ(ECONNRESET, errno);
	return now_ms() - since;
}

#endif
