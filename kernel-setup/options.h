/* SPDX-License-Identifier: MIT */
/* What was said on the command line besides the command. */
#ifndef KTLS_SETUP_OPTIONS_H
#define KTLS_SETUP_OPTIONS_H

#include <stdbool.h>

enum {
	OPTION_JSON = 1,
	OPTION_YES = 2,
	OPTION_DRY_RUN = 4,
	OPTION_REMOVE = 8,
	OPTION_WATCH = 16,
	OPTION_INTERVAL = 32,
	OPTION_COUNT = 64,
};

struct options {
	unsigned int given; /* OPTION_ bits */
	long interval;      /* milliseconds */
	long count;         /* of intervals */
};

static inline bool option(const struct options *o, unsigned int which)
{
	return o->given & which;
}

/* None is given but those that are allowed. */
static inline bool options_only(const struct options *o, unsigned int allowed)
{
	return (o->given & ~allowed) == 0;
}

#endif
