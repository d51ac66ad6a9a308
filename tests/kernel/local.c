/* SPDX-License-Identifier: MIT */
/*
 * ktls_recv(), ktls_recover() and ktls_shutdown() on kernel TLS sockets whose peer is a codec of
 * ours on a plain socket: what the peer sends comes out as the header says, and what goes back is
 * on the wire.
 */
#include <ktls-session.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/ktls/kernel.h"
#include "tests/harness/harness.h"
#include "tests/harness/keyed.h"

#define TICKET "\x04\x00\x00\x05hello"

/* fd[0] is the kernel TLS socket, fd[1] the plain peer. */
FIXTURE(local)
{
	int fd[2];
	struct ktls_session *session;
	struct ktls_traffic_key tx, rx; /* what the peer opens, and seals, with */
	uint8_t record[KEYED_RECORD_MAX];
	uint8_t content[KEYED_RECORD_MAX];
	char got[1024];
};

FIXTURE_SETUP(local)
{
	if (!keyed_or_skip())
		return;
	self->tx = keyed_key(KTLS_TLS_1_3, KTLS_AES_128_GCM_SHA256, 1);
	self->rx = keyed_key(KTLS_TLS_1_3, KTLS_AES_128_GCM_SHA256, 2);
	keyed_pair(self->fd);
	keyed_install(self->fd[0], true, &self->tx);
	keyed_install(self->fd[0], false, &self->rx);
	self->session = ktls_session_open(NULL, NULL, 0);
	ASSERT_NOT_NULL(self->session);
}

FIXTURE_TEARDOWN(local)
{
	ktls_session_free(self->session);
	close(self->fd[0]);
	close(self->fd[1]);
}

/* Puts a record on the wire for the kernel to open. */
static void put(struct test_self_local *self, uint8_t type, const void *bytes, size_t len)
{
	keyed_write(self->fd[1], self->record,
		    keyed_seal(&self->rx, type, bytes, len, self->record));
}

static void put_data(struct test_self_local *self, const char *text)
{
	put(self, RECORD_APPLICATION_DATA, text, strlen(text));
}

static void expect_data(struct test_self_local *self, int flags, const char *text)
{
	ssize_t len = (ssize_t)strlen(text);

	EXPECT_EQ(len, ktls_recv(self->session, self->fd[0], self->got, sizeof(self->got), flags));
	EXPECT_MEMEQ(text, self->got, strlen(text));
	EXPECT_EQ(KTLS_OK, ktls_session_reason(self->session));
}

/* Twice: the second time it is not the socket that says it. */
static void expect_end(struct test_self_local *self, ssize_t result, enum ktls_reason reason,
		       unsigned int alert)
{
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(result,
			  ktls_recv(self->session, self->fd[0], self->got, sizeof(self->got), 0));
		EXPECT_STREQ(ktls_reason_name((int)reason),
			     ktls_reason_name((int)ktls_session_reason(self->session)));
		EXPECT_EQ(alert, ktls_session_alert(self->session));
	}
}

/* The next record on the wire, which is this alert. */
static void expect_alert(struct test_self_local *self, uint8_t level, uint8_t alert)
{
	size_t len = keyed_read_record(self->fd[1], self->record);
	uint8_t type = 0;

	ASSERT_EQ(2, keyed_open(&self->tx, self->record, len, &type, self->content));
	EXPECT_EQ(RECORD_ALERT, type);
	EXPECT_EQ(level, self->content[0]);
	EXPECT_EQ(alert, self->content[1]);
}

static void expect_silence(struct test_self_local *self)
{
	EXPECT_EQ(-1, recv(self->fd[1], self->content, 1, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
}

/* ---- reading ------------------------------------------------------------------------------- */

TEST_F(local, data_and_close_notify)
{
	put_data(self, "first");
	expect_data(self, 0, "first");
	put_data(self, "second");
	put(self, RECORD_ALERT, "\1\0", 2);
	expect_data(self, 0, "second");
	expect_end(self, 0, KTLS_R_PEER_CLOSE_NOTIFY, KTLS_ALERT_NONE);
	expect_silence(self); /* the answer is the application's to give */
}

TEST_F(local, tickets_are_read_over)
{
	put(self, RECORD_HANDSHAKE, TICKET TICKET, 18);
	put(self, RECORD_HANDSHAKE, TICKET, 9);
	put_data(self, "data");
	put(self, RECORD_HANDSHAKE, TICKET, 9);
	expect_data(self, 0, "data");
	EXPECT_EQ(-EAGAIN, ktls_recv(self->session, self->fd[0], self->got, 100, MSG_DONTWAIT));
	put_data(self, "more");
	expect_data(self, 0, "more");
}

/* The part in the second record begins like a KeyUpdate, and comes when the caller has left. */
TEST_F(local, ticket_over_two_records)
{
	put(self, RECORD_HANDSHAKE, "\x04\x00\x00\x05h", 5);
	EXPECT_EQ(-EAGAIN, ktls_recv(self->session, self->fd[0], self->got, 100, MSG_DONTWAIT));
	put(self, RECORD_HANDSHAKE, "ello" TICKET, 13);
	put_data(self, "data");
	expect_data(self, 0, "data");
}

TEST_F(local, byte_by_byte)
{
	char byte;

	put(self, RECORD_HANDSHAKE, TICKET, 9);
	put_data(self, "ab");
	put(self, RECORD_HANDSHAKE, TICKET, 9);
	put_data(self, "c");
	put(self, RECORD_ALERT, "\1\0", 2);
	for (const char *c = "abc"; *c; c++) {
		ASSERT_EQ(1, ktls_recv(self->session, self->fd[0], &byte, 1, 0));
		EXPECT_EQ(*c, byte);
	}
	EXPECT_EQ(0, ktls_recv(self->session, self->fd[0], &byte, 1, 0));
	EXPECT_EQ(KTLS_R_PEER_CLOSE_NOTIFY, ktls_session_reason(self->session));
}

TEST_F(local, waiting_for_all)
{
	put_data(self, "abc");
	put(self, RECORD_HANDSHAKE, TICKET, 9);
	put_data(self, "def");
	put_data(self, "ghi");
	ASSERT_EQ(8, ktls_recv(self->session, self->fd[0], self->got, 8, MSG_WAITALL));
	EXPECT_MEMEQ("abcdefgh", self->got, 8);
	put(self, RECORD_ALERT, "\1\0", 2);
	ASSERT_EQ(1, ktls_recv(self->session, self->fd[0], self->got, 8, MSG_WAITALL));
	expect_end(self, 0, KTLS_R_PEER_CLOSE_NOTIFY, KTLS_ALERT_NONE);
}

TEST_F(local, empty_records)
{
	for (int i = 0; i < 32; i++)
		put(self, RECORD_APPLICATION_DATA, "", 0);
	put_data(self, "data");
	expect_data(self, 0, "data");
}

/* A call does not go on for ever; nothing is lost. */
TEST_F(local, very_many_records_without_data)
{
	ssize_t n = -EINTR;
	int calls = 0;

	for (int i = 0; i < 200; i++)
		put(self, RECORD_HANDSHAKE, TICKET, 9);
	put_data(self, "data");
	while (n == -EINTR && calls++ < 10)
		n = ktls_recv(self->session, self->fd[0], self->got, sizeof(self->got), 0);
	EXPECT_EQ(4, n);
	EXPECT_EQ(4, calls);
}

TEST_F(local, arguments)
{
	EXPECT_EQ(-EINVAL, ktls_recv(NULL, self->fd[0], self->got, 10, 0));
	EXPECT_EQ(-EINVAL, ktls_recv(self->session, self->fd[0], self->got, 10, MSG_PEEK));
	EXPECT_EQ(0, ktls_recv(self->session, self->fd[0], self->got, 0, 0));
	EXPECT_EQ(KTLS_OK, ktls_session_reason(self->session));
	EXPECT_EQ(-EBADF, ktls_recv(self->session, -1, self->got, 10, 0));
}

/* ---- how a stream ends otherwise ----------------------------------------------------------- */

TEST_F(local, truncated)
{
	put_data(self, "not all");
	shutdown(self->fd[1], SHUT_WR);
	expect_data(self, 0, "not all");
	expect_end(self, -EPROTO, KTLS_R_TRUNCATED, KTLS_ALERT_NONE);
	expect_silence(self);
}

TEST_F(local, truncated_in_a_record)
{
	size_t len = keyed_seal(&self->rx, RECORD_APPLICATION_DATA, "lost", 4, self->record);

	keyed_write(self->fd[1], self->record, len - 1);
	shutdown(self->fd[1], SHUT_WR);
	expect_end(self, -EPROTO, KTLS_R_TRUNCATED, KTLS_ALERT_NONE);
}

TEST_F(local, peers_alert)
{
	put(self, RECORD_ALERT, "\2\x2f", 2);
	expect_end(self, -EPROTO, KTLS_R_PEER_ALERT, KTLS_ALERT_ILLEGAL_PARAMETER);
	expect_silence(self);
}

TEST_F(local, key_update)
{
	put_data(self, "before");
	put(self, RECORD_HANDSHAKE, TICKET "\x18\x00\x00\x01\x00", 14);
	expect_data(self, 0, "before");
	expect_end(self, -EPROTO, KTLS_R_KEY_UPDATE_UNSUPPORTED, KTLS_ALERT_INTERNAL_ERROR);
	expect_alert(self, 2, KTLS_ALERT_INTERNAL_ERROR);
}

TEST_F(local, request_for_a_certificate)
{
	put(self, RECORD_HANDSHAKE, "\x0d\x00\x00\x00", 4);
	expect_end(self, -EPROTO, KTLS_R_MESSAGE_UNEXPECTED, KTLS_ALERT_UNEXPECTED_MESSAGE);
	expect_alert(self, 2, KTLS_ALERT_UNEXPECTED_MESSAGE);
}

TEST_F(local, record_that_does_not_decrypt)
{
	size_t len = keyed_seal(&self->rx, RECORD_APPLICATION_DATA, "data", 4, self->record);

	self->record[len - 1] ^= 1;
	keyed_write(self->fd[1], self->record, len);
	expect_end(self, -EPROTO, KTLS_R_RECORD_MAC, KTLS_ALERT_BAD_RECORD_MAC);
	expect_alert(self, 2, KTLS_ALERT_BAD_RECORD_MAC);
}

TEST_F(local, record_too_long)
{
	keyed_write(self->fd[1], "\x17\x03\x03\xff\xff", 5);
	expect_end(self, -EPROTO, KTLS_R_RECORD_TOO_LONG, KTLS_ALERT_RECORD_OVERFLOW);
	expect_alert(self, 2, KTLS_ALERT_RECORD_OVERFLOW);
}

TEST_F(local, no_tls_at_all)
{
	keyed_write(self->fd[1], "GET / HTTP/1.0\r\n\r\n", 18);
	ASSERT_EQ(-EPROTO, ktls_recv(self->session, self->fd[0], self->got, sizeof(self->got), 0));
	EXPECT_NE(KTLS_OK, ktls_session_reason(self->session));
	EXPECT_NE(KTLS_R_TRUNCATED, ktls_session_reason(self->session));
}

TEST_F(local, socket_without_keys)
{
	int plain[2];

	keyed_pair(plain);
	keyed_write(plain[1], "clear", 5);
	EXPECT_EQ(-ENOKEY, ktls_recv(self->session, plain[0], self->got, 10, 0));
	EXPECT_EQ(-ENOKEY, ktls_shutdown(NULL, plain[0]));
	EXPECT_EQ(-1, recv(plain[1], self->got, 1, MSG_DONTWAIT));
	close(plain[0]);
	close(plain[1]);
}

/* ---- recovering, for those who read by themselves ------------------------------------------ */

/* read() says EIO on a record that is no data; what is behind it is not touched. */
TEST_F(local, recover_from_a_ticket)
{
	put(self, RECORD_HANDSHAKE, TICKET TICKET, 18);
	put(self, RECORD_HANDSHAKE, TICKET, 9);
	put_data(self, "data");
	put(self, RECORD_ALERT, "\1\0", 2);
	ASSERT_EQ(-1, read(self->fd[0], self->got, 10));
	ASSERT_EQ(EIO, errno);
	EXPECT_EQ(1, ktls_recover(self->session, self->fd[0], EIO));
	EXPECT_EQ(1, ktls_recover(self->session, self->fd[0], EIO));
	ASSERT_EQ(4, read(self->fd[0], self->got, 10));
	EXPECT_MEMEQ("data", self->got, 4);
	ASSERT_EQ(-1, read(self->fd[0], self->got, 10));
	EXPECT_EQ(0, ktls_recover(self->session, self->fd[0], EIO));
	EXPECT_EQ(KTLS_R_PEER_CLOSE_NOTIFY, ktls_session_reason(self->session));
	EXPECT_EQ(0, ktls_recover(self->session, self->fd[0], EIO));
}

TEST_F(local, recover_when_nothing_is_wrong)
{
	EXPECT_EQ(1, ktls_recover(self->session, self->fd[0], EIO));
	EXPECT_EQ(-EAGAIN, ktls_recover(self->session, self->fd[0], EAGAIN));
	put_data(self, "data");
	EXPECT_EQ(1, ktls_recover(self->session, self->fd[0], EIO));
	EXPECT_EQ(-ECONNRESET, ktls_recover(self->session, self->fd[0], ECONNRESET));
	EXPECT_EQ(-EINVAL, ktls_recover(NULL, self->fd[0], EIO));
	expect_data(self, 0, "data");
}

TEST_F(local, recover_from_an_end)
{
	shutdown(self->fd[1], SHUT_WR);
	ASSERT_EQ(0, read(self->fd[0], self->got, 10));
	EXPECT_EQ(-EPROTO, ktls_recover(self->session, self->fd[0], 0));
	EXPECT_EQ(KTLS_R_TRUNCATED, ktls_session_reason(self->session));
}

/* An empty record, too, is a read() that says 0. */
TEST_F(local, recover_from_an_empty_record)
{
	put(self, RECORD_APPLICATION_DATA, "", 0);
	put(self, RECORD_HANDSHAKE, TICKET, 9);
	put_data(self, "data");
	EXPECT_EQ(1, ktls_recover(self->session, self->fd[0], 0));
	expect_data(self, 0, "data");
}

TEST_F(local, recover_from_a_broken_record)
{
	size_t len = keyed_seal(&self->rx, RECORD_APPLICATION_DATA, "data", 4, self->record);

	self->record[len - 1] ^= 1;
	keyed_write(self->fd[1], self->record, len);
	ASSERT_EQ(-1, read(self->fd[0], self->got, 10));
	ASSERT_EQ(EBADMSG, errno);
	EXPECT_EQ(-EPROTO, ktls_recover(self->session, self->fd[0], EBADMSG));
	EXPECT_EQ(KTLS_R_RECORD_MAC, ktls_session_reason(self->session));
	expect_alert(self, 2, KTLS_ALERT_BAD_RECORD_MAC);
}

TEST_F(local, recover_from_splice)
{
	int pipes[2];

	ASSERT_EQ(0, pipe(pipes));
	put(self, RECORD_HANDSHAKE, TICKET, 9);
	put_data(self, "data");
	ASSERT_EQ(-1, splice(self->fd[0], NULL, pipes[1], NULL, 100, 0));
	ASSERT_EQ(EINVAL, errno);
	EXPECT_EQ(1, ktls_recover(self->session, self->fd[0], EINVAL));
	ASSERT_EQ(4, splice(self->fd[0], NULL, pipes[1], NULL, 100, 0));
	keyed_write(self->fd[1], "GET / HTTP/1.0\r\n\r\n", 18);
	ASSERT_EQ(-1, read(self->fd[0], self->got, 10));
	EXPECT_EQ(-EPROTO, ktls_recover(self->session, self->fd[0], errno));
	close(pipes[0]);
	close(pipes[1]);
}

TEST_F(local, several_buffers)
{
	char a[3], b[4], c[50];
	struct iovec iov[] = { { a, 3 }, { NULL, 0 }, { b, 4 }, { c, sizeof(c) } };
	struct msghdr message = { .msg_iov = iov, .msg_iovlen = 4 };

	put(self, RECORD_HANDSHAKE, TICKET TICKET, 18);
	put_data(self, "abcdefghij");
	ASSERT_EQ(10, ktls_recvmsg(self->session, self->fd[0], &message, 0));
	EXPECT_MEMEQ("abc", a, 3);
	EXPECT_MEMEQ("defg", b, 4);
	EXPECT_MEMEQ("hij", c, 3);
	put_data(self, "klm");
	put(self, RECORD_HANDSHAKE, TICKET, 9);
	put_data(self, "nopq");
	message.msg_iovlen = 3;
	ASSERT_EQ(7, ktls_recvmsg(self->session, self->fd[0], &message, MSG_WAITALL));
	EXPECT_MEMEQ("klm", a, 3);
	EXPECT_MEMEQ("nopq", b, 4);
	message.msg_iovlen = UIO_MAXIOV + 1;
	EXPECT_EQ(-EMSGSIZE, ktls_recvmsg(self->session, self->fd[0], &message, 0));
}

/* ---- closing ------------------------------------------------------------------------------- */

static void expect_data_on_the_wire(struct test_self_local *self, const char *text)
{
	size_t len = keyed_read_record(self->fd[1], self->record);
	uint8_t type = 0;

	ASSERT_EQ(strlen(text), keyed_open(&self->tx, self->record, len, &type, self->content));
	EXPECT_EQ(RECORD_APPLICATION_DATA, type);
	EXPECT_MEMEQ(text, self->content, strlen(text));
}

TEST_F(local, shutdown_is_a_close_notify)
{
	keyed_write(self->fd[0], "data", 4);
	ASSERT_EQ(0, ktls_shutdown(self->session, self->fd[0]));
	expect_data_on_the_wire(self, "data");
	expect_alert(self, 1, KTLS_ALERT_CLOSE_NOTIFY);
	put_data(self, "still read");
	expect_data(self, 0, "still read");
}

TEST_F(local, shutdown_sends_what_more_left_open)
{
	ASSERT_EQ(4, send(self->fd[0], "open", 4, MSG_MORE));
	expect_silence(self);
	ASSERT_EQ(0, ktls_shutdown(self->session, self->fd[0]));
	expect_data_on_the_wire(self, "open");
	expect_alert(self, 1, KTLS_ALERT_CLOSE_NOTIFY);
}

TEST_F(local, shutdown_and_close)
{
	ASSERT_EQ(0, ktls_shutdown(self->session, self->fd[0]));
	close(self->fd[0]);
	self->fd[0] = -1;
	expect_alert(self, 1, KTLS_ALERT_CLOSE_NOTIFY);
	EXPECT_EQ(0, recv(self->fd[1], self->content, 1, 0));
}

/* Reads all records that are there; the last one's type is left in *type. */
static size_t drain(struct test_self_local *self, uint8_t *type)
{
	size_t total = 0;

	while (recv(self->fd[1], self->content, 5, MSG_PEEK | MSG_DONTWAIT) > 0) {
		size_t len = keyed_read_record(self->fd[1], self->record);
		ssize_t n = keyed_open(&self->tx, self->record, len, type, self->content);

		ASSERT_GE(n, 0);
		if (*type == RECORD_ALERT)
			break;
		total += (size_t)n;
	}
	return total;
}

TEST_F(local, shutdown_without_room)
{
	static uint8_t bulk[16384];
	size_t sent = 0, seen = 0;
	uint8_t type = 0;
	ssize_t n;
	int ret;

	fcntl(self->fd[0], F_SETFL, O_NONBLOCK);
	for (n = 0; n >= 0; n = send(self->fd[0], bulk, sizeof(bulk), 0))
		sent += (size_t)n;
	ASSERT_EQ(EAGAIN, errno);
	ASSERT_GT(sent, 0);
	ret = ktls_shutdown(self->session, self->fd[0]);
	EXPECT_EQ(-EAGAIN, ret);
	for (int i = 0; i < 1000 && type != RECORD_ALERT; i++) {
		seen += drain(self, &type);
		if (ret == -EAGAIN)
			ret = ktls_shutdown(self->session, self->fd[0]);
		usleep(1000);
	}
	EXPECT_EQ(0, ret);
	EXPECT_EQ(RECORD_ALERT, type);
	EXPECT_EQ(sent, seen);
}

TEST_F(local, shutdown_of_a_connection_that_is_gone)
{
	struct linger now = { .l_onoff = 1 };
	int ret = 0;

	setsockopt(self->fd[1], SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(self->fd[1]);
	self->fd[1] = -1;
	ret = ktls_shutdown(self->session, self->fd[0]);
	EXPECT_TRUE(ret == -EPIPE || ret == -ECONNRESET);
}

TEST_HARNESS_MAIN
