/* SPDX-License-Identifier: MIT */
/*
 * Devices, without ktlsd: who is asked about them (lib/conn/router.c). The kernel that gets the
 * keys is a make-believe one that takes the peer for a remote one; netlink is the real one, and
 * knows that both ends are here.
 */
#include <string.h>

#include "lib/conn/router.h"
#include "tests/unit/embedded.h"

/* With TLS 1.2, too, which devices need. */
static void reopen(struct test_self_embedded *self, uint16_t version_max)
{
	fake_kernel.remote = true;
	ktls_close(self->k);
	self->config.version_min = KTLS_TLS_1_2;
	self->config.version_max = version_max;
	self->k = embedded_open(&self->config, self->conns.config.kernel, &self->error);
	ASSERT_NOT_NULL(self->k);
}

static void shake(struct test_self_embedded *self, enum ktls_hardware server,
		  struct ktls_reply *reply[2])
{
	struct ktls_params params = as_server;

	params.hardware = server;
	ASSERT_EQ(0, ktls_start(self->k, self->fd[1], &params, NULL));
	ASSERT_EQ(0, ktls_start(self->k, self->fd[0], &as_client, NULL));
	for (int i = 0; i < 2; i++) {
		reply[i] = collect(self->k);
		ASSERT_STREQ("OK", ktls_reason_name((int)reply[i]->reason));
	}
}

static void free_both(struct ktls_reply *reply[2])
{
	ktls_reply_free(reply[0]);
	ktls_reply_free(reply[1]);
}

TEST_F(embedded, a_device_is_required_and_the_peer_is_here)
{
	struct ktls_params params = as_server;
	struct ktls_reply *reply;

	reopen(self, KTLS_TLS_1_3);
	params.hardware = KTLS_HARDWARE_REQUIRE;
	ASSERT_EQ(0, ktls_start(self->k, self->fd[1], &params, NULL));
	reply = collect(self->k);
	EXPECT_STREQ("HARDWARE_UNAVAILABLE", ktls_reason_name((int)reply->reason));
	EXPECT_STREQ("LOOPBACK", ktls_no_hw_name(reply->tx_no_hw));
	EXPECT_STREQ("LOOPBACK", ktls_no_hw_name(reply->rx_no_hw));
	EXPECT_NOT_NULL(strstr(reply->text, "LOOPBACK: "));
	EXPECT_EQ(0, fake_kernel.installs);
	ktls_reply_free(reply);
}

/* Without one nothing is given away for its sake. */
TEST_F(embedded, a_device_is_preferred_and_the_peer_is_here)
{
	struct ktls_reply *reply[2];

	reopen(self, KTLS_TLS_1_3);
	shake(self, KTLS_HARDWARE_PREFER, reply);
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(KTLS_TLS_1_3, reply[i]->version);
		EXPECT_STREQ("sw", ktls_state_name(reply[i]->tx));
		EXPECT_STREQ("VERSION", ktls_no_hw_name(reply[i]->tx_no_hw));
	}
	free_both(reply);
}

TEST_F(embedded, why_no_device_has_the_records)
{
	struct ktls_reply *reply[2];

	reopen(self, KTLS_TLS_1_2);
	shake(self, KTLS_HARDWARE_ANY, reply);
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(KTLS_TLS_1_2, reply[i]->version);
		EXPECT_STREQ("sw", ktls_state_name(reply[i]->tx));
		EXPECT_STREQ("sw", ktls_state_name(reply[i]->rx));
		EXPECT_STREQ("LOOPBACK", ktls_no_hw_name(reply[i]->tx_no_hw));
		EXPECT_STREQ("LOOPBACK", ktls_no_hw_name(reply[i]->rx_no_hw));
	}
	free_both(reply);
}

/* TLS 1.3 is all that a program has if it does not say otherwise. */
TEST_F(embedded, a_device_is_required_without_tls_1_2)
{
	struct ktls_params params = as_client;
	struct ktls_reply *reply;

	params.hardware = KTLS_HARDWARE_REQUIRE;
	ASSERT_EQ(0, ktls_start(self->k, self->fd[0], &params, NULL));
	reply = collect(self->k);
	EXPECT_STREQ("HARDWARE_UNAVAILABLE", ktls_reason_name((int)reply->reason));
	EXPECT_STREQ("VERSION", ktls_no_hw_name(reply->tx_no_hw));
	ktls_reply_free(reply);
}

/* ---- the router ------------------------------------------------------------------------------ */

TEST(without_netlink_nobody_looks)
{
	const struct netlink_socket socket = { .flow.family = AF_INET };
	struct conn_route route = router_route(NULL, 0, &socket.flow);
	struct conn_verdict verdict = router_verdict(NULL, 0, &socket);

	EXPECT_EQ(KTLS_NO_HW_MAY_NOT_LOOK, route.tx);
	EXPECT_EQ(KTLS_NO_HW_MAY_NOT_LOOK, route.rx);
	EXPECT_EQ(KTLS_STATE_UNKNOWN, verdict.tx);
	EXPECT_EQ(KTLS_NO_HW_MAY_NOT_LOOK, verdict.rx_no_hw);
	EXPECT_NULL(own_router_of(NULL));
	own_router_free(NULL);
}

/* It answers at once, also about what is no connected socket. */
TEST(sockets_that_are_not_connected)
{
	struct own_router *own = own_router_new();
	const struct conn_router *router = own_router_of(own);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct conn_verdict verdict;
	struct conn_route route;

	ASSERT_NOT_NULL(router);
	EXPECT_EQ(0, router->find(router->arg, 1, fd, &route));
	EXPECT_EQ(KTLS_NO_HW_NO_ROUTE, route.tx);
	EXPECT_EQ(KTLS_NO_HW_NO_ROUTE, route.rx);
	EXPECT_FALSE(router->sees(router->arg, fd));
	EXPECT_EQ(0, router->look(router->arg, 1, fd, &verdict));
	EXPECT_EQ(KTLS_STATE_UNKNOWN, verdict.tx);
	EXPECT_EQ(KTLS_NO_HW_MAY_NOT_LOOK, verdict.tx_no_hw);
	close(fd);
	own_router_free(own);
}

TEST_HARNESS_MAIN
