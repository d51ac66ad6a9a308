/* SPDX-License-Identifier: MIT */
/* The path of a socket, over loopback: what is said of it, and how often the kernel is asked. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/netlink/path.h"
#include "tests/harness/conns.h"
#include "tests/harness/harness.h"

FIXTURE(path)
{
	struct netlink_paths *paths;
	int fd[2];
};

FIXTURE_SETUP(path)
{
	ASSERT_EQ(0, netlink_paths_open(&self->paths));
	tcp_pair(self->fd, 0);
}

FIXTURE_TEARDOWN(path)
{
	netlink_paths_close(self->paths);
	close(self->fd[0]);
	close(self->fd[1]);
}

static uint64_t routes_asked(const struct test_self_path *self)
{
	struct netlink_path_count count;

	netlink_path_count(self->paths, &count);
	return count.routes;
}

TEST_F(path, loopback)
{
	struct netlink_path path;

	for (int i = 0; i < 2; i++) {
		netlink_path_find(self->paths, self->fd[i], &path);
		EXPECT_EQ(KTLS_NO_HW_LOOPBACK, path.tx);
		EXPECT_EQ(KTLS_NO_HW_LOOPBACK, path.rx);
	}
}

/* Both ends have the same addresses, and what was heard of the first is good for the second. */
TEST_F(path, the_kernel_is_asked_once)
{
	struct netlink_path path;

	for (int i = 0; i < 1000; i++)
		netlink_path_find(self->paths, self->fd[i % 2], &path);
	EXPECT_LE(routes_asked(self), 3); /* as time goes by */
}

TEST_F(path, answers_get_old)
{
	struct netlink_path path;

	netlink_path_find(self->paths, self->fd[0], &path);
	EXPECT_EQ(1, routes_asked(self));
	usleep((PATH_AGE_MS + 50) * 1000);
	netlink_path_find(self->paths, self->fd[0], &path);
	EXPECT_EQ(2, routes_asked(self));
}

TEST_F(path, another_namespace_is_out_of_sight)
{
	struct netlink_path path;
	struct netlink_flow flow;

	ASSERT_EQ(0, netlink_flow_of(self->fd[0], &flow));
	EXPECT_EQ(AF_INET, flow.family);
	netlink_path_of(self->paths, netlink_namespace_of(self->fd[0]) + 1, &flow, &path);
	EXPECT_EQ(KTLS_NO_HW_MAY_NOT_LOOK, path.tx);
	EXPECT_EQ(0, routes_asked(self));
}

/* "::ffff:127.0.0.1" */
TEST_F(path, ipv4_in_ipv6)
{
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	struct sockaddr_in peer;
	struct sockaddr_in6 mapped = { .sin6_family = AF_INET6 };
	struct netlink_flow flow;
	socklen_t len = sizeof(peer);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0)
		SKIP(return, "no IPv6 here");
	peer = (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	ASSERT_EQ(0, bind(listener, (struct sockaddr *)&peer, len));
	ASSERT_EQ(0, listen(listener, 1));
	ASSERT_EQ(0, getsockname(listener, (struct sockaddr *)&peer, &len));
	mapped.sin6_port = peer.sin_port;
	ASSERT_EQ(1, inet_pton(AF_INET6, "::ffff:127.0.0.1", &mapped.sin6_addr));
	ASSERT_EQ(0, connect(fd, (struct sockaddr *)&mapped, sizeof(mapped)));
	ASSERT_EQ(0, netlink_flow_of(fd, &flow));
	EXPECT_EQ(AF_INET, flow.family);
	EXPECT_MEMEQ("\x7f\0\0\1\0", flow.peer, 5);
	close(fd);
	close(listener);
}

TEST_F(path, sockets_that_are_not_connected)
{
	struct netlink_path path;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	netlink_path_find(self->paths, fd, &path);
	EXPECT_EQ(KTLS_NO_HW_NO_ROUTE, path.tx);
	EXPECT_EQ(0, path.index);
	close(fd);
}

TEST_HARNESS_MAIN
