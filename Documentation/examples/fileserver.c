/* SPDX-License-Identifier: MIT */
/*
 * A file server over kernel TLS: GET, one request a connection, any number of connections in one
 * thread. ktlsd performs the handshakes (or, with --embedded, this process does), and the kernel
 * encrypts what sendfile() sends, straight from the page cache.
 *
 *	fileserver [--socket PATH] [--profile NAME] PORT FOLDER
 *	fileserver --embedded CERT KEY PORT FOLDER
 *
 * A connection's life: HANDSHAKE -> REQUEST -> HEADER -> BODY -> GOODBYE -> DRAIN -> closed.
 *
 * Left out for brevity: a limit for connections that idle (handshakes have theirs from ktlsd).
 * Build: cc -D_GNU_SOURCE fileserver.c $(pkg-config --cflags --libs libktls-handshake)
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ktls-handshake.h>
#include <ktls-session.h>

enum state { HANDSHAKE, REQUEST, HEADER, BODY, GOODBYE, DRAIN };

struct connection {
	enum state state;
	int fd;
	int file;    /* -1: none */
	off_t at;    /* next byte of the file */
	off_t size;  /* bytes announced, and to be sent whatever becomes of the file */
	size_t len;  /* bytes in text */
	size_t sent; /* of these, in state HEADER */
	struct ktls_session *session;
	char text[4096]; /* the request, then the header of the answer */
};

static struct ktls *ktls;
static const char *profile;
static int epoll_fd, listener, folder;

static void destroy(struct connection *c)
{
	if (c->file >= 0)
		close(c->file);
	ktls_session_free(c->session);
	close(c->fd); /* which takes it out of the epoll set, too */
	free(c);
}

/* A path below the folder, whatever ".." and symbolic links it has. */
static int open_below(const char *path)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC, .resolve = RESOLVE_BENEATH };

	return (int)syscall(SYS_openat2, folder, path, &how, sizeof(how));
}

/* "GET /path HTTP/1.0", of which only the path is of interest. */
static void answer(struct connection *c)
{
	const char *status = "200 OK";
	struct stat st = { 0 };
	char path[1024];

	c->text[c->len] = '\0';
	if (sscanf(c->text, "GET /%1023[^ \r\n]", path) != 1)
		status = "400 Bad Request";
	else
		c->file = open_below(path);
	if (c->file >= 0 && (fstat(c->file, &st) != 0 || !S_ISREG(st.st_mode))) {
		close(c->file);
		c->file = -1;
	}
	if (c->file < 0 && status[0] == '2')
		status = "404 Not Found";
	c->size = c->file >= 0 ? st.st_size : 0;
	c->len = (size_t)snprintf(c->text, sizeof(c->text),
				  "HTTP/1.0 %s\r\nContent-Length: %jd\r\nConnection: close\r\n\r\n",
				  status, (intmax_t)c->size);
	c->sent = 0;
}

/*
 * One step of a connection whose keys are in the kernel. 1: there was progress, go on; 0 or
 * -EAGAIN: wait for the socket, or it is over; another negative errno: it has failed.
 */
static ssize_t receive_request(struct connection *c)
{
	/* Not read(): a record that is no data, a KeyUpdate say, would be EIO. */
	ssize_t n = ktls_recv(c->session, c->fd, c->text + c->len, sizeof(c->text) - 1 - c->len, 0);

	if (n <= 0)
		return n == 0 ? -ECONNRESET : n;
	c->len += (size_t)n;
	if (memmem(c->text, c->len, "\r\n\r\n", 4) || c->len == sizeof(c->text) - 1) {
		answer(c);
		c->state = HEADER;
	}
	return 1;
}

static ssize_t send_header(struct connection *c)
{
	ssize_t n = ktls_send(c->session, c->fd, c->text + c->sent, c->len - c->sent, 0);

	if (n < 0)
		return n;
	c->sent += (size_t)n;
	if (c->sent == c->len)
		c->state = c->size > 0 ? BODY : GOODBYE;
	return 1;
}

/* The file may have become shorter since the header was sent: then there is no honest way on. */
static ssize_t send_body(struct connection *c)
{
	ssize_t n = ktls_sendfile(c->session, c->fd, c->file, &c->at, (size_t)(c->size - c->at));

	if (n <= 0)
		return n == 0 ? -EIO : n;
	if (c->at == c->size)
		c->state = GOODBYE;
	return 1;
}

/* Without close_notify the peer could not tell the end from a cut. */
static ssize_t say_goodbye(struct connection *c)
{
	int err = ktls_shutdown(c->session, c->fd);

	if (err == 0)
		c->state = DRAIN;
	return err < 0 ? err : 1;
}

/* close() with unread bytes in the socket is a reset, which may overtake the end of the file. */
static ssize_t drain(struct connection *c)
{
	return ktls_recv(c->session, c->fd, c->text, sizeof(c->text), 0);
}

static ssize_t (*const steps[])(struct connection *c) = {
	[REQUEST] = receive_request, [HEADER] = send_header, [BODY] = send_body,
	[GOODBYE] = say_goodbye,     [DRAIN] = drain,
};

/* Edge-triggered: as far as it goes, that is until -EAGAIN. */
static void run(struct connection *c)
{
	ssize_t n;

	do
		n = steps[c->state](c);
	while (n > 0 || n == -EINTR);
	if (n == -EAGAIN)
		return;
	if (c->state != DRAIN)
		fprintf(stderr, "connection failed: %s\n", strerror((int)-n));
	destroy(c);
}

/* While the handshake lasts the socket is ktlsd's: it is neither read nor polled here. */
static void start(int fd)
{
	struct connection *c = calloc(1, sizeof(*c));
	struct ktls_params params = { .role = KTLS_SERVER, .profile = profile, .arg = c };

	if (!c) {
		close(fd);
		return;
	}
	c->fd = fd;
	c->file = -1;
	if (ktls_start(ktls, fd, &params, NULL) < 0)
		destroy(c);
}

/* A handshake has ended. */
static void collect(const struct ktls_reply *reply)
{
	struct connection *c = reply->arg;
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c };

	if (reply->reason != KTLS_OK) {
		printf("%s: %s\n", ktls_reason_name((int)reply->reason), reply->text);
		destroy(c);
		return;
	}
	printf("%s %s %s %s, name '%s', client '%s', tx %s, rx %s, %ju us\n",
	       ktls_version_name(reply->version), ktls_suite_name(reply->suite),
	       ktls_group_name(reply->group), ktls_scheme_name(reply->scheme), reply->server_name,
	       reply->names_len > 0 ? reply->names[0].text : "", ktls_state_name(reply->tx),
	       ktls_state_name(reply->rx), (uintmax_t)reply->time_us);
	c->state = REQUEST;
	c->session = ktls_session_new(ktls, reply);
	if (!c->session || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event) < 0)
		destroy(c);
}

static void accept_all(void)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
		start(fd);
}

static void collect_all(void)
{
	struct ktls_reply *reply;

	while (ktls_collect(ktls, &reply) == 0) {
		collect(reply);
		ktls_reply_free(reply);
	}
}

static void loop(void)
{
	struct epoll_event events[64];

	for (;;) {
		int n = epoll_wait(epoll_fd, events, 64, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr == &listener)
				accept_all();
			else if (events[i].data.ptr == &ktls)
				collect_all();
			else
				run(events[i].data.ptr);
		}
	}
}

static void watch(int fd, void *what)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = what };

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
		perror("epoll_ctl");
		exit(1);
	}
}

static void listen_on(const char *port)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6,
					.sin6_port = htons((uint16_t)atoi(port)) };
	int one = 1;

	listener = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(listener, 1024) < 0) {
		perror(port);
		exit(1);
	}
}

static struct ktls *open_ktls(const char *socket_path, const struct ktls_embedded_identity *own)
{
	const struct ktls_embedded_config config = { .identities = own, .identities_len = 1 };
	struct ktls_error error;
	struct ktls *k = own->certs_file ? ktls_open_embedded(&config, &error)
					 : ktls_open(socket_path, &error);

	if (!k)
		fprintf(stderr, "fileserver: %s\n", error.text);
	return k;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "socket", required_argument, NULL, 's' },
						 { "profile", required_argument, NULL, 'p' },
						 { "embedded", required_argument, NULL, 'e' },
						 { 0 } };
	struct ktls_embedded_identity own = { 0 };
	const char *socket_path = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 's')
			socket_path = optarg;
		else if (option == 'p')
			profile = optarg;
		else if (option == 'e')
			own.certs_file = optarg;
		else
			return 2;
	}
	if (own.certs_file && optind < argc)
		own.key_file = argv[optind++];
	if (argc - optind != 2) {
		fprintf(stderr, "usage: fileserver [--socket PATH] [--profile NAME] PORT FOLDER\n"
				"       fileserver --embedded CERT KEY PORT FOLDER\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	folder = open(argv[optind + 1], O_PATH | O_DIRECTORY | O_CLOEXEC);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	ktls = open_ktls(socket_path, &own);
	if (folder < 0 || epoll_fd < 0 || !ktls)
		return 1;
	listen_on(argv[optind]);
	watch(listener, &listener);
	watch(ktls_fd(ktls), &ktls);
	loop();
}
