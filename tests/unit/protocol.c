/* SPDX-License-Identifier: MIT */
/* The hand-off protocol's messages: built, parsed, cut, bent. */
#include "lib/handoff/protocol.h"

#include <stdlib.h>
#include <string.h>

#include "lib/wire/writer.h"
#include "tests/harness/harness.h"

/* ---- messages with every field used -----------------------------------------------------------
 */

static uint8_t packet[HANDOFF_MESSAGE_MAX];
static uint8_t other[HANDOFF_MESSAGE_MAX];
static uint8_t certs[HANDOFF_CHAIN_MAX];

static struct ktls_span span(const void *bytes, size_t len)
{
	return (struct ktls_span){ .bytes = bytes, .len = len };
}

static struct handoff_request full_request(void)
{
	return (struct handoff_request){ .id = 0x0102030405060708,
					 .role = KTLS_CLIENT,
					 .records = KTLS_RECORDS_PREFER_KERNEL,
					 .deadline_ms = 2500,
					 .profile = "web",
					 .server_name = "example.org",
					 .alpn = span("\x02h2\x08http/1.1", 12),
					 .received = span("\x16\x03\x03", 3) };
}

static struct handoff_reply full_reply(void)
{
	return (struct handoff_reply){ .id = 7,
				       .reason = KTLS_R_PEER_ALERT,
				       .alert_origin = KTLS_ALERT_RECEIVED,
				       .alert = KTLS_ALERT_UNKNOWN_CA,
				       .version = KTLS_TLS_1_3,
				       .suite = KTLS_AES_256_GCM_SHA384,
				       .group = KTLS_GROUP_X25519,
				       .scheme = KTLS_SCHEME_ED25519,
				       .tx = KTLS_STATE_SW,
				       .rx = KTLS_STATE_UNKNOWN,
				       .descriptor = 1,
				       .time_us = 1234567,
				       .text = "nothing more",
				       .server_name = "www.example.org",
				       .alpn = span("h2", 2),
				       .session = span("sealed", 6),
				       .certs = { span(certs, 100), span(certs + 100, 70) },
				       .certs_len = 2 };
}

static struct handoff_greeting full_greeting(void)
{
	return (struct handoff_greeting){ .protocol = 1,
					  .lanes = 4,
					  .lane = 3,
					  .message_max = HANDOFF_MESSAGE_MAX,
					  .in_flight_max = 4096,
					  .deadline_max = KTLS_DEADLINE_MAX,
					  .received_max = KTLS_RECEIVED_MAX,
					  .capabilities = KTLS_CAN_REKEY | 7,
					  .version = "0.1.0" };
}

/* One type for all messages, so that what holds for each is tested on each. */
union message {
	struct handoff_greeting greeting;
	struct handoff_request request;
	struct handoff_reply reply;
	uint64_t cancel;
};

FIXTURE(message)
{
	union message full;
	size_t len; /* of packet, which holds it */
};

FIXTURE_VARIANT(message)
{
	uint8_t type;
	int malformed; /* what parsing fails with */
	int option;
};

#define TO_DAEMON .malformed = -KTLS_R_REQUEST_MALFORMED, .option = -KTLS_R_REQUEST_OPTION
#define TO_CLIENT .malformed = -KTLS_R_PROTOCOL, .option = -KTLS_R_PROTOCOL

FIXTURE_VARIANT_ADD(message, greeting){ .type = HANDOFF_GREETING, TO_CLIENT };
FIXTURE_VARIANT_ADD(message, request){ .type = HANDOFF_REQUEST, TO_DAEMON };
FIXTURE_VARIANT_ADD(message, reply){ .type = HANDOFF_REPLY, TO_CLIENT };
FIXTURE_VARIANT_ADD(message, cancel){ .type = HANDOFF_CANCEL, TO_DAEMON };

static size_t build(uint8_t type, const union message *m, void *buf, size_t cap)
{
	switch (type) {
	case HANDOFF_GREETING:
		return handoff_greeting_build(&m->greeting, buf, cap);
	case HANDOFF_REQUEST:
		return handoff_request_build(&m->request, buf, cap);
	case HANDOFF_REPLY:
		return handoff_reply_build(&m->reply, buf, cap);
	default:
		return handoff_cancel_build(m->cancel, buf, cap);
	}
}

static int parse(uint8_t type, const void *buf, size_t len, union message *m)
{
	switch (type) {
	case HANDOFF_GREETING:
		return handoff_greeting_parse(buf, len, &m->greeting);
	case HANDOFF_REQUEST:
		return handoff_request_parse(buf, len, &m->request);
	case HANDOFF_REPLY:
		return handoff_reply_parse(buf, len, &m->reply);
	default:
		return handoff_cancel_parse(buf, len, &m->cancel);
	}
}

static void set_length(uint8_t *buf, size_t len)
{
	struct writer w;

	writer_init(&w, buf + 4, 4);
	writer_u32(&w, (uint32_t)len);
}

/* Appends an attribute to the packet of *len bytes. */
static void append(size_t *len, unsigned int type, const void *value, size_t value_len)
{
	struct writer w;

	writer_init(&w, packet + *len, sizeof(packet) - *len);
	writer_u16(&w, (uint16_t)type);
	writer_vec(&w, 2, value, value_len);
	ASSERT_TRUE(writer_ok(&w));
	*len += w.len;
	set_length(packet, *len);
}

/* Whether byte i of the packet begins an attribute, or is its end. */
static bool is_boundary(size_t len, size_t i)
{
	size_t at = HANDOFF_HEADER_LEN;

	while (at < i && at < len)
		at += 4u + packet[at + 2] * 256u + packet[at + 3];
	return at == i;
}

FIXTURE_SETUP(message)
{
	for (size_t i = 0; i < sizeof(certs); i++)
		certs[i] = (uint8_t)(i * 7);
	switch (variant->type) {
	case HANDOFF_GREETING:
		self->full.greeting = full_greeting();
		break;
	case HANDOFF_REQUEST:
		self->full.request = full_request();
		break;
	case HANDOFF_REPLY:
		self->full.reply = full_reply();
		break;
	default:
		self->full.cancel = UINT64_MAX;
	}
	self->len = build(variant->type, &self->full, packet, sizeof(packet));
	ASSERT_GT(self->len, 0);
}

FIXTURE_TEARDOWN(message)
{
}

/* ---- known answers ----------------------------------------------------------------------------
 */

static void expect_packet(const char *hex, size_t len)
{
	ASSERT_EQ(test_hex(hex, other, sizeof(other)), len);
	EXPECT_MEMEQ(other, packet, len);
}

TEST(request_is_as_documented)
{
	struct handoff_request request = full_request();

	expect_packet("4b54 01 02 0000004f 0102030405060708"
		      "8001 000b 6578616d706c652e6f7267"
		      "8010 0001 01"
		      "8011 0003 776562"
		      "8012 0004 000009c4"
		      "8013 0001 01"
		      "8015 000c 02 6832 08 687474702f312e31"
		      "8016 0003 160303",
		      handoff_request_build(&request, packet, sizeof(packet)));
}

TEST(reply_is_as_documented)
{
	struct handoff_reply reply = { .id = 9,
				       .reason = KTLS_R_PEER_ALERT,
				       .alert_origin = KTLS_ALERT_RECEIVED,
				       .alert = KTLS_ALERT_UNKNOWN_CA };

	expect_packet("4b54 01 03 00000020 0000000000000009"
		      "0020 0002 0050"
		      "0021 0001 02"
		      "0022 0001 30",
		      handoff_reply_build(&reply, packet, sizeof(packet)));
}

TEST(greeting_is_as_documented)
{
	struct handoff_greeting greeting = full_greeting();

	expect_packet("4b54 01 01 00000057 0000000000000000"
		      "0040 0002 0001"
		      "0041 0002 0004"
		      "0042 0002 0003"
		      "0043 0004 00010000"
		      "0044 0004 00001000"
		      "0045 0004 000493e0"
		      "0046 0004 00008000"
		      "0047 0008 0000000000010007"
		      "0048 0005 302e312e30",
		      handoff_greeting_build(&greeting, packet, sizeof(packet)));
}

TEST(cancel_is_as_documented)
{
	expect_packet("4b54 01 04 00000010 0000000000000102",
		      handoff_cancel_build(0x102, packet, sizeof(packet)));
}

TEST(request_fields_come_through)
{
	struct handoff_request full = full_request(), request;
	size_t len = handoff_request_build(&full, packet, sizeof(packet));

	ASSERT_EQ(0, handoff_request_parse(packet, len, &request));
	EXPECT_EQ(full.id, request.id);
	EXPECT_EQ(KTLS_CLIENT, request.role);
	EXPECT_EQ(KTLS_RECORDS_PREFER_KERNEL, request.records);
	EXPECT_EQ(KTLS_HARDWARE_ANY, request.hardware);
	EXPECT_EQ(2500, request.deadline_ms);
	EXPECT_STREQ("web", request.profile);
	EXPECT_STREQ("example.org", request.server_name);
	ASSERT_EQ(12, request.alpn.len);
	EXPECT_MEMEQ("\x02h2\x08http/1.1", request.alpn.bytes, 12);
	ASSERT_EQ(3, request.received.len);
	EXPECT_MEMEQ("\x16\x03\x03", request.received.bytes, 3);
	EXPECT_EQ(0, request.session.len);
}

TEST(request_defaults_are_filled_in)
{
	struct handoff_request little = { .id = 1 }, request;
	size_t len = handoff_request_build(&little, packet, sizeof(packet));

	ASSERT_EQ(HANDOFF_HEADER_LEN + 5, len);
	ASSERT_EQ(0, handoff_request_parse(packet, len, &request));
	EXPECT_EQ(KTLS_SERVER, request.role);
	EXPECT_STREQ("default", request.profile);
	EXPECT_EQ(KTLS_DEADLINE_DEFAULT, request.deadline_ms);
	EXPECT_STREQ("", request.server_name);
}

TEST(reply_fields_come_through)
{
	struct handoff_reply full = full_reply(), reply;
	size_t len = handoff_reply_build(&full, packet, sizeof(packet));

	ASSERT_EQ(0, handoff_reply_parse(packet, len, &reply));
	EXPECT_EQ(7, reply.id);
	EXPECT_EQ(KTLS_R_PEER_ALERT, reply.reason);
	EXPECT_EQ(KTLS_ALERT_RECEIVED, reply.alert_origin);
	EXPECT_EQ(KTLS_ALERT_UNKNOWN_CA, reply.alert);
	EXPECT_EQ(KTLS_TLS_1_3, reply.version);
	EXPECT_EQ(KTLS_AES_256_GCM_SHA384, reply.suite);
	EXPECT_EQ(KTLS_GROUP_X25519, reply.group);
	EXPECT_EQ(KTLS_SCHEME_ED25519, reply.scheme);
	EXPECT_EQ(KTLS_STATE_SW, reply.tx);
	EXPECT_EQ(KTLS_STATE_UNKNOWN, reply.rx);
	EXPECT_EQ(1, reply.descriptor);
	EXPECT_EQ(1234567, reply.time_us);
	EXPECT_STREQ(full.text, reply.text);
	EXPECT_STREQ(full.server_name, reply.server_name);
	ASSERT_EQ(2, reply.alpn.len);
	EXPECT_MEMEQ("h2", reply.alpn.bytes, 2);
	ASSERT_EQ(6, reply.session.len);
	ASSERT_EQ(2, reply.certs_len);
	ASSERT_EQ(100, reply.certs[0].len);
	ASSERT_EQ(70, reply.certs[1].len);
	EXPECT_MEMEQ(certs + 100, reply.certs[1].bytes, 70);
}

TEST(greeting_fields_come_through)
{
	struct handoff_greeting full = full_greeting(), greeting;
	size_t len = handoff_greeting_build(&full, packet, sizeof(packet));

	ASSERT_EQ(0, handoff_greeting_parse(packet, len, &greeting));
	EXPECT_EQ(4, greeting.lanes);
	EXPECT_EQ(3, greeting.lane);
	EXPECT_EQ(HANDOFF_MESSAGE_MAX, greeting.message_max);
	EXPECT_EQ(4096, greeting.in_flight_max);
	EXPECT_EQ(KTLS_DEADLINE_MAX, greeting.deadline_max);
	EXPECT_EQ(KTLS_RECEIVED_MAX, greeting.received_max);
	EXPECT_EQ(KTLS_CAN_REKEY | 7, greeting.capabilities);
	EXPECT_STREQ("0.1.0", greeting.version);
}

TEST_F(message, built_again_is_the_same)
{
	union message m;

	ASSERT_EQ(0, parse(variant->type, packet, self->len, &m));
	ASSERT_EQ(self->len, build(variant->type, &m, other, sizeof(other)));
	EXPECT_MEMEQ(packet, other, self->len);
}

TEST(the_largest_reply_fits)
{
	struct handoff_reply reply = full_reply(), parsed;
	size_t len, each = HANDOFF_CHAIN_MAX / HANDOFF_CERTS_MAX;

	memset(reply.text, 'x', HANDOFF_TEXT_MAX);
	memset(reply.server_name, 'x', KTLS_SERVER_NAME_MAX);
	reply.alpn = span(certs, 255);
	reply.session = span(certs, HANDOFF_SESSION_MAX);
	for (size_t i = 0; i < HANDOFF_CERTS_MAX; i++)
		reply.certs[i] = span(certs, each);
	reply.certs[0].len += HANDOFF_CHAIN_MAX % HANDOFF_CERTS_MAX;
	reply.certs_len = HANDOFF_CERTS_MAX;
	len = handoff_reply_build(&reply, packet, sizeof(packet));
	EXPECT_GT(len, HANDOFF_CHAIN_MAX);
	ASSERT_EQ(0, handoff_reply_parse(packet, len, &parsed));
	EXPECT_EQ(HANDOFF_CERTS_MAX, parsed.certs_len);
}

TEST(the_largest_request_fits)
{
	struct handoff_request request = full_request(), parsed;

	memset(request.profile, 'x', KTLS_PROFILE_MAX);
	memset(request.server_name, 'x', KTLS_SERVER_NAME_MAX);
	memset(other, 1, KTLS_ALPN_MAX);
	request.alpn = span(other, KTLS_ALPN_MAX);
	request.received = span(certs, KTLS_RECEIVED_MAX);
	ASSERT_EQ(0, handoff_request_parse(packet,
					   handoff_request_build(&request, packet, sizeof(packet)),
					   &parsed));
	EXPECT_EQ(KTLS_RECEIVED_MAX, parsed.received.len);
}

TEST(rules_are_there_for_each_message)
{
	EXPECT_STREQ("greeting", handoff_rule(HANDOFF_GREETING)->name);
	EXPECT_EQ(1, handoff_rule(HANDOFF_REQUEST)->fds_min);
	EXPECT_EQ(1, handoff_rule(HANDOFF_REQUEST)->fds_max);
	EXPECT_EQ(HANDOFF_TO_CLIENT, handoff_rule(HANDOFF_REPLY)->direction);
	EXPECT_EQ(0, handoff_rule(HANDOFF_CANCEL)->fds_max);
	EXPECT_NULL(handoff_rule(0));
	EXPECT_NULL(handoff_rule(5));
	EXPECT_NULL(handoff_rule(255));
}

/* ---- cut ----------------------------------------------------------------------------------------
 */

/* From memory that ends where the packet ends, for the sanitizer to see a step too far. */
static int parse_cut(uint8_t type, size_t len, union message *m)
{
	uint8_t *cut = malloc(len ? len : 1);
	int ret;

	ASSERT_NOT_NULL(cut);
	memcpy(cut, packet, len);
	ret = parse(type, cut, len, m);
	free(cut);
	return ret;
}

TEST_F(message, cut_at_each_byte)
{
	union message m, before;

	memset(&m, 0xa5, sizeof(m));
	before = m;
	for (size_t len = 0; len < self->len; len++) {
		ASSERT_EQ(variant->malformed, parse_cut(variant->type, len, &m));
		ASSERT_MEMEQ(&before, &m, sizeof(m));
	}
}

/* With the length in the header as it should be, what is left may be a smaller message. */
TEST_F(message, cut_at_each_byte_with_the_length_put_right)
{
	union message m, before;

	memset(&m, 0xa5, sizeof(m));
	before = m;
	for (size_t len = HANDOFF_HEADER_LEN; len < self->len; len++) {
		int ret;

		set_length(packet, len);
		ret = parse_cut(variant->type, len, &m);
		if (ret == 0) {
			ASSERT_TRUE(is_boundary(self->len, len));
			m = before;
			continue;
		}
		ASSERT_EQ(variant->malformed, ret);
		ASSERT_MEMEQ(&before, &m, sizeof(m));
	}
	set_length(packet, self->len);
	EXPECT_EQ(0, parse(variant->type, packet, self->len, &m));
}

TEST_F(message, built_into_too_little_room)
{
	for (size_t cap = 0; cap < self->len; cap++) {
		uint8_t *small = malloc(cap ? cap : 1);

		ASSERT_NOT_NULL(small);
		ASSERT_EQ(0, build(variant->type, &self->full, small, cap));
		free(small);
	}
	EXPECT_EQ(self->len, build(variant->type, &self->full, other, self->len));
}

/* ---- headers ------------------------------------------------------------------------------------
 */

TEST_F(message, wrong_header)
{
	static const struct {
		size_t at;
		bool header; /* not even a header */
	} wrong[] = {
		{ 0, true }, { 1, true }, { 2, false }, { 3, false }, { 4, true }, { 7, true }
	};
	struct handoff_header h;
	union message m;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		packet[wrong[i].at] ^= 0x40;
		EXPECT_EQ(variant->malformed, parse(variant->type, packet, self->len, &m));
		EXPECT_EQ(wrong[i].header ? -KTLS_R_REQUEST_MALFORMED : 0,
			  handoff_header_parse(packet, self->len, &h));
		packet[wrong[i].at] ^= 0x40;
	}
	EXPECT_EQ(0, parse(variant->type, packet, self->len, &m));
}

TEST(header_fields)
{
	struct handoff_header h;

	ASSERT_EQ(16, handoff_cancel_build(77, packet, sizeof(packet)));
	packet[2] = 9; /* a version to come: the header stays readable */
	ASSERT_EQ(0, handoff_header_parse(packet, 16, &h));
	EXPECT_EQ(9, h.version);
	EXPECT_EQ(HANDOFF_CANCEL, h.type);
	EXPECT_EQ(77, h.id);
}

TEST(id_zero)
{
	struct handoff_request request = full_request(), out;
	struct handoff_reply reply = full_reply(), about;
	uint64_t id;

	request.id = 0;
	EXPECT_EQ(-KTLS_R_REQUEST_MALFORMED,
		  handoff_request_parse(
			  packet, handoff_request_build(&request, packet, sizeof(packet)), &out));
	EXPECT_EQ(
		-KTLS_R_REQUEST_MALFORMED,
		handoff_cancel_parse(packet, handoff_cancel_build(0, packet, sizeof(packet)), &id));
	reply.id = 0; /* about the connection */
	EXPECT_EQ(0, handoff_reply_parse(
			     packet, handoff_reply_build(&reply, packet, sizeof(packet)), &about));
}

TEST_F(message, longer_than_its_kind_may_be)
{
	size_t len = self->len, max = handoff_rule(variant->type)->len_max;
	union message m;

	while (len + 4 + 1000 < max)
		append(&len, 0x7000, certs, 1000);
	append(&len, 0x7000, certs, max - len - 4);
	ASSERT_EQ(max, len);
	EXPECT_EQ(0, parse(variant->type, packet, len, &m));
	if (max == sizeof(packet))
		return;
	append(&len, 0x7000, certs, 0);
	EXPECT_EQ(variant->malformed, parse(variant->type, packet, len, &m));
}

/* ---- attributes
 * ----------------------------------------------------------------------------------- */

TEST_F(message, unknown_attributes)
{
	size_t len = self->len;
	union message m, before;

	append(&len, 0x7000, "later", 5);
	append(&len, 0x7001, "", 0);
	EXPECT_EQ(0, parse(variant->type, packet, len, &m));
	memset(&m, 0xa5, sizeof(m));
	before = m;
	append(&len, 0x7000 | HANDOFF_MANDATORY, "later", 5);
	EXPECT_EQ(variant->option, parse(variant->type, packet, len, &m));
	EXPECT_MEMEQ(&before, &m, sizeof(m));
}

/* Another message's attribute is as unknown as any. */
TEST_F(message, attributes_of_another_message)
{
	unsigned int foreign = variant->type == HANDOFF_REQUEST ? 32 : 16;
	size_t len = self->len;
	union message m;

	append(&len, foreign, "\0\1\2\3\4\5\6\7", 8);
	EXPECT_EQ(0, parse(variant->type, packet, len, &m));
	append(&len, foreign | HANDOFF_MANDATORY, "\0", 1);
	EXPECT_EQ(variant->option, parse(variant->type, packet, len, &m));
}

TEST_F(message, an_attribute_twice)
{
	size_t len = self->len;
	union message m;

	append(&len, 0x7000, "of one unknown", 3);
	append(&len, 0x7000, "nothing is known", 3);
	EXPECT_EQ(0, parse(variant->type, packet, len, &m));
	if (variant->type == HANDOFF_CANCEL) /* has no attributes of its own */
		return;
	memcpy(packet + len, packet + HANDOFF_HEADER_LEN, 4u + packet[HANDOFF_HEADER_LEN + 3]);
	len += 4u + packet[HANDOFF_HEADER_LEN + 3];
	set_length(packet, len);
	EXPECT_EQ(variant->malformed, parse(variant->type, packet, len, &m));
}

/* The bit is no part of an attribute's name. */
TEST_F(message, known_attributes_with_and_without_the_bit)
{
	union message m;
	size_t found = 0;

	for (size_t i = HANDOFF_HEADER_LEN; i < self->len; i++) {
		if (!is_boundary(self->len, i))
			continue;
		packet[i] ^= 0x80;
		EXPECT_EQ(0, parse(variant->type, packet, self->len, &m));
		found++;
	}
	EXPECT_EQ(variant->type != HANDOFF_CANCEL, found > 0);
}

/* Each row: an attribute, a value, and what comes of it. */
struct value_case {
	unsigned int type;
	const char *hex;
	int result;
};

static void expect_value(uint8_t type, const struct value_case *c)
{
	union message m;
	size_t len = HANDOFF_HEADER_LEN;
	uint8_t value[64];
	size_t value_len = test_hex(c->hex, value, sizeof(value));

	handoff_cancel_build(5, packet, sizeof(packet));
	packet[3] = type;
	if (type == HANDOFF_REQUEST && c->type != 16)
		append(&len, 16, "\1", 1);
	if (type == HANDOFF_REPLY && c->type != 32)
		append(&len, 32, "\0\0", 2);
	append(&len, c->type, value, value_len);
	if (c->result != parse(type, packet, len, &m))
		TH_LOG("attribute %u, value %s", c->type, c->hex);
	EXPECT_EQ(c->result, parse(type, packet, len, &m));
}

TEST(request_values)
{
	static const struct value_case cases[] = {
		{ 16, "00", 0 },
		{ 16, "02", -KTLS_R_REQUEST_VALUE },
		{ 16, "", -KTLS_R_REQUEST_VALUE },
		{ 16, "0001", -KTLS_R_REQUEST_VALUE },
		{ 17, "", -KTLS_R_REQUEST_VALUE },
		{ 17, "61", 0 },
		{ 17, "6100", -KTLS_R_REQUEST_VALUE },
		{ 17, "610a", -KTLS_R_REQUEST_VALUE },
		{ 17, "6120", -KTLS_R_REQUEST_VALUE },
		{ 17, "61c3bc", -KTLS_R_REQUEST_VALUE },
		{ 1, "7f", -KTLS_R_REQUEST_VALUE },
		{ 1, "61", 0 },
		{ 2, "00", -KTLS_R_REQUEST_VALUE }, /* reserved */
		{ 18, "00000000", -KTLS_R_REQUEST_VALUE },
		{ 18, "00000001", 0 },
		{ 18, "000493e0", 0 },
		{ 18, "000493e1", -KTLS_R_REQUEST_VALUE },
		{ 18, "03e8", -KTLS_R_REQUEST_VALUE },
		{ 19, "01", 0 },
		{ 19, "02", -KTLS_R_REQUEST_VALUE },
		{ 20, "00", 0 },
		{ 20, "01", -KTLS_R_REQUEST_VALUE }, /* reserved */
		{ 20, "04", -KTLS_R_REQUEST_VALUE },
		{ 21, "0161", 0 },
		{ 21, "01610262", -KTLS_R_REQUEST_VALUE },
		{ 21, "0261", -KTLS_R_REQUEST_VALUE },
		{ 21, "016100", -KTLS_R_REQUEST_VALUE },
		{ 21, "00", -KTLS_R_REQUEST_VALUE },
		{ 21, "", -KTLS_R_REQUEST_VALUE },
		{ 22, "", -KTLS_R_REQUEST_VALUE },
		{ 22, "16", 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_value(HANDOFF_REQUEST, &cases[i]);
}

TEST(reply_values)
{
	static const struct value_case cases[] = {
		{ 32, "0000", 0 },
		{ 32, "ffff", 0 }, /* reasons to come are passed on */
		{ 32, "00", -KTLS_R_PROTOCOL },
		{ 33, "02", 0 },
		{ 33, "03", -KTLS_R_PROTOCOL },
		{ 35, "", -KTLS_R_PROTOCOL },
		{ 35, "6100", -KTLS_R_PROTOCOL },
		{ 35, "c3bc", 0 },
		{ 40, "04", 0 },
		{ 40, "05", -KTLS_R_PROTOCOL },
		{ 41, "05", -KTLS_R_PROTOCOL },
		{ 42, "00000001", -KTLS_R_PROTOCOL },
		{ 43, "", -KTLS_R_PROTOCOL },
		{ 44, "", -KTLS_R_PROTOCOL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_value(HANDOFF_REPLY, &cases[i]);
}

TEST(greeting_values)
{
	static const struct {
		size_t at;
		uint8_t byte;
	} wrong[] = {
		{ 16 + 4 + 1, 0 },      /* protocol 0 */
		{ 16 + 6 + 4 + 1, 0 },  /* no lanes */
		{ 16 + 6 + 4 + 0, 2 },  /* 516 lanes */
		{ 16 + 12 + 4 + 1, 4 }, /* lane 4 of 4 */
		{ 15, 1 },              /* an id */
	};
	struct handoff_greeting full = full_greeting(), greeting;
	size_t len = handoff_greeting_build(&full, packet, sizeof(packet));

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		uint8_t right = packet[wrong[i].at];

		packet[wrong[i].at] = wrong[i].byte;
		EXPECT_EQ(-KTLS_R_PROTOCOL, handoff_greeting_parse(packet, len, &greeting));
		packet[wrong[i].at] = right;
	}
	EXPECT_EQ(0, handoff_greeting_parse(packet, len, &greeting));
}

TEST(control_characters_in_a_text_are_replaced)
{
	struct handoff_reply reply = { .id = 1, .text = "a\nb\x1b[2J\x7f" }, parsed;

	ASSERT_EQ(0, handoff_reply_parse(
			     packet, handoff_reply_build(&reply, packet, sizeof(packet)), &parsed));
	EXPECT_STREQ("a?b?[2J?", parsed.text);
}

TEST(too_many_or_too_large_certificates)
{
	struct handoff_reply reply = { .id = 1 }, parsed;
	size_t len = handoff_reply_build(&reply, packet, sizeof(packet));

	for (size_t i = 0; i < HANDOFF_CERTS_MAX; i++)
		append(&len, 44, certs, 1);
	EXPECT_EQ(0, handoff_reply_parse(packet, len, &parsed));
	append(&len, 44, certs, 1);
	EXPECT_EQ(-KTLS_R_PROTOCOL, handoff_reply_parse(packet, len, &parsed));

	len = handoff_reply_build(&reply, packet, sizeof(packet));
	append(&len, 44, certs, HANDOFF_CHAIN_MAX);
	EXPECT_EQ(0, handoff_reply_parse(packet, len, &parsed));
	append(&len, 44, certs, 1);
	EXPECT_EQ(-KTLS_R_PROTOCOL, handoff_reply_parse(packet, len, &parsed));
}

TEST(what_is_too_long_is_not_built)
{
	struct handoff_request request = full_request();
	struct handoff_reply reply = full_reply();

	request.received = span(certs, KTLS_RECEIVED_MAX + 1u);
	EXPECT_EQ(0, handoff_request_build(&request, packet, sizeof(packet)));
	request = full_request();
	request.alpn = span(certs, KTLS_ALPN_MAX + 1);
	EXPECT_EQ(0, handoff_request_build(&request, packet, sizeof(packet)));
	request = full_request();
	memset(request.profile, 'x', sizeof(request.profile)); /* no 0 at its end */
	EXPECT_EQ(0, handoff_request_build(&request, packet, sizeof(packet)));
	reply.certs_len = HANDOFF_CERTS_MAX + 1;
	EXPECT_EQ(0, handoff_reply_build(&reply, packet, sizeof(packet)));
	reply = full_reply();
	reply.certs[0].len = HANDOFF_CHAIN_MAX;
	EXPECT_EQ(0, handoff_reply_build(&reply, packet, sizeof(packet)));
}

TEST(requests_that_this_version_does_not_serve)
{
	struct handoff_request request = full_request();

	EXPECT_EQ(0, handoff_request_check(&request));
	request.role = KTLS_SERVER; /* and yet a name to verify */
	EXPECT_EQ(-KTLS_R_REQUEST_VALUE, handoff_request_check(&request));
	request = full_request();
	request.hardware = KTLS_HARDWARE_REQUIRE;
	EXPECT_EQ(-KTLS_R_REQUEST_VALUE, handoff_request_check(&request));
	request = full_request();
	request.session = span("x", 1);
	EXPECT_EQ(-KTLS_R_REQUEST_VALUE, handoff_request_check(&request));
	request = full_request();
	request.deadline_ms = 0;
	EXPECT_EQ(-KTLS_R_REQUEST_VALUE, handoff_request_check(&request));
	request = full_request();
	request.role = 2;
	EXPECT_EQ(-KTLS_R_REQUEST_VALUE, handoff_request_check(&request));
}

/* ---- bent
 * ----------------------------------------------------------------------------------------- */

static uint64_t random_state = 88172645463325252u;

static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/*
 * Whatever is accepted can be built, and what is built is accepted and is the same again: so no
 * bent byte leads outside of what the fields can say.
 */
TEST_F(message, bent_at_random)
{
	size_t accepted = 0, len;
	union message m;

	for (int round = 0; round < 100000; round++) {
		len = build(variant->type, &self->full, packet, sizeof(packet));
		for (uint64_t n = 1 + next_random() % 3; n > 0; n--)
			packet[next_random() % len] ^= (uint8_t)(1 + next_random() % 255);
		if (parse(variant->type, packet, len, &m) != 0)
			continue;
		accepted++;
		len = build(variant->type, &m, other, sizeof(other));
		ASSERT_GT(len, 0);
		ASSERT_EQ(0, parse(variant->type, other, len, &m));
		ASSERT_EQ(len, build(variant->type, &m, packet, sizeof(packet)));
		ASSERT_MEMEQ(other, packet, len);
	}
	EXPECT_GT(accepted, 100);
}

TEST_HARNESS_MAIN
