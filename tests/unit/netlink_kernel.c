/* SPDX-License-Identifier: MIT */
/* Whether a kernel has CONFIG_TLS_DEVICE, by the files that tell (lib/netlink/kernel.c). */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <linux/btf.h>

#include "lib/netlink/kernel.h"
#include "tests/harness/descriptors.h"
#include "tests/harness/harness.h"

#define DEVICE  "\0net_device"
#define OPTION  "\0tlsdev_ops"
#define LEN     12 /* of these, with the 0 behind them */
#define PIECE   16384

#define YES     NETLINK_TLS_DEVICE_YES
#define NO      NETLINK_TLS_DEVICE_NO
#define UNKNOWN NETLINK_TLS_DEVICE_UNKNOWN

FIXTURE(kernel)
{
	char root[32];
	char types[96], boot[256], modules[256];
	int descriptors;
};

/* All folders of a file's name. */
static void make_folders(const char *path)
{
	char folder[256];

	for (const char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
		snprintf(folder, sizeof(folder), "%.*s", (int)(at - path), path);
		(void)mkdir(folder, 0700);
	}
}

FIXTURE_SETUP(kernel)
{
	struct utsname uts;

	uname(&uts);
	strcpy(self->root, "/tmp/ktls-kernel-XXXXXX");
	ASSERT_NOT_NULL(mkdtemp(self->root));
	snprintf(self->types, sizeof(self->types), "%s/sys/kernel/btf/vmlinux", self->root);
	snprintf(self->boot, sizeof(self->boot), "%s/boot/config-%s", self->root, uts.release);
	snprintf(self->modules, sizeof(self->modules), "%s/lib/modules/%s/config", self->root,
		 uts.release);
	make_folders(self->types);
	make_folders(self->boot);
	make_folders(self->modules);
	self->descriptors = open_descriptors();
}

static int delete (const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

FIXTURE_TEARDOWN(kernel)
{
	EXPECT_EQ(self->descriptors, open_descriptors());
	EXPECT_EQ(0, nftw(self->root, delete, 8, FTW_DEPTH | FTW_PHYS));
}

static void write_file(const char *path, const void *bytes, size_t len, off_t at)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	ASSERT_GE(fd, 0);
	ASSERT_EQ((ssize_t)len, pwrite(fd, bytes, len, at));
	close(fd);
}

/* A description of types: header, bytes that mean nothing, at offset at of the strings, these. */
static void describe(const struct test_self_kernel *self, size_t at, const char *strings,
		     size_t len)
{
	const struct btf_header header = {
		.magic = BTF_MAGIC, .version = 1, .hdr_len = sizeof(header), .str_off = 100
	};

	(void)unlink(self->types);
	write_file(self->types, OPTION, LEN, sizeof(header) + 40); /* it is among the types */
	write_file(self->types, &header, sizeof(header), 0);
	write_file(self->types, strings, len, (off_t)(sizeof(header) + header.str_off + at));
}

static enum netlink_tls_device ask(const struct test_self_kernel *self)
{
	struct netlink_kernel kernel;
	enum netlink_tls_device answer;

	netlink_kernel_open(&kernel, self->root);
	answer = netlink_kernel_tls_device(&kernel);
	EXPECT_EQ(answer, netlink_kernel_tls_device(&kernel));
	netlink_kernel_close(&kernel);
	return answer;
}

TEST_F(kernel, types_with_and_without)
{
	describe(self, 9, OPTION DEVICE, 2 * LEN - 1);
	EXPECT_EQ(YES, ask(self));
	describe(self, 9, DEVICE OPTION, 2 * LEN - 1);
	EXPECT_EQ(YES, ask(self));
	describe(self, 9, DEVICE, LEN);
	EXPECT_EQ(NO, ask(self));
}

TEST_F(kernel, parts_of_names_do_not_count)
{
	static const char longer[] = DEVICE "\0xtlsdev_ops\0tlsdev_opsx";

	describe(self, 9, longer, sizeof(longer));
	EXPECT_EQ(NO, ask(self));
}

/* Another file, or one that was cut off. */
TEST_F(kernel, what_is_no_description)
{
	describe(self, 9, "", 1);
	EXPECT_EQ(UNKNOWN, ask(self));
	describe(self, 9, DEVICE, LEN - 1);
	EXPECT_EQ(UNKNOWN, ask(self));
	write_file(self->types, DEVICE, LEN, 0); /* in place of the header */
	EXPECT_EQ(UNKNOWN, ask(self));
	ASSERT_EQ(0, truncate(self->types, sizeof(struct btf_header) - 1));
	EXPECT_EQ(UNKNOWN, ask(self));
	ASSERT_EQ(0, truncate(self->types, 0));
	EXPECT_EQ(UNKNOWN, ask(self));
}

/* Wherever the pieces end in which it is read. */
TEST_F(kernel, at_every_offset_around_the_end_of_a_piece)
{
	for (size_t at = PIECE - LEN - 2; at < PIECE + 2; at++) {
		describe(self, at, OPTION, LEN);
		EXPECT_EQ(YES, ask(self));
		describe(self, at, DEVICE, LEN);
		EXPECT_EQ(NO, ask(self));
	}
}

static void configure(const char *path, const char *text)
{
	(void)unlink(path);
	write_file(path, text, strlen(text), 0);
}

TEST_F(kernel, a_configuration_where_there_are_no_types)
{
	EXPECT_EQ(UNKNOWN, ask(self));
	configure(self->modules, "# Linux\nCONFIG_NET=y\nCONFIG_TLS_DEVICE=y\n");
	EXPECT_EQ(YES, ask(self));
	configure(self->boot, "# Linux\nCONFIG_NET=y\n# CONFIG_TLS_DEVICE is not set\n");
	EXPECT_EQ(NO, ask(self));
	configure(self->boot, "# Linux\nCONFIG_NETLABEL=y\n");
	EXPECT_EQ(UNKNOWN, ask(self));
	configure(self->types, "no types");
	configure(self->boot, "# Linux\nCONFIG_TLS_DEVICE=y\nCONFIG_NET=y\n");
	EXPECT_EQ(YES, ask(self));
	describe(self, 9, DEVICE, LEN); /* of the kernel that runs, which knows best */
	EXPECT_EQ(NO, ask(self));
}

TEST_F(kernel, it_is_opened_early_and_read_once)
{
	struct netlink_kernel kernel;

	describe(self, 9, DEVICE, LEN);
	netlink_kernel_open(&kernel, self->root);
	ASSERT_EQ(0, unlink(self->types));
	EXPECT_EQ(NO, netlink_kernel_tls_device(&kernel));
	EXPECT_EQ(-1, kernel.fd);
	EXPECT_EQ(NO, netlink_kernel_tls_device(&kernel));
	netlink_kernel_close(&kernel);
}

TEST_HARNESS_MAIN
