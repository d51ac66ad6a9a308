/* SPDX-License-Identifier: MIT */
#ifndef KTLS_DAEMON_EXPLAIN_SUITES_H
#define KTLS_DAEMON_EXPLAIN_SUITES_H

#include <stddef.h>

struct name {
	unsigned int number;
	const char *name;
};

extern const struct name name_suites[];
extern const size_t name_suites_len;

#endif
