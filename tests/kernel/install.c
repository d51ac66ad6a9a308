/* SPDX-License-Identifier: MIT */
/* When and on what keys can be installed, and what a refusal leaves behind (lib/ktls/kernel.h). */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/ktls/kernel.h"
#include "lib/ktls/loopback.h"
#include "lib/ktls/probe.h"
#include "tests/harness/harness.h"
#include "tests/harness/keyed.h"

static struct ktls_traffic_key key13(uint8_t fill)
{
	return keyed_key(KTLS_TLS_1_3, KTLS_AES_128_GCM_SHA256, fill);
}

/* Installs where a refusal is expected; returns the reason. */
static int try_install(int fd, bool transmit, struct ktls_traffic_key key, int *error)
{
	return kernel_install(fd, transmit, &key, error);
}

/* What fd sends is a record of key. */
static void expect_sends(int fd, int peer, struct ktls_traffic_key *key)
{
	uint8_t record[KEYED_RECORD_MAX], content[KEYED_RECORD_MAX], type = 0;
	size_t len;

	keyed_write(fd, "sent", 4);
	len = keyed_read_record(peer, record);
	EXPECT_EQ(4, keyed_open(key, record, len, &type, content));
	EXPECT_EQ(RECORD_APPLICATION_DATA, type);
	EXPECT_MEMEQ("sent", content, 4);
}

/* fd receives a record of key. */
static void expect_receives(int fd, int peer, struct ktls_traffic_key *key)
{
	uint8_t record[KEYED_RECORD_MAX], got[8], type = 0;

	keyed_write(peer, record, keyed_seal(key, RECORD_APPLICATION_DATA, "got", 3, record));
	EXPECT_EQ(3, kernel_record_recv(fd, got, sizeof(got), 0, &type));
	EXPECT_EQ(RECORD_APPLICATION_DATA, type);
	EXPECT_MEMEQ("got", got, 3);
}

FIXTURE(pair)
{
	int fd[2]; /* fd[0] has the ULP */
	int error;
};

FIXTURE_SETUP(pair)
{
	if (!keyed_or_skip())
		return;
	keyed_pair(self->fd);
}

FIXTURE_TEARDOWN(pair)
{
	close(self->fd[0]);
	close(self->fd[1]);
}

/* ---- the ULP ------------------------------------------------------------------------------------
 */

TEST_F(pair, the_ulp_changes_nothing_on_the_wire)
{
	char got[5];

	keyed_write(self->fd[0], "plain", 5);
	keyed_read(self->fd[1], got, 5);
	EXPECT_MEMEQ("plain", got, 5);
	keyed_write(self->fd[1], "reply", 5);
	keyed_read(self->fd[0], got, 5);
	EXPECT_MEMEQ("reply", got, 5);
}

TEST_F(pair, a_ulp_without_keys_is_taken)
{
	EXPECT_EQ(0, kernel_ulp_attach(self->fd[0], &self->error));
	EXPECT_EQ(0, self->error);
}

TEST_F(pair, a_ulp_with_keys_is_refused)
{
	struct ktls_traffic_key key = key13(1);

	keyed_install(self->fd[0], false, &key);
	EXPECT_EQ(-KTLS_R_SOCKET_HAS_KEYS, kernel_ulp_attach(self->fd[0], &self->error));
	expect_receives(self->fd[0], self->fd[1], &key);
}

TEST_F(pair, status_flags_stay)
{
	struct ktls_traffic_key key = key13(1);
	int flags = fcntl(self->fd[0], F_GETFL);

	keyed_install(self->fd[0], true, &key);
	EXPECT_EQ(flags, fcntl(self->fd[0], F_GETFL));
	EXPECT_EQ(0, flags & O_NONBLOCK);
}

TEST_F(pair, a_fin_before_the_ulp_is_refused)
{
	int fd[2];

	ASSERT_EQ(0, loopback_pair(fd));
	ASSERT_EQ(0, shutdown(fd[1], SHUT_WR));
	EXPECT_EQ(-KTLS_R_PEER_EOF, kernel_ulp_attach(fd[0], &self->error));
	EXPECT_EQ(ENOTCONN, self->error);
}

/* A client that half-closes right behind its Finished gets its answer. */
TEST_F(pair, a_fin_after_the_ulp_is_served)
{
	struct ktls_traffic_key tx = key13(1), rx = key13(2);
	uint8_t record[KEYED_RECORD_MAX], got[8], type = 0;

	keyed_write(self->fd[1], record,
		    keyed_seal(&rx, RECORD_APPLICATION_DATA, "last", 4, record));
	ASSERT_EQ(0, shutdown(self->fd[1], SHUT_WR));
	EXPECT_EQ(0, kernel_ulp_attach(self->fd[0], &self->error));
	keyed_install(self->fd[0], true, &tx);
	rx = key13(2);
	keyed_install(self->fd[0], false, &rx);
	EXPECT_EQ(4, kernel_record_recv(self->fd[0], got, sizeof(got), 0, &type));
	EXPECT_EQ(-ENODATA, kernel_record_recv(self->fd[0], got, sizeof(got), 0, &type));
	expect_sends(self->fd[0], self->fd[1], &tx);
}

TEST(tcp_over_ipv6)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	int listener = socket(AF_INET6, SOCK_STREAM, 0), fd, peer, error;
	struct ktls_traffic_key tx = key13(1), rx = key13(2);
	socklen_t len = sizeof(address);

	if (!keyed_or_skip())
		return;
	ASSERT_EQ(0, bind(listener, (struct sockaddr *)&address, len));
	ASSERT_EQ(0, listen(listener, 1));
	ASSERT_EQ(0, getsockname(listener, (struct sockaddr *)&address, &len));
	peer = socket(AF_INET6, SOCK_STREAM, 0);
	ASSERT_EQ(0, connect(peer, (struct sockaddr *)&address, len));
	fd = accept(listener, NULL, NULL);
	ASSERT_EQ(0, kernel_ulp_attach(fd, &error));
	keyed_install(fd, true, &tx);
	keyed_install(fd, false, &rx);
	expect_sends(fd, peer, &tx);
	expect_receives(fd, peer, &rx);
}

TEST(an_unprivileged_user_may)
{
	struct ktls_traffic_key tx = key13(1);
	int fd[2];

	if (!keyed_or_skip())
		return;
	if (geteuid() == 0) {
		ASSERT_EQ(0, setgroups(0, NULL));
		ASSERT_EQ(0, setresgid(65534, 65534, 65534));
		ASSERT_EQ(0, setresuid(65534, 65534, 65534));
	}
	keyed_pair(fd);
	keyed_install(fd[0], true, &tx);
	expect_sends(fd[0], fd[1], &tx);
}

/* ---- order --------------------------------------------------------------------------------------
 */

TEST_F(pair, one_direction_is_enough)
{
	struct ktls_traffic_key rx = key13(2);
	char got[5];

	keyed_install(self->fd[0], false, &rx);
	expect_receives(self->fd[0], self->fd[1], &rx);
	keyed_write(self->fd[0], "plain", 5);
	keyed_read(self->fd[1], got, 5);
	EXPECT_MEMEQ("plain", got, 5);
}

TEST_F(pair, receive_may_come_first)
{
	struct ktls_traffic_key tx = key13(1), rx = key13(2);

	keyed_install(self->fd[0], false, &rx);
	keyed_install(self->fd[0], true, &tx);
	expect_sends(self->fd[0], self->fd[1], &tx);
	expect_receives(self->fd[0], self->fd[1], &rx);
}

/* What came before the key is decrypted, from where reading in the clear has stopped. */
TEST_F(pair, records_may_wait_for_their_key)
{
	struct ktls_traffic_key rx = key13(2), seal = rx;
	uint8_t record[KEYED_RECORD_MAX];
	char got[16];

	keyed_write(self->fd[1], "handshake", 9);
	for (int i = 0; i < 3; i++)
		keyed_write(self->fd[1], record,
			    keyed_seal(&seal, RECORD_APPLICATION_DATA, "waiting", 7, record));
	keyed_read(self->fd[0], got, 9);
	EXPECT_MEMEQ("handshake", got, 9);
	keyed_install(self->fd[0], false, &rx);
	for (int i = 0; i < 3; i++) {
		keyed_read(self->fd[0], got, 7);
		EXPECT_MEMEQ("waiting", got, 7);
	}
}

TEST(the_first_record_may_be_cut_anywhere)
{
	struct ktls_traffic_key rx = key13(2), seal = rx;
	uint8_t record[KEYED_RECORD_MAX];
	size_t len = keyed_seal(&seal, RECORD_APPLICATION_DATA, "first", 5, record);

	if (!keyed_or_skip())
		return;
	for (size_t cut = 1; cut < len; cut++) {
		char got[5];
		int fd[2];

		keyed_pair(fd);
		keyed_write(fd[1], record, cut);
		keyed_install(fd[0], false, &rx);
		keyed_write(fd[1], record + cut, len - cut);
		keyed_read(fd[0], got, 5);
		EXPECT_MEMEQ("first", got, 5);
		close(fd[0]);
		close(fd[1]);
	}
}

/* ---- refusals -----------------------------------------------------------------------------------
 */

FIXTURE(mismatch)
{
	int fd[2];
};

/* The second direction's key, where the first has TLS 1.3 with AES-128-GCM. */
FIXTURE_VARIANT(mismatch)
{
	uint16_t version, suite;
};

FIXTURE_VARIANT_ADD(mismatch, version){ KTLS_TLS_1_2, 0xc02f };
FIXTURE_VARIANT_ADD(mismatch, cipher){ KTLS_TLS_1_3, KTLS_AES_256_GCM_SHA384 };
FIXTURE_VARIANT_ADD(mismatch, both){ KTLS_TLS_1_2, 0xcca8 };

FIXTURE_SETUP(mismatch)
{
	if (!keyed_or_skip())
		return;
	keyed_pair(self->fd);
}

FIXTURE_TEARDOWN(mismatch)
{
	close(self->fd[0]);
	close(self->fd[1]);
}

TEST_F(mismatch, is_refused_and_can_be_mended)
{
	struct ktls_traffic_key first = key13(1), second = key13(2), seen;
	int error = 0;

	for (int transmit = 0; transmit < 2; transmit++) {
		keyed_pair(self->fd);
		keyed_install(self->fd[0], transmit, &first);
		EXPECT_EQ(-KTLS_R_KERNEL_REFUSED,
			  try_install(self->fd[0], !transmit,
				      keyed_key(variant->version, variant->suite, 3), &error));
		EXPECT_EQ(EINVAL, error);
		EXPECT_EQ(-EBUSY, kernel_get(self->fd[0], !transmit, &seen));
		keyed_install(self->fd[0], !transmit, &second);
		first = transmit ? first : second;
		expect_sends(self->fd[0], self->fd[1], &first);
		first = key13(1);
	}
}

TEST_F(pair, a_second_key_replaces_the_first_or_leaves_it)
{
	struct ktls_traffic_key first = key13(1), second = key13(2), *now = &second;
	struct ktls_probe probe;
	int reason;

	ktls_probe(KTLS_PROBE_SUITES, &probe);
	keyed_install(self->fd[0], true, &first);
	expect_sends(self->fd[0], self->fd[1], &first);
	reason = kernel_install(self->fd[0], true, &second, &self->error);
	EXPECT_EQ(probe.rekey, self->error);
	EXPECT_EQ(probe.rekey == 0 ? 0 : -KTLS_R_SOCKET_HAS_KEYS, reason);
	if (probe.rekey != 0)
		now = &first;
	expect_sends(self->fd[0], self->fd[1], now);
}

TEST_F(pair, tls_1_2_never_changes_its_keys)
{
	struct ktls_traffic_key key = keyed_key(KTLS_TLS_1_2, 0xc030, 1);

	keyed_install(self->fd[0], true, &key);
	EXPECT_EQ(-KTLS_R_SOCKET_HAS_KEYS,
		  try_install(self->fd[0], true, keyed_key(KTLS_TLS_1_2, 0xc030, 2), &self->error));
	EXPECT_EQ(EBUSY, self->error);
	expect_sends(self->fd[0], self->fd[1], &key);
}

/* The peer's new key, announced by its KeyUpdate: readers wait for it where the kernel knows of it.
 */
TEST_F(pair, a_key_update_stops_reading_until_the_new_key)
{
	struct ktls_traffic_key rx = key13(1), next = key13(2), seal_next = next;
	uint8_t record[KEYED_RECORD_MAX], got[8], type = 0;
	struct ktls_probe probe;

	ktls_probe(KTLS_PROBE_SUITES, &probe);
	keyed_install(self->fd[0], false, &rx);
	keyed_write(self->fd[1], record,
		    keyed_seal(&rx, RECORD_HANDSHAKE, "\x18\0\0\1\0", 5, record));
	keyed_write(self->fd[1], record,
		    keyed_seal(&seal_next, RECORD_APPLICATION_DATA, "new", 3, record));
	EXPECT_EQ(5, kernel_record_recv(self->fd[0], got, sizeof(got), 0, &type));
	EXPECT_EQ(RECORD_HANDSHAKE, type);
	if (probe.rekey != 0) {
		EXPECT_EQ(-EBADMSG, kernel_record_recv(self->fd[0], got, sizeof(got), 0, &type));
		return;
	}
	EXPECT_EQ(-EKEYEXPIRED, kernel_record_recv(self->fd[0], got, sizeof(got), 0, &type));
	keyed_install(self->fd[0], false, &next);
	EXPECT_EQ(3, kernel_record_recv(self->fd[0], got, sizeof(got), 0, &type));
	EXPECT_MEMEQ("new", got, 3);
}

TEST_HARNESS_MAIN
