/* SPDX-License-Identifier: MIT */
/* Relayed descriptors: names of ends, and taking the place of a socket. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/handoff/relayed.h"
#include "tests/harness/conns.h"
#include "tests/harness/descriptors.h"
#include "tests/harness/harness.h"

FIXTURE(relayed)
{
	int fd, relay; /* a pair */
};

FIXTURE_SETUP(relayed)
{
	int pair[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	self->fd = pair[0];
	self->relay = pair[1];
}

FIXTURE_TEARDOWN(relayed)
{
	close(self->fd);
	close(self->relay);
}

/* ---- names ----------------------------------------------------------------------------------- */

TEST(names_of_ends)
{
	struct sockaddr_un name, other;
	enum ktls_reason reason = KTLS_OK;
	uint8_t alert = 0;
	socklen_t len = relayed_name(&name, KTLS_R_KEY_UPDATE_STORM, 255, 1);

	ASSERT_TRUE(relayed_parse(&name, len, &reason, &alert));
	EXPECT_EQ(KTLS_R_KEY_UPDATE_STORM, reason);
	EXPECT_EQ(255, alert);
	relayed_name(&other, KTLS_R_KEY_UPDATE_STORM, 255, 2);
	EXPECT_NE(0, memcmp(&name, &other, sizeof(name)));
	for (socklen_t cut = 0; cut < offsetof(struct sockaddr_un, sun_path) + 16; cut++)
		EXPECT_FALSE(relayed_parse(&name, cut, &reason, &alert));
	EXPECT_FALSE(relayed_parse(&name, sizeof(name) + 1, &reason, &alert));
}

TEST(names_of_others)
{
	static const char *const texts[] = { "",
					     "ktls-end-",
					     "ktls-end-0-255-0",
					     "ktls-end-65536-255-0",
					     "ktls-end-180-256-0",
					     "ktls-end-180",
					     "ktls-end-180-255",
					     "Ktls-end-180-255-0",
					     "somebody" };
	enum ktls_reason reason = KTLS_R_INTERNAL;
	uint8_t alert = 7;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct sockaddr_un name = { .sun_family = AF_UNIX };
		size_t len = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(texts[i]);

		memcpy(name.sun_path + 1, texts[i], strlen(texts[i]));
		EXPECT_FALSE(relayed_parse(&name, (socklen_t)len, &reason, &alert));
		name.sun_path[0] = 'k'; /* a file */
		EXPECT_FALSE(relayed_parse(&name, (socklen_t)len, &reason, &alert));
	}
	EXPECT_EQ(KTLS_R_INTERNAL, reason);
	EXPECT_EQ(7, alert);
}

TEST_F(relayed, end_with_a_name)
{
	struct sockaddr_un name;
	socklen_t len = relayed_name(&name, KTLS_R_PEER_ALERT, KTLS_ALERT_ACCESS_DENIED,
				     (uint64_t)getpid());
	uint8_t alert = 0;

	EXPECT_TRUE(relayed_is(self->fd));
	EXPECT_EQ(KTLS_OK, relayed_end(self->fd, &alert));
	EXPECT_EQ(KTLS_ALERT_NONE, alert);
	ASSERT_EQ(0, bind(self->relay, (struct sockaddr *)&name, len));
	close(self->relay);
	self->relay = -1;
	EXPECT_EQ(KTLS_R_PEER_ALERT, relayed_end(self->fd, &alert));
	EXPECT_EQ(KTLS_ALERT_ACCESS_DENIED, alert);
}

TEST_F(relayed, end_without_a_name)
{
	uint8_t alert = 0;

	close(self->relay);
	self->relay = -1;
	EXPECT_EQ(KTLS_R_RELAY_LOST, relayed_end(self->fd, &alert));
	EXPECT_EQ(KTLS_ALERT_NONE, alert);
}

/* ---- in the place of a socket ---------------------------------------------------------------- */

static void expect_flags(int number, int descriptor, int status)
{
	EXPECT_EQ(descriptor, fcntl(number, F_GETFD));
	EXPECT_EQ(status, fcntl(number, F_GETFL) & O_NONBLOCK);
}

TEST_F(relayed, takes_the_place_of_a_socket)
{
	static const int flags[] = { 0, O_NONBLOCK };
	int tcp[2], before;
	char byte = 0;

	for (int i = 0; i < 4; i++) {
		tcp_pair(tcp, 0);
		before = open_descriptors();
		ASSERT_EQ(0, fcntl(tcp[0], F_SETFD, i & 1 ? FD_CLOEXEC : 0));
		ASSERT_EQ(0, fcntl(tcp[0], F_SETFL, flags[i / 2]));
		ASSERT_EQ(0, relayed_put(dup(self->fd), tcp[0]));
		EXPECT_TRUE(relayed_is(tcp[0]));
		EXPECT_FALSE(relayed_is(tcp[1]));
		expect_flags(tcp[0], i & 1 ? FD_CLOEXEC : 0, flags[i / 2]);
		ASSERT_EQ(1, send(self->relay, "x", 1, 0));
		EXPECT_EQ(1, read(tcp[0], &byte, 1));
		EXPECT_EQ('x', byte);
		EXPECT_EQ(before, open_descriptors());
		close(tcp[0]);
		close(tcp[1]);
	}
}

TEST_F(relayed, timeouts_stay)
{
	struct timeval timeout = { .tv_sec = 7 };
	socklen_t len = sizeof(timeout);
	int tcp[2];

	tcp_pair(tcp, 0);
	ASSERT_EQ(0, setsockopt(tcp[0], SOL_SOCKET, SO_RCVTIMEO, &timeout, len));
	ASSERT_EQ(0, relayed_put(dup(self->fd), tcp[0]));
	timeout.tv_sec = 0;
	ASSERT_EQ(0, getsockopt(tcp[0], SOL_SOCKET, SO_RCVTIMEO, &timeout, &len));
	EXPECT_EQ(7, timeout.tv_sec);
	ASSERT_EQ(0, getsockopt(tcp[0], SOL_SOCKET, SO_SNDTIMEO, &timeout, &len));
	EXPECT_EQ(0, timeout.tv_sec);
	close(tcp[0]);
	close(tcp[1]);
}

TEST_F(relayed, number_that_is_closed)
{
	int before = open_descriptors(), number = dup(self->relay), fd = dup(self->fd);

	close(number);
	EXPECT_EQ(-EBADF, relayed_put(fd, number));
	EXPECT_EQ(-1, fcntl(number, F_GETFD));
	EXPECT_EQ(before, open_descriptors());
}

TEST_HARNESS_MAIN
