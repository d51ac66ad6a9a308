/* SPDX-License-Identifier: MIT */
/* Ticket keys from a folder: which files, whose, how long. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/config.h"
#include "daemon/loader.h"
#include "daemon/ticket_files.h"
#include "lib/crypto/util.h"
#include "tests/harness/harness.h"

FIXTURE(files)
{
	char folder[64];
	struct ticket_secrets secrets;
	char why[512];
};

FIXTURE_SETUP(files)
{
	strcpy(self->folder, "/tmp/ktlsd-keys-XXXXXX");
	ASSERT_EQ(0, crypto_init());
	ASSERT_NOT_NULL(mkdtemp(self->folder));
}

FIXTURE_TEARDOWN(files)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", self->folder);
	EXPECT_EQ(0, system(command));
}

static const char *path_of(const struct test_self_files *self, const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", self->folder, name);
	return path;
}

static void put(const struct test_self_files *self, const char *name, char byte, size_t len)
{
	FILE *f = fopen(path_of(self, name), "w");

	ASSERT_NOT_NULL(f);
	for (size_t i = 0; i < len; i++)
		fputc(byte, f);
	ASSERT_EQ(0, fclose(f));
	ASSERT_EQ(0, chmod(path_of(self, name), 0600));
}

static bool get(struct test_self_files *self)
{
	return ticket_files_read(self->folder, &self->secrets, self->why, sizeof(self->why));
}

TEST_F(files, current_comes_first)
{
	put(self, "previous", 'p', 32);
	put(self, "next", 'n', 40);
	put(self, "current", 'c', 64);
	put(self, "other", 'o', 1);
	ASSERT_TRUE(get(self));
	EXPECT_EQ(3, self->secrets.len);
	EXPECT_EQ('c', self->secrets.secrets[0].bytes[0]);
	EXPECT_EQ(64, self->secrets.secrets[0].len);
	EXPECT_EQ('n', self->secrets.secrets[1].bytes[39]);
	EXPECT_EQ('p', self->secrets.secrets[2].bytes[31]);
}

TEST_F(files, current_is_enough)
{
	put(self, "current", 'c', 48);
	ASSERT_TRUE(get(self));
	EXPECT_EQ(1, self->secrets.len);
}

static void expect_refused(struct test_self_files *self, const char *why)
{
	struct ticket_secrets before;

	memset(&self->secrets, 7, sizeof(self->secrets));
	before = self->secrets;
	EXPECT_FALSE(get(self));
	EXPECT_MEMEQ(&before, &self->secrets, sizeof(before));
	if (!strstr(self->why, why))
		TH_LOG("'%s'", self->why);
	EXPECT_NOT_NULL(strstr(self->why, why));
}

TEST_F(files, what_is_refused)
{
	expect_refused(self, "current, a ticket key, cannot be read: No such file");
	put(self, "current", 'c', 31);
	expect_refused(self, "has not 32 to 64 bytes");
	put(self, "current", 'c', 65);
	expect_refused(self, "has not 32 to 64 bytes");
	put(self, "current", 'c', 32);
	ASSERT_EQ(0, chmod(path_of(self, "current"), 0640));
	expect_refused(self, "current, a ticket key, is open to others: chmod 600 it");
	ASSERT_EQ(0, chmod(path_of(self, "current"), 0600));
	ASSERT_EQ(0, mkdir(path_of(self, "next"), 0700));
	expect_refused(self, "next, a ticket key, is not a file");
	ASSERT_EQ(0, rmdir(path_of(self, "next")));
	put(self, "previous", 'p', 0);
	expect_refused(self, "previous, a ticket key, has not 32 to 64 bytes");
	ASSERT_EQ(0, unlink(path_of(self, "previous")));
	if (geteuid() == 0) {
		ASSERT_EQ(0, chown(path_of(self, "current"), 4711, 0));
		expect_refused(self, "belongs to somebody else");
	}
}

/* --check-config tells it, with the line. */
TEST_F(files, are_checked_with_the_configuration)
{
	char path[128], want[300], *said = NULL;
	struct bundles bundles;
	struct config *config;
	size_t size = 0;
	FILE *f, *out = tmpfile();

	snprintf(path, sizeof(path), "%s", path_of(self, "conf"));
	f = fopen(path, "w");
	ASSERT_NOT_NULL(f);
	fprintf(f, "[ktlsd]\nticket-keys = %s\n[profile a]\nclient-users = 0\ntickets = 4\n",
		self->folder);
	fclose(f);
	config = config_read(path, out);
	ASSERT_NOT_NULL(config);
	EXPECT_STREQ(self->folder, config->ticket_keys.text);
	EXPECT_EQ(4, config->profiles[0].tickets);
	EXPECT_FALSE(config->profiles[0].psk_ke);
	EXPECT_EQ(-1, bundles_load(config, out, &bundles));
	rewind(out);
	snprintf(want, sizeof(want), "%s:2: %s/current, a ticket key, cannot be read", path,
		 self->folder);
	while (getline(&said, &size, out) > 0 && !strstr(said, want))
		;
	EXPECT_FALSE(feof(out));
	put(self, "current", 'c', 48);
	ASSERT_EQ(0, bundles_load(config, out, &bundles));
	bundles_close(&bundles);
	config_free(config);
	free(said);
	fclose(out);
}

TEST_HARNESS_MAIN
