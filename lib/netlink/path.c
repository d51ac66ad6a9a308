/* SPDX-License-Identifier: MIT */
#include "lib/netlink/path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/rtnetlink.h>

#include "lib/netlink/kernel.h"
#include "lib/netlink/route.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* Linux 5.14; <asm-generic/socket.h> */
#endif

#define KEPT 1024 /* answers; a power of two */

struct kept {
	struct netlink_flow flow;
	struct netlink_path path;
	uint64_t generation; /* 0: nothing is kept here */
};

/* A device, and what its features are once somebody has asked. */
struct known {
	bool asked;
	bool told; /* it has features at all */
	struct netlink_features features;
};

struct netlink_paths {
	struct netlink *nl;
	int events;      /* a socket that changes are told to */
	uint64_t cookie; /* of our namespace; 0: not known */
	uint64_t generation;
	uint64_t since; /* milliseconds: when this generation began */
	struct netlink_device *devices;
	struct known *known; /* of each */
	size_t devices_len;
	struct netlink_path_count count;
	struct netlink_kernel kernel;
	struct kept kept[KEPT];
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t netlink_namespace_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	return getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len) == 0 ? cookie : 0;
}

/* ---- changes --------------------------------------------------------------------------------- */

static int listen_to_changes(void)
{
	static const int groups[] = { RTNLGRP_LINK,      RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE,
				      RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV6_ROUTE,
				      RTNLGRP_IPV6_RULE };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	struct sockaddr_nl us = { .nl_family = AF_NETLINK };

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&us, sizeof(us)) < 0) {
		close(fd);
		return -EAFNOSUPPORT;
	}
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		(void)setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i],
				 sizeof(groups[i]));
	return fd;
}

/* What they are about does not matter; ENOBUFS says that there were more than the socket holds. */
static bool something_changed(int events)
{
	bool changed = false;
	char byte;
	ssize_t n;

	do {
		n = recv(events, &byte, 1, MSG_DONTWAIT | MSG_TRUNC);
		changed = changed || n >= 0 || errno == ENOBUFS;
	} while (n >= 0 || errno == ENOBUFS || errno == EINTR);
	return changed;
}

static void forget(struct netlink_paths *p, uint64_t now)
{
	free(p->devices);
	free(p->known);
	p->devices = NULL;
	p->known = NULL;
	p->devices_len = 0;
	p->generation++;
	p->since = now;
}

int netlink_paths_open(struct netlink_paths **out)
{
	struct netlink_paths *p = calloc(1, sizeof(*p));
	int ret;

	if (!p)
		return -ENOMEM;
	ret = netlink_open(&p->nl);
	if (ret < 0) {
		free(p);
		return ret;
	}
	p->events = listen_to_changes();
	if (p->events < 0) {
		ret = p->events;
		netlink_close(p->nl);
		free(p);
		return ret;
	}
	p->cookie = netlink_namespace_of(p->events);
	netlink_kernel_open(&p->kernel, "");
	forget(p, now_ms());
	*out = p;
	return 0;
}

void netlink_paths_close(struct netlink_paths *p)
{
	if (!p)
		return;
	netlink_close(p->nl);
	netlink_kernel_close(&p->kernel);
	close(p->events);
	free(p->devices);
	free(p->known);
	free(p);
}

void netlink_path_count(const struct netlink_paths *p, struct netlink_path_count *out)
{
	*out = p->count;
}

/* ---- devices --------------------------------------------------------------------------------- */

static int look_at_devices(struct netlink_paths *p)
{
	int ret;

	if (p->devices)
		return 0;
	p->count.devices++;
	ret = netlink_devices(p->nl, &p->devices, &p->devices_len);
	if (ret < 0)
		return ret;
	p->known = calloc(p->devices_len + 1, sizeof(*p->known));
	return p->known ? 0 : -ENOMEM;
}

static const struct netlink_device *find(const struct netlink_paths *p, int index)
{
	for (size_t i = 0; i < p->devices_len; i++)
		if (p->devices[i].index == index)
			return &p->devices[i];
	return NULL;
}

static const struct known *features_of(struct netlink_paths *p, const struct netlink_device *d)
{
	struct known *k = &p->known[d - p->devices];

	if (!k->asked)
		k->told = netlink_features_get(p->nl, d->index, &k->features) == 0;
	k->asked = true;
	return k;
}

static enum ktls_no_hw judge_features(const struct netlink_features *f, bool tx)
{
	const struct netlink_feature_state *tls = &f->states[tx ? NETLINK_TLS_TX : NETLINK_TLS_RX];
	const struct netlink_feature_state *sum =
		&f->states[tx ? NETLINK_TX_CHECKSUM : NETLINK_RX_CHECKSUM];

	if (tls->on)
		return KTLS_NO_HW_NONE;
	if (!tls->known || !tls->changeable)
		return KTLS_NO_HW_NO_TLS_DRIVER;
	return sum->on ? KTLS_NO_HW_FEATURE_OFF : KTLS_NO_HW_CHECKSUM_OFF;
}

static enum ktls_no_hw judge_device(struct netlink_paths *p, const struct netlink_device *d,
				    bool tx)
{
	const struct known *k;
	enum ktls_no_hw why;

	if (netlink_device_stacked(d))
		return KTLS_NO_HW_STACKED;
	k = features_of(p, d);
	why = k->told ? judge_features(&k->features, tx) : KTLS_NO_HW_NO_TLS_DRIVER;
	return why == KTLS_NO_HW_NONE && !d->up ? KTLS_NO_HW_DEVICE_DOWN : why;
}

/*
 * The first thing in the way of a connection that goes by one of these, whichever; differ: there is
 * nothing in the way of some, so that it depends on the connection.
 */
static enum ktls_no_hw judge_bond(struct netlink_paths *p, const struct netlink_device *bond,
				  bool tx, bool *differ)
{
	enum ktls_no_hw why = KTLS_NO_HW_NONE;
	size_t good = 0, all = 0;

	for (size_t i = 0; i < p->devices_len; i++) {
		const struct netlink_device *d = &p->devices[i];
		enum ktls_no_hw one;

		if (!netlink_device_carries(d, bond))
			continue;
		one = judge_device(p, d, tx);
		all++;
		good += one == KTLS_NO_HW_NONE;
		why = why == KTLS_NO_HW_NONE ? one : why;
	}
	*differ = good > 0 && good < all;
	return all > 0 ? why : KTLS_NO_HW_DEVICE_DOWN;
}

/*
 * No driver has TLS in a kernel without TLS_DEVICE, and no other device would do then: that is
 * looked for where nothing but that can be the reason.
 */
static enum ktls_no_hw judge(struct netlink_paths *p, const struct netlink_device *d, bool tx,
			     bool *differ)
{
	enum ktls_no_hw why;

	if (d->loopback)
		return KTLS_NO_HW_LOOPBACK;
	why = d->by_connection ? judge_bond(p, d, tx, differ) : judge_device(p, d, tx);
	if (why != KTLS_NO_HW_NO_TLS_DRIVER && why != KTLS_NO_HW_STACKED)
		return why;
	return netlink_kernel_tls_device(&p->kernel) == NETLINK_TLS_DEVICE_NO ? KTLS_NO_HW_KERNEL
									      : why;
}

/* ---- paths ----------------------------------------------------------------------------------- */

static struct netlink_path both(enum ktls_no_hw why)
{
	return (struct netlink_path){ .tx = why, .rx = why };
}

/*
 * Where a device below a bond goes down, the kernel encrypts twice what that had sent for, once for
 * the bond and once for the device that is left: the plaintext comes out. Of those that it had only
 * received for, nothing goes out any more (Linux: 6.1 to 7.2, tls_validate_xmit_skb_sw()). Nobody
 * is led there.
 */
static bool may_have_one(const struct netlink_path *path)
{
	return path->tx == KTLS_NO_HW_NONE || path->tx_differ || path->rx == KTLS_NO_HW_NONE ||
	       path->rx_differ;
}

static void through(struct netlink_paths *p, const struct netlink_device *d,
		    struct netlink_path *out)
{
	out->index = d->index;
	memcpy(out->name, d->name, sizeof(out->name));
	out->tx = judge(p, d, true, &out->tx_differ);
	out->rx = judge(p, d, false, &out->rx_differ);
	if (d->by_connection && may_have_one(out)) {
		out->tx = out->rx = KTLS_NO_HW_BOND;
		out->tx_differ = out->rx_differ = false;
	}
}

static void look(struct netlink_paths *p, const struct netlink_flow *flow, struct netlink_path *out)
{
	const struct netlink_device *d;
	struct netlink_route route;
	int ret;

	p->count.routes++;
	ret = netlink_route(p->nl, flow, &route);
	*out = both(ret == -EPERM || ret == -ENOMEM || ret == -EIO ? KTLS_NO_HW_MAY_NOT_LOOK
								   : KTLS_NO_HW_NO_ROUTE);
	if (ret < 0)
		return;
	*out = both(KTLS_NO_HW_LOOPBACK);
	if (route.local)
		return;
	*out = both(KTLS_NO_HW_MAY_NOT_LOOK);
	if (look_at_devices(p) < 0)
		return;
	d = find(p, route.device);
	*out = both(KTLS_NO_HW_NO_ROUTE);
	if (d)
		through(p, d, out);
}

/* FNV-1a: whoever chooses addresses so that answers are not kept pays with his own latency. */
static struct kept *place_of(struct netlink_paths *p, const struct netlink_flow *flow)
{
	const uint8_t *bytes = (const uint8_t *)flow;
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < sizeof(*flow); i++)
		h = (h ^ bytes[i]) * 0x100000001b3;
	return &p->kept[(h ^ h >> 32) % KEPT];
}

void netlink_path_of(struct netlink_paths *p, uint64_t netns, const struct netlink_flow *flow,
		     struct netlink_path *out)
{
	uint64_t now = now_ms();
	struct kept *kept = place_of(p, flow);

	*out = both(KTLS_NO_HW_MAY_NOT_LOOK);
	if (netns != p->cookie)
		return;
	if (something_changed(p->events) || now - p->since >= PATH_AGE_MS)
		forget(p, now);
	if (kept->generation != p->generation || memcmp(&kept->flow, flow, sizeof(*flow)) != 0) {
		look(p, flow, &kept->path);
		kept->flow = *flow;
		kept->generation = p->generation;
	}
	*out = kept->path;
}

void netlink_path_find(struct netlink_paths *p, int fd, struct netlink_path *out)
{
	struct netlink_flow flow;

	*out = both(KTLS_NO_HW_NO_ROUTE);
	if (netlink_flow_of(fd, &flow) == 0)
		netlink_path_of(p, netlink_namespace_of(fd), &flow, out);
}

struct netlink *netlink_of_paths(const struct netlink_paths *p)
{
	return p->nl;
}
