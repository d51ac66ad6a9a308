/* SPDX-License-Identifier: MIT */
/* Links whose bytes go straight to the socket: plain TCP, and TLS by the kernel or a device. */
#include "tests/bench/ktls-bench/link.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <ktls.h>

#include "lib/crypto/util.h"
#include "lib/ktls/kernel.h"
#include "lib/ktls/uapi.h"

static ssize_t send_bytes(struct link *link, const uint8_t *bytes, size_t len, bool more)
{
	ssize_t n = send(link->fd, bytes, len, MSG_NOSIGNAL | (more ? MSG_MORE : 0));

	return n < 0 ? -errno : n;
}

static ssize_t receive_bytes(struct link *link, const uint8_t **bytes)
{
	ssize_t n = recv(link->fd, link->maker->buffer, LINK_READ, 0);

	*bytes = link->maker->buffer;
	return n < 0 ? -errno : n;
}

static int open_plain(struct link *link)
{
	(void)link;
	return 0;
}

const struct link_ops link_tcp = {
	.open = open_plain,
	.send = send_bytes,
	.receive = receive_bytes,
};

/* ---- by our engine ----------------------------------------------------------------------------
 */

static int refused(struct link *link, const char *what, int reason, int error)
{
	return link_fail(link->maker, "%s: %s%s%s", what, ktls_reason_text(-reason),
			 error ? ": " : "", error ? strerror(error) : "");
}

int link_set_options(struct link *link)
{
	const struct plan *plan = link->maker->plan;
	const unsigned int on = 1;
	int error = 0, r;

	if (plan->mode == MODE_HW_ZC && plan_sends(plan, link->maker->end) &&
	    setsockopt(link->fd, SOL_TLS, TLS_TX_ZEROCOPY_RO, &on, sizeof(on)) < 0)
		return link_fail(link->maker, "TLS_TX_ZEROCOPY_RO: %m");
	if (plan->record_bytes == 0 || plan->record_bytes == PLAN_RECORD)
		return 0;
	r = kernel_limit(link->fd, (uint16_t)plan->record_bytes, &error);
	return r < 0 ? refused(link, "TLS_TX_MAX_PAYLOAD_LEN", r, error) : 0;
}

static int install(struct link *link, const struct ktls_engine *engine)
{
	struct ktls_traffic_key tx, rx;
	int error = 0, r = ktls_engine_keys(engine, &tx, &rx);

	if (r == 0)
		r = kernel_install(link->fd, true, &tx, &error);
	if (r == 0)
		r = kernel_install(link->fd, false, &rx, &error);
	secret_wipe(&tx, sizeof(tx));
	secret_wipe(&rx, sizeof(rx));
	return r < 0 ? refused(link, "keys into the kernel", r, error) : link_set_options(link);
}

static int open_by_engine(struct link *link)
{
	struct ktls_engine engine;
	int error = 0, r = kernel_ulp_attach(link->fd, &error);

	if (r < 0)
		return refused(link, "kernel TLS", r, error);
	r = link_shake(link, &engine);
	if (r == 0)
		r = install(link, &engine);
	ktls_engine_wipe(&engine);
	return r;
}

/* What is no data can only be the other end's close_notify. */
static ssize_t receive_data(struct link *link, const uint8_t **bytes)
{
	ssize_t n = receive_bytes(link, bytes);
	uint8_t type;

	if (n != -EIO)
		return n;
	n = kernel_record_recv(link->fd, link->maker->buffer, LINK_READ, MSG_DONTWAIT, &type);
	return n < 0 ? n : type == RECORD_ALERT ? 0 : -EIO;
}

/*
 * A record that the socket's buffer has no room for is the kernel's to send later, though
 * sendfile() has returned its bytes. A shutdown() then loses it; a close_notify (RFC 9846, 6.1)
 * goes behind it.
 */
static int finish(struct link *link)
{
	static const uint8_t close_notify[] = { 1, 0 };
	ssize_t n = kernel_record_send(link->fd, RECORD_ALERT, close_notify, sizeof(close_notify),
				       MSG_DONTWAIT);

	if (n < 0)
		return (int)n;
	return shutdown(link->fd, SHUT_WR) < 0 ? -errno : 0;
}

const struct link_ops link_kernel = {
	.open = open_by_engine,
	.send = send_bytes,
	.receive = receive_data,
	.finish = finish,
};
