/* SPDX-License-Identifier: MIT */
/*
 * What the machine counts while a round goes on, of the network namespace that this process is in:
 * /proc/net/tls_stat, and the TLS counters of the device that the connections go through. Other
 * users of TLS are counted as well.
 */
#ifndef KTLS_BENCH_COUNTERS_H
#define KTLS_BENCH_COUNTERS_H

#include <stdbool.h>

#include "tests/bench/ktls-bench/plan.h"

struct netlink;
struct sockaddr;

/* The device of an end. */
struct device {
	struct netlink *netlink; /* NULL: not to be asked */
	char name[RESULT_NAME];  /* "": not known */
	int index;
	bool loopback;
	/* How device_switch() found them: 0 or 1; -1: not touched. */
	signed char tx_before, rx_before;
};

/* The device that has a local address, of a connected socket say. */
void device_find(struct device *device, const struct sockaddr *local);
/* Its features are as they were, then. */
void device_forget(struct device *device);

/* Turns its TLS features on or off, until device_forget(). 0, or -1 with why in text (RESULT_LINE
 * bytes). */
int device_switch(struct device *device, bool on, char *text);

/* Counters as they stand: to be given to counters_since(), which frees them. */
struct result_round *counters_now(struct device *device, enum result_end end);

/* How they have grown goes into out. */
void counters_since(struct result_round *before, struct device *device, enum result_end end,
		    struct outcome *out);

/* A counter's growth; 0 where it has not grown. */
uint64_t counters_find(const struct outcome *outcome, enum result_source source, const char *name);

#endif
