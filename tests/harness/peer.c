/* SPDX-License-Identifier: MIT */
#include "tests/harness/peer.h"

#include <err.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ktls.h>

#define LINGER_S 2

static struct addrinfo *look_up(const char *host, const char *port)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
					.ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	int result = getaddrinfo(host, port, &hints, &found);

	if (result != 0)
		errx(2, "%s, port %s: %s", host, port, gai_strerror(result));
	return found;
}

static void print_port(int fd)
{
	struct sockaddr_storage bound = { 0 };
	socklen_t len = sizeof(bound);
	in_port_t port;

	if (getsockname(fd, (struct sockaddr *)&bound, &len) < 0)
		err(1, "getsockname");
	port = bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
					   : ((struct sockaddr_in *)&bound)->sin_port;
	printf("port %u\n", ntohs(port));
	fflush(stdout);
}

int peer_listen(const char *host, const char *port)
{
	struct addrinfo *address = look_up(host, port);
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, address->ai_addr, address->ai_addrlen) < 0 || listen(fd, 64) < 0)
		err(1, "listen on %s, port %s", host, port);
	freeaddrinfo(address);
	print_port(fd);
	return fd;
}

int peer_accept(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		err(1, "accept");
	return fd;
}

int peer_connect(const char *address)
{
	const char *colon = strrchr(address, ':');
	struct addrinfo *found;
	char host[64];
	int fd;

	if (colon == NULL || (size_t)(colon - address) >= sizeof(host))
		errx(2, "%s: not HOST:PORT", address);
	memcpy(host, address, (size_t)(colon - address));
	host[colon - address] = '\0';
	if (host[0] == '[') {
		host[strcspn(host, "]")] = '\0';
		memmove(host, host + 1, strlen(host));
	}
	found = look_up(host, colon + 1);
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) < 0)
		err(1, "connect to %s", address);
	freeaddrinfo(found);
	return fd;
}

void peer_close(int fd)
{
	const struct timeval limit = { .tv_sec = LINGER_S };
	char rest[16384];

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (shutdown(fd, SHUT_WR) == 0)
		while (recv(fd, rest, sizeof(rest), 0) > 0)
			;
	close(fd);
}

char *peer_read_file(const char *path, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *bytes;

	if (fd < 0 || fstat(fd, &st) < 0)
		err(1, "%s", path);
	bytes = malloc((size_t)st.st_size + 1);
	if (bytes == NULL || read(fd, bytes, (size_t)st.st_size) != st.st_size)
		err(1, "%s", path);
	close(fd);
	bytes[st.st_size] = '\0';
	*len = (size_t)st.st_size;
	return bytes;
}

/* The next of a list with commas: its length, and *list behind it. 0 at the end. */
static size_t next_item(const char **list, const char **item)
{
	size_t len;

	*item = *list;
	len = strcspn(*list, ",");
	*list += len + ((*list)[len] == ',');
	return len;
}

size_t peer_alpn(const char *list, uint8_t *out, size_t cap)
{
	const char *item;
	size_t n, len = 0;

	while ((n = next_item(&list, &item)) > 0) {
		if (n > 255 || n + 1 > cap - len)
			errx(2, "the list of protocols is too long");
		out[len++] = (uint8_t)n;
		memcpy(out + len, item, n);
		len += n;
	}
	return len;
}

void peer_alpn_names(char *list, const char **names, size_t cap)
{
	size_t n = 0;

	for (char *name = strtok(list, ","); name != NULL; name = strtok(NULL, ",")) {
		if (n + 1 >= cap)
			errx(2, "the list of protocols is too long");
		names[n++] = name;
	}
	names[n] = NULL;
}

size_t peer_numbers(const char *list, const char *(*name_of)(unsigned int), const uint16_t *known,
		    size_t known_len, uint16_t *out)
{
	size_t n, found = 0, i;
	const char *item;

	while ((n = next_item(&list, &item)) > 0) {
		for (i = 0; i < known_len; i++)
			if (strncmp(name_of(known[i]), item, n) == 0 &&
			    name_of(known[i])[n] == '\0')
				break;
		if (i == known_len || found == known_len)
			errx(2, "%s: unknown, or too many", item);
		out[found++] = known[i];
	}
	return found;
}

void peer_print_ok(const struct peer_facts *facts)
{
	printf("ok version=%s suite=%s group=%s scheme=%s sni=%s alpn=%s",
	       facts->version == KTLS_TLS_1_3 ? "TLS1.3" : "TLS1.2", ktls_suite_name(facts->suite),
	       facts->group ? ktls_group_name(facts->group) : "none",
	       facts->scheme ? ktls_scheme_name(facts->scheme) : "none", facts->server_name,
	       facts->alpn);
}

void peer_print_failed(int reason, uint8_t alert, bool received)
{
	printf("failed reason=%s alert=%s origin=%s\n", ktls_reason_name(reason),
	       alert == KTLS_ALERT_NONE ? "none" : ktls_alert_name(alert),
	       alert == KTLS_ALERT_NONE ? "none"
	       : received               ? "received"
					: "sent");
	fflush(stdout);
}
