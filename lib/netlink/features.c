/* SPDX-License-Identifier: MIT */
/*
 * Features of a device: the generic netlink family "ethtool" (Linux:
 * Documentation/networking/ethtool-netlink.rst). Bits are asked for by name: their numbers are
 * another with each kernel.
 */
#include <errno.h>
#include <string.h>

#include <linux/ethtool_netlink.h>

#include "lib/netlink/internal.h"

static const struct {
	const char *name;
	enum netlink_feature feature;
} names[] = {
	{ "tls-hw-tx-offload", NETLINK_TLS_TX },
	{ "tls-hw-rx-offload", NETLINK_TLS_RX },
	/* Either of these will do: netdev_fix_features(). */
	{ "tx-checksum-ip-generic", NETLINK_TX_CHECKSUM },
	{ "tx-checksum-ipv4", NETLINK_TX_CHECKSUM },
	{ "rx-checksum", NETLINK_RX_CHECKSUM },
};

#define NAMES (sizeof(names) / sizeof(names[0]))

const char *netlink_feature_name(enum netlink_feature feature)
{
	for (size_t i = 0; i < NAMES; i++)
		if (names[i].feature == feature)
			return names[i].name;
	return "unknown";
}

static struct netlink_feature_state *state_of(struct netlink_features *features, const char *name)
{
	for (size_t i = 0; i < NAMES; i++)
		if (strcmp(names[i].name, name) == 0)
			return &features->states[names[i].feature];
	return NULL;
}

/* ---- bit sets ------------------------------------------------------------------------------- */

/* Which of the four sets of a reply a bit is in. */
enum set {
	SET_HW, /* known; with its value set, changeable */
	SET_WANTED,
	SET_ACTIVE,
};

static void note_bit(struct netlink_feature_state *state, enum set set, bool value)
{
	switch (set) {
	case SET_HW:
		state->known = true;
		state->changeable |= value;
		break;
	case SET_WANTED:
		state->wanted = true;
		break;
	case SET_ACTIVE:
		state->on = true;
		break;
	}
}

static void read_bit(struct nlattr *bit, enum set set, struct netlink_features *out)
{
	struct nlattr *attrs[ETHTOOL_A_BITSET_BIT_MAX + 1];
	struct netlink_feature_state *state;

	if (nla_parse_nested(attrs, ETHTOOL_A_BITSET_BIT_MAX, bit, NULL) < 0 ||
	    !attrs[ETHTOOL_A_BITSET_BIT_NAME])
		return;
	state = state_of(out, nla_get_string(attrs[ETHTOOL_A_BITSET_BIT_NAME]));
	if (state)
		note_bit(state, set, attrs[ETHTOOL_A_BITSET_BIT_VALUE]);
}

static void read_set(struct nlattr *bitset, enum set set, struct netlink_features *out)
{
	struct nlattr *attrs[ETHTOOL_A_BITSET_MAX + 1], *bit;
	int left;

	if (!bitset || nla_parse_nested(attrs, ETHTOOL_A_BITSET_MAX, bitset, NULL) < 0 ||
	    !attrs[ETHTOOL_A_BITSET_BITS])
		return;
	nla_for_each_nested(bit, attrs[ETHTOOL_A_BITSET_BITS], left) read_bit(bit, set, out);
}

static int read_features(const struct nlmsghdr *message, void *arg)
{
	struct nlattr *attrs[ETHTOOL_A_FEATURES_MAX + 1];

	if (genlmsg_parse((struct nlmsghdr *)message, 0, attrs, ETHTOOL_A_FEATURES_MAX, NULL) < 0)
		return -EPROTO;
	read_set(attrs[ETHTOOL_A_FEATURES_HW], SET_HW, arg);
	read_set(attrs[ETHTOOL_A_FEATURES_WANTED], SET_WANTED, arg);
	read_set(attrs[ETHTOOL_A_FEATURES_ACTIVE], SET_ACTIVE, arg);
	return 0;
}

/* ---- requests ------------------------------------------------------------------------------- */

static bool put_header(struct nl_msg *message, int index)
{
	struct nlattr *header = nla_nest_start(message, ETHTOOL_A_FEATURES_HEADER);

	if (!header || nla_put_u32(message, ETHTOOL_A_HEADER_DEV_INDEX, (uint32_t)index) < 0)
		return false;
	nla_nest_end(message, header);
	return true;
}

/* The set of one named bit. */
static bool put_wanted(struct nl_msg *message, const char *name, bool on)
{
	struct nlattr *wanted = nla_nest_start(message, ETHTOOL_A_FEATURES_WANTED);
	struct nlattr *bits = wanted ? nla_nest_start(message, ETHTOOL_A_BITSET_BITS) : NULL;
	struct nlattr *bit = bits ? nla_nest_start(message, ETHTOOL_A_BITSET_BITS_BIT) : NULL;

	if (!bit || nla_put_string(message, ETHTOOL_A_BITSET_BIT_NAME, name) < 0)
		return false;
	if (on && nla_put_flag(message, ETHTOOL_A_BITSET_BIT_VALUE) < 0)
		return false;
	nla_nest_end(message, bit);
	nla_nest_end(message, bits);
	nla_nest_end(message, wanted);
	return true;
}

static struct nl_msg *request(struct netlink *nl, uint8_t command, int index, int flags)
{
	struct nl_msg *message = nlmsg_alloc();

	if (!message)
		return NULL;
	if (!genlmsg_put(message, NL_AUTO_PORT, NL_AUTO_SEQ, nl->ethtool, 0, flags, command,
			 ETHTOOL_GENL_VERSION) ||
	    !put_header(message, index)) {
		nlmsg_free(message);
		return NULL;
	}
	return message;
}

int netlink_features_get(struct netlink *nl, int index, struct netlink_features *out)
{
	struct netlink_features features = { 0 };
	struct nl_msg *message;
	int ret;

	if (nl->ethtool < 0)
		return -EOPNOTSUPP;
	message = request(nl, ETHTOOL_MSG_FEATURES_GET, index, NLM_F_ACK);
	if (!message)
		return -ENOMEM;
	ret = netlink_ask(nl, nl->generic, message, read_features, &features);
	if (ret == 0)
		*out = features;
	return ret;
}

int netlink_features_set(struct netlink *nl, int index, enum netlink_feature feature, bool on)
{
	struct nl_msg *message;

	if (nl->ethtool < 0)
		return -EOPNOTSUPP;
	message = request(nl, ETHTOOL_MSG_FEATURES_SET, index, NLM_F_ACK);
	if (!message)
		return -ENOMEM;
	if (!put_wanted(message, netlink_feature_name(feature), on)) {
		nlmsg_free(message);
		return -ENOMEM;
	}
	return netlink_ask(nl, nl->generic, message, NULL, NULL);
}
