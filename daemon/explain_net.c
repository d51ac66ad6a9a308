/* SPDX-License-Identifier: MIT */
/* Names, sockets and deadlines of "ktlsctl explain": nothing here waits longer than it may. */
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "daemon/explain.h"

#define MICROSECONDS 1000000ULL
#define MAPPED       "::ffff:"

uint64_t explain_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * MICROSECONDS + (uint64_t)t.tv_nsec / 1000;
}

uint64_t explain_elapsed(const struct explain *x)
{
	return explain_now() - x->start;
}

/* False at the deadline. */
static bool wait_for(const struct explain *x, short events)
{
	struct pollfd p = { .fd = x->fd, .events = events };
	uint64_t now = explain_now();
	int left, n;

	do {
		left = now < x->deadline ? (int)((x->deadline - now + 999) / 1000) : 0;
		n = poll(&p, 1, left);
		now = explain_now();
	} while (n < 0 && errno == EINTR);
	return n > 0;
}

static const char *address_text(struct explain *x, const struct sockaddr *address, socklen_t len)
{
	char host[64], port[16];

	if (getnameinfo(address, len, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return "?";
	/* An IPv4 address that came to an IPv6 socket. */
	if (strncmp(host, MAPPED, strlen(MAPPED)) == 0 && strchr(host, '.'))
		return trace_text(&x->trace, "%s:%s", host + strlen(MAPPED), port);
	return trace_text(&x->trace, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

static bool fail(struct explain *x, enum outcome outcome, int error)
{
	x->outcome = outcome;
	x->error = error;
	return false;
}

/* ---- client ---------------------------------------------------------------------------------- */

/* 0, or an errno. */
static int connect_to(struct explain *x, const struct addrinfo *a)
{
	socklen_t len = sizeof(int);
	int error = 0;

	x->fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
	if (x->fd < 0)
		return errno;
	if (connect(x->fd, a->ai_addr, a->ai_addrlen) < 0)
		error = errno;
	if (error == EINPROGRESS) {
		error = ETIMEDOUT;
		if (wait_for(x, POLLOUT))
			getsockopt(x->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	}
	if (error == 0)
		return 0;
	close(x->fd);
	x->fd = -1;
	return error;
}

bool explain_connect(struct explain *x)
{
	struct addrinfo hints = { .ai_family = x->options->family, .ai_socktype = SOCK_STREAM };
	uint64_t began = explain_now(), resolved;
	struct addrinfo *list;
	int error;

	error = getaddrinfo(x->options->host, x->options->port, &hints, &list);
	if (error != 0)
		return fail(x, OUTCOME_RESOLVE, error);
	resolved = explain_now();
	x->trace.resolved = resolved - began;
	for (const struct addrinfo *a = list; a; a = a->ai_next) {
		x->trace.address = address_text(x, a->ai_addr, a->ai_addrlen);
		error = connect_to(x, a);
		if (error == 0)
			break;
	}
	freeaddrinfo(list);
	if (error != 0)
		return fail(x, OUTCOME_CONNECT, error);
	x->start = explain_now();
	x->trace.connected = x->start - resolved;
	return true;
}

/* ---- server ---------------------------------------------------------------------------------- */

static int listen_on(const struct addrinfo *a)
{
	int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
	int one = 1, zero = 0;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (a->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, 16) == 0)
		return fd;
	close(fd);
	return -1;
}

static void say_where(int fd)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	char port[16] = "?";

	if (getsockname(fd, (struct sockaddr *)&address, &len) == 0)
		getnameinfo((struct sockaddr *)&address, len, NULL, 0, port, sizeof(port),
			    NI_NUMERICSERV);
	fprintf(stderr, "ktlsctl: listening on port %s\n", port);
}

int explain_listen(const struct explain_options *o)
{
	struct addrinfo hints = { .ai_family = o->family,
				  .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_PASSIVE };
	struct addrinfo *list;
	int error = getaddrinfo(o->host, o->port, &hints, &list), fd = -1;

	if (error != 0)
		errx(2, "%s: %s", o->target, gai_strerror(error));
	/* One socket on :: serves both families. */
	for (int v6 = o->family != AF_INET; fd < 0 && v6 >= 0; v6--)
		for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next)
			if ((a->ai_family == AF_INET6) == (v6 == 1))
				fd = listen_on(a);
	freeaddrinfo(list);
	if (fd < 0)
		err(2, "%s", o->target);
	say_where(fd);
	return fd;
}

bool explain_accept(struct explain *x, int listener)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);

	do
		x->fd = accept4(listener, (struct sockaddr *)&address, &len,
				SOCK_CLOEXEC | SOCK_NONBLOCK);
	while (x->fd < 0 && (errno == EINTR || errno == ECONNABORTED));
	x->start = explain_now();
	x->deadline = x->start + x->options->timeout * MICROSECONDS;
	if (x->fd < 0)
		return fail(x, OUTCOME_SOCKET, errno);
	x->trace.address = address_text(x, (struct sockaddr *)&address, len);
	return true;
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static bool fail_socket(struct explain *x, int error)
{
	bool reset = error == ECONNRESET || error == EPIPE;

	return fail(x, reset ? OUTCOME_RESET : OUTCOME_SOCKET, error);
}

/* Behind a call that failed: waits where that helps. */
static bool may_go_on(struct explain *x, short events)
{
	if (errno == EINTR)
		return true;
	if (errno != EAGAIN)
		return fail_socket(x, errno);
	return wait_for(x, events) || fail(x, OUTCOME_TIMEOUT, 0);
}

bool explain_send(struct explain *x, const uint8_t *bytes, size_t len)
{
	ssize_t n;

	for (; len > 0; bytes += n, len -= (size_t)n) {
		n = send(x->fd, bytes, len, MSG_NOSIGNAL);
		if (n >= 0) {
			x->sent_since = true;
			continue;
		}
		n = 0;
		if (!may_go_on(x, POLLOUT))
			return false;
	}
	return true;
}

static void heard(struct explain *x)
{
	if (x->sent_since)
		x->trace.round_trips++;
	x->sent_since = false;
}

bool explain_recv(struct explain *x, uint8_t *bytes, size_t len)
{
	uint64_t began = explain_now();
	ssize_t n = 0;

	for (; len > 0; bytes += n, len -= (size_t)n) {
		n = recv(x->fd, bytes, len, 0);
		if (n == 0)
			return fail(x, OUTCOME_EOF, 0);
		if (n > 0) {
			heard(x);
			continue;
		}
		n = 0;
		if (!may_go_on(x, POLLIN))
			return false;
	}
	x->trace.waited += explain_now() - began;
	return true;
}
