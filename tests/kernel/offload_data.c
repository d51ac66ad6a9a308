/* SPDX-License-Identifier: MIT */
/*
 * Data of connections whose TLS is done by devices at both ends, in every way that programs send
 * and receive, both ways at once: it comes as it was sent, and on the wire between the devices
 * there are records of it that open under the connection's keys, and nothing else.
 */
#include <linux/tls.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/harness/nicsim.h"
#include "tests/harness/wiretap.h"

#define BYTES (192 << 10)

FIXTURE(data)
{
	struct nicsim_conn conn;
	struct wiretap tap;
};

FIXTURE_VARIANT(data)
{
	uint16_t suite; /* 0: what ktlsd agrees on with itself, which is AES-128-GCM */
	bool large;
};

/* The device gets packets of up to 64 KiB, or such as fit the wire. */
FIXTURE_VARIANT_ADD(data, aes_128_large_packets){ 0, true };
FIXTURE_VARIANT_ADD(data, aes_256_small_packets){ KTLS_ECDHE_ECDSA_AES_256_GCM_SHA384, false };

FIXTURE_SETUP(data)
{
	nicsim_calm();
	nicsim_offload(NICSIM_A, true, true);
	nicsim_offload(NICSIM_B, true, true);
	nicsim_large_packets(variant->large);
	if (variant->suite == 0)
		nicsim_connect(&self->conn);
	else
		nicsim_connect_suite(&self->conn, variant->suite);
	wiretap_open(&self->tap);
}

FIXTURE_TEARDOWN(data)
{
	wiretap_close(&self->tap);
	nicsim_disconnect(&self->conn);
}

/* What was sent by devices, of all that is counted. */
static void pour_by_devices(struct test_self_data *self, enum pour_way way)
{
	uint64_t encrypted[2], decrypted[2];

	for (int i = 0; i < 2; i++) {
		encrypted[i] = nicsim_counter((enum nicsim_end)i, "tx_tls_encrypted_bytes");
		decrypted[i] = nicsim_counter((enum nicsim_end)i, "rx_tls_decrypted_bytes");
		nicsim_expect(&self->conn, (enum nicsim_end)i, true, true);
	}
	nicsim_pour(&self->conn, way, BYTES);
	wiretap_expect_pour(&self->tap, &self->conn, BYTES);
	for (int i = 0; i < 2; i++) {
		EXPECT_GE(nicsim_counter((enum nicsim_end)i, "tx_tls_encrypted_bytes"),
			  encrypted[i] + BYTES);
		EXPECT_GT(nicsim_counter((enum nicsim_end)i, "rx_tls_decrypted_bytes"),
			  decrypted[i] + BYTES / 2);
		EXPECT_EQ(0, nicsim_stat((enum nicsim_end)i, "TlsDecryptError"));
	}
}

TEST_F(data, read_and_write)
{
	pour_by_devices(self, POUR_BYTES);
}

TEST_F(data, messages_and_more_to_come)
{
	pour_by_devices(self, POUR_MESSAGES);
}

TEST_F(data, files)
{
	pour_by_devices(self, POUR_FILES);
}

TEST_F(data, files_that_are_not_copied)
{
	const int on = 1;

	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, setsockopt(self->conn.fd[i], SOL_TLS, TLS_TX_ZEROCOPY_RO, &on,
					sizeof(on)));
	pour_by_devices(self, POUR_FILES);
}

TEST_F(data, splices)
{
	pour_by_devices(self, POUR_SPLICES);
}

TEST_F(data, all_in_turns)
{
	pour_by_devices(self, POUR_MIXED);
}

TEST(ipv6)
{
	struct nicsim_conn conn;
	struct wiretap tap;
	int fd[2];

	nicsim_calm();
	nicsim_offload(NICSIM_A, true, true);
	nicsim_offload(NICSIM_B, true, true);
	nicsim_tcp(fd, AF_INET6);
	nicsim_connect_over(&conn, fd);
	nicsim_expect(&conn, NICSIM_A, true, true);
	nicsim_expect(&conn, NICSIM_B, true, true);
	wiretap_open(&tap);
	nicsim_pour(&conn, POUR_MIXED, BYTES / 4);
	wiretap_expect_pour(&tap, &conn, BYTES / 4);
	wiretap_close(&tap);
	nicsim_disconnect(&conn);
}

/* What the tap says is worth something: it sees what is in the clear. */
TEST(tap_sees_what_is_in_the_clear)
{
	static const char text[] = "nobody has encrypted this";
	struct wiretap tap;
	char got[sizeof(text)];
	int fd[2];

	nicsim_calm();
	nicsim_tcp(fd, AF_INET);
	wiretap_open(&tap);
	ASSERT_EQ(sizeof(text), write(fd[NICSIM_A], text, sizeof(text)));
	ASSERT_EQ(sizeof(text), recv(fd[NICSIM_B], got, sizeof(got), MSG_WAITALL));
	wiretap_take(&tap);
	ASSERT_EQ(sizeof(text), tap.streams[NICSIM_A].to - tap.streams[NICSIM_A].from);
	EXPECT_MEMEQ(text, tap.streams[NICSIM_A].bytes + tap.streams[NICSIM_A].from, sizeof(text));
	EXPECT_EQ(0, tap.streams[NICSIM_B].packets);
	wiretap_close(&tap);
	close(fd[0]);
	close(fd[1]);
}

int main(int argc, char **argv)
{
	return nicsim_main(argc, argv);
}
