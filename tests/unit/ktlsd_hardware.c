/* SPDX-License-Identifier: MIT */
/*
 * The policy about network devices in ktlsd: the worker asks the netlink role, which asks the
 * kernel. Over loopback, where no device is: on any kernel.
 */
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <ktls.h>

#include "tests/harness/conns.h"
#include "tests/harness/daemon.h"
#include "tests/harness/harness.h"

#define USERS "server-users = *\nclient-users = *\n"

FIXTURE(devices)
{
	struct daemon daemon;
	struct ktls *k;
	int fd[2];
};

FIXTURE_SETUP(devices)
{
	const char *dir = self->daemon.dir;
	char more[512];

	daemon_prepare(&self->daemon);
	snprintf(more, sizeof(more),
		 "[profile demands]\ntrust = %s/ca.pem\nhardware = require\nclient-users = *\n"
		 "[profile avoids]\ntrust = %s/ca.pem\nhardware = avoid\nclient-users = *\n",
		 dir, dir);
	daemon_configure(&self->daemon, "workers = 1\n", "tls-min = 1.2\n" USERS, more);
	daemon_start(&self->daemon);
	self->k = ktls_open(self->daemon.socket, NULL);
	ASSERT_NOT_NULL(self->k);
	tcp_pair(self->fd, 0);
}

FIXTURE_TEARDOWN(devices)
{
	ktls_close(self->k);
	close(self->fd[0]);
	close(self->fd[1]);
	daemon_close(&self->daemon);
}

/* Ends by itself: nobody is at the other end. */
static void expect_unavailable(struct test_self_devices *self, const struct ktls_params *params,
			       enum ktls_no_hw why)
{
	struct ktls_reply *reply;

	ASSERT_EQ(0, ktls_handshake(self->k, self->fd[0], params, &reply));
	EXPECT_EQ(KTLS_R_HARDWARE_UNAVAILABLE, reply->reason);
	EXPECT_EQ(why, reply->tx_no_hw);
	EXPECT_EQ(why, reply->rx_no_hw);
	EXPECT_NOT_NULL(strstr(reply->text, ktls_no_hw_text(why)));
	EXPECT_EQ(KTLS_STATE_NONE, reply->tx);
	EXPECT_EQ(KTLS_ALERT_ORIGIN_NONE, reply->alert_origin);
	ktls_reply_free(reply);
}

static const struct ktls_params as_server = { .role = KTLS_SERVER,
					      .hardware = KTLS_HARDWARE_REQUIRE };

TEST_F(devices, there_are_none_on_loopback)
{
	const struct ktls_params as_client = { .role = KTLS_CLIENT,
					       .server_name = "localhost",
					       .hardware = KTLS_HARDWARE_REQUIRE };

	expect_unavailable(self, &as_server, KTLS_NO_HW_LOOPBACK);
	expect_unavailable(self, &as_client, KTLS_NO_HW_LOOPBACK);
}

TEST_F(devices, the_profile_may_say_so)
{
	struct ktls_params params = { .role = KTLS_CLIENT,
				      .profile = "demands",
				      .server_name = "localhost" };

	expect_unavailable(self, &params, KTLS_NO_HW_LOOPBACK);
	params.hardware = KTLS_HARDWARE_PREFER;
	expect_unavailable(self, &params, KTLS_NO_HW_LOOPBACK);
	params.hardware = KTLS_HARDWARE_AVOID;
	expect_unavailable(self, &params, KTLS_NO_HW_POLICY);
	params.profile = "avoids";
	params.hardware = KTLS_HARDWARE_REQUIRE;
	expect_unavailable(self, &params, KTLS_NO_HW_POLICY);
}

/* A relay is none, either. */
TEST_F(devices, relays_do_not_help)
{
	struct ktls_params params = as_server;

	params.records = KTLS_RECORDS_PREFER_KERNEL;
	expect_unavailable(self, &params, KTLS_NO_HW_LOOPBACK);
}

TEST_F(devices, the_role_is_started_again)
{
	pid_t before = daemon_child(&self->daemon, "netlink 1");

	ASSERT_GT(before, 0);
	ASSERT_EQ(0, kill(before, SIGKILL));
	daemon_child_after(&self->daemon, "netlink 1", before);
	ASSERT_TRUE(daemon_logged(&self->daemon, "netlink 1 is there again"));
	expect_unavailable(self, &as_server, KTLS_NO_HW_LOOPBACK);
}

/* One right of root's, and root no more. */
TEST_F(devices, the_role_may_do_one_thing)
{
	char path[64], line[128];
	unsigned long long effective = 0, permitted = 0;
	unsigned int uid = 0;
	FILE *f;

	if (geteuid() != 0)
		SKIP(return, "there is nothing to give up for others than root");
	snprintf(path, sizeof(path), "/proc/%d/status",
		 (int)daemon_child(&self->daemon, "netlink 1"));
	f = fopen(path, "r");
	ASSERT_NOT_NULL(f);
	while (fgets(line, sizeof(line), f)) {
		sscanf(line, "CapEff: %llx", &effective);
		sscanf(line, "CapPrm: %llx", &permitted);
		sscanf(line, "Uid: %u", &uid);
	}
	fclose(f);
	EXPECT_NE(0, uid);
	EXPECT_EQ(effective, permitted);
	EXPECT_EQ(0, effective & ~(1ULL << CAP_NET_ADMIN));
}

/* What it was asked when it ended is answered: nobody could look. */
TEST_F(devices, a_question_outlives_the_role)
{
	pid_t role = daemon_child(&self->daemon, "netlink 1");
	struct pollfd p = { .fd = ktls_fd(self->k), .events = POLLIN };
	struct ktls_reply *reply;

	ASSERT_EQ(0, kill(role, SIGSTOP));
	ASSERT_EQ(0, ktls_start(self->k, self->fd[0], &as_server, NULL));
	EXPECT_EQ(0, poll(&p, 1, 100));
	ASSERT_EQ(0, kill(role, SIGKILL));
	ASSERT_EQ(1, poll(&p, 1, 5000));
	ASSERT_EQ(0, ktls_collect(self->k, &reply));
	EXPECT_EQ(KTLS_R_HARDWARE_UNAVAILABLE, reply->reason);
	EXPECT_EQ(KTLS_NO_HW_MAY_NOT_LOOK, reply->tx_no_hw);
	ktls_reply_free(reply);
	daemon_child_after(&self->daemon, "netlink 1", role);
}

TEST_HARNESS_MAIN
