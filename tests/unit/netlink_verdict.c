/* SPDX-License-Identifier: MIT */
/* What is made of a path and of what sock_diag says (lib/netlink/verdict.c). */
#include <unistd.h>

#include "lib/ktls/loopback.h"
#include "lib/netlink/verdict.h"
#include "tests/harness/harness.h"

#define NONE    KTLS_NO_HW_NONE
#define REFUSED KTLS_NO_HW_REFUSED
#define HIDDEN  KTLS_NO_HW_MAY_NOT_LOOK

static const struct netlink_tls plain = { .tx = NETLINK_RECORDS_PLAIN,
					  .rx = NETLINK_RECORDS_PLAIN };
static const struct netlink_tls kernel = { .tx = NETLINK_RECORDS_SW, .rx = NETLINK_RECORDS_SW };
static const struct netlink_tls device = { .tx = NETLINK_RECORDS_HW, .rx = NETLINK_RECORDS_HW };

static const struct {
	enum ktls_no_hw path;
	const struct netlink_tls *tls;
	enum ktls_state state;
	enum ktls_no_hw why;
} cases[] = {
	{ NONE, &device, KTLS_STATE_HW, NONE },
	{ NONE, &kernel, KTLS_STATE_SW, REFUSED },
	{ NONE, &plain, KTLS_STATE_UNKNOWN, HIDDEN },
	{ NONE, NULL, KTLS_STATE_UNKNOWN, HIDDEN },
	/* The path may be another by now, or go by ports: who asked the kernel knows better. */
	{ KTLS_NO_HW_FEATURE_OFF, &device, KTLS_STATE_HW, NONE },
	{ KTLS_NO_HW_FEATURE_OFF, &kernel, KTLS_STATE_SW, KTLS_NO_HW_FEATURE_OFF },
	{ KTLS_NO_HW_LOOPBACK, NULL, KTLS_STATE_SW, KTLS_NO_HW_LOOPBACK },
	{ KTLS_NO_HW_STACKED, NULL, KTLS_STATE_SW, KTLS_NO_HW_STACKED },
	/* It is not asked for, and may be had. */
	{ KTLS_NO_HW_BOND, &device, KTLS_STATE_HW, NONE },
	{ KTLS_NO_HW_BOND, &kernel, KTLS_STATE_SW, KTLS_NO_HW_BOND },
	{ KTLS_NO_HW_BOND, NULL, KTLS_STATE_UNKNOWN, HIDDEN },
	{ KTLS_NO_HW_NO_ROUTE, &device, KTLS_STATE_HW, NONE },
	{ KTLS_NO_HW_NO_ROUTE, &kernel, KTLS_STATE_SW, KTLS_NO_HW_NO_ROUTE },
	{ KTLS_NO_HW_NO_ROUTE, NULL, KTLS_STATE_UNKNOWN, HIDDEN },
	{ HIDDEN, &device, KTLS_STATE_HW, NONE },
	{ HIDDEN, &kernel, KTLS_STATE_SW, HIDDEN },
	{ HIDDEN, NULL, KTLS_STATE_UNKNOWN, HIDDEN },
};

TEST(of_path_and_socket)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct netlink_path path = { .tx = cases[i].path, .rx = cases[i].path };
		struct netlink_verdict v;

		netlink_verdict_of(&path, cases[i].tls, &v);
		EXPECT_EQ(cases[i].state, v.tx);
		EXPECT_EQ(cases[i].state, v.rx);
		EXPECT_EQ(cases[i].why, v.tx_no_hw);
		EXPECT_EQ(cases[i].why, v.rx_no_hw);
	}
}

/* Which of the bond's devices the connection got is the kernel's to say. */
TEST(devices_of_a_bond_that_differ)
{
	const struct netlink_path path = { .tx = KTLS_NO_HW_FEATURE_OFF,
					   .rx = KTLS_NO_HW_NO_TLS_DRIVER,
					   .tx_differ = true };
	struct netlink_verdict v;

	netlink_verdict_of(&path, &device, &v);
	EXPECT_EQ(KTLS_STATE_HW, v.tx);
	netlink_verdict_of(&path, &kernel, &v);
	EXPECT_EQ(KTLS_STATE_SW, v.tx);
	EXPECT_EQ(KTLS_NO_HW_FEATURE_OFF, v.tx_no_hw);
	netlink_verdict_of(&path, NULL, &v);
	EXPECT_EQ(KTLS_STATE_UNKNOWN, v.tx);
	EXPECT_EQ(HIDDEN, v.tx_no_hw);
	EXPECT_EQ(KTLS_STATE_SW, v.rx);
	EXPECT_EQ(KTLS_NO_HW_NO_TLS_DRIVER, v.rx_no_hw);
}

TEST(each_direction_for_itself)
{
	const struct netlink_path path = { .tx = NONE, .rx = KTLS_NO_HW_FEATURE_OFF };
	const struct netlink_tls tls = { .tx = NETLINK_RECORDS_HW, .rx = NETLINK_RECORDS_SW };
	struct netlink_verdict v;

	netlink_verdict_of(&path, &tls, &v);
	EXPECT_EQ(KTLS_STATE_HW, v.tx);
	EXPECT_EQ(KTLS_STATE_SW, v.rx);
	EXPECT_EQ(NONE, v.tx_no_hw);
	EXPECT_EQ(KTLS_NO_HW_FEATURE_OFF, v.rx_no_hw);
}

FIXTURE(socket)
{
	struct netlink_paths *paths;
	int fd[2];
	struct netlink_socket socket;
	struct netlink_verdict verdict;
};

FIXTURE_SETUP(socket)
{
	ASSERT_EQ(0, netlink_paths_open(&self->paths));
	ASSERT_EQ(0, loopback_pair(self->fd));
	ASSERT_EQ(0, netlink_socket_of(self->fd[0], &self->socket));
}

FIXTURE_TEARDOWN(socket)
{
	netlink_paths_close(self->paths);
	close(self->fd[0]);
	close(self->fd[1]);
}

TEST_F(socket, no_device_is_on_the_way)
{
	netlink_verdict(self->paths, netlink_namespace_of(self->fd[0]), &self->socket,
			&self->verdict);
	EXPECT_EQ(KTLS_STATE_SW, self->verdict.tx);
	EXPECT_EQ(KTLS_NO_HW_LOOPBACK, self->verdict.tx_no_hw);
	EXPECT_EQ(KTLS_NO_HW_LOOPBACK, self->verdict.rx_no_hw);
}

TEST_F(socket, another_namespace)
{
	netlink_verdict(self->paths, netlink_namespace_of(self->fd[0]) + 1, &self->socket,
			&self->verdict);
	EXPECT_EQ(KTLS_STATE_UNKNOWN, self->verdict.rx);
	EXPECT_EQ(HIDDEN, self->verdict.rx_no_hw);
}

TEST_HARNESS_MAIN
