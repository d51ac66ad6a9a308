/* SPDX-License-Identifier: MIT */
/*
 * script: a TLS peer that does as it is told, right or wrong, and looks closely at what comes; with
 * our engine, in userspace. tests/harness/script.h has the language, peer_records.h what the other
 * end is held to.
 *
 *	script server --cert build/certs/p256 'tickets 2, send 1000, key-update request' \
 *		'expect key-update, close-notify, expect end'
 *	script client 127.0.0.1:4433 --trust ca.pem --name localhost - <commands
 *	script pattern 1000000 >file
 *
 * Prints "port N" (server), and one line a connection that went well:
 *	ok version=.. suite=.. group=.. scheme=.. sni=.. alpn= sent=.. received=.. \
 *		updates=SENT,RECEIVED
 * What went wrong is on standard error. Status 0: all went as the script says; 1: it did not; 2:
 * wrong usage.
 */
#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ktls.h>

#include "lib/crypto/util.h"
#include "lib/handshake/suite.h"
#include "lib/x509/x509.h"
#include "tests/harness/pattern.h"
#include "tests/harness/peer.h"
#include "tests/harness/script.h"
#include "tests/harness/shake.h"

#define SCRIPT_MAX 65536

struct options {
	struct script_peer peer;
	const char *host, *port; /* server */
	const char *address;     /* client */
	unsigned long count;     /* connections that a server takes, one after the other */
	char script[SCRIPT_MAX];
};

static struct auth auth;
static struct peer_records records;

static void usage(void)
{
	fprintf(stderr,
		"usage: script server --cert BASE... [OPTION...] LINE...\n"
		"       script client HOST:PORT --trust FILE [OPTION...] LINE...\n"
		"       script pattern BYTES\n"
		"  --cert BASE     BASE.pem and BASE.key; a client's, too\n"
		"  --host ADDRESS, --port N\n"
		"  --trust FILE, --name NAME\n"
		"  --tls 1.2|1.3   1.3 where nothing is said\n"
		"  --suite NAME\n"
		"  --tickets N     server: tickets that are good for something\n"
		"  --any-data      what comes is not the pattern\n"
		"  --count N       server: connections, one after the other; 1\n"
		"LINE is \"-\" for standard input, or made of these:\n%s",
		script_usage);
	exit(2);
}

static const struct option long_options[] = {
	{ "cert", required_argument, NULL, 'c' },
	{ "host", required_argument, NULL, 'h' },
	{ "port", required_argument, NULL, 'p' },
	{ "trust", required_argument, NULL, 't' },
	{ "name", required_argument, NULL, 'n' },
	{ "tls", required_argument, NULL, 'v' },
	{ "suite", required_argument, NULL, 's' },
	{ "tickets", required_argument, NULL, 'i' },
	{ "any-data", no_argument, NULL, 'a' },
	{ "count", required_argument, NULL, 'k' },
	{ NULL, 0, NULL, 0 },
};

static uint16_t find_suite(const char *name)
{
	uint16_t found[SUITES_MAX];

	peer_numbers(name, ktls_suite_name, suites_all, SUITES_ALL, found);
	return found[0];
}

static void take_option(struct options *o, int c)
{
	switch (c) {
	case 'c':
		shake_load(&auth, optarg);
		break;
	case 'h':
		o->host = optarg;
		break;
	case 'p':
		o->port = optarg;
		break;
	case 't':
		shake_trust(&auth, optarg);
		break;
	case 'n':
		o->peer.name = optarg;
		break;
	case 'v':
		o->peer.version = strcmp(optarg, "1.2") == 0 ? KTLS_TLS_1_2 : KTLS_TLS_1_3;
		break;
	case 's':
		o->peer.suite = find_suite(optarg);
		break;
	case 'i':
		o->peer.tickets = (uint8_t)atoi(optarg);
		break;
	case 'a':
		o->peer.any_data = true;
		break;
	case 'k':
		o->count = strtoul(optarg, NULL, 10);
		break;
	default:
		usage();
	}
}

static void add_line(struct options *o, const char *line)
{
	size_t len = strlen(o->script);

	if (strcmp(line, "-") == 0)
		len += fread(o->script + len, 1, sizeof(o->script) - 1 - len, stdin);
	else
		len += (size_t)snprintf(o->script + len, sizeof(o->script) - len, "%s\n", line);
	if (len >= sizeof(o->script) - 1)
		errx(2, "the script is too long");
	o->script[len] = '\0';
}

static void parse(int argc, char **argv, struct options *o)
{
	int c, first = 1;

	if (argc < 2)
		usage();
	o->peer.role = strcmp(argv[1], "client") == 0 ? KTLS_CLIENT : KTLS_SERVER;
	if (o->peer.role == KTLS_SERVER && strcmp(argv[1], "server") != 0)
		usage();
	while ((c = getopt_long(argc - 1, argv + 1, "", long_options, NULL)) != -1)
		take_option(o, c);
	first += optind;
	if (o->peer.role == KTLS_CLIENT)
		o->address = first < argc ? argv[first++] : NULL;
	if (o->peer.role == KTLS_CLIENT ? !o->address || !auth.trust : auth.n == 0)
		usage();
	for (; first < argc; first++)
		add_line(o, argv[first]);
	o->peer.auth = &auth;
	o->peer.script = o->script;
	script_check(o->script);
}

static void talk(const struct options *o, int fd)
{
	script_peer_run(&o->peer, fd, &records);
	printf("ok sent=%llu received=%llu updates=%llu,%llu\n", (unsigned long long)records.sent,
	       (unsigned long long)records.received, (unsigned long long)records.updates_sent,
	       (unsigned long long)records.updates_received);
	fflush(stdout);
}

static int print_pattern(uint64_t len)
{
	uint8_t bytes[65536];

	for (uint64_t at = 0; at < len; at += sizeof(bytes)) {
		size_t n = len - at < sizeof(bytes) ? (size_t)(len - at) : sizeof(bytes);

		pattern_fill(bytes, n, at);
		if (fwrite(bytes, 1, n, stdout) != n)
			err(1, "standard output");
	}
	return 0;
}

int main(int argc, char **argv)
{
	static struct options o = { .host = "127.0.0.1", .port = "0", .count = 1 };
	int listener;

	if (argc == 3 && strcmp(argv[1], "pattern") == 0)
		return print_pattern(strtoull(argv[2], NULL, 10));
	if (crypto_init() != 0 || x509_init() != 0)
		errx(1, "cannot set up cryptography");
	parse(argc, argv, &o);
	if (o.peer.role == KTLS_CLIENT) {
		talk(&o, peer_connect(o.address));
	} else {
		listener = peer_listen(o.host, o.port);
		for (unsigned long i = 0; i < o.count; i++)
			talk(&o, peer_accept(listener));
		close(listener);
	}
	auth_wipe(&auth);
	return 0;
}
