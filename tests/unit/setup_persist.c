/* SPDX-License-Identifier: MIT */
/* The rule of udev's that keeps a device's offload: what it says, where it is, how it is found. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel-setup/files.h"
#include "kernel-setup/persist.h"
#include "tests/harness/harness.h"

FIXTURE(rule)
{
	char root[64];
	char path[PATH_MAX];
	char content[PERSIST_CONTENT_MAX];
	struct persist p;
};

FIXTURE_SETUP(rule)
{
	strcpy(self->root, "/tmp/ktls-setup-XXXXXX");
	ASSERT_TRUE(mkdtemp(self->root));
	self->p = (struct persist){ .name = "eth0",
				    .address = "02:00:5e:10:00:01",
				    .on = true,
				    .directions = { true, true },
				    .program = "/usr/sbin/ktls-setup" };
}

FIXTURE_TEARDOWN(rule)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", self->root);
	EXPECT_EQ(0, system(command));
}

TEST_F(rule, knows_a_device_by_its_address)
{
	ASSERT_EQ(0, persist_content(&self->p, self->content));
	EXPECT_STREQ("# Written by ktls-setup(8), which takes it back: ktls-setup offload persist "
		     "eth0 --remove\n"
		     "# TLS offload of this device, each time that its driver registers it.\n"
		     "ACTION==\"add\", SUBSYSTEM==\"net\", ATTR{address}==\"02:00:5e:10:00:01\", "
		     "ATTR{addr_assign_type}==\"0\", "
		     "RUN+=\"/usr/sbin/ktls-setup offload on $name tx rx\"\n",
		     self->content);
	ASSERT_EQ(0, persist_path(&self->p, "", self->path));
	EXPECT_STREQ("/etc/udev/rules.d/85-ktls-offload-02005e100001.rules", self->path);
}

TEST_F(rule, knows_one_without_an_address_by_its_name)
{
	self->p.address[0] = 0;
	self->p.on = false;
	self->p.directions[OFFLOAD_TX] = false;
	ASSERT_EQ(0, persist_content(&self->p, self->content));
	EXPECT_TRUE(strstr(self->content, "KERNEL==\"eth0\", "
					  "RUN+=\"/usr/sbin/ktls-setup offload off $name rx\"\n"));
	ASSERT_EQ(0, persist_path(&self->p, "/image", self->path));
	EXPECT_STREQ("/image/etc/udev/rules.d/85-ktls-offload-eth0.rules", self->path);
}

TEST_F(rule, refuses_what_udev_would_read_in_another_way)
{
	static const char *const names[] = {
		"a\"b", "a*", "a?", "$x", "a%k", "a\\b", "a|b", "[a]"
	};

	self->p.address[0] = 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		strcpy(self->p.name, names[i]);
		EXPECT_EQ(-EINVAL, persist_content(&self->p, self->content));
		EXPECT_EQ(-EINVAL, persist_path(&self->p, "", self->path));
	}
	strcpy(self->p.name, "../x");
	EXPECT_EQ(-EINVAL, persist_path(&self->p, "", self->path));
	strcpy(self->p.name, "eth0");
	strcpy(self->p.program, "/opt/my programs/ktls-setup");
	EXPECT_EQ(-EINVAL, persist_content(&self->p, self->content));
}

TEST_F(rule, is_found_by_address_and_by_the_name_that_was)
{
	struct persist other = { .name = "eth1", .address = "02:00:5e:10:00:02" };
	char found[PATH_MAX];

	EXPECT_EQ(-ENOENT, persist_find(&self->p, self->root, found));
	ASSERT_EQ(0, persist_path(&self->p, self->root, self->path));
	ASSERT_EQ(0, persist_content(&self->p, self->content));
	ASSERT_EQ(0, file_write(self->path, self->content));
	EXPECT_EQ(0, persist_find(&self->p, self->root, found));
	EXPECT_STREQ(self->path, found);

	/* The device is gone. */
	self->p.address[0] = 0;
	EXPECT_EQ(0, persist_find(&self->p, self->root, found));
	EXPECT_STREQ(self->path, found);
	/* A part of its name is no name. */
	strcpy(self->p.name, "eth");
	EXPECT_EQ(-ENOENT, persist_find(&self->p, self->root, found));
	EXPECT_EQ(-ENOENT, persist_find(&other, self->root, found));
	/* It has another name now. */
	strcpy(other.address, "02:00:5e:10:00:01");
	EXPECT_EQ(0, persist_find(&other, self->root, found));
}

/* ---- files ----------------------------------------------------------------------------------- */

TEST_F(rule, files_are_written_whole_and_leave_nothing_beside)
{
	char command[128];
	struct stat st;
	char *content;

	umask(077);
	ASSERT_EQ(0, persist_path(&self->p, self->root, self->path));
	EXPECT_EQ(-ENOENT, file_read(self->path, &content));
	EXPECT_EQ(0, file_may_write(self->path));
	ASSERT_EQ(0, file_write(self->path, "one\n"));
	EXPECT_TRUE(file_is(self->path, "one\n"));
	ASSERT_EQ(0, file_write(self->path, "two, longer\n"));
	EXPECT_FALSE(file_is(self->path, "one\n"));
	ASSERT_EQ(0, file_read(self->path, &content));
	EXPECT_STREQ("two, longer\n", content);
	free(content);
	ASSERT_EQ(0, stat(self->path, &st));
	EXPECT_EQ(0644, st.st_mode & 07777);
	snprintf(command, sizeof(command), "test $(ls -A %s/etc/udev/rules.d | wc -l) -eq 1",
		 self->root);
	EXPECT_EQ(0, system(command));
}

TEST_F(rule, files_that_cannot_be_written_change_nothing)
{
	char folder[128], big[FILE_BYTES_MAX + 2];
	char *content;

	snprintf(folder, sizeof(folder), "%s/folder", self->root);
	ASSERT_EQ(0, mkdir(folder, 0755));
	EXPECT_EQ(-EISDIR, file_write(folder, "x"));
	EXPECT_EQ(-EISDIR, file_read(folder, &content));
	snprintf(self->path, sizeof(self->path), "%s/file", self->root);
	ASSERT_EQ(0, file_write(self->path, "x"));
	strcat(self->path, "/below");
	EXPECT_TRUE(file_write(self->path, "x") < 0);
	snprintf(self->path, sizeof(self->path), "%s/big", self->root);
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = 0;
	ASSERT_EQ(0, file_write(self->path, big));
	EXPECT_EQ(-EFBIG, file_read(self->path, &content));
	big[FILE_BYTES_MAX] = 0;
	ASSERT_EQ(0, file_write(self->path, big));
	EXPECT_TRUE(file_is(self->path, big));
}

TEST_HARNESS_MAIN
