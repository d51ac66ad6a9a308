/* SPDX-License-Identifier: MIT */
/* What holds for every carrier of records: see session_fixture.h. */
#ifndef KTLS_TESTS_SESSION_CASES_H
#define KTLS_TESTS_SESSION_CASES_H

#include "tests/harness/session_fixture.h"

#define TICKET "\x04\x00\x00\x05hello"

/* ---- the peer's keys ----------------------------------------------------------------------- */

TEST_F(session, the_peer_changes_its_key)
{
	READY();
	put_data(self, "one");
	put_key_update(self, false);
	put_data(self, "two");
	put_key_update(self, false);
	put_key_update(self, false);
	put_data(self, "three");
	expect_data(self, "one");
	expect_data(self, "two");
	expect_data(self, "three");
	EXPECT_FALSE(ktls_update_owed(self->s));
	EXPECT_EQ(3, self->a.requests);
	expect_silence(self);
}

TEST_F(session, what_is_owed_is_paid_before_data)
{
	READY();
	put_key_update(self, true);
	put_key_update(self, true);
	put_key_update(self, true);
	put_data(self, "data");
	expect_data(self, "data");
	EXPECT_TRUE(ktls_update_owed(self->s));
	expect_silence(self);
	send_text(self, "answer");
	EXPECT_FALSE(ktls_update_owed(self->s));
	expect_key_update(self, false);
	expect_on_the_wire(self, "answer");
	expect_silence(self);
}

TEST_F(session, byte_by_byte)
{
	char byte;

	READY();
	put_data(self, "ab");
	put(self, RECORD_HANDSHAKE, TICKET, 9);
	put_key_update(self, true);
	put_data(self, "c");
	for (const char *c = "abc"; *c; c++) {
		ASSERT_EQ(1, ktls_recv(self->s, self->fd[0], &byte, 1, 0));
		EXPECT_EQ(*c, byte);
	}
	EXPECT_TRUE(ktls_update_owed(self->s));
}

/* What the kernel sees is the first byte of a record, no more. */
TEST_F(session, key_update_behind_a_ticket_in_one_record)
{
	READY();
	put(self, RECORD_HANDSHAKE, TICKET "\x18\0\0\1\1", 14);
	step_rx(self);
	put_data(self, "data");
	expect_data(self, "data");
	EXPECT_TRUE(ktls_update_owed(self->s));
}

TEST_F(session, key_update_over_records)
{
	READY();
	for (size_t cut = 1; cut < 5; cut++) {
		put(self, RECORD_HANDSHAKE, "\x18\0\0\1\0", cut);
		put(self, RECORD_HANDSHAKE, "\x18\0\0\1\0" + cut, 5 - cut);
		step_rx(self);
		put_data(self, "data");
		expect_data(self, "data");
	}
}

/* Parts of tickets that begin like a KeyUpdate. */
TEST_F(session, what_is_taken_for_a_key_update)
{
	READY();
	for (int i = 0; i < 3; i++) {
		put(self, RECORD_HANDSHAKE, "\x04\0\0\6\x18", 5);
		put(self, RECORD_HANDSHAKE, "\x18\x18\x18", 3);
		put(self, RECORD_HANDSHAKE, "\x18\x18", 2);
		put_data(self, "data");
		expect_data(self, "data");
		put_key_update(self, false);
	}
	put_data(self, "end");
	expect_data(self, "end");
}

TEST_F(session, something_behind_a_key_update)
{
	READY();
	put(self, RECORD_HANDSHAKE, "\x18\0\0\1\0" TICKET, 14);
	expect_end(self, -EPROTO, KTLS_R_MESSAGE_SPANS_KEY_CHANGE);
	expect_alert(self, 2, KTLS_ALERT_UNEXPECTED_MESSAGE);
}

TEST_F(session, storm)
{
	READY();
	for (int i = 0; i < 100; i++) /* more than are forgotten meanwhile */
		put_key_update(self, true);
	put_data(self, "data");
	expect_end(self, -EPROTO, KTLS_R_KEY_UPDATE_STORM);
	EXPECT_GE(self->a.requests, 32);
	EXPECT_LT(self->a.requests, 100);
	expect_alert(self, 2, KTLS_ALERT_UNEXPECTED_MESSAGE);
	EXPECT_EQ(-EPROTO, ktls_send(self->s, self->fd[0], "x", 1, 0));
}

/* A peer that changes its key all the time, and sends something with each. */
TEST_F(session, key_updates_between_data_are_no_storm)
{
	READY();
	for (int i = 0; i < 60; i++) {
		for (int j = 0; j < KTLS_KEY_UPDATE_RECORDS; j++)
			put_data(self, "data");
		put_key_update(self, i % 2 != 0);
		ASSERT_EQ(4 * KTLS_KEY_UPDATE_RECORDS,
			  ktls_recv(self->s, self->fd[0], self->got, 4 * KTLS_KEY_UPDATE_RECORDS,
				    MSG_WAITALL));
	}
	put_data(self, "end");
	expect_data(self, "end");
	EXPECT_EQ(60, self->a.requests);
}

/* It does not read them by ktls_recv(). */
TEST_F(session, key_updates_between_data_that_others_read)
{
	char bytes[16];
	struct iovec iov = { .iov_base = bytes, .iov_len = 4 };
	uint8_t type;
	bool end;

	READY();
	for (int i = 0; i < 60; i++) {
		for (int j = 0; j < KTLS_KEY_UPDATE_RECORDS; j++)
			put_data(self, "data");
		put_key_update(self, false);
		for (int j = 0; j < KTLS_KEY_UPDATE_RECORDS; j++)
			ASSERT_EQ(4, self->s->kernel->recv(self->fd[0], &iov, 1, 0, &type, &end));
		EXPECT_EQ(1, ktls_recover(self->s, self->fd[0], EIO));
		ASSERT_STREQ("OK", ktls_reason_name((int)ktls_session_reason(self->s)));
	}
}

TEST_F(session, storm_with_a_little_between)
{
	ssize_t n = 1;
	int i = 0;

	READY();
	for (; i < 100 && n > 0; i++) {
		put_data(self, "x");
		put_key_update(self, true);
		n = ktls_recv(self->s, self->fd[0], self->got, sizeof(self->got), MSG_DONTWAIT);
	}
	EXPECT_GT(i, KTLS_KEY_UPDATE_BURST);
	EXPECT_LT(i, 2 * KTLS_KEY_UPDATE_BURST);
	expect_end(self, -EPROTO, KTLS_R_KEY_UPDATE_STORM);
}

/* As many as we have asked for, one after the other. */
TEST_F(session, answers_are_no_storm)
{
	READY();
	for (int i = 0; i < 50; i++) {
		ASSERT_EQ(0, ktls_update_keys(self->s, self->fd[0], KTLS_UPDATE_REQUEST));
		put_key_update(self, false);
		put_data(self, "data");
		expect_data(self, "data");
	}
}

/* Data that came before a KeyUpdate was read; poll() has to tell of what is behind it. */
TEST_F(session, poll_behind_a_key_update)
{
	struct pollfd pfd = { .fd = self->fd[0], .events = POLLIN };

	READY();
	for (int i = 0; i < 20; i++) {
		put_data(self, "before");
		put_key_update(self, true);
		put_data(self, "behind");
		nap(10);
		expect_data(self, "before");
		ASSERT_EQ(1, poll(&pfd, 1, 3000));
		expect_data(self, "behind");
	}
}

/* ---- our keys ------------------------------------------------------------------------------ */

TEST_F(session, we_change_our_key)
{
	READY();
	send_text(self, "one");
	ASSERT_EQ(0, ktls_update_keys(self->s, self->fd[0], 0));
	send_text(self, "two");
	ASSERT_EQ(0, ktls_update_keys(self->s, self->fd[0], KTLS_UPDATE_REQUEST));
	ASSERT_EQ(0, ktls_maintain(self->s, self->fd[0]));
	ASSERT_EQ(0, ktls_shutdown(self->s, self->fd[0]));
	expect_on_the_wire(self, "one");
	expect_key_update(self, false);
	expect_on_the_wire(self, "two");
	expect_key_update(self, true);
	expect_alert(self, 1, KTLS_ALERT_CLOSE_NOTIFY);
	EXPECT_EQ(-EINVAL, ktls_update_keys(self->s, self->fd[0], 2));
	EXPECT_EQ(-EINVAL, ktls_update_keys(NULL, self->fd[0], 0));
	EXPECT_EQ(-EINVAL, ktls_send(self->s, self->fd[0], "x", 1, MSG_OOB));
}

/* All that is there; a KeyUpdate is counted. Returns the bytes of data. */
static size_t drain(session_t *self, int *updates)
{
	struct pollfd pfd = { .fd = self->fd[1], .events = POLLIN };
	size_t total = 0, len;

	while (poll(&pfd, 1, 50) == 1) {
		uint8_t type = take_record(self, &len);

		*updates += type == RECORD_HANDSHAKE;
		total += type == RECORD_APPLICATION_DATA ? len : 0;
	}
	return total;
}

/*
 * What TCP sends a moment later makes room again, the rest of a window by a timer of 200 ms: full
 * is what stays full.
 */
static size_t fill(session_t *self)
{
	static uint8_t bulk[16384];
	size_t sent = 0, before;
	int few = 16384;
	ssize_t n;

	setsockopt(self->fd[0], SOL_SOCKET, SO_SNDBUF, &few, sizeof(few));
	setsockopt(self->fd[1], SOL_SOCKET, SO_RCVBUF, &few, sizeof(few));
	fcntl(self->fd[0], F_SETFL, O_NONBLOCK);
	do {
		before = sent;
		for (n = 0; n >= 0; n = ktls_send(self->s, self->fd[0], bulk, sizeof(bulk), 0))
			sent += (size_t)n;
		ASSERT_EQ(-EAGAIN, n);
		nap(300);
	} while (sent > before);
	return sent;
}

/* One KeyUpdate, however often it had to be tried. */
TEST_F(session, no_room_for_a_key_update)
{
	int updates = 0, ret = -EAGAIN;
	size_t sent, seen = 0;

	READY();
	sent = fill(self);
	for (int i = 0; i < 5; i++)
		EXPECT_EQ(-EAGAIN, ktls_update_keys(self->s, self->fd[0], 0));
	EXPECT_EQ(1, self->a.requests);
	for (int i = 0; i < 100 && ret == -EAGAIN; i++) {
		seen += drain(self, &updates);
		ret = ktls_update_keys(self->s, self->fd[0], 0);
	}
	EXPECT_EQ(0, ret);
	send_text(self, "more");
	seen += drain(self, &updates);
	EXPECT_EQ(1, updates);
	EXPECT_EQ(sent + 4, seen);
}

/* A blocking socket waits for room, not the caller. */
TEST_F(session, waiting_for_room_for_a_key_update)
{
	size_t sent, seen = 0;
	int updates = 0, status;
	pid_t child;

	READY();
	put_key_update(self, true);
	put_data(self, "data");
	sent = fill(self);
	expect_data(self, "data");
	EXPECT_EQ(-EAGAIN, ktls_send(self->s, self->fd[0], "x", 1, 0));
	fcntl(self->fd[0], F_SETFL, 0);
	EXPECT_EQ(-EAGAIN, ktls_send(self->s, self->fd[0], "x", 1, MSG_DONTWAIT));
	child = fork();
	if (child == 0) {
		nap(200);
		for (int i = 0; i < 400 && seen <= sent; i++)
			seen += drain(self, &updates);
		_exit(seen == sent + 1 && updates == 1 ? 0 : 1);
	}
	EXPECT_EQ(1, ktls_send(self->s, self->fd[0], "x", 1, 0));
	waitpid(child, &status, 0);
	EXPECT_EQ(0, status);
}

/* ---- ktlsd --------------------------------------------------------------------------------- */

TEST_F(session, nobody_to_ask)
{
	READY();
	ktls_session_free(self->s);
	self->s = ktls_session_open(NULL, NULL, 0);
#ifndef SESSION_REAL
	self->s->kernel = &play_kernel;
#endif
	EXPECT_EQ(-EOPNOTSUPP, ktls_update_keys(self->s, self->fd[0], 0));
	put(self, RECORD_HANDSHAKE, TICKET, 9);
	put_key_update(self, false);
	expect_end(self, -EPROTO, KTLS_R_KEY_UPDATE_UNSUPPORTED);
	expect_alert(self, 2, KTLS_ALERT_INTERNAL_ERROR);
}

TEST_F(session, answers_that_are_lost)
{
	READY();
	self->a.lose = 2;
	put_key_update(self, true);
	put_data(self, "data");
	expect_data(self, "data");
	EXPECT_EQ(3, self->a.requests);
	self->a.lose = 2;
	send_text(self, "more");
	expect_key_update(self, false);
	expect_on_the_wire(self, "more");
}

static void *revive_later(void *arg)
{
	session_t *self = arg;

	nap(500);
	answering_revive(&self->a);
	return NULL;
}

TEST_F(session, ktlsd_is_restarted)
{
	pthread_t thread;

	READY();
	put_key_update(self, true);
	put_data(self, "data");
	answering_die(&self->a);
	ASSERT_EQ(0, pthread_create(&thread, NULL, revive_later, self));
	expect_data(self, "data");
	pthread_join(thread, NULL);
	answering_die(&self->a);
	ASSERT_EQ(0, pthread_create(&thread, NULL, revive_later, self));
	send_text(self, "more");
	pthread_join(thread, NULL);
	expect_key_update(self, false);
	expect_on_the_wire(self, "more");
}

/* Nothing is lost meanwhile: what was not done is done by the next call. */
TEST_F_TIMEOUT(session, no_ktlsd_for_a_while, 60)
{
	int64_t before = clock_ms();

	READY();
	answering_die(&self->a);
	put_key_update(self, true);
	put_data(self, "data");
	EXPECT_EQ(-ETIMEDOUT, ktls_recv(self->s, self->fd[0], self->got, 10, 0));
	EXPECT_GE(clock_ms() - before, 4900);
	EXPECT_EQ(KTLS_OK, ktls_session_reason(self->s));
	EXPECT_EQ(-ETIMEDOUT, ktls_update_keys(self->s, self->fd[0], 0));
	send_text(self, "old key");
	expect_on_the_wire(self, "old key");
	answering_revive(&self->a);
	expect_data(self, "data");
	send_text(self, "more");
	expect_key_update(self, false);
	expect_on_the_wire(self, "more");
}

/* Of a worker that says nothing the caller has enough after the same time. */
TEST_F_TIMEOUT(session, ktlsd_says_nothing, 60)
{
	READY();
	self->a.silent = 1;
	EXPECT_EQ(-ETIMEDOUT, ktls_update_keys(self->s, self->fd[0], 0));
	EXPECT_EQ(0, ktls_update_keys(self->s, self->fd[0], 0));
	send_text(self, "more");
	expect_key_update(self, false);
	expect_on_the_wire(self, "more");
}

TEST_F(session, answers_about_another_key)
{
	READY();
	self->a.outdated = 2;
	put_key_update(self, true);
	put_data(self, "data");
	expect_data(self, "data");
	EXPECT_EQ(3, self->a.requests);
	self->a.outdated = 1000;
	EXPECT_EQ(-EOPNOTSUPP, ktls_update_keys(self->s, self->fd[0], 0));
	expect_silence(self);
	put_key_update(self, true);
	expect_end(self, -EPROTO, KTLS_R_STALE_SESSION);
}

/* What is said twice closes the lane, at the next request on it: that is asked again. */
TEST_F(session, answers_that_come_twice)
{
	READY();
	self->a.doubled = 4;
	for (int i = 0; i < 4; i++) {
		put_key_update(self, true);
		put_data(self, "data");
		expect_data(self, "data");
		send_text(self, "more");
		expect_key_update(self, false);
		expect_on_the_wire(self, "more");
	}
	EXPECT_EQ(0, self->a.doubled);
	EXPECT_EQ(KTLS_OK, ktls_session_reason(self->s));
}

/* One that never makes sense is not asked for ever. */
TEST_F(session, ktlsd_talks_nonsense)
{
	READY();
	self->a.reason = KTLS_R_PROTOCOL;
	EXPECT_EQ(-EOPNOTSUPP, ktls_update_keys(self->s, self->fd[0], 0));
	EXPECT_EQ(4, self->a.requests);
}

TEST_F(session, ktlsd_refuses)
{
	READY();
	self->a.reason = KTLS_R_SESSION_INVALID;
	EXPECT_EQ(-EOPNOTSUPP, ktls_update_keys(self->s, self->fd[0], 0));
	put_key_update(self, true);
	expect_end(self, -EPROTO, KTLS_R_SESSION_INVALID);
}

TEST_F(session, tickets_go_to_ktlsd)
{
	READY();
	put(self, RECORD_HANDSHAKE, TICKET TICKET, 18);
	put_data(self, "data");
	expect_data(self, "data");
	for (int i = 0; i < 1000 && self->a.tickets < 2; i++)
		nap(5);
	put(self, RECORD_HANDSHAKE, "\x04\0\0\6th", 6);
	put(self, RECORD_HANDSHAKE, "\x18rd!", 4);
	put_data(self, "data");
	expect_data(self, "data");
	for (int i = 0; i < 1000 && self->a.tickets < 3; i++)
		nap(5);
	EXPECT_EQ(3, self->a.tickets);
	EXPECT_EQ(10, self->a.ticket_len);
	EXPECT_MEMEQ("\x04\0\0\6th\x18rd!", self->a.ticket, 10);
	put_key_update(self, false);
	put_data(self, "more");
	expect_data(self, "more");
}

TEST_F(session, a_server_gets_no_tickets)
{
	READY();
	self->a.header.role = KTLS_SERVER;
	session_reopen(self, KTLS_AES_GCM_RECORDS_MAX);
	put(self, RECORD_HANDSHAKE, TICKET, 9);
	expect_end(self, -EPROTO, KTLS_R_MESSAGE_UNEXPECTED);
	EXPECT_EQ(0, self->a.requests);
}

#endif
