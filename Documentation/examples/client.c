/* SPDX-License-Identifier: MIT */
/*
 * A client: fetches documents over HTTPS, all at once, and writes them to standard output in the
 * order in which they come. It shows the asynchronous calls: one loop waits for handshakes and
 * data. What servers send besides, tickets above all, is dealt with by the session.
 *
 *	cc -D_GNU_SOURCE client.c $(pkg-config --cflags --libs libktls-handshake)
 *	./a.out [-k SOCKET | -e CA.pem] [-p PROFILE] [-n NAME] [-r] HOST PORT PATH...
 *
 *	-k  where ktlsd listens
 *	-e  without ktlsd: performs the handshakes itself, and trusts these certificates
 *	-n  name that the certificate must have, if it is not HOST
 *	-r  a process of ktlsd may carry the records where the kernel has no TLS
 */
#include <ktls-handshake.h>
#include <ktls-session.h>

#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FETCHES_MAX 64

struct fetch {
	const char *path;
	int fd;
	struct ktls_session *session; /* once the handshake is done */
};

static struct fetch fetches[FETCHES_MAX];
static size_t fetches_len;
static size_t failures;

static int connect_to(const char *host, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found, *a;
	int fd = -1, ret = getaddrinfo(host, port, &hints, &found);

	if (ret != 0)
		errx(1, "%s: %s", host, gai_strerror(ret));
	for (a = found; a && fd < 0; a = a->ai_next) {
		fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
		if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) < 0) {
			close(fd);
			fd = -1;
		}
	}
	freeaddrinfo(found);
	if (fd < 0)
		err(1, "%s port %s", host, port);
	return fd;
}

static void fetch_end(struct fetch *f, const char *why)
{
	if (why) {
		fprintf(stderr, "%s: %s\n", f->path, why);
		failures++;
	}
	ktls_session_free(f->session);
	f->session = NULL;
	close(f->fd);
	f->fd = -1;
}

/* The socket is ours again. Whatever is written to it now is encrypted by the kernel. */
static void handshake_done(struct ktls *k, const struct ktls_reply *reply, const char *host)
{
	struct fetch *f = reply->arg;
	char request[2048];
	int len;

	if (reply->reason != KTLS_OK) {
		fetch_end(f, reply->text);
		return;
	}
	fprintf(stderr, "%s: %s %s %s %s%s%s, %zu certificates, %llu us\n", f->path,
		ktls_version_name(reply->version), ktls_suite_name(reply->suite),
		ktls_group_name(reply->group), ktls_scheme_name(reply->scheme),
		reply->alpn[0] ? " " : "", reply->alpn, reply->certs_len,
		(unsigned long long)reply->time_us);
	len = snprintf(request, sizeof(request), "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n", f->path,
		       host);
	f->session = ktls_session_new(k, reply);
	if (!f->session || len >= (int)sizeof(request) || write(f->fd, request, (size_t)len) != len)
		fetch_end(f, "the request could not be written");
}

/*
 * All of the answer that is there, or its end. A connection that is cut is told from one that is
 * closed. Until -EAGAIN, for poll() need not tell what is left.
 */
static void fetch_read(struct fetch *f)
{
	char data[16384];
	ssize_t n;

	do {
		n = ktls_recv(f->session, f->fd, data, sizeof(data), MSG_DONTWAIT);
		if (n > 0)
			fwrite(data, 1, (size_t)n, stdout);
	} while (n > 0 || n == -EINTR);
	if (n == -EAGAIN)
		return;
	if (n == 0) /* the peer has closed in order; so do we */
		n = ktls_shutdown(f->session, f->fd);
	fetch_end(f, n == 0         ? NULL
		     : n == -EPROTO ? ktls_reason_text((int)ktls_session_reason(f->session))
				    : strerror((int)-n));
}

/* Hands the sockets over and collects replies and data until everything is there. */
static void run(struct ktls *k, const char *host)
{
	struct pollfd p[FETCHES_MAX + 1];
	struct ktls_reply *reply;
	size_t left;

	for (;;) {
		left = 0;
		p[0] = (struct pollfd){ .fd = ktls_fd(k), .events = POLLIN };
		for (size_t i = 0; i < fetches_len; i++) {
			/* While it is handed over, a socket is not even polled. */
			int fd = fetches[i].session ? fetches[i].fd : -1;

			p[i + 1] = (struct pollfd){ .fd = fd, .events = POLLIN };
			left += fetches[i].fd >= 0;
		}
		if (left == 0)
			return;
		if (poll(p, fetches_len + 1, -1) < 0 && errno != EINTR)
			err(1, "poll");
		while (ktls_collect(k, &reply) == 0) {
			handshake_done(k, reply, host);
			ktls_reply_free(reply);
		}
		for (size_t i = 0; i < fetches_len; i++)
			if (fetches[i].fd >= 0 && p[i + 1].revents)
				fetch_read(&fetches[i]);
	}
}

static void start(struct ktls *k, struct ktls_params *params, const char *host, const char *port,
		  const char *path)
{
	struct fetch *f = &fetches[fetches_len];
	int ret;

	f->path = path;
	f->fd = connect_to(host, port);
	params->arg = f;
	ret = ktls_start(k, f->fd, params, NULL);
	if (ret < 0)
		errx(1, "%s: %s", path, strerror(-ret));
	fetches_len++;
}

static struct ktls *open_ktls(const char *socket, const char *ca)
{
	struct ktls_embedded_config config = { .trust_file = ca };
	struct ktls_error error;
	struct ktls *k = ca ? ktls_open_embedded(&config, &error) : ktls_open(socket, &error);

	if (!k)
		errx(1, "%s", error.text);
	return k;
}

int main(int argc, char **argv)
{
	static const char *const http[] = { "http/1.1", NULL };
	struct ktls_params params = { .role = KTLS_CLIENT, .alpn = http };
	const char *socket = NULL, *ca = NULL;
	struct ktls *k;
	int c;

	while ((c = getopt(argc, argv, "k:e:p:n:r")) != -1) {
		if (c == 'k')
			socket = optarg;
		else if (c == 'e')
			ca = optarg;
		else if (c == 'p')
			params.profile = optarg;
		else if (c == 'n')
			params.server_name = optarg;
		else if (c == 'r')
			params.records = KTLS_RECORDS_PREFER_KERNEL;
		else
			return 2;
	}
	if (argc - optind < 3 || argc - optind - 2 > FETCHES_MAX)
		errx(2, "usage: client [OPTION...] HOST PORT PATH..., see its first lines");
	if (!params.server_name)
		params.server_name = argv[optind];
	k = open_ktls(socket, ca);
	for (int i = optind + 2; i < argc; i++)
		start(k, &params, argv[optind], argv[optind + 1], argv[i]);
	run(k, params.server_name);
	ktls_close(k);
	return failures > 0;
}
