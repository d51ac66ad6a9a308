/* SPDX-License-Identifier: MIT */
/*
 * The shortest way from a TCP socket to TLS: connects to a server on this machine, says hello,
 * prints what comes back. ktlsd runs, and its profile "default" may be used as a client.
 *
 *	cc -D_GNU_SOURCE hello.c $(pkg-config --cflags --libs libktls) && ./a.out PORT
 *
 * A server to try it with: openssl s_server -rev -accept PORT ...
 */
#include <ktls-session.h>

#include <arpa/inet.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct ktls_params params = { .role = KTLS_CLIENT, .server_name = "localhost" };
	struct ktls_error error;
	struct ktls_reply *reply;
	struct ktls *k = ktls_open(NULL, &error);
	struct ktls_session *session;
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	char text[1000];
	ssize_t n;

	to.sin6_port = htons((in_port_t)atoi(argc > 1 ? argv[1] : "4433"));
	if (!k)
		errx(1, "%s", error.text);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		err(1, "connecting");
	if (ktls_handshake(k, fd, &params, &reply) < 0)
		errx(1, "the socket cannot be handed over");
	if (reply->reason != KTLS_OK)
		errx(1, "no TLS: %s", reply->text);
	printf("%s, %s\n", ktls_version_name(reply->version), ktls_suite_name(reply->suite));
	session = ktls_session_new(k, reply);
	ktls_reply_free(reply);
	if (!session)
		errx(1, "no memory");

	if (write(fd, "hello\n", 6) != 6)
		err(1, "writing");
	n = ktls_recv(session, fd, text, sizeof(text),
		      0); /* not a ticket, which read() would find */
	if (n < 0)
		errx(1, "reading: %s", ktls_reason_text((int)ktls_session_reason(session)));
	printf("%.*s", (int)n, text);
	return ktls_shutdown(session, fd) != 0;
}
