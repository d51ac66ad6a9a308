/* SPDX-License-Identifier: MIT */
/* Relays: what TLS says behind the handshake, KeyUpdates, tickets, wishes to renegotiate. */
#include "tests/unit/relay.h"

static const uint8_t update[] = { 24, 0, 0, 1, 0 }, update_requested[] = { 24, 0, 0, 1, 1 };

static bool is_1_3(const struct test_self_relay *self)
{
	return self->secrets.version == KTLS_TLS_1_3;
}

/* The peer's next key, after its KeyUpdate. */
static void peer_steps(struct test_self_relay *self)
{
	ASSERT_EQ(0, ktls_secrets_key_update(&self->secrets, KTLS_RX, &self->rx));
}

/* The relay's, after the one that is said. */
static void relay_steps(struct test_self_relay *self,
			const uint8_t said[static KTLS_KEY_UPDATE_LEN])
{
	peer_expects(self, 22, said, KTLS_KEY_UPDATE_LEN);
	ASSERT_EQ(0, ktls_secrets_key_update(&self->secrets, KTLS_TX, &self->tx));
}

TEST_F(relay, the_peer_changes_its_key)
{
	start(self);
	peer_says(self, 22, update, sizeof(update));
	if (!is_1_3(self)) {
		expect_failure(self, KTLS_R_MESSAGE_UNEXPECTED, KTLS_ALERT_UNEXPECTED_MESSAGE);
		return;
	}
	peer_steps(self);
	peer_says(self, 23, "new", 3);
	app_expects(self, "new", 3);
	ASSERT_EQ(3, send(self->application, "old", 3, 0));
	peer_expects(self, 23, "old", 3);
}

TEST_F(relay, the_peer_asks_for_a_new_key)
{
	if (!is_1_3(self))
		return;
	start(self);
	peer_says(self, 22, update_requested, sizeof(update_requested));
	peer_steps(self);
	peer_says(self, 22, update_requested, sizeof(update_requested));
	peer_steps(self);
	relay_steps(self, update);
	ASSERT_EQ(3, send(self->application, "new", 3, 0));
	peer_expects(self, 23, "new", 3);
	peer_says(self, 23, "newer", 5);
	app_expects(self, "newer", 5);
}

TEST_F(relay, a_key_update_in_pieces)
{
	if (!is_1_3(self))
		return;
	start(self);
	for (size_t i = 0; i < sizeof(update); i++)
		peer_says(self, 22, update + i, 1);
	peer_steps(self);
	peer_says(self, 23, "new", 3);
	app_expects(self, "new", 3);
}

TEST_F(relay, bytes_behind_a_key_update)
{
	static const uint8_t two[] = { 24, 0, 0, 1, 0, 24 };

	if (!is_1_3(self))
		return;
	start(self);
	peer_says(self, 22, two, sizeof(two));
	expect_failure(self, KTLS_R_MESSAGE_SPANS_KEY_CHANGE, KTLS_ALERT_UNEXPECTED_MESSAGE);
}

TEST_F(relay, key_updates_that_are_none)
{
	static const uint8_t two[] = { 24, 0, 0, 1, 2 }, empty[] = { 24, 0, 0, 0 };

	if (!is_1_3(self))
		return;
	start(self);
	if (self->secrets.suite == KTLS_AES_128_GCM_SHA256) {
		peer_says(self, 22, two, sizeof(two));
		expect_failure(self, KTLS_R_KEY_UPDATE_INVALID, KTLS_ALERT_ILLEGAL_PARAMETER);
	} else {
		peer_says(self, 22, empty, sizeof(empty));
		expect_failure(self, KTLS_R_MESSAGE_MALFORMED, KTLS_ALERT_DECODE_ERROR);
	}
}

static void peer_sends(struct test_self_relay *self, int records)
{
	for (int i = 0; i < records; i++)
		peer_says(self, 23, "x", 1);
}

TEST_F(relay, a_storm_of_key_updates)
{
	int n = 0;

	if (!is_1_3(self))
		return;
	start(self);
	for (; n < 100 && self->ended == 0; n++) {
		size_t len = keyed_seal(&self->rx, 22, update, sizeof(update), self->wire);

		if (send(self->peer, self->wire, len, MSG_NOSIGNAL) < 0)
			break;
		settle_for(self, 0);
		peer_steps(self);
	}
	app_expects_end(self, KTLS_R_KEY_UPDATE_STORM, (uint8_t)KTLS_ALERT_UNEXPECTED_MESSAGE);
}

/* A peer that changes its key all the time, and sends something with each. */
TEST_F(relay, key_updates_between_data)
{
	if (!is_1_3(self))
		return;
	start(self);
	for (int n = 0; n < 3 * KTLS_KEY_UPDATE_BURST; n++) {
		peer_sends(self, KTLS_KEY_UPDATE_RECORDS);
		app_expects(self, "xxxx", KTLS_KEY_UPDATE_RECORDS);
		peer_says(self, 22, update, sizeof(update));
		peer_steps(self);
	}
	peer_sends(self, 1);
	app_expects(self, "x", 1);
	EXPECT_EQ(0, self->ended);
}

TEST_F(relay, our_own_key_wears_out)
{
	uint8_t type, alert;

	/* In TLS 1.2 Finished was the first record under it. */
	self->request.records_max = is_1_3(self) ? 3 : 4;
	start(self);
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(3, send(self->application, "abc", 3, 0));
		peer_expects(self, 23, "abc", 3);
	}
	if (is_1_3(self)) {
		ASSERT_EQ(3, send(self->application, "def", 3, 0));
		relay_steps(self, update);
		peer_expects(self, 23, "def", 3);
		return;
	}
	/* TLS 1.2 closes in order, and the peer may still send. */
	EXPECT_EQ(2, peer_hears(self, &type));
	EXPECT_MEMEQ(CLOSE_NOTIFY, self->content, 2);
	peer_expects_fin(self);
	EXPECT_EQ(-1, send(self->application, "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(KTLS_R_KEY_EXHAUSTED, relayed_end(self->application, &alert));
	peer_says(self, 23, "still", 5);
	app_expects(self, "still", 5);
	peer_says(self, 21, CLOSE_NOTIFY, 2);
	app_expects_end(self, KTLS_R_KEY_EXHAUSTED, KTLS_ALERT_NONE);
	expect_ended(self, KTLS_R_KEY_EXHAUSTED);
	EXPECT_EQ(0, self->end.error);
}

/* Once, until it has done so. */
TEST_F(relay, a_peer_is_asked_to_change_its_key)
{
	if (!is_1_3(self))
		return;
	self->request.records_max = 3;
	start(self);
	peer_sends(self, 3);
	app_expects(self, "xxx", 3);
	ASSERT_EQ(3, send(self->application, "abc", 3, 0));
	peer_expects(self, 23, "abc", 3);
	peer_sends(self, 1);
	relay_steps(self, update_requested);
	peer_sends(self, 5);
	app_expects(self, "xxxxxx", 6);
	ASSERT_EQ(3, send(self->application, "def", 3, 0));
	peer_expects(self, 23, "def", 3);
	peer_says(self, 22, update, sizeof(update));
	peer_steps(self);
	peer_sends(self, 3);
	app_expects(self, "xxx", 3);
	ASSERT_EQ(3, send(self->application, "ghi", 3, 0));
	peer_expects(self, 23, "ghi", 3);
	peer_sends(self, 1);
	relay_steps(self, update_requested);
	EXPECT_EQ(0, self->ended);
}

/* As many KeyUpdates as it is asked for are no storm. */
TEST_F(relay, a_peer_that_is_asked_often)
{
	if (!is_1_3(self))
		return;
	self->request.records_max = 1;
	start(self);
	for (int i = 0; i < KTLS_KEY_UPDATE_BURST + 8; i++) {
		peer_sends(self, 2);
		relay_steps(self, update_requested);
		peer_says(self, 22, update, sizeof(update));
		peer_steps(self);
	}
	settle(self);
	EXPECT_EQ(0, self->ended);
}

/* So many records have come under the key, as far as the relay knows. */
static void peer_has_sent(struct test_self_relay *self, uint64_t records)
{
	for (size_t i = 0; i < sizeof(self->rx.seq); i++)
		self->rx.seq[i] = (uint8_t)(records >> 8 * (sizeof(self->rx.seq) - 1 - i));
}

TEST_F(relay, a_peer_that_keeps_its_key)
{
	self->request.records_max = 10;
	peer_has_sent(self, is_1_3(self) ? 2 * 10 + KTLS_RECORDS_UNDER_WAY : 10);
	start(self);
	peer_sends(self, 1);
	app_expects(self, "x", 1);
	if (is_1_3(self))
		relay_steps(self, update_requested);
	peer_sends(self, 2);
	app_expects_end(self, KTLS_R_KEY_EXHAUSTED, KTLS_ALERT_NONE);
	peer_expects_alert(self, 1, KTLS_ALERT_CLOSE_NOTIFY);
	peer_expects_fin(self);
	EXPECT_EQ(-1, send(self->application, "x", 1, MSG_NOSIGNAL));
	shutdown(self->peer, SHUT_WR);
	expect_ended(self, KTLS_R_KEY_EXHAUSTED);
}

/* A peer of the same mind: its last record tells why. */
TEST_F(relay, a_peer_that_ends_with_its_key)
{
	if (is_1_3(self))
		return;
	self->request.records_max = 10;
	peer_has_sent(self, 10);
	start(self);
	peer_says(self, 21, CLOSE_NOTIFY, 2);
	app_expects_end(self, KTLS_R_PEER_CLOSE_NOTIFY, KTLS_ALERT_NONE);
}

/* What RFC 9846 says is good for a key is nothing that the peer is held to. */
TEST_F(relay, a_peer_that_has_sent_more_than_is_good)
{
	peer_has_sent(self, 3 * (uint64_t)KTLS_AES_GCM_RECORDS_MAX);
	start(self);
	peer_sends(self, 2);
	app_expects(self, "xx", 2);
	if (is_1_3(self))
		relay_steps(self, update_requested);
	peer_sends(self, 1);
	app_expects(self, "x", 1);
	EXPECT_EQ(0, self->ended);
}

static size_t make_ticket(uint8_t *out, size_t ticket)
{
	size_t body = 4 + 4 + 1 + 2 + ticket + 2;

	memset(out, 0x11, 4 + body);
	out[0] = 4;
	out[1] = 0;
	out[2] = (uint8_t)(body >> 8);
	out[3] = (uint8_t)body;
	return 4 + body;
}

TEST_F(relay, tickets)
{
	uint8_t two[1000];
	size_t one = make_ticket(two, 100), len = one + make_ticket(two + one, 200);

	if (!is_1_3(self))
		return;
	start(self);
	peer_says(self, 22, two, 50);
	settle(self);
	EXPECT_EQ(0, self->tickets);
	peer_says(self, 22, two + 50, one - 50);
	settle(self);
	EXPECT_EQ(1, self->tickets);
	EXPECT_EQ(one, self->ticket_len);
	EXPECT_MEMEQ(two, self->ticket, one);
	peer_says(self, 22, two, len);
	settle(self);
	EXPECT_EQ(3, self->tickets);
	EXPECT_EQ(len - one, self->ticket_len);
	peer_says(self, 23, "data", 4);
	app_expects(self, "data", 4);
}

TEST_F(relay, a_ticket_too_long_to_be_kept)
{
	static uint8_t ticket[16000];
	size_t len = make_ticket(ticket, 15000);

	if (!is_1_3(self))
		return;
	start(self);
	peer_says(self, 22, ticket, len);
	peer_says(self, 23, "data", 4);
	app_expects(self, "data", 4);
	EXPECT_EQ(0, self->tickets);
}

TEST_F(relay, tickets_that_nobody_wants)
{
	uint8_t ticket[200];
	size_t len = make_ticket(ticket, 100);

	if (!is_1_3(self))
		return;
	self->request.ticket = NULL;
	start(self);
	peer_says(self, 22, ticket, len);
	peer_says(self, 23, "data", 4);
	app_expects(self, "data", 4);
}

TEST_F(relay, data_inside_of_a_message)
{
	uint8_t ticket[200];

	make_ticket(ticket, 100);
	if (!is_1_3(self))
		return;
	start(self);
	peer_says(self, 22, ticket, 60);
	peer_says(self, 23, "data", 4);
	expect_failure(self, KTLS_R_MESSAGE_INTERLEAVED, KTLS_ALERT_UNEXPECTED_MESSAGE);
}

TEST_F(relay, a_request_for_a_certificate)
{
	static const uint8_t request[] = { 13, 0, 0, 3, 0, 0, 0 };

	start(self);
	peer_says(self, 22, request, sizeof(request));
	expect_failure(self, KTLS_R_MESSAGE_UNEXPECTED, KTLS_ALERT_UNEXPECTED_MESSAGE);
}

TEST_F(relay, renegotiation_is_refused)
{
	static const uint8_t request[] = { 0, 0, 0, 0 };

	start(self);
	peer_says(self, 22, request, sizeof(request));
	if (is_1_3(self)) {
		expect_failure(self, KTLS_R_MESSAGE_UNEXPECTED, KTLS_ALERT_UNEXPECTED_MESSAGE);
		return;
	}
	peer_expects_alert(self, 1, KTLS_ALERT_NO_RENEGOTIATION);
	peer_says(self, 23, "data", 4);
	app_expects(self, "data", 4);
	for (int i = 0; i < 7; i++) {
		peer_says(self, 22, request, sizeof(request));
		peer_expects_alert(self, 1, KTLS_ALERT_NO_RENEGOTIATION);
	}
	peer_says(self, 22, request, sizeof(request));
	expect_failure(self, KTLS_R_RENEGOTIATION_STORM, KTLS_ALERT_NO_RENEGOTIATION);
}

/* As a server of TLS 1.2, with a hello in two records. */
TEST_F(relay, a_client_that_begins_again)
{
	static const uint8_t hello[] = { 1, 0, 0, 3, 7, 7, 7 };

	if (is_1_3(self))
		return;
	self->secrets.role = KTLS_SERVER;
	start(self);
	peer_says(self, 22, hello, 5);
	peer_says(self, 22, hello + 5, 2);
	peer_expects_alert(self, 1, KTLS_ALERT_NO_RENEGOTIATION);
	peer_says(self, 23, "data", 4);
	app_expects(self, "data", 4);
}

TEST_HARNESS_MAIN
