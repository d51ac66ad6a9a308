/* SPDX-License-Identifier: MIT */
/*
 * Devices that do TLS, on a network that loses, reorders and spoils packets: they lose their place
 * in the stream of records and find it again, and meanwhile the kernel does their work. Whatever
 * happens, what comes is what was sent, and nothing but records is on the wire.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/harness/nicsim.h"
#include "tests/harness/wiretap.h"

#define BYTES (128 << 10)

FIXTURE(faults)
{
	struct nicsim_conn conn;
	struct wiretap tap;
	uint64_t tx_resyncs, rx_resyncs, rx_stat; /* of both ends, before */
};

static uint64_t of_both(const char *counter)
{
	return nicsim_counter(NICSIM_A, counter) + nicsim_counter(NICSIM_B, counter);
}

static uint64_t resync_stat(void)
{
	return nicsim_stat(NICSIM_A, "TlsRxDeviceResync") +
	       nicsim_stat(NICSIM_B, "TlsRxDeviceResync");
}

FIXTURE_SETUP(faults)
{
	nicsim_calm();
	nicsim_offload(NICSIM_A, true, true);
	nicsim_offload(NICSIM_B, true, true);
	nicsim_large_packets(false);
	nicsim_connect(&self->conn);
	for (int i = 0; i < 2; i++)
		nicsim_expect(&self->conn, (enum nicsim_end)i, true, true);
	self->tx_resyncs = of_both("tx_tls_resync_res");
	self->rx_resyncs = of_both("rx_tls_resync_res_ok");
	self->rx_stat = resync_stat();
	wiretap_open(&self->tap);
}

FIXTURE_TEARDOWN(faults)
{
	nicsim_calm();
	wiretap_close(&self->tap);
	nicsim_disconnect(&self->conn);
}

static void pour_through(struct test_self_faults *self, uint64_t bytes)
{
	nicsim_pour(&self->conn, POUR_MIXED, bytes);
	nicsim_calm();
	wiretap_expect_pour(&self->tap, &self->conn, bytes);
}

/* Whether a device loses its place depends on where packets end, and that on time. */
static void expect_resync(struct test_self_faults *self, const char *counter, uint64_t before,
			  const char *fault, unsigned int one_in)
{
	for (int i = 0; i < 16 && of_both(counter) == before; i++) {
		nicsim_set(fault, one_in);
		nicsim_pour(&self->conn, POUR_MIXED, BYTES);
		nicsim_calm();
	}
	EXPECT_GT(of_both(counter), before);
}

static void expect_tx_resync(struct test_self_faults *self, unsigned int one_in)
{
	expect_resync(self, "tx_tls_resync_res", self->tx_resyncs, "drop_local", one_in);
}

static void expect_rx_resync(struct test_self_faults *self, const char *fault, unsigned int one_in)
{
	expect_resync(self, "rx_tls_resync_res_ok", self->rx_resyncs, fault, one_in);
	EXPECT_GT(resync_stat(), self->rx_stat);
}

/* ---- the network -----------------------------------------------------------------------------
 */

TEST_F(faults, loss_on_the_wire)
{
	nicsim_set("drop_wire", 23);
	pour_through(self, BYTES);
	EXPECT_GT(of_both("fault_drop_wire"), 0);
	EXPECT_GT(of_both("tx_tls_ooo"), 0);
	expect_rx_resync(self, "drop_wire", 23);
}

/* The device misses a packet that the stack has given away: TX resync. */
TEST_F(faults, loss_before_the_device)
{
	nicsim_set("drop_local", 23);
	pour_through(self, BYTES);
	expect_tx_resync(self, 23);
}

TEST_F(faults, disorder)
{
	nicsim_set("reorder", 7);
	pour_through(self, 2 * BYTES);
	EXPECT_GT(of_both("fault_reorder"), 0);
	expect_rx_resync(self, "reorder", 7);
}

TEST_F(faults, all_of_that)
{
	nicsim_set("drop_wire", 53);
	nicsim_set("drop_local", 71);
	nicsim_set("reorder", 31);
	pour_through(self, BYTES);
	expect_tx_resync(self, 71);
	expect_rx_resync(self, "drop_wire", 53);
}

TEST_F(faults, loss_of_large_packets)
{
	nicsim_large_packets(true);
	nicsim_set("drop_wire", 13);
	nicsim_set("drop_local", 17);
	pour_through(self, 2 * BYTES);
	EXPECT_GT(of_both("tx_tls_fallback_packets"), 0);
}

/* What is sent again is read from the page cache once more, by the device or by the kernel. */
TEST_F(faults, files_that_are_not_copied)
{
	uint64_t ooo = of_both("tx_tls_ooo");

	nicsim_zerocopy(&self->conn);
	nicsim_set("drop_wire", 23);
	nicsim_set("drop_local", 31);
	nicsim_set("reorder", 19);
	nicsim_pour(&self->conn, POUR_FILES, BYTES);
	nicsim_calm();
	wiretap_expect_pour(&self->tap, &self->conn, BYTES);
	EXPECT_GT(of_both("tx_tls_ooo"), ooo);
	expect_tx_resync(self, 31);
}

/* ---- netem -----------------------------------------------------------------------------------
 */

struct queue {
	const char *ns, *device, *what;
};

/* Packets that it has dropped. */
static uint64_t dropped(const struct queue *q)
{
	unsigned long long n = 0;
	char line[128];
	FILE *f;

	snprintf(line, sizeof(line), "tc -n %s -s qdisc show dev %s", q->ns, q->device);
	f = popen(line, "re");
	ASSERT_NOT_NULL(f);
	while (fgets(line, sizeof(line), f) &&
	       sscanf(line, " Sent %*u bytes %*u pkt (dropped %llu,", &n) != 1)
		;
	while (fgets(line, sizeof(line), f))
		;
	EXPECT_EQ(0, pclose(f));
	return n;
}

static void change_queue(const struct queue *q, const char *verb)
{
	char line[192];

	snprintf(line, sizeof(line), "tc -n %s qdisc %s dev %s root %s", q->ns, verb, q->device,
		 verb[0] == 'a' ? q->what : "");
	ASSERT_EQ(0, system(line));
}

static uint64_t all_errors(void)
{
	return of_both("rx_tls_err") + nicsim_stat(NICSIM_A, "TlsDecryptError") +
	       nicsim_stat(NICSIM_B, "TlsDecryptError");
}

/* Content and wire are as ever. It goes on until something was lost that the device has felt. */
static void pour_through_queues(struct test_self_faults *self, const struct queue *queues,
				const char *counter)
{
	uint64_t errors = all_errors(), felt = of_both(counter), lost = 0;

	if (system("modprobe -q sch_netem") != 0)
		SKIP(return, "no netem in this kernel");
	for (int i = 0; i < 2; i++)
		change_queue(&queues[i], "add");
	nicsim_pour(&self->conn, POUR_MIXED, BYTES);
	wiretap_expect_pour(&self->tap, &self->conn, BYTES);
	for (int n = 0; n < 16 && (lost == 0 || of_both(counter) == felt); n++) {
		nicsim_pour(&self->conn, POUR_MIXED, BYTES);
		lost = dropped(&queues[0]) + dropped(&queues[1]);
	}
	for (int i = 0; i < 2; i++)
		change_queue(&queues[i], "del");
	EXPECT_GT(lost, 0);
	EXPECT_GT(of_both(counter), felt);
	EXPECT_EQ(errors, all_errors());
	for (int i = 0; i < 2; i++)
		nicsim_expect(&self->conn, (enum nicsim_end)i, true, true);
}

TEST_F(faults, netem_in_the_middle)
{
	static const struct queue queues[] = {
		{ "wire", "nic1a", "netem delay 2ms 1ms reorder 20% loss 5% duplicate 1%" },
		{ "wire", "nic0b", "netem delay 1ms loss 5%" },
	};

	pour_through_queues(self, queues, "tx_tls_ooo");
}

/* Without a delay packets keep their sockets, which the device needs. */
TEST_F(faults, netem_that_loses_before_the_device)
{
	static const struct queue queues[] = { { "a", "nic0a", "netem loss 5%" },
					       { "b", "nic1b", "netem loss 5%" } };

	pour_through_queues(self, queues, "tx_tls_resync_res");
}

/* A driver that leaves all encryption to tls_encrypt_skb(). */
TEST_F(faults, loss_and_the_stacks_help)
{
	uint64_t encrypted = of_both("tx_tls_encrypted_packets");

	nicsim_set("tx_helper", 1);
	nicsim_set("drop_wire", 31);
	pour_through(self, BYTES);
	EXPECT_EQ(encrypted, of_both("tx_tls_encrypted_packets"));
}

/*
 * Flipped bits that no checksum has seen: the record does not open, whoever tries, and not one byte
 * of it is given to anybody.
 */
TEST_F(faults, a_record_that_was_spoilt)
{
	static uint8_t zeros[4096], got[4096];
	uint64_t errors = nicsim_stat(NICSIM_B, "TlsDecryptError");
	ssize_t n;

	nicsim_set("fault_ports", 1U << 0);
	ASSERT_EQ(sizeof(zeros), write(self->conn.fd[NICSIM_A], zeros, sizeof(zeros)));
	ASSERT_EQ(sizeof(got), recv(self->conn.fd[NICSIM_B], got, sizeof(got), MSG_WAITALL));
	nicsim_set("corrupt", 1);
	ASSERT_EQ(sizeof(zeros), write(self->conn.fd[NICSIM_A], zeros, sizeof(zeros)));
	n = recv(self->conn.fd[NICSIM_B], got, sizeof(got), 0);
	EXPECT_EQ(-1, n);
	EXPECT_EQ(EBADMSG, errno);
	EXPECT_EQ(errors + 1, nicsim_stat(NICSIM_B, "TlsDecryptError"));
	EXPECT_GT(nicsim_counter(NICSIM_B, "rx_tls_err"), 0);
}

/* ---- one end, one direction ------------------------------------------------------------------
 */

FIXTURE(mixed)
{
	struct nicsim_conn conn;
	struct wiretap tap;
};

FIXTURE_VARIANT(mixed)
{
	bool tx[2], rx[2];
	uint16_t suite; /* 0: AES-128-GCM, by ktlsd */
};

FIXTURE_VARIANT_ADD(mixed, senders){ { true, true }, { false, false }, 0 };
FIXTURE_VARIANT_ADD(mixed, receivers){ { false, false }, { true, true }, 0 };
FIXTURE_VARIANT_ADD(mixed, one_of_each){ { true, false }, { false, true }, 0 };
FIXTURE_VARIANT_ADD(mixed, one_end){ { false, true }, { false, true }, 0 };
FIXTURE_VARIANT_ADD(mixed, all_of_aes_256){ { true, true },
					    { true, true },
					    KTLS_ECDHE_ECDSA_AES_256_GCM_SHA384 };

FIXTURE_SETUP(mixed)
{
	nicsim_calm();
	for (int i = 0; i < 2; i++)
		nicsim_offload((enum nicsim_end)i, variant->tx[i], variant->rx[i]);
	nicsim_large_packets(false);
	if (variant->suite == 0)
		nicsim_connect(&self->conn);
	else
		nicsim_connect_suite(&self->conn, variant->suite);
	for (int i = 0; i < 2; i++)
		nicsim_expect(&self->conn, (enum nicsim_end)i, variant->tx[i], variant->rx[i]);
	wiretap_open(&self->tap);
}

FIXTURE_TEARDOWN(mixed)
{
	nicsim_calm();
	wiretap_close(&self->tap);
	nicsim_disconnect(&self->conn);
}

TEST_F(mixed, with_losses)
{
	nicsim_set("drop_wire", 61);
	nicsim_set("drop_local", 47);
	nicsim_pour(&self->conn, POUR_MIXED, BYTES / 2);
	nicsim_calm();
	wiretap_expect_pour(&self->tap, &self->conn, BYTES / 2);
}

static void pass_on(const struct nicsim_conn *conn, int records, bool wait)
{
	static uint8_t sent[1000], got[sizeof(sent)];

	for (int i = 0; i < records; i++) {
		sent[0] = (uint8_t)i;
		ASSERT_EQ(sizeof(sent), write(conn->fd[NICSIM_A], sent, sizeof(sent)));
		if (!wait)
			continue;
		ASSERT_EQ(sizeof(got), recv(conn->fd[NICSIM_B], got, sizeof(got), MSG_WAITALL));
		EXPECT_MEMEQ(sent, got, sizeof(sent));
	}
}

/*
 * The stack says unasked where records begin, as for drivers that cannot look for them: when it has
 * seen some that are encrypted, and nothing more is there to be read.
 */
TEST(the_stacks_hints)
{
	static uint8_t lost[6000];
	uint64_t taken, stat = resync_stat();
	struct nicsim_conn conn;

	nicsim_calm();
	nicsim_set("rx_core_hint", 1);
	nicsim_offload(NICSIM_A, true, true);
	nicsim_offload(NICSIM_B, true, true);
	nicsim_large_packets(false);
	nicsim_connect(&conn);
	taken = nicsim_counter(NICSIM_B, "rx_tls_resync_res_ok");
	nicsim_set("drop_wire", 2);
	pass_on(&conn, 6, false);
	nicsim_set("drop_wire", 0);
	ASSERT_EQ(sizeof(lost), recv(conn.fd[NICSIM_B], lost, sizeof(lost), MSG_WAITALL));
	pass_on(&conn, 40, true);
	EXPECT_GT(resync_stat(), stat);
	EXPECT_GT(nicsim_counter(NICSIM_B, "rx_tls_resync_res_ok"), taken);
	nicsim_disconnect(&conn);
}

int main(int argc, char **argv)
{
	return nicsim_main(argc, argv);
}
