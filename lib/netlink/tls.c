/* SPDX-License-Identifier: MIT */
/*
 * What has become of a socket's records: sock_diag(7), for one TCP socket, with what its ULP says
 * of itself (Linux: net/tls/tls_main.c, tls_get_info()).
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <linux/tls.h>

#include "lib/netlink/internal.h"
#include "lib/netlink/tls.h"

#define INFO_PAYLOAD_MAX 7 /* TLS_INFO_TX_MAX_PAYLOAD_LEN, which came after our oldest headers */

/* ---- which socket -------------------------------------------------------------------------- */

static int port_of(int fd, int (*get)(int, struct sockaddr *, socklen_t *), uint16_t *out)
{
	struct sockaddr_in6 address = { .sin6_family = AF_UNSPEC };
	socklen_t len = sizeof(address);

	if (get(fd, (struct sockaddr *)&address, &len) < 0)
		return -errno;
	*out = address.sin6_port; /* that of sockaddr_in is in the same place */
	return 0;
}

int netlink_socket_of(int fd, struct netlink_socket *out)
{
	struct netlink_socket socket = { 0 };
	socklen_t len = sizeof(socket.cookie);
	int ret = netlink_flow_of(fd, &socket.flow);

	if (ret == 0)
		ret = port_of(fd, getsockname, &socket.local_port);
	if (ret == 0)
		ret = port_of(fd, getpeername, &socket.peer_port);
	if (ret == 0 && getsockopt(fd, SOL_SOCKET, SO_COOKIE, &socket.cookie, &len) < 0)
		ret = -errno;
	if (ret == 0)
		*out = socket;
	return ret;
}

static struct inet_diag_sockid id_of(const struct netlink_socket *socket)
{
	struct inet_diag_sockid id = { .idiag_sport = socket->local_port,
				       .idiag_dport = socket->peer_port,
				       .idiag_if = (uint32_t)socket->flow.bound_to,
				       .idiag_cookie = { (uint32_t)socket->cookie,
							 (uint32_t)(socket->cookie >> 32) } };

	_Static_assert(sizeof(id.idiag_src) == sizeof(socket->flow.local), "addresses");
	memcpy(id.idiag_src, socket->flow.local, sizeof(id.idiag_src));
	memcpy(id.idiag_dst, socket->flow.peer, sizeof(id.idiag_dst));
	return id;
}

/* ---- what is said of it -------------------------------------------------------------------- */

static uint16_t number(struct nlattr *const *attrs, int type)
{
	return attrs[type] ? nla_get_u16(attrs[type]) : 0;
}

static enum netlink_records records_of(uint16_t conf)
{
	switch (conf) {
	case TLS_CONF_SW:
		return NETLINK_RECORDS_SW;
	case TLS_CONF_HW:
	case TLS_CONF_HW_RECORD:
		return NETLINK_RECORDS_HW;
	default:
		return NETLINK_RECORDS_PLAIN;
	}
}

static int read_tls(struct nlattr *info, struct netlink_tls *out)
{
	struct nlattr *attrs[INFO_PAYLOAD_MAX + 1];

	if (nla_parse_nested(attrs, INFO_PAYLOAD_MAX, info, NULL) < 0)
		return -EPROTO;
	out->version = number(attrs, TLS_INFO_VERSION);
	out->cipher = number(attrs, TLS_INFO_CIPHER);
	out->tx = records_of(number(attrs, TLS_INFO_TXCONF));
	out->rx = records_of(number(attrs, TLS_INFO_RXCONF));
	out->zerocopy = attrs[TLS_INFO_ZC_RO_TX];
	out->no_pad = attrs[TLS_INFO_RX_NO_PAD];
	out->payload_max = number(attrs, INFO_PAYLOAD_MAX);
	return 0;
}

static int read_ulp(struct nlattr *ulp, struct netlink_tls *out)
{
	struct nlattr *attrs[INET_ULP_INFO_MAX + 1];
	const char *name;

	if (nla_parse_nested(attrs, INET_ULP_INFO_MAX, ulp, NULL) < 0)
		return -EPROTO;
	name = attrs[INET_ULP_INFO_NAME] ? nla_get_string(attrs[INET_ULP_INFO_NAME]) : "";
	if (strcmp(name, "tls") != 0)
		return -ENOPROTOOPT;
	return attrs[INET_ULP_INFO_TLS] ? read_tls(attrs[INET_ULP_INFO_TLS], out) : -ENODATA;
}

static int read_socket(const struct nlmsghdr *message, void *arg)
{
	struct nlattr *attrs[INET_DIAG_MAX + 1];

	if (message->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    nlmsg_parse((struct nlmsghdr *)message, sizeof(struct inet_diag_msg), attrs,
			INET_DIAG_MAX, NULL) < 0)
		return -EPROTO;
	/* There is none, or only administrators are told (Linux before 6.15). */
	if (!attrs[INET_DIAG_ULP_INFO])
		return -ENODATA;
	return read_ulp(attrs[INET_DIAG_ULP_INFO], arg);
}

int netlink_tls_get(struct netlink *nl, const struct netlink_socket *socket,
		    struct netlink_tls *out)
{
	struct inet_diag_req_v2 request = { .sdiag_family = (uint8_t)socket->flow.family,
					    .sdiag_protocol = IPPROTO_TCP,
					    .idiag_ext = 1 << (INET_DIAG_INFO - 1),
					    .idiag_states = UINT32_MAX,
					    .id = id_of(socket) };
	struct netlink_tls tls = { 0 };
	struct nl_msg *message;
	int ret;

	if (!nl->diag)
		return -EOPNOTSUPP;
	message = nlmsg_alloc_simple(SOCK_DIAG_BY_FAMILY, NLM_F_ACK);
	if (!message)
		return -ENOMEM;
	if (nlmsg_append(message, &request, sizeof(request), NLMSG_ALIGNTO) < 0) {
		nlmsg_free(message);
		return -ENOMEM;
	}
	ret = netlink_ask(nl, nl->diag, message, read_socket, &tls);
	if (ret == 0)
		*out = tls;
	return ret;
}
