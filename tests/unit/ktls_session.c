/* SPDX-License-Identifier: MIT */
/* Sessions on a kernel that is played. */
#include "lib/handoff/relayed.h"
#include "tests/harness/session_cases.h"
#include "tests/harness/session_races.h"
#include "tests/harness/session_resets.h"

/* ---- what goes wrong in a kernel ----------------------------------------------------------- */

/* The KeyUpdate is out, the key is not in: nothing may come between, whatever is called next. */
TEST_F(session, half_done)
{
	play_fail_installs(self->fd[0], 3);
	EXPECT_EQ(-ENOMEM, ktls_update_keys(self->s, self->fd[0], 0));
	EXPECT_TRUE(ktls_update_owed(self->s));
	EXPECT_EQ(-ENOMEM, ktls_send(self->s, self->fd[0], "x", 1, 0));
	EXPECT_EQ(-ENOMEM, ktls_maintain(self->s, self->fd[0]));
	send_text(self, "data");
	EXPECT_FALSE(ktls_update_owed(self->s));
	expect_key_update(self, false);
	expect_on_the_wire(self, "data");
	expect_silence(self);
	play_fail_installs(self->fd[0], 2);
	EXPECT_EQ(-ENOMEM, ktls_update_keys(self->s, self->fd[0], 0));
	EXPECT_EQ(-ENOMEM, ktls_shutdown(self->s, self->fd[0]));
	EXPECT_EQ(0, ktls_shutdown(self->s, self->fd[0]));
	expect_key_update(self, false);
	expect_alert(self, 1, KTLS_ALERT_CLOSE_NOTIFY);
	EXPECT_FALSE(play_key_reused(self->fd[0]));
}

TEST_F(session, no_memory_for_the_peers_key)
{
	play_fail_installs(self->fd[0], 1);
	put_key_update(self, true);
	put_data(self, "data");
	EXPECT_EQ(-ENOMEM, ktls_recv(self->s, self->fd[0], self->got, 10, 0));
	expect_data(self, "data");
	EXPECT_TRUE(ktls_update_owed(self->s));
}

TEST_F(session, the_connection_breaks_at_a_key_update)
{
	play_fail_records(self->fd[0], 1, -EPIPE);
	EXPECT_EQ(-EPIPE, ktls_update_keys(self->s, self->fd[0], 0));
	EXPECT_EQ(KTLS_OK, ktls_session_reason(self->s));
}

/* ---- two readers ----------------------------------------------------------------------------- */

/* Whoever takes close_notify out of the socket is slow to look at it. */
static ssize_t slow_recv(int fd, const struct iovec *iov, size_t iov_len, int flags, uint8_t *type,
			 bool *end)
{
	ssize_t n = play_kernel.recv(fd, iov, iov_len, flags, type, end);

	if (n >= 0 && *type == RECORD_ALERT && !(flags & MSG_PEEK))
		nap(100);
	return n;
}

struct reading {
	session_t *self;
	bool recovers;
	ssize_t result;
};

static void *read_on(void *arg)
{
	struct reading *r = arg;
	char got[16];

	if (r->recovers)
		r->result = ktls_recover(r->self->s, r->self->fd[0], 0);
	else
		r->result = ktls_recv(r->self->s, r->self->fd[0], got, sizeof(got), 0);
	return NULL;
}

/* What one of them finds behind the good end is the good end. */
TEST_F(session, two_readers_at_the_end)
{
	struct session_kernel slow = play_kernel;
	struct reading readers[3] = { { self, false, -1 },
				      { self, false, -1 },
				      { self, true, -1 } };
	pthread_t threads[3];

	slow.recv = slow_recv;
	self->s->kernel = &slow;
	put(self, RECORD_ALERT, "\1\0", 2);
	shutdown(self->fd[1], SHUT_WR);
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, read_on, &readers[i]));
	for (int i = 0; i < 3; i++) {
		pthread_join(threads[i], NULL);
		EXPECT_EQ(0, readers[i].result);
	}
	EXPECT_EQ(KTLS_R_PEER_CLOSE_NOTIFY, ktls_session_reason(self->s));
}

/* ---- kernels that cannot change keys, whatever ktlsd thinks -------------------------------- */

static void reattach(session_t *self, bool tls_1_2)
{
	close(self->fd[0]);
	close(self->fd[1]);
	ASSERT_EQ(0, loopback_pair(self->fd));
	if (tls_1_2) {
		self->tx = keyed_key(KTLS_TLS_1_2, KTLS_ECDHE_RSA_AES_128_GCM_SHA256, 1);
		self->rx = keyed_key(KTLS_TLS_1_2, KTLS_ECDHE_RSA_AES_128_GCM_SHA256, 2);
	}
	play_attach(self->fd[0], &self->tx, &self->rx, false);
}

TEST_F(session, the_kernel_does_not_take_the_peers_key)
{
	reattach(self, false);
	put(self, RECORD_HANDSHAKE, TICKET "\x18\0\0\1\0", 14);
	expect_end(self, -EPROTO, KTLS_R_KEY_UPDATE_UNSUPPORTED);
	expect_alert(self, 2, KTLS_ALERT_INTERNAL_ERROR);
}

/* The peer has our KeyUpdate by then: there is no way on. */
TEST_F(session, the_kernel_does_not_take_our_key)
{
	reattach(self, false);
	EXPECT_EQ(-EPROTO, ktls_update_keys(self->s, self->fd[0], 0));
	EXPECT_STREQ("KEY_UPDATE_UNSUPPORTED", ktls_reason_name((int)ktls_session_reason(self->s)));
	EXPECT_EQ(-EPROTO, ktls_send(self->s, self->fd[0], "x", 1, 0));
	expect_key_update(self, false);
}

TEST_F(session, tls_1_2_has_no_key_update)
{
	reattach(self, true);
	put(self, RECORD_HANDSHAKE, "\x18\0\0\1\0", 5);
	expect_end(self, -EPROTO, KTLS_R_MESSAGE_UNEXPECTED);
	expect_alert(self, 2, KTLS_ALERT_UNEXPECTED_MESSAGE);
}

/* Without a new key, TLS 1.2 ends in order before the limit: renegotiation there is none. */
TEST_F(session, tls_1_2_and_a_key_that_has_served)
{
	ssize_t n = 4;
	int sends = 0;

	reattach(self, true);
	self->a.header.version = KTLS_TLS_1_2;
	session_reopen(self, 128);
	for (; n == 4 && sends < 200; sends++)
		n = ktls_send(self->s, self->fd[0], "data", 4, 0);
	EXPECT_EQ(-EPROTO, n);
	EXPECT_EQ(KTLS_R_KEY_EXHAUSTED, ktls_session_reason(self->s));
	EXPECT_LE(sends, 128);
	EXPECT_EQ(0, self->a.requests);
}

/* ---- a relay ------------------------------------------------------------------------------- */

TEST_F(session, a_relayed_descriptor)
{
	struct sockaddr_un name;
	int pair[2];
	socklen_t len = relayed_name(&name, KTLS_R_PEER_ALERT, KTLS_ALERT_UNKNOWN_CA, 0x1234);

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	ktls_session_free(self->s);
	self->s = ktls_session_open(self->k, NULL, 0);
	ASSERT_EQ(4, write(pair[1], "data", 4));
	EXPECT_EQ(4, ktls_recv(self->s, pair[0], self->got, 10, 0));
	EXPECT_EQ(-EAGAIN, ktls_recv(self->s, pair[0], self->got, 10, MSG_DONTWAIT));
	EXPECT_EQ(4, ktls_send(self->s, pair[0], "back", 4, 0));
	EXPECT_EQ(4, read(pair[1], self->got, 10));
	EXPECT_EQ(-EOPNOTSUPP, ktls_update_keys(self->s, pair[0], 0));
	EXPECT_EQ(0, ktls_maintain(self->s, pair[0]));
	EXPECT_EQ(-EIO, ktls_recover(self->s, pair[0], EIO));
	EXPECT_EQ(0, ktls_shutdown(self->s, pair[0]));
	EXPECT_EQ(0, read(pair[1], self->got, 10));
	ASSERT_EQ(0, bind(pair[1], (struct sockaddr *)&name, len));
	close(pair[1]);
	EXPECT_EQ(-EPROTO, ktls_recv(self->s, pair[0], self->got, 10, 0));
	EXPECT_EQ(KTLS_R_PEER_ALERT, ktls_session_reason(self->s));
	EXPECT_EQ(KTLS_ALERT_UNKNOWN_CA, ktls_session_alert(self->s));
	EXPECT_EQ(-EPROTO, ktls_recover(self->s, pair[0], 0));
	close(pair[0]);
}

TEST_HARNESS_MAIN
