/* SPDX-License-Identifier: MIT */
/*
 * Relays between two real sockets: the peer is a TCP socket with a record layer of the harness's
 * own, the application one end of a pair.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/conn/timer.h"
#include "lib/crypto/util.h"
#include "lib/relay/relay.h"
#include "tests/harness/conns.h"
#include "tests/harness/harness.h"
#include "tests/harness/keyed.h"

FIXTURE(relay)
{
	struct relay_loop *loop;
	struct relay_request request;
	struct ktls_secrets secrets;    /* the relay's, and so mirrored the peer's */
	struct ktls_traffic_key tx, rx; /* as the peer sees them: it sends with rx */
	int peer, application;
	struct relay_end end;
	int ended;
	uint8_t ticket[16384];
	size_t ticket_len;
	int tickets;
	uint8_t wire[KEYED_RECORD_MAX], content[KEYED_RECORD_MAX];
};

FIXTURE_VARIANT(relay)
{
	uint16_t version, suite;
};

FIXTURE_VARIANT_ADD(relay, tls13_aes_128){ KTLS_TLS_1_3, KTLS_AES_128_GCM_SHA256 };
FIXTURE_VARIANT_ADD(relay, tls13_aes_256){ KTLS_TLS_1_3, KTLS_AES_256_GCM_SHA384 };
FIXTURE_VARIANT_ADD(relay, tls13_chacha){ KTLS_TLS_1_3, KTLS_CHACHA20_POLY1305_SHA256 };
FIXTURE_VARIANT_ADD(relay, tls12_aes_128){ KTLS_TLS_1_2, KTLS_ECDHE_RSA_AES_128_GCM_SHA256 };
FIXTURE_VARIANT_ADD(relay, tls12_chacha){ KTLS_TLS_1_2, KTLS_ECDHE_RSA_CHACHA20_POLY1305 };

static void on_ended(void *arg, const struct relay_end *end)
{
	struct test_self_relay *self = arg;

	self->end = *end;
	self->ended++;
}

static void on_ticket(void *arg, const uint8_t *message, size_t len)
{
	struct test_self_relay *self = arg;

	memcpy(self->ticket, message, len);
	self->ticket_len = len;
	self->tickets++;
}

static void keys(struct ktls_secrets *secrets, struct ktls_traffic_key *tx,
		 struct ktls_traffic_key *rx)
{
	ASSERT_EQ(0, ktls_secrets_traffic_key(secrets, KTLS_TX, tx));
	ASSERT_EQ(0, ktls_secrets_traffic_key(secrets, KTLS_RX, rx));
}

FIXTURE_SETUP(relay)
{
	struct relay_config config = { .relays_max = 2, .linger_ms = 200 };
	int tcp[2], pair[2];

	ASSERT_EQ(0, crypto_init());
	self->secrets = (struct ktls_secrets){ .role = KTLS_CLIENT,
					       .version = variant->version,
					       .suite = variant->suite };
	random_bytes(self->secrets.tx, sizeof(self->secrets.tx));
	random_bytes(self->secrets.rx, sizeof(self->secrets.rx));
	random_bytes(self->secrets.exporter, sizeof(self->secrets.exporter));
	keys(&self->secrets, &self->tx, &self->rx);
	ASSERT_EQ(0, relay_loop_new(&config, &self->loop));
	tcp_pair(tcp, 0);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	self->peer = tcp[1];
	self->application = pair[1];
	self->request = (struct relay_request){ .peer = tcp[0],
						.application = pair[0],
						.secrets = &self->secrets,
						.tx = &self->tx,
						.rx = &self->rx,
						.ticket = on_ticket,
						.ended = on_ended,
						.arg = self };
}

FIXTURE_TEARDOWN(relay)
{
	relay_loop_free(self->loop);
	close(self->peer);
	close(self->application);
}

static void start(struct test_self_relay *self)
{
	ASSERT_EQ(0, relay_start(self->loop, &self->request));
}

/* Runs the loop until it has had nothing to do for ms milliseconds. */
static void settle_for(struct test_self_relay *self, int ms)
{
	struct pollfd pfd = { .fd = relay_loop_fd(self->loop), .events = POLLIN };

	for (int i = 0; i < 10000 && poll(&pfd, 1, ms) > 0; i++)
		relay_loop_run(self->loop);
}

static void settle(struct test_self_relay *self)
{
	settle_for(self, 20);
}

/* ---- the peer -------------------------------------------------------------------------------- */

static void peer_says(struct test_self_relay *self, uint8_t type, const void *bytes, size_t len)
{
	size_t n = keyed_seal(&self->rx, type, bytes, len, self->wire);

	ASSERT_EQ(n, send(self->peer, self->wire, n, MSG_NOSIGNAL));
}

/* Runs until so many bytes are there. False where they do not come. */
static bool peer_reads(struct test_self_relay *self, uint8_t *at, size_t len)
{
	uint64_t give_up = timer_now() + UINT64_C(5000000000);

	for (size_t got = 0; got < len && timer_now() < give_up;) {
		ssize_t n = recv(self->peer, at + got, len - got, MSG_DONTWAIT);

		if (n == 0)
			return false;
		if (n > 0)
			got += (size_t)n;
		if (got == len)
			return true;
		settle_for(self, 1);
	}
	return false;
}

/* The next record that the relay sent: its content's length, -1 where there is none. */
static ssize_t peer_hears(struct test_self_relay *self, uint8_t *type)
{
	size_t len;

	if (!peer_reads(self, self->wire, KEYED_HEADER))
		return -1;
	len = (size_t)self->wire[3] << 8 | self->wire[4];
	if (!peer_reads(self, self->wire + KEYED_HEADER, len))
		return -1;
	return keyed_open(&self->tx, self->wire, KEYED_HEADER + len, type, self->content);
}

static void peer_expects(struct test_self_relay *self, uint8_t type, const void *bytes, size_t len)
{
	uint8_t got = 0;

	ASSERT_EQ(len, peer_hears(self, &got));
	EXPECT_EQ(type, got);
	EXPECT_MEMEQ(bytes, self->content, len);
}

static void peer_expects_alert(struct test_self_relay *self, uint8_t level, uint8_t alert)
{
	uint8_t bytes[2] = { level, alert };

	peer_expects(self, 21, bytes, 2);
}

static void peer_expects_fin(struct test_self_relay *self)
{
	uint8_t byte;

	settle(self);
	EXPECT_EQ(0, recv(self->peer, &byte, 1, MSG_DONTWAIT));
}

/* ---- the application ------------------------------------------------------------------------- */

static void app_expects(struct test_self_relay *self, const void *bytes, size_t len)
{
	uint8_t got[1024];

	settle(self);
	ASSERT_EQ(len, recv(self->application, got, sizeof(got), MSG_DONTWAIT));
	EXPECT_MEMEQ(bytes, got, len);
}

/* An end of file, and how it came about: KTLS_OK for close_notify. */
static void app_expects_end(struct test_self_relay *self, enum ktls_reason reason, uint8_t alert)
{
	struct sockaddr_un name;
	socklen_t len = sizeof(name);
	enum ktls_reason got = KTLS_OK;
	uint8_t byte, got_alert = KTLS_ALERT_NONE;

	settle(self);
	EXPECT_EQ(0, recv(self->application, &byte, 1, MSG_DONTWAIT));
	ASSERT_EQ(0, getpeername(self->application, (struct sockaddr *)&name, &len));
	EXPECT_EQ(reason != KTLS_OK, relay_end_parse(&name, len, &got, &got_alert));
	EXPECT_EQ(reason, got);
	EXPECT_EQ(alert, got_alert);
}

static void expect_ended(struct test_self_relay *self, enum ktls_reason reason)
{
	settle(self);
	EXPECT_EQ(1, self->ended);
	EXPECT_EQ(reason, self->end.reason);
	EXPECT_EQ(0, relay_loop_count(self->loop));
	EXPECT_EQ(0, relay_loop_bytes(self->loop));
}

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

static const uint8_t close_notify[] = { 1, KTLS_ALERT_CLOSE_NOTIFY };

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
	peer_says(self, 21, close_notify, 2);
	app_expects_end(self, KTLS_OK, KTLS_ALERT_NONE);
	expect_ended(self, KTLS_OK);
	EXPECT_EQ(4, self->end.sent);
	EXPECT_EQ(10, self->end.received);
}

TEST_F(relay, the_peer_closes_its_half)
{
	start(self);
	peer_says(self, 23, "last", 4);
	peer_says(self, 21, close_notify, 2);
	app_expects(self, "last", 4);
	app_expects_end(self, KTLS_OK, KTLS_ALERT_NONE);
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
	peer_says(self, 21, close_notify, 2);
	peer_says(self, 23, "more", 4);
	app_expects_end(self, KTLS_OK, KTLS_ALERT_NONE);
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

static void expect_failure(struct test_self_relay *self, enum ktls_reason reason, uint8_t alert)
{
	app_expects_end(self, reason, alert);
	peer_expects_alert(self, 2, alert);
	peer_expects_fin(self);
	EXPECT_EQ(-1, send(self->application, "x", 1, MSG_NOSIGNAL));
	close(self->peer);
	self->peer = -1;
	expect_ended(self, reason);
	EXPECT_EQ(alert, self->end.alert);
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
	peer_says(self, 21, close_notify, 2);
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

TEST_F(relay, the_loop_is_freed)
{
	uint8_t byte;

	start(self);
	relay_loop_free(self->loop);
	self->loop = NULL;
	EXPECT_EQ(0, self->ended);
	EXPECT_EQ(0, recv(self->application, &byte, 1, MSG_DONTWAIT));
	EXPECT_EQ(0, recv(self->peer, &byte, 1, MSG_DONTWAIT));
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

/* ---- messages behind the handshake ----------------------------------------------------------- */

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

static void relay_steps(struct test_self_relay *self)
{
	peer_expects(self, 22, update, sizeof(update));
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
	relay_steps(self);
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

TEST_F(relay, our_own_key_wears_out)
{
	uint8_t type;

	self->request.rekey_after = 3;
	start(self);
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(3, send(self->application, "abc", 3, 0));
		peer_expects(self, 23, "abc", 3);
	}
	if (is_1_3(self)) {
		ASSERT_EQ(3, send(self->application, "def", 3, 0));
		relay_steps(self);
		peer_expects(self, 23, "def", 3);
		return;
	}
	/* TLS 1.2 closes in order. */
	EXPECT_EQ(2, peer_hears(self, &type));
	EXPECT_MEMEQ(close_notify, self->content, 2);
	peer_expects_fin(self);
	EXPECT_EQ(-1, send(self->application, "x", 1, MSG_NOSIGNAL));
	peer_says(self, 21, close_notify, 2);
	expect_ended(self, KTLS_R_KEY_EXHAUSTED);
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
	expect_failure(self, KTLS_R_RENEGOTIATION, KTLS_ALERT_HANDSHAKE_FAILURE);
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

/* ---- names ----------------------------------------------------------------------------------- */

TEST(names_of_ends)
{
	struct sockaddr_un name, other;
	enum ktls_reason reason = KTLS_OK;
	uint8_t alert = 0;
	socklen_t len;

	ASSERT_EQ(0, crypto_init());
	len = relay_end_name(&name, KTLS_R_KEY_UPDATE_STORM, 255);
	ASSERT_TRUE(relay_end_parse(&name, len, &reason, &alert));
	EXPECT_EQ(KTLS_R_KEY_UPDATE_STORM, reason);
	EXPECT_EQ(255, alert);
	EXPECT_FALSE(relay_end_parse(&name, 2, &reason, &alert));
	relay_end_name(&other, KTLS_R_KEY_UPDATE_STORM, 255);
	EXPECT_NE(0, memcmp(&name, &other, sizeof(name)));
	name.sun_path[3] = 'x';
	EXPECT_FALSE(relay_end_parse(&name, len, &reason, &alert));
}

TEST_HARNESS_MAIN
