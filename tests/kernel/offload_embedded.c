/* SPDX-License-Identifier: MIT */
/*
 * ktls_open_embedded() between two devices that do TLS: what its server makes of "prefer" and
 * "require", and what that is where it lacks CAP_NET_ADMIN, without which older kernels do not tell
 * who has the records.
 */
#include <linux/capability.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ktls-handshake.h>

#include "lib/netlink/tls.h"
#include "tests/harness/certs.h"
#include "tests/harness/nicsim.h"

#define BYTES (64 << 10)

FIXTURE(embedded)
{
	struct nicsim_conn conn;
	struct cert *ca, *leaf;
};

FIXTURE_SETUP(embedded)
{
	nicsim_calm();
	nicsim_offload(NICSIM_A, true, true);
	nicsim_offload(NICSIM_B, true, true);
	self->ca = cert_ca(CERT_P256, "Test CA");
	self->leaf = cert_server(CERT_P256, "DNS:localhost", self->ca);
}

/* Of this process, for a while. */
static void set_net_admin(bool on)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	ASSERT_EQ(0, syscall(SYS_capget, &header, data));
	data[0].effective &= ~(1U << CAP_NET_ADMIN);
	data[0].effective |= on ? 1U << CAP_NET_ADMIN : 0;
	ASSERT_EQ(0, syscall(SYS_capset, &header, data));
}

FIXTURE_TEARDOWN(embedded)
{
	set_net_admin(true);
	nicsim_disconnect(&self->conn);
	nicsim_calm();
	cert_free(self->leaf);
	cert_free(self->ca);
}

static struct ktls_span span_of(const char *text, size_t len)
{
	return (struct ktls_span){ .bytes = (const uint8_t *)text, .len = len };
}

/* The server is in b, and has the policy. */
static void shake(struct test_self_embedded *self, enum ktls_hardware hardware)
{
	const struct ktls_params params[2] = { [NICSIM_B] = { .hardware = hardware } };
	const struct cert *leaf = self->leaf;
	struct ktls_embedded_identity identity = { .certs = span_of(leaf->pem, leaf->pem_len),
						   .key = span_of(leaf->key_pem,
								  leaf->key_pem_len) };
	struct ktls_embedded_config config = { .version_min = KTLS_TLS_1_2,
					       .version_max = KTLS_TLS_1_3,
					       .no_resumption = true,
					       .identities = &identity,
					       .identities_len = 1,
					       .trust = span_of(self->ca->pem, self->ca->pem_len) };
	struct ktls *k[2];
	int fd[2];

	for (int i = 0; i < 2; i++) {
		nicsim_enter((enum nicsim_end)i);
		k[i] = ktls_open_embedded(&config, NULL);
		nicsim_leave();
		ASSERT_NOT_NULL(k[i]);
	}
	nicsim_tcp(fd, AF_INET);
	nicsim_handshake_by(&self->conn, fd, params, k);
}

static void expect_ok(const struct test_self_embedded *self)
{
	for (int i = 0; i < 2; i++) {
		const struct ktls_reply *reply = self->conn.reply[i];

		if (reply->reason != KTLS_OK)
			TH_LOG("%s", reply->text);
		ASSERT_STREQ("OK", ktls_reason_name((int)reply->reason));
		EXPECT_EQ(KTLS_TLS_1_2, reply->version);
	}
}

static void expect_device(struct test_self_embedded *self)
{
	expect_ok(self);
	nicsim_expect(&self->conn, NICSIM_A, true, true);
	nicsim_expect(&self->conn, NICSIM_B, true, true);
	nicsim_pour(&self->conn, POUR_FILES, BYTES);
}

/* And nobody has got a key for it. */
static void expect_unavailable(const struct test_self_embedded *self, const char *why)
{
	const struct ktls_reply *reply = self->conn.reply[NICSIM_B];

	EXPECT_STREQ("HARDWARE_UNAVAILABLE", ktls_reason_name((int)reply->reason));
	EXPECT_STREQ(why, ktls_no_hw_name(reply->tx_no_hw));
	EXPECT_STREQ(why, ktls_no_hw_name(reply->rx_no_hw));
	EXPECT_EQ(self->conn.tx_device[NICSIM_B], nicsim_stat(NICSIM_B, "TlsTxDevice"));
	EXPECT_EQ(self->conn.tx_sw[NICSIM_B], nicsim_stat(NICSIM_B, "TlsTxSw"));
	EXPECT_EQ(self->conn.rx_sw[NICSIM_B], nicsim_stat(NICSIM_B, "TlsRxSw"));
}

/* Whether the kernel tells us of a socket that has the ULP. */
static bool is_told(void)
{
	struct netlink_socket socket;
	struct netlink_tls tls;
	struct netlink *nl;
	bool told;
	int fd[2];

	nicsim_tcp(fd, AF_INET);
	ASSERT_EQ(0, setsockopt(fd[NICSIM_B], IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")));
	ASSERT_EQ(0, netlink_socket_of(fd[NICSIM_B], &socket));
	nicsim_enter(NICSIM_B);
	ASSERT_EQ(0, netlink_open(&nl));
	nicsim_leave();
	told = netlink_tls_get(nl, &socket, &tls) == 0;
	netlink_close(nl);
	close(fd[0]);
	close(fd[1]);
	return told;
}

TEST_F(embedded, preferred)
{
	EXPECT_TRUE(is_told());
	shake(self, KTLS_HARDWARE_PREFER);
	expect_device(self);
}

TEST_F(embedded, required)
{
	shake(self, KTLS_HARDWARE_REQUIRE);
	expect_device(self);
}

TEST_F(embedded, required_and_turned_off)
{
	nicsim_offload(NICSIM_B, false, false);
	shake(self, KTLS_HARDWARE_REQUIRE);
	expect_unavailable(self, "FEATURE_OFF");
}

TEST_F(embedded, required_and_refused)
{
	nicsim_set("max_ctx", 0);
	shake(self, KTLS_HARDWARE_REQUIRE);
	EXPECT_STREQ("DEVICE_REFUSED", ktls_reason_name((int)self->conn.reply[NICSIM_B]->reason));
	EXPECT_STREQ("REFUSED", ktls_no_hw_name(self->conn.reply[NICSIM_B]->tx_no_hw));
}

/* The device has it all the same; whether that is known is the kernel's to say. */
TEST_F(embedded, preferred_without_rights)
{
	const struct ktls_reply *reply;
	bool told;

	set_net_admin(false);
	told = is_told();
	shake(self, KTLS_HARDWARE_PREFER);
	expect_ok(self);
	reply = self->conn.reply[NICSIM_B];
	EXPECT_STREQ(told ? "hw" : "unknown", ktls_state_name(reply->tx));
	EXPECT_STREQ(told ? "hw" : "unknown", ktls_state_name(reply->rx));
	EXPECT_STREQ(told ? "NONE" : "MAY_NOT_LOOK", ktls_no_hw_name(reply->tx_no_hw));
	EXPECT_EQ(self->conn.tx_device[NICSIM_B] + 1, nicsim_stat(NICSIM_B, "TlsTxDevice"));
	EXPECT_EQ(self->conn.rx_device[NICSIM_B] + 1, nicsim_stat(NICSIM_B, "TlsRxDevice"));
}

/* What nobody could find out afterwards is refused beforehand. */
TEST_F(embedded, required_without_rights)
{
	bool told;

	set_net_admin(false);
	told = is_told();
	shake(self, KTLS_HARDWARE_REQUIRE);
	if (told)
		expect_device(self);
	else
		expect_unavailable(self, "MAY_NOT_LOOK");
}

int main(int argc, char **argv)
{
	return nicsim_main(argc, argv);
}
