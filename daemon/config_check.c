/* SPDX-License-Identifier: MIT */
#include "daemon/config_check.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/conn/sealing_keys.h"

/* Not given: no user, group or mode has this value. */
#define NO_UID  ((uid_t)-1)
#define NO_GID  ((gid_t)-1)
#define NO_MODE ((mode_t)-1)

struct config *config_new(const char *file)
{
	struct config *config = calloc(1, sizeof(*config));

	if (!config)
		return NULL;
	*config = (struct config){
		.file = strdup(file),
		.socket.text = strdup(KTLS_SOCKET_PATH),
		.socket_owner = geteuid(),
		.socket_group = NO_GID,
		.socket_mode = NO_MODE,
		.user = NO_UID,
		.signers = 1,
		.relays = 1,
		.relays_max = 1024,
		.max_handshakes = 1024,
		.deadline_max = 60000,
		.session_age = SEALING_AGE_S,
		.log = LOG_TARGET_AUTO,
	};
	if (!config->file || !config->socket.text) {
		config_free(config);
		return NULL;
	}
	return config;
}

void config_profile_init(struct config_profile *profile, unsigned int line)
{
	*profile = (struct config_profile){
		.line = line, .version_max = KTLS_TLS_1_3, .tickets = 2, .signatures = 10000
	};
}

static void free_profile(struct config_profile *profile)
{
	free(profile->name);
	for (size_t i = 0; i < profile->pairs_len; i++) {
		free(profile->pairs[i].certificate.text);
		free(profile->pairs[i].key.text);
	}
	for (size_t i = 0; i < CONFIG_ROLES; i++) {
		free(profile->trust[i].file.text);
		for (size_t j = 0; j < profile->trust[i].crls_len; j++)
			free(profile->trust[i].crls[j].text);
		free(profile->access[i].users);
		free(profile->access[i].groups);
	}
	free(profile->alpn);
}

void config_free(struct config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < config->profiles_len; i++)
		free_profile(config->profiles + i);
	free(config->profiles);
	free(config->ticket_keys.text);
	free(config->key_log.text);
	free(config->socket.text);
	free(config->file);
	free(config);
}

/* The group that opens the socket. A system without it is served, but to its owner only. */
static void complete_socket(struct config *config, struct config_place *place)
{
	const struct group *gr = getgrnam(CONFIG_GROUP_DEFAULT);
	bool usable = geteuid() == 0 && gr;

	if (config->socket_group == NO_GID && !usable) {
		config->socket_group = getegid();
		if (config->socket_mode == NO_MODE) {
			config->socket_mode = 0600;
			config_warning(place,
				       "no group '%s', or no right to use it: only uid %u may open "
				       "the socket: 'groupadd --system %s', or set socket-group "
				       "and socket-mode",
				       CONFIG_GROUP_DEFAULT, config->socket_owner,
				       CONFIG_GROUP_DEFAULT);
		}
	}
	if (config->socket_group == NO_GID)
		config->socket_group = gr->gr_gid;
	if (config->socket_mode == NO_MODE)
		config->socket_mode = 0660;
}

/* Who workers and signers run as. Without root nobody can be changed into. */
static void complete_user(struct config *config, struct config_place *place)
{
	const struct passwd *pw;

	if (geteuid() != 0) {
		config->user = geteuid();
		config->group = getegid();
		return;
	}
	if (config->user != NO_UID)
		return;
	pw = getpwnam(CONFIG_USER_DEFAULT);
	if (!pw) {
		config_warning(place,
			       "no user '%s': workers and signers run as nobody: 'useradd --system "
			       "--no-create-home --shell /usr/sbin/nologin %s', or set user",
			       CONFIG_USER_DEFAULT, CONFIG_USER_DEFAULT);
		pw = getpwnam("nobody");
	}
	config->user = pw ? pw->pw_uid : 65534;
	config->group = pw ? pw->pw_gid : 65534;
}

static void complete_workers(struct config *config)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (config->workers > 0)
		return;
	if (cpus < 1)
		cpus = 1;
	config->workers = cpus < CONFIG_PROCESSES_MAX ? (unsigned int)cpus : CONFIG_PROCESSES_MAX;
}

static bool somebody(const struct config_access *access)
{
	return access->anyone || access->users_len > 0 || access->groups_len > 0;
}

/* prefix: of the names of the keys. */
static void check_trust(const struct config_trust *trust, const char *prefix,
			struct config_place *place)
{
	bool none = trust->anchors == CONFIG_ANCHORS_NONE;

	place->line = trust->file.line;
	if (none && trust->pins_len == 0)
		config_error(place, "%strust = none believes nobody: add '%spin = sha256/...'",
			     prefix, prefix);
	place->line = trust->crls_len > 0 ? trust->crls[0].line : trust->crl_check_line;
	if (none && place->line > 0)
		config_error(place, "revocation lists where nobody's signature counts: set %strust",
			     prefix);
	place->line = trust->crl_check_line;
	if (trust->crl_check != X509_CRL_KNOWN && trust->crls_len == 0)
		config_error(place, "%scrl-check without a list: add '%scrl = FILE'", prefix,
			     prefix);
}

/* Clients are believed for what an administrator says, never by default. */
static void check_client_auth(const struct config_profile *profile, struct config_place *place)
{
	bool asks = profile->client_auth != KTLS_ENGINE_NO_CLIENT_AUTH;
	const struct config_trust *trust = &profile->trust[KTLS_SERVER];

	place->line = profile->client_auth_line;
	if (asks && !somebody(&profile->access[KTLS_SERVER]))
		config_error(place, "client-auth is for servers, and nobody may be one here: add "
				    "server-users or server-groups");
	if (asks && trust->file.line == 0)
		config_error(place, "client-auth without those who may issue clients' "
				    "certificates: add 'client-trust = FILE'");
	place->line = trust->line;
	if (!asks && trust->line > 0)
		config_error(place, "client-trust, client-crl, client-pin where no client is "
				    "asked: add 'client-auth = require', or request");
	check_trust(trust, "client-", place);
	check_trust(&profile->trust[KTLS_CLIENT], "", place);
}

/*
 * Devices take TLS 1.2 only: whoever wants one and says nothing of versions gets it where a device
 * is, and 1.3 elsewhere. What is said of versions holds.
 */
static void complete_versions(struct config_profile *profile, struct config_place *place)
{
	bool wanted = profile->hardware == KTLS_HARDWARE_PREFER ||
		      profile->hardware == KTLS_HARDWARE_REQUIRE;

	place->line = profile->version_line;
	if (wanted && profile->version_min == KTLS_TLS_1_3)
		config_error(place,
			     "hardware = %s with tls-min = 1.3: devices take TLS 1.2 only: "
			     "leave tls-min out, or set it to 1.2",
			     profile->hardware == KTLS_HARDWARE_PREFER ? "prefer" : "require");
	profile->offload_1_2 = wanted && profile->version_min == 0;
	if (profile->version_min == 0)
		profile->version_min = KTLS_TLS_1_3;
}

static void check_profile(struct config_profile *profile, struct config_place *place)
{
	for (size_t i = 0; i < profile->pairs_len; i++) {
		place->line = profile->pairs[i].certificate.line;
		if (profile->pairs[i].key.line == 0)
			config_error(place, "certificate without a key: put 'key = FILE' below it");
	}
	complete_versions(profile, place);
	if (profile->version_min > profile->version_max)
		config_error(place, "tls-max is below tls-min, which is 1.3 where it is not given");
	check_client_auth(profile, place);
	place->line = profile->line;
	if (!somebody(&profile->access[KTLS_SERVER]) && !somebody(&profile->access[KTLS_CLIENT]))
		config_error(place,
			     "profile '%s' names nobody who may use it: add server-users, "
			     "server-groups, client-users or client-groups",
			     profile->name);
	if (somebody(&profile->access[KTLS_SERVER]) && profile->pairs_len == 0)
		config_error(place,
			     "profile '%s' is for servers and has no certificate: add "
			     "'certificate = FILE' and 'key = FILE'",
			     profile->name);
}

void config_complete(struct config *config, struct config_place *place)
{
	for (size_t i = 0; i < config->profiles_len; i++)
		check_profile(config->profiles + i, place);
	place->line = 0;
	if (config->profiles_len == 0)
		config_error(place, "no profile: add a section [profile NAME]");
	complete_socket(config, place);
	complete_user(config, place);
	complete_workers(config);
}

static bool listed(const unsigned int *list, size_t len, unsigned int id)
{
	for (size_t i = 0; i < len; i++) {
		if (list[i] == id)
			return true;
	}
	return false;
}

bool config_allows(const struct config_profile *profile, enum ktls_role role, uid_t uid,
		   const gid_t *groups, size_t groups_len)
{
	const struct config_access *access = &profile->access[role];

	if (access->anyone || listed(access->users, access->users_len, uid))
		return true;
	for (size_t i = 0; i < groups_len; i++) {
		if (listed(access->groups, access->groups_len, groups[i]))
			return true;
	}
	return false;
}
