/* SPDX-License-Identifier: MIT */
/* The files that a configuration names: each mistake with the line of the configuration. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/bundle.h"
#include "daemon/loader.h"
#include "tests/harness/certs.h"
#include "tests/harness/crls.h"
#include "tests/harness/descriptors.h"
#include "tests/harness/harness.h"

FIXTURE(files)
{
	char dir[64];
	char config_path[80];
	char said[8192];
	struct config *config;
	struct bundles got;
	int status;
	struct cert *ca, *server, *other;
};

FIXTURE_SETUP(files)
{
	strcpy(self->dir, "/tmp/ktlsd-cred-XXXXXX");
	ASSERT_NOT_NULL(mkdtemp(self->dir));
	snprintf(self->config_path, sizeof(self->config_path), "%s/conf", self->dir);
	self->got = (struct bundles){ -1, -1 };
	self->ca = cert_ca(CERT_P256, "CA");
	self->server = cert_server(CERT_P256, "DNS:localhost", self->ca);
	self->other = cert_server(CERT_P256, "DNS:localhost", self->ca);
	cert_write(self->ca, self->dir, "ca");
	cert_write(self->server, self->dir, "server");
	cert_write(self->other, self->dir, "other");
}

FIXTURE_TEARDOWN(files)
{
	char command[128];

	bundles_close(&self->got);
	config_free(self->config);
	cert_free(self->other);
	cert_free(self->server);
	cert_free(self->ca);
	snprintf(command, sizeof(command), "rm -r %s", self->dir);
	EXPECT_EQ(0, system(command));
}

static void write_file(const struct test_self_files *self, const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", self->dir, name);
	f = fopen(path, "w");
	ASSERT_NOT_NULL(f);
	fputs(text, f);
	ASSERT_EQ(0, fclose(f));
	ASSERT_EQ(0, chmod(path, 0600));
}

/* "@" in the text is the folder. */
static void load(struct test_self_files *self, const char *text)
{
	FILE *out = tmpfile();
	FILE *f = fopen(self->config_path, "w");
	size_t n;

	ASSERT_NOT_NULL(out);
	ASSERT_NOT_NULL(f);
	for (; *text; text++)
		*text == '@' ? fputs(self->dir, f) : fputc(*text, f);
	ASSERT_EQ(0, fclose(f));
	config_free(self->config);
	self->config = config_read(self->config_path, out);
	ASSERT_NOT_NULL(self->config);
	rewind(out);
	ASSERT_EQ(0, ftruncate(fileno(out), 0));
	self->status = bundles_load(self->config, out, &self->got);
	rewind(out);
	n = fread(self->said, 1, sizeof(self->said) - 1, out);
	self->said[n] = '\0';
	fclose(out);
}

static void expect_error(struct test_self_files *self, const char *text, unsigned int line,
			 const char *error)
{
	char want[256];

	load(self, text);
	EXPECT_NE(0, self->status);
	EXPECT_EQ(-1, self->got.workers);
	snprintf(want, sizeof(want), "%s:%u: ", self->config_path, line);
	if (!strstr(self->said, want) || !strstr(self->said, error))
		TH_LOG("wanted '%s' and '%s' in: %s", want, error, self->said);
	EXPECT_NOT_NULL(strstr(self->said, want));
	EXPECT_NOT_NULL(strstr(self->said, error));
}

#define SERVER "[profile a]\nserver-users = 0\n"

TEST_F(files, are_packed_and_sealed)
{
	struct bundle bundle;
	int before = open_descriptors();

	load(self, SERVER "certificate = @/server.pem\nkey = @/server.key\n"
			  "client-users = 0\ntrust = @/ca.pem\n");
	ASSERT_STREQ("", self->said);
	ASSERT_EQ(0, self->status);
	EXPECT_EQ(before + 2, open_descriptors());
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->got.workers, F_GETFD));
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->got.signers, F_GETFD));
	EXPECT_EQ(-1, pwrite(self->got.workers, "x", 1, 0));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-1, ftruncate(self->got.signers, 0));
	ASSERT_EQ(0, bundle_map(self->got.workers, &bundle));
	EXPECT_NOT_NULL(memmem(bundle.bytes, bundle.len, self->server->pem, self->server->pem_len));
	EXPECT_NULL(memmem(bundle.bytes, bundle.len, "PRIVATE KEY", 11));
	bundle_unmap(&bundle);
	ASSERT_EQ(0, bundle_map(self->got.signers, &bundle));
	EXPECT_NOT_NULL(
		memmem(bundle.bytes, bundle.len, self->server->key_pem, self->server->key_pem_len));
	bundle_unmap(&bundle);
}

TEST_F(files, that_are_not_sealed_are_not_read)
{
	struct bundle bundle;
	int fd = bundle_create("test");

	ASSERT_GE(fd, 0);
	EXPECT_EQ(-EPERM, bundle_map(fd, &bundle));
	close(fd);
	EXPECT_EQ(-EPERM, bundle_map(STDIN_FILENO, &bundle));
}

TEST_F(files, missing_files_are_told)
{
	int before = open_descriptors();

	expect_error(self, SERVER "certificate = @/none.pem\nkey = @/server.key\n", 3,
		     "none.pem: No such file or directory");
	expect_error(self, SERVER "certificate = @/server.pem\nkey = @/none.key\n", 4,
		     "none.key: No such file or directory");
	expect_error(self, "[profile a]\nclient-users = 0\n\ntrust = @/none.pem\n", 4,
		     "none.pem: No such file or directory");
	EXPECT_EQ(before, open_descriptors());
}

TEST_F(files, unreadable_files_are_told)
{
	char path[128];

	expect_error(self, SERVER "certificate = @/server.pem\nkey = @\n", 4, "is not a file");
	if (geteuid() == 0)
		SKIP(return, "root may read everything");
	snprintf(path, sizeof(path), "%s/server.key", self->dir);
	ASSERT_EQ(0, chmod(path, 0));
	expect_error(self, SERVER "certificate = @/server.pem\nkey = @/server.key\n", 4,
		     "Permission denied");
}

TEST_F(files, keys_open_to_all_are_refused)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/server.key", self->dir);
	ASSERT_EQ(0, chmod(path, 0604));
	expect_error(self, SERVER "certificate = @/server.pem\nkey = @/server.key\n", 4,
		     "is open to all users: chmod o=");
	ASSERT_EQ(0, chmod(path, 0640));
	load(self, SERVER "certificate = @/server.pem\nkey = @/server.key\n");
	EXPECT_EQ(0, self->status);
}

TEST_F(files, keys_of_others_are_refused)
{
	expect_error(self,
		     SERVER "certificate = @/server.pem\nkey = @/server.key\n"
			    "certificate = @/server.pem\nkey = @/other.key\n",
		     6, "other.key is not the one of the certificate in");
}

TEST_F(files, what_is_none_is_told)
{
	write_file(self, "text.pem", "just text\n");
	expect_error(self, SERVER "certificate = @/text.pem\nkey = @/server.key\n", 3,
		     "text.pem: ");
	expect_error(self, SERVER "certificate = @/server.pem\nkey = @/text.pem\n", 4,
		     "text.pem: ");
	expect_error(self, "[profile a]\nclient-users = 0\ntrust = @/text.pem\n", 3, "text.pem: ");
	/* a private key has no business in a file that goes to the workers */
	expect_error(self, SERVER "certificate = @/server.key\nkey = @/server.key\n", 3,
		     "server.key: ");
}

TEST_F(files, revocation_lists_are_checked)
{
	const struct crl_spec good = { .issuer = self->ca };
	const struct crl_spec old = { .issuer = self->ca,
				      .last_update = -9 * CERT_DAY,
				      .next_update = -CERT_DAY };
	const struct crl_spec forged = { .issuer = self->ca, .signer = self->server };
	struct bundle bundle;

	crl_write(&good, self->dir, "good");
	crl_write(&old, self->dir, "old");
	crl_write(&forged, self->dir, "forged");
	load(self, "[profile a]\nclient-users = 0\ntrust = @/ca.pem\ncrl = @/good.crl\n");
	ASSERT_EQ(0, self->status);
	EXPECT_STREQ("", self->said);
	ASSERT_EQ(0, bundle_map(self->got.workers, &bundle));
	EXPECT_NOT_NULL(memmem(bundle.bytes, bundle.len, "BEGIN X509 CRL", 14));
	bundle_unmap(&bundle);
	bundles_close(&self->got);
	load(self, "[profile a]\nclient-users = 0\ntrust = @/ca.pem\ncrl = @/old.crl\n");
	EXPECT_EQ(0, self->status);
	EXPECT_NOT_NULL(strstr(self->said, "conf:4: warning: "));
	EXPECT_NOT_NULL(strstr(self->said, "old.crl: out of date"));
	bundles_close(&self->got);
	expect_error(self,
		     "[profile a]\nclient-users = 0\ntrust = @/ca.pem\n"
		     "crl = @/good.crl\ncrl = @/forged.crl\n",
		     5, "forged.crl: the revocation list is not signed by");
	expect_error(self, "[profile a]\nclient-users = 0\ntrust = @/ca.pem\ncrl = @/none\n", 4,
		     "none: No such file or directory");
	expect_error(self, "[profile a]\nclient-users = 0\ntrust = @/ca.pem\ncrl = @/ca.pem\n", 4,
		     "ca.pem: no revocation list");
	expect_error(self, "[profile a]\nclient-users = 0\ntrust = @/good.crl\n", 3,
		     "a revocation list: it belongs into a file of its own");
}

/* Profiles with the same trust share it. */
TEST_F(files, trust_is_read_once)
{
	const struct crl_spec good = { .issuer = self->ca };
	struct bundle bundle;
	size_t found = 0;
	const char *at;

	crl_write(&good, self->dir, "good");
	load(self, "[profile a]\nclient-users = 0\ntrust = @/ca.pem\ncrl = @/good.crl\n"
		   "[profile b]\nclient-users = 0\ntrust = @/ca.pem\ncrl = @/good.crl\n"
		   "[profile c]\nclient-users = 0\ntrust = @/ca.pem\n"
		   "[profile d]\ncertificate = @/server.pem\nkey = @/server.key\n"
		   "server-users = 0\nclient-auth = require\nclient-trust = @/ca.pem\n");
	ASSERT_EQ(0, self->status);
	ASSERT_EQ(0, bundle_map(self->got.workers, &bundle));
	at = bundle.bytes;
	while ((at = memmem(at, bundle.len - (size_t)(at - (char *)bundle.bytes), self->ca->pem,
			    self->ca->pem_len))) {
		at += self->ca->pem_len;
		found++;
	}
	EXPECT_EQ(2, found);
	bundle_unmap(&bundle);
}

TEST_F(files, all_mistakes_are_told_at_once)
{
	load(self, SERVER "certificate = @/none.pem\nkey = @/none.key\n"
			  "[profile b]\nclient-users = 0\ntrust = @/none.pem\n");
	EXPECT_NE(0, self->status);
	EXPECT_NOT_NULL(strstr(self->said, "conf:3: "));
	EXPECT_NOT_NULL(strstr(self->said, "conf:4: "));
	EXPECT_NOT_NULL(strstr(self->said, "conf:7: "));
}

TEST_F(files, expired_certificates_are_warned_of)
{
	const struct cert_spec spec = { .cn = "old",
					.san = "DNS:localhost",
					.eku = "serverAuth",
					.not_before = -10 * CERT_DAY,
					.not_after = -CERT_DAY };
	struct cert *old = cert_new(&spec, self->ca);

	cert_write(old, self->dir, "old");
	cert_free(old);
	load(self, SERVER "certificate = @/old.pem\nkey = @/old.key\n");
	EXPECT_EQ(0, self->status);
	EXPECT_NOT_NULL(strstr(self->said, "conf:3: warning: the certificate in"));
	EXPECT_NOT_NULL(strstr(self->said, "has expired"));
}

TEST_HARNESS_MAIN
