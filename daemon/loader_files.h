/* SPDX-License-Identifier: MIT */
/* What the loader has read (loader.c), on its way into the bundles (loader_pack.c). */
#ifndef KTLSD_LOADER_FILES_H
#define KTLSD_LOADER_FILES_H

#include "daemon/bundle.h"
#include "daemon/config_value.h"

#define TRUSTS_MAX (BUNDLE_PROFILES_MAX * CONFIG_ROLES)

struct file {
	char *bytes;
	size_t len;
};

struct pair_files {
	struct file certificate;
	struct file key;
};

struct profile_files {
	struct pair_files pairs[CONFIG_PAIRS_MAX];
	uint16_t trust[CONFIG_ROLES]; /* index, or BUNDLE_TRUST_NONE */
};

/* What was read for a role's trust. */
struct trust_files {
	const struct config_trust *config;
	const char *path; /* of the anchors; NULL: there are none */
	struct file anchors;
	struct file crls[CONFIG_CRLS_MAX];
};

/* Everything that was read. Several profiles share a trust, and each file in it. */
struct loader {
	const struct config *config;
	struct config_place place;
	struct profile_files *profiles;
	struct trust_files *trusts; /* TRUSTS_MAX */
	uint16_t trusts_len;
};

/* Whether anybody may use the profile in the role. */
static inline bool loader_somebody(const struct config_profile *profile, enum ktls_role role)
{
	const struct config_access *access = &profile->access[role];

	return access->anyone || access->users_len > 0 || access->groups_len > 0;
}

/*
 * Reads a file of at most max bytes; a secret one is to be closed to others. False with an error
 * told, in the line at which l->place is.
 */
bool loader_read(struct loader *l, const char *path, off_t max, bool secret, struct file *out)
	__attribute__((warn_unused_result));
void loader_free(struct file *file);

/* The trust of a profile's role, read and checked: its index, or BUNDLE_TRUST_NONE. */
uint16_t loader_trust(struct loader *l, const struct config_profile *profile, enum ktls_role role);

/* The bundles' contents; room for either of them. */
size_t loader_size(const struct loader *l);
void loader_pack_workers(struct writer *w, const struct loader *l);
void loader_pack_signers(struct writer *w, const struct loader *l);

#endif
