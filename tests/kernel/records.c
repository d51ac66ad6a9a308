/* SPDX-License-Identifier: MIT */
/*
 * Keys typed in by hand carry data: for every suite, version and direction the kernel's records are
 * read and written on the wire by a codec of our own (tests/harness/keyed.h), so that neither
 * plaintext nor a mistake that both ends share can pass for TLS.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/ktls/kernel.h"
#include "tests/harness/harness.h"
#include "tests/harness/keyed.h"

#define BULK (1024 * 1024)

/* fd[0] is the kernel TLS socket, fd[1] the plain peer. */
FIXTURE(records)
{
	int fd[2];
	struct ktls_traffic_key tx, rx; /* what the peer opens, and seals, with */
	uint8_t record[KEYED_RECORD_MAX];
	uint8_t content[KEYED_RECORD_MAX];
};

FIXTURE_VARIANT(records)
{
	uint16_t version, suite;
};

#define SUITE(name, version, suite) FIXTURE_VARIANT_ADD(records, name){ version, suite };

SUITE(tls13_aes_128_gcm, KTLS_TLS_1_3, KTLS_AES_128_GCM_SHA256)
SUITE(tls13_aes_256_gcm, KTLS_TLS_1_3, KTLS_AES_256_GCM_SHA384)
SUITE(tls13_chacha20_poly1305, KTLS_TLS_1_3, KTLS_CHACHA20_POLY1305_SHA256)
SUITE(tls12_aes_128_gcm, KTLS_TLS_1_2, 0xc02f)
SUITE(tls12_aes_256_gcm, KTLS_TLS_1_2, 0xc030)
SUITE(tls12_chacha20_poly1305, KTLS_TLS_1_2, 0xcca8)

/* The sequence numbers are not zero, differ, and carry into other bytes while a test runs. */
FIXTURE_SETUP(records)
{
	if (!keyed_or_skip())
		return;
	self->tx = keyed_key(variant->version, variant->suite, 1);
	self->rx = keyed_key(variant->version, variant->suite, 2);
	memcpy(self->tx.seq, "\x00\x00\x00\x00\x00\x00\xff\xff", 8);
	memcpy(self->rx.seq, "\x00\x00\x00\x01\xff\xff\xff\xfe", 8);
	keyed_pair(self->fd);
	keyed_install(self->fd[0], true, &self->tx);
	keyed_install(self->fd[0], false, &self->rx);
}

FIXTURE_TEARDOWN(records)
{
	close(self->fd[0]);
	close(self->fd[1]);
}

/* Takes a record of the kernel's off the wire and opens it. */
static ssize_t take(struct test_self_records *self, uint8_t *type)
{
	size_t len = keyed_read_record(self->fd[1], self->record);

	return keyed_open(&self->tx, self->record, len, type, self->content);
}

/* Puts a record on the wire for the kernel to open. */
static void put(struct test_self_records *self, uint8_t type, const void *bytes, size_t len)
{
	keyed_write(self->fd[1], self->record,
		    keyed_seal(&self->rx, type, bytes, len, self->record));
}

/* Bytes that repeat nowhere near. */
static void fill(uint8_t *bytes, size_t len)
{
	uint32_t x = 1;

	for (size_t i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		bytes[i] = (uint8_t)(x >> 24);
	}
}

TEST_F(records, what_is_written_is_encrypted)
{
	static const char text[] = "this must not be seen on the wire";
	uint8_t type;

	for (int i = 0; i < 3; i++) {
		keyed_write(self->fd[0], text, sizeof(text));
		ASSERT_EQ(sizeof(text), take(self, &type));
		EXPECT_EQ(RECORD_APPLICATION_DATA, type);
		EXPECT_MEMEQ(text, self->content, sizeof(text));
		EXPECT_EQ(RECORD_APPLICATION_DATA, self->record[0]);
		EXPECT_EQ(NULL, memmem(self->record, sizeof(self->record), text, 8));
	}
}

TEST_F(records, what_is_received_is_decrypted)
{
	char got[64];
	uint8_t type;

	put(self, RECORD_APPLICATION_DATA, "first", 5);
	put(self, RECORD_APPLICATION_DATA, "second", 6);
	put(self, RECORD_APPLICATION_DATA, "third", 5);
	keyed_read(self->fd[0], got, 16);
	EXPECT_MEMEQ("firstsecondthird", got, 16);
	put(self, RECORD_APPLICATION_DATA, "fourth", 6);
	EXPECT_EQ(6, kernel_record_recv(self->fd[0], got, sizeof(got), 0, &type));
	EXPECT_EQ(RECORD_APPLICATION_DATA, type);
}

TEST_F(records, keys_are_read_back_and_count_records)
{
	struct ktls_traffic_key key;
	uint8_t type;

	ASSERT_EQ(0, kernel_get(self->fd[0], true, &key));
	EXPECT_EQ(variant->version, key.version);
	EXPECT_MEMEQ(self->tx.key, key.key, 16);
	EXPECT_MEMEQ(self->tx.seq, key.seq, sizeof(key.seq));
	EXPECT_MEMEQ(self->tx.iv, key.iv, 4);
	keyed_write(self->fd[0], "x", 1);
	ASSERT_EQ(1, take(self, &type));
	ASSERT_EQ(0, kernel_get(self->fd[0], true, &key));
	EXPECT_MEMEQ("\0\0\0\0\0\1\0\0", key.seq, sizeof(key.seq));

	ASSERT_EQ(0, kernel_get(self->fd[0], false, &key));
	EXPECT_MEMEQ(self->rx.seq, key.seq, sizeof(key.seq));
	put(self, RECORD_APPLICATION_DATA, "y", 1);
	keyed_read(self->fd[0], self->content, 1);
	ASSERT_EQ(0, kernel_get(self->fd[0], false, &key));
	EXPECT_MEMEQ(self->rx.seq, key.seq, sizeof(key.seq));
}

TEST_F(records, a_megabyte_arrives_both_ways)
{
	uint8_t *bytes = malloc(BULK), *got = malloc(BULK), type;
	size_t at = 0;

	ASSERT_NOT_NULL(bytes);
	ASSERT_NOT_NULL(got);
	fill(bytes, BULK);
	while (at < BULK) {
		ssize_t n = send(self->fd[0], bytes + at, 20000 < BULK - at ? 20000 : BULK - at, 0);

		ASSERT_GT(n, 0);
		for (ssize_t left = n; left > 0;) {
			ssize_t len = take(self, &type);

			ASSERT_GT(len, 0);
			memcpy(got + at, self->content, (size_t)len);
			at += (size_t)len;
			left -= len;
		}
	}
	EXPECT_MEMEQ(bytes, got, BULK);

	memset(got, 0, BULK);
	for (at = 0; at < BULK; at += 16384) {
		put(self, RECORD_APPLICATION_DATA, bytes + at, 16384);
		keyed_read(self->fd[0], got + at, 16384);
	}
	EXPECT_MEMEQ(bytes, got, BULK);
	free(bytes);
	free(got);
}

TEST_F(records, control_records_go_out_between_data)
{
	uint8_t type = 0;

	keyed_write(self->fd[0], "data", 4);
	ASSERT_EQ(2, kernel_record_send(self->fd[0], RECORD_ALERT, "\1\0", 2, 0));
	ASSERT_EQ(5, kernel_record_send(self->fd[0], RECORD_HANDSHAKE, "\x18\0\0\1\0", 5, 0));
	ASSERT_EQ(4, take(self, &type));
	EXPECT_EQ(RECORD_APPLICATION_DATA, type);
	ASSERT_EQ(2, take(self, &type));
	EXPECT_EQ(RECORD_ALERT, type);
	EXPECT_MEMEQ("\1\0", self->content, 2);
	ASSERT_EQ(5, take(self, &type));
	EXPECT_EQ(RECORD_HANDSHAKE, type);
}

TEST_F(records, a_control_record_sends_what_is_held_back)
{
	uint8_t type = 0;

	ASSERT_EQ(4, send(self->fd[0], "open", 4, MSG_MORE));
	ASSERT_EQ(2, kernel_record_send(self->fd[0], RECORD_ALERT, "\1\0", 2, 0));
	ASSERT_EQ(4, take(self, &type));
	EXPECT_EQ(RECORD_APPLICATION_DATA, type);
	ASSERT_EQ(2, take(self, &type));
	EXPECT_EQ(RECORD_ALERT, type);
}

TEST_F(records, control_records_come_in_between_data)
{
	uint8_t got[64], type = 0;

	put(self, RECORD_APPLICATION_DATA, "before", 6);
	put(self, RECORD_HANDSHAKE, "ticket", 6);
	put(self, RECORD_APPLICATION_DATA, "after", 5);
	put(self, RECORD_ALERT, "\1\0", 2);
	ASSERT_EQ(6, kernel_record_recv(self->fd[0], got, sizeof(got), 0, &type));
	EXPECT_EQ(RECORD_APPLICATION_DATA, type);
	ASSERT_EQ(6, kernel_record_recv(self->fd[0], got, sizeof(got), 0, &type));
	EXPECT_EQ(RECORD_HANDSHAKE, type);
	EXPECT_MEMEQ("ticket", got, 6);
	ASSERT_EQ(5, kernel_record_recv(self->fd[0], got, sizeof(got), 0, &type));
	EXPECT_EQ(RECORD_APPLICATION_DATA, type);
	EXPECT_MEMEQ("after", got, 5);
	ASSERT_EQ(2, kernel_record_recv(self->fd[0], got, sizeof(got), 0, &type));
	EXPECT_EQ(RECORD_ALERT, type);
	EXPECT_EQ(-EAGAIN, kernel_record_recv(self->fd[0], got, sizeof(got), MSG_DONTWAIT, &type));
}

TEST_F(records, a_long_control_record_comes_in_pieces)
{
	uint8_t bytes[1000], got[1000], type = 0;

	fill(bytes, sizeof(bytes));
	put(self, RECORD_HANDSHAKE, bytes, sizeof(bytes));
	put(self, RECORD_APPLICATION_DATA, "data", 4);
	ASSERT_EQ(600, kernel_record_recv(self->fd[0], got, 600, 0, &type));
	EXPECT_EQ(RECORD_HANDSHAKE, type);
	type = 0;
	ASSERT_EQ(400, kernel_record_recv(self->fd[0], got + 600, 1000 - 600, MSG_WAITALL, &type));
	EXPECT_EQ(RECORD_HANDSHAKE, type);
	EXPECT_MEMEQ(bytes, got, sizeof(bytes));
	ASSERT_EQ(4, kernel_record_recv(self->fd[0], got, sizeof(got), 0, &type));
	EXPECT_EQ(RECORD_APPLICATION_DATA, type);
}

TEST_F(records, a_plain_read_leaves_a_control_record_there)
{
	uint8_t got[64], type = 0;

	put(self, RECORD_ALERT, "\1\0", 2);
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(-1, recv(self->fd[0], got, sizeof(got), 0));
		EXPECT_EQ(EIO, errno);
	}
	EXPECT_EQ(2, kernel_record_recv(self->fd[0], got, sizeof(got), 0, &type));
	EXPECT_EQ(RECORD_ALERT, type);
}

TEST_F(records, an_empty_record_is_not_the_end)
{
	uint8_t got[64], type = 0;

	put(self, RECORD_HANDSHAKE, NULL, 0);
	put(self, RECORD_APPLICATION_DATA, "data", 4);
	EXPECT_EQ(0, kernel_record_recv(self->fd[0], got, sizeof(got), 0, &type));
	EXPECT_EQ(RECORD_HANDSHAKE, type);
	EXPECT_EQ(4, kernel_record_recv(self->fd[0], got, sizeof(got), 0, &type));
	EXPECT_EQ(RECORD_APPLICATION_DATA, type);
}

TEST_F(records, empty_data_goes_by_unnoticed)
{
	uint8_t got[64], type = 0;

	for (int i = 0; i < 32; i++)
		put(self, RECORD_APPLICATION_DATA, NULL, 0);
	put(self, RECORD_APPLICATION_DATA, "data", 4);
	EXPECT_EQ(4, kernel_record_recv(self->fd[0], got, sizeof(got), 0, &type));
	EXPECT_EQ(RECORD_APPLICATION_DATA, type);
	EXPECT_MEMEQ("data", got, 4);
}

TEST_F(records, the_end_is_told_from_close_notify)
{
	uint8_t got[64], type = 0xee;

	put(self, RECORD_APPLICATION_DATA, "data", 4);
	put(self, RECORD_ALERT, "\1\0", 2);
	ASSERT_EQ(0, shutdown(self->fd[1], SHUT_WR));
	EXPECT_EQ(4, kernel_record_recv(self->fd[0], got, sizeof(got), 0, &type));
	EXPECT_EQ(2, kernel_record_recv(self->fd[0], got, sizeof(got), 0, &type));
	EXPECT_EQ(RECORD_ALERT, type);
	type = 0xee;
	EXPECT_EQ(-ENODATA, kernel_record_recv(self->fd[0], got, sizeof(got), 0, &type));
	EXPECT_EQ(-ENODATA, kernel_record_recv(self->fd[0], got, sizeof(got), 0, &type));
	EXPECT_EQ(0xee, type);
}

TEST_F(records, a_truncated_record_ends_the_stream)
{
	uint8_t got[64], type = 0xee;
	size_t len = keyed_seal(&self->rx, RECORD_APPLICATION_DATA, "data", 4, self->record);

	keyed_write(self->fd[1], self->record, len - 1);
	EXPECT_EQ(-EAGAIN, kernel_record_recv(self->fd[0], got, sizeof(got), MSG_DONTWAIT, &type));
	ASSERT_EQ(0, shutdown(self->fd[1], SHUT_WR));
	EXPECT_EQ(-ENODATA, kernel_record_recv(self->fd[0], got, sizeof(got), 0, &type));
	EXPECT_EQ(0xee, type);
}

TEST_F(records, sending_may_outlive_receiving)
{
	uint8_t got[64], type = 0;

	ASSERT_EQ(0, shutdown(self->fd[1], SHUT_WR));
	EXPECT_EQ(-ENODATA, kernel_record_recv(self->fd[0], got, sizeof(got), 0, &type));
	keyed_write(self->fd[0], "late", 4);
	EXPECT_EQ(4, take(self, &type));
}

/* ---- what the peer may do wrong -----------------------------------------------------------------
 */

TEST_F(records, a_changed_record_is_refused)
{
	uint8_t got[64], type = 0xee;
	size_t len = keyed_seal(&self->rx, RECORD_APPLICATION_DATA, "data", 4, self->record);

	self->record[len - 1] ^= 1;
	keyed_write(self->fd[1], self->record, len);
	EXPECT_EQ(-EBADMSG, kernel_record_recv(self->fd[0], got, sizeof(got), 0, &type));
	EXPECT_EQ(0xee, type);
}

TEST_F(records, a_repeated_record_is_refused)
{
	uint8_t got[64], type = 0;
	size_t len = keyed_seal(&self->rx, RECORD_APPLICATION_DATA, "data", 4, self->record);

	keyed_write(self->fd[1], self->record, len);
	keyed_write(self->fd[1], self->record, len);
	EXPECT_EQ(4, kernel_record_recv(self->fd[0], got, 4, 0, &type));
	EXPECT_EQ(-EBADMSG, kernel_record_recv(self->fd[0], got, sizeof(got), 0, &type));
}

/* The kernel looks at a header when it has the explicit nonce as well, where there is one. */
TEST_F(records, a_record_too_long_is_refused)
{
	uint8_t got[64], type = 0xee;

	keyed_write(self->fd[1], "\x17\x03\x03\x48\x00noncenonce", KEYED_HEADER + 8);
	EXPECT_EQ(-EMSGSIZE, kernel_record_recv(self->fd[0], got, sizeof(got), 0, &type));
	EXPECT_EQ(0xee, type);
}

TEST_F(records, a_record_too_short_is_refused)
{
	uint8_t got[64], type = 0xee;

	keyed_write(self->fd[1], "\x17\x03\x03\x00\x04noncenonce", KEYED_HEADER + 8);
	EXPECT_EQ(-EBADMSG, kernel_record_recv(self->fd[0], got, sizeof(got), 0, &type));
	EXPECT_EQ(0xee, type);
}

TEST_F(records, plaintext_is_refused)
{
	uint8_t got[64], type = 0xee;

	keyed_write(self->fd[1], "GET / HTTP/1.0\r\n\r\n", 18);
	EXPECT_GT(0, kernel_record_recv(self->fd[0], got, sizeof(got), 0, &type));
	EXPECT_EQ(0xee, type);
}

TEST_HARNESS_MAIN
