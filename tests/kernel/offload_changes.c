/* SPDX-License-Identifier: MIT */
/*
 * Devices that do TLS, and what happens to them: they have no room, go down and come back, have
 * their features turned off, or lose their connections, in the middle of it all. The kernel does
 * what they do not, and nothing is lost.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/harness/conns.h"
#include "tests/harness/nicsim.h"
#include "tests/harness/wiretap.h"

#define BYTES      (64 << 10)
#define LONG_BYTES (512 << 10) /* there is time for something to happen */
#define MANY       6

FIXTURE(changes)
{
	struct nicsim_conn conn;
	struct wiretap tap;
};

FIXTURE_SETUP(changes)
{
	nicsim_calm();
	nicsim_offload(NICSIM_A, true, true);
	nicsim_offload(NICSIM_B, true, true);
}

FIXTURE_TEARDOWN(changes)
{
	nicsim_calm();
	wiretap_close(&self->tap);
	nicsim_disconnect(&self->conn);
}

static void sleep_ms(long ms)
{
	nanosleep(&(struct timespec){ .tv_nsec = ms * 1000000 }, NULL);
}

/* Waits until both ends' devices have as many contexts as that; half a minute at most. */
static void expect_contexts(uint64_t n)
{
	uint64_t tx = n + 1;

	for (int i = 0; i < 3000 && tx != n; i++) {
		tx = nicsim_stat(NICSIM_A, "TlsCurrTxDevice") +
		     nicsim_stat(NICSIM_B, "TlsCurrTxDevice");
		tx += nicsim_counter(NICSIM_A, "tx_tls_ctx") -
		      nicsim_counter(NICSIM_A, "tx_tls_del");
		tx += nicsim_counter(NICSIM_B, "tx_tls_ctx") -
		      nicsim_counter(NICSIM_B, "tx_tls_del");
		tx /= 2;
		sleep_ms(10);
	}
	EXPECT_EQ(n, tx);
}

static void expect_by(const struct nicsim_conn *conn, bool device)
{
	nicsim_expect(conn, NICSIM_A, device, device);
	nicsim_expect(conn, NICSIM_B, device, device);
}

/* ---- no room ---------------------------------------------------------------------------------
 */

TEST_F(changes, a_device_that_refuses)
{
	uint64_t refused = nicsim_counter(NICSIM_A, "tx_tls_ctx_refused") +
			   nicsim_counter(NICSIM_B, "rx_tls_ctx_refused");

	nicsim_set("max_ctx", 0);
	nicsim_connect(&self->conn);
	expect_by(&self->conn, false);
	for (int i = 0; i < 2; i++) {
		EXPECT_STREQ("REFUSED", ktls_no_hw_name(self->conn.reply[i]->tx_no_hw));
		EXPECT_STREQ("REFUSED", ktls_no_hw_name(self->conn.reply[i]->rx_no_hw));
	}
	EXPECT_EQ(refused + 2, nicsim_counter(NICSIM_A, "tx_tls_ctx_refused") +
				       nicsim_counter(NICSIM_B, "rx_tls_ctx_refused"));
	wiretap_open(&self->tap);
	nicsim_pour(&self->conn, POUR_MIXED, BYTES);
	wiretap_expect_pour(&self->tap, &self->conn, BYTES);
}

/* One direction is the device's, the other the kernel's. */
TEST_F(changes, a_device_that_refuses_one_direction)
{
	nicsim_set("refuse", 2);
	nicsim_connect(&self->conn);
	for (int i = 0; i < 2; i++) {
		nicsim_expect(&self->conn, (enum nicsim_end)i, true, false);
		EXPECT_EQ(KTLS_NO_HW_NONE, self->conn.reply[i]->tx_no_hw);
		EXPECT_EQ(KTLS_NO_HW_REFUSED, self->conn.reply[i]->rx_no_hw);
	}
	wiretap_open(&self->tap);
	nicsim_pour(&self->conn, POUR_MIXED, BYTES);
	wiretap_expect_pour(&self->tap, &self->conn, BYTES);
}

TEST_F(changes, a_device_that_knows_the_other_cipher_only)
{
	nicsim_set("ciphers", 1);
	nicsim_connect_suite(&self->conn, KTLS_ECDHE_ECDSA_AES_256_GCM_SHA384);
	expect_by(&self->conn, false);
	wiretap_open(&self->tap);
	nicsim_pour(&self->conn, POUR_MIXED, BYTES / 2);
	wiretap_expect_pour(&self->tap, &self->conn, BYTES / 2);
}

TEST_F(changes, a_device_with_room_for_one)
{
	struct nicsim_conn second, third;

	expect_contexts(0);
	nicsim_set("max_ctx", 1);
	nicsim_connect(&self->conn);
	expect_by(&self->conn, true);
	nicsim_connect(&second);
	expect_by(&second, false);
	nicsim_pour(&second, POUR_MIXED, BYTES);
	nicsim_pour(&self->conn, POUR_MIXED, BYTES);
	nicsim_disconnect(&self->conn);
	expect_contexts(0);
	nicsim_connect(&third);
	expect_by(&third, true);
	nicsim_pour(&third, POUR_MIXED, BYTES);
	nicsim_disconnect(&second);
	self->conn = third;
}

/* ---- in the middle of it ---------------------------------------------------------------------
 */

struct event {
	enum nicsim_end end;
	void (*happen)(enum nicsim_end end);
	uint64_t encrypted; /* bytes of that end's device, before */
};

/* Happens when a quarter has been sent. */
static void *midway(void *arg)
{
	struct event *e = arg;

	while (nicsim_counter(e->end, "tx_tls_encrypted_bytes") < e->encrypted + LONG_BYTES / 4)
		sleep_ms(1);
	e->happen(e->end);
	return NULL;
}

static void pour_while(struct test_self_changes *self, struct event e, enum pour_way way)
{
	pthread_t thread;

	nicsim_connect(&self->conn);
	expect_by(&self->conn, true);
	wiretap_open(&self->tap);
	if (way == POUR_FILES)
		nicsim_zerocopy(&self->conn);
	e.encrypted = nicsim_counter(e.end, "tx_tls_encrypted_bytes");
	ASSERT_EQ(0, pthread_create(&thread, NULL, midway, &e));
	nicsim_pour(&self->conn, way, LONG_BYTES);
	pthread_join(thread, NULL);
	wiretap_expect_pour(&self->tap, &self->conn, LONG_BYTES);
}

static void down_and_up(enum nicsim_end end)
{
	nicsim_up(end, false);
	sleep_ms(20);
	nicsim_up(end, true);
}

/* Contexts of a device that goes down are taken away, and the kernel goes on by itself. */
static void expect_taken_away(enum nicsim_end end)
{
	EXPECT_EQ(nicsim_counter(end, "tx_tls_ctx"), nicsim_counter(end, "tx_tls_del"));
	EXPECT_EQ(nicsim_counter(end, "rx_tls_ctx"), nicsim_counter(end, "rx_tls_del"));
	EXPECT_EQ(1, nicsim_stat(end, "TlsCurrTxDevice"));
}

TEST_F(changes, the_device_of_one_end_goes_down_and_comes_back)
{
	expect_contexts(0);
	pour_while(self, (struct event){ NICSIM_A, down_and_up, 0 }, POUR_MIXED);
	expect_taken_away(NICSIM_A);
}

TEST_F(changes, the_device_of_the_other_end_goes_down_and_comes_back)
{
	expect_contexts(0);
	pour_while(self, (struct event){ NICSIM_B, down_and_up, 0 }, POUR_MIXED);
	expect_taken_away(NICSIM_B);
}

/* The kernel encrypts what the device was to read from the page cache. */
TEST_F(changes, files_that_are_not_copied_while_a_device_goes_down)
{
	expect_contexts(0);
	pour_while(self, (struct event){ NICSIM_A, down_and_up, 0 }, POUR_FILES);
	expect_taken_away(NICSIM_A);
}

static void features_off(enum nicsim_end end)
{
	nicsim_offload(end, false, false);
}

/* Connections that a device has it keeps; new ones it does not get. */
TEST_F(changes, features_are_turned_off)
{
	struct nicsim_conn second;

	pour_while(self, (struct event){ NICSIM_A, features_off, 0 }, POUR_MIXED);
	EXPECT_GE(nicsim_counter(NICSIM_A, "tx_tls_encrypted_bytes"), LONG_BYTES);
	nicsim_connect(&second);
	nicsim_expect(&second, NICSIM_A, false, false);
	nicsim_expect(&second, NICSIM_B, true, true);
	nicsim_pour(&second, POUR_MIXED, BYTES);
	nicsim_disconnect(&second);
}

/* ---- nothing gets through ----------------------------------------------------------------------
 */

/* As much as goes without anybody who reads. */
static size_t fill(int fd, uint8_t *bytes, size_t len)
{
	size_t sent = 0;
	ssize_t n;

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 251);
	while (sent < len && (n = send(fd, bytes + sent, len - sent, MSG_DONTWAIT)) > 0)
		sent += (size_t)n;
	return sent;
}

/*
 * A queueing discipline that takes packets from their sockets: the kernel drops those that a device
 * was to encrypt, and lets none out in the clear. When it has gone, TCP sends them again.
 */
TEST_F(changes, a_queue_that_delays_is_put_before_the_device)
{
	static uint8_t sent[BYTES], got[sizeof(sent)];
	uint64_t encrypted;
	size_t len;

	if (system("modprobe -q sch_netem") != 0)
		SKIP(return, "no netem in this kernel");
	nicsim_connect(&self->conn);
	wiretap_open(&self->tap);
	encrypted = nicsim_counter(NICSIM_A, "tx_tls_encrypted_bytes");
	ASSERT_EQ(0, system("tc -n a qdisc add dev nic0a root netem delay 1ms"));
	len = fill(self->conn.fd[NICSIM_A], sent, sizeof(sent));
	sleep_ms(300);
	EXPECT_EQ(-1, recv(self->conn.fd[NICSIM_B], got, sizeof(got), MSG_DONTWAIT));
	EXPECT_EQ(encrypted, nicsim_counter(NICSIM_A, "tx_tls_encrypted_bytes"));
	wiretap_take(&self->tap);
	EXPECT_FALSE(self->tap.streams[NICSIM_A].begun);
	ASSERT_EQ(0, system("tc -n a qdisc del dev nic0a root"));
	ASSERT_EQ(len, recv(self->conn.fd[NICSIM_B], got, len, MSG_WAITALL));
	EXPECT_MEMEQ(sent, got, len);
	EXPECT_GT(nicsim_counter(NICSIM_A, "tx_tls_encrypted_bytes"), encrypted);
	wiretap_take(&self->tap);
	EXPECT_EQ(len, wiretap_open_records(&self->tap, &self->conn, NICSIM_A).content);
	nicsim_expect(&self->conn, NICSIM_A, true, true);
}

/*
 * rmmod takes contexts and devices away under connections that use them. These are the kernel's
 * from then on, and go on when there is a way again; what was given to the device and has not
 * arrived is sent again, too.
 */
TEST_F(changes, the_module_is_removed)
{
	static uint8_t sent[8 << 20], got[sizeof(sent)];
	struct nicsim_conn other;
	size_t len;

	nicsim_connect(&self->conn);
	nicsim_connect(&other);
	expect_by(&other, true);
	len = fill(self->conn.fd[NICSIM_A], sent, sizeof(sent));
	EXPECT_GT(len, 2 * 16384);
	nicsim_unload();
	nicsim_disconnect(&other);
	EXPECT_EQ(1, nicsim_stat(NICSIM_A, "TlsCurrTxDevice"));
	nicsim_load();
	ASSERT_EQ(len, recv(self->conn.fd[NICSIM_B], got, len, MSG_WAITALL));
	EXPECT_MEMEQ(sent, got, len);
	nicsim_pour(&self->conn, POUR_MIXED, BYTES);
	EXPECT_EQ(0, nicsim_counter(NICSIM_A, "tx_tls_encrypted_bytes"));
	EXPECT_EQ(0, nicsim_counter(NICSIM_A, "rx_tls_decrypted_bytes"));
	nicsim_disconnect(&self->conn);
	expect_contexts(0);
	/* New ones get the new device. */
	nicsim_offload(NICSIM_A, true, true);
	nicsim_offload(NICSIM_B, true, true);
	nicsim_connect(&self->conn);
	expect_by(&self->conn, true);
	nicsim_pour(&self->conn, POUR_MIXED, BYTES);
}

/* ---- ends, many ------------------------------------------------------------------------------
 */

TEST_F(changes, connections_that_are_cut_leave_nothing_behind)
{
	static const uint8_t bytes[65536];

	expect_contexts(0);
	nicsim_connect(&self->conn);
	ASSERT_GT(send(self->conn.fd[NICSIM_A], bytes, sizeof(bytes), MSG_DONTWAIT), 0);
	close_by_reset(self->conn.fd[NICSIM_B]);
	self->conn.fd[NICSIM_B] = -1;
	while (send(self->conn.fd[NICSIM_A], bytes, sizeof(bytes), MSG_NOSIGNAL) > 0)
		;
	EXPECT_TRUE(errno == ECONNRESET || errno == EPIPE);
	close(self->conn.fd[NICSIM_A]);
	self->conn.fd[NICSIM_A] = -1;
	expect_contexts(0);
}

static void *pour_some(void *arg)
{
	return nicsim_pour(arg, POUR_MIXED, BYTES) ? arg : NULL;
}

TEST_F(changes, many_at_once)
{
	struct nicsim_conn conns[MANY];
	pthread_t threads[MANY];
	void *well;

	nicsim_large_packets(false);
	nicsim_set("drop_wire", 97);
	for (int i = 0; i < MANY; i++) {
		nicsim_connect(&conns[i]);
		expect_by(&conns[i], true);
	}
	for (int i = 0; i < MANY; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, pour_some, &conns[i]));
	for (int i = 0; i < MANY; i++) {
		pthread_join(threads[i], &well);
		EXPECT_NOT_NULL(well);
		nicsim_disconnect(&conns[i]);
	}
}

int main(int argc, char **argv)
{
	return nicsim_main(argc, argv);
}
