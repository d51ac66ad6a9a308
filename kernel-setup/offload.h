/* SPDX-License-Identifier: MIT */
/*
 * TLS offload of network devices (Linux: Documentation/networking/tls-offload.rst): whether a
 * device would encrypt or decrypt the records of connections that go through it, and if not, why
 * not.
 */
#ifndef KTLS_SETUP_OFFLOAD_H
#define KTLS_SETUP_OFFLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "kernel-setup/options.h"
#include "lib/netlink/kernel.h"
#include "lib/netlink/netlink.h"

/* What stands in the way, the first that would have to be mended. */
enum obstacle {
	OBSTACLE_NONE,
	OBSTACLE_OFF,      /* nothing else: it can be turned on */
	OBSTACLE_LOOPBACK, /* no device is involved */
	OBSTACLE_KERNEL,   /* built without CONFIG_TLS_DEVICE */
	OBSTACLE_STACKED,  /* a vlan, team, bridge, tunnel, most bonds */
	OBSTACLE_DRIVER,   /* it has no TLS offload */
	OBSTACLE_CHECKSUM, /* the kernel keeps TLS off as long as checksums are */
	OBSTACLE_IGNORED,  /* asked for, but the kernel has not turned it on */
	OBSTACLE_DOWN,
	OBSTACLE_UNKNOWN, /* the device does not tell its features */
};

enum { OFFLOAD_TX, OFFLOAD_RX, OFFLOAD_DIRECTIONS };

struct offload_device {
	struct netlink_device device;
	const struct offload_device *lower; /* that it stands on, or NULL */
	/* Of a bond that goes by connection: of its devices that carry, one with something in the
	 * way, or any. What is said of the bond is its. NULL: there is none. */
	const struct offload_device *below[OFFLOAD_DIRECTIONS];
	char driver[NETLINK_DRIVER_MAX]; /* "" where it has none */
	bool has_features;
	struct netlink_features features;
	enum obstacle obstacles[OFFLOAD_DIRECTIONS];
	struct netlink_counter *counters; /* the driver's, those about TLS */
	size_t counters_len;
};

struct offload_report {
	struct offload_device *devices;
	size_t len;
	bool kernel_unknown; /* it could not be told whether the kernel has CONFIG_TLS_DEVICE */
};

/* Looks at all devices. Returns 0 or a negative errno. */
int offload_look(struct netlink *nl, struct offload_report *out)
	__attribute__((warn_unused_result));
void offload_wipe(struct offload_report *report);

/* NULL where there is none of that name. */
const struct offload_device *offload_find(const struct offload_report *report, const char *name);

/* "sending", "tls-hw-tx-offload". */
const char *offload_direction(int direction);
enum netlink_feature offload_feature(int direction);

/* "on", "off", "fixed", "unknown"; of a bond, that of the device below. */
const char *offload_state(const struct offload_device *d, int direction);

/* What stands in the way, of what was seen of a device; kernel: CONFIG_TLS_DEVICE. */
enum obstacle offload_judge(const struct offload_device *d, int direction,
			    enum netlink_tls_device kernel);

/*
 * Of the directions that are wanted on (or off), which a device can have changed. Where they were
 * not named, those that it cannot are dropped, as long as there is another. Returns -1, or the
 * direction for which the wish is refused.
 */
int offload_choose(const struct offload_device *d, bool named, bool directions[OFFLOAD_DIRECTIONS]);

/* The same for a command: where it is refused, that is said. An exit status. */
int offload_admit(const struct offload_device *d, bool named, bool directions[OFFLOAD_DIRECTIONS],
		  const struct options *o);

const char *obstacle_name(enum obstacle obstacle); /* "CHECKSUM" */
void obstacle_text(const struct offload_device *d, int direction, char *out, size_t cap);

/* What is printed of one device, or of all where name is NULL. */
void offload_text(const struct offload_report *report, const char *name, FILE *out);
void offload_json(const struct offload_report *report, const char *name, FILE *out);

/* The command: arguments behind "offload". An exit status. */
int offload_main(int argc, char **argv, const struct options *o);

#endif
