/* SPDX-License-Identifier: MIT */
/* The probe on a kernel that has TLS, and where its own work is made hard for it. */
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <ktls.h>

#include "lib/ktls/probe.h"
#include "tests/harness/harness.h"
#include "tests/harness/keyed.h"

#define OUR_SUITES                                                           \
	(KTLS_CAN_TLS_1_3_AES_128_GCM | KTLS_CAN_TLS_1_3_AES_256_GCM |       \
	 KTLS_CAN_TLS_1_3_CHACHA20_POLY1305 | KTLS_CAN_TLS_1_2_AES_128_GCM | \
	 KTLS_CAN_TLS_1_2_AES_256_GCM | KTLS_CAN_TLS_1_2_CHACHA20_POLY1305)

static int count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	ASSERT_NOT_NULL(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

static bool is_ours(const struct ktls_probe_cipher *c)
{
	return strcmp(c->name, "AES-GCM-128") == 0 || strcmp(c->name, "AES-GCM-256") == 0 ||
	       strcmp(c->name, "CHACHA20-POLY1305") == 0;
}

TEST_TIMEOUT(our_suites_work, 60)
{
	struct ktls_probe probe;
	int before = count_descriptors();

	if (!keyed_or_skip())
		return;
	ktls_probe(KTLS_PROBE_ALL, &probe);
	EXPECT_EQ(KTLS_OK, probe.reason);
	EXPECT_EQ(0, probe.error);
	for (size_t i = 0; i < KTLS_PROBE_CIPHERS; i++) {
		const struct ktls_probe_cipher *c = &probe.ciphers[i];

		for (size_t v = 0; v < KTLS_PROBE_VERSIONS; v++) {
			if (is_ours(c))
				EXPECT_EQ(0, c->tx[v]);
			EXPECT_EQ(c->tx[v], c->rx[v]);
			EXPECT_NE(KTLS_PROBE_NOT_ASKED, c->tx[v]);
		}
	}
	EXPECT_EQ(OUR_SUITES, probe.capabilities & OUR_SUITES);
	EXPECT_EQ(before, count_descriptors());
}

TEST(capabilities_say_the_same)
{
	struct ktls_probe probe;

	if (!keyed_or_skip())
		return;
	ktls_probe(KTLS_PROBE_SUITES, &probe);
	EXPECT_EQ(probe.rekey == 0, (probe.capabilities & KTLS_CAN_REKEY) != 0);
	EXPECT_EQ(probe.zerocopy == 0, (probe.capabilities & KTLS_CAN_ZEROCOPY) != 0);
	EXPECT_EQ(probe.max_payload == 0, (probe.capabilities & KTLS_CAN_RECORD_SIZE_LIMIT) != 0);
	EXPECT_EQ(probe.no_pad == 0, (probe.capabilities & KTLS_CAN_EXPECT_NO_PAD) != 0);
	EXPECT_EQ(probe.splice == 0, (probe.capabilities & KTLS_CAN_SPLICE) != 0);
	EXPECT_EQ(probe.interrupt == 0, (probe.capabilities & KTLS_CAN_INTERRUPT) != 0);
	EXPECT_EQ(OUR_SUITES, probe.capabilities & OUR_SUITES);
	for (size_t i = 0; i < KTLS_PROBE_CIPHERS; i++)
		EXPECT_EQ(is_ours(&probe.ciphers[i]) ? 0 : KTLS_PROBE_NOT_ASKED,
			  probe.ciphers[i].tx[1]);
}

TEST(an_unprivileged_user_learns_the_same)
{
	struct ktls_probe probe, again;

	if (!keyed_or_skip())
		return;
	ktls_probe(KTLS_PROBE_SUITES, &probe);
	if (geteuid() == 0) {
		ASSERT_EQ(0, setgroups(0, NULL));
		ASSERT_EQ(0, setresuid(65534, 65534, 65534));
	}
	ktls_probe(KTLS_PROBE_SUITES, &again);
	EXPECT_EQ(KTLS_OK, again.reason);
	EXPECT_EQ(probe.capabilities, again.capabilities);
}

/* All answers are no, for the one reason. */
static void expect_nothing(const struct ktls_probe *probe, int error)
{
	EXPECT_EQ(KTLS_R_SOCKET_ERROR, probe->reason);
	EXPECT_EQ(error, probe->error);
	EXPECT_EQ(0, probe->capabilities);
	EXPECT_EQ(error, probe->ciphers[0].tx[1]);
	EXPECT_EQ(error, probe->ciphers[0].rx[1]);
	EXPECT_EQ(error, probe->rekey);
	EXPECT_EQ(error, probe->poll);
	EXPECT_EQ(error, probe->splice);
	EXPECT_EQ(error, probe->interrupt);
}

TEST(a_loopback_that_is_down)
{
	struct ktls_probe probe;

	if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0)
		SKIP(return, "no network namespace of our own: %s", strerror(errno));
	ktls_probe(KTLS_PROBE_SUITES, &probe);
	EXPECT_EQ(KTLS_R_SOCKET_ERROR, probe.reason);
	EXPECT_NE(0, probe.error);
	expect_nothing(&probe, probe.error);
}

TEST(a_loopback_without_ipv4)
{
	struct ktls_probe probe;

	if (!keyed_or_skip())
		return;
	if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0)
		SKIP(return, "no network namespace of our own: %s", strerror(errno));
	ASSERT_EQ(0, system("ip link set lo up && ip addr del 127.0.0.1/8 dev lo"));
	ktls_probe(KTLS_PROBE_SUITES, &probe);
	EXPECT_EQ(KTLS_OK, probe.reason);
	EXPECT_EQ(OUR_SUITES, probe.capabilities & OUR_SUITES);
}

TEST(no_descriptors)
{
	struct rlimit limit = { 6, 6 };
	struct ktls_probe probe;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	ktls_probe(KTLS_PROBE_SUITES, &probe);
	expect_nothing(&probe, EMFILE);
}

TEST_HARNESS_MAIN
