/* SPDX-License-Identifier: MIT */
/*
 * A file server: GET, one request a connection, any number of them in one thread. The kernel
 * encrypts what sendfile() sends, straight from the page cache.
 *
 *	cc -D_GNU_SOURCE fileserver.c $(pkg-config --cflags --libs libktls-handshake)
 *	./a.out [--socket PATH] [--profile NAME] [--listen] [--relay] PORT FOLDER
 *	./a.out --embedded CERT KEY PORT FOLDER         without ktlsd: handshakes in this process
 *
 * --listen: ktlsd accepts (PORT -: from descriptor 3, of fileserver.socket). --relay: where the
 * kernel has no TLS, a process of ktlsd may carry the records. Left out: a limit for idle clients.
 * Where a peer has keys changed the loop waits for ktlsd, KTLS_SERVICE_MS at most, all clients too.
 */
#include <ktls-handshake.h>
#include <ktls-session.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct connection {
	enum { REQUEST, ANSWER, DRAIN } state; /* once the handshake is done */
	int fd, file;                          /* file -1: none */
	off_t at, size;   /* of the file: the next byte, and what was announced */
	size_t len, sent; /* bytes in text; of the header, sent */
	struct ktls_session *session;
	char text[4096]; /* the request, then the header of the answer */
};

static struct ktls *ktls;
static struct ktls_params params = { .role = KTLS_SERVER, .deadline_ms = 30000 };
static int epoll_fd, listener;

static struct connection *create(int fd)
{
	struct connection *c = calloc(1, sizeof(*c));

	if (!c)
		err(1, "a connection");
	*c = (struct connection){ .fd = fd, .file = -1 };
	return c;
}

static void destroy(struct connection *c)
{
	close(c->file); /* -1: there is none */
	ktls_session_free(c->session);
	epoll_ctl(epoll_fd, EPOLL_CTL_DEL, c->fd, NULL); /* ktlsd may be about to close its own */
	close(c->fd);
	free(c);
}

/* "GET /path HTTP/1.0", of which only the path is of interest: one below the folder. */
static void prepare_answer(struct connection *c)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC, .resolve = RESOLVE_BENEATH };
	const char *status = "404 Not Found";
	struct stat st = { 0 };
	char path[1024];

	c->text[c->len] = '\0';
	if (sscanf(c->text, "GET /%1023[^ \r\n]", path) == 1)
		c->file = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
	if (c->file >= 0 && fstat(c->file, &st) == 0 && S_ISREG(st.st_mode)) {
		status = "200 OK";
		c->size = st.st_size;
	}
	c->len = (size_t)snprintf(c->text, sizeof(c->text),
				  "HTTP/1.0 %s\r\nContent-Length: %jd\r\nConnection: close\r\n\r\n",
				  status, (intmax_t)c->size);
	c->state = ANSWER;
}

/*
 * Steps of a connection return 1 to go on, 0 where it is over, or a negative errno: -EAGAIN waits.
 *
 * Not read(): a record that is no data, a KeyUpdate say, would be EIO. The last state is for what
 * the client may yet say: close() with unread bytes is a reset, which overtakes the file's end.
 */
static ssize_t receive(struct connection *c)
{
	ssize_t n = ktls_recv(c->session, c->fd, c->text + c->len, sizeof(c->text) - 1 - c->len,
			      MSG_DONTWAIT);

	if (n <= 0 || c->state != REQUEST)
		return n;
	c->len += (size_t)n;
	if (memmem(c->text, c->len, "\r\n\r\n", 4) || c->len == sizeof(c->text) - 1)
		prepare_answer(c);
	return 1;
}

/*
 * Plain sendfile(), and so a duty: when the peer has asked for a new key, and now and then (here
 * each MiB: 16 GiB are allowed, less where records-per-key is small), ktls_maintain().
 * ktls_sendfile() does that by itself, as ktls_send(). That the peer has asked is learnt by
 * reading, also where there is nothing to be read for.
 */
static ssize_t send_answer(struct connection *c)
{
	off_t left = c->size - c->at, most = 1 << 20; /* so that others have a turn */
	ssize_t n;

	if (c->sent < c->len) {
		n = ktls_send(c->session, c->fd, c->text + c->sent, c->len - c->sent, MSG_DONTWAIT);
		c->sent += n > 0 ? (size_t)n : 0;
		return n;
	}
	if (left == 0) { /* close_notify, without which the peer cannot tell the end from a cut */
		n = ktls_shutdown(c->session, c->fd);
		c->state = n == 0 ? DRAIN : ANSWER;
		return n == 0 ? 1 : n;
	}
	n = receive(c);
	if (n >= 0 || n == -EAGAIN || n == -EINTR)
		n = ktls_maintain(c->session, c->fd);
	if (n < 0)
		return n;
	n = sendfile(c->fd, c->file, &c->at, (size_t)(left < most ? left : most));
	return n == 0 ? -EIO : n < 0 ? -errno : n; /* 0: the file is shorter than announced */
}

/* Edge-triggered: as far as it goes, that is until -EAGAIN. */
static void run(struct connection *c)
{
	ssize_t n;

	do
		n = c->state == ANSWER ? send_answer(c) : receive(c);
	while (n > 0 || n == -EINTR);
	if (n == -EAGAIN)
		return;
	if (n < 0 && c->state != DRAIN)
		fprintf(stderr, "connection failed: %s\n",
			n == -EPROTO ? ktls_reason_text((int)ktls_session_reason(c->session))
				     : strerror((int)-n));
	destroy(c);
}

static int watch(int fd, uint32_t what, void *who)
{
	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &(struct epoll_event){ what, { who } });
}

/* A handshake has ended. What ktlsd has accepted is in reply->fd. */
static void collect(struct ktls_reply *reply)
{
	struct connection *c = reply->fd >= 0 ? create(reply->fd) : reply->arg;

	reply->fd = -1; /* it is ours now */
	if (reply->reason != KTLS_OK) {
		fprintf(stderr, "%s: %s\n", ktls_reason_name((int)reply->reason), reply->text);
		if (!c)
			errx(1, "ktlsd does not listen any more");
		destroy(c);
		return;
	}
	fprintf(stderr, "%s %s %s %s, name '%s', client '%s', tx %s, rx %s, %ju us\n",
		ktls_version_name(reply->version), ktls_suite_name(reply->suite),
		ktls_group_name(reply->group), ktls_scheme_name(reply->scheme), reply->server_name,
		reply->names_len > 0 ? reply->names[0].text : "", ktls_state_name(reply->tx),
		ktls_state_name(reply->rx), (uintmax_t)reply->time_us);
	c->session = ktls_session_new(ktls, reply);
	if (!c->session || fcntl(c->fd, F_SETFL, O_NONBLOCK) < 0 ||
	    watch(c->fd, EPOLLIN | EPOLLOUT | EPOLLET, c) < 0)
		destroy(c);
}

/* While the handshake lasts the socket is ktlsd's: it is neither read nor polled here. */
static void accept_all(void)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		params.arg = create(fd);
		if (ktls_start(ktls, fd, &params, NULL) < 0)
			destroy(params.arg);
	}
}

static void listen_on(const char *port, int handed_over)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6,
					.sin6_port = htons((uint16_t)atoi(port)) };

	listener = *port == '-' ? 3 : socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (*port != '-' && (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
			     listen(listener, 1024) < 0))
		err(1, "port %s", port);
	if ((handed_over ? ktls_listen(ktls, listener, &params, 256, NULL)
			 : watch(listener, EPOLLIN, &listener)) < 0)
		errx(1, "nobody accepts");
}

int main(int argc, char **argv)
{
	/* clang-format off */
	static const struct option options[] = {
		{ "socket", 1, NULL, 's' }, { "profile", 1, NULL, 'p' }, { "embedded", 1, NULL, 'e' },
		{ "listen", 0, NULL, 'l' }, { "relay", 0, NULL, 'r' }, { 0 },
	}; /* clang-format on */
	struct ktls_embedded_identity own = { 0 };
	const struct ktls_embedded_config config = { .identities = &own, .identities_len = 1 };
	const char *option[128] = { 0 };
	struct epoll_event event;
	struct ktls_error error;
	struct ktls_reply *reply;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) > 0)
		option[c] = optarg ? optarg : "";
	own.certs_file = option['e'];
	own.key_file = option['e'] && optind < argc ? argv[optind++] : NULL;
	if (argc - optind != 2 || option['?'])
		errx(2, "usage: fileserver [OPTION...] PORT FOLDER, see its first lines");
	params.profile = option['p'];
	params.records = option['r'] ? KTLS_RECORDS_PREFER_KERNEL : KTLS_RECORDS_REQUIRE_KERNEL;
	signal(SIGPIPE, SIG_IGN);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (chdir(argv[optind + 1]) < 0)
		err(1, "%s", argv[optind + 1]);
	ktls = option['e'] ? ktls_open_embedded(&config, &error) : ktls_open(option['s'], &error);
	if (!ktls)
		errx(1, "%s", error.text);
	listen_on(argv[optind], option['l'] != NULL);
	watch(ktls_fd(ktls), EPOLLIN, &ktls);
	while (epoll_wait(epoll_fd, &event, 1, -1) == 1 || errno == EINTR) {
		if (event.data.ptr == &listener)
			accept_all();
		else if (event.data.ptr != &ktls)
			run(event.data.ptr);
		else
			for (; ktls_collect(ktls, &reply) == 0; ktls_reply_free(reply))
				collect(reply);
	}
}
