/* SPDX-License-Identifier: MIT */
/* Connections that break, and what a session remembers of it: see session_fixture.h. */
#ifndef KTLS_TESTS_SESSION_RESETS_H
#define KTLS_TESTS_SESSION_RESETS_H

#include "tests/harness/session_fixture.h"

static inline void reset(session_t *self)
{
	const struct linger abort = { .l_onoff = 1 };

	setsockopt(self->fd[1], SOL_SOCKET, SO_LINGER, &abort, sizeof(abort));
	close(self->fd[1]);
	self->fd[1] = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static inline void expect_broken_pipe(session_t *self)
{
	off_t at = 0;

	EXPECT_TRUE(ktls_update_owed(self->s));
	EXPECT_EQ(-EPIPE, ktls_send(self->s, self->fd[0], "x", 1, 0));
	EXPECT_EQ(-EPIPE, ktls_sendfile(self->s, self->fd[0], self->fd[1], &at, 1));
	EXPECT_EQ(-EPIPE, ktls_maintain(self->s, self->fd[0]));
	EXPECT_EQ(-EPIPE, ktls_update_keys(self->s, self->fd[0], 0));
	EXPECT_EQ(-EPIPE, ktls_shutdown(self->s, self->fd[0]));
}

/* The socket says it once; to whom else it matters remembers the session. */
TEST_F(session, a_reset_that_the_reader_sees)
{
	READY();
	reset(self);
	EXPECT_EQ(-ECONNRESET, ktls_recv(self->s, self->fd[0], self->got, 10, 0));
	EXPECT_EQ(KTLS_OK, ktls_session_reason(self->s));
	expect_broken_pipe(self);
	expect_end(self, -EPROTO, KTLS_R_TRUNCATED);
	expect_broken_pipe(self);
}

TEST_F(session, a_reset_that_the_writer_sees)
{
	READY();
	reset(self);
	EXPECT_EQ(-ECONNRESET, ktls_send(self->s, self->fd[0], "x", 1, 0));
	expect_broken_pipe(self);
	/* Linux tells a reader, too; but not for ever. */
	if (ktls_session_reason(self->s) == KTLS_OK)
		(void)!ktls_recv(self->s, self->fd[0], self->got, 10, 0);
	expect_end(self, -EPROTO, KTLS_R_TRUNCATED);
}

/* With a read loop of one's own, and writes: ktls_maintain() is asked when something is owed. */
TEST_F(session, a_reset_that_a_read_loop_sees)
{
	READY();
	EXPECT_FALSE(ktls_update_owed(self->s));
	reset(self);
	EXPECT_EQ(-1, read(self->fd[0], self->got, 10));
	EXPECT_EQ(-ECONNRESET, ktls_recover(self->s, self->fd[0], errno));
	expect_broken_pipe(self);
	EXPECT_EQ(-EPROTO, ktls_recover(self->s, self->fd[0], 0));
}

TEST_F(session, a_reset_behind_data)
{
	READY();
	put_data(self, "data");
	reset(self);
	expect_data(self, "data");
	expect_end(self, -ECONNRESET, KTLS_OK);
	expect_broken_pipe(self);
	expect_end(self, -EPROTO, KTLS_R_TRUNCATED);
}

TEST_F(session, a_reset_behind_data_that_all_was_to_be_read)
{
	READY();
	put_data(self, "data");
	reset(self);
	EXPECT_EQ(4, ktls_recv(self->s, self->fd[0], self->got, 10, MSG_WAITALL));
	EXPECT_EQ(-ECONNRESET, ktls_recover(self->s, self->fd[0], 0));
	EXPECT_EQ(-EPROTO, ktls_recover(self->s, self->fd[0], 0));
}

/*
 * Who says close_notify and closes with bytes of ours unread resets the connection. What it said
 * counts; that no more will reach it only the writer learns.
 */
TEST_F(session, a_reset_behind_close_notify)
{
	READY();
	put_data(self, "data");
	put(self, RECORD_ALERT, "\1\0", 2);
	reset(self);
	expect_data(self, "data");
	expect_end(self, 0, KTLS_R_PEER_CLOSE_NOTIFY);
	expect_end(self, 0, KTLS_R_PEER_CLOSE_NOTIFY);
	EXPECT_EQ(0, ktls_recover(self->s, self->fd[0], ECONNRESET));
	EXPECT_EQ(-ECONNRESET, ktls_send(self->s, self->fd[0], "x", 1, 0));
	expect_broken_pipe(self);
	expect_end(self, 0, KTLS_R_PEER_CLOSE_NOTIFY);
}

TEST_F(session, a_reset_behind_a_fatal_alert)
{
	READY();
	put(self, RECORD_ALERT, "\2\x28", 2);
	reset(self);
	expect_end(self, -EPROTO, KTLS_R_PEER_ALERT);
	EXPECT_EQ(KTLS_ALERT_HANDSHAKE_FAILURE, ktls_session_alert(self->s));
	EXPECT_EQ(-EPROTO, ktls_recover(self->s, self->fd[0], ECONNRESET));
	expect_end(self, -EPROTO, KTLS_R_PEER_ALERT);
}

#ifndef SESSION_REAL
static bool reset_told;

static ssize_t tell_reset_first(int fd, const struct iovec *iov, size_t iov_len, int flags,
				uint8_t *type, bool *end)
{
	if (!reset_told) {
		reset_told = true;
		return -ECONNRESET;
	}
	return play_kernel.recv(fd, iov, iov_len, flags, type, end);
}

/* What Linux does now and then: the reset overtakes what it has yet to look into. */
static inline void let_reset_overtake(session_t *self)
{
	static struct session_kernel kernel;
	socklen_t len = sizeof(int);
	int error;

	kernel = play_kernel;
	kernel.recv = tell_reset_first;
	self->s->kernel = &kernel;
	reset_told = false;
	reset(self);
	getsockopt(self->fd[0], SOL_SOCKET, SO_ERROR, &error, &len);
}

TEST_F(session, a_reset_in_front_of_data)
{
	READY();
	put_data(self, "data");
	let_reset_overtake(self);
	expect_data(self, "data");
	expect_end(self, -ECONNRESET, KTLS_OK);
	expect_broken_pipe(self);
	expect_end(self, -EPROTO, KTLS_R_TRUNCATED);
}

TEST_F(session, a_reset_in_front_of_close_notify)
{
	READY();
	put(self, RECORD_ALERT, "\1\0", 2);
	let_reset_overtake(self);
	expect_end(self, 0, KTLS_R_PEER_CLOSE_NOTIFY);
	expect_broken_pipe(self);
}

TEST_F(session, a_reset_in_front_of_nothing)
{
	READY();
	let_reset_overtake(self);
	expect_end(self, -ECONNRESET, KTLS_OK);
	expect_end(self, -EPROTO, KTLS_R_TRUNCATED);
}

/* With a read loop of one's own, which the reset has reached already. */
TEST_F(session, a_reset_in_front_of_data_for_a_read_loop)
{
	READY();
	put_data(self, "data");
	let_reset_overtake(self);
	reset_told = true;
	EXPECT_EQ(1, ktls_recover(self->s, self->fd[0], ECONNRESET));
	expect_data(self, "data");
	EXPECT_EQ(-ECONNRESET, ktls_recover(self->s, self->fd[0], 0));
	EXPECT_EQ(-EPROTO, ktls_recover(self->s, self->fd[0], 0));
}
#endif

/* An error in which the connection goes on is none for the writer. */
TEST_F(session, errors_that_pass)
{
	READY();
	EXPECT_EQ(-EAGAIN, ktls_recv(self->s, self->fd[0], self->got, 10, MSG_DONTWAIT));
	EXPECT_EQ(-ENOBUFS, ktls_recover(self->s, self->fd[0], ENOBUFS));
	send_text(self, "data");
	expect_on_the_wire(self, "data");
}

TEST_F(session, nothing_behind_close_notify)
{
	READY();
	ASSERT_EQ(0, ktls_shutdown(self->s, self->fd[0]));
	EXPECT_EQ(0, ktls_shutdown(self->s, self->fd[0]));
	EXPECT_EQ(-EPIPE, ktls_send(self->s, self->fd[0], "x", 1, 0));
	EXPECT_EQ(-EPIPE, ktls_update_keys(self->s, self->fd[0], 0));
	put_key_update(self, true);
	put_data(self, "data");
	expect_data(self, "data");
	EXPECT_FALSE(ktls_update_owed(self->s));
	expect_alert(self, 1, KTLS_ALERT_CLOSE_NOTIFY);
	expect_silence(self);
}

#endif
