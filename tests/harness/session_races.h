/* SPDX-License-Identifier: MIT */
/* Keys that serve out their time, threads and processes: see session_fixture.h. */
#ifndef KTLS_TESTS_SESSION_RACES_H
#define KTLS_TESTS_SESSION_RACES_H

#include "tests/harness/session_fixture.h"

/* ---- how long a key serves ----------------------------------------------------------------- */

/* What the peer has seen. */
struct seen {
	size_t bytes;
	int updates, requests;
	unsigned int under_one_key; /* records, at most */
};

static void see(session_t *self, struct seen *seen)
{
	struct pollfd pfd = { .fd = self->fd[1], .events = POLLIN };
	unsigned int records = 0;
	uint8_t type = 0;
	size_t len;

	while (type != RECORD_ALERT && poll(&pfd, 1, 100) == 1) {
		type = take_record(self, &len);
		records++;
		if (records > seen->under_one_key)
			seen->under_one_key = records;
		if (type == RECORD_HANDSHAKE) {
			seen->updates++;
			seen->requests += self->content[4];
			records = 0;
		}
		seen->bytes += type == RECORD_APPLICATION_DATA ? len : 0;
	}
}

TEST_F(session, a_key_that_has_served_is_changed)
{
	struct seen seen = { 0 };

	READY();
	session_reopen(self, 128);
	for (int i = 0; i < 400; i++)
		send_text(self, "0123456789");
	see(self, &seen);
	EXPECT_EQ(4000, seen.bytes);
	EXPECT_GE(seen.updates, 4);
	EXPECT_LT(seen.under_one_key, 100);
	EXPECT_EQ(0, seen.requests);
}

TEST_F(session, sendfile_counts_bytes)
{
	char path[] = "/tmp/ktls-test-XXXXXX";
	struct seen seen = { 0 };
	off_t at = 0;
	int file = mkstemp(path);

	READY();
	ASSERT_GE(file, 0);
	unlink(path);
	ASSERT_EQ(0, ftruncate(file, 1 << 20));
	session_reopen(self, 1024);
	for (ssize_t n = 1; at < 1 << 20; n = 0) {
		n = ktls_sendfile(self->s, self->fd[0], file, &at, 1 << 20);
		ASSERT_GT(n, 0);
		ASSERT_LE(n, 16384);
		see(self, &seen);
	}
	EXPECT_EQ(1 << 20, seen.bytes);
	ASSERT_EQ(0, ktls_maintain(self->s, self->fd[0]));
	close(file);
}

/* A program that sends by itself: it has told nobody, ktls_maintain() looks. */
TEST_F(session, maintain_looks_how_many_there_were)
{
	struct seen seen = { 0 };
	struct iovec iov = { .iov_base = "plain", .iov_len = 5 };
	const struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	READY();
	session_reopen(self, 128);
	for (int i = 0; i < 70; i++)
		ASSERT_EQ(5, self->s->kernel->send(self->fd[0], &message, 0));
	ASSERT_EQ(0, ktls_maintain(self->s, self->fd[0]));
	ASSERT_EQ(0, ktls_maintain(self->s, self->fd[0]));
	send_text(self, "more");
	see(self, &seen);
	EXPECT_EQ(1, seen.updates);
	EXPECT_EQ(354, seen.bytes);
}

/* Without a new key the connection is closed before the old one is used too often. */
TEST_F(session, a_key_that_cannot_be_changed)
{
	struct seen seen = { 0 };
	ssize_t n = 4;
	int sends = 0;

	READY();
	self->a.reason = KTLS_R_SESSION_INVALID;
	session_reopen(self, 128);
	for (; n == 4 && sends < 200; sends++)
		n = ktls_send(self->s, self->fd[0], "data", 4, 0);
	EXPECT_EQ(-EPROTO, n);
	EXPECT_STREQ("KEY_EXHAUSTED", ktls_reason_name((int)ktls_session_reason(self->s)));
	EXPECT_GE(sends, 64);
	EXPECT_LE(sends, 128);
	EXPECT_EQ(-EPROTO, ktls_maintain(self->s, self->fd[0]));
	EXPECT_EQ(-EPROTO, ktls_update_keys(self->s, self->fd[0], 0));
	see(self, &seen);
	EXPECT_LE(seen.under_one_key, 128);
	EXPECT_EQ(KTLS_ALERT_CLOSE_NOTIFY, self->content[1]);
	EXPECT_EQ(1, self->content[0]);
}

/* The peer is asked for another key in time, and once. */
TEST_F(session, the_peers_key_has_served)
{
	struct seen seen = { 0 };

	READY();
	session_reopen(self, 128);
	for (int i = 0; i < 70; i++) {
		put_data(self, "data");
		expect_data(self, "data");
	}
	for (int i = 0; i < 10; i++)
		send_text(self, "answer");
	see(self, &seen);
	EXPECT_EQ(1, seen.updates);
	EXPECT_EQ(1, seen.requests);
	put_key_update(self, false);
	for (int i = 0; i < 30; i++) {
		put_data(self, "data");
		expect_data(self, "data");
		send_text(self, "answer");
	}
	see(self, &seen);
	EXPECT_EQ(1, seen.requests);
}

/* As long as what was under way may come it is heard. */
TEST_F(session, a_peer_that_never_changes_its_key)
{
	const uint64_t most = 128 + 128 + KTLS_RECORDS_UNDER_WAY;
	int i = 0, error;

	READY();
	session_reopen(self, 128);
	self->rx.seq[6] = (most - 64) >> 8;
	self->rx.seq[7] = (most - 64) & 0xff;
	ASSERT_EQ(0, self->s->kernel->install(self->fd[0], false, &self->rx, &error));
	for (; i < 100 && ktls_session_reason(self->s) == KTLS_OK; i++) {
		put_data(self, "data");
		expect_data(self, "data");
	}
	EXPECT_GE(i, 62);
	EXPECT_LT(i, 70);
	expect_end(self, -EPROTO, KTLS_R_KEY_EXHAUSTED);
	expect_alert(self, 1, KTLS_ALERT_CLOSE_NOTIFY);
}

/* What RFC 9846 says is good for a key is nothing that the peer is held to. */
TEST_F(session, a_peer_that_has_sent_more_than_is_good)
{
	struct seen seen = { 0 };
	int error;

	READY();
	session_reopen(self, KTLS_AES_GCM_RECORDS_MAX);
	self->rx.seq[4] = 3; /* times 2^24 records */
	ASSERT_EQ(0, self->s->kernel->install(self->fd[0], false, &self->rx, &error));
	put_data(self, "data");
	expect_data(self, "data");
	ASSERT_EQ(0, ktls_maintain(self->s, self->fd[0]));
	send_text(self, "answer");
	put_data(self, "more");
	expect_data(self, "more");
	see(self, &seen);
	EXPECT_EQ(1, seen.requests);
}

/* ---- at the same time ---------------------------------------------------------------------- */

#define LOAD 150 /* messages each way */

/* The peer's side of LOAD messages: takes all, sends as many, with KeyUpdates in between. */
static void *peer_talks(void *arg)
{
	session_t *self = arg;

	for (int i = 0; i < LOAD; i++) {
		put_data(self, "0123456789");
		if (i % 15 == 14)
			put_key_update(self, i % 2);
		if (i % 30 == 0)
			nap(50);
	}
	return NULL;
}

static void *reader(void *arg)
{
	session_t *self = arg;
	static char buf[100];
	size_t total = 0;
	ssize_t n;

	while (total < LOAD * 10) {
		n = ktls_recv(self->s, self->fd[0], buf, sizeof(buf), 0);
		ASSERT_TRUE(n > 0 || n == -EINTR);
		total += n > 0 ? (size_t)n : 0;
	}
	return NULL;
}

static void *writer(void *arg)
{
	session_t *self = arg;

	for (int i = 0; i < LOAD; i++) {
		if (i % 10 == 0)
			ASSERT_EQ(0, ktls_update_keys(self->s, self->fd[0], 0));
		send_text(self, "abcdefghij");
	}
	return NULL;
}

/* What comes at the peer: records that open, each under the key that is due. */
static void *peer_hears(void *arg)
{
	session_t *self = arg;
	struct pollfd pfd = { .fd = self->fd[1], .events = POLLIN };
	uint8_t record[KEYED_RECORD_MAX], content[KEYED_RECORD_MAX], type;
	struct ktls_secrets secrets = self->secrets;
	size_t total = 0;
	ssize_t n;

	while (total < 2 * LOAD * 10 && poll(&pfd, 1, 20000) == 1) {
		n = keyed_open(&self->tx, record, keyed_read_record(self->fd[1], record), &type,
			       content);
		ASSERT_GT(n, 0);
		if (type == RECORD_HANDSHAKE)
			ASSERT_EQ(0, ktls_secrets_key_update(&secrets, KTLS_TX, &self->tx));
		else
			total += (size_t)n;
	}
	EXPECT_EQ(2 * LOAD * 10, total);
	return NULL;
}

/* Two threads write, though they had better not: no key is used in the wrong place even so. */
TEST_F_TIMEOUT(session, threads, 60)
{
	void *(*const roles[])(void *) = { reader, writer, writer, peer_talks, peer_hears };
	pthread_t threads[5];

	READY();
	for (int i = 0; i < 5; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, roles[i], self));
	for (int i = 0; i < 5; i++)
		pthread_join(threads[i], NULL);
#ifndef SESSION_REAL
	EXPECT_FALSE(play_key_reused(self->fd[0]));
#endif
}

/* Another process that has the descriptor, with a session and a ktls of its own. */
static int child_changes_keys(session_t *self, int times)
{
	uint8_t sealed[KTLS_SESSION_MAX];
	size_t len = ktls_session_sealed(self->s, sealed, sizeof(sealed));
	struct ktls *k = ktls_open(self->a.fake.path, NULL);
	struct ktls_session *s = k ? ktls_session_open(k, sealed, len) : NULL;
	int ret = s ? 0 : -1;

#ifndef SESSION_REAL
	if (s)
		s->kernel = &play_kernel;
#endif
	for (int i = 0; i < times && ret == 0; i++)
		ret = ktls_update_keys(s, self->fd[0], 0);
	ktls_session_free(s);
	ktls_close(k);
	return ret;
}

/* Each change is one KeyUpdate and one key, in this order, whoever makes it. */
TEST_F_TIMEOUT(session, processes, 60)
{
	struct seen seen = { 0 };
	pid_t child[2];
	int status;

	READY();
	self->a.keeps = true;
	for (int i = 0; i < 2; i++) {
		child[i] = fork();
		if (child[i] == 0)
			_exit(child_changes_keys(self, 20) == 0 ? 0 : 1);
	}
	for (int i = 0; i < 20; i++)
		EXPECT_EQ(0, ktls_update_keys(self->s, self->fd[0], 0));
	for (int i = 0; i < 2; i++) {
		waitpid(child[i], &status, 0);
		EXPECT_EQ(0, status);
	}
	send_text(self, "end");
	see(self, &seen);
	EXPECT_EQ(60, seen.updates);
	EXPECT_EQ(3, seen.bytes);
#ifndef SESSION_REAL
	EXPECT_FALSE(play_key_reused(self->fd[0]));
	EXPECT_EQ(61, play_keys(self->fd[0]));
#endif
}

#endif
