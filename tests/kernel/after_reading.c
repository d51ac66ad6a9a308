/* SPDX-License-Identifier: MIT */
/*
 * What a peer may send behind a handshake besides data, right and wrong, and what comes of it in
 * each way of reading: tickets, empty records, every kind of end. after_updates.c has the
 * KeyUpdates.
 */
#include "tests/kernel/after_reading.h"

TEST_F_TIMEOUT(reading, every_kind_of_end, 60)
{
	static const struct ending rows[] = {
		{ "send 100, close-notify, drain", 0, KTLS_R_PEER_CLOSE_NOTIFY, 0 },
		{ "close-notify, fin, drain", 0, KTLS_R_PEER_CLOSE_NOTIFY, 0 },
		{ "send 100, fin, drain", -EPROTO, KTLS_R_TRUNCATED, 0 },
		{ "send 100, cut, fin, drain", -EPROTO, KTLS_R_TRUNCATED, 0 },
		{ "send 100, fatal 40, drain", -EPROTO, KTLS_R_PEER_ALERT, 0 },
		{ "send 100, type 21 1, expect alert 50, drain", -EPROTO, KTLS_R_ALERT_MALFORMED,
		  0 },
		{ "send 100, bad-mac, expect alert 20, drain", -EPROTO, KTLS_R_RECORD_MAC, 0 },
		{ "send 100, oversize, expect alert 22, drain", -EPROTO, KTLS_R_RECORD_TOO_LONG,
		  0 },
		{ "send 100, message 99 10, expect alert 10, drain", -EPROTO,
		  KTLS_R_MESSAGE_UNEXPECTED, 0 },
	};

	all_end(self, variant, rows, LEN(rows));
}

TEST_F(reading, a_reset)
{
	if (!connect_for(self, variant, "send 100, expect data 10, delay 100, rst"))
		return;
	EXPECT_EQ(1, app_read(&self->a.app, 100));
	EXPECT_EQ(1, app_write(&self->a.app, 10));
	EXPECT_EQ(self->a.relay ? -EPROTO : -ECONNRESET, app_read(&self->a.app, UINT64_MAX));
	if (self->a.relay)
		after_reason(&self->a, KTLS_R_PEER_RESET);
	after_end(&self->a);
}

/* What a peer said counts, and not that it closed without reading what we had sent. */
TEST_F(reading, a_reset_behind_the_end)
{
	static const struct ending rows[] = {
		{ "send 100, expect data 10, close-notify, rst", 0, KTLS_R_PEER_CLOSE_NOTIFY, 0 },
		{ "send 100, expect data 10, send 20000, close-notify, delay 50, rst", 0,
		  KTLS_R_PEER_CLOSE_NOTIFY, 0 },
		{ "send 100, expect data 10, send 100, fatal 40, rst", -EPROTO, KTLS_R_PEER_ALERT,
		  0 },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		if (!connect_for(self, variant, rows[i].script))
			return;
		EXPECT_EQ(1, app_read(&self->a.app, 100));
		EXPECT_EQ(1, app_write(&self->a.app, 10));
		ends_now(self, variant, &rows[i]);
	}
}

TEST_F(reading, records_of_all_sizes)
{
	if (!connect_for(
		    self, variant,
		    "send 1, empty 32, send 16384, record 1, send 40, record 16384\n"
		    "trickle, send 500, empty, send 100, trickle off\n"
		    "cork\nrepeat 20 send 700, empty, pad 300\nuncork, send 20000, close-notify"))
		return;
	EXPECT_EQ(0, app_read(&self->a.app, UINT64_MAX));
	EXPECT_EQ(1 + 16384 + 40 + 600 + 20 * 700 + 20000, self->a.app.read);
	after_end(&self->a);
}

TEST_F(reading, tickets)
{
	static const struct ending wrong = { "send 10, tickets 1, expect alert 10, drain", -EPROTO,
					     KTLS_R_MESSAGE_UNEXPECTED, 0 };
	/*
	 * Without a seal a session does not know which side it is on, and makes nothing of it;
	 * relays know more.
	 */
	static const struct ending nothing = { "send 10, tickets 1, send 10, close-notify", 0,
					       KTLS_R_PEER_CLOSE_NOTIFY, 0 };

	if (!self->a.ready)
		return;
	if (variant->role == KTLS_SERVER || variant->version == KTLS_TLS_1_2) {
		ends(self, variant, self->a.rekey || self->a.relay ? &wrong : &nothing);
		return;
	}
	connect_for(self, variant,
		    "tickets 1, send 1000, delay 20, tickets 2, send 1000, tickets 10, send 1\n"
		    "split 3, tickets 1, send 10, join 2, tickets 2, send 10\n"
		    "cork, tickets 1, send 10, tickets 1 40000, send 10, uncork\n"
		    "trickle, split 2, tickets 1, send 5, tickets 1, close-notify");
	EXPECT_EQ(0, app_read(&self->a.app, UINT64_MAX));
	EXPECT_EQ(2046, self->a.app.read);
	after_end(&self->a);
}

TEST_F(reading, hello_requests)
{
	static const struct ending wrong = { "send 10, hello-request, expect alert 10, drain",
					     -EPROTO, KTLS_R_MESSAGE_UNEXPECTED, 0 };

	if (!self->a.ready)
		return;
	if (variant->version == KTLS_TLS_1_3 || (self->a.relay && variant->role == KTLS_SERVER)) {
		ends(self, variant, &wrong);
		return;
	}
	connect_for(self, variant,
		    "send 10, hello-request, expect alert 100, send 10, hello-request 2, send 10\n"
		    "expect alert 100, expect alert 100, close-notify");
	EXPECT_EQ(0, app_read(&self->a.app, UINT64_MAX));
	EXPECT_EQ(30, self->a.app.read);
	after_end(&self->a);
}

TEST_HARNESS_MAIN
