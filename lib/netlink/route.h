/* SPDX-License-Identifier: MIT */
/* Which way a connection's packets go: RTM_GETROUTE (rtnetlink(7)). */
#ifndef KTLS_NETLINK_ROUTE_H
#define KTLS_NETLINK_ROUTE_H

#include <sys/socket.h>

#include "lib/netlink/netlink.h"

/* What a connection's route depends on, without padding: to be compared as bytes. */
struct netlink_flow {
	uint8_t local[16], peer[16]; /* addresses; of IPv4 the first 4 bytes */
	uint32_t mark;               /* SO_MARK */
	int32_t bound_to;            /* index of a device; 0: to none */
	uint32_t family;             /* AF_INET or AF_INET6; IPv4 in IPv6 is IPv4 */
};

struct netlink_route {
	int device; /* index */
	bool local; /* to this machine itself */
};

/* Of a connected TCP socket. Returns 0 or a negative errno. */
int netlink_flow_of(int fd, struct netlink_flow *out) __attribute__((warn_unused_result));

/* Returns 0 or a negative errno: -EHOSTUNREACH, -ENETUNREACH, ... where there is none. */
int netlink_route(struct netlink *nl, const struct netlink_flow *flow, struct netlink_route *out)
	__attribute__((warn_unused_result));

#endif
