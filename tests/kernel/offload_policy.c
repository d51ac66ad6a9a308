/* SPDX-License-Identifier: MIT */
/*
 * What applications ask of ktlsd about devices, "any", "prefer", "require" and "avoid", and what
 * comes of it on a connection between two devices that do TLS: which version of TLS, who has the
 * records, and why no device has them.
 */
#include <linux/tls.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "tests/harness/nicsim.h"

#define BYTES (64 << 10)

FIXTURE(policy)
{
	struct nicsim_conn conn;
};

FIXTURE_SETUP(policy)
{
	(void)self;
	nicsim_calm();
	nicsim_offload(NICSIM_A, true, true);
	nicsim_offload(NICSIM_B, true, true);
}

FIXTURE_TEARDOWN(policy)
{
	nicsim_disconnect(&self->conn);
	nicsim_calm();
}

static void shake(struct test_self_policy *self, const char *profile, enum ktls_hardware a,
		  enum ktls_hardware b)
{
	const struct ktls_params params[2] = {
		[NICSIM_A] = { .profile = profile, .hardware = a, .flags = KTLS_TX_ZEROCOPY },
		[NICSIM_B] = { .profile = profile, .hardware = b },
	};
	int fd[2];

	nicsim_tcp(fd, AF_INET);
	nicsim_handshake(&self->conn, fd, params);
}

/* Both ends have it, in this version, and the records of all are with devices, or none are. */
static void expect_ok(struct test_self_policy *self, uint16_t version, bool hw)
{
	for (int i = 0; i < 2; i++) {
		const struct ktls_reply *reply = self->conn.reply[i];

		if (reply->reason != KTLS_OK)
			TH_LOG("%s", reply->text);
		ASSERT_STREQ("OK", ktls_reason_name((int)reply->reason));
		EXPECT_EQ(version, reply->version);
		nicsim_expect(&self->conn, (enum nicsim_end)i, hw, hw);
	}
	nicsim_pour(&self->conn, POUR_FILES, BYTES);
}

static void expect_why(const struct test_self_policy *self, enum nicsim_end end, const char *tx,
		       const char *rx)
{
	EXPECT_STREQ(tx, ktls_no_hw_name(self->conn.reply[end]->tx_no_hw));
	EXPECT_STREQ(rx, ktls_no_hw_name(self->conn.reply[end]->rx_no_hw));
}

static void expect_refused(const struct test_self_policy *self, enum nicsim_end end,
			   const char *reason)
{
	EXPECT_STREQ(reason, ktls_reason_name((int)self->conn.reply[end]->reason));
}

/* Nobody has got a key. */
static void expect_no_keys(const struct test_self_policy *self, enum nicsim_end end)
{
	EXPECT_EQ(self->conn.tx_device[end], nicsim_stat(end, "TlsTxDevice"));
	EXPECT_EQ(self->conn.tx_sw[end], nicsim_stat(end, "TlsTxSw"));
	EXPECT_EQ(self->conn.rx_sw[end], nicsim_stat(end, "TlsRxSw"));
}

static int zerocopy(int fd)
{
	int on = -1;
	socklen_t len = sizeof(on);

	EXPECT_EQ(0, getsockopt(fd, SOL_TLS, TLS_TX_ZEROCOPY_RO, &on, &len));
	return on;
}

/* ---- prefer ----------------------------------------------------------------------------------
 */

TEST_F(policy, preferred)
{
	shake(self, "both", KTLS_HARDWARE_PREFER, KTLS_HARDWARE_PREFER);
	expect_ok(self, KTLS_TLS_1_2, true);
	EXPECT_EQ(1, zerocopy(self->conn.fd[NICSIM_A]));
	EXPECT_EQ(0, zerocopy(self->conn.fd[NICSIM_B]));
}

TEST_F(policy, preferred_by_the_server_alone)
{
	shake(self, "both", KTLS_HARDWARE_ANY, KTLS_HARDWARE_PREFER);
	expect_ok(self, KTLS_TLS_1_2, true);
}

/* A client that prefers it takes what the server picks. */
TEST_F(policy, preferred_by_the_client_alone)
{
	shake(self, "both", KTLS_HARDWARE_PREFER, KTLS_HARDWARE_ANY);
	expect_ok(self, KTLS_TLS_1_3, false);
	expect_why(self, NICSIM_A, "VERSION", "VERSION");
}

TEST_F(policy, preferred_and_turned_off)
{
	nicsim_offload(NICSIM_A, false, false);
	nicsim_offload(NICSIM_B, false, false);
	shake(self, "both", KTLS_HARDWARE_PREFER, KTLS_HARDWARE_PREFER);
	expect_ok(self, KTLS_TLS_1_3, false);
}

/* ---- require ---------------------------------------------------------------------------------
 */

TEST_F(policy, required)
{
	shake(self, "both", KTLS_HARDWARE_REQUIRE, KTLS_HARDWARE_REQUIRE);
	expect_ok(self, KTLS_TLS_1_2, true);
}

TEST_F(policy, required_and_turned_off)
{
	nicsim_offload(NICSIM_A, false, false);
	shake(self, "both", KTLS_HARDWARE_REQUIRE, KTLS_HARDWARE_ANY);
	expect_refused(self, NICSIM_A, "HARDWARE_UNAVAILABLE");
	expect_why(self, NICSIM_A, "FEATURE_OFF", "FEATURE_OFF");
	expect_no_keys(self, NICSIM_A);
}

TEST_F(policy, required_by_a_server_and_turned_off)
{
	nicsim_offload(NICSIM_B, false, false);
	shake(self, "both", KTLS_HARDWARE_ANY, KTLS_HARDWARE_REQUIRE);
	expect_refused(self, NICSIM_B, "HARDWARE_UNAVAILABLE");
	expect_no_keys(self, NICSIM_B);
}

/* That is seen when the keys are there, and not one byte goes out with them but an alert. */
TEST_F(policy, required_and_refused)
{
	nicsim_set("max_ctx", 0);
	shake(self, "both", KTLS_HARDWARE_REQUIRE, KTLS_HARDWARE_ANY);
	expect_refused(self, NICSIM_A, "DEVICE_REFUSED");
	expect_why(self, NICSIM_A, "REFUSED", "REFUSED");
}

/* ---- avoid, any ------------------------------------------------------------------------------
 */

TEST_F(policy, avoided)
{
	shake(self, "both", KTLS_HARDWARE_AVOID, KTLS_HARDWARE_PREFER);
	expect_ok(self, KTLS_TLS_1_3, false);
	EXPECT_EQ(0, nicsim_stat(NICSIM_A, "TlsCurrTxDevice"));
}

/* Where there is no TLS 1.3, by a cipher that no device has. */
TEST_F(policy, avoided_in_tls_1_2)
{
	shake(self, "default", KTLS_HARDWARE_AVOID, KTLS_HARDWARE_ANY);
	expect_ok(self, KTLS_TLS_1_2, false);
	EXPECT_EQ(KTLS_ECDHE_ECDSA_CHACHA20_POLY1305, self->conn.reply[NICSIM_A]->suite);
	expect_why(self, NICSIM_B, "CIPHER", "CIPHER");
}

TEST_F(policy, whatever_comes)
{
	nicsim_feature(NICSIM_A, "rx-checksum", false);
	nicsim_offload(NICSIM_B, true, false);
	shake(self, "default", KTLS_HARDWARE_ANY, KTLS_HARDWARE_ANY);
	nicsim_expect(&self->conn, NICSIM_A, true, false);
	nicsim_expect(&self->conn, NICSIM_B, true, false);
	expect_why(self, NICSIM_A, "NONE", "CHECKSUM_OFF");
	expect_why(self, NICSIM_B, "NONE", "FEATURE_OFF");
	nicsim_pour(&self->conn, POUR_MIXED, BYTES);
}

int main(int argc, char **argv)
{
	return nicsim_main(argc, argv);
}
