/* SPDX-License-Identifier: MIT */
#include "lib/netlink/route.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include "lib/netlink/internal.h"

/* ---- the connection -------------------------------------------------------------------------- */

static int put_address(const struct sockaddr_storage *from, uint8_t out[static 16],
		       struct netlink_flow *flow)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)from;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;
	bool mapped = from->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr);

	if (from->ss_family != AF_INET && from->ss_family != AF_INET6)
		return -EAFNOSUPPORT;
	if (from->ss_family == AF_INET)
		memcpy(out, &in->sin_addr, 4);
	else if (mapped)
		memcpy(out, in6->sin6_addr.s6_addr + 12, 4);
	else
		memcpy(out, &in6->sin6_addr, 16);
	flow->family = mapped ? AF_INET : from->ss_family;
	if (from->ss_family == AF_INET6 && in6->sin6_scope_id != 0 && flow->bound_to == 0)
		flow->bound_to = (int32_t)in6->sin6_scope_id;
	return 0;
}

static int option(int fd, int name, void *out, socklen_t len)
{
	return getsockopt(fd, SOL_SOCKET, name, out, &len) < 0 ? -errno : 0;
}

int netlink_flow_of(int fd, struct netlink_flow *out)
{
	struct sockaddr_storage local, peer;
	socklen_t local_len = sizeof(local), peer_len = sizeof(peer);
	struct netlink_flow flow = { 0 };
	int ret;

	if (getsockname(fd, (struct sockaddr *)&local, &local_len) < 0 ||
	    getpeername(fd, (struct sockaddr *)&peer, &peer_len) < 0)
		return -errno;
	ret = option(fd, SO_MARK, &flow.mark, sizeof(flow.mark));
	if (ret == 0)
		ret = option(fd, SO_BINDTOIFINDEX, &flow.bound_to, sizeof(flow.bound_to));
	if (ret == 0)
		ret = put_address(&local, flow.local, &flow);
	if (ret == 0)
		ret = put_address(&peer, flow.peer, &flow);
	if (ret == 0)
		*out = flow;
	return ret;
}

/* ---- its route ------------------------------------------------------------------------------- */

static int read_route(const struct nlmsghdr *message, void *arg)
{
	const struct rtmsg *rtm = nlmsg_data(message);
	struct netlink_route *out = arg;
	struct nlattr *attrs[RTA_MAX + 1];

	if (message->nlmsg_type != RTM_NEWROUTE ||
	    nlmsg_parse((struct nlmsghdr *)message, sizeof(*rtm), attrs, RTA_MAX, NULL) < 0)
		return -EPROTO;
	out->local = rtm->rtm_type == RTN_LOCAL;
	if (!attrs[RTA_OIF])
		return out->local ? 0 : -EHOSTUNREACH;
	out->device = (int)nla_get_u32(attrs[RTA_OIF]);
	return 0;
}

static bool put_flow(struct nl_msg *message, const struct netlink_flow *flow)
{
	int size = flow->family == AF_INET ? 4 : 16;
	struct rtmsg rtm = { .rtm_family = (unsigned char)flow->family,
			     .rtm_dst_len = (unsigned char)(8 * size),
			     .rtm_src_len = (unsigned char)(8 * size) };

	return nlmsg_append(message, &rtm, sizeof(rtm), NLMSG_ALIGNTO) == 0 &&
	       nla_put(message, RTA_DST, size, flow->peer) == 0 &&
	       nla_put(message, RTA_SRC, size, flow->local) == 0 &&
	       (flow->mark == 0 || nla_put_u32(message, RTA_MARK, flow->mark) == 0) &&
	       (flow->bound_to == 0 ||
		nla_put_u32(message, RTA_OIF, (uint32_t)flow->bound_to) == 0);
}

int netlink_route(struct netlink *nl, const struct netlink_flow *flow, struct netlink_route *out)
{
	struct nl_msg *message = nlmsg_alloc_simple(RTM_GETROUTE, NLM_F_ACK);
	struct netlink_route route = { 0 };
	int ret;

	if (!message)
		return -ENOMEM;
	if (!put_flow(message, flow)) {
		nlmsg_free(message);
		return -ENOMEM;
	}
	ret = netlink_ask(nl, nl->route, message, read_route, &route);
	if (ret == 0)
		*out = route;
	return ret;
}
