/* SPDX-License-Identifier: MIT */
/* What is asked of one socket (lib/netlink/tls.c); the answers for TLS are in tests/kernel. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/ktls/loopback.h"
#include "lib/netlink/tls.h"
#include "tests/harness/harness.h"

FIXTURE(socket)
{
	struct netlink *nl;
	int fd[2];
	struct netlink_socket socket;
	struct netlink_tls tls;
};

FIXTURE_SETUP(socket)
{
	ASSERT_EQ(0, netlink_open(&self->nl));
	ASSERT_EQ(0, loopback_pair(self->fd));
	ASSERT_EQ(0, netlink_socket_of(self->fd[0], &self->socket));
	self->tls.version = 1;
}

FIXTURE_TEARDOWN(socket)
{
	netlink_close(self->nl);
	close(self->fd[0]);
	close(self->fd[1]);
}

/* It ends like this, and nothing is written. */
#define EXPECT_FAILS(error)                                                                \
	do {                                                                               \
		EXPECT_EQ(-(error), netlink_tls_get(self->nl, &self->socket, &self->tls)); \
		EXPECT_EQ(1, self->tls.version);                                           \
	} while (0)

TEST_F(socket, a_socket_is_known_by_addresses_and_cookie)
{
	struct netlink_socket other;

	ASSERT_EQ(0, netlink_socket_of(self->fd[1], &other));
	EXPECT_EQ(AF_INET, self->socket.flow.family);
	EXPECT_MEMEQ(self->socket.flow.local, other.flow.peer, sizeof(other.flow.peer));
	EXPECT_EQ(self->socket.local_port, other.peer_port);
	EXPECT_EQ(self->socket.peer_port, other.local_port);
	EXPECT_NE(self->socket.cookie, other.cookie);
	EXPECT_EQ(0, other.flow.bound_to);
}

TEST_F(socket, a_socket_without_tls)
{
	EXPECT_FAILS(ENODATA);
}

/* The cookie tells one socket from another that has got its addresses. */
TEST_F(socket, another_socket)
{
	self->socket.cookie++;
	EXPECT_FAILS(ENOENT);
}

TEST_F(socket, no_such_socket)
{
	self->socket.peer_port = htons(1);
	EXPECT_FAILS(ENOENT);
}

/* One that is closed stays with its addresses for a while (TIME_WAIT), and has nothing to say. */
TEST_F(socket, a_socket_that_was_closed)
{
	close(self->fd[0]);
	close(self->fd[1]);
	EXPECT_NE(0, netlink_tls_get(self->nl, &self->socket, &self->tls));
	EXPECT_EQ(1, self->tls.version);
	ASSERT_EQ(0, loopback_pair(self->fd));
}

static void connect_over_ipv6(const struct in6_addr *from, int fd[static 2])
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_addr = *from };
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET6, SOCK_STREAM, 0);

	ASSERT_EQ(0, bind(listener, (struct sockaddr *)&address, len));
	ASSERT_EQ(0, listen(listener, 1));
	ASSERT_EQ(0, getsockname(listener, (struct sockaddr *)&address, &len));
	fd[0] = socket(AF_INET6, SOCK_STREAM, 0);
	ASSERT_EQ(0, connect(fd[0], (struct sockaddr *)&address, len));
	fd[1] = accept(listener, NULL, NULL);
	ASSERT_GE(fd[1], 0);
	close(listener);
}

static void find_both(struct netlink *nl, const int fd[static 2], uint32_t family)
{
	for (int i = 0; i < 2; i++) {
		struct netlink_socket socket;
		struct netlink_tls tls;

		ASSERT_EQ(0, netlink_socket_of(fd[i], &socket));
		EXPECT_EQ(family, socket.flow.family);
		EXPECT_EQ(-ENODATA, netlink_tls_get(nl, &socket, &tls));
		socket.cookie++;
		EXPECT_EQ(-ENOENT, netlink_tls_get(nl, &socket, &tls));
	}
}

/* IPv6, and IPv4 in a socket of IPv6. */
TEST(ipv6)
{
	struct in6_addr mapped = { .s6_addr = { [10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1 } };
	struct netlink *nl;
	int fd[2];

	ASSERT_EQ(0, netlink_open(&nl));
	connect_over_ipv6(&in6addr_loopback, fd);
	find_both(nl, fd, AF_INET6);
	connect_over_ipv6(&mapped, fd);
	find_both(nl, fd, AF_INET);
	netlink_close(nl);
}

/* A socket that is bound to a device is found by that, too. */
TEST_F(socket, a_socket_bound_to_a_device)
{
	int loopback = 1;

	ASSERT_EQ(0, setsockopt(self->fd[0], SOL_SOCKET, SO_BINDTOIFINDEX, &loopback,
				sizeof(loopback)));
	ASSERT_EQ(0, netlink_socket_of(self->fd[0], &self->socket));
	EXPECT_EQ(1, self->socket.flow.bound_to);
	EXPECT_FAILS(ENODATA);
}

TEST(no_connected_socket)
{
	struct netlink_socket socket_;
	int fd = socket(AF_INET, SOCK_STREAM, 0), pipes[2];

	ASSERT_EQ(0, pipe(pipes));
	EXPECT_EQ(-ENOTCONN, netlink_socket_of(fd, &socket_));
	EXPECT_EQ(-EBADF, netlink_socket_of(-1, &socket_));
	EXPECT_EQ(-ENOTSOCK, netlink_socket_of(pipes[0], &socket_));
}

TEST_HARNESS_MAIN
