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

#include "lib/relay/relay.h"
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

/* Until the socket stays full: what TCP sends by its timer, the rest of a window, makes room again.
 */
static void fill(struct after *a)
{
	uint8_t bytes[4000];
	uint64_t before;
	ssize_t n;

	do {
		before = a->app.written;
		do {
			pattern_fill(bytes, sizeof(bytes), a->app.written);
			n = send(a->fd[0], bytes, sizeof(bytes), MSG_DONTWAIT | MSG_NOSIGNAL);
			a->app.written += n > 0 ? (uint64_t)n : 0;
		} while (n > 0);
		usleep(300000);
	} while (a->app.written > before);
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
	fill(a);
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

/* ---- when the peer's has -----------------------------------------------------------------------
 */

FIXTURE(peers_key)
{
	struct after a;
};

FIXTURE_VARIANT(peers_key)
{
	enum ktls_role role;
	uint16_t version;
};

FIXTURE_VARIANT_ADD(peers_key, server){ KTLS_SERVER, KTLS_TLS_1_3 };
FIXTURE_VARIANT_ADD(peers_key, client){ KTLS_CLIENT, KTLS_TLS_1_3 };
FIXTURE_VARIANT_ADD(peers_key, tls12){ KTLS_SERVER, KTLS_TLS_1_2 };

FIXTURE_SETUP(peers_key)
{
	struct after *a = &self->a;

	if (!after_prepare(a, variant->role, variant->version))
		return;
	a->records_max = 64;
	after_embed(a);
}

FIXTURE_TEARDOWN(peers_key)
{
	after_teardown(&self->a);
}

/*
 * Where keys can be changed it is asked for another, and once. A session asks at half, and counts
 * what a call has read at once; a relay asks behind the last record.
 */
TEST_F_TIMEOUT(peers_key, asked_for_another, 60)
{
	struct after *a = &self->a;
	uint64_t some = a->relay && a->rekey ? 7000 : 4000, more = a->rekey ? some / 2 : 0;
	char script[200];

	if (!a->ready)
		return;
	snprintf(script, sizeof(script),
		 "record 100, send %llu, %sexpect data 10\n"
		 "send %llu, close-notify, expect close-notify",
		 (unsigned long long)some, a->rekey ? "expect key-update request, " : "",
		 (unsigned long long)more);
	after_connect(a, script);
	after_use(a, APP_KTLS_RECV, APP_KTLS_SEND);
	EXPECT_EQ(1, app_read(&a->app, some));
	EXPECT_EQ(1, app_write(&a->app, 10));
	EXPECT_EQ(0, app_read(&a->app, UINT64_MAX));
	EXPECT_EQ(some + more, a->app.read);
	EXPECT_EQ(0, ktls_shutdown(a->session, a->fd[0]));
	after_end(a);
	EXPECT_EQ(a->rekey, script_peer_seen()->updates_received);
	EXPECT_EQ(a->rekey, script_peer_seen()->updates_sent);
}

/* Where somebody has set a limit the peer is held to it. */
TEST_F_TIMEOUT(peers_key, goes_on, 60)
{
	struct after *a = &self->a;
	const uint64_t most = a->rekey ? 2 * 64 + KTLS_RECORDS_UNDER_WAY + 1 : 64;
	char script[100];

	if (!a->ready)
		return;
	snprintf(script, sizeof(script),
		 "heedless, silent, record 1, send %llu\nuntil close-notify, drain",
		 (unsigned long long)most + 500);
	after_connect(a, script);
	after_use(a, APP_KTLS_RECV, APP_KTLS_SEND);
	a->app.chunk = 10;
	EXPECT_EQ(-EPROTO, app_read(&a->app, UINT64_MAX));
	after_reason(a, KTLS_R_KEY_EXHAUSTED);
	EXPECT_LE(a->app.read, most + 16); /* now and then it is counted */
	after_end(a);
	EXPECT_EQ(0, script_peer_seen()->updates_sent);
}

TEST_HARNESS_MAIN
