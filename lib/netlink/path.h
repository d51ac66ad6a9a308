/* SPDX-License-Identifier: MIT */
/*
 * The device that a TCP connection goes through, and whether it would have the connection's
 * records: TLS 1.2 with AES-GCM. The kernel decides in the same way when it gets the keys (Linux:
 * net/tls/tls_device.c): by the device that the socket's route names, where bonds that go by
 * connection alone stand for their devices. Which of these a connection gets is the kernel's
 * secret: what is in the way of one is in the way of all, until it has the keys. If one of them
 * might have records, that is in the way of both directions: BOND.
 *
 * Answers are kept, for a server asks for each of its connections: until the kernel tells of a
 * change of links, addresses, routes or rules, and PATH_AGE_MS at most. They are kept by addresses,
 * mark and bound device: rules that go by ports are not seen. Each new pair of addresses costs one
 * question to the kernel; each change, a look at all devices.
 */
#ifndef KTLS_NETLINK_PATH_H
#define KTLS_NETLINK_PATH_H

#include <stdbool.h>
#include <stdint.h>

#include <ktls.h>

#include "lib/netlink/netlink.h"
#include "lib/netlink/route.h"

#define PATH_AGE_MS 1000

struct netlink_paths;

struct netlink_path {
	int index;                   /* of the device that the route names; 0: not known */
	char name[NETLINK_NAME_MAX]; /* its name; "" */
	enum ktls_no_hw tx, rx;      /* what is in the way; _NONE: nothing */
	bool tx_differ, rx_differ;   /* it is in the way of some of a bond's devices only */
};

/* In the network namespace of the caller. Returns 0 or a negative errno, *out is unwritten then. */
int netlink_paths_open(struct netlink_paths **out) __attribute__((warn_unused_result));
void netlink_paths_close(struct netlink_paths *paths);

/*
 * The path of a connected TCP socket. What cannot be told is part of the answer: MAY_NOT_LOOK for a
 * socket of another namespace, and where the kernel does not answer. Does not block but for the
 * kernel's answer, which is there at once.
 */
void netlink_path_find(struct netlink_paths *paths, int fd, struct netlink_path *out);

/*
 * The same for a socket that somebody else has: the namespace that netlink_namespace_of() told him,
 * and its flow.
 */
void netlink_path_of(struct netlink_paths *paths, uint64_t netns, const struct netlink_flow *flow,
		     struct netlink_path *out);

/* SO_NETNS_COOKIE of a socket; 0 where the kernel has none. */
uint64_t netlink_namespace_of(int fd);

/* Its netlink, for other questions, in between. */
struct netlink *netlink_of_paths(const struct netlink_paths *paths);

/* Questions that the kernel was asked so far: about routes, and about devices. For tests. */
struct netlink_path_count {
	uint64_t routes, devices;
};
void netlink_path_count(const struct netlink_paths *paths, struct netlink_path_count *out);

#endif
