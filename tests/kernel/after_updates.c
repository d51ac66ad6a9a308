/* SPDX-License-Identifier: MIT */
/*
 * KeyUpdates of a peer (RFC 9846, 4.7.3), asked for or not, in each way of reading; storms of them;
 * and what comes of one where the kernel cannot follow.
 */
#include "tests/kernel/after_reading.h"

/* Where the kernel cannot follow, and where TLS has no such thing. */
static const struct ending unable = {
	"heedless, send 10, key-update, send 10, until alert 80, drain", -EPROTO,
	KTLS_R_KEY_UPDATE_UNSUPPORTED, 10
};
static const struct ending tls12 = { "send 10, message 24 1, expect alert 10, drain", -EPROTO,
				     KTLS_R_MESSAGE_UNEXPECTED, 0 };

TEST_F_TIMEOUT(reading, key_updates, 60)
{
	static const struct ending wrong[] = {
		{ "send 10, message 24 0, expect alert 50, drain", -EPROTO,
		  KTLS_R_MESSAGE_MALFORMED, 0 },
		{ "send 10, old-key, send 10, expect alert 20, drain", -EPROTO, KTLS_R_RECORD_MAC,
		  10 },
		{ "send 10, new-key, send 10, expect alert 20, drain", -EPROTO, KTLS_R_RECORD_MAC,
		  10 },
	};

	if (!self->a.ready)
		return;
	if (!self->a.rekey) {
		ends(self, variant, variant->version == KTLS_TLS_1_2 ? &tls12 : &unable);
		return;
	}
	all_end(self, variant, wrong, LEN(wrong));
	connect_for(self, variant,
		    "key-update, send 100, key-update, key-update, send 100, delay 50\n"
		    "key-update request, send 100, expect key-update answer, expect data 10\n"
		    "cork, send 10, key-update request, send 10, uncork\n"
		    "trickle, send 20, key-update, send 20, trickle off\n"
		    "repeat 20 send 1, key-update\nexpect data 10, expect key-updates 2\n"
		    "close-notify, expect close-notify");
	EXPECT_EQ(1, app_read(&self->a.app, 300));
	EXPECT_EQ(1, app_write(&self->a.app, 10));
	EXPECT_EQ(1, app_read(&self->a.app, 380));
	EXPECT_EQ(1, app_write(&self->a.app, 20));
	EXPECT_EQ(0, app_read(&self->a.app, UINT64_MAX));
	EXPECT_EQ(380, self->a.app.read);
	EXPECT_EQ(0, ktls_shutdown(self->a.session, self->a.fd[0]));
	after_end(&self->a);
}

/* A healthy peer that changes its key all the time, with data in between. */
static void reads_all(struct test_self_reading *self, const struct test_variant_reading *variant,
		      const char *script, uint64_t bytes)
{
	if (!connect_for(self, variant, script))
		return;
	EXPECT_EQ(1, app_read(&self->a.app, bytes));
	EXPECT_EQ(1, app_write(&self->a.app, 10));
	EXPECT_EQ(0, app_read(&self->a.app, UINT64_MAX));
	EXPECT_EQ(bytes, self->a.app.read);
	EXPECT_EQ(0, ktls_shutdown(self->a.session, self->a.fd[0]));
	after_end(&self->a);
}

TEST_F_TIMEOUT(reading, key_updates_between_data, 60)
{
	if (!self->a.ready || !self->a.rekey)
		return;
	reads_all(self, variant,
		  "repeat 50 send 1, send 1, send 1, send 1, key-update\n"
		  "repeat 50 send 1, send 1, send 1, send 1, key-update request\n"
		  "until key-update, expect data 10, close-notify, until close-notify",
		  400);
}

TEST_F_TIMEOUT(reading, key_updates_between_much_data, 120)
{
	if (!self->a.ready || !self->a.rekey)
		return;
	if (variant->reads == APP_KTLS_RECV)
		reads_all(self, variant,
			  "repeat 200 send 100000, key-update\n"
			  "expect data 10, close-notify, until close-notify",
			  20000000);
	if (variant->reads == APP_READ)
		reads_all(self, variant,
			  "repeat 200 send 100000, key-update request\n"
			  "until key-update, expect data 10, close-notify, until close-notify",
			  20000000);
}

/* As many as may come at once, and more. */
TEST_F_TIMEOUT(reading, storms, 60)
{
	static const struct ending storm = {
		"send 10, heedless, storm 10000, until alert 10, drain", -EPROTO,
		KTLS_R_KEY_UPDATE_STORM, 0
	};

	if (!self->a.ready)
		return;
	if (!self->a.rekey) {
		ends(self, variant, variant->version == KTLS_TLS_1_2 ? &tls12 : &unable);
		return;
	}
	connect_for(self, variant, "storm 30, send 1000, close-notify, fin");
	EXPECT_EQ(0, app_read(&self->a.app, UINT64_MAX));
	EXPECT_EQ(1000, self->a.app.read);
	after_end(&self->a);
	ends(self, variant, &storm);
}

TEST_HARNESS_MAIN
