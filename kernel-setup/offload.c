/* SPDX-License-Identifier: MIT */
#include "kernel-setup/offload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel-setup/system.h"

enum netlink_feature offload_feature(int direction)
{
	return direction == OFFLOAD_TX ? NETLINK_TLS_TX : NETLINK_TLS_RX;
}

const char *offload_direction(int direction)
{
	return direction == OFFLOAD_TX ? "sending" : "receiving";
}

static const struct netlink_feature_state *state_of(const struct offload_device *d, int direction)
{
	return &d->features.states[offload_feature(direction)];
}

const char *offload_state(const struct offload_device *d, int direction)
{
	const struct offload_device *has = d->below[direction] ? d->below[direction] : d;
	const struct netlink_feature_state *s = state_of(has, direction);

	if (!has->has_features || !s->known)
		return "unknown";
	if (!s->changeable)
		return s->on ? "on, fixed" : "fixed";
	return s->on ? "on" : "off";
}

/* ---- what stands in the way ------------------------------------------------------------------ */

static bool checksum_missing(const struct offload_device *d, int direction)
{
	enum netlink_feature f =
		direction == OFFLOAD_TX ? NETLINK_TX_CHECKSUM : NETLINK_RX_CHECKSUM;

	return !d->features.states[f].on;
}

static enum obstacle obstacle_of_feature(const struct offload_device *d, int direction)
{
	const struct netlink_feature_state *s = state_of(d, direction);

	if (!s->known)
		return OBSTACLE_UNKNOWN;
	if (s->on)
		return d->device.up ? OBSTACLE_NONE : OBSTACLE_DOWN;
	if (!s->changeable)
		return OBSTACLE_DRIVER;
	if (checksum_missing(d, direction))
		return OBSTACLE_CHECKSUM;
	return s->wanted ? OBSTACLE_IGNORED : OBSTACLE_OFF;
}

enum obstacle offload_judge(const struct offload_device *d, int direction,
			    enum netlink_tls_device kernel)
{
	if (d->device.loopback)
		return OBSTACLE_LOOPBACK;
	if (kernel == NETLINK_TLS_DEVICE_NO)
		return OBSTACLE_KERNEL;
	if (netlink_device_stacked(&d->device))
		return OBSTACLE_STACKED;
	return d->has_features ? obstacle_of_feature(d, direction) : OBSTACLE_UNKNOWN;
}

const char *obstacle_name(enum obstacle obstacle)
{
	static const char *const names[] = {
		[OBSTACLE_NONE] = "NONE",         [OBSTACLE_OFF] = "OFF",
		[OBSTACLE_LOOPBACK] = "LOOPBACK", [OBSTACLE_KERNEL] = "KERNEL",
		[OBSTACLE_STACKED] = "STACKED",   [OBSTACLE_DRIVER] = "DRIVER",
		[OBSTACLE_CHECKSUM] = "CHECKSUM", [OBSTACLE_IGNORED] = "IGNORED",
		[OBSTACLE_DOWN] = "DOWN",         [OBSTACLE_UNKNOWN] = "UNKNOWN",
	};

	return names[obstacle];
}

static void text_stacked(const struct offload_device *d, char *out, size_t cap)
{
	const char *kind = d->device.kind;

	if (netlink_device_is_bond(&d->device)) {
		snprintf(out, cap,
			 "connections through a bond are offloaded only in mode 802.3ad or "
			 "balance-xor, with xmit_hash_policy layer3+4");
		return;
	}
	snprintf(out, cap, "connections through a %s device are never offloaded%s%s",
		 kind[0] ? kind : "stacked", d->lower ? ", only those directly through " : "",
		 d->lower ? d->lower->device.name : "");
}

static void text_down(const struct offload_device *d, char *out, size_t cap)
{
	if (netlink_device_is_bond(&d->device))
		snprintf(out, cap, "none of its devices is up and connected");
	else
		snprintf(out, cap, "the device is down: ip link set %s up", d->device.name);
}

static void text_below(const struct offload_device *d, int direction, char *out, size_t cap)
{
	int n = snprintf(out, cap, "through %s: ", d->device.name);

	if (n > 0 && (size_t)n < cap)
		obstacle_text(d, direction, out + n, cap - (size_t)n);
}

/* What becomes of connections when a device goes down: Documentation/offload.md. */
static void text_no_obstacle(const struct offload_device *d, int direction, char *out, size_t cap)
{
	const struct offload_device *below = d->below[direction];
	const char *name = below ? below->device.name : d->device.name;

	out[0] = '\0';
	if (below && direction == OFFLOAD_TX)
		snprintf(out, cap,
			 "in the clear once a device of it goes down: ktls-setup offload off %s tx",
			 name);
	else if (direction == OFFLOAD_RX && d->obstacles[OFFLOAD_TX] != OBSTACLE_NONE)
		snprintf(out, cap,
			 "without sending it breaks connections, and the kernel, once %s goes "
			 "down: ktls-setup offload off %s rx",
			 name, name);
}

void obstacle_text(const struct offload_device *d, int direction, char *out, size_t cap)
{
	const char *name = d->device.name;
	const char *tx = direction == OFFLOAD_TX ? "tx" : "rx";

	if (d->below[direction] && d->obstacles[direction] != OBSTACLE_NONE) {
		text_below(d->below[direction], direction, out, cap);
		return;
	}

	switch (d->obstacles[direction]) {
	case OBSTACLE_OFF:
		snprintf(out, cap, "can be turned on: ktls-setup offload on %s %s", name, tx);
		break;
	case OBSTACLE_LOOPBACK:
		snprintf(out, cap, "no device is involved");
		break;
	case OBSTACLE_KERNEL:
		snprintf(out, cap, "this kernel was built without CONFIG_TLS_DEVICE");
		break;
	case OBSTACLE_STACKED:
		text_stacked(d, out, cap);
		break;
	case OBSTACLE_DRIVER:
		snprintf(out, cap, "the driver %s has no TLS offload here", d->driver);
		break;
	case OBSTACLE_CHECKSUM:
		snprintf(out, cap, "needs checksum offload first: ethtool -K %s %s on", name, tx);
		break;
	case OBSTACLE_IGNORED:
		snprintf(out, cap, "was asked for, but the kernel has not turned it on: see dmesg");
		break;
	case OBSTACLE_DOWN:
		text_down(d, out, cap);
		break;
	case OBSTACLE_UNKNOWN:
		snprintf(out, cap, "the device does not tell its features");
		break;
	case OBSTACLE_NONE:
		text_no_obstacle(d, direction, out, cap);
	}
}

/* ---- what may be changed --------------------------------------------------------------------- */

static bool may_change(const struct offload_device *d, int direction)
{
	enum obstacle o = d->obstacles[direction];

	return state_of(d, direction)->changeable && o != OBSTACLE_LOOPBACK &&
	       o != OBSTACLE_KERNEL && o != OBSTACLE_STACKED && o != OBSTACLE_UNKNOWN;
}

int offload_choose(const struct offload_device *d, bool named, bool directions[OFFLOAD_DIRECTIONS])
{
	int refused = -1;
	bool any = false;

	for (int i = OFFLOAD_DIRECTIONS - 1; i >= 0; i--) {
		if (!directions[i])
			continue;
		if (may_change(d, i))
			any = true;
		else
			refused = i;
	}
	if (refused < 0 || named || !any)
		return refused;
	for (int i = 0; i < OFFLOAD_DIRECTIONS; i++)
		directions[i] = directions[i] && may_change(d, i);
	return -1;
}

/* ---- looking --------------------------------------------------------------------------------- */

static void look_at(struct netlink *nl, enum netlink_tls_device kernel, struct offload_device *d)
{
	(void)!netlink_driver(nl, d->device.name, d->driver);
	d->has_features = netlink_features_get(nl, d->device.index, &d->features) == 0;
	if (netlink_counters(nl, d->device.name, &d->counters, &d->counters_len) < 0)
		d->counters_len = 0;
	for (int i = 0; i < OFFLOAD_DIRECTIONS; i++)
		d->obstacles[i] = offload_judge(d, i, kernel);
}

static const struct offload_device *by_index(const struct offload_report *report, int index)
{
	for (size_t i = 0; i < report->len; i++)
		if (report->devices[i].device.index == index)
			return &report->devices[i];
	return NULL;
}

/*
 * A bond that goes by connection has what its devices have, whatever it says itself: that of any of
 * them may be in the way.
 */
static void look_below(const struct offload_report *report, struct offload_device *bond,
		       int direction)
{
	const struct offload_device *below = NULL;

	for (size_t i = 0; i < report->len; i++) {
		const struct offload_device *d = &report->devices[i];

		if (netlink_device_carries(&d->device, &bond->device) &&
		    (!below || below->obstacles[direction] == OBSTACLE_NONE))
			below = d;
	}
	bond->below[direction] = below;
	bond->obstacles[direction] = below ? below->obstacles[direction] : OBSTACLE_DOWN;
}

static void link_devices(struct offload_report *report)
{
	for (size_t i = 0; i < report->len; i++) {
		struct offload_device *d = &report->devices[i];

		d->lower = by_index(report, d->device.lower);
		for (int j = 0; j < OFFLOAD_DIRECTIONS; j++)
			if (d->device.by_connection && d->obstacles[j] != OBSTACLE_KERNEL)
				look_below(report, d, j);
	}
}

/* What no daemon can read is a further source: a configuration that the kernel has, compressed. */
static enum netlink_tls_device look_at_configuration(void)
{
	static const enum netlink_tls_device answers[] = {
		[KERNEL_OPTION_UNKNOWN] = NETLINK_TLS_DEVICE_UNKNOWN,
		[KERNEL_OPTION_OFF] = NETLINK_TLS_DEVICE_NO,
		[KERNEL_OPTION_ON] = NETLINK_TLS_DEVICE_YES,
	};

	return answers[kernel_option("CONFIG_TLS_DEVICE")];
}

/* The kernel does not change while it runs. */
static enum netlink_tls_device kernel_has_tls_device(void)
{
	static enum netlink_tls_device known = NETLINK_TLS_DEVICE_UNKNOWN;
	struct netlink_kernel kernel;

	if (known != NETLINK_TLS_DEVICE_UNKNOWN)
		return known;
	netlink_kernel_open(&kernel, "");
	known = netlink_kernel_tls_device(&kernel);
	netlink_kernel_close(&kernel);
	if (known == NETLINK_TLS_DEVICE_UNKNOWN)
		known = look_at_configuration();
	return known;
}

int offload_look(struct netlink *nl, struct offload_report *out)
{
	enum netlink_tls_device kernel = kernel_has_tls_device();
	struct offload_report report = { .kernel_unknown = kernel == NETLINK_TLS_DEVICE_UNKNOWN };
	struct netlink_device *devices;
	size_t len;
	int ret = netlink_devices(nl, &devices, &len);

	if (ret < 0)
		return ret;
	report.devices = calloc(len > 0 ? len : 1, sizeof(*report.devices));
	if (!report.devices) {
		free(devices);
		return -ENOMEM;
	}
	for (; report.len < len; report.len++) {
		report.devices[report.len].device = devices[report.len];
		look_at(nl, kernel, &report.devices[report.len]);
	}
	link_devices(&report);
	free(devices);
	*out = report;
	return 0;
}

void offload_wipe(struct offload_report *report)
{
	for (size_t i = 0; i < report->len; i++)
		free(report->devices[i].counters);
	free(report->devices);
	*report = (struct offload_report){ 0 };
}

const struct offload_device *offload_find(const struct offload_report *report, const char *name)
{
	for (size_t i = 0; i < report->len; i++)
		if (strcmp(report->devices[i].device.name, name) == 0)
			return &report->devices[i];
	return NULL;
}
