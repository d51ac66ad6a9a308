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

#include "daemon/loader_files.h"
#include "daemon/ticket_files.h"
#include "lib/crypto/util.h"
#include "lib/x509/identity.h"
#include "lib/x509/key.h"

#define PEM_MAX (1 << 20) /* bytes of a certificate or key file */

_Static_assert(BUNDLE_PROFILES_MAX == CONFIG_PROFILES_MAX, "one bit a profile");

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

bool loader_read(struct loader *l, const char *path, off_t max, bool secret, struct file *out)
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
	if (loader_read(l, pair->certificate.text, PEM_MAX, false, &files->certificate)) {
		identity =
			x509_identity_new(files->certificate.bytes, files->certificate.len, &err);
		if (!identity)
			config_error(&l->place, "%s: %s", pair->certificate.text, err.text);
		else
			warn_if_expired(l, pair->certificate.text, identity);
	}
	l->place.line = pair->key.line;
	if (loader_read(l, pair->key.text, PEM_MAX, true, &files->key) && identity)
		check_key(l, pair, &files->key, identity);
	x509_identity_free(identity);
}

static void load_profile(struct loader *l, const struct config_profile *profile,
			 struct profile_files *files)
{
	for (size_t i = 0; i < profile->pairs_len; i++)
		load_pair(l, &profile->pairs[i], &files->pairs[i]);
	for (size_t role = 0; role < CONFIG_ROLES; role++)
		files->trust[role] = loader_trust(l, profile, (enum ktls_role)role);
}

static void pack(struct loader *l, int fd,
		 void (*pack_bundle)(struct writer *, const struct loader *))
{
	size_t size = loader_size(l);
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

void loader_free(struct file *file)
{
	if (file->bytes)
		secret_wipe(file->bytes, file->len);
	free(file->bytes);
}

static void free_files(struct loader *l)
{
	for (size_t i = 0; i < l->config->profiles_len; i++) {
		for (size_t j = 0; j < CONFIG_PAIRS_MAX; j++) {
			loader_free(&l->profiles[i].pairs[j].certificate);
			loader_free(&l->profiles[i].pairs[j].key);
		}
	}
	for (size_t i = 0; i < l->trusts_len; i++) {
		loader_free(&l->trusts[i].anchors);
		for (size_t j = 0; j < CONFIG_CRLS_MAX; j++)
			loader_free(&l->trusts[i].crls[j]);
	}
	free(l->trusts);
	free(l->profiles);
}

/* The supervisor reads them: they change more often than the configuration. */
static void check_ticket_keys(struct loader *l)
{
	const struct config_text *folder = &l->config->ticket_keys;
	struct ticket_secrets secrets;
	char why[512];

	l->place.line = folder->line;
	if (folder->text && !ticket_files_read(folder->text, &secrets, why, sizeof(why)))
		config_error(&l->place, "%s", why);
	secret_wipe(&secrets, sizeof(secrets));
}

static unsigned int load(const struct config *config, FILE *out, const struct bundles *bundles)
{
	struct loader l = { .config = config, .place = { .file = config->file, .out = out } };

	l.profiles = calloc(config->profiles_len, sizeof(*l.profiles));
	l.trusts = calloc(TRUSTS_MAX, sizeof(*l.trusts));
	if (!l.profiles || !l.trusts || crypto_init() != 0 || x509_init() != 0) {
		config_error(&l.place, "out of memory, or of what libcrypto needs");
		free(l.trusts);
		free(l.profiles);
		return l.place.errors;
	}
	for (size_t i = 0; i < config->profiles_len; i++)
		load_profile(&l, &config->profiles[i], &l.profiles[i]);
	check_ticket_keys(&l);
	if (l.place.errors == 0) {
		pack(&l, bundles->workers, loader_pack_workers);
		pack(&l, bundles->signers, loader_pack_signers);
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
