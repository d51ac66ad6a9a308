/* SPDX-License-Identifier: MIT */
/*
 * Sockets that cannot have kernel TLS are refused, each with its reason, before the kernel is asked
 * for it: so this holds on kernels without it, too.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/ktls/kernel.h"
#include "lib/ktls/loopback.h"
#include "tests/harness/harness.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

#define EXPECT_REFUSED(fd, reason, error)                           \
	do {                                                        \
		int seen = -1;                                      \
		EXPECT_EQ(-(reason), kernel_ulp_attach(fd, &seen)); \
		EXPECT_EQ(error, seen);                             \
	} while (0)

TEST(no_socket)
{
	int pipes[2], path;

	EXPECT_REFUSED(-1, KTLS_R_SOCKET_NOT_SOCKET, EBADF);
	ASSERT_EQ(0, pipe(pipes));
	EXPECT_REFUSED(pipes[0], KTLS_R_SOCKET_NOT_SOCKET, ENOTSOCK);
	EXPECT_REFUSED(pipes[1], KTLS_R_SOCKET_NOT_SOCKET, ENOTSOCK);
	path = open("/", O_PATH);
	ASSERT_GE(path, 0);
	EXPECT_REFUSED(path, KTLS_R_SOCKET_NOT_SOCKET, EBADF);
}

TEST(other_sockets)
{
	int pair[2];

	EXPECT_REFUSED(socket(AF_INET, SOCK_DGRAM, 0), KTLS_R_SOCKET_NOT_TCP, 0);
	EXPECT_REFUSED(socket(AF_INET6, SOCK_DGRAM, 0), KTLS_R_SOCKET_NOT_TCP, 0);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	EXPECT_REFUSED(pair[0], KTLS_R_SOCKET_NOT_TCP, 0);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
	EXPECT_REFUSED(pair[0], KTLS_R_SOCKET_NOT_TCP, 0);
}

TEST(mptcp)
{
	int fd = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);

	if (fd < 0)
		SKIP(return, "no MPTCP here: %s", strerror(errno));
	EXPECT_REFUSED(fd, KTLS_R_SOCKET_MPTCP, 0);
}

TEST(not_connected)
{
	struct sockaddr_in any = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	EXPECT_REFUSED(fd, KTLS_R_SOCKET_NOT_CONNECTED, ENOTCONN);
	ASSERT_EQ(0, bind(fd, (struct sockaddr *)&any, sizeof(any)));
	ASSERT_EQ(0, listen(fd, 1));
	EXPECT_REFUSED(fd, KTLS_R_SOCKET_NOT_CONNECTED, ENOTCONN);
	EXPECT_REFUSED(socket(AF_INET6, SOCK_STREAM, 0), KTLS_R_SOCKET_NOT_CONNECTED, ENOTCONN);
}

/* A listener whose queue is full answers no SYN: whoever connects next is left waiting. */
TEST(connecting)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd;
	socklen_t len = sizeof(address);

	ASSERT_EQ(0, bind(listener, (struct sockaddr *)&address, sizeof(address)));
	ASSERT_EQ(0, listen(listener, 0));
	ASSERT_EQ(0, getsockname(listener, (struct sockaddr *)&address, &len));
	for (int i = 0; i < 3; i++) {
		fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(fd, (struct sockaddr *)&address, len);
	}
	EXPECT_REFUSED(fd, KTLS_R_SOCKET_NOT_CONNECTED, ENOTCONN);
}

TEST(shut_down_for_sending)
{
	int fd[2];

	ASSERT_EQ(0, loopback_pair(fd));
	ASSERT_EQ(0, shutdown(fd[0], SHUT_WR));
	EXPECT_REFUSED(fd[0], KTLS_R_SOCKET_NOT_CONNECTED, ENOTCONN);
}

TEST(reset_by_the_peer)
{
	struct linger at_once = { .l_onoff = 1 };
	int fd[2];

	ASSERT_EQ(0, loopback_pair(fd));
	ASSERT_EQ(0, setsockopt(fd[1], SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)));
	close(fd[1]);
	EXPECT_REFUSED(fd[0], KTLS_R_PEER_RESET, ECONNRESET);
}

TEST(peek_offset)
{
	int fd[2], offset = 0, error = -1;

	ASSERT_EQ(0, loopback_pair(fd));
	if (setsockopt(fd[0], SOL_SOCKET, SO_PEEK_OFF, &offset, sizeof(offset)) < 0)
		SKIP(return, "no SO_PEEK_OFF for TCP here: %s", strerror(errno));
	EXPECT_REFUSED(fd[0], KTLS_R_SOCKET_PEEK_OFF, 0);
	offset = -1;
	ASSERT_EQ(0, setsockopt(fd[0], SOL_SOCKET, SO_PEEK_OFF, &offset, sizeof(offset)));
	EXPECT_NE(-KTLS_R_SOCKET_PEEK_OFF, kernel_ulp_attach(fd[0], &error));
}

TEST(no_keys_without_the_ulp)
{
	struct ktls_traffic_key key = { .version = KTLS_TLS_1_3, .suite = KTLS_AES_128_GCM_SHA256 };
	int fd[2], error = -1;

	ASSERT_EQ(0, loopback_pair(fd));
	EXPECT_EQ(-KTLS_R_KERNEL_REFUSED, kernel_install(fd[0], true, &key, &error));
	EXPECT_EQ(ENOPROTOOPT, error);
	EXPECT_EQ(-ENOPROTOOPT, kernel_get(fd[0], true, &key));
	EXPECT_EQ(-KTLS_R_SOCKET_NOT_SOCKET, kernel_install(-1, true, &key, &error));
	EXPECT_EQ(EBADF, error);
	key.suite = 0x1304;
	EXPECT_EQ(-KTLS_R_MISUSE, kernel_install(fd[0], true, &key, &error));
	EXPECT_EQ(0, error);
}

/* What was meant to be encrypted never leaves in the clear, and never comes in so unnoticed. */
TEST(no_records_without_keys)
{
	uint8_t buf[8], type = 0xee;
	int fd[2];

	ASSERT_EQ(0, loopback_pair(fd));
	EXPECT_EQ(-ENOKEY, kernel_record_send(fd[0], RECORD_ALERT, "\1\0", 2, 0));
	EXPECT_EQ(-EAGAIN, kernel_record_recv(fd[1], buf, sizeof(buf), MSG_DONTWAIT, &type));
	ASSERT_EQ(5, write(fd[0], "plain", 5));
	EXPECT_EQ(-ENOKEY, kernel_record_recv(fd[1], buf, sizeof(buf), 0, &type));
	EXPECT_EQ(-EINVAL, kernel_record_recv(fd[1], buf, 0, 0, &type));
	EXPECT_EQ(-EINVAL, kernel_record_send(fd[0], RECORD_ALERT, buf, 0, 0));
	close(fd[0]);
	EXPECT_EQ(-ENODATA, kernel_record_recv(fd[1], buf, sizeof(buf), 0, &type));
	EXPECT_EQ(0xee, type);
}

/* Records that the kernel shall not have: its lack of TLS does not matter, nor a peer's FIN. */
TEST(without_the_ulp)
{
	int fd[2], pair[2], error = -1;

	ASSERT_EQ(0, loopback_pair(fd));
	EXPECT_EQ(0, kernel_check(fd[0], &error));
	EXPECT_EQ(0, error);
	ASSERT_EQ(0, shutdown(fd[1], SHUT_WR));
	usleep(10000);
	EXPECT_EQ(0, kernel_check(fd[0], &error));
	EXPECT_EQ(-KTLS_R_SOCKET_NOT_CONNECTED, kernel_check(fd[1], &error));
	EXPECT_EQ(-KTLS_R_SOCKET_NOT_CONNECTED,
		  kernel_check(socket(AF_INET, SOCK_STREAM, 0), &error));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	EXPECT_EQ(-KTLS_R_SOCKET_NOT_TCP, kernel_check(pair[0], &error));
	EXPECT_EQ(-KTLS_R_SOCKET_NOT_SOCKET, kernel_check(-1, &error));
	EXPECT_EQ(EBADF, error);
}

TEST_HARNESS_MAIN
