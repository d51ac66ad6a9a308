/* SPDX-License-Identifier: MIT */
/* The keys of the configuration file: two tables, and how each kind of value is taken. */
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "daemon/config_parser.h"
#include "lib/conn/sealing_keys.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

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

static void set_age(struct parser *p, const struct key *key, const char *value)
{
	value_age(&p->place, value, key->range, field(p, key));
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

static void set_master_secret(struct parser *p, const struct key *key, const char *value)
{
	static const char *const names[] = { "require", "prefer" };
	bool *plain = field(p, key);
	unsigned int i;

	if (value_choice(&p->place, value, names, COUNT(names), &i))
		*plain = i == 1;
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
	unsigned int i;

	if (value_choice(&p->place, value, names, COUNT(names), &i))
		*(enum log_target *)field(p, key) = (enum log_target)i;
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

/* The trust that a key is about. */
static struct config_trust *trust_of(struct parser *p, const struct key *key)
{
	struct config_trust *trust = field(p, key);

	if (trust->line == 0)
		trust->line = p->place.line;
	return trust;
}

static void set_trust(struct parser *p, const struct key *key, const char *value)
{
	struct config_trust *trust = trust_of(p, key);

	trust->file.line = p->place.line;
	if (strcmp(value, "system") == 0)
		trust->anchors = CONFIG_ANCHORS_SYSTEM;
	else if (strcmp(value, "none") == 0)
		trust->anchors = CONFIG_ANCHORS_NONE;
	else
		set_text(p, value, PATH_MAX, &trust->file);
}

static void set_crl(struct parser *p, const struct key *key, const char *value)
{
	struct config_trust *trust = trust_of(p, key);

	if (trust->crls_len == CONFIG_CRLS_MAX)
		config_error(&p->place, "more than %d files of revocation lists", CONFIG_CRLS_MAX);
	else
		set_text(p, value, PATH_MAX, &trust->crls[trust->crls_len++]);
}

static void set_crl_check(struct parser *p, const struct key *key, const char *value)
{
	static const char *const names[] = {
		[X509_CRL_KNOWN] = "known",
		[X509_CRL_LEAF] = "leaf",
		[X509_CRL_CHAIN] = "chain",
	};
	struct config_trust *trust = trust_of(p, key);
	unsigned int i;

	trust->crl_check_line = p->place.line;
	if (value_choice(&p->place, value, names, COUNT(names), &i))
		trust->crl_check = (enum x509_crl_check)i;
}

static void set_pin(struct parser *p, const struct key *key, const char *value)
{
	struct config_trust *trust = trust_of(p, key);

	if (trust->pins_len == CONFIG_PINS_MAX)
		config_error(&p->place, "more than %d pinned keys", CONFIG_PINS_MAX);
	else if (value_pin(&p->place, value, trust->pins[trust->pins_len]))
		trust->pins_len++;
}

static void set_client_auth(struct parser *p, const struct key *key, const char *value)
{
	static const char *const names[] = {
		[KTLS_ENGINE_NO_CLIENT_AUTH] = "none",
		[KTLS_ENGINE_REQUEST_CLIENT_AUTH] = "request",
		[KTLS_ENGINE_REQUIRE_CLIENT_AUTH] = "require",
	};
	unsigned int i;

	(void)key;
	p->profile->client_auth_line = p->place.line;
	if (value_choice(&p->place, value, names, COUNT(names), &i))
		p->profile->client_auth = (enum ktls_engine_client_auth)i;
}

static void set_carrier(struct parser *p, const struct key *key, const char *value)
{
	static const char *const names[] = {
		[CONFIG_CARRIER_EITHER] = "prefer-kernel",
		[CONFIG_CARRIER_KERNEL] = "require-kernel",
		[CONFIG_CARRIER_RELAY] = "relay",
	};
	unsigned int i;

	if (value_choice(&p->place, value, names, COUNT(names), &i))
		*(enum config_carrier *)field(p, key) = (enum config_carrier)i;
}

static void set_hardware(struct parser *p, const struct key *key, const char *value)
{
	static const char *const names[] = {
		[KTLS_HARDWARE_ANY] = "any",
		[KTLS_HARDWARE_PREFER] = "prefer",
		[KTLS_HARDWARE_REQUIRE] = "require",
		[KTLS_HARDWARE_AVOID] = "avoid",
	};
	unsigned int i;

	if (value_choice(&p->place, value, names, COUNT(names), &i))
		*(enum ktls_hardware *)field(p, key) = (enum ktls_hardware)i;
}

static void set_folder(struct parser *p, const struct key *key, const char *value)
{
	set_text(p, value, PATH_MAX - 16, field(p, key));
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
	{ "relays", .set = set_number, .range = { 0, CONFIG_PROCESSES_MAX }, IN_KTLSD(relays) },
	{ "relays-max", .set = set_number, .range = { 1, 65536 }, IN_KTLSD(relays_max) },
	{ "max-handshakes", .set = set_number, .range = { 1, 16384 }, IN_KTLSD(max_handshakes) },
	{ "max-deadline", .set = set_duration, .range = { 10, KTLS_DEADLINE_MAX },
	  IN_KTLSD(deadline_max) },
	{ "max-session-age", .set = set_age, .range = { SEALING_AGE_MIN_S, SEALING_AGE_MAX_S },
	  IN_KTLSD(session_age) },
	{ "log", .set = set_log, IN_KTLSD(log) },
	{ "ticket-keys", .set = set_folder, IN_KTLSD(ticket_keys) },
	{ "key-log", .set = set_folder, IN_KTLSD(key_log) },
	{ NULL },
};

static const struct key profile_keys[] = {
	{ "certificate", .repeats = true, .set = set_certificate },
	{ "key", .repeats = true, .set = set_key },
	{ "trust", .set = set_trust, IN_PROFILE(trust[KTLS_CLIENT]) },
	{ "client-auth", .set = set_client_auth },
	{ "client-trust", .set = set_trust, IN_PROFILE(trust[KTLS_SERVER]) },
	{ "crl", .repeats = true, .set = set_crl, IN_PROFILE(trust[KTLS_CLIENT]) },
	{ "crl-check", .set = set_crl_check, IN_PROFILE(trust[KTLS_CLIENT]) },
	{ "pin", .repeats = true, .set = set_pin, IN_PROFILE(trust[KTLS_CLIENT]) },
	{ "client-crl", .repeats = true, .set = set_crl, IN_PROFILE(trust[KTLS_SERVER]) },
	{ "client-crl-check", .set = set_crl_check, IN_PROFILE(trust[KTLS_SERVER]) },
	{ "client-pin", .repeats = true, .set = set_pin, IN_PROFILE(trust[KTLS_SERVER]) },
	{ "server-users", .repeats = true, .set = set_users, IN_PROFILE(access[KTLS_SERVER]) },
	{ "server-groups", .repeats = true, .set = set_groups, IN_PROFILE(access[KTLS_SERVER]) },
	{ "client-users", .repeats = true, .set = set_users, IN_PROFILE(access[KTLS_CLIENT]) },
	{ "client-groups", .repeats = true, .set = set_groups, IN_PROFILE(access[KTLS_CLIENT]) },
	{ "alpn", .repeats = true, .set = set_alpn },
	{ "strict-sni", .set = set_bool, IN_PROFILE(strict_sni) },
	{ "tls-min", .set = set_version, IN_PROFILE(version_min) },
	{ "tls-max", .set = set_version, IN_PROFILE(version_max) },
	{ "static-rsa", .set = set_bool, IN_PROFILE(static_rsa) },
	{ "extended-master-secret", .set = set_master_secret, IN_PROFILE(plain_master_secret) },
	{ "tickets", .set = set_number, .range = { 0, KTLS_ENGINE_TICKETS_MAX },
	  IN_PROFILE(tickets) },
	{ "psk-ke", .set = set_bool, IN_PROFILE(psk_ke) },
	{ "records", .set = set_carrier, IN_PROFILE(carrier) },
	{ "hardware", .set = set_hardware, IN_PROFILE(hardware) },
	{ "zerocopy", .set = set_bool, IN_PROFILE(zerocopy) },
	{ "records-per-key", .set = set_number,
	  .range = { KTLS_RECORDS_PER_KEY_MIN, KTLS_AES_GCM_RECORDS_MAX }, IN_PROFILE(records) },
	{ "signatures-per-second", .set = set_number, .range = { 1, 1000000 },
	  IN_PROFILE(signatures) },
	{ NULL },
};

void config_take(struct parser *p, const char *name, const char *value)
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
