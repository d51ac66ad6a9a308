/* SPDX-License-Identifier: MIT */
/* Who has the records of a TCP socket: sock_diag(7), which is the only one to know. */
#ifndef KTLS_NETLINK_TLS_H
#define KTLS_NETLINK_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/netlink/netlink.h"
#include "lib/netlink/route.h"

/* One TCP socket of the namespace. */
struct netlink_socket {
	struct netlink_flow flow;
	uint16_t local_port, peer_port; /* as they are on the wire */
	uint64_t cookie;                /* SO_COOKIE: addresses come back, this does not */
};

/* Returns 0; a negative errno where fd is no connected socket, *out is unwritten then. */
int netlink_socket_of(int fd, struct netlink_socket *out) __attribute__((warn_unused_result));

/* Who does the records of one direction. */
enum netlink_records {
	NETLINK_RECORDS_PLAIN, /* nobody: there is no key */
	NETLINK_RECORDS_SW,    /* the kernel */
	NETLINK_RECORDS_HW,    /* a device: it took the key. It stays so when the device goes down
				  or the route moves, though the kernel has the work then */
};

struct netlink_tls {
	uint16_t version, cipher; /* linux/tls.h; 0 without a key */
	enum netlink_records tx, rx;
	bool zerocopy;        /* TLS_TX_ZEROCOPY_RO is on, and a device sends */
	bool no_pad;          /* TLS_RX_EXPECT_NO_PAD is on */
	uint16_t payload_max; /* TLS_TX_MAX_PAYLOAD_LEN; 0: the kernel does not say */
};

/*
 * What has become of the records of a socket with the TLS ULP. Returns 0, or a negative errno with
 * *out unwritten:
 *
 *	-ENODATA        the socket has no ULP; or the kernel tells only those with CAP_NET_ADMIN in
 *	                the namespace (Linux 6.12 does so, 7.2 tells everybody)
 *	-ENOPROTOOPT    it has another ULP
 *	-ENOENT         no such socket in this namespace, another one has its addresses, or there
 *	                is no tcp_diag module
 *	-EOPNOTSUPP     the kernel has no sock_diag
 */
int netlink_tls_get(struct netlink *nl, const struct netlink_socket *socket,
		    struct netlink_tls *out) __attribute__((warn_unused_result));

#endif
