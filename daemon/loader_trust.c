/* SPDX-License-Identifier: MIT */
/* Whom profiles believe: files of anchors and of revocation lists, read and checked. */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/loader_files.h"
#include "lib/x509/trust.h"

#define TRUST_MAX (8 << 20) /* bytes of a file */

static const char *system_trust(void)
{
	static const char *const paths[] = {
		"/etc/ssl/certs/ca-certificates.crt", /* Debian, Ubuntu, Arch, Alpine */
		"/etc/pki/tls/certs/ca-bundle.crt",   /* Fedora, RHEL */
		"/etc/ssl/ca-bundle.pem",             /* SUSE */
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (access(paths[i], R_OK) == 0)
			return paths[i];
	}
	return NULL;
}

/* The file of the anchors, NULL where there are none. A client's are the system's by default. */
static bool anchors_path(struct loader *l, const struct config_profile *profile,
			 enum ktls_role role, const char **out)
{
	const struct config_trust *trust = &profile->trust[role];

	*out = trust->file.text;
	if (trust->file.text || trust->anchors == CONFIG_ANCHORS_NONE)
		return true;
	*out = system_trust();
	if (!*out)
		config_error(&l->place,
			     "profile '%s' trusts what the system does, which has no file of "
			     "trusted certificates: install ca-certificates, or set %s",
			     profile->name, role == KTLS_CLIENT ? "trust" : "client-trust");
	return *out;
}

/* ---- checks: one file at a time, so that the one to blame is named ----------------------------
 */

static struct ktls_span span_of(const struct file *file)
{
	return (struct ktls_span){ (const uint8_t *)file->bytes, file->len };
}

static void check_anchors(struct loader *l, const struct trust_files *files)
{
	struct x509_error err;
	struct x509_trust *trust = x509_trust_new(files->anchors.bytes, files->anchors.len, &err);

	if (!trust)
		config_error(&l->place, "%s: %s", files->path, err.text);
	else if (err.text[0])
		config_warning(&l->place, "%s: %s", files->path, err.text);
	x509_trust_free(trust);
}

static void check_crl(struct loader *l, const struct trust_files *files, const char *path,
		      const struct file *file)
{
	const struct ktls_span crl = span_of(file);
	const struct x509_trust_spec spec = { .anchors = span_of(&files->anchors),
					      .crls = &crl,
					      .crls_len = 1 };
	struct x509_error err;
	struct x509_trust *trust = x509_trust_make(&spec, &err);

	if (!trust)
		config_error(&l->place, "%s: %s", path, err.text);
	else if (x509_trust_crls_until(trust) < time(NULL))
		config_warning(&l->place,
			       "%s: out of date, so that its issuer's certificates are refused: "
			       "get the new list",
			       path);
	x509_trust_free(trust);
}

/* ---- reading ----------------------------------------------------------------------------------
 */

static bool read_crls(struct loader *l, struct trust_files *files)
{
	const struct config_trust *config = files->config;
	unsigned int errors = l->place.errors;

	for (size_t i = 0; i < config->crls_len; i++) {
		const char *path = config->crls[i].text;

		l->place.line = config->crls[i].line;
		if (loader_read(l, path, TRUST_MAX, false, &files->crls[i]))
			check_crl(l, files, path, &files->crls[i]);
	}
	return l->place.errors == errors;
}

static bool same_crls(const struct config_trust *a, const struct config_trust *b)
{
	if (a->crls_len != b->crls_len)
		return false;
	for (size_t i = 0; i < a->crls_len; i++) {
		if (strcmp(a->crls[i].text, b->crls[i].text) != 0)
			return false;
	}
	return true;
}

static bool same(const struct trust_files *files, const struct config_trust *config,
		 const char *path)
{
	const struct config_trust *other = files->config;

	if (!files->path != !path || (path && strcmp(files->path, path) != 0))
		return false;
	return config->crl_check == other->crl_check && config->pins_len == other->pins_len &&
	       memcmp(config->pins, other->pins, config->pins_len * X509_PIN_LEN) == 0 &&
	       same_crls(config, other);
}

static uint16_t load(struct loader *l, const struct config_trust *config, const char *path)
{
	struct trust_files *files;
	uint16_t i;

	for (i = 0; i < l->trusts_len; i++) {
		if (same(&l->trusts[i], config, path))
			return i;
	}
	files = &l->trusts[i];
	l->trusts_len++;
	files->config = config;
	files->path = path;
	if (path && !loader_read(l, path, TRUST_MAX, false, &files->anchors))
		return BUNDLE_TRUST_NONE;
	if (path)
		check_anchors(l, files);
	return read_crls(l, files) ? i : BUNDLE_TRUST_NONE;
}

uint16_t loader_trust(struct loader *l, const struct config_profile *profile, enum ktls_role role)
{
	const struct config_trust *trust = &profile->trust[role];
	bool used = role == KTLS_CLIENT ? loader_somebody(profile, role) || trust->line > 0
					: profile->client_auth != KTLS_ENGINE_NO_CLIENT_AUTH;
	const char *path;

	if (!used)
		return BUNDLE_TRUST_NONE;
	l->place.line = trust->file.line > 0 ? trust->file.line : profile->line;
	if (!anchors_path(l, profile, role, &path))
		return BUNDLE_TRUST_NONE;
	return load(l, trust, path);
}
