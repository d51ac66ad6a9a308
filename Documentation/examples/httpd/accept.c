/* SPDX-License-Identifier: MIT */
/*
 * Where connections come from. With ktls_listen() ktlsd accepts them, and the worker hears of those
 * only whose handshake is done: one message for each, and none for clients that are slow or
 * hostile.
 */
#include "Documentation/examples/httpd/httpd.h"

#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 1024

static int listen_on(const char *port)
{
	const struct sockaddr_in6 address = { .sin6_family = AF_INET6,
					      .sin6_port = htons((uint16_t)atoi(port)) };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes)) < 0 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, BACKLOG) < 0)
		err(1, "port %s", port);
	return fd;
}

static void watch(struct worker *w, int fd, void *what)
{
	if (epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &(struct epoll_event){ EPOLLIN, { what } }) < 0)
		err(1, "epoll_ctl");
}

void accept_begin(struct worker *w)
{
	const struct httpd_options *options = w->options;

	w->listener = listen_on(options->port);
	if (w->ktls)
		watch(w, ktls_fd(w->ktls), &w->ktls);
	if (options->mode != HTTPD_LISTEN)
		watch(w, w->listener, &w->listener);
	else if (ktls_listen(w->ktls, w->listener, &options->params, BACKLOG, &w->listen_id) < 0)
		errx(1, "nobody accepts");
}

/* What brings connections: the listening socket, or ktlsd. */
static void source_watch(struct worker *w, uint32_t events)
{
	bool listen = w->options->mode == HTTPD_LISTEN;
	struct epoll_event event = { events, { listen ? (void *)&w->ktls : (void *)&w->listener } };

	epoll_ctl(w->epoll, EPOLL_CTL_MOD, listen ? ktls_fd(w->ktls) : w->listener, &event);
}

void accept_pause(struct worker *w)
{
	w->paused = true;
	w->resume = w->now + 1000;
	source_watch(w, 0);
}

void accept_resume(struct worker *w)
{
	w->resume = w->now + 1000;
	if (w->connections >= w->options->connections_max)
		return;
	w->paused = false;
	source_watch(w, EPOLLIN);
}

/* While the handshake lasts the socket is ktlsd's: it is neither read nor polled here. */
static void take(struct worker *w, int fd)
{
	struct connection *c = connection_new(w, fd);
	struct ktls_params params = w->options->params;

	if (!c)
		return;
	if (w->options->mode == HTTPD_PLAIN) {
		connection_begin(c, NULL);
		return;
	}
	params.arg = c;
	if (ktls_start(w->ktls, fd, &params, NULL) < 0)
		connection_free(c);
}

void accept_some(struct worker *w)
{
	while (w->connections < w->options->connections_max) {
		int fd = accept4(w->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0)
			take(w, fd);
		else if (errno == EAGAIN)
			return;
		else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			break;
	}
	accept_pause(w);
}

static void say_what(const struct worker *w, const struct ktls_reply *reply)
{
	if (reply->reason != KTLS_OK)
		fprintf(stderr, "%s: %s\n", ktls_reason_name((int)reply->reason), reply->text);
	else if (w->options->verbose)
		fprintf(stderr, "%s %s, tx %s, rx %s, %ju us, no device for tx: %s\n",
			ktls_version_name(reply->version), ktls_suite_name(reply->suite),
			ktls_state_name(reply->tx), ktls_state_name(reply->rx),
			(uintmax_t)reply->time_us, ktls_no_hw_name(reply->tx_no_hw));
}

/* The last reply to ktls_listen(): asked for, or ktlsd has refused the request. */
static void listening_ended(struct worker *w, const struct ktls_reply *reply)
{
	w->listen_id = 0;
	if (w->stopping)
		return;
	say_what(w, reply);
	errx(1, "ktlsd does not listen any more");
}

static void collected(struct worker *w, struct ktls_reply *reply)
{
	struct connection *c = reply->fd >= 0 ? connection_new(w, reply->fd) : reply->arg;
	struct ktls_session *session;

	if (reply->fd < 0 && reply->id == w->listen_id) {
		listening_ended(w, reply);
		return;
	}
	reply->fd = -1; /* it is ours now */
	if (!c)
		return;
	say_what(w, reply);
	session = reply->reason == KTLS_OK ? ktls_session_new(w->ktls, reply) : NULL;
	if (session)
		connection_begin(c, session);
	else
		connection_free(c);
}

void accept_collect(struct worker *w)
{
	struct ktls_reply *reply;

	while (!w->paused && ktls_collect(w->ktls, &reply) == 0) {
		collected(w, reply);
		ktls_reply_free(reply);
		if (w->options->mode == HTTPD_LISTEN &&
		    w->connections >= w->options->connections_max)
			accept_pause(w);
	}
}

void accept_end(struct worker *w)
{
	if (w->listen_id != 0)
		ktls_cancel(w->ktls, w->listen_id);
	if (w->options->mode == HTTPD_LISTEN && w->paused)
		source_watch(w, EPOLLIN);
	w->paused = false;
	epoll_ctl(w->epoll, EPOLL_CTL_DEL, w->listener, NULL);
	close(w->listener);
}
