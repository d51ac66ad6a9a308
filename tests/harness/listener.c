/* SPDX-License-Identifier: MIT */
#include "tests/harness/listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/harness/harness.h"

int listener_open(int flags)
{
	struct sockaddr_in any = { .sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, bind(fd, (struct sockaddr *)&any, sizeof(any)));
	ASSERT_EQ(0, listen(fd, 65535));
	return fd;
}

int listener_connect(int listener)
{
	struct sockaddr_in address;
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, getsockname(listener, (struct sockaddr *)&address, &len));
	ASSERT_EQ(0, connect(fd, (struct sockaddr *)&address, sizeof(address)));
	return fd;
}

int listener_waiting(int listener)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	ASSERT_EQ(0, getsockopt(listener, IPPROTO_TCP, TCP_INFO, &info, &len));
	return (int)info.tcpi_unacked; /* of a listening socket: its queue */
}
