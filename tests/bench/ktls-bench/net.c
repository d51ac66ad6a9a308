/* SPDX-License-Identifier: MIT */
#include "tests/bench/ktls-bench/net.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/crypto/util.h"

#define INTRODUCTION (MESSAGE_TOKEN + 4)

bool net_resolve(const char *host, const char *port, bool passive, struct address *out)
{
	const struct addrinfo hints = { .ai_flags = passive ? AI_PASSIVE : 0,
					.ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	int r = getaddrinfo(host, port, &hints, &found);

	if (r != 0) {
		fprintf(stderr, "ktls-bench: %s: %s\n", host ? host : "any address",
			gai_strerror(r));
		return false;
	}
	memcpy(&out->of, found->ai_addr, found->ai_addrlen);
	out->len = found->ai_addrlen;
	freeaddrinfo(found);
	return true;
}

static in_port_t *port_of(struct sockaddr_storage *of)
{
	return of->ss_family == AF_INET6 ? &((struct sockaddr_in6 *)of)->sin6_port
					 : &((struct sockaddr_in *)of)->sin_port;
}

void net_set_port(struct address *address, uint16_t port)
{
	*port_of(&address->of) = htons(port);
}

uint16_t net_port(const struct address *address)
{
	struct sockaddr_storage copy = address->of;

	return ntohs(*port_of(&copy));
}

static int close_failed(int fd)
{
	const int error = errno;

	if (fd >= 0)
		close(fd);
	errno = error;
	return -1;
}

int net_listen(const struct address *address, int backlog)
{
	const int on = 1;
	int fd = socket(address->of.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&address->of, address->len) < 0 ||
	    listen(fd, backlog) < 0)
		return close_failed(fd);
	return fd;
}

int net_connect(const struct address *address)
{
	int fd = socket(address->of.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	net_patience(fd, NET_PATIENCE_S);
	if (connect(fd, (const struct sockaddr *)&address->of, address->len) < 0)
		return close_failed(fd);
	return fd;
}

bool net_local(int fd, struct address *out)
{
	out->len = sizeof(out->of);
	return getsockname(fd, (struct sockaddr *)&out->of, &out->len) == 0;
}

bool net_source(const struct address *peer, struct address *out)
{
	struct address with_port = *peer;
	int fd = socket(peer->of.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool good;

	net_set_port(&with_port, 9);
	good = fd >= 0 && connect(fd, (const struct sockaddr *)&with_port.of, peer->len) == 0 &&
	       net_local(fd, out);
	if (fd >= 0)
		close(fd);
	return good;
}

void net_patience(int fd, int seconds)
{
	const struct timeval patience = { .tv_sec = seconds };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
}

void net_watch(int fd)
{
	const int on = 1, idle = 60, every = 15, times = 4;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof(every));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof(times));
}

int net_introduce(int fd, const uint8_t token[static MESSAGE_TOKEN], uint32_t index)
{
	uint8_t bytes[INTRODUCTION];
	struct writer w;

	writer_init(&w, bytes, sizeof(bytes));
	writer_bytes(&w, token, MESSAGE_TOKEN);
	writer_u32(&w, index);
	return send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL) == INTRODUCTION ? 0 : -1;
}

bool net_recognize(int fd, const uint8_t token[static MESSAGE_TOKEN], uint32_t *index)
{
	uint8_t bytes[INTRODUCTION];
	struct reader r;

	net_patience(fd, 5);
	if (recv(fd, bytes, sizeof(bytes), MSG_WAITALL) != INTRODUCTION)
		return false;
	net_patience(fd, NET_PATIENCE_S);
	reader_init(&r, bytes, sizeof(bytes));
	return secret_equal(bytes, token, MESSAGE_TOKEN) && reader_skip(&r, MESSAGE_TOKEN) &&
	       reader_u32(&r, index);
}
