/* SPDX-License-Identifier: MIT */
/*
 * A kernel whose tls module is not loaded: who gets it loaded, and what the others are told.
 * Unloads the module, so it is for the VM only.
 */
#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/ktls/kernel.h"
#include "lib/ktls/loopback.h"
#include "lib/ktls/probe.h"
#include "tests/harness/harness.h"
#include "tests/harness/keyed.h"

#define SYSCTL "/proc/sys/kernel/modprobe"

FIXTURE(unloaded)
{
	int fd[2];
	int error;
};

FIXTURE_SETUP(unloaded)
{
	if (getenv("KTLS_VM") == NULL)
		SKIP(return, "not in the VM");
	ASSERT_EQ(0, system("modprobe -r tls"));
	ASSERT_EQ(0, loopback_pair(self->fd));
}

FIXTURE_TEARDOWN(unloaded)
{
	close(self->fd[0]);
	close(self->fd[1]);
}

static void become_nobody(void)
{
	ASSERT_EQ(0, setgroups(0, NULL));
	ASSERT_EQ(0, setresgid(65534, 65534, 65534));
	ASSERT_EQ(0, setresuid(65534, 65534, 65534));
}

TEST_F(unloaded, a_user_is_told)
{
	char got[5];

	become_nobody();
	EXPECT_EQ(-KTLS_R_KERNEL_NO_TLS, kernel_ulp_attach(self->fd[0], &self->error));
	EXPECT_EQ(ENOENT, self->error);
	keyed_write(self->fd[0], "plain", 5);
	keyed_read(self->fd[1], got, 5);
	EXPECT_MEMEQ("plain", got, 5);
}

TEST_F(unloaded, a_users_probe_finds_nothing)
{
	struct ktls_probe probe;

	become_nobody();
	ktls_probe(KTLS_PROBE_ALL, &probe);
	EXPECT_EQ(KTLS_R_KERNEL_NO_TLS, probe.reason);
	EXPECT_EQ(ENOENT, probe.error);
	EXPECT_EQ(ENOENT, probe.ciphers[0].tx[0]);
	EXPECT_EQ(ENOENT, probe.ciphers[0].rx[1]);
	EXPECT_EQ(ENOENT, probe.rekey);
	EXPECT_EQ(0, probe.capabilities);
}

TEST_F(unloaded, root_gets_it_loaded)
{
	EXPECT_EQ(0, kernel_ulp_attach(self->fd[0], &self->error));
	EXPECT_EQ(0, access("/sys/module/tls", F_OK));
}

TEST_F(unloaded, a_module_that_cannot_be_loaded)
{
	ASSERT_EQ(0, system("echo /bin/false >" SYSCTL));
	EXPECT_EQ(-KTLS_R_KERNEL_NO_TLS, kernel_ulp_attach(self->fd[0], &self->error));
	EXPECT_EQ(ENOENT, self->error);
	ASSERT_EQ(0, system("echo /sbin/modprobe >" SYSCTL));
	EXPECT_EQ(0, kernel_ulp_attach(self->fd[0], &self->error));
}

TEST_HARNESS_MAIN
