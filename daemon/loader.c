/* SPDX-License-Identifier: MIT */
#include "daemon/loader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/bundle.h"
#include "daemon/config_value.h"
#include "lib/crypto/util.h"
#include "lib/x509/identity.h"
#include "lib/x509/key.h"
#include "lib/x509/trust.h"

#define PEM_MAX    (1 << 20) /* bytes of a certificate or key file */
#define TRUST_MAX  (8 << 20)
#define KEYS_MAX   (BUNDLE_PROFILES_MAX * CONFIG_PAIRS_MAX)

#define TRUSTS_MAX (BUNDLE_PROFILES_MAX * CONFIG_ROLES)

_Static_assert(BUNDLE_PROFILES_MAX == CONFIG_PROFILES_MAX, "one bit a profile");

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

/* Everything that was read. Several profiles share a trust file. */
struct loader {
	const struct config *config;
	struct config_place place;
	struct profile_files *profiles;
	const char *trust_paths[TRUSTS_MAX];
	struct file trusts[TRUSTS_MAX];
	uint16_t trusts_len;
};

/* ---- reading ----------------------------------------------------------------------------------
 */

static bool check_file(struct loader *l, const char *path, const struct stat *st, off_t max,
		       bool secret)
{
	if (!S_ISREG(st->st_mode)) {
		config_error(&l->place, "%s is not a file", path);
		return false;
	}
	if (st->st_size > max) {
		config_error(&l->place, "%s has more than %jd bytes: is this the right file?", path,
			     (intmax_t)max);
		return false;
	}
	if (secret && (st->st_mode & S_IRWXO)) {
		config_error(&l->place, "%s, a private key, is open to all users: chmod o= it",
			     path);
		return false;
	}
	return true;
}

static int read_all(int fd, char *bytes, size_t len)
{
	size_t at = 0;

	while (at < len) {
		ssize_t n = read(fd, bytes + at, len - at);

		if (n == 0)
			return -EIO; /* it became shorter */
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			at += (size_t)n;
	}
	return 0;
}

static bool read_open_file(struct loader *l, const char *path, int fd, off_t max, bool secret,
			   struct file *out)
{
	struct file file;
	struct stat st;
	int err;

	if (fstat(fd, &st) != 0) {
		config_error(&l->place, "cannot read %s: %s", path, strerror(errno));
		return false;
	}
	if (!check_file(l, path, &st, max, secret))
		return false;
	file.len = (size_t)st.st_size;
	file.bytes = malloc(file.len + 1);
	err = file.bytes ? read_all(fd, file.bytes, file.len) : -ENOMEM;
	if (err) {
		config_error(&l->place, "cannot read %s: %s", path, strerror(-err));
		free(file.bytes);
		return false;
	}
	*out = file;
	return true;
}

static bool read_file(struct loader *l, const char *path, off_t max, bool secret, struct file *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	bool ok;

	if (fd < 0) {
		config_error(&l->place, "cannot open %s: %s", path, strerror(errno));
		return false;
	}
	ok = read_open_file(l, path, fd, max, secret, out);
	close(fd);
	return ok;
}

/* ---- certificates and keys --------------------------------------------------------------------
 */

static void warn_if_expired(struct loader *l, const char *path,
			    const struct x509_identity *identity)
{
	if (identity->not_after < time(NULL))
		config_warning(&l->place, "the certificate in %s has expired: renew it", path);
}

static void check_key(struct loader *l, const struct config_pair *pair, const struct file *bytes,
		      const struct x509_identity *identity)
{
	struct x509_error err;
	struct x509_key *key = x509_key_new(bytes->bytes, bytes->len, &err);

	if (!key) {
		config_error(&l->place, "%s: %s", pair->key.text, err.text);
		return;
	}
	if (!x509_key_fits(key, identity))
		config_error(&l->place, "the key in %s is not the one of the certificate in %s",
			     pair->key.text, pair->certificate.text);
	x509_key_free(key);
}

static void load_pair(struct loader *l, const struct config_pair *pair, struct pair_files *files)
{
	struct x509_identity *identity = NULL;
	struct x509_error err;

	l->place.line = pair->certificate.line;
	if (read_file(l, pair->certificate.text, PEM_MAX, false, &files->certificate)) {
		identity =
			x509_identity_new(files->certificate.bytes, files->certificate.len, &err);
		if (!identity)
			config_error(&l->place, "%s: %s", pair->certificate.text, err.text);
		else
			warn_if_expired(l, pair->certificate.text, identity);
	}
	l->place.line = pair->key.line;
	if (read_file(l, pair->key.text, PEM_MAX, true, &files->key) && identity)
		check_key(l, pair, &files->key, identity);
	x509_identity_free(identity);
}

/* ---- trust ------------------------------------------------------------------------------------
 */

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

static void check_trust(struct loader *l, const char *path, const struct file *file)
{
	struct x509_error err;
	struct x509_trust *trust = x509_trust_new(file->bytes, file->len, &err);

	if (!trust)
		config_error(&l->place, "%s: %s", path, err.text);
	else if (err.text[0])
		config_warning(&l->place, "%s: %s", path, err.text);
	x509_trust_free(trust);
}

static uint16_t load_trust(struct loader *l, const char *path)
{
	uint16_t i;

	for (i = 0; i < l->trusts_len; i++) {
		if (strcmp(l->trust_paths[i], path) == 0)
			return i;
	}
	if (!read_file(l, path, TRUST_MAX, false, &l->trusts[i]))
		return BUNDLE_TRUST_NONE;
	check_trust(l, path, &l->trusts[i]);
	l->trust_paths[i] = path;
	l->trusts_len++;
	return i;
}

static bool somebody(const struct config_profile *profile, enum ktls_role role)
{
	const struct config_access *access = &profile->access[role];

	return access->anyone || access->users_len > 0 || access->groups_len > 0;
}

/* The file of a role's trust; NULL where it needs none. A client's is the system's by default. */
static const char *trust_path(struct loader *l, const struct config_profile *profile,
			      enum ktls_role role)
{
	const struct config_trust *trust = &profile->trust[role];
	const char *path = trust->file.text;

	l->place.line = trust->file.line > 0 ? trust->file.line : profile->line;
	if (path || (!trust->system && (role == KTLS_SERVER || !somebody(profile, role))))
		return path;
	path = system_trust();
	if (!path)
		config_error(&l->place,
			     "profile '%s' trusts what the system does, which has no file of "
			     "trusted certificates: install ca-certificates, or set %s",
			     profile->name, role == KTLS_CLIENT ? "trust" : "client-trust");
	return path;
}

static void load_profile(struct loader *l, const struct config_profile *profile,
			 struct profile_files *files)
{
	for (size_t i = 0; i < profile->pairs_len; i++)
		load_pair(l, &profile->pairs[i], &files->pairs[i]);
	for (size_t role = 0; role < CONFIG_ROLES; role++) {
		const char *path = trust_path(l, profile, (enum ktls_role)role);

		files->trust[role] = path ? load_trust(l, path) : BUNDLE_TRUST_NONE;
	}
}

/* ---- packing ----------------------------------------------------------------------------------
 */

static void write_settings(struct writer *w, const struct config *config)
{
	struct bundle_settings settings = {
		.user = config->user,
		.group = config->group,
		.journal = log_to_journal(),
		.workers = (uint16_t)config->workers,
		.handshakes_max = config->max_handshakes,
		.deadline_max = config->deadline_max,
	};

	bundle_settings_write(w, &settings);
}

static uint8_t roles_of(const struct config_profile *profile)
{
	uint8_t roles = 0;

	if (somebody(profile, KTLS_SERVER))
		roles |= BUNDLE_ROLE(KTLS_SERVER);
	if (somebody(profile, KTLS_CLIENT))
		roles |= BUNDLE_ROLE(KTLS_CLIENT);
	return roles;
}

static void pack_worker_profile(struct writer *w, const struct config_profile *profile,
				const struct profile_files *files, uint16_t *key)
{
	writer_vec(w, 1, profile->name, strlen(profile->name));
	writer_u8(w, roles_of(profile));
	writer_u16(w, profile->version_min);
	writer_u16(w, profile->version_max);
	writer_u8(w, profile->strict_sni);
	writer_u8(w, (uint8_t)profile->client_auth);
	for (size_t role = 0; role < CONFIG_ROLES; role++)
		writer_u16(w, files->trust[role]);
	writer_vec(w, 2, profile->alpn, profile->alpn_len);
	writer_u8(w, (uint8_t)profile->pairs_len);
	for (size_t i = 0; i < profile->pairs_len; i++) {
		const struct file *pem = &files->pairs[i].certificate;

		writer_u16(w, (*key)++);
		writer_vec(w, 3, pem->bytes, pem->len);
	}
}

static void pack_workers(struct writer *w, const struct loader *l)
{
	uint16_t key = 0;

	write_settings(w, l->config);
	writer_u16(w, l->trusts_len);
	for (size_t i = 0; i < l->trusts_len; i++)
		writer_vec(w, 3, l->trusts[i].bytes, l->trusts[i].len);
	writer_u16(w, (uint16_t)l->config->profiles_len);
	for (size_t i = 0; i < l->config->profiles_len; i++)
		pack_worker_profile(w, &l->config->profiles[i], &l->profiles[i], &key);
}

static void pack_keys(struct writer *w, const struct loader *l)
{
	uint16_t count = 0;

	for (size_t i = 0; i < l->config->profiles_len; i++)
		count = (uint16_t)(count + l->config->profiles[i].pairs_len);
	writer_u16(w, count);
	for (size_t i = 0; i < l->config->profiles_len; i++) {
		for (size_t j = 0; j < l->config->profiles[i].pairs_len; j++) {
			const struct file *pem = &l->profiles[i].pairs[j].key;

			writer_u16(w, (uint16_t)i);
			writer_vec(w, 3, pem->bytes, pem->len);
		}
	}
}

static void pack_signers(struct writer *w, const struct loader *l)
{
	write_settings(w, l->config);
	writer_u16(w, (uint16_t)l->config->profiles_len);
	for (size_t i = 0; i < l->config->profiles_len; i++) {
		const struct config_profile *profile = &l->config->profiles[i];

		writer_vec(w, 1, profile->name, strlen(profile->name));
		writer_u8(w, roles_of(profile));
		writer_u16(w, profile->version_min);
		writer_u16(w, profile->version_max);
		writer_u32(w, profile->signatures);
	}
	pack_keys(w, l);
}

/* Room for all files and for the fields around them. */
static size_t size_of_all(const struct loader *l)
{
	size_t size = 4096;

	for (size_t i = 0; i < l->trusts_len; i++)
		size += l->trusts[i].len + 16;
	for (size_t i = 0; i < l->config->profiles_len; i++) {
		const struct config_profile *profile = &l->config->profiles[i];

		size += 512 + profile->alpn_len;
		for (size_t j = 0; j < profile->pairs_len; j++)
			size += l->profiles[i].pairs[j].certificate.len +
				l->profiles[i].pairs[j].key.len + 32;
	}
	return size;
}

static void pack(struct loader *l, int fd,
		 void (*pack_bundle)(struct writer *, const struct loader *))
{
	size_t size = size_of_all(l);
	uint8_t *bytes = malloc(size);
	struct writer w;
	int err = -ENOMEM;

	if (bytes) {
		writer_init(&w, bytes, size);
		pack_bundle(&w, l);
		err = writer_ok(&w) ? bundle_seal(fd, bytes, w.len) : -EMSGSIZE;
		secret_wipe(bytes, size);
		free(bytes);
	}
	l->place.line = 0;
	if (err)
		config_error(&l->place, "cannot pass the files on: %s", strerror(-err));
}

/* ---- the process that does it -----------------------------------------------------------------
 */

static void free_file(struct file *file)
{
	if (file->bytes)
		secret_wipe(file->bytes, file->len);
	free(file->bytes);
}

static void free_files(struct loader *l)
{
	for (size_t i = 0; i < l->config->profiles_len; i++) {
		for (size_t j = 0; j < CONFIG_PAIRS_MAX; j++) {
			free_file(&l->profiles[i].pairs[j].certificate);
			free_file(&l->profiles[i].pairs[j].key);
		}
	}
	for (size_t i = 0; i < l->trusts_len; i++)
		free_file(&l->trusts[i]);
	free(l->profiles);
}

static unsigned int load(const struct config *config, FILE *out, const struct bundles *bundles)
{
	struct loader l = { .config = config, .place = { .file = config->file, .out = out } };

	l.profiles = calloc(config->profiles_len, sizeof(*l.profiles));
	if (!l.profiles || crypto_init() != 0 || x509_init() != 0) {
		config_error(&l.place, "out of memory, or of what libcrypto needs");
		free(l.profiles);
		return l.place.errors;
	}
	for (size_t i = 0; i < config->profiles_len; i++)
		load_profile(&l, &config->profiles[i], &l.profiles[i]);
	if (l.place.errors == 0) {
		pack(&l, bundles->workers, pack_workers);
		pack(&l, bundles->signers, pack_signers);
	}
	free_files(&l);
	return l.place.errors;
}

static int load_in_child(const struct config *config, FILE *out, const struct bundles *bundles)
{
	pid_t pid;

	fflush(out);
	pid = fork();
	if (pid == 0) {
		unsigned int errors = load(config, out, bundles);

		fflush(out);
		_exit(errors > 0);
	}
	return pid < 0 ? -errno : pid;
}

static void tell_failure(const struct config *config, FILE *out, int err)
{
	fprintf(out, "%s: cannot load the files it names: %s\n", config->file, strerror(-err));
}

int bundles_begin(const struct config *config, FILE *out, struct bundles_loading *loading)
{
	struct bundles c = {
		.workers = bundle_create("ktlsd certificates"),
		.signers = bundle_create("ktlsd keys"),
	};
	int err = c.workers < 0 ? c.workers : c.signers;

	if (err >= 0)
		err = load_in_child(config, out, &c);
	if (err >= 0) {
		*loading = (struct bundles_loading){ .pid = err, .bundles = c };
		return 0;
	}
	tell_failure(config, out, err);
	bundles_close(&c);
	return err;
}

int bundles_end(struct bundles_loading *loading, int status, const struct config *config, FILE *out,
		struct bundles *bundles)
{
	struct bundles c = loading->bundles;

	*loading = (struct bundles_loading){ .bundles = { -1, -1 } };
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		*bundles = c;
		return 0;
	}
	if (!WIFEXITED(status)) /* else it has told itself */
		tell_failure(config, out, -EINTR);
	bundles_close(&c);
	return -1;
}

int bundles_load(const struct config *config, FILE *out, struct bundles *bundles)
{
	struct bundles_loading loading;
	int status = 0;

	if (bundles_begin(config, out, &loading) != 0)
		return -1;
	while (waitpid(loading.pid, &status, 0) < 0 && errno == EINTR)
		;
	return bundles_end(&loading, status, config, out, bundles);
}

void bundles_close(struct bundles *bundles)
{
	if (bundles->workers >= 0)
		close(bundles->workers);
	if (bundles->signers >= 0)
		close(bundles->signers);
	*bundles = (struct bundles){ -1, -1 };
}
