/* SPDX-License-Identifier: MIT */
/*
 * A driver's name and its own counters: ethtool's ioctl (linux/sockios.h, SIOCETHTOOL), for netlink
 * has neither.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/sockios.h>

#include "lib/netlink/internal.h"

_Static_assert(ETH_GSTRING_LEN == NETLINK_COUNTER_MAX, "names of counters");
_Static_assert(sizeof(((struct ethtool_drvinfo *)0)->driver) == NETLINK_DRIVER_MAX, "of drivers");
_Static_assert(ETHTOOL_FWVERS_LEN == NETLINK_DRIVER_MAX, "of firmware");

static int ethtool(struct netlink *nl, const char *device, void *command)
{
	struct ifreq request = { .ifr_data = command };

	if (strlen(device) >= sizeof(request.ifr_name))
		return -ENODEV;
	strcpy(request.ifr_name, device);
	return ioctl(nl->ioctl, SIOCETHTOOL, &request) < 0 ? -errno : 0;
}

/* info has no text where this fails. */
static int describe(struct netlink *nl, const char *device, struct ethtool_drvinfo *info)
{
	int ret;

	*info = (struct ethtool_drvinfo){ .cmd = ETHTOOL_GDRVINFO };
	ret = ethtool(nl, device, info);
	info->driver[NETLINK_DRIVER_MAX - 1] = info->fw_version[NETLINK_DRIVER_MAX - 1] = 0;
	return ret;
}

int netlink_driver(struct netlink *nl, const char *device, char out[static NETLINK_DRIVER_MAX])
{
	struct ethtool_drvinfo info;
	int ret = describe(nl, device, &info);

	memcpy(out, info.driver, NETLINK_DRIVER_MAX);
	return ret;
}

int netlink_firmware(struct netlink *nl, const char *device, char out[static NETLINK_DRIVER_MAX])
{
	struct ethtool_drvinfo info;
	int ret = describe(nl, device, &info);

	memcpy(out, info.fw_version, NETLINK_DRIVER_MAX);
	return ret;
}

int netlink_permanent_address(struct netlink *nl, const char *device,
			      uint8_t out[static NETLINK_ADDRESS_MAX], size_t *out_len)
{
	static const uint8_t zero[NETLINK_ADDRESS_MAX];
	struct {
		struct ethtool_perm_addr info;
		uint8_t address[NETLINK_ADDRESS_MAX];
	} asked = { .info = { .cmd = ETHTOOL_GPERMADDR, .size = NETLINK_ADDRESS_MAX } };
	int ret = ethtool(nl, device, &asked);

	if (ret < 0)
		return ret;
	memcpy(out, asked.address, NETLINK_ADDRESS_MAX);
	*out_len = memcmp(out, zero, sizeof(zero)) == 0 ? 0 : asked.info.size;
	return 0;
}

/* How many counters the driver has; drivers may have more with each queue. */
static int count(struct netlink *nl, const char *device, uint32_t *out)
{
	struct {
		struct ethtool_sset_info info;
		uint32_t len;
	} set = { .info = { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1U << ETH_SS_STATS } };
	int ret = ethtool(nl, device, &set);

	if (ret < 0)
		return ret;
	if (set.info.sset_mask == 0 || set.len == 0)
		return -EOPNOTSUPP;
	*out = set.len;
	return 0;
}

/* The room is for the number that was told before: the kernel writes as many as it has now. */
#define SPARE 1024

static size_t pick(const struct ethtool_gstrings *names, const struct ethtool_stats *values,
		   struct netlink_counter *out)
{
	uint32_t n = names->len < values->n_stats ? names->len : values->n_stats;
	size_t len = 0;

	for (uint32_t i = 0; i < n; i++) {
		const char *name = (const char *)names->data + (size_t)i * ETH_GSTRING_LEN;

		if (!memmem(name, strnlen(name, ETH_GSTRING_LEN), "tls", 3))
			continue;
		out[len] = (struct netlink_counter){ .value = values->data[i] };
		memcpy(out[len++].name, name, strnlen(name, ETH_GSTRING_LEN));
	}
	return len;
}

static int read_counters(struct netlink *nl, const char *device, struct ethtool_gstrings *names,
			 struct ethtool_stats *values)
{
	int ret = ethtool(nl, device, names);

	return ret < 0 ? ret : ethtool(nl, device, values);
}

int netlink_counters(struct netlink *nl, const char *device, struct netlink_counter **out,
		     size_t *len)
{
	struct ethtool_gstrings *names;
	struct ethtool_stats *values;
	struct netlink_counter *counters;
	uint32_t n = 0;
	int ret = count(nl, device, &n);

	if (ret < 0)
		return ret;
	names = calloc(1, sizeof(*names) + (n + SPARE) * (size_t)ETH_GSTRING_LEN);
	values = calloc(1, sizeof(*values) + (n + SPARE) * sizeof(uint64_t));
	counters = calloc(n + SPARE, sizeof(*counters));
	ret = -ENOMEM;
	if (names && values && counters) {
		*names = (struct ethtool_gstrings){ .cmd = ETHTOOL_GSTRINGS,
						    .string_set = ETH_SS_STATS,
						    .len = n };
		*values = (struct ethtool_stats){ .cmd = ETHTOOL_GSTATS, .n_stats = n };
		ret = read_counters(nl, device, names, values);
	}
	if (ret == 0) {
		*len = pick(names, values, counters);
		*out = counters;
	} else {
		free(counters);
	}
	free(names);
	free(values);
	return ret;
}
