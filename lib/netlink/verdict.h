/* SPDX-License-Identifier: MIT */
/*
 * Who has the records of a connection whose keys the kernel has, and why not a device: TLS 1.2 with
 * AES-GCM, for nothing else can be with one. The kernel is asked only where the path may have a
 * device.
 */
#ifndef KTLS_NETLINK_VERDICT_H
#define KTLS_NETLINK_VERDICT_H

#include <stdint.h>

#include <ktls.h>

#include "lib/netlink/path.h"
#include "lib/netlink/tls.h"

struct netlink_verdict {
	enum ktls_state tx, rx;             /* _SW, _HW, or _UNKNOWN */
	enum ktls_no_hw tx_no_hw, rx_no_hw; /* why not _HW; _REFUSED: nothing is in the way */
};

/*
 * netns is the namespace of the socket (SO_NETNS_COOKIE). What cannot be told is part of the
 * answer: UNKNOWN with MAY_NOT_LOOK.
 */
void netlink_verdict(struct netlink_paths *paths, uint64_t netns,
		     const struct netlink_socket *socket, struct netlink_verdict *out);

/* The same where the path, and what sock_diag said, are known; tls: NULL where it said nothing. */
void netlink_verdict_of(const struct netlink_path *path, const struct netlink_tls *tls,
			struct netlink_verdict *out);

#endif
