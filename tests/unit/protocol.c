/* SPDX-License-Identifier: MIT */
/* The hand-off protocol's messages as they should be: built, parsed, known answers. */
#include "tests/unit/messages.h"

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
	EXPECT_EQ(KTLS_NO_HW_FEATURE_OFF, reply.tx_no_hw);
	EXPECT_EQ(200, reply.rx_no_hw); /* one to come */
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
	ASSERT_EQ(2, reply.names_len);
	EXPECT_EQ(KTLS_NAME_SUBJECT, reply.names[0].kind);
	ASSERT_EQ(8, reply.names[0].text.len);
	EXPECT_MEMEQ("CN=alice", reply.names[0].text.bytes, 8);
	EXPECT_EQ(KTLS_NAME_DNS, reply.names[1].kind);
	EXPECT_EQ(3, reply.names_left_out);
	EXPECT_EQ(KTLS_SCHEME_ECDSA_SECP256R1_SHA256, reply.client_scheme);
}

TEST(exports_come_through)
{
	struct handoff_request full = full_request(), request;
	struct handoff_reply told = full_reply(), reply;
	size_t len;

	full.bindings = KTLS_BINDING_SERVER_END_POINT;
	full.flags = KTLS_TX_ZEROCOPY;
	full.exports[0] =
		(struct handoff_export){ 32, true, span("EXPERIMENTAL a", 14), span("context", 7) };
	full.exports[1] = (struct handoff_export){ 1024, false, span("b", 1), span(NULL, 0) };
	full.exports[2] = (struct handoff_export){ 1, true, span("c", 1), span("", 0) };
	full.exports_len = 3;
	len = handoff_request_build(&full, packet, sizeof(packet));
	ASSERT_EQ(0, handoff_request_parse(packet, len, &request));
	EXPECT_EQ(KTLS_BINDING_SERVER_END_POINT, request.bindings);
	EXPECT_EQ(KTLS_TX_ZEROCOPY, request.flags);
	ASSERT_EQ(3, request.exports_len);
	EXPECT_EQ(32, request.exports[0].len);
	EXPECT_MEMEQ("EXPERIMENTAL a", request.exports[0].label.bytes, 14);
	EXPECT_MEMEQ("context", request.exports[0].context.bytes, 7);
	EXPECT_TRUE(request.exports[0].has_context);
	EXPECT_FALSE(request.exports[1].has_context);
	EXPECT_TRUE(request.exports[2].has_context);
	EXPECT_EQ(0, request.exports[2].context.len);
	told.exported[0] = span(certs, 32);
	told.exported[1] = span(NULL, 0);
	told.exported_len = 2;
	told.tls_exporter = span(certs, 32);
	told.tls_server_end_point = span(certs, 48);
	len = handoff_reply_build(&told, packet, sizeof(packet));
	ASSERT_EQ(0, handoff_reply_parse(packet, len, &reply));
	ASSERT_EQ(2, reply.exported_len);
	EXPECT_EQ(32, reply.exported[0].len);
	EXPECT_EQ(0, reply.exported[1].len);
	EXPECT_EQ(32, reply.tls_exporter.len);
	EXPECT_EQ(48, reply.tls_server_end_point.len);
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
	memset(other, 'x', HANDOFF_NAMES_LEN_MAX);
	for (size_t i = 0; i < HANDOFF_NAMES_MAX; i++)
		reply.names[i] = (struct handoff_name){
			KTLS_NAME_URI, span(other, HANDOFF_NAMES_LEN_MAX / HANDOFF_NAMES_MAX)
		};
	reply.names_len = HANDOFF_NAMES_MAX;
	for (size_t i = 0; i < KTLS_EXPORTS_MAX; i++)
		reply.exported[i] = span(certs, KTLS_EXPORTED_MAX);
	reply.exported_len = KTLS_EXPORTS_MAX;
	reply.tls_exporter = span(certs, 32);
	reply.tls_server_end_point = span(certs, 64);
	len = handoff_reply_build(&reply, packet, sizeof(packet));
	EXPECT_GT(len, HANDOFF_CHAIN_MAX);
	ASSERT_EQ(0, handoff_reply_parse(packet, len, &parsed));
	EXPECT_EQ(HANDOFF_CERTS_MAX, parsed.certs_len);
	EXPECT_EQ(HANDOFF_NAMES_MAX, parsed.names_len);
}

TEST(the_largest_request_fits)
{
	struct handoff_request request = full_request(), parsed;

	memset(request.profile, 'x', KTLS_PROFILE_MAX);
	memset(request.server_name, 'x', KTLS_SERVER_NAME_MAX);
	memset(other, 1, KTLS_ALPN_MAX);
	request.alpn = span(other, KTLS_ALPN_MAX);
	request.received = span(certs, KTLS_RECEIVED_MAX);
	for (size_t i = 0; i < KTLS_EXPORTS_MAX; i++)
		request.exports[i] =
			(struct handoff_export){ KTLS_EXPORTED_MAX, true,
						 span(request.profile, KTLS_PROFILE_MAX),
						 span(certs, KTLS_EXPORT_CONTEXT_MAX) };
	request.exports_len = KTLS_EXPORTS_MAX;
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
	EXPECT_NULL(handoff_rule(7));
	EXPECT_NULL(handoff_rule(255));
}

TEST_HARNESS_MAIN
