/* SPDX-License-Identifier: MIT */
/* A connection: requests in, files out, in the order in which they were asked for. */
#include "Documentation/examples/httpd/httpd.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

/* Bytes that a connection sends before others have a turn. */
#define TURN (1 << 20)

/*
 * Bodies up to this size are read and sent with their header, in one call and one record. Larger
 * ones are sent from the page cache, behind a header that waits for them (MSG_MORE).
 */
#define SMALL (15 << 10)

/* ---- both kinds of socket: bytes, 0, or a negative errno --------------------------------------
 */

static ssize_t receive_bytes(struct connection *c, void *buf, size_t len)
{
	ssize_t n;

	/* Not read(): a record that is no data, a KeyUpdate say, would be EIO. */
	if (c->session)
		return ktls_recv(c->session, c->fd, buf, len, MSG_DONTWAIT);
	n = recv(c->fd, buf, len, MSG_DONTWAIT);
	return n < 0 ? -errno : n;
}

static ssize_t send_bytes(struct connection *c, struct iovec *iov, size_t iov_len, int flags)
{
	const struct msghdr message = { .msg_iov = iov, .msg_iovlen = iov_len };
	ssize_t n;

	flags |= MSG_DONTWAIT | MSG_NOSIGNAL;
	if (c->session)
		return ktls_sendmsg(c->session, c->fd, &message, flags);
	n = sendmsg(c->fd, &message, flags);
	return n < 0 ? -errno : n;
}

/* ktls_sendfile() does what plain sendfile() would leave to us: keys that have served their time.
 */
static ssize_t send_file(struct connection *c, size_t len)
{
	ssize_t n;

	if (c->session)
		return ktls_sendfile(c->session, c->fd, c->answer.file, &c->answer.at, len);
	n = sendfile(c->fd, c->answer.file, &c->answer.at, len);
	return n < 0 ? -errno : n;
}

static int send_end(struct connection *c)
{
	if (c->session)
		return ktls_shutdown(c->session, c->fd);
	return shutdown(c->fd, SHUT_WR) < 0 ? -errno : 0;
}

/* ---- steps: 1 to go on, 0 where the connection is over, or a negative errno: -EAGAIN waits ----
 */

/* poll() does not tell of all that is there to be read, so it is read until there is nothing. */
static ssize_t receive(struct connection *c)
{
	ssize_t n;

	/* Of the end there may have been the last event: it is known from here on. */
	if (c->ended)
		return 0;
	if (!c->readable)
		return -EAGAIN;
	n = receive_bytes(c, c->text + c->len, sizeof(c->text) - c->len);
	c->ended = n == 0;
	if (n == -EAGAIN)
		c->readable = false;
	if (n > 0)
		c->len += (size_t)n;
	return n;
}

static void answer(struct connection *c, int parsed, const struct request *request)
{
	c->sent = 0;
	c->state = CONNECTION_ANSWER;
	worker_touch(c);
	if (parsed < 0) {
		c->len = 0;
		answer_error(-parsed, &c->answer);
		return;
	}
	c->len -= (size_t)parsed;
	memmove(c->text, c->text + parsed, c->len);
	answer_request(request, c->worker->options->folder, c->worker->stopping, &c->answer);
}

/* What the client sent behind a request waits in text until that one has its answer. */
static ssize_t step_request(struct connection *c)
{
	struct request request;
	int parsed = request_parse(c->text, c->len, &request);
	ssize_t n;

	if (parsed != 0) {
		answer(c, parsed, &request);
		return 1;
	}
	n = receive(c);
	if (n != 0)
		return n;
	c->state = CONNECTION_END;
	return 1;
}

static ssize_t send_header(struct connection *c)
{
	static char body[SMALL];
	struct answer *a = &c->answer;
	struct iovec iov[2] = { { a->header + c->sent, a->len - c->sent }, { body, 0 } };
	off_t left = a->end - a->at;
	ssize_t n;

	if (left > 0 && left <= SMALL) {
		n = pread(a->file, body, (size_t)left, a->at);
		iov[1].iov_len = n > 0 ? (size_t)n : 0;
	}
	n = send_bytes(c, iov, 2, left > SMALL ? MSG_MORE : 0);
	if (n <= 0)
		return n;
	if ((size_t)n > iov[0].iov_len)
		a->at += n - (ssize_t)iov[0].iov_len;
	c->sent += (size_t)n < iov[0].iov_len ? (size_t)n : iov[0].iov_len;
	return n;
}

static void close_file(struct connection *c)
{
	if (c->answer.file >= 0)
		close(c->answer.file);
	c->answer.file = -1;
}

/*
 * The file has fewer bytes than the header has announced. The client can tell: it gets what there
 * was, and then the end. Filling up would be a lie.
 */
static ssize_t file_shrank(struct connection *c)
{
	close_file(c);
	c->state = CONNECTION_END;
	return 1;
}

static ssize_t answered(struct connection *c)
{
	close_file(c);
	c->state = c->answer.last || (c->worker->stopping && c->len == 0) ? CONNECTION_END
									  : CONNECTION_REQUEST;
	worker_touch(c);
	return 1;
}

static ssize_t send_answer(struct connection *c)
{
	off_t left = c->answer.end - c->answer.at;
	ssize_t n;

	if (c->sent == c->answer.len && left == 0)
		return answered(c);
	n = c->sent < c->answer.len ? send_header(c)
				    : send_file(c, left < TURN ? (size_t)left : TURN);
	if (n > 0)
		worker_touch(c);
	return n == 0 ? file_shrank(c) : n;
}

/* Reads before it sends: the client may have asked for another key, or be gone. */
static ssize_t step_answer(struct connection *c)
{
	while (c->readable && !c->ended && c->len < sizeof(c->text)) {
		ssize_t n = receive(c);

		if (n < 0 && n != -EAGAIN && n != -EINTR)
			return n;
	}
	return send_answer(c);
}

static ssize_t step_end(struct connection *c)
{
	int ret = send_end(c);

	if (ret < 0)
		return ret;
	c->state = CONNECTION_LAST;
	worker_touch(c);
	return 1;
}

static ssize_t step_last(struct connection *c)
{
	c->len = 0;
	return receive(c);
}

static ssize_t step(struct connection *c)
{
	switch (c->state) {
	case CONNECTION_REQUEST:
		return step_request(c);
	case CONNECTION_ANSWER:
		return step_answer(c);
	case CONNECTION_END:
		return step_end(c);
	case CONNECTION_LAST:
		return step_last(c);
	default:
		return -EAGAIN;
	}
}

static void say_why(const struct connection *c, int error)
{
	if (c->worker->options->verbose && c->state != CONNECTION_LAST)
		fprintf(stderr, "connection failed: %s\n",
			c->session && error == -EPROTO
				? ktls_reason_text((int)ktls_session_reason(c->session))
				: strerror(-error));
}

void connection_run(struct connection *c)
{
	ssize_t n;
	size_t turn = 0;

	do {
		n = step(c);
		turn += n > 0 ? (size_t)n : 1;
	} while ((n > 0 || n == -EINTR) && turn < TURN);
	if (n > 0 || n == -EINTR) {
		worker_ready(c);
	} else if (n != -EAGAIN) {
		if (n < 0)
			say_why(c, (int)n);
		connection_free(c);
	}
}

/* ---- from its beginning to its end ------------------------------------------------------------
 */

struct connection *connection_new(struct worker *w, int fd)
{
	struct connection *c = calloc(1, sizeof(*c));

	if (!c) {
		close(fd);
		return NULL;
	}
	c->worker = w;
	c->fd = fd;
	c->answer.file = -1;
	w->connections++;
	return c;
}

void connection_begin(struct connection *c, struct ktls_session *session)
{
	struct epoll_event event = { EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, { c } };

	c->session = session;
	c->state = CONNECTION_REQUEST;
	c->readable = true;
	/* Headers and files are put together here; of a relay's socket it is not to be had. */
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	if (fcntl(c->fd, F_SETFL, O_NONBLOCK) < 0 ||
	    epoll_ctl(c->worker->epoll, EPOLL_CTL_ADD, c->fd, &event) < 0) {
		connection_free(c);
		return;
	}
	worker_touch(c);
}

void connection_expire(struct connection *c)
{
	if (c->state == CONNECTION_REQUEST)
		(void)!send_end(c);
	connection_free(c);
}
