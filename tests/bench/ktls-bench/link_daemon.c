/* SPDX-License-Identifier: MIT */
/*
 * Links whose handshakes ktlsd makes. What a program has to do then that uses kernel TLS is done
 * here as well: a session passes over tickets, follows the peer's new keys, and ends with
 * close_notify.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <ktls-session.h>
#include <ktls.h>

#include "tests/bench/ktls-bench/link.h"

#define SPLICES  4096 /* of 1 MiB at most, without a look at the key */
#define IN_A_ROW 64   /* records without data, before others have a turn */

/* Why the stream is over says more than -EPROTO. */
static ssize_t told(struct link *link, ssize_t n)
{
	if (n == -EPROTO)
		link_fail(link->maker, "the stream: %s",
			  ktls_reason_text((int)ktls_session_reason(link->session)));
	return n;
}

static ssize_t send_bytes(struct link *link, const uint8_t *bytes, size_t len, bool more)
{
	return told(link, ktls_send(link->session, link->fd, bytes, len, more ? MSG_MORE : 0));
}

static ssize_t send_file(struct link *link, int file, off_t at, size_t len)
{
	ssize_t n = ktls_sendfile(link->session, link->fd, file, &at, len);

	return n == 0 ? -EIO : told(link, n);
}

static ssize_t receive(struct link *link, const uint8_t **bytes)
{
	ssize_t n = -EINTR;

	*bytes = link->maker->buffer;
	for (int i = 0; i < IN_A_ROW && n == -EINTR; i++)
		n = ktls_recv(link->session, link->fd, link->maker->buffer, LINK_READ, 0);
	return told(link, n);
}

static int maintain(struct link *link)
{
	if (!ktls_update_owed(link->session) && ++link->splices < SPLICES)
		return 0;
	link->splices = 0;
	return (int)told(link, ktls_maintain(link->session, link->fd));
}

static int finish(struct link *link)
{
	return ktls_shutdown(link->session, link->fd);
}

static int take_reply(struct link *link, const struct ktls_reply *reply)
{
	struct link_maker *maker = link->maker;

	if (reply->reason != KTLS_OK)
		return link_fail(maker, "ktlsd: %s: %s", ktls_reason_name((int)reply->reason),
				 reply->text);
	link->version = reply->version;
	link->suite = reply->suite;
	link->tx = reply->tx;
	link->rx = reply->rx;
	link->tx_no_hw = reply->tx_no_hw;
	link->rx_no_hw = reply->rx_no_hw;
	link->session = ktls_session_new(maker->ktls, reply);
	return link->session ? 0 : link_fail(maker, "out of memory");
}

static int open_by_daemon(struct link *link)
{
	struct link_maker *maker = link->maker;
	const bool client = maker->end == RESULT_CLIENT;
	const struct ktls_params params = {
		.role = client ? KTLS_CLIENT : KTLS_SERVER,
		.profile = maker->profile,
		.server_name = client ? maker->credentials->name : NULL,
		.hardware = mode_is_hardware(maker->plan->mode) ? KTLS_HARDWARE_PREFER
								: KTLS_HARDWARE_ANY,
	};
	struct ktls_reply *reply;
	int r = ktls_handshake(maker->ktls, link->fd, &params, &reply);

	if (r < 0)
		return link_fail(maker, "ktlsd: %s", strerror(-r));
	r = take_reply(link, reply);
	ktls_reply_free(reply);
	return r < 0 ? r : link_set_options(link);
}

static void close_session(struct link *link)
{
	ktls_session_free(link->session);
}

const struct link_ops link_daemon = {
	.open = open_by_daemon,
	.send = send_bytes,
	.receive = receive,
	.send_file = send_file,
	.finish = finish,
	.maintain = maintain,
	.close = close_session,
};
