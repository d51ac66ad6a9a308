/* SPDX-License-Identifier: MIT */
/*
 * Records in userspace behind the handshake. The other end is tests/harness/keyed.c, a record layer
 * of its own, which is what the kernel is tested against as well.
 */
#include <string.h>

#include <ktls-record.h>

#include "lib/crypto/util.h"
#include "tests/harness/harness.h"
#include "tests/harness/keyed.h"

FIXTURE(records)
{
	struct ktls_record_layer records;
	struct ktls_traffic_key tx, rx;      /* the far end's idea of them */
	uint8_t wire[KEYED_RECORD_MAX + 64]; /* with room for what is too long */
	uint8_t content[KEYED_RECORD_MAX];
};

FIXTURE_VARIANT(records)
{
	uint16_t version, suite;
};

FIXTURE_VARIANT_ADD(records, tls13_aes_128){ KTLS_TLS_1_3, KTLS_AES_128_GCM_SHA256 };
FIXTURE_VARIANT_ADD(records, tls13_aes_256){ KTLS_TLS_1_3, KTLS_AES_256_GCM_SHA384 };
FIXTURE_VARIANT_ADD(records, tls13_chacha){ KTLS_TLS_1_3, KTLS_CHACHA20_POLY1305_SHA256 };
FIXTURE_VARIANT_ADD(records, tls12_aes_128){ KTLS_TLS_1_2, KTLS_ECDHE_RSA_AES_128_GCM_SHA256 };
FIXTURE_VARIANT_ADD(records, tls12_aes_256){ KTLS_TLS_1_2, KTLS_ECDHE_RSA_AES_256_GCM_SHA384 };
FIXTURE_VARIANT_ADD(records, tls12_chacha){ KTLS_TLS_1_2, KTLS_ECDHE_RSA_CHACHA20_POLY1305 };

FIXTURE_SETUP(records)
{
	ASSERT_EQ(0, crypto_init());
	self->tx = keyed_key(variant->version, variant->suite, 1);
	self->rx = keyed_key(variant->version, variant->suite, 2);
	self->rx.seq[7] = 3; /* a handshake may have used some numbers */
	ASSERT_EQ(0, ktls_record_init(&self->records, &self->tx, &self->rx));
}

FIXTURE_TEARDOWN(records)
{
	static const struct ktls_record_layer zeros;

	ktls_record_wipe(&self->records);
	EXPECT_MEMEQ(&zeros, &self->records, sizeof(zeros));
}

static const size_t lengths[] = { 0, 1, 15, 16, 17, 255, 1000, 16383, 16384 };
#define LENGTHS (sizeof(lengths) / sizeof(lengths[0]))

TEST_F(records, what_is_sealed_is_understood)
{
	uint8_t type, *in = self->wire + ktls_record_prefix(&self->records);
	size_t len;

	for (size_t i = 0; i < LENGTHS; i++) {
		memset(in, (int)i + 1, lengths[i]);
		ASSERT_EQ(0,
			  ktls_record_seal(&self->records, 23, in, lengths[i], self->wire, &len));
		EXPECT_LE(len, lengths[i] + KTLS_RECORD_OVERHEAD_MAX);
		ASSERT_EQ(lengths[i], keyed_open(&self->tx, self->wire, len, &type, self->content));
		EXPECT_EQ(23, type);
		for (size_t at = 0; at < lengths[i]; at++)
			ASSERT_EQ(i + 1, self->content[at]);
	}
}

/* The content may lie elsewhere, and stays as it is. */
TEST_F(records, content_from_elsewhere)
{
	static const uint8_t alert[] = { 1, 0 };
	uint8_t type;
	size_t len;

	ASSERT_EQ(0, ktls_record_seal(&self->records, 21, alert, 2, self->wire, &len));
	ASSERT_EQ(2, keyed_open(&self->tx, self->wire, len, &type, self->content));
	EXPECT_EQ(21, type);
	EXPECT_MEMEQ(alert, self->content, 2);
}

TEST_F(records, what_comes_is_opened)
{
	struct ktls_span content;
	uint8_t type;
	size_t len;

	for (size_t i = 0; i < LENGTHS; i++) {
		memset(self->content, (int)i + 1, lengths[i]);
		len = keyed_seal(&self->rx, 23, self->content, lengths[i], self->wire);
		ASSERT_EQ(0, ktls_record_open(&self->records, self->wire, len, &type, &content));
		EXPECT_EQ(23, type);
		ASSERT_EQ(lengths[i], content.len);
		EXPECT_MEMEQ(self->content, content.bytes, content.len);
	}
}

TEST_F(records, a_changed_bit_ends_it)
{
	struct ktls_span content;
	uint8_t type;
	size_t len = keyed_seal(&self->rx, 23, "hello", 5, self->wire);

	self->wire[len - 1] ^= 1;
	EXPECT_EQ(-KTLS_R_RECORD_MAC,
		  ktls_record_open(&self->records, self->wire, len, &type, &content));
	self->wire[len - 1] ^= 1;
	EXPECT_EQ(-KTLS_R_MISUSE,
		  ktls_record_open(&self->records, self->wire, len, &type, &content));
	/* An alert can still be sent. */
	EXPECT_EQ(0, ktls_record_seal(&self->records, 21, "\2\24", 2, self->wire, &len));
}

TEST_F(records, repeated_and_left_out)
{
	uint8_t again[64], type;
	struct ktls_span content;
	size_t len = keyed_seal(&self->rx, 23, "hello", 5, self->wire);

	memcpy(again, self->wire, len);
	ASSERT_EQ(0, ktls_record_open(&self->records, self->wire, len, &type, &content));
	EXPECT_EQ(-KTLS_R_RECORD_MAC,
		  ktls_record_open(&self->records, again, len, &type, &content));
}

TEST_F(records, cut_at_every_byte)
{
	struct ktls_span content;
	uint8_t type;
	size_t len = keyed_seal(&self->rx, 23, "hello", 5, self->wire);

	/* What is not one whole record was the caller's mistake: nothing is lost by it. */
	for (size_t i = 0; i < len; i++)
		EXPECT_EQ(-KTLS_R_MISUSE,
			  ktls_record_open(&self->records, self->wire, i, &type, &content));
	EXPECT_EQ(-KTLS_R_MISUSE,
		  ktls_record_open(&self->records, self->wire, len + 1, &type, &content));
	EXPECT_EQ(0, ktls_record_open(&self->records, self->wire, len, &type, &content));
}

TEST_F(records, too_short_for_a_tag)
{
	uint8_t record[] = { 23, 3, 3, 0, 15, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
	struct ktls_span content;
	uint8_t type;

	EXPECT_EQ(-KTLS_R_RECORD_MAC,
		  ktls_record_open(&self->records, record, sizeof(record), &type, &content));
}

TEST_F(records, longer_than_any)
{
	size_t max = 16384 + (variant->version == KTLS_TLS_1_3 ? 256 : 2048);
	static uint8_t record[5 + 16384 + 2048 + 1];
	struct ktls_span content;
	uint8_t type;

	record[0] = 23;
	record[1] = 3;
	record[2] = 3;
	record[3] = (uint8_t)((max + 1) >> 8);
	record[4] = (uint8_t)(max + 1);
	EXPECT_EQ(-KTLS_R_RECORD_TOO_LONG,
		  ktls_record_open(&self->records, record, 5 + max + 1, &type, &content));
}

TEST_F(records, of_another_type)
{
	struct ktls_span content;
	uint8_t type;
	size_t len = keyed_seal(&self->rx, 23, "hello", 5, self->wire);

	self->wire[0] = 24;
	EXPECT_EQ(-KTLS_R_RECORD_TYPE,
		  ktls_record_open(&self->records, self->wire, len, &type, &content));
}

TEST_F(records, empty_ones_are_data_only)
{
	struct ktls_span content;
	uint8_t type;
	size_t len;

	EXPECT_EQ(-KTLS_R_MISUSE, ktls_record_seal(&self->records, 22, NULL, 0, self->wire, &len));
	len = keyed_seal(&self->rx, 22, NULL, 0, self->wire);
	EXPECT_EQ(-KTLS_R_RECORD_EMPTY,
		  ktls_record_open(&self->records, self->wire, len, &type, &content));
}

TEST_F(records, content_too_long_is_not_sent)
{
	static uint8_t out[16385 + KTLS_RECORD_OVERHEAD_MAX];
	size_t len = 77;

	EXPECT_EQ(-KTLS_R_MISUSE, ktls_record_seal(&self->records, 23, out, 16385, out, &len));
	EXPECT_EQ(77, len);
}

/* TLS 1.2 never changes its keys. */
TEST_F(records, new_keys)
{
	struct ktls_traffic_key next = keyed_key(variant->version, variant->suite, 3);
	bool may = variant->version == KTLS_TLS_1_3;
	struct ktls_span content;
	uint8_t type;
	size_t len;

	ASSERT_EQ(may ? 0 : -KTLS_R_MISUSE, ktls_record_rekey_tx(&self->records, &next));
	ASSERT_EQ(may ? 0 : -KTLS_R_MISUSE, ktls_record_rekey_rx(&self->records, &next));
	if (may) {
		self->tx = next;
		self->rx = next;
	}
	ASSERT_EQ(0, ktls_record_seal(&self->records, 23, "hello", 5, self->wire, &len));
	EXPECT_EQ(5, keyed_open(&self->tx, self->wire, len, &type, self->content));
	len = keyed_seal(&self->rx, 23, "hello", 5, self->wire);
	EXPECT_EQ(0, ktls_record_open(&self->records, self->wire, len, &type, &content));
	next.suite = next.suite == KTLS_AES_128_GCM_SHA256 ? KTLS_AES_256_GCM_SHA384
							   : KTLS_AES_128_GCM_SHA256;
	EXPECT_EQ(-KTLS_R_MISUSE, ktls_record_rekey_tx(&self->records, &next));
}

TEST_F(records, numbers_do_not_wrap)
{
	struct ktls_span content;
	uint8_t type;
	size_t len;

	memset(self->tx.seq, 0xff, 8);
	memset(self->rx.seq, 0xff, 8);
	self->tx.seq[7] = 0xfe;
	self->rx.seq[7] = 0xfe;
	ASSERT_EQ(0, ktls_record_init(&self->records, &self->tx, &self->rx));
	ASSERT_EQ(0, ktls_record_seal(&self->records, 23, "hello", 5, self->wire, &len));
	EXPECT_EQ(-KTLS_R_KEY_EXHAUSTED,
		  ktls_record_seal(&self->records, 23, "hello", 5, self->wire, &len));
	len = keyed_seal(&self->rx, 23, "hello", 5, self->wire);
	ASSERT_EQ(0, ktls_record_open(&self->records, self->wire, len, &type, &content));
	len = keyed_seal(&self->rx, 23, "hello", 5, self->wire);
	EXPECT_EQ(-KTLS_R_KEY_EXHAUSTED,
		  ktls_record_open(&self->records, self->wire, len, &type, &content));
}

TEST_F(records, keys_without_sense)
{
	struct ktls_traffic_key bad = self->tx;

	bad.suite = 0x1399;
	EXPECT_EQ(-KTLS_R_MISUSE, ktls_record_init(&self->records, &bad, &self->rx));
	bad = self->tx;
	bad.version = 0x0302;
	EXPECT_EQ(-KTLS_R_MISUSE, ktls_record_init(&self->records, &self->tx, &bad));
}

/* Padding is taken off, and a record of nothing else refused (RFC 9846, 5.4). */
TEST(padding)
{
	struct ktls_traffic_key key = keyed_key(KTLS_TLS_1_3, KTLS_AES_128_GCM_SHA256, 1);
	struct ktls_traffic_key far = key;
	uint8_t wire[KEYED_RECORD_MAX], type;
	struct ktls_record_layer records;
	struct ktls_span content;
	size_t len;

	ASSERT_EQ(0, crypto_init());
	ASSERT_EQ(0, ktls_record_init(&records, &key, &key));
	len = keyed_seal(&far, 0, "hi\x17\0\0\0", 6, wire);
	ASSERT_EQ(0, ktls_record_open(&records, wire, len, &type, &content));
	EXPECT_EQ(23, type);
	ASSERT_EQ(2, content.len);
	EXPECT_MEMEQ("hi", content.bytes, 2);
	len = keyed_seal(&far, 0, "\0\0\0", 3, wire);
	EXPECT_EQ(-KTLS_R_RECORD_NO_TYPE, ktls_record_open(&records, wire, len, &type, &content));
	ktls_record_wipe(&records);
}

TEST_HARNESS_MAIN
