/* SPDX-License-Identifier: MIT */
/* Both ends of a connection with sessions, and one ktlsd that both ask for keys. */
#include "tests/harness/auth.h"
#include "tests/harness/pattern.h"
#include "tests/harness/script.h"
#include "tests/harness/shake.h"
#define KTLSD_RELAY_TOO
#include "tests/kernel/ktlsd.h"

static struct ktls_session *session[2]; /* of fd[0], the server's, and of fd[1] */
static bool rekeys;                     /* a relay does that by itself, and takes no wishes */

/* Two handshakes, and a session from each reply. */
static void open_sessions(struct test_self_handoff *self)
{
	uint64_t server = start(self->k, self->fd[0], &as_server);
	struct ktls_reply *reply;
	struct ktls_info info;

	start(self->k, self->fd[1], &as_client);
	for (int i = 0; i < 2; i++) {
		reply = collect(self->k);
		ASSERT_STREQ("OK", ktls_reason_name((int)reply->reason));
		session[reply->id != server] = ktls_session_new(self->k, reply);
		ktls_reply_free(reply);
	}
	ASSERT_NOT_NULL(session[0]);
	ASSERT_NOT_NULL(session[1]);
	ktls_get_info(self->k, &info);
	rekeys = (info.capabilities & KTLS_CAN_REKEY) != 0 && !over_relay;
}

static void close_sessions(void)
{
	ktls_session_free(session[0]);
	ktls_session_free(session[1]);
	session[0] = session[1] = NULL;
}

static void carry(struct test_self_handoff *self, int from, const char *text)
{
	char got[64] = "";
	ssize_t len = (ssize_t)strlen(text);

	ASSERT_EQ(len, ktls_send(session[from], self->fd[from], text, strlen(text), 0));
	ASSERT_EQ(len, ktls_recv(session[!from], self->fd[!from], got, sizeof(got), 0));
	EXPECT_MEMEQ(text, got, strlen(text));
}

/* Each end changes its key, alone and with the peer's; what is asked for comes with the answer. */
static void change_keys(struct test_self_handoff *self, int times)
{
	for (int i = 0; i < times; i++) {
		int from = i % 2;

		ASSERT_EQ(0, ktls_update_keys(session[from], self->fd[from],
					      i % 3 ? KTLS_UPDATE_REQUEST : 0));
		carry(self, from, "there");
		EXPECT_EQ(i % 3 != 0, ktls_update_owed(session[!from]));
		carry(self, !from, "and back");
		EXPECT_FALSE(ktls_update_owed(session[!from]));
	}
}

static void say_good_bye(struct test_self_handoff *self)
{
	char got[64];

	for (int i = 0; i < 2; i++)
		EXPECT_EQ(0, ktls_shutdown(session[i], self->fd[i]));
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(0, ktls_recv(session[i], self->fd[i], got, sizeof(got), 0));
		EXPECT_EQ(KTLS_R_PEER_CLOSE_NOTIFY, ktls_session_reason(session[i]));
	}
}

TEST_F(handoff, keys_are_changed)
{
	uint8_t sealed[KTLS_SESSION_MAX];

	if (!self->k)
		return;
	open_sessions(self);
	carry(self, 0, "first");
	carry(self, 1, "second");
	if (rekeys) {
		EXPECT_GT(ktls_session_sealed(session[0], sealed, sizeof(sealed)), 0);
		change_keys(self, 12);
	} else {
		EXPECT_EQ(-EOPNOTSUPP, ktls_update_keys(session[0], self->fd[0], 0));
		EXPECT_EQ(0, ktls_maintain(session[0], self->fd[0]));
		carry(self, 0, "third");
	}
	say_good_bye(self);
	close_sessions();
}

/* Over a relay the application can send data only: a peer in a process of its own does it. */
static void follow_by_relay(struct test_self_handoff *self)
{
	static struct auth auth;
	const struct script_peer peer = { .role = KTLS_CLIENT,
					  .name = "localhost",
					  .auth = &auth,
					  .script = "key-update request, send 5\n"
						    "expect key-update answer, expect data 5\n"
						    "key-update, close-notify, expect end" };
	struct ktls_reply *reply;
	uint8_t bytes[5], got[5];
	pid_t pid;

	shake_trust(&auth, daemon_path(&self->daemon, "ca.pem"));
	pid = script_peer_start(&peer, self->fd[1], self->fd[0]);
	close(self->fd[1]);
	self->fd[1] = -1;
	start(self->k, self->fd[0], &as_server);
	reply = collect(self->k);
	ASSERT_STREQ("OK", ktls_reason_name((int)reply->reason));
	session[0] = ktls_session_new(self->k, reply);
	ktls_reply_free(reply);
	pattern_fill(bytes, sizeof(bytes), 0);
	ASSERT_EQ(5, ktls_recv(session[0], self->fd[0], got, sizeof(got), MSG_WAITALL));
	EXPECT_MEMEQ(bytes, got, sizeof(got));
	EXPECT_FALSE(ktls_update_owed(session[0]));
	EXPECT_EQ(5, ktls_send(session[0], self->fd[0], bytes, sizeof(bytes), 0));
	EXPECT_EQ(0, ktls_recv(session[0], self->fd[0], got, sizeof(got), 0));
	EXPECT_EQ(KTLS_R_PEER_CLOSE_NOTIFY, ktls_session_reason(session[0]));
	EXPECT_EQ(0, ktls_shutdown(session[0], self->fd[0]));
	EXPECT_TRUE(script_peer_wait(pid));
	auth_wipe(&auth);
}

/* A kernel that cannot follow: the end, in order. */
TEST_F(handoff, a_peer_that_changes_its_key_all_the_same)
{
	static const uint8_t key_update[] = { 24, 0, 0, 1, 0 };
	char got[64];

	if (!self->k)
		return;
	if (over_relay) {
		follow_by_relay(self);
		close_sessions();
		return;
	}
	open_sessions(self);
	ASSERT_EQ(5, kernel_record_send(self->fd[1], RECORD_HANDSHAKE, key_update, 5, 0));
	if (rekeys) {
		EXPECT_EQ(-EAGAIN,
			  ktls_recv(session[0], self->fd[0], got, sizeof(got), MSG_DONTWAIT));
	} else {
		EXPECT_EQ(-EPROTO, ktls_recv(session[0], self->fd[0], got, sizeof(got), 0));
		EXPECT_EQ(KTLS_R_KEY_UPDATE_UNSUPPORTED, ktls_session_reason(session[0]));
		EXPECT_EQ(-EPROTO, ktls_recv(session[1], self->fd[1], got, sizeof(got), 0));
		EXPECT_EQ(KTLS_R_PEER_ALERT, ktls_session_reason(session[1]));
		EXPECT_EQ(KTLS_ALERT_INTERNAL_ERROR, ktls_session_alert(session[1]));
	}
	close_sessions();
}

/* Until it greets: the log is its predecessor's, too, and tells nothing. */
static void wait_for_ktlsd(struct test_self_handoff *self)
{
	struct ktls *k = NULL;

	for (int i = 0; i < 1000 && !k; i++) {
		k = ktls_open(self->daemon.socket, NULL);
		if (!k)
			usleep(20000);
	}
	ASSERT_NOT_NULL(k);
	ktls_close(k);
}

/* Relays are ktlsd's processes: nobody takes their end for a good one. */
static void lose_relays(struct test_self_handoff *self)
{
	char got[64];

	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(-EPROTO, ktls_recv(session[i], self->fd[i], got, sizeof(got), 0));
		EXPECT_STREQ("RELAY_LOST", ktls_reason_name((int)ktls_session_reason(session[i])));
		close(self->fd[i]);
	}
	close_sessions();
	tcp_pair(self->fd, 0);
}

TEST_F_TIMEOUT(handoff, ktlsd_is_restarted_in_between, 60)
{
	if (!self->k)
		return;
	open_sessions(self);
	if (rekeys)
		change_keys(self, 2);
	kill(self->daemon.pid, SIGTERM);
	daemon_wait(&self->daemon);
	if (over_relay)
		lose_relays(self);
	else
		carry(self, 0, "nobody is needed for data");
	daemon_start(&self->daemon);
	wait_for_ktlsd(self);
	if (over_relay)
		open_sessions(self);
	if (rekeys)
		change_keys(self, 4);
	carry(self, 1, "both are there");
	say_good_bye(self);
	close_sessions();
}

TEST_HARNESS_MAIN
