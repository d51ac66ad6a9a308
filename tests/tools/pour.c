/* SPDX-License-Identifier: MIT */
/*
 * pour listen|connect PORT [--bytes N] [--seed N] [--way NAME]: much data over plain TCP to
 * 127.0.0.1, both ways at once, by tests/harness/pour.h. A program that knows nothing of TLS, for
 * those that give it some. "listen" takes one connection, and prints "listening" when it does; port
 * 0 is any, and then that is printed. NAME: bytes, vectors, messages, files, splices, mixed. Status
 * 0: all that was sent came, both ways; 1: it did not; 2: wrong usage.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/crypto/util.h"
#include "tests/harness/pour.h"

static struct sockaddr_in address_of(const char *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons((uint16_t)atoi(port)) };

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return address;
}

static int do_listen(const char *port)
{
	struct sockaddr_in address = address_of(port);
	socklen_t len = sizeof(address);
	int one = 1, fd, listener = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (struct sockaddr *)&address, len) < 0 || listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &len) < 0)
		return -1;
	printf("listening %u\n", ntohs(address.sin_port));
	fflush(stdout);
	fd = accept(listener, NULL, NULL);
	close(listener);
	return fd;
}

static int do_connect(const char *port)
{
	struct sockaddr_in address = address_of(port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

static enum pour_way way_of(const char *name)
{
	for (int way = 0; way <= POUR_MIXED; way++)
		if (strcmp(pour_way_name((enum pour_way)way), name) == 0)
			return (enum pour_way)way;
	fprintf(stderr, "pour: no way of that name: %s\n", name);
	exit(2);
}

static void parse(int argc, char **argv, struct pour *p)
{
	static const struct option options[] = { { "bytes", required_argument, NULL, 'b' },
						 { "seed", required_argument, NULL, 's' },
						 { "way", required_argument, NULL, 'w' },
						 { NULL, 0, NULL, 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (c) {
		case 'b':
			p->bytes = strtoull(optarg, NULL, 0);
			break;
		case 's':
			p->seed = strtoull(optarg, NULL, 0);
			break;
		case 'w':
			p->way = way_of(optarg);
			break;
		default:
			exit(2);
		}
	}
}

static void report(const struct pour *p, long seconds)
{
	printf("%s: sent %llu, received %llu bytes, %s, in %ld s, seed %llu\n",
	       pour_way_name(p->way), (unsigned long long)p->sent, (unsigned long long)p->received,
	       p->same ? "the same" : "not the same", seconds, (unsigned long long)p->seed);
	if (p->send_error != 0)
		printf("sending: %s\n", strerror(p->send_error));
	if (p->recv_error != 0)
		printf("receiving: %s\n", strerror(p->recv_error));
}

int main(int argc, char **argv)
{
	struct pour p = { .way = POUR_MIXED, .pauses = true };
	time_t since;
	bool good;

	if (crypto_init() < 0)
		return 1;
	p.bytes = pour_bytes(64 << 20);
	p.seed = pour_seed();
	parse(argc, argv, &p);
	if (argc - optind != 2)
		return 2;
	p.fd = strcmp(argv[optind], "listen") == 0 ? do_listen(argv[optind + 1])
						   : do_connect(argv[optind + 1]);
	if (p.fd < 0) {
		perror("pour");
		return 1;
	}
	since = time(NULL);
	good = pour_both(&p);
	report(&p, (long)(time(NULL) - since));
	close(p.fd);
	return good ? 0 : 1;
}
