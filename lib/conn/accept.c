/* SPDX-License-Identifier: MIT */
#include "lib/conn/accept.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/conn/acceptor.h"
#include "lib/conn/internal.h"

#define PATIENCE_MS 1000 /* with a peer that keeps others waiting */
#define AGAIN_MS    100  /* until the loop may have room */
#define AT_ONCE_MAX 8    /* connections that the thread may have ready */
#define MS          UINT64_C(1000000)

struct conn_accept {
	struct conn_accept_config config;
	struct acceptor *acceptor;
	int wake; /* eventfd: the thread has something, or over() is due */
	size_t room;
	size_t under_way;
	struct conn_accepted *first, **last;
	bool stopped;
	bool deaf;        /* the socket listens no longer */
	bool over;        /* and that was said */
	uint8_t *storage; /* of what the request points to */
};

/* ---- the request, copied --------------------------------------------------------------------- */

static size_t exports_size(const struct conn_request *request)
{
	size_t size = request->exports_len * sizeof(struct handoff_export);

	for (size_t i = 0; i < request->exports_len; i++)
		size += request->exports[i].label.len + request->exports[i].context.len;
	return size;
}

static void keep(struct ktls_span *span, uint8_t **at)
{
	if (span->len > 0)
		memcpy(*at, span->bytes, span->len);
	span->bytes = *at;
	*at += span->len;
}

static bool request_copy(struct conn_accept *accept)
{
	struct conn_request *request = &accept->config.request;
	struct handoff_export *exports;
	uint8_t *at;

	accept->storage = malloc(exports_size(request) + request->alpn_len + 1);
	if (!accept->storage)
		return false;
	exports = (void *)accept->storage;
	at = (uint8_t *)(exports + request->exports_len);
	for (size_t i = 0; i < request->exports_len; i++) {
		exports[i] = request->exports[i];
		keep(&exports[i].label, &at);
		keep(&exports[i].context, &at);
	}
	request->exports = exports;
	if (request->alpn_len > 0)
		memcpy(at, request->alpn, request->alpn_len);
	request->alpn = at;
	request->keep_fd = true;
	return true;
}

/* ---- what is under way ----------------------------------------------------------------------- */

static void accepted_free(struct conn_accepted *a)
{
	struct conn_accept *accept = a->accept;

	*a->link = a->next;
	if (a->next)
		a->next->link = a->link;
	else
		accept->last = a->link;
	accept->under_way--;
	free(a);
}

/* Without the loop's threads, whoever has the descriptor closes it. */
static void let_go(struct conn_accept *accept, int fd)
{
	if (accept->config.loop->closer)
		conn_loop_close(accept->config.loop, fd, NULL, NULL);
	else
		close(fd);
}

static void check_over(struct conn_accept *accept)
{
	if (!accept->stopped || accept->under_way > 0 || accept->over)
		return;
	accept->over = true;
	accept->config.ops->over(accept->config.arg, !accept->deaf);
}

static void allow(struct conn_accept *accept);

static void on_done(void *arg, const struct conn_result *result)
{
	struct conn_accepted *a = arg;
	struct conn_accept *accept = a->accept;

	if (result->fd < 0 && !accept->config.loop->closer)
		close(a->fd);
	accept->config.ops->done(accept->config.arg, a, result);
	accepted_free(a);
	allow(accept);
	check_over(accept); /* accept may be no more afterwards */
}

static size_t address(int fd, int (*get)(int, struct sockaddr *, socklen_t *),
		      uint8_t out[static HANDOFF_ADDRESS_MAX])
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_UNSPEC };
	socklen_t len = sizeof(in6);

	if (get(fd, (struct sockaddr *)&in6, &len) != 0)
		return 0;
	return handoff_address_build((struct sockaddr *)&in6, out);
}

static struct conn_accepted *accepted_new(struct conn_accept *accept, int fd)
{
	struct conn_accepted *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->accept = accept;
	a->fd = fd;
	a->peer_len = address(fd, getpeername, a->peer);
	a->local_len = address(fd, getsockname, a->local);
	a->link = accept->last;
	*accept->last = a;
	accept->last = &a->next;
	accept->under_way++;
	return a;
}

/* False: the descriptor is still ours. */
static bool begin(struct conn_accept *accept, int fd)
{
	const struct conn_accept_config *config = &accept->config;
	struct conn_request request = config->request;
	struct conn_accepted *a = accepted_new(accept, fd);
	struct conn_result failed = { .alert = KTLS_ALERT_NONE, .text = "", .fd = -1 };
	int r;

	if (!a)
		return false;
	if (!config->ops->begin(config->arg, a)) {
		accepted_free(a);
		return false;
	}
	request.fd = fd;
	request.done = on_done;
	request.arg = a;
	r = conn_start(config->loop, &request, &a->conn);
	if (r == 0)
		return true;
	failed.reason = (enum ktls_reason)(-r);
	config->ops->done(config->arg, a, &failed);
	accepted_free(a);
	return false;
}

/* ---- how many -------------------------------------------------------------------------------- */

static bool full(const struct conn_accept *accept)
{
	return accept->under_way >= accept->config.under_way_max ||
	       accept->config.loop->count >= accept->config.loop_max;
}

/* The oldest that waits for its peer, and not for us; NULL where there is none. */
static struct conn_accepted *oldest(const struct conn_accept *accept)
{
	struct conn_accepted *a = accept->first;

	while (a && a->conn->stage != CONN_HANDSHAKE)
		a = a->next;
	return a;
}

/* Milliseconds until it makes room, 0 if it would now. */
static unsigned int patience_left(const struct conn_accepted *a)
{
	uint64_t age = (timer_now() - a->conn->started) / MS;

	return age >= PATIENCE_MS ? 0 : (unsigned int)(PATIENCE_MS - age);
}

static void allow_full(struct conn_accept *accept)
{
	const struct conn_accepted *a = oldest(accept);
	unsigned int left = a ? patience_left(a) : AGAIN_MS;

	acceptor_allow(accept->acceptor, left == 0, left);
}

/* From here the thread knows how many connections it may have ready. */
static void allow(struct conn_accept *accept)
{
	const struct conn_accept_config *config = &accept->config;
	size_t n, loop;

	if (accept->stopped)
		return;
	if (accept->room == 0) {
		acceptor_allow(accept->acceptor, 0, 0);
		return;
	}
	if (full(accept)) {
		allow_full(accept);
		return;
	}
	n = config->under_way_max - accept->under_way;
	loop = config->loop_max - config->loop->count;
	n = n < loop ? n : loop;
	acceptor_allow(accept->acceptor, n < AT_ONCE_MAX ? (unsigned int)n : AT_ONCE_MAX, 0);
}

/* Where it is full, one has to go. */
static void make_room(struct conn_accept *accept)
{
	struct conn_accepted *a = full(accept) ? oldest(accept) : NULL;

	if (a)
		conn_cancel(a->conn, KTLS_R_TOO_MANY);
}

static void take_in(struct conn_accept *accept, int fd)
{
	make_room(accept);
	if (begin(accept, fd))
		return;
	let_go(accept, fd);
	accept->config.ops->trouble(accept->config.arg, 0);
}

void conn_accept_run(struct conn_accept *accept)
{
	eventfd_t value;
	int fd;

	(void)!eventfd_read(accept->wake, &value);
	for (fd = acceptor_take(accept->acceptor); fd >= 0; fd = acceptor_take(accept->acceptor))
		take_in(accept, fd);
	if (fd == -EINVAL && !accept->stopped) {
		accept->deaf = true;
		conn_accept_stop(accept, true);
	} else if (fd != -EAGAIN && fd != -EINVAL) {
		accept->config.ops->trouble(accept->config.arg, -fd);
	}
	allow(accept);
	check_over(accept);
}

void conn_accept_room(struct conn_accept *accept, size_t room)
{
	bool same = (accept->room > 0) == (room > 0);

	accept->room = room;
	if (!same)
		allow(accept);
}

/* ---- beginning and end ----------------------------------------------------------------------- */

static bool option_is(int fd, int option, int value, int other)
{
	socklen_t len = sizeof(int);
	int got = 0;

	return getsockopt(fd, SOL_SOCKET, option, &got, &len) == 0 &&
	       (got == value || got == other);
}

int conn_accept_check(int fd, const struct conn_request *request)
{
	socklen_t len = sizeof(int);
	int type;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) != 0)
		return -KTLS_R_SOCKET_NOT_SOCKET;
	if (!option_is(fd, SO_DOMAIN, AF_INET, AF_INET6) ||
	    !option_is(fd, SO_PROTOCOL, IPPROTO_TCP, IPPROTO_TCP))
		return -KTLS_R_SOCKET_NOT_TCP;
	if (!option_is(fd, SO_ACCEPTCONN, 1, 1))
		return -KTLS_R_SOCKET_NOT_LISTENING;
	return conn_request_check(request);
}

int conn_accept_new(const struct conn_accept_config *config, struct conn_accept **out)
{
	struct conn_accept *accept = calloc(1, sizeof(*accept));
	int err = -ENOMEM;

	if (!accept)
		return err;
	accept->config = *config;
	accept->last = &accept->first;
	accept->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (accept->wake < 0)
		err = -errno;
	else if (request_copy(accept))
		err = acceptor_new(config->fd, accept->wake, &accept->acceptor);
	if (err < 0) {
		conn_accept_free(accept);
		return err;
	}
	*out = accept;
	return 0;
}

int conn_accept_fd(const struct conn_accept *accept)
{
	return accept->wake;
}

void conn_accept_stop(struct conn_accept *accept, bool abandon)
{
	int fd;

	if (!accept->stopped) {
		acceptor_stop(accept->acceptor);
		accept->stopped = true;
	}
	for (fd = acceptor_take(accept->acceptor); fd >= 0; fd = acceptor_take(accept->acceptor)) {
		if (abandon || !begin(accept, fd))
			let_go(accept, fd);
	}
	for (struct conn_accepted *a = abandon ? accept->first : NULL; a; a = a->next)
		conn_abandon(a->conn);
	eventfd_write(accept->wake, 1); /* over() may be due */
}

void conn_accept_free(struct conn_accept *accept)
{
	if (!accept)
		return;
	acceptor_free(accept->acceptor);
	while (accept->first) {
		close(accept->first->fd);
		accepted_free(accept->first);
	}
	if (accept->wake >= 0)
		close(accept->wake);
	free(accept->storage);
	free(accept);
}
