/* SPDX-License-Identifier: MIT */
/*
 * The client of the HTTP benchmark: threads that ask for one file again and again, each by one
 * connection, or by a new one for each request. With libssl, whichever server it is; what it takes
 * itself is not counted.
 */
#ifndef KTLS_TESTS_BENCH_HTTP_CLIENT_H
#define KTLS_TESTS_BENCH_HTTP_CLIENT_H

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "tests/bench/ktls-bench/clocks.h"

#define CLIENTS_MAX 64

/* What all threads of a round do. */
struct load {
	SSL_CTX *tls; /* NULL: plain TCP */
	in_port_t port;
	const char *path;
	const uint8_t *want; /* the file; compared where check is set, else only its length is */
	size_t size;         /* bytes of it */
	bool check, churn;   /* churn: a new connection for each request */
	size_t requests, clients;
	uint64_t *latency; /* nanoseconds, requests of them; or NULL */
	atomic_size_t begun, answered, failed;
};

struct client {
	struct load *load;
	int fd;
	SSL *ssl;
	uint8_t buf[1 << 16];
	size_t len; /* bytes in buf, at an answer's beginning */
};

static inline void client_close(struct client *c)
{
	if (c->ssl) {
		SSL_shutdown(c->ssl);
		SSL_free(c->ssl);
	}
	if (c->fd >= 0)
		close(c->fd);
	c->ssl = NULL;
	c->fd = -1;
	c->len = 0;
}

static inline bool client_connect(struct client *c)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_port = htons(c->load->port),
					.sin_addr = { htonl(INADDR_LOOPBACK) } };
	const struct timeval patience = { .tv_sec = 60 };

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
		return false;
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (!c->load->tls)
		return true;
	c->ssl = SSL_new(c->load->tls);
	return c->ssl && SSL_set_fd(c->ssl, c->fd) == 1 &&
	       SSL_set_tlsext_host_name(c->ssl, "localhost") == 1 && SSL_connect(c->ssl) == 1;
}

static inline bool client_send(struct client *c, const char *text, size_t len)
{
	if (c->ssl)
		return SSL_write(c->ssl, text, (int)len) == (int)len;
	return send(c->fd, text, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static inline bool client_more(struct client *c)
{
	size_t room = sizeof(c->buf) - c->len;
	ssize_t n = c->ssl ? SSL_read(c->ssl, c->buf + c->len, (int)room)
			   : recv(c->fd, c->buf + c->len, room, 0);

	c->len += n > 0 ? (size_t)n : 0;
	return n > 0;
}

/* Status 200 and the file's size; returns the bytes of the header, 0 where it is another answer. */
static inline size_t client_header(struct client *c)
{
	static const char field[] = "\r\nContent-Length: ";
	uint8_t *end, *length;

	while (!(end = memmem(c->buf, c->len, "\r\n\r\n", 4)))
		if (c->len == sizeof(c->buf) || !client_more(c))
			return 0;
	*end = '\0';
	length = memmem(c->buf, (size_t)(end - c->buf), field, sizeof(field) - 1);
	if (memcmp(c->buf, "HTTP/1.1 200 ", 13) != 0 || !length ||
	    strtoull((char *)length + sizeof(field) - 1, NULL, 10) != c->load->size)
		return 0;
	return (size_t)(end - c->buf) + 4;
}

static inline bool client_body(struct client *c, size_t skip)
{
	size_t at = 0;

	memmove(c->buf, c->buf + skip, c->len - skip);
	c->len -= skip;
	for (;;) {
		if (c->len > c->load->size - at ||
		    (c->load->check && memcmp(c->buf, c->load->want + at, c->len) != 0))
			return false;
		at += c->len;
		c->len = 0;
		if (at == c->load->size)
			return true;
		if (!client_more(c))
			return false;
	}
}

static inline bool client_get(struct client *c)
{
	char text[128];
	size_t header;
	int len = snprintf(text, sizeof(text), "GET /%s HTTP/1.1\r\nHost: localhost\r\n%s\r\n",
			   c->load->path, c->load->churn ? "Connection: close\r\n" : "");

	if (c->fd < 0 && !client_connect(c))
		return false;
	if (!client_send(c, text, (size_t)len))
		return false;
	header = client_header(c);
	return header > 0 && client_body(c, header);
}

static inline void *client_run(void *arg)
{
	struct client *c = arg;
	size_t i;

	while ((i = atomic_fetch_add(&c->load->begun, 1)) < c->load->requests) {
		uint64_t start = wall_now();
		bool ok = client_get(c);

		if (c->load->latency)
			c->load->latency[i] = wall_now() - start;
		atomic_fetch_add(ok ? &c->load->answered : &c->load->failed, 1);
		if (!ok || c->load->churn)
			client_close(c);
	}
	client_close(c);
	return NULL;
}

/* All requests of a load. */
static inline void load_run(struct load *load)
{
	static struct client clients[CLIENTS_MAX];
	pthread_t threads[CLIENTS_MAX];

	for (size_t i = 0; i < load->clients; i++) {
		clients[i].load = load;
		clients[i].fd = -1;
		if (pthread_create(&threads[i], NULL, client_run, &clients[i]) != 0)
			abort();
	}
	for (size_t i = 0; i < load->clients; i++)
		pthread_join(threads[i], NULL);
}

#endif
