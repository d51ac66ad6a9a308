/* SPDX-License-Identifier: MIT */
/* What "ktls-setup check" prints: for people, and for programs. */
#ifndef KTLS_SETUP_REPORT_H
#define KTLS_SETUP_REPORT_H

#include <stdio.h>

#include "kernel-setup/advice.h"
#include "kernel-setup/system.h"
#include "lib/ktls/probe.h"

struct report {
	struct system before, after; /* the probe */
	struct ktls_probe probe;
	struct advice advice;
};

void report_text(const struct report *r, FILE *out);

/* One JSON object (RFC 8259). */
void report_json(const struct report *r, FILE *out);

#endif
