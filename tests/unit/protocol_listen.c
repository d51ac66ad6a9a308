/* SPDX-License-Identifier: MIT */
/* What the hand-off protocol says of listening sockets: LISTEN, MORE, collected, addresses. */
#include <arpa/inet.h>

#include "tests/unit/messages.h"

static void expect_packet(const char *hex, size_t len)
{
	ASSERT_EQ(test_hex(hex, other, sizeof(other)), len);
	EXPECT_MEMEQ(other, packet, len);
}

TEST(a_listening_request_is_as_documented)
{
	struct handoff_request request = { .id = 2, .listen = 300 }, parsed;
	size_t len = handoff_request_build(&request, packet, sizeof(packet));

	expect_packet("4b54 01 02 0000001b 0000000000000002"
		      "8010 0001 00"
		      "8019 0002 012c",
		      len);
	ASSERT_EQ(0, handoff_request_parse(packet, len, &parsed));
	EXPECT_EQ(300, parsed.listen);
}

TEST(collected_is_as_documented)
{
	struct handoff_collected collected = { .id = 2, .count = 3 }, parsed;
	size_t len = handoff_collected_build(&collected, packet, sizeof(packet));

	expect_packet("4b54 01 06 00000016 0000000000000002"
		      "801c 0002 0003",
		      len);
	ASSERT_EQ(0, handoff_collected_parse(packet, len, &parsed));
	EXPECT_EQ(2, parsed.id);
	EXPECT_EQ(3, parsed.count);
}

TEST(a_connection_is_as_documented)
{
	struct handoff_reply reply = { .id = 2,
				       .descriptor = HANDOFF_FD_ACCEPTED,
				       .more = 1,
				       .peer_address = span("\x12\x67\xc0\0\2\1", 6),
				       .local_address = span("\x01\xbb\xc0\0\2\2", 6) },
			     parsed;
	size_t len = handoff_reply_build(&reply, packet, sizeof(packet));

	expect_packet("4b54 01 03 00000034 0000000000000002"
		      "0020 0002 0000"
		      "802d 0001 02"
		      "802f 0001 01"
		      "003a 0006 1267 c0000201"
		      "003b 0006 01bb c0000202",
		      len);
	ASSERT_EQ(0, handoff_reply_parse(packet, len, &parsed));
	EXPECT_EQ(HANDOFF_FD_ACCEPTED, parsed.descriptor);
	EXPECT_EQ(1, parsed.more);
	ASSERT_EQ(6, parsed.peer_address.len);
	EXPECT_MEMEQ("\x12\x67\xc0\0\2\1", parsed.peer_address.bytes, 6);
	ASSERT_EQ(6, parsed.local_address.len);
}

/* ---- out of range -------------------------------------------------------------------------- */

struct range {
	uint8_t message;
	unsigned int type;
	const char *hex;
	int result;
};

static const struct range ranges[] = {
	{ HANDOFF_REQUEST, 25, "0000", 0 },
	{ HANDOFF_REQUEST, 25, "0001", 0 },
	{ HANDOFF_REQUEST, 25, "1000", 0 },
	{ HANDOFF_REQUEST, 25, "1001", -KTLS_R_REQUEST_VALUE },
	{ HANDOFF_REQUEST, 25, "ffff", -KTLS_R_REQUEST_VALUE },
	{ HANDOFF_REQUEST, 25, "01", -KTLS_R_REQUEST_VALUE },
	{ HANDOFF_REQUEST, 25, "000001", -KTLS_R_REQUEST_VALUE },
	{ HANDOFF_COLLECTED, 28, "0000", -KTLS_R_REQUEST_VALUE },
	{ HANDOFF_COLLECTED, 28, "0001", 0 },
	{ HANDOFF_COLLECTED, 28, "1000", 0 },
	{ HANDOFF_COLLECTED, 28, "1001", -KTLS_R_REQUEST_VALUE },
	{ HANDOFF_COLLECTED, 28, "", -KTLS_R_REQUEST_VALUE },
	{ HANDOFF_REPLY, 45, "03", 0 },
	{ HANDOFF_REPLY, 45, "0001", -KTLS_R_PROTOCOL },
	{ HANDOFF_REPLY, 47, "01", 0 },
	{ HANDOFF_REPLY, 47, "02", -KTLS_R_PROTOCOL },
	{ HANDOFF_REPLY, 58, "0102030405", -KTLS_R_PROTOCOL },
	{ HANDOFF_REPLY, 58, "010203040506", 0 },
	{ HANDOFF_REPLY, 59, "000102030405060708090a0b0c0d0e0f1011", 0 },
	{ HANDOFF_REPLY, 59, "000102030405060708090a0b0c0d0e0f101112", -KTLS_R_PROTOCOL },
};

TEST(values_out_of_range)
{
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		const struct range *c = &ranges[i];
		size_t value_len = test_hex(c->hex, other, sizeof(other));
		size_t len = HANDOFF_HEADER_LEN;
		union message m;

		handoff_cancel_build(5, packet, sizeof(packet));
		packet[3] = c->message;
		if (c->message == HANDOFF_REQUEST)
			append(&len, 16, "\0", 1);
		if (c->message == HANDOFF_REPLY)
			append(&len, 32, "\0\0", 2);
		append(&len, c->type, other, value_len);
		if (parse(c->message, packet, len, &m) != c->result)
			TH_LOG("attribute %u, value %s", c->type, c->hex);
		EXPECT_EQ(c->result, parse(c->message, packet, len, &m));
	}
}

TEST(collected_of_nothing)
{
	struct handoff_collected collected = { .id = 0, .count = 1 }, parsed = { .count = 9 };
	size_t len = handoff_collected_build(&collected, packet, sizeof(packet));

	EXPECT_EQ(-KTLS_R_REQUEST_MALFORMED, handoff_collected_parse(packet, len, &parsed));
	EXPECT_EQ(9, parsed.count);
}

/* A client cannot listen, and what was read from a listening socket is nothing. */
TEST(listening_requests_that_make_no_sense)
{
	struct handoff_request good = { .id = 1, .deadline_ms = 1, .profile = "web", .listen = 1 };
	struct handoff_request bad = good;

	EXPECT_EQ(0, handoff_request_check(&good));
	bad.role = KTLS_CLIENT;
	EXPECT_EQ(-KTLS_R_REQUEST_VALUE, handoff_request_check(&bad));
	bad = good;
	bad.received = span("x", 1);
	EXPECT_EQ(-KTLS_R_REQUEST_VALUE, handoff_request_check(&bad));
}

/* ---- addresses ----------------------------------------------------------------------------- */

TEST(ipv4_addresses_come_back)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(4711) };
	uint8_t bytes[HANDOFF_ADDRESS_MAX];
	struct sockaddr_in6 back;
	struct ktls_span value = { bytes, 0 };

	ASSERT_EQ(1, inet_pton(AF_INET, "192.0.2.1", &in.sin_addr));
	value.len = handoff_address_build((struct sockaddr *)&in, bytes);
	ASSERT_EQ(6, value.len);
	EXPECT_MEMEQ("\x12\x67\xc0\0\2\1", bytes, 6);
	ASSERT_TRUE(handoff_address_parse(&value, &back));
	EXPECT_MEMEQ(&in, &back, sizeof(in));
}

TEST(ipv6_addresses_come_back)
{
	struct sockaddr_in6 in = { .sin6_family = AF_INET6, .sin6_port = htons(443) };
	uint8_t bytes[HANDOFF_ADDRESS_MAX];
	struct sockaddr_in6 back;
	struct ktls_span value = { bytes, 0 };

	ASSERT_EQ(1, inet_pton(AF_INET6, "2001:db8::1", &in.sin6_addr));
	value.len = handoff_address_build((struct sockaddr *)&in, bytes);
	ASSERT_EQ(18, value.len);
	ASSERT_TRUE(handoff_address_parse(&value, &back));
	EXPECT_MEMEQ(&in, &back, sizeof(in));
}

TEST(addresses_of_other_lengths)
{
	uint8_t bytes[HANDOFF_ADDRESS_MAX + 1] = { 0 };
	struct sockaddr_un_like {
		sa_family_t family;
		char path[14];
	} local = { .family = AF_UNIX };
	struct sockaddr_in6 before, back;

	memset(&back, 0xa5, sizeof(back));
	before = back;
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		const struct ktls_span value = { bytes, len };

		if (len == 6 || len == 18)
			continue;
		EXPECT_FALSE(handoff_address_parse(&value, &back));
		EXPECT_MEMEQ(&before, &back, sizeof(back));
	}
	EXPECT_EQ(0, handoff_address_build((const struct sockaddr *)&local, bytes));
}

TEST_HARNESS_MAIN
