/* SPDX-License-Identifier: MIT */
/* Look-ups in the table of reasons (ktls-tls.h): the only place where an alert is chosen. */
#ifndef KTLS_WIRE_REASON_H
#define KTLS_WIRE_REASON_H

#include <stddef.h>

#include <ktls-tls.h>

struct reason {
	const char *name; /* KERNEL_NO_TLS */
	enum ktls_reason number;
	enum ktls_alert alert;
	const char *section;
	const char *text;
};

/* The row of a number; the row INTERNAL for a number that is none. Never NULL. */
const struct reason *reason_find(int number);

/* Row i of the table, NULL past its end. */
const struct reason *reason_row(size_t i);

/* The RFC's name of an alert, "unknown alert" where it has none. */
const char *alert_name(unsigned int alert);

#endif
