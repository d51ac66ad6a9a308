/* SPDX-License-Identifier: MIT */
#include "tests/harness/wrapped.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/harness/harness.h"

uint16_t wrapped_port(const char *rule, unsigned int nth)
{
	const char *at = getenv("KTLSRUN");

	while (at) {
		if (strncmp(at, rule, strlen(rule)) == 0 && nth-- == 0)
			return (uint16_t)atoi(at + strlen(rule));
		at = strchr(at, '\n');
		at = at ? at + 1 : NULL;
	}
	return 0;
}

socklen_t wrapped_address(int family, uint16_t port, struct sockaddr_storage *out)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = htons(port),
				  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
				    .sin6_port = htons(port),
				    .sin6_addr = IN6ADDR_LOOPBACK_INIT };

	memset(out, 0, sizeof(*out));
	if (family == AF_INET)
		memcpy(out, &in, sizeof(in));
	else
		memcpy(out, &in6, sizeof(in6));
	return family == AF_INET ? sizeof(in) : sizeof(in6);
}

int wrapped_bound(int family, uint16_t port, int flags)
{
	const struct timespec while_ago = { .tv_nsec = 20000000 };
	struct sockaddr_storage address;
	socklen_t len = wrapped_address(family, port, &address);
	const int on = 1;
	int fd = socket(family, SOCK_STREAM | flags, 0), ret = -1;

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)));
	for (int i = 0; i < 250 && ret < 0; i++) {
		ret = bind(fd, (struct sockaddr *)&address, len);
		if (ret < 0)
			nanosleep(&while_ago, NULL);
	}
	ASSERT_EQ(0, ret);
	return fd;
}

int wrapped_listener(int family, uint16_t port, int flags)
{
	int fd = wrapped_bound(family, port, flags);

	ASSERT_EQ(0, listen(fd, 16));
	return fd;
}

int wrapped_connect(int family, uint16_t port, int flags)
{
	struct sockaddr_storage address;
	socklen_t len = wrapped_address(family, port, &address);
	int fd = socket(family, SOCK_STREAM | flags, 0), error;

	if (connect(fd, (struct sockaddr *)&address, len) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

int plain_connect(int family, uint16_t port)
{
	struct sockaddr_storage address;
	socklen_t len = wrapped_address(family, port, &address);
	int fd = socket(family, SOCK_STREAM, 0);

	ASSERT_EQ(0, syscall(SYS_connect, fd, &address, len));
	return fd;
}

static void *dial(void *arg)
{
	struct wrapped_dial *d = arg;

	d->fd = wrapped_connect(d->family, d->port, 0);
	d->error = errno;
	return NULL;
}

void wrapped_dial(struct wrapped_dial *d, int family, uint16_t port)
{
	d->family = family;
	d->port = port;
	d->fd = -1;
	ASSERT_EQ(0, pthread_create(&d->thread, NULL, dial, d));
}

int wrapped_dialled(struct wrapped_dial *d)
{
	pthread_join(d->thread, NULL);
	errno = d->error;
	return d->fd;
}

void wrapped_pair(int listener, int family, int *client, int *server)
{
	struct sockaddr_storage address;
	struct sockaddr_in *in = (struct sockaddr_in *)&address;
	socklen_t len = sizeof(address);
	struct wrapped_dial d;

	ASSERT_EQ(0, getsockname(listener, (struct sockaddr *)&address, &len));
	wrapped_dial(&d, family, ntohs(in->sin_port));
	*server = accept(listener, NULL, NULL);
	ASSERT_GE(*server, 0);
	*client = wrapped_dialled(&d);
	ASSERT_GE(*client, 0);
}

void wrapped_works(int from, int to)
{
	char byte = 0;

	EXPECT_EQ(1, write(from, "x", 1));
	EXPECT_EQ(1, read(to, &byte, 1));
	EXPECT_EQ('x', byte);
}

bool wrapped_readable(int fd, int ms)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	return poll(&wait, 1, ms) == 1;
}

int wrapped_patience(int ms)
{
	const char *factor = getenv("KTLS_TIMEOUT_FACTOR");

	return factor ? ms * atoi(factor) : ms;
}
