/* SPDX-License-Identifier: MIT */
/* What comes beside data after the handshake, record by record; nothing here needs kernel TLS. */
#include "lib/handoff/stream.h"

#include <stdlib.h>
#include <string.h>

#include "lib/handoff/protocol.h"
#include "lib/ktls/kernel.h"
#include "tests/harness/harness.h"

#define TICKET "\x04\x00\x00\x05hello"

static int feed(struct stream *s, uint8_t type, const void *bytes, size_t len)
{
	return stream_record(s, type, bytes, len, true);
}

/* Of a record that begins so, in the middle of something or as a KeyUpdate's first part. */
static int stops(uint8_t first)
{
	return first == 24 ? STREAM_STOPS : 0;
}

/* A stream that has got the bytes in one record and says so. */
static void expect(uint8_t type, const void *bytes, size_t len, int result)
{
	struct stream s = { 0 };
	int ret = feed(&s, type, bytes, len);

	EXPECT_STREQ(ktls_reason_name(-result), ktls_reason_name(-ret));
	EXPECT_EQ(result, ret);
	stream_wipe(&s);
}

TEST(data)
{
	expect(RECORD_APPLICATION_DATA, "x", 1, STREAM_DATA);
	expect(RECORD_APPLICATION_DATA, "", 0, 0);
}

TEST(alerts)
{
	static const struct {
		const char *bytes;
		size_t len;
		int result;
	} cases[] = {
		{ "\1\0", 2, -KTLS_R_PEER_CLOSE_NOTIFY },
		{ "\2\0", 2, -KTLS_R_PEER_CLOSE_NOTIFY },
		{ "\1\x5a", 2, 0 }, /* user_canceled */
		{ "\2\x2f", 2, -KTLS_R_PEER_ALERT },
		{ "\1\xfe", 2, -KTLS_R_PEER_ALERT },
		{ "", 0, -KTLS_R_ALERT_MALFORMED },
		{ "\1", 1, -KTLS_R_ALERT_MALFORMED },
		{ "\1\0\0", 3, -KTLS_R_ALERT_MALFORMED },
		{ "\1\0\1\0", 4, -KTLS_R_ALERT_MALFORMED },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect(RECORD_ALERT, cases[i].bytes, cases[i].len, cases[i].result);
}

TEST(peers_alert_is_kept)
{
	struct stream s = { 0 };

	EXPECT_EQ(-KTLS_R_PEER_ALERT, feed(&s, RECORD_ALERT, "\2\x2f", 2));
	EXPECT_EQ(KTLS_ALERT_ILLEGAL_PARAMETER, s.alert);
}

TEST(user_canceled_and_then_the_end)
{
	struct stream s = { 0 };

	EXPECT_EQ(0, feed(&s, RECORD_ALERT, "\1\x5a", 2));
	EXPECT_EQ(STREAM_DATA, feed(&s, RECORD_APPLICATION_DATA, "x", 1));
	EXPECT_EQ(-KTLS_R_PEER_CLOSE_NOTIFY, feed(&s, RECORD_ALERT, "\1\0", 2));
}

/* The application reads byte by byte, so the record comes in parts. */
TEST(alert_in_parts_of_one_record)
{
	struct stream s = { 0 };

	EXPECT_EQ(0, stream_record(&s, RECORD_ALERT, "\1", 1, false));
	EXPECT_EQ(-KTLS_R_PEER_CLOSE_NOTIFY, stream_record(&s, RECORD_ALERT, "\0", 1, false));
}

/* Its end is the buffer's end: that it is complete cannot be seen, and need not. */
TEST(alert_that_fills_the_buffer)
{
	struct stream s = { 0 };

	EXPECT_EQ(-KTLS_R_PEER_CLOSE_NOTIFY, stream_record(&s, RECORD_ALERT, "\1\0", 2, false));
}

TEST(first_byte_of_an_alert_and_then_data)
{
	struct stream s = { 0 };

	EXPECT_EQ(0, stream_record(&s, RECORD_ALERT, "\1", 1, false));
	EXPECT_EQ(-KTLS_R_MESSAGE_INTERLEAVED, feed(&s, RECORD_APPLICATION_DATA, "x", 1));
}

TEST(other_records)
{
	expect(RECORD_CHANGE_CIPHER_SPEC, "\1", 1, -KTLS_R_RECORD_TYPE);
	expect(24, "\1\0\0", 3, -KTLS_R_RECORD_TYPE); /* heartbeat */
	expect(0, "x", 1, -KTLS_R_RECORD_TYPE);
	expect(255, "x", 1, -KTLS_R_RECORD_TYPE);
	expect(RECORD_HANDSHAKE, "", 0, -KTLS_R_RECORD_EMPTY);
}

TEST(messages)
{
	expect(RECORD_HANDSHAKE, TICKET, 9, 0);
	expect(RECORD_HANDSHAKE, TICKET TICKET TICKET, 27, 0);
	expect(RECORD_HANDSHAKE, "\x04\0\0\0", 4, 0);
	expect(RECORD_HANDSHAKE, "\x0d\0\0\0", 4,
	       -KTLS_R_MESSAGE_UNEXPECTED); /* CertificateRequest */
	expect(RECORD_HANDSHAKE, "\x04\xff\xff\xff", 4, -KTLS_R_MESSAGE_TOO_LONG);
	expect(RECORD_HANDSHAKE, "\x04\x02\x01\x09", 4, 0); /* 131337: the longest */
	expect(RECORD_HANDSHAKE, "\x04\x02\x01\x0a", 4, -KTLS_R_MESSAGE_TOO_LONG);
}

/* What belongs to a renegotiation is for the caller to refuse; what is behind it is read. */
TEST(renegotiation)
{
	expect(RECORD_HANDSHAKE, "\0\0\0\0", 4, STREAM_RENEGOTIATION);
	expect(RECORD_HANDSHAKE, "\0\0\0\0\0\0\0\0", 8, STREAM_RENEGOTIATION);
	expect(RECORD_HANDSHAKE, "\0\0\0\0" TICKET, 13, STREAM_RENEGOTIATION);
	expect(RECORD_HANDSHAKE, "\0\0\0\0\x0d\0\0\0", 8, -KTLS_R_MESSAGE_UNEXPECTED);
	expect(RECORD_HANDSHAKE, "\0\0\0\1", 4, -KTLS_R_MESSAGE_MALFORMED);
	expect(RECORD_HANDSHAKE, "\1\0\x40\0", 4, STREAM_RENEGOTIATION);
	expect(RECORD_HANDSHAKE, "\1\0\x40\1", 4, -KTLS_R_MESSAGE_TOO_LONG);
}

TEST(a_client_hello_over_two_records)
{
	struct stream s = { 0 };

	EXPECT_EQ(STREAM_RENEGOTIATION, feed(&s, RECORD_HANDSHAKE, "\1\0\0\5hel", 7));
	EXPECT_EQ(-KTLS_R_MESSAGE_INTERLEAVED, feed(&s, RECORD_APPLICATION_DATA, "x", 1));
	EXPECT_EQ(0, feed(&s, RECORD_HANDSHAKE, "lo" TICKET, 11));
	EXPECT_EQ(STREAM_DATA, feed(&s, RECORD_APPLICATION_DATA, "x", 1));
}

/* Cut in two at each byte: and a piece that begins with 24 is no KeyUpdate. */
TEST(messages_over_two_records)
{
	static const uint8_t bytes[] = TICKET "\x04\x00\x00\x06\x18\x18\x18\x18\x18\x18" TICKET;
	const size_t len = sizeof(bytes) - 1;

	for (size_t cut = 1; cut < len; cut++) {
		struct stream s = { 0 };

		EXPECT_EQ(0, feed(&s, RECORD_HANDSHAKE, bytes, cut));
		EXPECT_EQ(stops(bytes[cut]), feed(&s, RECORD_HANDSHAKE, bytes + cut, len - cut));
		EXPECT_EQ(STREAM_DATA, feed(&s, RECORD_APPLICATION_DATA, "x", 1));
	}
}

TEST(message_byte_by_byte)
{
	static const uint8_t bytes[] = TICKET TICKET "\x18\0\0\1\1";
	struct stream s = { 0 };

	for (size_t i = 0; i + 1 < sizeof(bytes) - 1; i++)
		EXPECT_EQ(stops(bytes[i]), feed(&s, RECORD_HANDSHAKE, bytes + i, 1));
	EXPECT_EQ(STREAM_KEY_UPDATE | STREAM_REQUESTED,
		  feed(&s, RECORD_HANDSHAKE, bytes + sizeof(bytes) - 2, 1));
}

TEST(nothing_comes_into_the_middle_of_a_message)
{
	static const struct {
		uint8_t type;
		const char *bytes;
		size_t len;
	} between[] = {
		{ RECORD_APPLICATION_DATA, "x", 1 },
		{ RECORD_APPLICATION_DATA, "", 0 },
		{ RECORD_ALERT, "\1\0", 2 },
		{ RECORD_CHANGE_CIPHER_SPEC, "\1", 1 },
	};

	for (size_t cut = 1; cut < 9; cut++) {
		for (size_t i = 0; i < sizeof(between) / sizeof(between[0]); i++) {
			struct stream s = { 0 };

			EXPECT_EQ(0, feed(&s, RECORD_HANDSHAKE, TICKET, cut));
			EXPECT_EQ(-KTLS_R_MESSAGE_INTERLEAVED,
				  feed(&s, between[i].type, between[i].bytes, between[i].len));
		}
	}
}

/* A ticket over many records, as long as a ticket can be. */
TEST(longest_ticket)
{
	static uint8_t bytes[4 + 131337] = { 4, 2, 1, 9 };
	struct stream s = { 0 };

	memset(bytes + 4, 24, sizeof(bytes) - 4);
	for (size_t at = 0; at < sizeof(bytes); at += 16384) {
		size_t len = sizeof(bytes) - at < 16384 ? sizeof(bytes) - at : 16384;

		EXPECT_EQ(stops(bytes[at]), feed(&s, RECORD_HANDSHAKE, bytes + at, len));
		EXPECT_EQ(at + len < sizeof(bytes), s.type != 0);
	}
	EXPECT_EQ(STREAM_DATA, feed(&s, RECORD_APPLICATION_DATA, "x", 1));
}

/* ---- KeyUpdate ----------------------------------------------------------------------------- */

TEST(key_update)
{
	expect(RECORD_HANDSHAKE, "\x18\0\0\1\0", 5, STREAM_KEY_UPDATE | STREAM_STOPS);
	expect(RECORD_HANDSHAKE, "\x18\0\0\1\1", 5,
	       STREAM_KEY_UPDATE | STREAM_REQUESTED | STREAM_STOPS);
	expect(RECORD_HANDSHAKE, TICKET "\x18\0\0\1\1", 14, STREAM_KEY_UPDATE | STREAM_REQUESTED);
	expect(RECORD_HANDSHAKE, "\x18\0\0\1\2", 5, -KTLS_R_KEY_UPDATE_INVALID);
	expect(RECORD_HANDSHAKE, "\x18\0\0\0", 4, -KTLS_R_MESSAGE_MALFORMED);
	expect(RECORD_HANDSHAKE, "\x18\0\0\2\0\0", 6, -KTLS_R_MESSAGE_MALFORMED);
	expect(RECORD_HANDSHAKE, "\x18\0\0\1\0\x18", 6, -KTLS_R_MESSAGE_SPANS_KEY_CHANGE);
	expect(RECORD_HANDSHAKE, "\x18\0\0\1\0" TICKET, 14, -KTLS_R_MESSAGE_SPANS_KEY_CHANGE);
}

/* Its record ends with it; whether it does is seen where the caller knows the record's end only. */
TEST(key_update_in_parts_of_one_record)
{
	struct stream s = { 0 };

	EXPECT_EQ(0, stream_record(&s, RECORD_HANDSHAKE, "\x18\0\0", 3, false));
	EXPECT_EQ(0, stream_record(&s, RECORD_HANDSHAKE, "\1\0", 2, false));
	EXPECT_EQ(-KTLS_R_MESSAGE_SPANS_KEY_CHANGE,
		  stream_record(&s, RECORD_HANDSHAKE, "\4", 1, true));
}

TEST(key_update_over_records)
{
	static const uint8_t bytes[] = TICKET "\x18\0\0\1\0";
	const size_t len = sizeof(bytes) - 1;

	for (size_t cut = 1; cut < len; cut++) {
		struct stream s = { 0 };

		EXPECT_EQ(0, feed(&s, RECORD_HANDSHAKE, bytes, cut));
		EXPECT_EQ(STREAM_KEY_UPDATE | stops(bytes[cut]),
			  feed(&s, RECORD_HANDSHAKE, bytes + cut, len - cut));
		EXPECT_EQ(STREAM_DATA, feed(&s, RECORD_APPLICATION_DATA, "x", 1));
		EXPECT_EQ(STREAM_KEY_UPDATE | STREAM_STOPS,
			  feed(&s, RECORD_HANDSHAKE, "\x18\0\0\1\0", 5));
	}
}

/* ---- tickets that are wanted --------------------------------------------------------------- */

static uint8_t kept[HANDOFF_TICKET_MAX];
static size_t kept_len, kept_times;

static void keep(void *arg, const uint8_t *message, size_t len)
{
	EXPECT_TRUE(arg == &kept_len);
	memcpy(kept, message, len);
	kept_len = len;
	kept_times++;
}

TEST(tickets_are_given_whole)
{
	static const uint8_t bytes[] = TICKET "\x04\x00\x00\x06second\x04\0\0\0";
	const size_t len = sizeof(bytes) - 1;

	for (size_t cut = 0; cut < len; cut++) {
		struct stream s = { .ticket = keep, .arg = &kept_len };

		kept_times = 0;
		if (cut > 0)
			EXPECT_EQ(0, feed(&s, RECORD_HANDSHAKE, bytes, cut));
		EXPECT_EQ(0, feed(&s, RECORD_HANDSHAKE, bytes + cut, len - cut));
		EXPECT_EQ(3, kept_times);
		EXPECT_EQ(4, kept_len);
		EXPECT_NULL(s.message);
	}
}

TEST(a_ticket_as_long_as_may_be_and_one_longer)
{
	static uint8_t bytes[HANDOFF_TICKET_MAX + 1] = { 4, 0, 0x7f, 0xfc };
	struct stream s = { .ticket = keep, .arg = &kept_len };

	EXPECT_EQ(0, feed(&s, RECORD_HANDSHAKE, bytes, 16384));
	EXPECT_EQ(0, feed(&s, RECORD_HANDSHAKE, bytes + 16384, 16384));
	EXPECT_EQ(1, kept_times);
	EXPECT_EQ(HANDOFF_TICKET_MAX, kept_len);
	bytes[3]++;
	EXPECT_EQ(0, feed(&s, RECORD_HANDSHAKE, bytes, 16384));
	EXPECT_NULL(s.message);
	EXPECT_EQ(0, feed(&s, RECORD_HANDSHAKE, bytes + 16384, 16385));
	EXPECT_EQ(1, kept_times);
	EXPECT_EQ(STREAM_DATA, feed(&s, RECORD_APPLICATION_DATA, "x", 1));
}

TEST(the_end_in_a_ticket)
{
	struct stream s = { .ticket = keep, .arg = &kept_len };

	EXPECT_EQ(0, feed(&s, RECORD_HANDSHAKE, TICKET, 5));
	EXPECT_NOT_NULL(s.message);
	EXPECT_EQ(-KTLS_R_MESSAGE_INTERLEAVED, feed(&s, RECORD_ALERT, "\1\0", 2));
	stream_wipe(&s);
	EXPECT_EQ(0, kept_times);
}

TEST(a_client_does_not_send_tickets)
{
	struct stream s = { .server = true };

	EXPECT_EQ(-KTLS_R_MESSAGE_UNEXPECTED, feed(&s, RECORD_HANDSHAKE, TICKET, 9));
}

TEST_HARNESS_MAIN
