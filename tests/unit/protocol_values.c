/* SPDX-License-Identifier: MIT */
/* The hand-off protocol's attributes: unknown, twice, missing, out of range. */
#include "tests/unit/messages.h"

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

TEST_F(message, nothing_but_a_header)
{
	union message m;

	set_length(packet, HANDOFF_HEADER_LEN);
	EXPECT_EQ(variant->type == HANDOFF_CANCEL ? 0 : variant->malformed,
		  parse(variant->type, packet, HANDOFF_HEADER_LEN, &m));
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
		{ 20, "03", 0 },
		{ 20, "04", -KTLS_R_REQUEST_VALUE },
		{ 21, "0161", 0 },
		{ 21, "01610262", -KTLS_R_REQUEST_VALUE },
		{ 21, "0261", -KTLS_R_REQUEST_VALUE },
		{ 21, "016100", -KTLS_R_REQUEST_VALUE },
		{ 21, "00", -KTLS_R_REQUEST_VALUE },
		{ 21, "", -KTLS_R_REQUEST_VALUE },
		{ 22, "", -KTLS_R_REQUEST_VALUE },
		{ 22, "16", 0 },
		{ 23, "0001016100", 0 },
		{ 23, "040001610162", 0 },
		{ 23, "0001016101", 0 },
		{ 23, "0000016100", -KTLS_R_REQUEST_VALUE },
		{ 23, "0401016100", -KTLS_R_REQUEST_VALUE },
		{ 23, "0001016102", -KTLS_R_REQUEST_VALUE },
		{ 23, "000101610062", -KTLS_R_REQUEST_VALUE },
		{ 23, "0001017f00", -KTLS_R_REQUEST_VALUE },
		{ 23, "00010000", -KTLS_R_REQUEST_VALUE },
		{ 23, "0001026100", -KTLS_R_REQUEST_VALUE },
		{ 24, "03", 0 },
		{ 24, "04", -KTLS_R_REQUEST_VALUE },
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
		{ 48, "0161", 0 },
		{ 48, "ff61", 0 }, /* a kind to come */
		{ 48, "0120", 0 },
		{ 48, "0061", -KTLS_R_PROTOCOL },
		{ 48, "01", -KTLS_R_PROTOCOL },
		{ 48, "", -KTLS_R_PROTOCOL },
		{ 48, "026100", -KTLS_R_PROTOCOL },
		{ 48, "02610a", -KTLS_R_PROTOCOL },
		{ 48, "027f", -KTLS_R_PROTOCOL },
		{ 48, "02c3bc", -KTLS_R_PROTOCOL },
		{ 49, "00", -KTLS_R_PROTOCOL },
		{ 49, "0001", 0 },
		{ 50, "0403", 0 },
		{ 51, "", 0 },
		{ 51, "00", 0 },
		{ 52, "00", -KTLS_R_PROTOCOL },
		{ 53, "00", -KTLS_R_PROTOCOL },
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

TEST(too_many_or_too_long_names)
{
	struct handoff_reply reply = { .id = 1 }, parsed;
	size_t len = handoff_reply_build(&reply, packet, sizeof(packet));

	for (size_t i = 0; i < HANDOFF_NAMES_MAX; i++)
		append(&len, 48, "\1a", 2);
	EXPECT_EQ(0, handoff_reply_parse(packet, len, &parsed));
	append(&len, 48, "\1a", 2);
	EXPECT_EQ(-KTLS_R_PROTOCOL, handoff_reply_parse(packet, len, &parsed));

	len = handoff_reply_build(&reply, packet, sizeof(packet));
	memset(other, 'x', HANDOFF_NAMES_LEN_MAX + 1);
	append(&len, 48, other, HANDOFF_NAMES_LEN_MAX + 1);
	EXPECT_EQ(0, handoff_reply_parse(packet, len, &parsed));
	append(&len, 48, "\1a", 2);
	EXPECT_EQ(-KTLS_R_PROTOCOL, handoff_reply_parse(packet, len, &parsed));

	reply = full_reply();
	reply.names_len = HANDOFF_NAMES_MAX + 1;
	EXPECT_EQ(0, handoff_reply_build(&reply, other, sizeof(other)));
	reply = full_reply();
	reply.names[1].text = span("a\nb", 3);
	EXPECT_EQ(0, handoff_reply_build(&reply, other, sizeof(other)));
}

TEST(too_many_or_bad_exports)
{
	struct handoff_request request = full_request();
	struct handoff_reply reply = full_reply();

	for (size_t i = 0; i < KTLS_EXPORTS_MAX; i++)
		request.exports[i] = (struct handoff_export){ 1, false, span("a", 1), { 0 } };
	request.exports_len = KTLS_EXPORTS_MAX + 1;
	EXPECT_EQ(0, handoff_request_build(&request, packet, sizeof(packet)));
	EXPECT_EQ(-KTLS_R_REQUEST_VALUE, handoff_request_check(&request));
	request.exports_len = KTLS_EXPORTS_MAX;
	EXPECT_GT(handoff_request_build(&request, packet, sizeof(packet)), 0);
	EXPECT_EQ(0, handoff_request_check(&request));
	request.exports[7].label = span("a\nb", 3);
	EXPECT_EQ(0, handoff_request_build(&request, packet, sizeof(packet)));
	EXPECT_EQ(-KTLS_R_REQUEST_VALUE, handoff_request_check(&request));
	reply.exported_len = KTLS_EXPORTS_MAX + 1;
	EXPECT_EQ(0, handoff_reply_build(&reply, packet, sizeof(packet)));
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
	request.hardware = KTLS_HARDWARE_AVOID;
	EXPECT_EQ(0, handoff_request_check(&request));
	request.hardware++;
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

TEST_HARNESS_MAIN
