/* SPDX-License-Identifier: MIT */
/* What becomes of relayed connections when processes of ktlsd end, and what they cost. */
#include "tests/unit/ktlsd_relay.h"

FIXTURE_SETUP(relays)
{
	open_relays(self, "workers = 1\nrelays-max = 8\nlog = stderr\n");
}

FIXTURE_TEARDOWN(relays)
{
	close_relays(self);
}

/* ---- status ---------------------------------------------------------------------------------- */

/* What ktlsd tells of itself, in a static buffer. */
static const char *status(const struct test_self_relays *self)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	static char text[65536];
	size_t len = 0;
	ssize_t n;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s.status", self->daemon.socket);
	EXPECT_EQ(0, connect(fd, (struct sockaddr *)&address, sizeof(address)));
	for (n = read(fd, text, sizeof(text) - 1); n > 0;
	     n = read(fd, text + len, sizeof(text) - 1 - len))
		len += (size_t)n;
	text[len] = '\0';
	close(fd);
	return text;
}

/* A number of a relay's line, which begins with that; -1 where there is none. */
static long long relay_number(const struct test_self_relays *self, const char *begin,
			      const char *key)
{
	const char *line = strstr(status(self), begin);
	const char *at = line ? strstr(line, key) : NULL;

	return at ? atoll(at + strlen(key)) : -1;
}

static bool relay_has(const struct test_self_relays *self, const char *begin, const char *key,
		      long long number)
{
	for (int i = 0; i < 500; i++) {
		if (relay_number(self, begin, key) == number)
			return true;
		usleep(10000);
	}
	return false;
}

#define RELAY  "process role=relay number=1"

#define SEALED 1200 /* bytes of the client's session, which has the server's chain */

/*
 * 1.5 KiB, and what a client's tickets need, as Documentation/configuration.md says; nothing more
 * for those who are silent.
 */
TEST_F(relays, cost_little_memory)
{
	long long bytes;

	EXPECT_EQ(0, relay_number(self, RELAY, " memory="));
	connect_relayed(self);
	ASSERT_TRUE(relay_has(self, RELAY, " connections=", 2));
	bytes = relay_number(self, RELAY, " memory=");
	TH_LOG("%lld bytes for a server's and a client's connection", bytes);
	EXPECT_GT(bytes, 2000);
	EXPECT_LT(bytes, 2 * 1600 + SEALED);
	expect_carried(self);
	ASSERT_TRUE(relay_has(self, RELAY, " memory=", bytes));
	for (size_t i = 0; i < 2; i++) {
		close(self->fd[i]);
		self->fd[i] = -1;
	}
	ASSERT_TRUE(relay_has(self, RELAY, " connections=", 0));
	EXPECT_EQ(0, relay_number(self, RELAY, " memory="));
	EXPECT_EQ(2, relay_number(self, RELAY, " carried="));
	EXPECT_EQ(2, relay_number(self, RELAY, " sent="));
	EXPECT_EQ(2, relay_number(self, RELAY, " received="));
	EXPECT_EQ(2, relay_number(self, "total", " carried="));
	EXPECT_TRUE(relay_has(self, "total", " succeeded=", 2));
}

/* While a record of each direction is under way: two buffers more. */
TEST_F(relays, hold_no_more_than_two_records)
{
	char buf[65536] = "";
	long long bytes = 0, now;

	connect_relayed(self);
	for (size_t i = 0; i < 2; i++)
		ASSERT_EQ(0, fcntl(self->fd[i], F_SETFL, O_RDWR | O_NONBLOCK));
	for (int i = 0; i < 300; i++) {
		for (size_t k = 0; k < 2; k++)
			(void)!send(self->fd[k], buf, sizeof(buf), MSG_NOSIGNAL);
		now = relay_number(self, RELAY, " memory=");
		bytes = now > bytes ? now : bytes;
		usleep(1000);
	}
	TH_LOG("%lld bytes for two connections that are full", bytes);
	EXPECT_GT(bytes, 2 * 18437);
	EXPECT_LE(bytes, 2 * (1600 + 2 * 18437) + SEALED);
}

TEST_F(relays, are_limited)
{
	int others[16], n = 0;

	for (int i = 0; i < 4; i++) {
		connect_relayed(self);
		for (size_t k = 0; k < 2; k++) {
			others[n++] = self->fd[k];
			self->fd[k] = -1;
		}
	}
	tcp_pair(self->fd, 0);
	hand_over(self);
	for (size_t i = 0; i < 2; i++) {
		EXPECT_STREQ("RELAY_UNAVAILABLE", ktls_reason_name((int)self->reply[i]->reason));
		EXPECT_FALSE(relayed_is(self->fd[i]));
	}
	while (n > 0)
		close(others[--n]);
	ASSERT_TRUE(relay_has(self, RELAY, " connections=", 0));
	connect_relayed(self);
}

/* ---- the ends of processes ------------------------------------------------------------------- */

#define STREAM_LEN (8 << 20)

static uint8_t byte_at(size_t at)
{
	return (uint8_t)(at * 31 + at / 256);
}

/* Sends and reads in turns, so many bytes; what is read is what was sent. */
static void stream(const struct test_self_relays *self, size_t *sent, size_t *got, size_t len)
{
	uint8_t buf[16384];
	size_t wrong = 0;
	ssize_t n;

	while (*got < len) {
		for (size_t i = 0; i < sizeof(buf); i++)
			buf[i] = byte_at(*sent + i);
		n = *sent < len ? send(self->fd[0], buf, sizeof(buf), MSG_NOSIGNAL | MSG_DONTWAIT)
				: 0;
		*sent += n > 0 ? (size_t)n : 0;
		n = recv(self->fd[1], buf, sizeof(buf), MSG_DONTWAIT);
		if (n < 0)
			ASSERT_EQ(EAGAIN, errno);
		ASSERT_NE(0, n);
		for (ssize_t i = 0; i < n; i++)
			wrong += buf[i] != byte_at(*got + (size_t)i);
		*got += n > 0 ? (size_t)n : 0;
	}
	EXPECT_EQ(0, wrong);
}

TEST_F_TIMEOUT(relays, outlive_their_worker, 60)
{
	pid_t worker = daemon_child(&self->daemon, "worker 1");
	size_t sent = 0, got = 0;

	connect_relayed(self);
	stream(self, &sent, &got, STREAM_LEN / 2);
	ASSERT_EQ(0, kill(worker, SIGKILL));
	stream(self, &sent, &got, STREAM_LEN);
	ASSERT_GT(daemon_child_after(&self->daemon, "worker 1", worker), 0);
	ASSERT_TRUE(daemon_logged(&self->daemon, "worker 1 is there again"));
	stream(self, &sent, &got, 2 * STREAM_LEN);
	connect_relayed(self); /* by the new one */
	expect_carried(self);
}

/* Neither end takes it for a good end of the stream. */
TEST_F_TIMEOUT(relays, that_are_killed, 60)
{
	pid_t relay = daemon_child(&self->daemon, "relay 1");
	size_t sent = 0, got = 0;
	char buf[65536];
	uint8_t alert;
	ssize_t n;

	connect_relayed(self);
	stream(self, &sent, &got, STREAM_LEN / 2);
	ASSERT_TRUE(relay_has(self, RELAY, " connections=", 2));
	ASSERT_EQ(0, kill(relay, SIGKILL));
	for (size_t i = 0; i < 2; i++) {
		for (n = recv(self->fd[i], buf, sizeof(buf), 0); n > 0;
		     n = recv(self->fd[i], buf, sizeof(buf), 0))
			;
		if (n < 0)
			EXPECT_EQ(ECONNRESET, errno);
		EXPECT_EQ(KTLS_R_RELAY_LOST, relayed_end(self->fd[i], &alert));
		EXPECT_EQ(-1, send(self->fd[i], "x", 1, MSG_NOSIGNAL));
		EXPECT_EQ(EPIPE, errno);
	}
	EXPECT_TRUE(daemon_logged(&self->daemon, "relay 1: its 2 connections are lost"));
	ASSERT_GT(daemon_child_after(&self->daemon, "relay 1", relay), 0);
	ASSERT_TRUE(daemon_logged(&self->daemon, "relay 1 is there"));
	connect_relayed(self);
	expect_carried(self);
}

/* The peer's side of it: a reset, and no end of file. */
TEST_F(relays, that_are_killed_reset_the_peer)
{
	pid_t relay = daemon_child(&self->daemon, "relay 1");
	int peer;
	char byte;

	tcp_pair(self->fd, 0);
	peer = dup(self->fd[0]); /* this end's number is replaced, its TCP socket is there still */
	hand_over(self);
	expect_relayed(self);
	ASSERT_EQ(0, kill(relay, SIGKILL));
	usleep(100000);
	EXPECT_EQ(-1, recv(peer, &byte, 1, MSG_DONTWAIT));
	EXPECT_EQ(ECONNRESET, errno);
	close(peer);
}

TEST_F_TIMEOUT(relays, outlive_a_reload, 60)
{
	pid_t worker = daemon_child(&self->daemon, "worker 1");
	pid_t relay = daemon_child(&self->daemon, "relay 1");
	size_t sent = 0, got = 0;

	connect_relayed(self);
	stream(self, &sent, &got, STREAM_LEN / 2);
	ASSERT_EQ(0, kill(self->daemon.pid, SIGHUP));
	stream(self, &sent, &got, STREAM_LEN);
	ASSERT_TRUE(daemon_logged(&self->daemon, "reload: done"));
	ASSERT_GT(daemon_child_after(&self->daemon, "worker 1", worker), 0);
	EXPECT_EQ(relay, daemon_child(&self->daemon, "relay 1"));
	stream(self, &sent, &got, 2 * STREAM_LEN);
	connect_relayed(self);
	expect_carried(self);
}

/* Those that the new configuration does not want end with their last connection. */
TEST_F_TIMEOUT(relays, leave_when_they_are_not_wanted, 60)
{
	pid_t relay = daemon_child(&self->daemon, "relay 1");
	size_t sent = 0, got = 0;

	connect_relayed(self);
	stream(self, &sent, &got, STREAM_LEN / 2);
	ASSERT_TRUE(relay_has(self, RELAY, " connections=", 2));
	daemon_configure(&self->daemon, "workers = 1\nrelays-max = 16\nlog = stderr\n",
			 RELAYS_PROFILE, NULL);
	ASSERT_EQ(0, kill(self->daemon.pid, SIGHUP));
	ASSERT_TRUE(daemon_logged(&self->daemon, "reload: done"));
	ASSERT_TRUE(daemon_logged(&self->daemon, "relay 1 takes no more connections, and has 2"));
	stream(self, &sent, &got, STREAM_LEN);
	EXPECT_EQ(0, kill(relay, 0));
	EXPECT_NOT_NULL(strstr(status(self), "state=leaving connections=2 most=8"));
	connect_relayed(self); /* by the new one; the old one's last have closed */
	expect_carried(self);
	EXPECT_TRUE(relay_has(self, RELAY, " most=", 16));
	for (int i = 0; i < 500 && strstr(status(self), "most=8"); i++)
		usleep(10000);
	EXPECT_NULL(strstr(status(self), "most=8"));
}

TEST_HARNESS_MAIN
