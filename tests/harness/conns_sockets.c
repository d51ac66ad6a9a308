/* SPDX-License-Identifier: MIT */
/* Connections for conns.h's handshakes. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/harness/conns.h"
#include "tests/harness/harness.h"

/* Its address goes to *addr. */
static int listener_open(int rcvbuf, struct sockaddr_in *addr)
{
	socklen_t len = sizeof(*addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*addr = (struct sockaddr_in){ .sin_family = AF_INET };
	addr->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (rcvbuf > 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf));
	ASSERT_EQ(0, bind(fd, (struct sockaddr *)addr, len));
	ASSERT_EQ(0, listen(fd, 16));
	ASSERT_EQ(0, getsockname(fd, (struct sockaddr *)addr, &len));
	return fd;
}

void tcp_pair(int fd[2], int rcvbuf)
{
	static int shared = -1; /* a listener each would use up the ports */
	static struct sockaddr_in shared_addr;
	struct sockaddr_in addr;
	int listener = shared, one = 1;

	if (shared < 0)
		shared = listener = listener_open(0, &shared_addr);
	addr = shared_addr;
	if (rcvbuf > 0)
		listener = listener_open(rcvbuf, &addr);
	fd[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (rcvbuf > 0)
		setsockopt(fd[0], SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf));
	ASSERT_EQ(0, connect(fd[0], (struct sockaddr *)&addr, sizeof(addr)));
	fd[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ASSERT_GE(fd[1], 0);
	if (rcvbuf > 0)
		close(listener);
	for (int i = 0; i < 2; i++)
		setsockopt(fd[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

void open_pair(struct conn_end *client, struct conn_end *server, int rcvbuf)
{
	int fd[2];

	tcp_pair(fd, rcvbuf);
	client->fd = fd[0];
	server->fd = fd[1];
}

void close_by_reset(int fd)
{
	struct linger linger = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}

void middle_open(struct middle *middle, int *client, int *server)
{
	int a[2], b[2];

	tcp_pair(a, 0);
	tcp_pair(b, 0);
	*client = a[0];
	*server = b[1];
	*middle = (struct middle){ .client = a[1], .server = b[0] };
}

void middle_close(struct middle *middle)
{
	if (middle->client >= 0)
		close(middle->client);
	if (middle->server >= 0)
		close(middle->server);
	middle->client = -1;
	middle->server = -1;
}

static size_t pass(int from, int to, size_t max)
{
	uint8_t buf[65536];
	ssize_t n = recv(from, buf, max < sizeof(buf) ? max : sizeof(buf), MSG_DONTWAIT);

	if (n <= 0)
		return 0;
	EXPECT_EQ(n, send(to, buf, (size_t)n, MSG_NOSIGNAL));
	return (size_t)n;
}

size_t middle_to_server(struct middle *middle, size_t max)
{
	size_t n = pass(middle->client, middle->server, max);

	middle->to_server += n;
	return n;
}

size_t middle_to_client(struct middle *middle, size_t max)
{
	size_t n = pass(middle->server, middle->client, max);

	middle->to_client += n;
	return n;
}

void middle_run(struct middle *middle, struct conns *conns, struct conn_end *client,
		struct conn_end *server, size_t chunk)
{
	size_t moved;

	for (int idle = 0; idle < 200 && !(client->done && server->done);) {
		moved = middle_to_server(middle, chunk);
		moved += middle_to_client(middle, chunk);
		conns_settle(conns);
		idle = moved > 0 ? 0 : idle + 1;
		if (moved == 0)
			usleep(1000);
	}
	EXPECT_TRUE(client->done && server->done);
}
