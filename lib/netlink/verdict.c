/* SPDX-License-Identifier: MIT */
#include "lib/netlink/verdict.h"

/* Whether that is so for certain, and leaves no device in question. */
static bool is_certain(enum ktls_no_hw why, bool differ)
{
	return !differ && why != KTLS_NO_HW_NONE && why != KTLS_NO_HW_MAY_NOT_LOOK &&
	       why != KTLS_NO_HW_NO_ROUTE && why != KTLS_NO_HW_BOND;
}

static void judge(enum ktls_no_hw path, bool certain, bool told, enum netlink_records records,
		  enum ktls_state *state, enum ktls_no_hw *why)
{
	*state = KTLS_STATE_SW;
	*why = path == KTLS_NO_HW_NONE ? KTLS_NO_HW_REFUSED : path;
	if (told && records == NETLINK_RECORDS_HW) {
		*state = KTLS_STATE_HW;
		*why = KTLS_NO_HW_NONE;
	} else if (!certain && (!told || records == NETLINK_RECORDS_PLAIN)) {
		*state = KTLS_STATE_UNKNOWN;
		*why = KTLS_NO_HW_MAY_NOT_LOOK;
	}
}

void netlink_verdict_of(const struct netlink_path *path, const struct netlink_tls *tls,
			struct netlink_verdict *out)
{
	judge(path->tx, is_certain(path->tx, path->tx_differ), tls,
	      tls ? tls->tx : NETLINK_RECORDS_PLAIN, &out->tx, &out->tx_no_hw);
	judge(path->rx, is_certain(path->rx, path->rx_differ), tls,
	      tls ? tls->rx : NETLINK_RECORDS_PLAIN, &out->rx, &out->rx_no_hw);
}

void netlink_verdict(struct netlink_paths *paths, uint64_t netns,
		     const struct netlink_socket *socket, struct netlink_verdict *out)
{
	struct netlink_path path;
	struct netlink_tls tls;
	bool told = false;

	netlink_path_of(paths, netns, &socket->flow, &path);
	if (!is_certain(path.tx, path.tx_differ) || !is_certain(path.rx, path.rx_differ))
		told = netlink_tls_get(netlink_of_paths(paths), socket, &tls) == 0;
	netlink_verdict_of(&path, told ? &tls : NULL, out);
}
