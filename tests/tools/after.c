/* SPDX-License-Identifier: MIT */
/*
 * after: an application of ktlsd that goes on talking, to be tried against what others' programs
 * send behind a handshake.
 *
 *	after echo --socket PATH                prints "port N", takes a connection, prints
 *	                                        "ready", prints and sends back all that comes;
 *	                                        behind every line "update" new keys, and the
 *	                                        peer's are asked for
 *	after lines PORT --socket PATH LINE...  connects, prints "resumed" if so it is, has each
 *	                                        LINE answered by a line, with such an update
 *	                                        before the next
 *	after rekey --socket PATH               status 0 where the kernel can change keys, else 1
 *
 *	--profile NAME                          of ktlsd's
 *	--relay                                 ktlsd's has the records, and changes keys when it
 *	                                        wants: no such updates
 *
 * The last line is "end REASON"; status 0 where that is PEER_CLOSE_NOTIFY.
 */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ktls-session.h>

#include "tests/harness/peer.h"

#define PATIENCE_MS 60000

struct talk {
	const char *profile;
	bool relay;
	struct ktls *k;
	struct ktls_session *session;
	int fd;
};

static struct ktls *open_ktls(const char *path)
{
	struct ktls_error error;
	struct ktls *k = ktls_open(path, &error);

	if (!k)
		errx(2, "%s", error.text);
	return k;
}

static void shake(struct talk *t, enum ktls_role role)
{
	const struct ktls_params params = {
		.role = role,
		.profile = t->profile,
		.records = t->relay ? KTLS_RECORDS_PREFER_KERNEL : KTLS_RECORDS_REQUIRE_KERNEL,
		.server_name = role == KTLS_CLIENT ? "localhost" : NULL,
		.deadline_ms = PATIENCE_MS,
	};
	struct ktls_reply *reply;

	if (ktls_handshake(t->k, t->fd, &params, &reply) != 0)
		errx(2, "no handshake");
	if (reply->reason != KTLS_OK)
		errx(2, "handshake: %s", ktls_reason_name((int)reply->reason));
	if ((reply->tx == KTLS_STATE_RELAY) != t->relay)
		errx(2, "the records are elsewhere");
	if (reply->resumed)
		printf("resumed\n");
	t->session = ktls_session_new(t->k, reply);
	if (!t->session)
		errx(2, "no session");
	ktls_reply_free(reply);
}

static void update(struct talk *t)
{
	int r = t->relay ? 0 : ktls_update_keys(t->session, t->fd, KTLS_UPDATE_REQUEST);

	if (r != 0)
		printf("update: %s\n", strerror(-r));
}

static void send_all(struct talk *t, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = ktls_send(t->session, t->fd, bytes, len, 0);

		if (n <= 0)
			return;
		bytes += n;
		len -= (size_t)n;
	}
}

static ssize_t recv_some(struct talk *t, char *buf, size_t len)
{
	ssize_t n;

	do {
		n = ktls_recv(t->session, t->fd, buf, len, 0);
	} while (n == -EINTR);
	if (n < 0)
		printf("recv: %s\n", strerror((int)-n));
	return n;
}

static int end(struct talk *t)
{
	enum ktls_reason reason = ktls_session_reason(t->session);
	int r = ktls_shutdown(t->session, t->fd);

	printf("end %s%s\n", ktls_reason_name((int)reason), r == 0 ? "" : ", no close_notify");
	ktls_session_free(t->session);
	peer_close(t->fd);
	ktls_close(t->k);
	return reason == KTLS_R_PEER_CLOSE_NOTIFY ? 0 : 1;
}

static int echo(struct talk *t)
{
	int listener = peer_listen("127.0.0.1", "0");
	char buf[16384];
	ssize_t n;

	t->fd = peer_accept(listener);
	close(listener);
	shake(t, KTLS_SERVER);
	printf("ready\n");
	while ((n = recv_some(t, buf, sizeof(buf))) > 0) {
		printf("got %.*s", (int)n, buf);
		send_all(t, buf, (size_t)n);
		if (memmem(buf, (size_t)n, "update\n", 7))
			update(t);
	}
	return end(t);
}

/* Prints the line that comes. */
static bool answered(struct talk *t)
{
	char c = '\0';

	while (c != '\n' && recv_some(t, &c, 1) == 1)
		putchar(c);
	return c == '\n';
}

static int lines(struct talk *t, char **line)
{
	char address[64];
	bool on = true;
	char *text;
	char c;

	snprintf(address, sizeof(address), "127.0.0.1:%s", *line++);
	t->fd = peer_connect(address);
	shake(t, KTLS_CLIENT);
	for (; *line && on; line++) {
		/* In one record: a KeyUpdate within a line makes two of it for s_server -rev. */
		if (asprintf(&text, "%s\n", *line) < 0)
			err(2, "asprintf");
		send_all(t, text, strlen(text));
		free(text);
		on = answered(t);
		if (on && line[1])
			update(t);
	}
	/* Some peers close when we have. */
	if (on && ktls_shutdown(t->session, t->fd) == 0)
		while (recv_some(t, &c, 1) == 1)
			;
	return end(t);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "profile", required_argument, NULL, 'p' },
		{ "relay", no_argument, NULL, 'r' },
		{ 0 },
	};
	struct talk t = { .fd = -1 };
	const char *path = NULL;
	struct ktls_info info;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 's')
			path = optarg;
		else if (c == 'p')
			t.profile = optarg;
		else if (c == 'r')
			t.relay = true;
		else
			return 2;
	}
	argv += optind;
	if (argc - optind < 1 || !path)
		errx(2, "after echo|lines|rekey --socket PATH ...");
	setlinebuf(stdout);
	t.k = open_ktls(path);
	if (strcmp(argv[0], "echo") == 0)
		return echo(&t);
	if (strcmp(argv[0], "lines") == 0 && argv[1])
		return lines(&t, argv + 1);
	ktls_get_info(t.k, &info);
	ktls_close(t.k);
	return info.capabilities & KTLS_CAN_REKEY ? 0 : 1;
}
