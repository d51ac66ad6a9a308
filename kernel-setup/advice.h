/* SPDX-License-Identifier: MIT */
/* What this kernel lacks for TLS sockets, and the command that mends it. */
#ifndef KTLS_SETUP_ADVICE_H
#define KTLS_SETUP_ADVICE_H

#include <stdbool.h>
#include <stddef.h>

#include "kernel-setup/system.h"
#include "lib/ktls/probe.h"

#define ADVICE_MAX 12

struct advice_item {
	char what[256];
	char command[256]; /* as root; "" where no command mends it */
};

struct advice {
	bool usable; /* a suite of TLS 1.3 at least works in both directions */
	struct advice_item items[ADVICE_MAX];
	size_t len;
};

/* before is what the system was before the probe, which root's may change by loading the module. */
void advise(const struct ktls_probe *probe, const struct system *before, struct advice *out);

#endif
