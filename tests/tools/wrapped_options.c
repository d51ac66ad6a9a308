/* SPDX-License-Identifier: MIT */
/* Run by ktlsrun: options of TCP and IP, where the program may have another socket than it thinks.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/harness/wrapped_ends.h"

static int option(int fd, int level, int name)
{
	socklen_t len = sizeof(int);
	int value = -1;

	EXPECT_EQ(0, getsockopt(fd, level, name, &value, &len));
	EXPECT_EQ(sizeof(int), len);
	return value;
}

TEST_F(ends, options_are_those_of_TCP)
{
	int on = 1;

	EXPECT_EQ(AF_INET, option(self->server, SOL_SOCKET, SO_DOMAIN));
	EXPECT_EQ(IPPROTO_TCP, option(self->client, SOL_SOCKET, SO_PROTOCOL));
	EXPECT_EQ(SOCK_STREAM, option(self->client, SOL_SOCKET, SO_TYPE));
	EXPECT_EQ(0, option(self->client, SOL_SOCKET, SO_ERROR));
	EXPECT_EQ(0, option(self->client, SOL_SOCKET, SO_ACCEPTCONN));
	EXPECT_EQ(0, setsockopt(self->client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)));
	EXPECT_EQ(1, option(self->client, IPPROTO_TCP, TCP_NODELAY));
	EXPECT_EQ(0, setsockopt(self->client, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)));
	EXPECT_EQ(1, option(self->client, SOL_SOCKET, SO_KEEPALIVE));
	EXPECT_EQ(0, setsockopt(self->client, IPPROTO_TCP, TCP_KEEPIDLE, &(int){ 60 }, 4));
	EXPECT_EQ(60, option(self->client, IPPROTO_TCP, TCP_KEEPIDLE));
	EXPECT_EQ(0, setsockopt(self->client, IPPROTO_IP, IP_TOS, &(int){ 16 }, 4));
	EXPECT_EQ(16, option(self->client, IPPROTO_IP, IP_TOS));
}

static int state(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	EXPECT_EQ(0, getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len));
	EXPECT_LE(offsetof(struct tcp_info, tcpi_retrans), len);
	return info.tcpi_state;
}

TEST_F(ends, the_state_is_that_of_TCP)
{
	EXPECT_EQ(TCP_ESTABLISHED, state(self->client));
	EXPECT_EQ(TCP_ESTABLISHED, state(self->server));
	wrapped_works(self->server, self->client);
	close(self->client);
	EXPECT_EQ(0, read(self->server, &(char){ 0 }, 1));
	for (int i = 0; i < 500 && state(self->server) == TCP_ESTABLISHED; i++)
		usleep(10000);
	EXPECT_EQ(TCP_CLOSE_WAIT, state(self->server));
}

/* As sockets inherit from the one that listens, and as they keep what they were told before. */
TEST(options_last)
{
	int listener = wrapped_listener(AF_INET, wrapped_port("listen ", 0), 0), on = 1;
	struct timeval time = { .tv_sec = 7 };
	socklen_t len = sizeof(time);
	struct wrapped_dial d;
	int server, client;

	ASSERT_EQ(0, setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)));
	ASSERT_EQ(0, setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)));
	wrapped_dial(&d, AF_INET, wrapped_port("listen ", 0));
	server = accept(listener, NULL, NULL);
	ASSERT_GE(server, 0);
	client = wrapped_dialled(&d);
	EXPECT_EQ(1, option(server, IPPROTO_TCP, TCP_NODELAY));
	EXPECT_EQ(0, option(client, IPPROTO_TCP, TCP_NODELAY));
	memset(&time, 0, sizeof(time));
	EXPECT_EQ(0, getsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &time, &len));
	EXPECT_EQ(7, time.tv_sec);
	close(client);
	close(server);
	close(listener);
}

static void *dial(void *arg)
{
	struct sockaddr_storage address;
	socklen_t len = wrapped_address(AF_INET, wrapped_port("listen ", 0), &address);

	EXPECT_EQ(0, connect(*(int *)arg, (struct sockaddr *)&address, len));
	return NULL;
}

/* A client's is the socket that it made. */
TEST(facts_from_before)
{
	int listener = wrapped_listener(AF_INET, wrapped_port("listen ", 0), 0), server;
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char name[16] = "";
	socklen_t len = sizeof(name);
	pthread_t thread;

	ASSERT_EQ(0, setsockopt(client, IPPROTO_IP, IP_TTL, &(int){ 33 }, sizeof(int)));
	ASSERT_EQ(0, setsockopt(client, IPPROTO_IP, IP_TOS, &(uint8_t){ 8 }, 1));
	ASSERT_EQ(0, setsockopt(client, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
	ASSERT_EQ(0, pthread_create(&thread, NULL, dial, &client));
	server = accept(listener, NULL, NULL);
	ASSERT_GE(server, 0);
	pthread_join(thread, NULL);
	EXPECT_EQ(33, option(client, IPPROTO_IP, IP_TTL));
	EXPECT_EQ(8, option(client, IPPROTO_IP, IP_TOS));
	EXPECT_GE(option(client, IPPROTO_TCP, TCP_MAXSEG), 536);
	EXPECT_EQ(0, getsockopt(client, IPPROTO_TCP, TCP_CONGESTION, name, &len));
	EXPECT_STREQ("reno", name);
	EXPECT_EQ(0, setsockopt(client, IPPROTO_IP, IP_TTL, &(int){ 44 }, sizeof(int)));
	EXPECT_EQ(44, option(client, IPPROTO_IP, IP_TTL));
	EXPECT_EQ(-1, setsockopt(client, IPPROTO_IP, IP_TTL, "", 0));
	EXPECT_EQ(EINVAL, errno);
	close(client);
	close(server);
	close(listener);
}

TEST_HARNESS_MAIN
