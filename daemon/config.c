/* SPDX-License-Identifier: MIT */
#include "daemon/config.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/config_check.h"
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

struct key {
	const char *name;
	bool repeats;
	void (*set)(struct parser *p, const struct key *key, const char *value);
	struct config_range range;
	size_t offset; /* of the field, in struct config or struct config_profile */
};

static void *field(struct parser *p, const struct key *key)
{
	char *base = p->section == SECTION_PROFILE ? (char *)p->profile : (char *)p->config;

	return base + key->offset;
}

static void set_number(struct parser *p, const struct key *key, const char *value)
{
	value_number(&p->place, value, key->range, field(p, key));
}

static void set_duration(struct parser *p, const struct key *key, const char *value)
{
	value_duration(&p->place, value, key->range, field(p, key));
}

static void set_bool(struct parser *p, const struct key *key, const char *value)
{
	value_bool(&p->place, value, field(p, key));
}

static void set_version(struct parser *p, const struct key *key, const char *value)
{
	if (value_version(&p->place, value, field(p, key)))
		p->profile->version_line = p->place.line;
}

static void set_user(struct parser *p, const struct key *key, const char *value)
{
	value_user(&p->place, value, field(p, key));
}

static void set_group(struct parser *p, const struct key *key, const char *value)
{
	value_group(&p->place, value, field(p, key));
}

static void set_text(struct parser *p, const char *value, size_t max, struct config_text *out)
{
	if (value_path(&p->place, value, max, &out->text))
		out->line = p->place.line;
}

static void set_socket(struct parser *p, const struct key *key, const char *value)
{
	struct config_text *socket = field(p, key);

	free(socket->text);
	socket->text = NULL;
	set_text(p, value, sizeof((struct sockaddr_un){ 0 }.sun_path), socket);
}

static void set_mode(struct parser *p, const struct key *key, const char *value)
{
	value_mode(&p->place, value, field(p, key));
}

/* Workers and signers run with the user's own group. */
static void set_run_user(struct parser *p, const struct key *key, const char *value)
{
	const struct passwd *pw;
	uid_t uid;

	(void)key;
	if (!value_user(&p->place, value, &uid))
		return;
	pw = getpwuid(uid);
	if (!pw || uid == 0) {
		config_error(&p->place,
			     "workers and signers cannot run as '%s': name a user of the system "
			     "other than root",
			     value);
		return;
	}
	p->config->user = uid;
	p->config->group = pw->pw_gid;
}

/* 0 until all is read, then one for each CPU. */
static void set_workers(struct parser *p, const struct key *key, const char *value)
{
	if (strcmp(value, "auto") != 0)
		set_number(p, key, value);
}

static void set_log(struct parser *p, const struct key *key, const char *value)
{
	static const char *const names[] = {
		[LOG_TARGET_AUTO] = "auto",
		[LOG_TARGET_STDERR] = "stderr",
		[LOG_TARGET_JOURNAL] = "journal",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(value, names[i]) == 0) {
			*(enum log_target *)field(p, key) = (enum log_target)i;
			return;
		}
	}
	config_error(&p->place, "'%s' is none of auto, stderr, journal", value);
}

static void set_certificate(struct parser *p, const struct key *key, const char *value)
{
	struct config_profile *profile = p->profile;
	struct config_pair *pair = &profile->pairs[profile->pairs_len];

	(void)key;
	if (profile->pairs_len >= CONFIG_PAIRS_MAX) {
		config_error(&p->place, "more than %d certificates in a profile", CONFIG_PAIRS_MAX);
		return;
	}
	profile->pairs_len++;
	pair->certificate.line = p->place.line;
	set_text(p, value, PATH_MAX, &pair->certificate);
}

/* A key belongs to the certificate above it. */
static void set_key(struct parser *p, const struct key *key, const char *value)
{
	struct config_profile *profile = p->profile;
	struct config_pair *pair;

	(void)key;
	pair = profile->pairs_len > 0 ? &profile->pairs[profile->pairs_len - 1] : NULL;
	if (!pair || pair->key.line > 0) {
		config_error(&p->place, "key without a certificate: put 'certificate = FILE' "
					"above each 'key = FILE'");
		return;
	}
	pair->key.line = p->place.line;
	set_text(p, value, PATH_MAX, &pair->key);
}

static void set_trust(struct parser *p, const struct key *key, const char *value)
{
	struct config_trust *trust = field(p, key);

	trust->system = strcmp(value, "system") == 0;
	trust->file.line = p->place.line;
	if (!trust->system)
		set_text(p, value, PATH_MAX, &trust->file);
}

static void set_client_auth(struct parser *p, const struct key *key, const char *value)
{
	static const char *const names[] = {
		[KTLS_ENGINE_NO_CLIENT_AUTH] = "none",
		[KTLS_ENGINE_REQUEST_CLIENT_AUTH] = "request",
		[KTLS_ENGINE_REQUIRE_CLIENT_AUTH] = "require",
	};

	(void)key;
	p->profile->client_auth_line = p->place.line;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(value, names[i]) == 0) {
			p->profile->client_auth = (enum ktls_engine_client_auth)i;
			return;
		}
	}
	config_error(&p->place, "'%s' is none of none, request, require", value);
}

static void set_users(struct parser *p, const struct key *key, const char *value)
{
	value_users(&p->place, value, field(p, key));
}

static void set_groups(struct parser *p, const struct key *key, const char *value)
{
	value_groups(&p->place, value, field(p, key));
}

static void set_alpn(struct parser *p, const struct key *key, const char *value)
{
	(void)key;
	value_alpn(&p->place, value, &p->profile->alpn, &p->profile->alpn_len);
}

#define IN_KTLSD(member)   .offset = offsetof(struct config, member)
#define IN_PROFILE(member) .offset = offsetof(struct config_profile, member)

static const struct key ktlsd_keys[] = {
	{ "socket", .set = set_socket, IN_KTLSD(socket) },
	{ "socket-owner", .set = set_user, IN_KTLSD(socket_owner) },
	{ "socket-group", .set = set_group, IN_KTLSD(socket_group) },
	{ "socket-mode", .set = set_mode, IN_KTLSD(socket_mode) },
	{ "user", .set = set_run_user, IN_KTLSD(user) },
	{ "workers", .set = set_workers, .range = { 1, CONFIG_PROCESSES_MAX }, IN_KTLSD(workers) },
	{ "signers", .set = set_number, .range = { 1, CONFIG_PROCESSES_MAX }, IN_KTLSD(signers) },
	{ "max-handshakes", .set = set_number, .range = { 1, 16384 }, IN_KTLSD(max_handshakes) },
	{ "max-deadline", .set = set_duration, .range = { 10, KTLS_DEADLINE_MAX },
	  IN_KTLSD(deadline_max) },
	{ "log", .set = set_log, IN_KTLSD(log) },
	{ NULL },
};

static const struct key profile_keys[] = {
	{ "certificate", .repeats = true, .set = set_certificate },
	{ "key", .repeats = true, .set = set_key },
	{ "trust", .set = set_trust, IN_PROFILE(trust[KTLS_CLIENT]) },
	{ "client-auth", .set = set_client_auth },
	{ "client-trust", .set = set_trust, IN_PROFILE(trust[KTLS_SERVER]) },
	{ "server-users", .repeats = true, .set = set_users, IN_PROFILE(access[KTLS_SERVER]) },
	{ "server-groups", .repeats = true, .set = set_groups, IN_PROFILE(access[KTLS_SERVER]) },
	{ "client-users", .repeats = true, .set = set_users, IN_PROFILE(access[KTLS_CLIENT]) },
	{ "client-groups", .repeats = true, .set = set_groups, IN_PROFILE(access[KTLS_CLIENT]) },
	{ "alpn", .repeats = true, .set = set_alpn },
	{ "strict-sni", .set = set_bool, IN_PROFILE(strict_sni) },
	{ "tls-min", .set = set_version, IN_PROFILE(version_min) },
	{ "tls-max", .set = set_version, IN_PROFILE(version_max) },
	{ "signatures-per-second", .set = set_number, .range = { 1, 1000000 },
	  IN_PROFILE(signatures) },
	{ NULL },
};

static void take_pair(struct parser *p, const char *name, const char *value)
{
	const struct key *keys = p->section == SECTION_PROFILE ? profile_keys : ktlsd_keys;
	const struct key *key;

	for (key = keys; key->name && strcmp(key->name, name) != 0; key++)
		;
	if (!key->name) {
		config_error(&p->place, "no key '%s' in a section [%s]", name,
			     p->section == SECTION_PROFILE ? "profile NAME" : "ktlsd");
		return;
	}
	if (!key->repeats && (p->seen & UINT64_C(1) << (key - keys))) {
		config_error(&p->place, "'%s' a second time in this section", name);
		return;
	}
	p->seen |= UINT64_C(1) << (key - keys);
	if (!*value) {
		config_error(&p->place, "'%s' has no value", name);
		return;
	}
	key->set(p, key, value);
}

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
		take_pair(p, name, value);
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
