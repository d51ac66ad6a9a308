/* SPDX-License-Identifier: MIT */
/* Who has the records of a connection: nobody else's connections are counted with it. */
#include "lib/netlink/verdict.h"
#include "tests/bench/ktls-bench/link.h"

/* What devices take (Linux: net/tls/tls_device.c). */
static enum ktls_no_hw beyond_devices(const struct link *link)
{
	if (link->version != KTLS_TLS_1_2)
		return KTLS_NO_HW_VERSION;
	if (link->suite == KTLS_ECDHE_ECDSA_CHACHA20_POLY1305 ||
	    link->suite == KTLS_ECDHE_RSA_CHACHA20_POLY1305)
		return KTLS_NO_HW_CIPHER;
	return KTLS_NO_HW_NONE;
}

static bool is_open(enum ktls_state state)
{
	return state == KTLS_STATE_NONE || state == KTLS_STATE_UNKNOWN;
}

static void set(struct link *link, const struct netlink_verdict *v)
{
	if (is_open(link->tx)) {
		link->tx = v->tx;
		link->tx_no_hw = v->tx_no_hw;
	}
	if (is_open(link->rx)) {
		link->rx = v->rx;
		link->rx_no_hw = v->rx_no_hw;
	}
}

void link_ask(struct link *link)
{
	const enum ktls_no_hw why = beyond_devices(link);
	struct netlink_verdict v = { .tx = KTLS_STATE_UNKNOWN,
				     .rx = KTLS_STATE_UNKNOWN,
				     .tx_no_hw = KTLS_NO_HW_MAY_NOT_LOOK,
				     .rx_no_hw = KTLS_NO_HW_MAY_NOT_LOOK };
	struct netlink_socket socket;

	if (!is_open(link->tx) && !is_open(link->rx))
		return;
	if (why != KTLS_NO_HW_NONE) {
		v.tx = v.rx = KTLS_STATE_SW;
		v.tx_no_hw = v.rx_no_hw = why;
	} else if (link->maker->paths && netlink_socket_of(link->fd, &socket) == 0) {
		netlink_verdict(link->maker->paths, netlink_namespace_of(link->fd), &socket, &v);
	}
	set(link, &v);
}
