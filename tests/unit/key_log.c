/* SPDX-License-Identifier: MIT */
/* ktlsd's file of secrets: whose it may be. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/key_log.h"
#include "tests/harness/harness.h"

FIXTURE(key_log)
{
	char folder[32], file[64];
};

FIXTURE_SETUP(key_log)
{
	strcpy(self->folder, "/tmp/key-log-XXXXXX");
	ASSERT_NOT_NULL(mkdtemp(self->folder));
	snprintf(self->file, sizeof(self->file), "%s/secrets", self->folder);
}

FIXTURE_TEARDOWN(key_log)
{
	unlink(self->file);
	rmdir(self->folder);
}

TEST_F(key_log, is_made_for_its_owner_alone)
{
	struct stat st;
	int fd = key_log_open(self->file);

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, fstat(fd, &st));
	EXPECT_EQ(0600, st.st_mode & 0777);
	EXPECT_EQ(1, write(fd, "a", 1));
	close(fd);
	fd = key_log_open(self->file);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(1, write(fd, "b", 1));
	ASSERT_EQ(0, fstat(fd, &st));
	EXPECT_EQ(2, st.st_size);
	close(fd);
}

TEST_F(key_log, nothing_that_others_can_read)
{
	int fd = open(self->file, O_WRONLY | O_CREAT, 0644);

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, fchmod(fd, 0644));
	close(fd);
	EXPECT_EQ(-EPERM, key_log_open(self->file));
}

TEST_F(key_log, no_link_and_no_folder)
{
	ASSERT_EQ(0, symlink("elsewhere", self->file));
	EXPECT_EQ(-ELOOP, key_log_open(self->file));
	EXPECT_EQ(-EISDIR, key_log_open(self->folder));
}

TEST_HARNESS_MAIN
