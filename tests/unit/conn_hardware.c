/* SPDX-License-Identifier: MIT */
/*
 * The policy about network devices, by what a make-believe router says of them: what is negotiated,
 * and what is refused and why.
 */
#include <string.h>
#include <unistd.h>

#include "lib/conn/internal.h"
#include "tests/harness/conns.h"
#include "tests/harness/harness.h"

FIXTURE(hardware)
{
	struct conns conns;
	struct conn_end client, server;
	struct conn_router router;
	struct conn_route route; /* what it says */
	bool later;              /* it says so when it is asked to */
	bool blind;              /* it will not be told what comes of it */
	int seen;                /* how often it was asked whether it will */
	uint64_t token;
	int asked;
	struct conn_profile mine; /* the end's that has the policy */
	uint16_t suites[CONN_SUITES_MAX];
};

static int find(void *arg, uint64_t token, int fd, struct conn_route *out)
{
	struct test_self_hardware *self = arg;

	EXPECT_GE(fd, 0);
	self->asked++;
	self->token = token;
	if (self->later)
		return KTLS_ENGINE_PENDING;
	*out = self->route;
	return 0;
}

static bool sees(void *arg, int fd)
{
	struct test_self_hardware *self = arg;

	EXPECT_GE(fd, 0);
	EXPECT_GT(self->asked, 0);
	self->seen++;
	return !self->blind;
}

/* A device takes whatever it is given. */
static int look(void *arg, uint64_t token, int fd, struct conn_verdict *out)
{
	(void)arg;
	(void)token;
	(void)fd;
	*out = (struct conn_verdict){ .tx = KTLS_STATE_HW, .rx = KTLS_STATE_HW };
	return 0;
}

FIXTURE_SETUP(hardware)
{
	conns_init(&self->conns, false);
	fake_kernel.remote = true;
	self->router =
		(struct conn_router){ .find = find, .sees = sees, .look = look, .arg = self };
	self->conns.config.router = &self->router;
	self->conns.profile.version_min = KTLS_TLS_1_2;
	self->conns.profile.version_max = KTLS_TLS_1_3;
	strcpy(self->route.device, "eth7");
	conns_open(&self->conns);
	self->mine = self->conns.profile;
	open_pair(&self->client, &self->server, 0);
}

FIXTURE_TEARDOWN(hardware)
{
	conns_wipe(&self->conns);
	close(self->client.fd);
	close(self->server.fd);
}

/* One end has the policy, the other is a peer that knows nothing of it. */
static void begin(struct test_self_hardware *self, enum ktls_role role, enum ktls_hardware policy)
{
	struct conn_end *ends[2] = { [KTLS_SERVER] = &self->server, [KTLS_CLIENT] = &self->client };

	for (int r = KTLS_SERVER; r <= KTLS_CLIENT; r++) {
		struct conn_request request =
			conns_request(&self->conns, (enum ktls_role)r, ends[r]);

		if (r == (int)role) {
			request.hardware = policy;
			request.profile = &self->mine;
		}
		conns_start(&self->conns, &request, ends[r]);
	}
}

/* Without a peer: it ends by itself. */
static void alone(struct test_self_hardware *self, enum ktls_role role, enum ktls_hardware policy)
{
	struct conn_end *end = role == KTLS_SERVER ? &self->server : &self->client;
	struct conn_request request = conns_request(&self->conns, role, end);

	request.hardware = policy;
	request.profile = &self->mine;
	conns_start(&self->conns, &request, end);
	ASSERT_TRUE(conns_run(&self->conns, &end, 1, 5000));
}

static void shake(struct test_self_hardware *self, enum ktls_role role, enum ktls_hardware policy)
{
	struct conn_end *ends[2] = { &self->client, &self->server };

	begin(self, role, policy);
	ASSERT_TRUE(conns_run(&self->conns, ends, 2, 5000));
}

static void expect_suite(const struct test_self_hardware *self, uint16_t version, uint16_t suite)
{
	ASSERT_EQ(KTLS_OK, self->client.result.reason);
	ASSERT_EQ(KTLS_OK, self->server.result.reason);
	EXPECT_EQ(version, self->client.facts.version);
	if (suite)
		EXPECT_EQ(suite, self->client.facts.suite);
}

static void expect_unavailable(const struct conn_end *end, enum ktls_no_hw why)
{
	expect_failed(end, KTLS_R_HARDWARE_UNAVAILABLE);
	EXPECT_EQ(why, end->result.tx_no_hw);
	EXPECT_EQ(why, end->result.rx_no_hw);
	EXPECT_NOT_NULL(strstr(end->text, ktls_no_hw_name(why)));
	EXPECT_FALSE(end->tx_set);
}

/* ---- versions, by role and policy -------------------------------------------------------------
 */

TEST_F(hardware, any_asks_nobody)
{
	shake(self, KTLS_SERVER, KTLS_HARDWARE_ANY);
	expect_suite(self, KTLS_TLS_1_3, 0);
	EXPECT_EQ(0, self->asked);
}

TEST_F(hardware, prefer_as_server_is_tls_1_2)
{
	shake(self, KTLS_SERVER, KTLS_HARDWARE_PREFER);
	expect_suite(self, KTLS_TLS_1_2, KTLS_ECDHE_ECDSA_AES_128_GCM_SHA256);
	EXPECT_EQ(1, self->asked);
}

TEST_F(hardware, prefer_where_only_one_direction_can)
{
	self->route.rx = KTLS_NO_HW_FEATURE_OFF;
	shake(self, KTLS_SERVER, KTLS_HARDWARE_PREFER);
	expect_suite(self, KTLS_TLS_1_2, 0);
}

/* Linux does not bear that it goes down. */
TEST_F(hardware, prefer_where_it_would_only_receive)
{
	self->route.tx = KTLS_NO_HW_NO_TLS_DRIVER;
	shake(self, KTLS_SERVER, KTLS_HARDWARE_PREFER);
	expect_suite(self, KTLS_TLS_1_3, 0);
}

TEST_F(hardware, prefer_where_no_device_can)
{
	self->route.tx = self->route.rx = KTLS_NO_HW_STACKED;
	shake(self, KTLS_SERVER, KTLS_HARDWARE_PREFER);
	expect_suite(self, KTLS_TLS_1_3, 0);
}

TEST_F(hardware, prefer_with_a_client_of_tls_1_3)
{
	self->conns.profile.version_min = KTLS_TLS_1_3;
	shake(self, KTLS_SERVER, KTLS_HARDWARE_PREFER);
	expect_suite(self, KTLS_TLS_1_3, 0);
}

/* Its server has both, and takes the better. */
TEST_F(hardware, prefer_as_client_takes_what_it_gets)
{
	shake(self, KTLS_CLIENT, KTLS_HARDWARE_PREFER);
	expect_suite(self, KTLS_TLS_1_3, 0);
	EXPECT_EQ(1, self->asked);
}

TEST_F(hardware, prefer_as_client_of_a_server_of_tls_1_2)
{
	self->conns.profile.version_max = KTLS_TLS_1_2;
	shake(self, KTLS_CLIENT, KTLS_HARDWARE_PREFER);
	expect_suite(self, KTLS_TLS_1_2, KTLS_ECDHE_ECDSA_AES_128_GCM_SHA256);
}

TEST_F(hardware, require_is_tls_1_2_in_both_roles)
{
	enum ktls_role role = KTLS_SERVER;

	shake(self, role, KTLS_HARDWARE_REQUIRE);
	expect_suite(self, KTLS_TLS_1_2, KTLS_ECDHE_ECDSA_AES_128_GCM_SHA256);
	close(self->client.fd);
	close(self->server.fd);
	open_pair(&self->client, &self->server, 0);
	shake(self, KTLS_CLIENT, KTLS_HARDWARE_REQUIRE);
	expect_suite(self, KTLS_TLS_1_2, KTLS_ECDHE_ECDSA_AES_128_GCM_SHA256);
	EXPECT_EQ(2, self->asked);
}

TEST_F(hardware, avoid_takes_chacha_in_tls_1_2)
{
	self->mine.version_max = KTLS_TLS_1_2;
	shake(self, KTLS_SERVER, KTLS_HARDWARE_AVOID);
	expect_suite(self, KTLS_TLS_1_2, KTLS_ECDHE_ECDSA_CHACHA20_POLY1305);
	EXPECT_EQ(0, self->asked);
}

TEST_F(hardware, avoid_takes_tls_1_3)
{
	shake(self, KTLS_SERVER, KTLS_HARDWARE_AVOID);
	expect_suite(self, KTLS_TLS_1_3, 0);
}

/* ---- what is refused ---------------------------------------------------------------------------
 */

TEST_F(hardware, require_without_a_device)
{
	self->route.tx = self->route.rx = KTLS_NO_HW_FEATURE_OFF;
	alone(self, KTLS_SERVER, KTLS_HARDWARE_REQUIRE);
	expect_unavailable(&self->server, KTLS_NO_HW_FEATURE_OFF);
	EXPECT_NOT_NULL(strstr(self->server.text, "eth7"));
	EXPECT_EQ(KTLS_ALERT_NONE, self->server.result.alert);
	EXPECT_EQ(0, self->server.facts.version);
}

TEST_F(hardware, require_where_it_would_only_receive)
{
	self->route.tx = KTLS_NO_HW_NO_TLS_DRIVER;
	alone(self, KTLS_SERVER, KTLS_HARDWARE_REQUIRE);
	expect_failed(&self->server, KTLS_R_HARDWARE_UNAVAILABLE);
	EXPECT_EQ(KTLS_NO_HW_NO_TLS_DRIVER, self->server.result.tx_no_hw);
	EXPECT_EQ(KTLS_NO_HW_NONE, self->server.result.rx_no_hw);
	EXPECT_FALSE(self->server.tx_set);
}

/* There could be a device, and nobody would know whether it has the records. */
TEST_F(hardware, require_without_being_told)
{
	self->blind = true;
	alone(self, KTLS_SERVER, KTLS_HARDWARE_REQUIRE);
	expect_unavailable(&self->server, KTLS_NO_HW_MAY_NOT_LOOK);
	EXPECT_EQ(KTLS_ALERT_NONE, self->server.result.alert);
	EXPECT_EQ(1, self->seen);
}

/* A client that requires a device, of a router that is asked and answers later. */
static void alone_later(struct test_self_hardware *self)
{
	struct conn_request request = conns_request(&self->conns, KTLS_CLIENT, &self->client);
	struct conn_end *end = &self->client;

	self->later = true;
	request.hardware = KTLS_HARDWARE_REQUIRE;
	conns_start(&self->conns, &request, end);
	EXPECT_EQ(0, self->seen);
	conn_route_done(self->conns.loop, self->token, &self->route);
	ASSERT_TRUE(conns_run(&self->conns, &end, 1, 5000));
}

TEST_F(hardware, require_without_being_told_and_an_answer_that_comes_later)
{
	self->blind = true;
	alone_later(self);
	expect_unavailable(&self->client, KTLS_NO_HW_MAY_NOT_LOOK);
	EXPECT_EQ(1, self->seen);
}

/* Or that is known before the socket is touched. What is in the device's way is said first. */
TEST_F(hardware, require_of_a_router_that_is_never_told)
{
	self->route.untold = true;
	alone(self, KTLS_SERVER, KTLS_HARDWARE_REQUIRE);
	expect_unavailable(&self->server, KTLS_NO_HW_MAY_NOT_LOOK);
	EXPECT_EQ(0, self->seen);
	EXPECT_EQ(0, fake_kernel.attached);
	self->route.tx = self->route.rx = KTLS_NO_HW_FEATURE_OFF;
	alone_later(self);
	expect_unavailable(&self->client, KTLS_NO_HW_FEATURE_OFF);
}

TEST_F(hardware, require_of_one_direction_by_a_router_that_is_never_told)
{
	self->route.untold = true;
	self->route.rx = KTLS_NO_HW_FEATURE_OFF;
	alone_later(self);
	expect_unavailable(&self->client, KTLS_NO_HW_MAY_NOT_LOOK);
}

TEST_F(hardware, prefer_by_a_router_that_is_never_told)
{
	self->route.untold = true;
	shake(self, KTLS_SERVER, KTLS_HARDWARE_PREFER);
	expect_suite(self, KTLS_TLS_1_2, 0);
}

TEST_F(hardware, prefer_without_being_told)
{
	self->blind = true;
	shake(self, KTLS_SERVER, KTLS_HARDWARE_PREFER);
	expect_suite(self, KTLS_TLS_1_2, 0);
	EXPECT_EQ(0, self->seen);
}

TEST_F(hardware, require_with_a_client_of_tls_1_3)
{
	self->conns.profile.version_min = KTLS_TLS_1_3;
	shake(self, KTLS_SERVER, KTLS_HARDWARE_REQUIRE);
	expect_unavailable(&self->server, KTLS_NO_HW_VERSION);
	EXPECT_EQ(KTLS_ALERT_PROTOCOL_VERSION, self->server.result.alert);
	expect_failed(&self->client, KTLS_R_PEER_ALERT);
}

TEST_F(hardware, require_with_a_server_of_tls_1_3)
{
	self->conns.profile.version_min = KTLS_TLS_1_3;
	shake(self, KTLS_CLIENT, KTLS_HARDWARE_REQUIRE);
	expect_unavailable(&self->client, KTLS_NO_HW_VERSION);
	EXPECT_TRUE(self->client.result.alert_received);
}

/* The peer has the policy that leaves ChaCha20 only. */
TEST_F(hardware, require_with_a_peer_of_chacha_only)
{
	self->conns.profile.version_max = KTLS_TLS_1_2;
	self->conns.profile.hardware = KTLS_HARDWARE_AVOID;
	shake(self, KTLS_SERVER, KTLS_HARDWARE_REQUIRE);
	expect_unavailable(&self->server, KTLS_NO_HW_CIPHER);
	EXPECT_EQ(KTLS_ALERT_HANDSHAKE_FAILURE, self->server.result.alert);
}

TEST_F(hardware, require_with_a_server_of_chacha_only)
{
	self->conns.profile.version_max = KTLS_TLS_1_2;
	self->conns.profile.hardware = KTLS_HARDWARE_AVOID;
	shake(self, KTLS_CLIENT, KTLS_HARDWARE_REQUIRE);
	expect_unavailable(&self->client, KTLS_NO_HW_CIPHER);
	expect_failed(&self->server, KTLS_R_SUITES_NONE_SHARED);
	EXPECT_EQ(KTLS_NO_HW_POLICY, self->server.result.tx_no_hw);
}

TEST_F(hardware, require_where_tls_1_2_is_not_allowed)
{
	self->mine.version_min = KTLS_TLS_1_3;
	alone(self, KTLS_SERVER, KTLS_HARDWARE_REQUIRE);
	expect_unavailable(&self->server, KTLS_NO_HW_VERSION);
	EXPECT_EQ(0, self->asked);
}

TEST_F(hardware, prefer_where_tls_1_2_is_not_allowed)
{
	self->mine.version_min = KTLS_TLS_1_3;
	shake(self, KTLS_SERVER, KTLS_HARDWARE_PREFER);
	expect_suite(self, KTLS_TLS_1_3, 0);
	EXPECT_EQ(0, self->asked);
}

/* It is, for devices; and then with AES-GCM only. */
TEST_F(hardware, tls_1_2_for_devices_only)
{
	self->mine.version_min = KTLS_TLS_1_3;
	self->mine.offload_1_2 = true;
	self->mine.hardware = KTLS_HARDWARE_PREFER;
	shake(self, KTLS_SERVER, KTLS_HARDWARE_ANY);
	expect_suite(self, KTLS_TLS_1_2, 0);
}

TEST_F(hardware, tls_1_2_for_devices_is_not_for_chacha)
{
	self->mine.version_min = KTLS_TLS_1_3;
	self->mine.offload_1_2 = true;
	self->conns.profile.version_max = KTLS_TLS_1_2;
	self->conns.profile.hardware = KTLS_HARDWARE_AVOID;
	shake(self, KTLS_SERVER, KTLS_HARDWARE_PREFER);
	expect_failed(&self->server, KTLS_R_SUITES_NONE_SHARED);
}

/* ---- profile and request ----------------------------------------------------------------------
 */

TEST_F(hardware, contradictions)
{
	self->mine.hardware = KTLS_HARDWARE_AVOID;
	alone(self, KTLS_SERVER, KTLS_HARDWARE_REQUIRE);
	expect_unavailable(&self->server, KTLS_NO_HW_POLICY);
	EXPECT_EQ(0, self->asked);
}

TEST_F(hardware, a_preference_gives_way)
{
	self->mine.hardware = KTLS_HARDWARE_AVOID;
	self->mine.version_max = KTLS_TLS_1_2;
	shake(self, KTLS_SERVER, KTLS_HARDWARE_PREFER);
	expect_suite(self, KTLS_TLS_1_2, KTLS_ECDHE_ECDSA_CHACHA20_POLY1305);
}

TEST_F(hardware, a_profile_that_requires)
{
	self->mine.hardware = KTLS_HARDWARE_REQUIRE;
	self->route.tx = self->route.rx = KTLS_NO_HW_LOOPBACK;
	alone(self, KTLS_CLIENT, KTLS_HARDWARE_PREFER);
	expect_unavailable(&self->client, KTLS_NO_HW_LOOPBACK);
}

/* ---- an answer that takes its time ------------------------------------------------------------
 */

TEST_F(hardware, an_answer_that_comes_later)
{
	self->later = true;
	begin(self, KTLS_SERVER, KTLS_HARDWARE_PREFER);
	conns_settle(&self->conns);
	EXPECT_FALSE(self->server.done);
	EXPECT_EQ(1, fake_kernel.attached); /* the client's */
	conn_route_done(self->conns.loop, self->token + 1, &self->route);
	conn_route_done(self->conns.loop, self->token, &self->route);
	conn_route_done(self->conns.loop, self->token, &self->route);
	ASSERT_TRUE(conns_run(&self->conns, (struct conn_end *[]){ &self->client, &self->server },
			      2, 5000));
	expect_suite(self, KTLS_TLS_1_2, 0);
}

TEST_F(hardware, an_answer_that_never_comes)
{
	struct conn_request request = conns_request(&self->conns, KTLS_SERVER, &self->server);

	self->later = true;
	request.hardware = KTLS_HARDWARE_PREFER;
	request.timeout_ms = 20;
	conns_start(&self->conns, &request, &self->server);
	ASSERT_TRUE(conns_run(&self->conns, (struct conn_end *[]){ &self->server }, 1, 5000));
	expect_failed(&self->server, KTLS_R_DEADLINE);
	EXPECT_NOT_NULL(strstr(self->server.text, "route"));
}

TEST_F(hardware, cancelled_meanwhile)
{
	struct conn_request request = conns_request(&self->conns, KTLS_SERVER, &self->server);

	self->later = true;
	request.hardware = KTLS_HARDWARE_REQUIRE;
	conns_start(&self->conns, &request, &self->server);
	conn_cancel(self->server.conn, KTLS_R_CANCELLED);
	ASSERT_TRUE(conns_run(&self->conns, (struct conn_end *[]){ &self->server }, 1, 5000));
	expect_failed(&self->server, KTLS_R_CANCELLED);
	conn_route_done(self->conns.loop, self->token, &self->route);
}

TEST_HARNESS_MAIN
