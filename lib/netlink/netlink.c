/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/ethtool_netlink.h>
#include <linux/netlink.h>

#include "lib/netlink/internal.h"

/* libnl's errors are its own numbers; most of them stand for an errno. */
static int error_of(int nl_error)
{
	switch (-nl_error) {
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_OPNOTSUPP:
		return -EOPNOTSUPP;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_NODEV:
	case NLE_OBJ_NOTFOUND:
		return -ENODEV;
	case NLE_INVAL:
		return -EINVAL;
	default:
		return -EIO;
	}
}

static struct nl_sock *sock_open(int protocol)
{
	struct nl_sock *sock = nl_socket_alloc();
	int on = 1;

	if (!sock)
		return NULL;
	if (nl_connect(sock, protocol) < 0) {
		nl_socket_free(sock);
		return NULL;
	}
	/* Why something was refused, in words; every kernel with kernel TLS has them. */
	(void)setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	return sock;
}

int netlink_open(struct netlink **out)
{
	struct netlink *nl = calloc(1, sizeof(*nl));

	if (!nl)
		return -ENOMEM;
	nl->route = sock_open(NETLINK_ROUTE);
	nl->generic = sock_open(NETLINK_GENERIC);
	nl->diag = sock_open(NETLINK_SOCK_DIAG);
	nl->ioctl = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (!nl->route || !nl->generic || nl->ioctl < 0) {
		netlink_close(nl);
		return -EAFNOSUPPORT;
	}
	nl->ethtool = genl_ctrl_resolve(nl->generic, ETHTOOL_GENL_NAME);
	*out = nl;
	return 0;
}

void netlink_close(struct netlink *nl)
{
	if (!nl)
		return;
	nl_socket_free(nl->route);
	nl_socket_free(nl->generic);
	nl_socket_free(nl->diag);
	if (nl->ioctl >= 0)
		close(nl->ioctl);
	free(nl);
}

const char *netlink_text(const struct netlink *nl)
{
	return nl->text;
}

/* ---- asking ---------------------------------------------------------------------------------- */

struct answer {
	struct netlink *nl;
	netlink_handler *handler;
	void *arg;
	int result; /* the handler's, or the kernel's errno */
	bool done;
};

static int on_message(struct nl_msg *message, void *arg)
{
	struct answer *a = arg;

	if (a->handler && a->result == 0)
		a->result = a->handler(nlmsg_hdr(message), a->arg);
	return NL_OK;
}

static int on_done(struct nl_msg *message, void *arg)
{
	struct answer *a = arg;

	(void)message;
	a->done = true;
	return NL_STOP;
}

/* The attributes stand behind the message that the kernel quotes, unless it was told not to. */
static void keep_text(struct netlink *nl, const struct nlmsgerr *e, const struct nlmsghdr *h)
{
	size_t skip = sizeof(*e);
	struct nlattr *attrs[NLMSGERR_ATTR_MAX + 1];

	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		skip += NLMSG_ALIGN(e->msg.nlmsg_len - sizeof(e->msg));
	if (h->nlmsg_len < NLMSG_HDRLEN + skip)
		return;
	if (nla_parse(attrs, NLMSGERR_ATTR_MAX, (struct nlattr *)((uint8_t *)e + skip),
		      (int)(h->nlmsg_len - NLMSG_HDRLEN - skip), NULL) < 0)
		return;
	if (attrs[NLMSGERR_ATTR_MSG])
		nla_strlcpy(nl->text, attrs[NLMSGERR_ATTR_MSG], sizeof(nl->text));
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *e, void *arg)
{
	const struct nlmsghdr *h = (const struct nlmsghdr *)((uint8_t *)e - NLMSG_HDRLEN);
	struct answer *a = arg;

	(void)from;
	if (e->error != 0)
		keep_text(a->nl, e, h);
	if (a->result == 0)
		a->result = e->error;
	a->done = true;
	return NL_STOP;
}

static int receive_all(struct nl_sock *sock, struct answer *a)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int ret = 0;

	if (!cb)
		return -ENOMEM;
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_message, a);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_done, a);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_done, a);
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, a);
	while (!a->done && ret >= 0)
		ret = nl_recvmsgs(sock, cb);
	nl_cb_put(cb);
	return a->done ? a->result : error_of(ret);
}

int netlink_ask(struct netlink *nl, struct nl_sock *sock, struct nl_msg *message,
		netlink_handler *handler, void *arg)
{
	struct answer a = { .nl = nl, .handler = handler, .arg = arg };
	int ret;

	nl->text[0] = 0;
	ret = nl_send_auto(sock, message);
	nlmsg_free(message);
	return ret < 0 ? error_of(ret) : receive_all(sock, &a);
}
