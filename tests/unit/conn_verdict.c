/* SPDX-License-Identifier: MIT */
/*
 * Who has the records, and what comes of it: the kernel and who looks are make-believe. What real
 * ones say is in tests/kernel/offload.sh.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/conn/internal.h"
#include "tests/harness/conns.h"
#include "tests/harness/harness.h"

static const struct conn_verdict device = { .tx = KTLS_STATE_HW, .rx = KTLS_STATE_HW };
static const struct conn_verdict sends = { .tx = KTLS_STATE_HW,
					   .rx = KTLS_STATE_SW,
					   .rx_no_hw = KTLS_NO_HW_FEATURE_OFF };
static const struct conn_verdict full = { .tx = KTLS_STATE_HW,
					  .rx = KTLS_STATE_SW,
					  .rx_no_hw = KTLS_NO_HW_REFUSED };
static const struct conn_verdict none = { .tx = KTLS_STATE_SW,
					  .rx = KTLS_STATE_SW,
					  .tx_no_hw = KTLS_NO_HW_STACKED,
					  .rx_no_hw = KTLS_NO_HW_STACKED };
static const struct conn_verdict unknown = { .tx = KTLS_STATE_UNKNOWN,
					     .rx = KTLS_STATE_UNKNOWN,
					     .tx_no_hw = KTLS_NO_HW_MAY_NOT_LOOK,
					     .rx_no_hw = KTLS_NO_HW_MAY_NOT_LOOK };

FIXTURE(verdict)
{
	struct conns conns;
	struct conn_end client, server; /* it is the server whose kernel may have a device */
	struct conn_end *both[2];
	struct conn_request request;
	struct conn_router router;
	const struct conn_verdict *says; /* who looks; NULL: later */
	size_t asked;
	uint64_t token;
};

static int look(void *arg, uint64_t token, int fd, struct conn_verdict *out)
{
	struct test_self_verdict *self = arg;

	if (fd != self->server.fd) {
		*out = unknown;
		return 0;
	}
	EXPECT_TRUE(self->server.tx_set && self->server.rx_set);
	self->asked++;
	self->token = token;
	if (!self->says)
		return KTLS_ENGINE_PENDING;
	*out = *self->says;
	return 0;
}

/* Nothing is in the way. */
static int find(void *arg, uint64_t token, int fd, struct conn_route *out)
{
	(void)arg;
	(void)token;
	(void)fd;
	*out = (struct conn_route){ .device = "nic0" };
	return 0;
}

FIXTURE_SETUP(verdict)
{
	conns_init(&self->conns, false);
	self->conns.profile.version_min = KTLS_TLS_1_2;
	self->conns.profile.version_max = KTLS_TLS_1_2;
	self->router = (struct conn_router){ .find = find, .look = look, .arg = self };
	self->conns.config.router = &self->router;
	fake_kernel.remote = true;
	self->both[0] = &self->client;
	self->both[1] = &self->server;
	open_pair(&self->client, &self->server, 0);
	self->request = conns_request(&self->conns, KTLS_SERVER, &self->server);
	self->says = &device;
}

FIXTURE_TEARDOWN(verdict)
{
	conns_wipe(&self->conns);
	close(self->client.fd);
	close(self->server.fd);
}

static bool handshake(struct test_self_verdict *self, int ms)
{
	conns_open(&self->conns);
	conns_begin(&self->conns, KTLS_CLIENT, &self->client);
	conns_start(&self->conns, &self->request, &self->server);
	return conns_run(&self->conns, self->both, 2, ms);
}

/* The server's end is as was seen, and has TLS. */
static void expect_told(const struct test_self_verdict *self, const struct conn_verdict *v)
{
	const struct conn_result *r = &self->server.result;

	EXPECT_EQ(KTLS_OK, r->reason);
	EXPECT_EQ(v->tx, r->tx);
	EXPECT_EQ(v->rx, r->rx);
	EXPECT_EQ(v->tx_no_hw, r->tx_no_hw);
	EXPECT_EQ(v->rx_no_hw, r->rx_no_hw);
}

/* It has been ended, with an alert, and nothing can be sent or received any more. */
static void expect_refused(struct test_self_verdict *self, const char *text)
{
	const struct conn_result *r = &self->server.result;
	uint8_t byte = 0;

	ASSERT_TRUE(self->server.done);
	EXPECT_EQ(KTLS_R_DEVICE_REFUSED, r->reason);
	EXPECT_STREQ(text, self->server.text);
	EXPECT_EQ(KTLS_STATE_NONE, r->tx);
	EXPECT_EQ(KTLS_STATE_NONE, r->rx);
	EXPECT_EQ(KTLS_ALERT_INTERNAL_ERROR, self->server.alert);
	EXPECT_EQ(KTLS_ALERT_INTERNAL_ERROR, r->alert);
	EXPECT_FALSE(r->alert_received);
	EXPECT_NULL(r->tx_key);
	EXPECT_EQ(-1, send(self->server.fd, &byte, 1, MSG_NOSIGNAL));
	EXPECT_EQ(EPIPE, errno);
	EXPECT_EQ(0, recv(self->client.fd, &byte, 1, 0));
}

TEST_F(verdict, what_is_seen_is_the_result)
{
	static const struct conn_verdict *const all[] = { &device, &sends, &full, &none, &unknown };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		self->says = all[i];
		ASSERT_TRUE(handshake(self, 5000));
		expect_told(self, all[i]);
		EXPECT_EQ(i + 1, self->asked);
		close(self->client.fd);
		close(self->server.fd);
		conn_loop_free(self->conns.loop);
		self->conns.loop = NULL;
		open_pair(&self->client, &self->server, 0);
		self->request = conns_request(&self->conns, KTLS_SERVER, &self->server);
	}
}

/* ---- where nobody is asked ------------------------------------------------------------------- */

/* No device is asked, and nobody looks. */
static void expect_obvious(struct test_self_verdict *self, enum ktls_no_hw why)
{
	const struct conn_verdict v = {
		.tx = KTLS_STATE_SW, .rx = KTLS_STATE_SW, .tx_no_hw = why, .rx_no_hw = why
	};

	ASSERT_TRUE(handshake(self, 5000));
	expect_told(self, &v);
	EXPECT_EQ(0, self->asked);
}

TEST_F(verdict, no_device_takes_tls_1_3)
{
	self->conns.profile.version_max = KTLS_TLS_1_3;
	expect_obvious(self, KTLS_NO_HW_VERSION);
}

TEST_F(verdict, no_device_takes_chacha20)
{
	static const uint16_t suite = KTLS_ECDHE_ECDSA_CHACHA20_POLY1305;

	self->conns.config.suites = &suite;
	self->conns.config.suites_len = 1;
	expect_obvious(self, KTLS_NO_HW_CIPHER);
}

TEST_F(verdict, no_device_is_between_ends_of_one_machine)
{
	fake_kernel.remote = false;
	expect_obvious(self, KTLS_NO_HW_LOOPBACK);
}

TEST_F(verdict, where_nobody_may_look)
{
	self->conns.config.router = NULL;
	ASSERT_TRUE(handshake(self, 5000));
	expect_told(self, &unknown);
}

/* ---- later ----------------------------------------------------------------------------------- */

TEST_F(verdict, the_handshake_waits_for_it)
{
	self->says = NULL;
	EXPECT_FALSE(handshake(self, 200));
	EXPECT_TRUE(self->client.done);
	EXPECT_FALSE(self->server.done);
	conn_verdict_done(self->conns.loop, self->token + 1, &device);
	EXPECT_FALSE(conns_run(&self->conns, self->both, 2, 0));
	conn_verdict_done(self->conns.loop, self->token, &sends);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 1000));
	expect_told(self, &sends);
	conn_verdict_done(self->conns.loop, self->token, &device);
	EXPECT_EQ(KTLS_STATE_SW, self->server.result.rx);
}

/* There is TLS on the socket: not to know more is no failure. */
TEST_F(verdict, the_deadline_comes_first)
{
	self->says = NULL;
	self->request.timeout_ms = 300;
	ASSERT_TRUE(handshake(self, 5000));
	expect_told(self, &unknown);
	EXPECT_EQ(0, self->server.alert);
}

TEST_F(verdict, the_deadline_comes_first_where_a_device_is_required)
{
	self->says = NULL;
	self->request.timeout_ms = 300;
	self->request.hardware = KTLS_HARDWARE_REQUIRE;
	ASSERT_TRUE(handshake(self, 5000));
	EXPECT_EQ(KTLS_R_DEADLINE, self->server.result.reason);
	EXPECT_STREQ("waiting to hear who has the records", self->server.text);
	EXPECT_EQ(KTLS_STATE_NONE, self->server.result.tx);
}

TEST_F(verdict, cancelled_while_waiting)
{
	self->says = NULL;
	EXPECT_FALSE(handshake(self, 200));
	conn_abandon(self->server.conn);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 1000));
	EXPECT_EQ(KTLS_R_CANCELLED, self->server.result.reason);
	EXPECT_EQ(KTLS_STATE_NONE, self->server.result.tx);
	conn_verdict_done(self->conns.loop, self->token, &device);
}

/* ---- a device is required -------------------------------------------------------------------- */

static void require(struct test_self_verdict *self, const struct conn_verdict *says)
{
	self->says = says;
	self->request.hardware = KTLS_HARDWARE_REQUIRE;
	ASSERT_TRUE(handshake(self, 5000));
}

TEST_F(verdict, a_required_device)
{
	require(self, &device);
	expect_told(self, &device);
}

/* What cannot be had of it was known before. */
TEST_F(verdict, a_required_device_that_only_sends)
{
	require(self, &sends);
	expect_told(self, &sends);
}

TEST_F(verdict, a_required_device_that_is_full)
{
	require(self, &full);
	expect_refused(self, "sending: NONE, receiving: REFUSED");
	EXPECT_EQ(KTLS_NO_HW_REFUSED, self->server.result.rx_no_hw);
}

TEST_F(verdict, a_required_device_that_went_away)
{
	require(self, &none);
	expect_refused(self, "sending: STACKED, receiving: STACKED");
}

TEST_F(verdict, a_required_device_that_nobody_may_ask)
{
	require(self, &unknown);
	expect_refused(self, "sending: MAY_NOT_LOOK, receiving: MAY_NOT_LOOK");
}

TEST_F(verdict, an_alert_that_does_not_go_out)
{
	fake_kernel.option_result = -EAGAIN;
	require(self, &full);
	EXPECT_EQ(KTLS_R_DEVICE_REFUSED, self->server.result.reason);
	EXPECT_EQ(KTLS_ALERT_NONE, self->server.result.alert);
}

/* ---- without a copy -------------------------------------------------------------------------- */

TEST_F(verdict, files_are_read_where_they_are)
{
	self->request.zerocopy = true;
	ASSERT_TRUE(handshake(self, 5000));
	EXPECT_TRUE(self->server.zerocopy);
}

TEST_F(verdict, files_are_copied_where_nobody_asks)
{
	ASSERT_TRUE(handshake(self, 5000));
	EXPECT_FALSE(self->server.zerocopy);
}

TEST_F(verdict, files_are_copied_by_the_kernel)
{
	self->request.zerocopy = true;
	self->says = &none;
	ASSERT_TRUE(handshake(self, 5000));
	EXPECT_FALSE(self->server.zerocopy);
}

/* It may be a device: where it is none, the option has no effect. */
TEST_F(verdict, files_are_read_where_they_are_by_whoever_it_is)
{
	self->conns.profile.zerocopy = true;
	self->says = &unknown;
	ASSERT_TRUE(handshake(self, 5000));
	EXPECT_TRUE(self->server.zerocopy);
}

TEST_F(verdict, a_kernel_that_cannot_but_copy)
{
	self->request.zerocopy = true;
	fake_kernel.option_result = -ENOPROTOOPT;
	ASSERT_TRUE(handshake(self, 5000));
	expect_told(self, &device);
}

TEST_HARNESS_MAIN
