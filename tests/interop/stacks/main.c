/* SPDX-License-Identifier: MIT */
/*
 * usage: PROGRAM client HOST PORT CA REQUEST ANSWER [WORD...]   sends REQUEST, gets ANSWER
 *        PROGRAM server CERT KEY CA [WORD...]                   echoes; prints its port first
 *
 * Words are those of tests/interop/cells.sh: tls1.2, tls1.3, cert=BASE, alpn=NAME, demand, resume.
 */
#include <err.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/interop/stacks/stack.h"

#define PATIENCE_S 20

static struct stack_options options;
static bool resume;

static void take_word(const char *word)
{
	static char cert[4096], key[4096];

	if (strcmp(word, "tls1.3") == 0)
		options.tls13 = true;
	else if (strcmp(word, "demand") == 0)
		options.demand_cert = true;
	else if (strcmp(word, "resume") == 0)
		resume = true;
	else if (strncmp(word, "alpn=", 5) == 0)
		options.alpn = word + 5;
	if (strncmp(word, "cert=", 5) != 0)
		return;
	snprintf(cert, sizeof(cert), "%s.pem", word + 5);
	snprintf(key, sizeof(key), "%s.key", word + 5);
	options.cert = cert;
	options.key = key;
}

static void be_patient(int fd)
{
	const struct timeval limit = { .tv_sec = PATIENCE_S };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

static bool write_all(const char *bytes, size_t len)
{
	ssize_t n;

	for (; len > 0; bytes += n, len -= (size_t)n) {
		n = stack_write(bytes, len);
		if (n <= 0)
			return false;
	}
	return true;
}

/* ---- client -----------------------------------------------------------------------------------
 */

static char *read_file(const char *path, size_t *len)
{
	FILE *f = fopen(path, "re");
	char *bytes;

	if (f == NULL || fseek(f, 0, SEEK_END) < 0)
		err(1, "%s", path);
	*len = (size_t)ftell(f);
	rewind(f);
	bytes = malloc(*len);
	if (bytes == NULL || fread(bytes, 1, *len, f) != *len)
		err(1, "%s", path);
	fclose(f);
	return bytes;
}

static int connect_to(const char *port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)atoi(port)),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		err(1, "connect");
	be_patient(fd);
	return fd;
}

/* True where the answer ended with close_notify. */
static bool ask(const char *request, size_t len, const char *answer)
{
	FILE *out = fopen(answer, "we");
	char bytes[16384];
	ssize_t n = -1;

	if (out == NULL)
		err(1, "%s", answer);
	if (write_all(request, len))
		while ((n = stack_read(bytes, sizeof(bytes))) > 0)
			fwrite(bytes, 1, (size_t)n, out);
	fclose(out);
	return n == 0;
}

static int client(char **argv)
{
	size_t len;
	char *request = read_file(argv[3], &len);
	bool well = true;
	int fd;

	options.host = argv[0];
	options.ca = argv[2];
	stack_setup(&options);
	for (int i = 0; well && i < (resume ? 2 : 1); i++) {
		fd = connect_to(argv[1]);
		well = stack_open(fd, i > 0) && ask(request, len, argv[4]);
		stack_close();
		close(fd);
	}
	free(request);
	return well ? 0 : 1;
}

/* ---- server -----------------------------------------------------------------------------------
 */

static int listen_somewhere(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(at);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) < 0 || listen(fd, 16) < 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) < 0)
		err(1, "listen");
	printf("port %u\n", ntohs(at.sin_port));
	fflush(stdout);
	return fd;
}

static void echo(void)
{
	char bytes[16384];
	ssize_t n;

	while ((n = stack_read(bytes, sizeof(bytes))) > 0)
		if (!write_all(bytes, (size_t)n))
			return;
}

static int server(char **argv)
{
	int listener, fd;

	options.server = true;
	options.cert = argv[0];
	options.key = argv[1];
	options.ca = argv[2];
	stack_setup(&options);
	listener = listen_somewhere();
	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		be_patient(fd);
		if (stack_open(fd, false))
			echo();
		stack_close();
		close(fd);
	}
	err(1, "accept");
}

int main(int argc, char **argv)
{
	bool is_server = argc > 1 && strcmp(argv[1], "server") == 0;
	int words = is_server ? 5 : 7;

	if (argc < words)
		errx(2, "see the head of main.c for how to use this");
	for (int i = words; i < argc; i++)
		take_word(argv[i]);
	return is_server ? server(argv + 2) : client(argv + 2);
}
