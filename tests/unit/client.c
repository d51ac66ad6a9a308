/* SPDX-License-Identifier: MIT */
/* The client of the hand-off protocol: what goes out and comes back, one and many. */
#include <string.h>

#include "tests/unit/client.h"

FIXTURE_VARIANT_ADD(client, one_worker){ .lanes = 1 };
FIXTURE_VARIANT_ADD(client, three_workers){ .lanes = 3 };

/* ---- one handshake ------------------------------------------------------------------------- */

TEST_F(client, knows_what_the_greeting_said)
{
	struct ktls_info info;

	ktls_get_info(self->k, &info);
	EXPECT_STREQ("fake", info.version);
	EXPECT_EQ(variant->lanes, info.workers);
	EXPECT_EQ(KTLS_CAN_REKEY, info.capabilities);
}

TEST_F(client, request_arrives_as_it_was_asked_for)
{
	const char *const alpn[] = { "h2", "http/1.1", NULL };
	const struct ktls_params params = { .role = KTLS_CLIENT,
					    .records = KTLS_RECORDS_PREFER_KERNEL,
					    .deadline_ms = 1234,
					    .profile = "p",
					    .server_name = "2001:db8::1",
					    .alpn = alpn,
					    .received = "abc",
					    .received_len = 3 };
	struct fake_request r = { .fd = -1 };
	uint64_t id;

	ASSERT_EQ(0, ktls_start(self->k, self->fd, &params, &id));
	EXPECT_NE(0, id);
	fake_request(self->lane, &r);
	EXPECT_EQ(id, r.request.id);
	EXPECT_EQ(KTLS_CLIENT, r.request.role);
	EXPECT_EQ(KTLS_RECORDS_PREFER_KERNEL, r.request.records);
	EXPECT_EQ(1234, r.request.deadline_ms);
	EXPECT_STREQ("p", r.request.profile);
	EXPECT_STREQ("2001:db8::1", r.request.server_name);
	ASSERT_EQ(12, r.request.alpn.len);
	EXPECT_MEMEQ("\x02h2\x08http/1.1", r.request.alpn.bytes, 12);
	ASSERT_EQ(3, r.request.received.len);
	EXPECT_MEMEQ("abc", r.request.received.bytes, 3);
	EXPECT_NE(self->fd, r.fd);
	EXPECT_TRUE(same_file(self->fd, r.fd));
	close(r.fd);
}

TEST_F(client, defaults)
{
	struct fake_request r = { .fd = -1 };

	START(self);
	fake_request(self->lane, &r);
	EXPECT_EQ(KTLS_SERVER, r.request.role);
	EXPECT_EQ(KTLS_DEADLINE_DEFAULT, r.request.deadline_ms);
	EXPECT_STREQ("default", r.request.profile);
	EXPECT_STREQ("", r.request.server_name);
	EXPECT_EQ(0, r.request.alpn.len);
	close(r.fd);
}

TEST_F(client, reply_arrives_as_it_was_given)
{
	struct handoff_reply sent = {
		.version = KTLS_TLS_1_3,
		.suite = KTLS_AES_128_GCM_SHA256,
		.group = KTLS_GROUP_X25519,
		.scheme = KTLS_SCHEME_ED25519,
		.tx = KTLS_STATE_SW,
		.rx = KTLS_STATE_HW,
		.tx_no_hw = KTLS_NO_HW_CHECKSUM_OFF,
		.time_us = 321,
		.server_name = "a.example",
		.alpn = { (const uint8_t *)"h2", 2 },
		.session = { (const uint8_t *)"sealed", 6 },
		.certs = { { (const uint8_t *)"leaf", 4 }, { (const uint8_t *)"issuer", 6 } },
		.certs_len = 2,
		.names = { { KTLS_NAME_SUBJECT, { (const uint8_t *)"CN=a", 4 } },
			   { KTLS_NAME_IP, { (const uint8_t *)"192.0.2.1", 9 } } },
		.names_len = 2,
		.names_left_out = 5,
		.client_scheme = KTLS_SCHEME_ED25519,
		.resumed = 1
	};
	struct ktls_reply *reply;

	self->params.arg = self;
	sent.id = START(self);
	take(self->lane);
	fake_reply_full(self->lane, &sent);
	reply = collect(self->k);
	EXPECT_EQ(sent.id, reply->id);
	EXPECT_TRUE(reply->arg == self);
	EXPECT_EQ(KTLS_OK, reply->reason);
	EXPECT_EQ(KTLS_ALERT_ORIGIN_NONE, reply->alert_origin);
	EXPECT_EQ(KTLS_ALERT_NONE, reply->alert);
	EXPECT_STREQ("success", reply->text);
	EXPECT_EQ(KTLS_TLS_1_3, reply->version);
	EXPECT_EQ(KTLS_AES_128_GCM_SHA256, reply->suite);
	EXPECT_EQ(KTLS_GROUP_X25519, reply->group);
	EXPECT_EQ(KTLS_SCHEME_ED25519, reply->scheme);
	EXPECT_EQ(KTLS_STATE_SW, reply->tx);
	EXPECT_EQ(KTLS_STATE_HW, reply->rx);
	EXPECT_EQ(KTLS_NO_HW_CHECKSUM_OFF, reply->tx_no_hw);
	EXPECT_EQ(KTLS_NO_HW_NONE, reply->rx_no_hw);
	EXPECT_EQ(321, reply->time_us);
	EXPECT_STREQ("a.example", reply->server_name);
	EXPECT_STREQ("h2", reply->alpn);
	ASSERT_EQ(6, reply->session.len);
	EXPECT_MEMEQ("sealed", reply->session.bytes, 6);
	ASSERT_EQ(2, reply->certs_len);
	ASSERT_EQ(4, reply->certs[0].len);
	EXPECT_MEMEQ("leaf", reply->certs[0].bytes, 4);
	ASSERT_EQ(6, reply->certs[1].len);
	EXPECT_MEMEQ("issuer", reply->certs[1].bytes, 6);
	ASSERT_EQ(2, reply->names_len);
	EXPECT_EQ(KTLS_NAME_SUBJECT, (int)reply->names[0].kind);
	EXPECT_STREQ("CN=a", reply->names[0].text);
	EXPECT_EQ(KTLS_NAME_IP, (int)reply->names[1].kind);
	EXPECT_STREQ("192.0.2.1", reply->names[1].text);
	EXPECT_EQ(5, reply->names_left_out);
	EXPECT_EQ(KTLS_SCHEME_ED25519, reply->client_scheme);
	EXPECT_EQ(1, reply->resumed);
	EXPECT_EQ(-1, reply->fd);
	ktls_reply_free(reply);
	expect_none(self->k);
}

TEST_F(client, failure_says_why)
{
	struct handoff_reply sent = { .reason = KTLS_R_CERTIFICATE_EXPIRED,
				      .alert_origin = KTLS_ALERT_SENT,
				      .alert = KTLS_ALERT_CERTIFICATE_EXPIRED,
				      .text = "on 2024-02-29" };
	struct ktls_reply *reply;

	sent.id = START(self);
	take(self->lane);
	fake_reply_full(self->lane, &sent);
	reply = collect(self->k);
	EXPECT_EQ(KTLS_R_CERTIFICATE_EXPIRED, reply->reason);
	EXPECT_EQ(KTLS_ALERT_SENT, reply->alert_origin);
	EXPECT_EQ(KTLS_ALERT_CERTIFICATE_EXPIRED, reply->alert);
	EXPECT_STREQ("certificate has expired: on 2024-02-29", reply->text);
	EXPECT_EQ(0, reply->version);
	EXPECT_STREQ("", reply->alpn);
	EXPECT_EQ(0, reply->certs_len);
	ktls_reply_free(reply);
}

TEST_F(client, peers_alert_is_named)
{
	struct handoff_reply sent = { .reason = KTLS_R_PEER_ALERT,
				      .alert_origin = KTLS_ALERT_RECEIVED,
				      .alert = KTLS_ALERT_UNKNOWN_CA };
	struct ktls_reply *reply;

	sent.id = START(self);
	take(self->lane);
	fake_reply_full(self->lane, &sent);
	reply = collect(self->k);
	EXPECT_STREQ("the peer ended the connection with an alert: unknown_ca", reply->text);
	ktls_reply_free(reply);
}

TEST_F(client, descriptor_is_readable_when_there_is_something_to_collect)
{
	uint64_t id;

	expect_none(self->k); /* reads the greeting if that is yet to be read */
	EXPECT_FALSE(readable(self->k, 0));
	id = START(self);
	EXPECT_FALSE(readable(self->k, 0));
	take(self->lane);
	fake_reply(self->lane, id, KTLS_OK);
	EXPECT_TRUE(readable(self->k, 5000));
	expect_reply(self->k, id, KTLS_OK);
	expect_none(self->k);
	EXPECT_FALSE(readable(self->k, 0));
}

TEST_F(client, wrong_arguments)
{
	char long_name[KTLS_SERVER_NAME_MAX + 2], big[301];
	const char *const empty[] = { "", NULL };
	const char *const large[] = { big, NULL };
	const struct ktls_params wrong[] = {
		{ .role = (enum ktls_role)2 },
		{ .records = (enum ktls_records)2 },
		{ .hardware = (enum ktls_hardware)4 },
		{ .flags = 2 * KTLS_TX_ZEROCOPY },
		{ .deadline_ms = KTLS_DEADLINE_MAX + 1 },
		{ .profile = "" },
		{ .profile = "a b" },
		{ .server_name = "example.org" }, /* but a server */
		{ .role = KTLS_CLIENT, .server_name = "" },
		{ .role = KTLS_CLIENT, .server_name = "ex\nample" },
		{ .role = KTLS_CLIENT, .server_name = long_name },
		{ .alpn = empty },
		{ .alpn = large },
		{ .received_len = 1 },
		{ .received = "x", .received_len = KTLS_RECEIVED_MAX + 1 },
		{ .reserved = { 0, 0, 1 } },
	};
	uint64_t id = 77;

	memset(big, 'x', sizeof(big));
	big[300] = 0;
	memset(long_name, 'x', sizeof(long_name));
	long_name[KTLS_SERVER_NAME_MAX + 1] = 0;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		EXPECT_EQ(-EINVAL, ktls_start(self->k, self->fd, &wrong[i], &id));
	EXPECT_EQ(-EINVAL, ktls_start(self->k, self->fd, NULL, &id));
	EXPECT_EQ(-EBADF, ktls_start(self->k, -1, &self->params, &id));
	EXPECT_EQ(-EBADF, ktls_start(self->k, 10000, &self->params, &id));
	EXPECT_EQ(77, id);
	EXPECT_FALSE(fake_readable(self->lane));
}

/* ---- many ---------------------------------------------------------------------------------- */

TEST_F(client, one_after_the_other_needs_one_connection)
{
	for (int i = 0; i < 10; i++) {
		uint64_t id = START(self);

		EXPECT_EQ(id, take(self->lane));
		fake_reply(self->lane, id, KTLS_OK);
		expect_reply(self->k, id, KTLS_OK);
	}
	EXPECT_EQ(-1, fake_accept(&self->fake));
}

TEST_F(client, spreads_over_as_many_connections_as_there_are_workers)
{
	int lanes[3] = { self->lane, -1, -1 };

	for (int i = 0; i < 4 * variant->lanes; i++)
		START(self);
	for (int i = 1; i < variant->lanes; i++) {
		lanes[i] = fake_accept(&self->fake);
		ASSERT_GE(lanes[i], 0);
	}
	EXPECT_EQ(-1, fake_accept(&self->fake));
	for (int i = 0; i < variant->lanes; i++)
		for (int j = 0; j < 4; j++)
			fake_reply(lanes[i], take(lanes[i]), KTLS_OK);
	for (int i = 0; i < 4 * variant->lanes; i++)
		ktls_reply_free(collect(self->k));
	expect_none(self->k);
	for (int i = 1; i < variant->lanes; i++)
		close(lanes[i]);
}

#define MANY 500

/* The last one is answered first; arg tells whose reply it is. */
TEST_F(client, many_in_flight_answered_in_another_order)
{
	static uint64_t ids[MANY];
	static int lane_of[MANY];
	int lanes[3] = { self->lane, -1, -1 };
	size_t taken = 0, got = 0;

	for (size_t i = 0; i < MANY; i++) {
		self->params.arg = &ids[i];
		ids[i] = START(self);
	}
	for (int i = 1; i < variant->lanes; i++)
		lanes[i] = fake_accept(&self->fake);
	while (taken < MANY) {
		for (int i = 0; i < variant->lanes; i++) {
			while (fake_readable(lanes[i])) {
				lane_of[take(lanes[i]) - ids[0]] = lanes[i];
				taken++;
			}
		}
		expect_none(self->k); /* sends what had no room */
	}
	for (size_t i = MANY; i > 0; i--) {
		fake_reply(lane_of[i - 1], ids[i - 1], KTLS_OK);
		if (i % 100 == 0)
			continue; /* now and then two at once */
		while (got < MANY - i + 1) {
			struct ktls_reply *reply = collect(self->k);

			EXPECT_EQ(*(uint64_t *)reply->arg, reply->id);
			*(uint64_t *)reply->arg = 0;
			ktls_reply_free(reply);
			got++;
		}
	}
	EXPECT_EQ(MANY, got);
	expect_none(self->k);
	for (int i = 1; i < variant->lanes; i++)
		close(lanes[i]);
}

TEST_F(client, no_more_than_ktlsd_allows)
{
	uint8_t packet[512];
	uint64_t ids[5];
	size_t len;

	self->fake.greeting.in_flight_max = 2;
	self->fake.greeting.lanes = 1;
	self->fake.greeting.lane = 0;
	len = handoff_greeting_build(&self->fake.greeting, packet, sizeof(packet));
	fake_send(self->lane, packet, len, NULL, 0);
	expect_none(self->k);
	for (size_t i = 0; i < 5; i++)
		ids[i] = START(self);
	EXPECT_EQ(ids[0], take(self->lane));
	EXPECT_EQ(ids[1], take(self->lane));
	EXPECT_FALSE(fake_readable(self->lane));
	for (size_t i = 0; i < 3; i++) {
		fake_reply(self->lane, ids[i], KTLS_OK);
		expect_reply(self->k, ids[i], KTLS_OK);
		expect_none(self->k);
		EXPECT_EQ(ids[i + 2], take(self->lane));
	}
	EXPECT_FALSE(fake_readable(self->lane));
}

TEST_HARNESS_MAIN
