/* SPDX-License-Identifier: MIT */
/*
 * What a loop asks of devices and routes (struct conn_router), answered by lib/netlink: by ktlsd's
 * netlink role for its workers, and in-process for ktls_open_embedded().
 */
#ifndef KTLS_CONN_ROUTER_H
#define KTLS_CONN_ROUTER_H

#include "lib/conn/conn.h"
#include "lib/netlink/tls.h"

#include <stdbool.h>

struct netlink_paths;

/*
 * Both are about sockets of a namespace (SO_NETNS_COOKIE). Without paths, NULL, the answer is that
 * nobody may look.
 */
struct conn_route router_route(struct netlink_paths *paths, uint64_t netns,
			       const struct netlink_flow *flow);
struct conn_verdict router_verdict(struct netlink_paths *paths, uint64_t netns,
				   const struct netlink_socket *socket);

/*
 * Whether the kernel tells the caller who has a socket's records: tried with a connection of the
 * caller's to itself, whose sockets have the ULP. True, too, where that cannot be tried, since
 * there is no kernel TLS, or no loopback in this namespace.
 */
bool router_is_told(const struct netlink_paths *paths);

/*
 * A router that asks the kernel in the caller's thread, which waits for the answer and for nothing
 * else: local questions, a few dozen microseconds each. It looks in the network namespace in which
 * it was made, with the rights of whoever made it: routes and features are told to everybody, who
 * has the records by older kernels to CAP_NET_ADMIN only (lib/netlink/tls.h).
 */
struct own_router;

/* NULL: the kernel has no netlink for us. */
struct own_router *own_router_new(void) __attribute__((warn_unused_result));
void own_router_free(struct own_router *own);

/* For a loop's configuration; NULL for NULL. */
const struct conn_router *own_router_of(const struct own_router *own);

#endif
