/* SPDX-License-Identifier: MIT */
/*
 * Control records between data, and how a connection behind a real handshake ends: shutdown(),
 * close(), what is unsent then, and what the socket is good for afterwards.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/ktls/kernel.h"
#include "tests/harness/tls_pair.h"

FIXTURE(ends)
{
	struct tls_pair pair;
	int client, server;
};

FIXTURE_VARIANT(ends)
{
	struct tls_pair_spec spec;
};

TLS_PAIR_SUITES(ends)

FIXTURE_SETUP(ends)
{
	tls_pair_open(&self->pair, &variant->spec, CLIENT_BY_KERNEL);
	self->client = self->pair.fd[CLIENT];
	self->server = self->pair.fd[SERVER];
}

FIXTURE_TEARDOWN(ends)
{
	tls_pair_close(&self->pair);
}

static void close_server(struct test_self_ends *self)
{
	close(self->server);
	self->pair.fd[SERVER] = -1;
}

static void expect_record(int fd, uint8_t type, const char *bytes, size_t len)
{
	uint8_t got[256], got_type = 0;

	ASSERT_EQ(len, kernel_record_recv(fd, got, sizeof(got), 0, &got_type));
	EXPECT_EQ(type, got_type);
	EXPECT_MEMEQ(bytes, got, len);
}

static void send_record(int fd, uint8_t type, const char *bytes, size_t len)
{
	ASSERT_EQ(len, kernel_record_send(fd, type, bytes, len, 0));
}

static void expect_end(int fd)
{
	uint8_t byte, type;

	EXPECT_EQ(-ENODATA, kernel_record_recv(fd, &byte, 1, 0, &type));
	EXPECT_EQ(0, recv(fd, &byte, 1, 0));
}

/* ---- control records ------------------------------------------------------------------------- */

TEST_F(ends, control_between_data)
{
	if (!self->pair.ready)
		return;
	keyed_write(self->server, "before", 6);
	send_record(self->server, RECORD_HANDSHAKE, "ticket", 6);
	keyed_write(self->server, "after", 5);
	expect_record(self->client, RECORD_APPLICATION_DATA, "before", 6);
	tls_pair_expect_error(self->client, 0, EIO);
	expect_record(self->client, RECORD_HANDSHAKE, "ticket", 6);
	tls_pair_expect(self->client, "after", 5);
}

/* Data in two records is one read; control records are never put together. */
TEST_F(ends, control_records_are_told_apart)
{
	if (!self->pair.ready)
		return;
	send_record(self->server, RECORD_HANDSHAKE, "first", 5);
	send_record(self->server, RECORD_HANDSHAKE, "second", 6);
	send_record(self->server, RECORD_ALERT, "\1\0", 2);
	usleep((useconds_t)tls_pair_while() * 1000);
	expect_record(self->client, RECORD_HANDSHAKE, "first", 5);
	expect_record(self->client, RECORD_HANDSHAKE, "second", 6);
	expect_record(self->client, RECORD_ALERT, "\1\0", 2);
	keyed_write(self->server, "one", 3);
	keyed_write(self->server, "two", 3);
	usleep((useconds_t)tls_pair_while() * 1000);
	expect_record(self->client, RECORD_APPLICATION_DATA, "onetwo", 6);
}

/* Types that mean nothing are carried like others: it is the reader who refuses them. */
TEST_F(ends, any_type_is_carried)
{
	static const uint8_t types[] = { 1, 20, 21, 22, 24, 100, 255 };

	if (!self->pair.ready)
		return;
	for (size_t i = 0; i < sizeof(types); i++) {
		send_record(self->client, types[i], "?", 1);
		expect_record(self->server, types[i], "?", 1);
	}
}

TEST_F(ends, a_long_control_record)
{
	uint8_t bytes[16384], got[16384], type = 0;
	size_t at = 0;

	if (!self->pair.ready)
		return;
	tls_pair_fill(bytes, sizeof(bytes), 1);
	ASSERT_EQ(sizeof(bytes),
		  kernel_record_send(self->server, RECORD_HANDSHAKE, bytes, sizeof(bytes), 0));
	while (at < sizeof(bytes)) {
		ssize_t n = kernel_record_recv(self->client, got + at,
					       5000 < sizeof(got) - at ? 5000 : sizeof(got) - at, 0,
					       &type);

		ASSERT_GT(n, 0);
		EXPECT_EQ(RECORD_HANDSHAKE, type);
		at += (size_t)n;
	}
	EXPECT_MEMEQ(bytes, got, sizeof(bytes));
}

/* ---- shutdown and close ---------------------------------------------------------------------- */

/*
 * Nothing can be sent any more, but send() need not say so: records are made and kept, though TCP
 * refuses them, until TCP's memory is short. So a program that only writes does not go on after the
 * first error, and asks poll() where somebody else may have got that.
 */
static void expect_no_more_is_sent(int fd)
{
	ssize_t n = send(fd, "x", 1, MSG_NOSIGNAL);

	if (n < 0)
		EXPECT_EQ(EPIPE, errno);
	else
		EXPECT_EQ(1, n);
}

static void expect_hung_up(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };

	ASSERT_EQ(1, poll(&pfd, 1, 5000));
	EXPECT_TRUE(pfd.revents & (POLLHUP | POLLERR));
	expect_no_more_is_sent(fd);
}

TEST_F(ends, shutdown_for_sending)
{
	if (!self->pair.ready)
		return;
	keyed_write(self->server, "last", 4);
	ASSERT_EQ(0, shutdown(self->server, SHUT_WR));
	tls_pair_expect(self->client, "last", 4);
	expect_end(self->client);
	expect_no_more_is_sent(self->server);
	/* The other direction lives on. */
	keyed_write(self->client, "answer", 6);
	tls_pair_expect(self->server, "answer", 6);
}

TEST_F(ends, shutdown_for_receiving)
{
	if (!self->pair.ready)
		return;
	keyed_write(self->client, "there", 5);
	EXPECT_TRUE(tls_pair_readable(self->server, 5000));
	ASSERT_EQ(0, shutdown(self->server, SHUT_RD));
	tls_pair_expect(self->server, "there", 5);
	expect_end(self->server);
	keyed_write(self->server, "sent", 4);
	tls_pair_expect(self->client, "sent", 4);
}

TEST_F(ends, both_shut_down)
{
	if (!self->pair.ready)
		return;
	keyed_write(self->server, "a", 1);
	ASSERT_EQ(0, shutdown(self->server, SHUT_RDWR));
	tls_pair_expect(self->client, "a", 1);
	expect_end(self->client);
	ASSERT_EQ(0, shutdown(self->client, SHUT_RDWR));
	expect_end(self->server);
}

/* What MSG_MORE left open: shutdown() does not send it, nor close(); nor do they hang. */
TEST_F(ends, shutdown_with_an_open_record)
{
	if (!self->pair.ready)
		return;
	keyed_write(self->server, "sent", 4);
	ASSERT_EQ(4, send(self->server, "open", 4, MSG_MORE));
	ASSERT_EQ(0, shutdown(self->server, SHUT_RDWR));
	close_server(self);
	tls_pair_expect(self->client, "sent", 4);
	expect_end(self->client);
}

/* close_notify sends it, and then close() may come at once. */
TEST_F(ends, close_notify_behind_an_open_record)
{
	if (!self->pair.ready)
		return;
	ASSERT_EQ(4, send(self->server, "open", 4, MSG_MORE));
	send_record(self->server, RECORD_ALERT, "\1\0", 2);
	close_server(self);
	expect_record(self->client, RECORD_APPLICATION_DATA, "open", 4);
	expect_record(self->client, RECORD_ALERT, "\1\0", 2);
	expect_end(self->client);
}

/* A megabyte that is with TCP when close() comes arrives, and close_notify behind it. */
TEST_F(ends, close_with_much_under_way)
{
	uint8_t bytes[16384], got[16384], type = 0;
	size_t sent = 0, received = 0;
	ssize_t n;

	if (!self->pair.ready)
		return;
	tls_pair_fill(bytes, sizeof(bytes), 9);
	while (sent < 64 * sizeof(bytes) &&
	       send(self->server, bytes, sizeof(bytes), MSG_DONTWAIT) == sizeof(bytes))
		sent += sizeof(bytes);
	EXPECT_GT(sent, 0);
	/* There may be no room for it without waiting. */
	ASSERT_EQ(0, fcntl(self->server, F_GETFL) & O_NONBLOCK);
	while (received < sent / 2) {
		n = kernel_record_recv(self->client, got, sizeof(got), 0, &type);
		ASSERT_GT(n, 0);
		received += (size_t)n;
	}
	send_record(self->server, RECORD_ALERT, "\1\0", 2);
	close_server(self);
	while ((n = kernel_record_recv(self->client, got, sizeof(got), 0, &type)) > 0 &&
	       type == RECORD_APPLICATION_DATA)
		received += (size_t)n;
	EXPECT_EQ(sent, received);
	EXPECT_EQ(2, n);
	EXPECT_EQ(RECORD_ALERT, type);
}

/* Unread bytes at close() are a reset for the peer, as on TCP: why one reads to the end first. */
TEST_F(ends, close_before_all_was_read)
{
	if (!self->pair.ready)
		return;
	keyed_write(self->client, "never read", 10);
	EXPECT_TRUE(tls_pair_readable(self->server, 5000));
	close_server(self);
	usleep((useconds_t)tls_pair_while() * 1000);
	tls_pair_expect_error(self->client, 0, ECONNRESET);
	expect_hung_up(self->client);
}

TEST_F(ends, a_reset_is_no_end)
{
	if (!self->pair.ready)
		return;
	close_by_reset(self->server);
	self->pair.fd[SERVER] = -1;
	usleep((useconds_t)tls_pair_while() * 1000);
	tls_pair_expect_error(self->client, 0, ECONNRESET);
}

/* A socket that had keys is no listener and no client afterwards, and says so. */
TEST_F(ends, no_second_life)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	if (!self->pair.ready)
		return;
	ASSERT_EQ(0, shutdown(self->server, SHUT_RDWR));
	ASSERT_EQ(0, shutdown(self->client, SHUT_RDWR));
	usleep((useconds_t)tls_pair_while() * 1000);
	EXPECT_EQ(-1, listen(self->server, 10));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, connect(self->server, &none, sizeof(none)));
	expect_hung_up(self->server);
}

int main(int argc, char **argv)
{
	return tls_pair_main(argc, argv);
}
