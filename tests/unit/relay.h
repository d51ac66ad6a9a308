/* SPDX-License-Identifier: MIT */
/*
 * What the tests of relays share: a relay between two real sockets. The peer is a TCP socket with a
 * record layer of the harness's own, the application one end of a pair.
 */
#ifndef KTLS_TESTS_RELAY_H
#define KTLS_TESTS_RELAY_H

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/conn/timer.h"
#include "lib/crypto/util.h"
#include "lib/handoff/relayed.h"
#include "lib/relay/relay.h"
#include "tests/harness/conns.h"
#include "tests/harness/harness.h"
#include "tests/harness/keyed.h"

#define CLOSE_NOTIFY "\1\0"

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

static inline void on_ended(void *arg, const struct relay_end *end)
{
	struct test_self_relay *self = arg;

	self->end = *end;
	self->ended++;
}

static inline void on_ticket(void *arg, const uint8_t *message, size_t len)
{
	struct test_self_relay *self = arg;

	memcpy(self->ticket, message, len);
	self->ticket_len = len;
	self->tickets++;
}

static inline void keys(struct ktls_secrets *secrets, struct ktls_traffic_key *tx,
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

static inline void start(struct test_self_relay *self)
{
	ASSERT_EQ(0, relay_start(self->loop, &self->request));
}

/* Runs the loop until it has had nothing to do for ms milliseconds. */
static inline void settle_for(struct test_self_relay *self, int ms)
{
	struct pollfd pfd = { .fd = relay_loop_fd(self->loop), .events = POLLIN };

	for (int i = 0; i < 10000 && poll(&pfd, 1, ms) > 0; i++)
		relay_loop_run(self->loop);
}

static inline void settle(struct test_self_relay *self)
{
	settle_for(self, 20);
}

/* ---- the peer -------------------------------------------------------------------------------- */

static inline void peer_says(struct test_self_relay *self, uint8_t type, const void *bytes,
			     size_t len)
{
	size_t n = keyed_seal(&self->rx, type, bytes, len, self->wire);

	ASSERT_EQ(n, send(self->peer, self->wire, n, MSG_NOSIGNAL));
}

/* Runs until so many bytes are there. False where they do not come. */
static inline bool peer_reads(struct test_self_relay *self, uint8_t *at, size_t len)
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
static inline ssize_t peer_hears(struct test_self_relay *self, uint8_t *type)
{
	size_t len;

	if (!peer_reads(self, self->wire, KEYED_HEADER))
		return -1;
	len = (size_t)self->wire[3] << 8 | self->wire[4];
	if (!peer_reads(self, self->wire + KEYED_HEADER, len))
		return -1;
	return keyed_open(&self->tx, self->wire, KEYED_HEADER + len, type, self->content);
}

static inline void peer_expects(struct test_self_relay *self, uint8_t type, const void *bytes,
				size_t len)
{
	uint8_t got = 0;

	ASSERT_EQ(len, peer_hears(self, &got));
	EXPECT_EQ(type, got);
	EXPECT_MEMEQ(bytes, self->content, len);
}

static inline void peer_expects_alert(struct test_self_relay *self, uint8_t level, uint8_t alert)
{
	uint8_t bytes[2] = { level, alert };

	peer_expects(self, 21, bytes, 2);
}

static inline void peer_expects_fin(struct test_self_relay *self)
{
	uint8_t byte;

	settle(self);
	EXPECT_EQ(0, recv(self->peer, &byte, 1, MSG_DONTWAIT));
}

/* ---- the application ------------------------------------------------------------------------- */

static inline void app_expects(struct test_self_relay *self, const void *bytes, size_t len)
{
	uint8_t got[1024];

	settle(self);
	ASSERT_EQ(len, recv(self->application, got, sizeof(got), MSG_DONTWAIT));
	EXPECT_MEMEQ(bytes, got, len);
}

/* An end of file, and how it came about. */
static inline void app_expects_end(struct test_self_relay *self, enum ktls_reason reason,
				   uint8_t alert)
{
	uint8_t byte, got_alert = 0;

	settle(self);
	EXPECT_EQ(0, recv(self->application, &byte, 1, MSG_DONTWAIT));
	EXPECT_EQ(reason, relayed_end(self->application, &got_alert));
	EXPECT_EQ(alert, got_alert);
}

static inline void expect_ended(struct test_self_relay *self, enum ktls_reason reason)
{
	settle(self);
	EXPECT_EQ(1, self->ended);
	EXPECT_EQ(reason, self->end.reason);
	EXPECT_EQ(0, relay_loop_count(self->loop));
	EXPECT_EQ(0, relay_loop_bytes(self->loop));
}

static inline void expect_failure(struct test_self_relay *self, enum ktls_reason reason,
				  uint8_t alert)
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

#endif
