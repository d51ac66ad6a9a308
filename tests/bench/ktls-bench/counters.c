/* SPDX-License-Identifier: MIT */
#include "tests/bench/ktls-bench/counters.h"

#include <ifaddrs.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/netlink/netlink.h"

/* ---- the device -------------------------------------------------------------------------------
 */

/* An IPv4 address that came in by a listening socket of IPv6 is IPv4 all the same. */
static bool same_address(const struct sockaddr *a, const struct sockaddr *b)
{
	const struct in6_addr *six = &((const struct sockaddr_in6 *)b)->sin6_addr;
	const struct in_addr *four = &((const struct sockaddr_in *)a)->sin_addr;

	if (!a || (a->sa_family != AF_INET && a->sa_family != AF_INET6))
		return false;
	if (a->sa_family == AF_INET && b->sa_family == AF_INET6)
		return IN6_IS_ADDR_V4MAPPED(six) && memcmp(four, six->s6_addr + 12, 4) == 0;
	if (a->sa_family != b->sa_family)
		return false;
	if (a->sa_family == AF_INET)
		return memcmp(four, &((const struct sockaddr_in *)b)->sin_addr, 4) == 0;
	return memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr, six, 16) == 0;
}

static void ask_kernel(struct device *device)
{
	struct netlink_device *devices;
	size_t len;

	if (netlink_open(&device->netlink) != 0) {
		device->netlink = NULL;
		return;
	}
	if (netlink_devices(device->netlink, &devices, &len) != 0)
		return;
	for (size_t i = 0; i < len; i++)
		if (strcmp(devices[i].name, device->name) == 0) {
			device->index = devices[i].index;
			device->loopback = devices[i].loopback;
		}
	free(devices);
}

void device_find(struct device *device, const struct sockaddr *local)
{
	struct ifaddrs *all, *at;

	*device = (struct device){ .tx_before = -1, .rx_before = -1 };
	if (getifaddrs(&all) != 0)
		return;
	for (at = all; at && device->name[0] == '\0'; at = at->ifa_next)
		if (same_address(at->ifa_addr, local))
			result_text(device->name, sizeof(device->name), "%s", at->ifa_name);
	freeifaddrs(all);
	if (device->name[0] != '\0')
		ask_kernel(device);
}

static signed char *before_of(struct device *device, enum netlink_feature feature)
{
	return feature == NETLINK_TLS_TX ? &device->tx_before : &device->rx_before;
}

static int turn(struct device *device, enum netlink_feature feature, bool on, char *text)
{
	signed char *before = before_of(device, feature);
	struct netlink_features features;
	int r = netlink_features_get(device->netlink, device->index, &features);

	if (r == 0 && !features.states[feature].changeable)
		return 0;
	if (r == 0 && features.states[feature].on != on && *before < 0)
		*before = features.states[feature].on;
	if (r == 0 && features.states[feature].on != on)
		r = netlink_features_set(device->netlink, device->index, feature, on);
	if (r < 0)
		result_text(text, RESULT_LINE, "%s of %s cannot be switched: %s",
			    netlink_feature_name(feature), device->name, strerror(-r));
	return r < 0 ? -1 : 0;
}

int device_switch(struct device *device, bool on, char *text)
{
	if (!device->netlink || device->loopback || device->index == 0)
		return 0;
	if (turn(device, NETLINK_TLS_TX, on, text) < 0)
		return -1;
	return turn(device, NETLINK_TLS_RX, on, text);
}

static void turn_back(struct device *device, enum netlink_feature feature)
{
	const signed char before = *before_of(device, feature);
	char text[RESULT_LINE];

	if (before >= 0 && turn(device, feature, before == 1, text) < 0)
		fprintf(stderr, "ktls-bench: not as it was: %s\n", text);
}

void device_forget(struct device *device)
{
	if (device->netlink) {
		turn_back(device, NETLINK_TLS_TX);
		turn_back(device, NETLINK_TLS_RX);
		netlink_close(device->netlink);
	}
	*device = (struct device){ .tx_before = -1, .rx_before = -1 };
}

/* ---- counters ---------------------------------------------------------------------------------
 */

static void add(struct result_round *to, enum result_end end, enum result_source source,
		const char *name, uint64_t value)
{
	struct result_counter *counter = result_counter_add(to);

	if (!counter)
		return;
	counter->end = end;
	counter->source = source;
	counter->value = value;
	result_text(counter->name, sizeof(counter->name), "%s", name);
}

static void read_tls_stat(struct result_round *to, enum result_end end)
{
	FILE *file = fopen("/proc/net/tls_stat", "re");
	char name[RESULT_NAME];
	uint64_t value;

	if (!file)
		return;
	while (fscanf(file, "%47s %" SCNu64, name, &value) == 2)
		add(to, end, RESULT_TLS_STAT, name, value);
	fclose(file);
}

static void read_ethtool(struct result_round *to, struct device *device, enum result_end end)
{
	struct netlink_counter *counters;
	size_t len;

	if (!device->netlink || device->name[0] == '\0' ||
	    netlink_counters(device->netlink, device->name, &counters, &len) != 0)
		return;
	for (size_t i = 0; i < len; i++)
		add(to, end, RESULT_ETHTOOL, counters[i].name, counters[i].value);
	free(counters);
}

struct result_round *counters_now(struct device *device, enum result_end end)
{
	struct result_round *now = calloc(1, sizeof(*now));

	if (!now)
		return NULL;
	read_tls_stat(now, end);
	read_ethtool(now, device, end);
	return now;
}

static uint64_t value_of(const struct result_round *round, enum result_source source,
			 const char *name)
{
	for (size_t i = 0; i < round->counters_len; i++)
		if (round->counters[i].source == source &&
		    strcmp(round->counters[i].name, name) == 0)
			return round->counters[i].value;
	return 0;
}

void counters_since(struct result_round *before, struct device *device, enum result_end end,
		    struct outcome *out)
{
	struct result_round *now = counters_now(device, end);

	for (size_t i = 0; before && now && i < now->counters_len; i++) {
		const struct result_counter *c = &now->counters[i];
		const uint64_t was = value_of(before, c->source, c->name);

		/* Those of what there is now (TlsCurrTxSw) may go back. */
		if (c->value > was)
			add(&out->counters, end, c->source, c->name, c->value - was);
	}
	if (now)
		free(now->counters);
	if (before)
		free(before->counters);
	free(now);
	free(before);
}

uint64_t counters_find(const struct outcome *outcome, enum result_source source, const char *name)
{
	return value_of(&outcome->counters, source, name);
}
