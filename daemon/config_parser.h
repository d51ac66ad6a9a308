/* SPDX-License-Identifier: MIT */
/*
 * Reading a configuration file: lines and sections (config.c), and the keys in them
 * (config_keys.c).
 */
#ifndef KTLSD_CONFIG_PARSER_H
#define KTLSD_CONFIG_PARSER_H

#include "daemon/config_value.h"

enum section {
	SECTION_NONE,
	SECTION_KTLSD,
	SECTION_PROFILE,
	SECTION_WRONG, /* told already; its keys are passed over */
};

/*
 * libinih cuts a line into name and value. Lines, sections and their numbers are kept here: its
 * reader callback hands out one line at a time, so that an error can name the line it is in.
 */
struct parser {
	struct config_place place;
	FILE *in;
	char *text; /* the line, of getline() */
	size_t text_size;
	bool pair_due; /* this line has to be a "key = value", and none came yet */
	enum section section;
	uint64_t seen; /* keys of this section, by index in their table */
	unsigned int ktlsd_line;
	struct config *config;
	struct config_profile *profile; /* of this section */
};

/* A key of the section that the parser is in. What is wrong with it is told. */
void config_take(struct parser *p, const char *name, const char *value);

#endif
