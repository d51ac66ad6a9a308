/* SPDX-License-Identifier: MIT */
/*
 * New keys while data goes out: at the peer's wish, at our own, when a key has served its time; in
 * each way of writing, with a thread of its own for reading or without. The peer sees that no
 * record is under the wrong key, and that no byte is lost.
 *
 * KTLS_AFTER_MIB is what is sent in the long tests: 8 where nothing is said, for emulated CPUs;
 * 256 takes minutes there.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#include "tests/harness/pattern.h"
#include "tests/kernel/after.h"

#define MIB ((uint64_t)1 << 20)

FIXTURE(writing)
{
	struct after a;
};

FIXTURE_VARIANT(writing)
{
	enum ktls_role role;
	uint16_t version;
	enum app_writes writes;
};

#define WRITES(name, how)                      \
	FIXTURE_VARIANT_ADD(writing, name)     \
	{                                      \
		KTLS_SERVER, KTLS_TLS_1_3, how \
	}
WRITES(ktls_send, APP_KTLS_SEND);
WRITES(ktls_sendmsg, APP_KTLS_SENDMSG);
WRITES(ktls_sendfile, APP_KTLS_SENDFILE);
WRITES(write, APP_WRITE);
WRITES(sendfile, APP_SENDFILE);
FIXTURE_VARIANT_ADD(writing, client){ KTLS_CLIENT, KTLS_TLS_1_3, APP_KTLS_SEND };
FIXTURE_VARIANT_ADD(writing, tls12){ KTLS_SERVER, KTLS_TLS_1_2, APP_KTLS_SEND };

FIXTURE_SETUP(writing)
{
	after_prepare(&self->a, variant->role, variant->version);
}

FIXTURE_TEARDOWN(writing)
{
	after_teardown(&self->a);
}

static uint64_t long_run(void)
{
	const char *mib = getenv("KTLS_AFTER_MIB");

	return (mib ? strtoull(mib, NULL, 10) : 8) * MIB;
}

static void connect_for(struct test_self_writing *self, const struct test_variant_writing *variant,
			enum app_reads reads, const char *script)
{
	if (!self->a.k)
		after_embed(&self->a);
	after_connect(&self->a, script);
	after_use(&self->a, reads, variant->writes);
}

/* Where keys cannot be changed they are not, and data goes on. */
static bool can(struct test_self_writing *self, const struct test_variant_writing *variant)
{
	struct after *a = &self->a;

	if (!a->ready || a->updates)
		return a->ready;
	connect_for(self, variant, APP_KTLS_RECV, "expect data 200, expect close-notify");
	EXPECT_EQ(1, app_write(&a->app, 100));
	EXPECT_EQ(-EOPNOTSUPP, ktls_update_keys(a->session, a->fd[0], KTLS_UPDATE_REQUEST));
	EXPECT_EQ(1, app_write(&a->app, 200));
	EXPECT_EQ(0, ktls_shutdown(a->session, a->fd[0]));
	after_end(a);
	return false;
}

/* ---- at our own wish ---------------------------------------------------------------------------
 */

TEST_F(writing, our_own_updates)
{
	struct after *a = &self->a;

	if (!a->ready)
		return;
	connect_for(self, variant, APP_KTLS_RECV,
		    a->updates
			    ? "expect data 50000, expect key-update answer, expect data 50000\n"
			      "expect key-update request, expect data 100, expect key-updates 2\n"
			      "expect close-notify, close-notify"
			    : "expect data 100100, expect close-notify, close-notify");
	EXPECT_EQ(1, app_write(&a->app, 50000));
	EXPECT_EQ(a->updates ? 0 : -EOPNOTSUPP, ktls_update_keys(a->session, a->fd[0], 0));
	EXPECT_EQ(1, app_write(&a->app, 100000));
	EXPECT_EQ(a->updates ? 0 : -EOPNOTSUPP,
		  ktls_update_keys(a->session, a->fd[0], KTLS_UPDATE_REQUEST));
	EXPECT_EQ(1, app_write(&a->app, 100100));
	EXPECT_EQ(0, ktls_shutdown(a->session, a->fd[0]));
	EXPECT_EQ(0, app_read(&a->app, 1));
	after_end(a);
	EXPECT_EQ(a->updates ? 1 : 0, script_peer_seen()->updates_sent);
}

/* The record that is open goes out under the old key. */
TEST_F(writing, more_is_pending)
{
	struct after *a = &self->a;
	uint8_t bytes[100];

	if (!can(self, variant))
		return;
	connect_for(self, variant, APP_KTLS_RECV,
		    "expect data 100, expect key-update answer, expect data 100\n"
		    "expect key-update, expect data 100, expect close-notify");
	for (uint64_t at = 0; at < 300; at += 100) {
		pattern_fill(bytes, sizeof(bytes), at);
		ASSERT_EQ(100, variant->writes < APP_WRITE
				       ? ktls_send(a->session, a->fd[0], bytes, 100, MSG_MORE)
				       : send(a->fd[0], bytes, 100, MSG_MORE));
		if (at < 200)
			EXPECT_EQ(0, ktls_update_keys(a->session, a->fd[0], 0));
	}
	EXPECT_EQ(0, ktls_shutdown(a->session, a->fd[0]));
	after_end(a);
}

/* As long as there is no room for the KeyUpdate, nothing may go out; then it does. */
TEST_F_TIMEOUT(writing, no_room_for_the_update, 60)
{
	struct after *a = &self->a;
	char go[64], script[200];
	uint64_t full;
	int r;

	if (!can(self, variant))
		return;
	snprintf(go, sizeof(go), "/tmp/ktls-after-%d", (int)getpid());
	snprintf(script, sizeof(script), "await %s, until key-update, until close-notify", go);
	connect_for(self, variant, APP_READ_POLL, script);
	for (r = 1; r == 1;) {
		uint8_t bytes[4000];
		ssize_t n;

		pattern_fill(bytes, sizeof(bytes), a->app.written);
		n = send(a->fd[0], bytes, sizeof(bytes), MSG_DONTWAIT | MSG_NOSIGNAL);
		r = n > 0;
		a->app.written += n > 0 ? (uint64_t)n : 0;
	}
	full = a->app.written;
	EXPECT_EQ(-EAGAIN, ktls_update_keys(a->session, a->fd[0], 0));
	EXPECT_EQ(-EAGAIN, ktls_update_keys(a->session, a->fd[0], 0));
	close(open(go, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	do {
		ASSERT_TRUE(app_wait(&a->app, POLLOUT));
		r = ktls_update_keys(a->session, a->fd[0], 0);
	} while (r == -EAGAIN);
	EXPECT_EQ(0, r);
	EXPECT_EQ(1, app_write(&a->app, full + 100000));
	EXPECT_EQ(0, ktls_shutdown(a->session, a->fd[0]));
	after_end(a);
	unlink(go);
	EXPECT_EQ(full + 100000, script_peer_seen()->received);
	EXPECT_EQ(1, script_peer_seen()->updates_received);
}

/* ---- at both ends' wish, at once ---------------------------------------------------------------
 */

static void *read_on(void *arg)
{
	struct after *a = arg;

	return (void *)(intptr_t)app_read(&a->app, UINT64_MAX);
}

/* A thread for each direction. */
TEST_F_TIMEOUT(writing, both_ends_change_keys_all_the_time, 120)
{
	struct after *a = &self->a;
	uint64_t total = long_run();
	char script[200];
	pthread_t reader;
	void *read_result;

	if (!a->ready)
		return;
	snprintf(script, sizeof(script),
		 "%sduplex %llu %llu %d request, close-notify\n"
		 "until close-notify",
		 a->relay && a->rekey ? "key-update request, " : "",
		 (unsigned long long)(total / 4), (unsigned long long)total, a->rekey ? 11 : 0);
	connect_for(self, variant, APP_KTLS_RECV, script);
	a->app.every = a->updates ? total / 10 : 0;
	ASSERT_EQ(0, pthread_create(&reader, NULL, read_on, a));
	EXPECT_EQ(1, app_write(&a->app, total));
	EXPECT_EQ(0, ktls_shutdown(a->session, a->fd[0]));
	ASSERT_EQ(0, pthread_join(reader, &read_result));
	EXPECT_EQ(0, (intptr_t)read_result);
	EXPECT_EQ(total / 4, a->app.read);
	after_end(a);
	EXPECT_EQ(total, script_peer_seen()->received);
	if (a->rekey) {
		TH_LOG("updates: we %llu, the peer %llu",
		       (unsigned long long)script_peer_seen()->updates_received,
		       (unsigned long long)script_peer_seen()->updates_sent);
		EXPECT_GE(script_peer_seen()->updates_received, a->app.updates);
		EXPECT_GE(script_peer_seen()->updates_sent, a->app.updates);
		EXPECT_GT(script_peer_seen()->updates_received, 0);
	}
}

/* ---- when a key has served its time ------------------------------------------------------------
 */

/* A key may protect 64 records here, of which some are KeyUpdates and close_notify. */
TEST_F_TIMEOUT(writing, records_are_counted, 60)
{
	struct after *a = &self->a;
	uint64_t total = 300 * 16384;
	int r;

	if (!a->ready)
		return;
	a->records_max = 64;
	connect_for(self, variant, APP_KTLS_RECV, "until close-notify, close-notify");
	if (variant->writes >= APP_WRITE) {
		/* Such a program calls ktls_maintain() at least every 2^22 sends; here, more often.
		 */
		for (r = 1; r == 1 && a->app.written < total;) {
			r = ktls_maintain(a->session, a->fd[0]);
			r = r == 0 ? app_write(&a->app, a->app.written + 16384) : r;
		}
	} else {
		r = app_write(&a->app, total);
	}
	if (a->rekey) {
		EXPECT_EQ(1, r);
		EXPECT_EQ(0, ktls_shutdown(a->session, a->fd[0]));
	} else {
		EXPECT_EQ(-EPROTO, r);
		after_reason(a, KTLS_R_KEY_EXHAUSTED);
	}
	after_end(a);
	/* What a relay had not taken yet is lost with it, as with TCP. */
	if (a->rekey || !a->relay)
		EXPECT_EQ(a->app.written, script_peer_seen()->received);
	else
		EXPECT_LE(script_peer_seen()->received, a->app.written);
	if (a->rekey)
		EXPECT_GE(script_peer_seen()->updates_received, 300 / 64);
	else
		EXPECT_LE(script_peer_seen()->now.next, 65);
}

TEST_HARNESS_MAIN
