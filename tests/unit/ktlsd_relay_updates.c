/* SPDX-License-Identifier: MIT */
/*
 * KeyUpdates (RFC 9846, 4.7.3) and half closes of a peer, all the way through ktlsd's relay: what
 * an application that waits by poll() or epoll sees of them, which is data and one end.
 */
#include <sys/epoll.h>

#include "tests/harness/auth.h"
#include "tests/harness/pattern.h"
#include "tests/harness/script.h"
#include "tests/harness/shake.h"
#include "tests/unit/ktlsd_relay.h"

/* What has happened to fd; what: POLLIN, POLLOUT. */
typedef short wait_for_event(int fd, short what);

static short by_poll(int fd, short what)
{
	struct pollfd p = { .fd = fd, .events = what };

	ASSERT_EQ(1, poll(&p, 1, 30000));
	return p.revents;
}

static short by_epoll(int fd, short what)
{
	struct epoll_event event = { .events = (uint32_t)what };
	int set = epoll_create1(EPOLL_CLOEXEC);

	ASSERT_EQ(0, epoll_ctl(set, EPOLL_CTL_ADD, fd, &event));
	ASSERT_EQ(1, epoll_wait(set, &event, 1, 30000));
	close(set);
	return (short)event.events;
}

FIXTURE_VARIANT(relays)
{
	enum ktls_role peer;
	wait_for_event *wait;
};

FIXTURE_VARIANT_ADD(relays, server_polls){ KTLS_CLIENT, by_poll };
FIXTURE_VARIANT_ADD(relays, server_epolls){ KTLS_CLIENT, by_epoll };
FIXTURE_VARIANT_ADD(relays, client_polls){ KTLS_SERVER, by_poll };
FIXTURE_VARIANT_ADD(relays, client_epolls){ KTLS_SERVER, by_epoll };

/* The test is the connection's other end. */
static struct auth auth;
static pid_t peer;

FIXTURE_SETUP(relays)
{
	char base[100];

	open_relays(self, "workers = 1\nlog = stderr\n");
	if (variant->peer == KTLS_SERVER) {
		snprintf(base, sizeof(base), "%s/server", self->daemon.dir);
		shake_load(&auth, base);
	} else {
		shake_trust(&auth, daemon_path(&self->daemon, "ca.pem"));
	}
}

FIXTURE_TEARDOWN(relays)
{
	close_relays(self);
	auth_wipe(&auth);
}

static int connect_to(struct test_self_relays *self, enum ktls_role role, const char *script)
{
	const struct script_peer other = { .role = role,
					   .name = role == KTLS_CLIENT ? "localhost" : NULL,
					   .auth = &auth,
					   .script = script };
	size_t own = role == KTLS_CLIENT ? 0 : 1;

	tcp_pair(self->fd, 0);
	peer = script_peer_start(&other, self->fd[1 - own], self->fd[own]);
	close(self->fd[1 - own]);
	self->fd[1 - own] = -1;
	ASSERT_EQ(0, ktls_handshake(self->k, self->fd[own], &as[own], &self->reply[own]));
	ASSERT_STREQ("OK", ktls_reason_name((int)self->reply[own]->reason));
	ASSERT_TRUE(relayed_is(self->fd[own]));
	ASSERT_EQ(0, fcntl(self->fd[own], F_SETFL, O_RDWR | O_NONBLOCK));
	return self->fd[own];
}

/* Whoever is told that there is something finds it: len bytes, or the end. */
static ssize_t read_ready(int fd, void *buf, size_t len, short revents)
{
	ssize_t n;

	if (!(revents & POLLIN))
		return -1;
	EXPECT_FALSE(revents & (POLLERR | POLLHUP));
	n = recv(fd, buf, len, 0);
	EXPECT_GE(n, 0);
	return n;
}

/* Sends back what comes, up to the end; returns how much that was. */
static size_t echo(int fd, wait_for_event *wait)
{
	static uint8_t buf[50000];
	size_t total = 0, len = 0, at = 0;
	ssize_t n;

	for (;;) {
		short revents = wait(fd, at < len ? POLLOUT : POLLIN);

		if (at < len) {
			ASSERT_TRUE(revents & POLLOUT);
			n = send(fd, buf + at, len - at, MSG_NOSIGNAL);
			if (n < 0)
				ASSERT_EQ(EAGAIN, errno);
			at += n > 0 ? (size_t)n : 0;
			continue;
		}
		n = read_ready(fd, buf, sizeof(buf), revents);
		if (n <= 0)
			return total;
		len = (size_t)n;
		total += len;
		at = 0;
	}
}

static void end(int fd)
{
	uint8_t alert;

	EXPECT_EQ(KTLS_R_PEER_CLOSE_NOTIFY, relayed_end(fd, &alert));
	ASSERT_EQ(0, shutdown(fd, SHUT_WR));
	EXPECT_TRUE(script_peer_wait(peer));
}

/* A KeyUpdate is nothing that anybody is woken for. */
TEST_F_TIMEOUT(relays, updates_alone_are_no_event, 60)
{
	int fd = connect_to(self, variant->peer,
			    "repeat 5 key-update request, expect key-update answer\n"
			    "key-update, delay 50, send 10, key-update, delay 50, send 10\n"
			    "expect data 20, close-notify, expect end");

	EXPECT_EQ(20, echo(fd, variant->wait));
	end(fd);
	EXPECT_EQ(7, script_peer_seen()->updates_sent);
	EXPECT_EQ(5, script_peer_seen()->updates_received);
}

/* Asked for in the middle of data that go both ways at once. */
TEST_F_TIMEOUT(relays, updates_in_the_middle_of_data, 60)
{
	int fd = connect_to(self, variant->peer,
			    "duplex 3000000 3000000 10 request, close-notify, expect end");

	EXPECT_EQ(3000000, echo(fd, variant->wait));
	end(fd);
	EXPECT_GT(script_peer_seen()->updates_sent, 10);
	EXPECT_GE(script_peer_seen()->updates_received, 1);
}

/* The answer does not wait for what the application has said is still to come. */
TEST_F_TIMEOUT(relays, updates_while_more_is_to_come, 60)
{
	uint8_t bytes[300], byte;
	int fd = connect_to(self, variant->peer,
			    "repeat 3 expect data 100, key-update request, "
			    "expect key-update answer, send 1\n"
			    "close-notify, expect end");

	pattern_fill(bytes, sizeof(bytes), 0);
	for (size_t at = 0; at < sizeof(bytes); at += 100) {
		ASSERT_EQ(100, send(fd, bytes + at, 100, MSG_MORE | MSG_NOSIGNAL));
		ASSERT_EQ(1, read_ready(fd, &byte, 1, variant->wait(fd, POLLIN)));
	}
	EXPECT_EQ(0, echo(fd, variant->wait));
	end(fd);
	EXPECT_EQ(300, script_peer_seen()->received);
}

/* Until there has been no room for a while: the relay makes some of it by itself, at first. */
static uint64_t fill(int fd)
{
	struct pollfd room = { .fd = fd, .events = POLLOUT };
	uint8_t bytes[4000];
	uint64_t written = 0;
	ssize_t n;

	do {
		pattern_fill(bytes, sizeof(bytes), written);
		n = send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL);
		written += n > 0 ? (uint64_t)n : 0;
	} while (n > 0 || poll(&room, 1, 50) > 0);
	return written;
}

/* Asked for by a peer that takes nothing: the answer waits for room, and what it says is read. */
TEST_F_TIMEOUT(relays, updates_while_there_is_no_room, 60)
{
	char full[100], go[100], script[400];
	uint64_t written;
	int fd;

	snprintf(full, sizeof(full), "%s", daemon_path(&self->daemon, "full"));
	snprintf(go, sizeof(go), "%s", daemon_path(&self->daemon, "go"));
	snprintf(script, sizeof(script),
		 "await %s, key-update request, send 10, key-update, send 10, await %s\n"
		 "until key-update answer, until close-notify, expect fin",
		 full, go);
	fd = connect_to(self, variant->peer, script);
	written = fill(fd);
	EXPECT_GT(written, 100000);
	close(open(full, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	for (int left = 20; left > 0;) {
		char buf[20];

		left -= (int)read_ready(fd, buf, (size_t)left, variant->wait(fd, POLLIN));
	}
	close(open(go, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	ASSERT_EQ(0, shutdown(fd, SHUT_WR));
	EXPECT_TRUE(script_peer_wait(peer));
	EXPECT_EQ(written, script_peer_seen()->received);
	EXPECT_EQ(1, script_peer_seen()->updates_received);
}

/* The peer has ended, with a KeyUpdate before and nothing behind; this end has not. */
TEST_F_TIMEOUT(relays, updates_around_a_half_close, 60)
{
	uint8_t bytes[1000];
	int fd = connect_to(self, variant->peer,
			    "send 1000, key-update request, close-notify\n"
			    "expect data 1000, expect data 1000, expect end");

	EXPECT_EQ(1000, echo(fd, variant->wait));
	pattern_fill(bytes, 1000, sizeof(bytes));
	EXPECT_TRUE(variant->wait(fd, POLLOUT) & POLLOUT);
	EXPECT_EQ(1000, send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL));
	end(fd);
	EXPECT_EQ(2000, script_peer_seen()->received);
}

/* This end has ended; the peer goes on, with new keys. */
TEST_F_TIMEOUT(relays, updates_behind_our_own_end, 60)
{
	char buf[65536];
	size_t got = 0;
	ssize_t n = 1;
	int fd = connect_to(self, variant->peer,
			    "expect close-notify\nrepeat 10 send 20000, key-update\n"
			    "close-notify, expect fin");

	ASSERT_EQ(0, shutdown(fd, SHUT_WR));
	while (n > 0) {
		n = read_ready(fd, buf, sizeof(buf), (short)(variant->wait(fd, POLLIN) & ~POLLHUP));
		got += n > 0 ? (size_t)n : 0;
	}
	EXPECT_EQ(200000, got);
	EXPECT_TRUE(script_peer_wait(peer));
}

TEST_HARNESS_MAIN
