/* SPDX-License-Identifier: MIT */
#include "daemon/config.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config_check.h"
#include "daemon/config_parser.h"

/* libinih's handler: every "name = value". */
static int on_pair(void *user, const char *section, const char *name, const char *value)
{
	struct parser *p = user;

	(void)section; /* of 49 bytes at most: begin_section() saw it whole */
	if (!p->pair_due)
		return 1;
	p->pair_due = false;
	if (p->section == SECTION_NONE)
		config_error(&p->place,
			     "'%s' before any section: begin with [ktlsd] or "
			     "[profile NAME]",
			     name);
	else if (p->section != SECTION_WRONG)
		config_take(p, name, value);
	return 1;
}

static bool profile_name_ok(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > KTLS_PROFILE_MAX)
		return false;
	for (; *name; name++) {
		if (!isalnum((unsigned char)*name) && !strchr("._-", *name))
			return false;
	}
	return true;
}

static enum section begin_profile(struct parser *p, const char *name)
{
	struct config *config = p->config;
	struct config_profile *grown;

	if (!profile_name_ok(name)) {
		config_error(&p->place,
			     "a profile's name has 1 to %d letters, digits, '.', '_', '-'",
			     KTLS_PROFILE_MAX);
		return SECTION_WRONG;
	}
	for (size_t i = 0; i < config->profiles_len; i++) {
		if (strcmp(config->profiles[i].name, name) == 0) {
			config_error(&p->place, "profile '%s' a second time: it begins in line %u",
				     name, config->profiles[i].line);
			return SECTION_WRONG;
		}
	}
	if (config->profiles_len >= CONFIG_PROFILES_MAX) {
		config_error(&p->place, "more than %d profiles", CONFIG_PROFILES_MAX);
		return SECTION_WRONG;
	}
	grown = reallocarray(config->profiles, config->profiles_len + 1, sizeof(*grown));
	if (!grown) {
		config_error(&p->place, "out of memory");
		return SECTION_WRONG;
	}
	config->profiles = grown;
	p->profile = grown + config->profiles_len++;
	config_profile_init(p->profile, p->place.line);
	p->profile->name = strdup(name);
	if (!p->profile->name) {
		config_error(&p->place, "out of memory");
		return SECTION_WRONG;
	}
	return SECTION_PROFILE;
}

static enum section begin_section(struct parser *p, char *header)
{
	char *end = strchr(header, ']');
	char *rest = end ? end + 1 + strspn(end + 1, " \t\r\n") : NULL;

	if (!end || (*rest && *rest != ';' && *rest != '#')) {
		config_error(&p->place, "a section is written [ktlsd] or [profile NAME]");
		return SECTION_WRONG;
	}
	*end = '\0';
	if (strncmp(header, "profile ", 8) == 0)
		return begin_profile(p, header + 8 + strspn(header + 8, " \t"));
	if (strcmp(header, "ktlsd") != 0) {
		config_error(&p->place, "no section [%s]: there are [ktlsd] and [profile NAME]",
			     header);
		return SECTION_WRONG;
	}
	if (p->ktlsd_line > 0) {
		config_error(&p->place, "section [ktlsd] a second time: it begins in line %u",
			     p->ktlsd_line);
		return SECTION_WRONG;
	}
	p->ktlsd_line = p->place.line;
	return SECTION_KTLSD;
}

static void end_line(struct parser *p)
{
	if (p->pair_due)
		config_error(&p->place, "expected 'key = value', a [section] or a comment");
	p->pair_due = false;
}

/* The line as libinih is to see it: "" for what has been dealt with here. */
static const char *line_for_ini(struct parser *p, size_t len, size_t room)
{
	char *line = p->text + strspn(p->text, " \t");

	if (strlen(p->text) != len) {
		config_error(&p->place, "a byte of value 0: this is not a text file");
		return "";
	}
	if (len >= room) {
		config_error(&p->place,
			     "line longer than %zu bytes: a list may go on in another "
			     "line with the same key",
			     room - 1);
		return "";
	}
	if (*line == '[') {
		p->seen = 0;
		p->section = begin_section(p, line + 1);
		return "";
	}
	/* Without its indent, which to libinih means that the line above goes on. */
	p->pair_due = *line && !strchr(";#\r\n", *line);
	return line;
}

/* libinih's reader, with the contract of fgets(3). */
static char *next_line(char *out, int size, void *stream)
{
	struct parser *p = stream;
	ssize_t len;
	size_t room = size > 3 ? (size_t)size - 2 : 1; /* libinih wants two to spare */
	int n;

	end_line(p);
	len = getline(&p->text, &p->text_size, p->in);
	if (len < 0)
		return NULL;
	p->place.line++;
	n = snprintf(out, (size_t)size, "%s", line_for_ini(p, (size_t)len, room));
	if (n == 0)
		snprintf(out, (size_t)size, "\n");
	return out;
}

/* A stream of a file that cannot be read at all (a folder) ends like an empty one. */
static void parse(struct parser *p)
{
	int status = ini_parse_stream(next_line, p, on_pair, p);

	end_line(p);
	if (ferror(p->in)) {
		p->place.line = 0;
		config_error(&p->place, "cannot be read: %s", strerror(errno));
	} else if (status < 0) {
		config_error(&p->place, "out of memory");
	}
	config_complete(p->config, &p->place);
}

struct config *config_read(const char *file, FILE *out)
{
	struct parser p = { .place = { .file = file, .out = out } };

	p.in = fopen(file, "re");
	if (!p.in) {
		config_error(&p.place, "cannot be opened: %s", strerror(errno));
		return NULL;
	}
	p.config = config_new(file);
	if (p.config)
		parse(&p);
	else
		config_error(&p.place, "out of memory");
	free(p.text);
	fclose(p.in);
	if (p.place.errors == 0)
		return p.config;
	config_free(p.config);
	return NULL;
}
