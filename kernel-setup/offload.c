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
	const struct netlink_feature_state *s = state_of(d, direction);

	if (!d->has_features || !s->known)
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

static enum obstacle judge(const struct offload_device *d, int direction, enum kernel_option kernel)
{
	if (d->device.loopback)
		return OBSTACLE_LOOPBACK;
	if (kernel == KERNEL_OPTION_OFF)
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

	snprintf(out, cap, "connections through a %s device are never offloaded%s%s",
		 kind[0] ? kind : "stacked", d->lower ? ", only those directly through " : "",
		 d->lower ? d->lower->device.name : "");
}

void obstacle_text(const struct offload_device *d, int direction, char *out, size_t cap)
{
	const char *name = d->device.name;
	const char *tx = direction == OFFLOAD_TX ? "tx" : "rx";

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
		snprintf(out, cap, "the device is down: ip link set %s up", name);
		break;
	case OBSTACLE_UNKNOWN:
		snprintf(out, cap, "the device does not tell its features");
		break;
	case OBSTACLE_NONE:
		snprintf(out, cap, "%s", "");
	}
}

/* ---- looking --------------------------------------------------------------------------------- */

static void look_at(struct netlink *nl, enum kernel_option kernel, struct offload_device *d)
{
	(void)!netlink_driver(nl, d->device.name, d->driver);
	d->has_features = netlink_features_get(nl, d->device.index, &d->features) == 0;
	if (netlink_counters(nl, d->device.name, &d->counters, &d->counters_len) < 0)
		d->counters_len = 0;
	for (int i = 0; i < OFFLOAD_DIRECTIONS; i++)
		d->obstacles[i] = judge(d, i, kernel);
}

static const struct offload_device *by_index(const struct offload_report *report, int index)
{
	for (size_t i = 0; i < report->len; i++)
		if (report->devices[i].device.index == index)
			return &report->devices[i];
	return NULL;
}

/* The kernel's configuration does not change while it runs. */
static enum kernel_option kernel_has_tls_device(void)
{
	static enum kernel_option known = KERNEL_OPTION_UNKNOWN;

	if (known == KERNEL_OPTION_UNKNOWN)
		known = kernel_option("CONFIG_TLS_DEVICE");
	return known;
}

int offload_look(struct netlink *nl, struct offload_report *out)
{
	enum kernel_option kernel = kernel_has_tls_device();
	struct offload_report report = { .kernel_unknown = kernel == KERNEL_OPTION_UNKNOWN };
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
	for (size_t i = 0; i < len; i++)
		report.devices[i].lower = by_index(&report, report.devices[i].device.lower);
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
