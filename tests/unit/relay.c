/* SPDX-License-Identifier: MIT */
/* Relays: data both ways, and every way in which a connection ends. */
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "tests/unit/relay.h"

/* ---- data ------------------------------------------------------------------------------------ */

TEST_F(relay, both_ways)
{
	start(self);
	ASSERT_EQ(5, send(self->application, "hello", 5, 0));
	peer_expects(self, 23, "hello", 5);
	peer_says(self, 23, "answer", 6);
	app_expects(self, "answer", 6);
	/* Nothing under way: no buffers. */
	EXPECT_LT(relay_loop_bytes(self->loop), 8192);
}

/* The end of what was sent does not wait until the peer has acknowledged the rest. */
TEST_F(relay, nothing_waits_for_an_acknowledgement)
{
	socklen_t len = sizeof(int);
	int peer = dup(self->request.peer), set = 0;

	ASSERT_EQ(0, setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &set, len));
	start(self);
	ASSERT_EQ(0, getsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &set, &len));
	EXPECT_EQ(1, set);
	close(peer);
}

TEST_F(relay, records_in_pieces)
{
	size_t len;

	start(self);
	len = keyed_seal(&self->rx, 23, "hello", 5, self->wire);
	for (size_t i = 0; i < len; i++) {
		ASSERT_EQ(1, send(self->peer, self->wire + i, 1, 0));
		settle_for(self, 1);
	}
	app_expects(self, "hello", 5);
}

TEST_F(relay, several_records_at_once)
{
	uint8_t all[512];
	size_t len = 0;

	start(self);
	for (int i = 0; i < 5; i++)
		len += keyed_seal(&self->rx, 23, i == 2 ? "" : "abc", i == 2 ? 0 : 3,
				  self->wire + len);
	memcpy(all, self->wire, len);
	ASSERT_EQ(len, send(self->peer, all, len, 0));
	app_expects(self, "abcabcabcabc", 12);
}

TEST_F(relay, content_is_as_long_as_the_peer_allows)
{
	uint8_t type, bytes[300];

	memset(bytes, 7, sizeof(bytes));
	self->request.content_max = 128;
	start(self);
	ASSERT_EQ(sizeof(bytes), send(self->application, bytes, sizeof(bytes), 0));
	EXPECT_EQ(128, peer_hears(self, &type));
	EXPECT_EQ(128, peer_hears(self, &type));
	EXPECT_EQ(44, peer_hears(self, &type));
}

#define MUCH (4 << 20)

static uint8_t pattern(size_t at)
{
	return (uint8_t)(at * 31 + at / 251);
}

/* The application reads nothing: the relay holds a record, and TCP holds the peer. */
TEST_F_TIMEOUT(relay, an_application_that_does_not_read, 60)
{
	uint8_t chunk[16384], got[65536];
	size_t sent = 0, wire_len = 0, wire_at = 0, received = 0;

	start(self);
	while (received < MUCH) {
		if (wire_at == wire_len && sent < MUCH) {
			for (size_t i = 0; i < sizeof(chunk); i++)
				chunk[i] = pattern(sent + i);
			sent += sizeof(chunk);
			wire_len = keyed_seal(&self->rx, 23, chunk, sizeof(chunk), self->wire);
			wire_at = 0;
		}
		ssize_t n = send(self->peer, self->wire + wire_at, wire_len - wire_at,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0)
			wire_at += (size_t)n;
		settle_for(self, 0);
		EXPECT_LE(relay_loop_bytes(self->loop), 8192 + RELAY_BUFFER);
		if (n > 0 && sent < MUCH)
			continue;
		n = recv(self->application, got, sizeof(got), MSG_DONTWAIT);
		for (ssize_t i = 0; i < n; i++)
			ASSERT_EQ(pattern(received++), got[i]);
	}
	EXPECT_EQ(MUCH, received);
}

TEST_F_TIMEOUT(relay, a_peer_that_does_not_read, 60)
{
	uint8_t chunk[50000], type;
	size_t sent = 0, received = 0;

	start(self);
	while (received < MUCH) {
		ssize_t n = 0;

		for (size_t i = 0; i < sizeof(chunk); i++)
			chunk[i] = pattern(sent + i);
		if (sent < MUCH)
			n = send(self->application, chunk,
				 MUCH - sent < sizeof(chunk) ? MUCH - sent : sizeof(chunk),
				 MSG_DONTWAIT);
		if (n > 0)
			sent += (size_t)n;
		settle_for(self, 0);
		EXPECT_LE(relay_loop_bytes(self->loop), 8192 + RELAY_BUFFER);
		if (n > 0 && sent < MUCH)
			continue;
		n = peer_hears(self, &type);
		ASSERT_GT(n, 0);
		for (ssize_t i = 0; i < n; i++)
			ASSERT_EQ(pattern(received++), self->content[i]);
	}
	EXPECT_EQ(MUCH, received);
}

/* ---- ends ------------------------------------------------------------------------------------ */

TEST_F(relay, the_application_closes_its_half)
{
	start(self);
	ASSERT_EQ(4, send(self->application, "last", 4, 0));
	shutdown(self->application, SHUT_WR);
	peer_expects(self, 23, "last", 4);
	peer_expects_alert(self, 1, KTLS_ALERT_CLOSE_NOTIFY);
	peer_expects_fin(self);
	peer_says(self, 23, "still here", 10);
	app_expects(self, "still here", 10);
	peer_says(self, 21, CLOSE_NOTIFY, 2);
	app_expects_end(self, KTLS_R_PEER_CLOSE_NOTIFY, KTLS_ALERT_NONE);
	expect_ended(self, KTLS_OK);
	EXPECT_EQ(4, self->end.sent);
	EXPECT_EQ(10, self->end.received);
}

TEST_F(relay, the_peer_closes_its_half)
{
	start(self);
	peer_says(self, 23, "last", 4);
	peer_says(self, 21, CLOSE_NOTIFY, 2);
	app_expects(self, "last", 4);
	app_expects_end(self, KTLS_R_PEER_CLOSE_NOTIFY, KTLS_ALERT_NONE);
	ASSERT_EQ(10, send(self->application, "still here", 10, 0));
	peer_expects(self, 23, "still here", 10);
	close(self->application);
	self->application = -1;
	peer_expects_alert(self, 1, KTLS_ALERT_CLOSE_NOTIFY);
	expect_ended(self, KTLS_OK);
}

/* Data behind a close_notify is ignored (RFC 9846, 6.1). */
TEST_F(relay, data_behind_close_notify)
{
	start(self);
	peer_says(self, 21, CLOSE_NOTIFY, 2);
	peer_says(self, 23, "more", 4);
	app_expects_end(self, KTLS_R_PEER_CLOSE_NOTIFY, KTLS_ALERT_NONE);
}

TEST_F(relay, an_end_without_close_notify)
{
	start(self);
	peer_says(self, 23, "cut", 3);
	shutdown(self->peer, SHUT_WR);
	app_expects(self, "cut", 3);
	app_expects_end(self, KTLS_R_TRUNCATED, KTLS_ALERT_NONE);
	ASSERT_EQ(3, send(self->application, "bye", 3, 0));
	peer_expects(self, 23, "bye", 3);
	shutdown(self->application, SHUT_WR);
	peer_expects_alert(self, 1, KTLS_ALERT_CLOSE_NOTIFY);
	expect_ended(self, KTLS_R_TRUNCATED);
}

TEST_F(relay, an_end_inside_a_record)
{
	size_t len;

	start(self);
	len = keyed_seal(&self->rx, 23, "hello", 5, self->wire);
	ASSERT_EQ(len - 1, send(self->peer, self->wire, len - 1, 0));
	shutdown(self->peer, SHUT_WR);
	app_expects_end(self, KTLS_R_TRUNCATED, KTLS_ALERT_NONE);
}

TEST_F(relay, a_reset)
{
	start(self);
	settle(self);
	close_by_reset(self->peer);
	self->peer = -1;
	app_expects_end(self, KTLS_R_PEER_RESET, KTLS_ALERT_NONE);
	EXPECT_EQ(-1, send(self->application, "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(EPIPE, errno);
	expect_ended(self, KTLS_R_PEER_RESET);
	EXPECT_EQ(ECONNRESET, self->end.error);
}

TEST_F(relay, a_fatal_alert)
{
	static const uint8_t alert[] = { 2, KTLS_ALERT_INTERNAL_ERROR };

	start(self);
	peer_says(self, 21, alert, 2);
	app_expects_end(self, KTLS_R_PEER_ALERT, KTLS_ALERT_INTERNAL_ERROR);
	EXPECT_EQ(-1, send(self->application, "x", 1, MSG_NOSIGNAL));
	expect_ended(self, KTLS_R_PEER_ALERT);
}

TEST_F(relay, a_record_that_was_changed)
{
	size_t len;

	start(self);
	len = keyed_seal(&self->rx, 23, "hello", 5, self->wire);
	self->wire[len - 1] ^= 1;
	ASSERT_EQ(len, send(self->peer, self->wire, len, 0));
	expect_failure(self, KTLS_R_RECORD_MAC, KTLS_ALERT_BAD_RECORD_MAC);
}

TEST_F(relay, a_record_too_long)
{
	static const uint8_t header[] = { 23, 3, 3, 0xff, 0xff };

	start(self);
	ASSERT_EQ(5, send(self->peer, header, 5, 0));
	expect_failure(self, KTLS_R_RECORD_TOO_LONG, KTLS_ALERT_RECORD_OVERFLOW);
}

TEST_F(relay, an_alert_of_three_bytes)
{
	start(self);
	peer_says(self, 21, "\1\0\0", 3);
	expect_failure(self, KTLS_R_ALERT_MALFORMED, KTLS_ALERT_DECODE_ERROR);
}

/* What was written is sent, although nobody is there any more. */
TEST_F(relay, an_application_that_is_gone)
{
	start(self);
	ASSERT_EQ(4, send(self->application, "last", 4, 0));
	close(self->application);
	self->application = -1;
	peer_expects(self, 23, "last", 4);
	peer_expects_alert(self, 1, KTLS_ALERT_CLOSE_NOTIFY);
	peer_expects_fin(self);
	peer_says(self, 23, "for nobody", 10);
	peer_says(self, 21, CLOSE_NOTIFY, 2);
	settle_for(self, 50);
	EXPECT_EQ(0, self->ended);
	shutdown(self->peer, SHUT_WR);
	expect_ended(self, KTLS_OK);
}

TEST_F(relay, a_peer_that_lingers)
{
	start(self);
	close(self->application);
	self->application = -1;
	settle_for(self, 20);
	EXPECT_EQ(0, self->ended);
	settle_for(self, 400);
	expect_ended(self, KTLS_OK);
}

TEST_F(relay, too_many)
{
	struct relay_request request = self->request;
	int tcp[2], pair[2];

	start(self);
	tcp_pair(tcp, 0);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	request.peer = tcp[0];
	request.application = pair[0];
	ASSERT_EQ(0, relay_start(self->loop, &request));
	EXPECT_EQ(-KTLS_R_TOO_MANY, relay_start(self->loop, &request));
	close(tcp[1]);
	close(pair[1]);
}

TEST_F(relay, keys_without_sense)
{
	struct ktls_traffic_key bad = self->tx;

	bad.suite = 0x1399;
	self->request.tx = &bad;
	EXPECT_EQ(-KTLS_R_MISUSE, relay_start(self->loop, &self->request));
	EXPECT_EQ(0, relay_loop_bytes(self->loop));
	close(self->request.peer);
	close(self->request.application);
}

/* ---- being killed ---------------------------------------------------------------------------- */

/* Neither side may take it for a good end: no name for the one, a reset for the other. */
TEST_F(relay, loop_that_is_freed)
{
	uint8_t byte, alert = 0;

	start(self);
	peer_says(self, 23, "data", 4);
	app_expects(self, "data", 4);
	EXPECT_EQ(KTLS_OK, relayed_end(self->application, &alert));
	relay_loop_free(self->loop);
	self->loop = NULL;
	EXPECT_EQ(0, recv(self->application, &byte, 1, MSG_DONTWAIT));
	EXPECT_EQ(KTLS_R_RELAY_LOST, relayed_end(self->application, &alert));
	EXPECT_EQ(KTLS_ALERT_NONE, alert);
	EXPECT_EQ(-1, recv(self->peer, &byte, 1, MSG_DONTWAIT));
	EXPECT_EQ(ECONNRESET, errno);
}

TEST_HARNESS_MAIN
