/* SPDX-License-Identifier: MIT */
/*
 * An echo server with io_uring: what comes goes back, encrypted both ways by the kernel. One
 * thread, any number of connections, each with one operation in the ring at a time.
 *
 *	cc -D_GNU_SOURCE uring.c $(pkg-config --cflags --libs libktls liburing)
 *	./a.out [-k SOCKET] [-p PROFILE] [-r] PORT
 *
 *	-k  where ktlsd listens
 *	-r  a process of ktlsd may carry the records where the kernel has no TLS
 *
 * Receives are plain ones, without a control buffer: what is no data then stays in the socket,
 * EIO, and ktls_recover() takes it. A receive that had a control buffer would take the record
 * itself, and this program would have to understand it. Two more things that io_uring does not do
 * over kernel TLS: IORING_OP_SEND_ZC and MSG_WAITALL on a send are EOPNOTSUPP.
 *
 * The sockets stay blocking, or io_uring would not wait for them; so ktls_maintain() may wait for
 * the peer to read, where it has a new key to announce. Here nothing is on its way then.
 */
#include <ktls-session.h>

#include <err.h>
#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct connection {
	int fd;
	bool sending;     /* else receiving: which of them is in the ring */
	size_t len, sent; /* bytes in buf, and of them back on their way */
	unsigned int sends;
	struct ktls_session *session;
	char buf[16384];
};

static struct io_uring ring;
static struct ktls *ktls;
static struct ktls_params params = { .role = KTLS_SERVER };
static int listener;

static struct io_uring_sqe *entry(void)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	if (!sqe) {
		io_uring_submit(&ring);
		sqe = io_uring_get_sqe(&ring);
	}
	if (!sqe)
		errx(1, "the ring is full");
	return sqe;
}

static void accept_one(void)
{
	struct io_uring_sqe *sqe = entry();

	io_uring_prep_accept(sqe, listener, NULL, NULL, SOCK_CLOEXEC);
	io_uring_sqe_set_data(sqe, &listener);
}

static void wait_for_replies(void)
{
	struct io_uring_sqe *sqe = entry();

	io_uring_prep_poll_add(sqe, ktls_fd(ktls), POLLIN);
	io_uring_sqe_set_data(sqe, &ktls);
}

static void destroy(struct connection *c)
{
	ktls_session_free(c->session);
	close(c->fd);
	free(c);
}

/* ret as libktls has it: 0 is the end that the peer has announced. */
static void finish(struct connection *c, int ret)
{
	if (ret == 0)
		ret = ktls_shutdown(c->session, c->fd);
	if (ret < 0)
		fprintf(stderr, "connection failed: %s\n",
			ret == -EPROTO ? ktls_reason_text((int)ktls_session_reason(c->session))
				       : strerror(-ret));
	destroy(c);
}

static void receive(struct connection *c)
{
	struct io_uring_sqe *sqe = entry();

	c->sending = false;
	io_uring_prep_recv(sqe, c->fd, c->buf, sizeof(c->buf), 0);
	io_uring_sqe_set_data(sqe, c);
}

/*
 * Plain sends, and so a duty: when the peer has asked for a new key, and now and then (2^22 sends
 * or 16 GiB are allowed, less where records-per-key is small), ktls_maintain().
 */
static void send_back(struct connection *c)
{
	struct io_uring_sqe *sqe;
	int ret = ktls_update_owed(c->session) || ++c->sends % 64 == 0 ? -EINTR : 0;

	while (ret == -EINTR)
		ret = ktls_maintain(c->session, c->fd);
	if (ret < 0) {
		finish(c, ret);
		return;
	}
	sqe = entry();
	c->sending = true;
	io_uring_prep_send(sqe, c->fd, c->buf + c->sent, c->len - c->sent, MSG_NOSIGNAL);
	io_uring_sqe_set_data(sqe, c);
}

static void received(struct connection *c, int result)
{
	int ret;

	if (result > 0) {
		c->len = (size_t)result;
		c->sent = 0;
		send_back(c);
		return;
	}
	ret = ktls_recover(c->session, c->fd, -result);
	if (ret == 1 || ret == -EINTR)
		receive(c);
	else
		finish(c, ret);
}

static void sent(struct connection *c, int result)
{
	if (result < 0) {
		finish(c, result);
		return;
	}
	c->sent += (size_t)result;
	if (c->sent < c->len)
		send_back(c);
	else
		receive(c);
}

static void accepted(int fd)
{
	struct connection *c = fd >= 0 ? calloc(1, sizeof(*c)) : NULL;

	accept_one();
	if (!c)
		return;
	c->fd = fd;
	params.arg = c;
	if (ktls_start(ktls, fd, &params, NULL) < 0)
		destroy(c);
}

static void collect(void)
{
	struct ktls_reply *reply;

	for (; ktls_collect(ktls, &reply) == 0; ktls_reply_free(reply)) {
		struct connection *c = reply->arg;

		if (reply->reason == KTLS_OK)
			c->session = ktls_session_new(ktls, reply);
		else
			fprintf(stderr, "no TLS: %s\n", reply->text);
		if (c->session)
			receive(c);
		else
			destroy(c);
	}
	wait_for_replies();
}

static void complete(void *who, int result)
{
	struct connection *c = who;

	if (who == &listener)
		accepted(result);
	else if (who == &ktls)
		collect();
	else if (c->sending)
		sent(c, result);
	else
		received(c, result);
}

static void listen_on(const char *port)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6,
					.sin6_port = htons((uint16_t)atoi(port)) };

	listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(listener, 1024) < 0)
		err(1, "port %s", port);
}

int main(int argc, char **argv)
{
	const char *socket_path = NULL;
	struct io_uring_cqe *cqe;
	struct ktls_error error;
	int c;

	while ((c = getopt(argc, argv, "k:p:r")) != -1) {
		if (c == 'k')
			socket_path = optarg;
		else if (c == 'p')
			params.profile = optarg;
		else if (c == 'r')
			params.records = KTLS_RECORDS_PREFER_KERNEL;
		else
			return 2;
	}
	if (argc - optind != 1)
		errx(2, "usage: uring [-k SOCKET] [-p PROFILE] [-r] PORT");
	if (io_uring_queue_init(256, &ring, 0) < 0)
		errx(1, "there is no io_uring here");
	ktls = ktls_open(socket_path, &error);
	if (!ktls)
		errx(1, "%s", error.text);
	listen_on(argv[optind]);
	accept_one();
	wait_for_replies();
	for (;;) {
		io_uring_submit_and_wait(&ring, 1);
		while (io_uring_peek_cqe(&ring, &cqe) == 0) {
			struct io_uring_cqe done = *cqe;

			io_uring_cqe_seen(&ring, cqe);
			complete(io_uring_cqe_get_data(&done), done.res);
		}
	}
}
