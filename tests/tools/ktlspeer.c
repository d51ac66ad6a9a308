/* SPDX-License-Identifier: MIT */
/*
 * ktlspeer: an application of ktlsd, to be tried against others' programs: hands its sockets over,
 * and goes on with read(), write() and sendfile() on them, in kernel TLS. Like tlspeer.c otherwise,
 * but that a line has "tx=.. rx=.. certs=.." for "retried=..".
 *
 * A received close_notify or alert is a control record, so ktls_recv() does the reading.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ktls-session.h>

#include "lib/crypto/util.h"
#include "tests/harness/peer.h"
#include "tests/harness/talk.h"

#define PATIENCE_MS 60000 /* for a handshake, on an emulated CPU */
#define ALPN_MAX    8

struct options {
	const char *socket;
	const char *host, *port; /* server */
	const char *address;     /* client */
	const char *alpn[ALPN_MAX];
	unsigned long count; /* connections that a server takes; 0: no end */
	struct ktls_params params;
	struct talk talk;
};

/* ---- talk.h's operations on a kernel TLS socket ------------------------------------------------
 */

struct kernel_link {
	int fd;
	struct talk *talk;
	struct ktls_session *session;
};

static ssize_t link_send(void *arg, const void *bytes, size_t len)
{
	struct kernel_link *link = arg;

	return ktls_send(link->session, link->fd, bytes, len, MSG_DONTWAIT);
}

/* The kernel offers no flag for this: the socket's own flag has been set. */
static ssize_t link_sendfile(void *arg, int file, off_t at, size_t len)
{
	struct kernel_link *link = arg;

	return ktls_sendfile(link->session, link->fd, file, &at, len);
}

static int link_finish(void *arg)
{
	struct kernel_link *link = arg;

	return ktls_shutdown(link->session, link->fd);
}

static ssize_t link_recv(void *arg, void *buf, size_t len)
{
	struct kernel_link *link = arg;
	ssize_t n = ktls_recv(link->session, link->fd, buf, len, MSG_DONTWAIT);

	if (n == 0 || n == -EPROTO) {
		link->talk->end = ktls_session_reason(link->session);
		link->talk->end_alert = ktls_session_alert(link->session);
	}
	return n;
}

static const struct talk_ops kernel_link_ops = {
	.send = link_send,
	.sendfile = link_sendfile,
	.finish = link_finish,
	.recv = link_recv,
};

/* ---- a connection ------------------------------------------------------------------------------
 */

static bool talk_over(struct talk *talk, int fd, struct ktls_session *session)
{
	struct kernel_link link = { .fd = fd, .talk = talk, .session = session };
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		err(1, "fcntl");
	talk->fd = fd;
	talk->ops = &kernel_link_ops;
	talk->arg = &link;
	return talk_run(talk);
}

static void print_ok(const struct ktls_reply *reply)
{
	peer_print_ok(&(struct peer_facts){ .version = reply->version,
					    .suite = reply->suite,
					    .group = reply->group,
					    .scheme = reply->scheme,
					    .server_name = reply->server_name,
					    .alpn = reply->alpn });
	printf(" tx=%s rx=%s certs=%zu no-hw=%s,%s", ktls_state_name(reply->tx),
	       ktls_state_name(reply->rx), reply->certs_len, ktls_no_hw_name(reply->tx_no_hw),
	       ktls_no_hw_name(reply->rx_no_hw));
}

/* What is in the way of a device is in the text alone. */
static void print_why(const struct ktls_reply *reply)
{
	if (reply->reason == KTLS_R_HARDWARE_UNAVAILABLE || reply->reason == KTLS_R_DEVICE_REFUSED)
		fprintf(stderr, "%s\n", reply->text);
}

/* True where all went well. */
static bool serve(struct options *o, struct ktls *ktls, int fd)
{
	struct ktls_session *session;
	struct ktls_reply *reply;
	bool well = false;
	int result;

	result = ktls_handshake(ktls, fd, &o->params, &reply);
	if (result < 0)
		errx(1, "ktls_handshake: %s", strerror(-result));
	if (reply->reason != KTLS_OK) {
		print_why(reply);
		peer_print_failed((int)reply->reason, reply->alert,
				  reply->alert_origin == KTLS_ALERT_RECEIVED);
	} else {
		session = ktls_session_new(ktls, reply);
		well = session && talk_over(&o->talk, fd, session);
		ktls_session_free(session);
		print_ok(reply);
		talk_print(&o->talk);
		printf("\n");
		fflush(stdout);
	}
	ktls_reply_free(reply);
	peer_close(fd);
	return well;
}

/* ---- options -----------------------------------------------------------------------------------
 */

static void usage(void)
{
	fprintf(stderr, "usage: ktlspeer server [--host ADDRESS] [--port N] [OPTION...]\n"
			"       ktlspeer client HOST:PORT --name NAME [OPTION...]\n"
			"  --socket PATH    ktlsd's\n"
			"  --profile NAME\n"
			"  --alpn LIST      names with commas\n"
			"  --count N        server: ends after N connections\n" TALK_USAGE);
	exit(2);
}

static const struct option long_options[] = {
	{ "host", required_argument, NULL, 'h' },
	{ "port", required_argument, NULL, 'p' },
	{ "socket", required_argument, NULL, 's' },
	{ "profile", required_argument, NULL, 'r' },
	{ "name", required_argument, NULL, 'n' },
	{ "alpn", required_argument, NULL, 'a' },
	{ "count", required_argument, NULL, 'k' },
	TALK_OPTIONS,
	{ NULL, 0, NULL, 0 },
};

static void take_option(struct options *o, int c)
{
	switch (c) {
	case 'h':
		o->host = optarg;
		break;
	case 'p':
		o->port = optarg;
		break;
	case 's':
		o->socket = optarg;
		break;
	case 'r':
		o->params.profile = optarg;
		break;
	case 'n':
		o->params.server_name = optarg;
		break;
	case 'a':
		peer_alpn_names(optarg, o->alpn, ALPN_MAX);
		o->params.alpn = o->alpn;
		break;
	case 'k':
		o->count = strtoul(optarg, NULL, 10);
		break;
	default:
		if (c < TALK_OPTION)
			usage();
		talk_option(&o->talk, c, optarg);
	}
}

static void parse(int argc, char **argv, struct options *o)
{
	int c;

	if (argc < 2)
		usage();
	if (strcmp(argv[1], "client") == 0)
		o->params.role = KTLS_CLIENT;
	else if (strcmp(argv[1], "server") != 0)
		usage();
	while ((c = getopt_long(argc - 1, argv + 1, "", long_options, NULL)) != -1)
		take_option(o, c);
	o->address = argv[1 + optind];
	if (o->params.role == KTLS_CLIENT && o->address == NULL)
		usage();
	if (o->talk.plan == TALK_NONE ||
	    (o->talk.plan == TALK_SEND) != (o->params.role == KTLS_CLIENT))
		errx(2, "what is there to be said?");
}

int main(int argc, char **argv)
{
	static struct options o = { .host = "127.0.0.1",
				    .port = "0",
				    .params.deadline_ms = PATIENCE_MS };
	struct ktls_error error;
	struct ktls *ktls;
	bool well = false;
	int listener;

	parse(argc, argv, &o);
	if (crypto_init() != 0)
		errx(1, "cannot set up cryptography");
	ktls = ktls_open(o.socket, &error);
	if (ktls == NULL)
		errx(1, "%s", error.text);
	if (o.params.role == KTLS_CLIENT) {
		well = serve(&o, ktls, peer_connect(o.address));
	} else {
		listener = peer_listen(o.host, o.port);
		for (unsigned long i = 0; o.count == 0 || i < o.count; i++)
			well = serve(&o, ktls, peer_accept(listener));
		close(listener);
	}
	ktls_close(ktls);
	return well ? 0 : 1;
}
