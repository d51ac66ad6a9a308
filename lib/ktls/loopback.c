/* SPDX-License-Identifier: MIT */
#include "lib/ktls/loopback.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static int fail_close(int fd)
{
	int err = errno;

	close(fd);
	return -err;
}

/* With a buffer of that many bytes; 0: as it is. */
static int tcp_socket(const union address *address, int buffer, int bytes)
{
	int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);

	if (fd < 0)
		return -errno;
	if (bytes > 0 && setsockopt(fd, SOL_SOCKET, buffer, &bytes, sizeof(bytes)) < 0)
		return fail_close(fd);
	return fd;
}

static int listen_on(const union address *address, int bytes)
{
	int fd = tcp_socket(address, SO_RCVBUF, bytes);

	if (fd < 0)
		return fd;
	if (bind(fd, &address->any, sizeof(*address)) < 0 || listen(fd, 8) < 0)
		return fail_close(fd);
	return fd;
}

static int connect_to(int listener, int bytes)
{
	union address address = { 0 };
	socklen_t len = sizeof(address);
	int fd;

	if (getsockname(listener, &address.any, &len) < 0)
		return -errno;
	fd = tcp_socket(&address, SO_SNDBUF, bytes);
	if (fd >= 0 && connect(fd, &address.any, len) < 0)
		return fail_close(fd);
	return fd;
}

/* Anybody may connect to a port that listens: is it the client that the server is connected to? */
static bool are_peers(int client, int server)
{
	union address mine = { 0 }, peer = { 0 };
	socklen_t mine_len = sizeof(mine), peer_len = sizeof(peer);

	return getsockname(client, &mine.any, &mine_len) == 0 &&
	       getpeername(server, &peer.any, &peer_len) == 0 && mine_len == peer_len &&
	       memcmp(&mine, &peer, mine_len) == 0;
}

static int accept_peer(int listener, int client)
{
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0 && are_peers(client, fd))
			return fd;
		if (fd >= 0)
			close(fd);
		else if (errno != EINTR && errno != ECONNABORTED)
			return -errno;
	}
}

static int pair_at(const union address *address, int fd[static 2], int bytes)
{
	int listener, client, server;

	listener = listen_on(address, bytes);
	if (listener < 0)
		return listener;
	client = connect_to(listener, bytes);
	server = client < 0 ? client : accept_peer(listener, client);
	close(listener);
	if (server >= 0) {
		fd[0] = client;
		fd[1] = server;
		return 0;
	}
	if (client >= 0)
		close(client);
	return server;
}

int loopback_narrow_pair(int fd[static 2], int bytes)
{
	union address v4 = { .v4 = { .sin_family = AF_INET,
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) } };
	union address v6 = { .v6 = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback } };
	int err = pair_at(&v4, fd, bytes);

	return err == 0 ? 0 : pair_at(&v6, fd, bytes);
}

int loopback_pair(int fd[static 2])
{
	return loopback_narrow_pair(fd, 0);
}
