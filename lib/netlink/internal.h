/* SPDX-License-Identifier: MIT */
/* The sockets behind a struct netlink, shared by the files of this folder. */
#ifndef KTLS_NETLINK_INTERNAL_H
#define KTLS_NETLINK_INTERNAL_H

#include <netlink/attr.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "lib/netlink/netlink.h"

struct netlink {
	struct nl_sock *route;
	struct nl_sock *generic;
	struct nl_sock *diag; /* NULL: the kernel has none */
	int ethtool;          /* number of that family; negative: there is none */
	int ioctl;            /* a socket for ethtool's ioctl */
	char text[256];
};

/* What is done with each message of an answer. Returns 0 or a negative errno, which ends it. */
typedef int netlink_handler(const struct nlmsghdr *message, void *arg);

/*
 * Sends the message, which is freed, and hands the answer to handler (NULL: there is none but the
 * acknowledgement). Returns 0 or a negative errno.
 */
int netlink_ask(struct netlink *nl, struct nl_sock *sock, struct nl_msg *message,
		netlink_handler *handler, void *arg) __attribute__((warn_unused_result));

#endif
