/* SPDX-License-Identifier: MIT */
/* Devices: RTM_GETLINK (rtnetlink(7)). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_bonding.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "lib/netlink/internal.h"

struct list {
	struct netlink_device *devices;
	size_t len, room;
};

static struct netlink_device *list_add(struct list *list)
{
	size_t room = list->room > 0 ? 2 * list->room : 16;
	struct netlink_device *more;

	if (list->len == list->room) {
		more = reallocarray(list->devices, room, sizeof(*more));
		if (!more)
			return NULL;
		list->devices = more;
		list->room = room;
	}
	list->devices[list->len] = (struct netlink_device){ 0 };
	return &list->devices[list->len++];
}

static bool is_by_connection(struct nlattr *data)
{
	struct nlattr *attrs[IFLA_BOND_MAX + 1];
	uint8_t mode;

	if (!data || nla_parse_nested(attrs, IFLA_BOND_MAX, data, NULL) < 0 ||
	    !attrs[IFLA_BOND_MODE] || !attrs[IFLA_BOND_XMIT_HASH_POLICY])
		return false;
	mode = nla_get_u8(attrs[IFLA_BOND_MODE]);
	return (mode == BOND_MODE_8023AD || mode == BOND_MODE_XOR) &&
	       nla_get_u8(attrs[IFLA_BOND_XMIT_HASH_POLICY]) == BOND_XMIT_POLICY_LAYER34;
}

static void read_kind(struct nlattr *info, struct netlink_device *out)
{
	struct nlattr *attrs[IFLA_INFO_MAX + 1];

	if (nla_parse_nested(attrs, IFLA_INFO_MAX, info, NULL) < 0 || !attrs[IFLA_INFO_KIND])
		return;
	nla_strlcpy(out->kind, attrs[IFLA_INFO_KIND], sizeof(out->kind));
	out->by_connection = netlink_device_is_bond(out) && is_by_connection(attrs[IFLA_INFO_DATA]);
}

/* IFLA_LINK of a veth is its peer, on which it does not stand; of a tunnel, in another namespace,
 * it means nothing here. */
static int lower_of(struct nlattr *const *attrs, const struct netlink_device *device)
{
	int lower = attrs[IFLA_LINK] ? (int)nla_get_u32(attrs[IFLA_LINK]) : 0;

	if (attrs[IFLA_LINK_NETNSID] || lower == device->index)
		return 0;
	if (device->kind[0] == 0 || strcmp(device->kind, "veth") == 0)
		return 0;
	return lower;
}

static int read_device(const struct nlmsghdr *message, void *arg)
{
	const struct ifinfomsg *info = nlmsg_data(message);
	struct nlattr *attrs[IFLA_MAX + 1];
	struct netlink_device *device;

	if (message->nlmsg_type != RTM_NEWLINK ||
	    nlmsg_parse((struct nlmsghdr *)message, sizeof(*info), attrs, IFLA_MAX, NULL) < 0 ||
	    !attrs[IFLA_IFNAME])
		return -EPROTO;
	device = list_add(arg);
	if (!device)
		return -ENOMEM;
	device->index = info->ifi_index;
	device->up = info->ifi_flags & IFF_UP;
	device->carrier = attrs[IFLA_CARRIER] && nla_get_u8(attrs[IFLA_CARRIER]);
	device->loopback = info->ifi_flags & IFF_LOOPBACK;
	device->ethernet = info->ifi_type == ARPHRD_ETHER;
	device->master = attrs[IFLA_MASTER] ? (int)nla_get_u32(attrs[IFLA_MASTER]) : 0;
	nla_strlcpy(device->name, attrs[IFLA_IFNAME], sizeof(device->name));
	if (attrs[IFLA_LINKINFO])
		read_kind(attrs[IFLA_LINKINFO], device);
	device->lower = lower_of(attrs, device);
	return 0;
}

static int by_index(const void *a, const void *b)
{
	const struct netlink_device *x = a, *y = b;

	return x->index < y->index ? -1 : x->index > y->index;
}

int netlink_devices(struct netlink *nl, struct netlink_device **out, size_t *len)
{
	struct ifinfomsg all = { .ifi_family = AF_UNSPEC };
	struct nl_msg *message = nlmsg_alloc_simple(RTM_GETLINK, NLM_F_DUMP);
	struct list list = { 0 };
	int ret;

	if (!message)
		return -ENOMEM;
	ret = nlmsg_append(message, &all, sizeof(all), NLMSG_ALIGNTO);
	if (ret < 0) {
		nlmsg_free(message);
		return -ENOMEM;
	}
	ret = netlink_ask(nl, nl->route, message, read_device, &list);
	if (ret < 0) {
		free(list.devices);
		return ret;
	}
	qsort(list.devices, list.len, sizeof(*list.devices), by_index);
	*out = list.devices;
	*len = list.len;
	return 0;
}

bool netlink_device_is_bond(const struct netlink_device *d)
{
	return strcmp(d->kind, "bond") == 0;
}

bool netlink_device_stacked(const struct netlink_device *d)
{
	static const char *const kinds[] = { "vlan", "team",  "bridge",    "macvlan", "ipvlan",
					     "vrf",  "vxlan", "wireguard", "gre",     "gretap",
					     "ipip", "sit",   "ip6tnl",    "geneve",  "vti",
					     "xfrm", "tun",   "hsr",       "macsec",  "bareudp" };

	if (netlink_device_is_bond(d))
		return !d->by_connection;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(d->kind, kinds[i]) == 0)
			return true;
	return d->lower != 0;
}

bool netlink_device_carries(const struct netlink_device *d, const struct netlink_device *bond)
{
	return d->master == bond->index && d->up && d->carrier;
}
