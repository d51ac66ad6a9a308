/* SPDX-License-Identifier: MIT */
/*
 * An application's calls on a relayed descriptor: those that tests/kernel/selftest_*.c make on a
 * kernel TLS socket, as far as a relay has a part in them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "tests/unit/relay_pair.h"

#define MUCH (300 * 1024)

FIXTURE(calls)
{
	struct relay_pair pair;
	int client, server;
	uint8_t bytes[MUCH], got[MUCH];
};

FIXTURE_VARIANT(calls)
{
	uint16_t version, suite;
};

FIXTURE_VARIANT_ADD(calls, tls13_aes_128){ KTLS_TLS_1_3, KTLS_AES_128_GCM_SHA256 };
FIXTURE_VARIANT_ADD(calls, tls12_aes_256){ KTLS_TLS_1_2, KTLS_ECDHE_RSA_AES_256_GCM_SHA384 };

FIXTURE_SETUP(calls)
{
	relay_pair_open(&self->pair, variant->version, variant->suite, (uint64_t[2]){ 0, 0 });
	self->client = self->pair.application[0];
	self->server = self->pair.application[1];
	for (size_t i = 0; i < MUCH; i++)
		self->bytes[i] = (uint8_t)(i * 31 + i / 256);
}

FIXTURE_TEARDOWN(calls)
{
	relay_pair_wipe(&self->pair);
}

static void send_all(int fd, const uint8_t *bytes, size_t len)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = send(fd, bytes + at, len - at, MSG_NOSIGNAL);

		ASSERT_GT(n, 0);
		at += (size_t)n;
	}
}

static void expect_all(struct test_self_calls *self, int fd, const uint8_t *bytes, size_t len)
{
	ASSERT_LE(len, MUCH);
	for (size_t at = 0; at < len;) {
		ssize_t n = recv(fd, self->got + at, len - at, 0);

		ASSERT_GT(n, 0);
		at += (size_t)n;
	}
	EXPECT_MEMEQ(bytes, self->got, len);
}

static bool readable(int fd, int ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, ms) == 1 && (pfd.revents & POLLIN);
}

/* ---- sending --------------------------------------------------------------------------------- */

TEST_F(calls, files_in_pieces_of_any_size)
{
	static const size_t pieces[] = { 1, 4095, 4096, 16383, 16384, 65536 };
	FILE *file = tmpfile();

	ASSERT_NOT_NULL(file);
	ASSERT_EQ(MUCH, fwrite(self->bytes, 1, MUCH, file));
	ASSERT_EQ(0, fflush(file));
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		size_t len = pieces[i] == 1 ? 5 : 60000;
		off_t at = 0;

		while ((size_t)at < len)
			ASSERT_GT(sendfile(self->server, fileno(file), &at,
					   len - (size_t)at < pieces[i] ? len - (size_t)at
									: pieces[i]),
				  0);
		expect_all(self, self->client, self->bytes, len);
	}
	fclose(file);
}

/* MSG_MORE delays nothing for ever: a relay does not know of it. */
TEST_F(calls, more_is_to_come)
{
	ASSERT_EQ(4, send(self->server, self->bytes, 4, MSG_MORE));
	expect_all(self, self->client, self->bytes, 4);
	ASSERT_EQ(4, send(self->server, self->bytes + 4, 4, 0));
	expect_all(self, self->client, self->bytes + 4, 4);
}

TEST_F(calls, one_message_of_many_pieces)
{
	struct iovec iov[1000];
	size_t at = 0;

	for (size_t i = 0; i < 1000; i++) {
		size_t len = i % 7 == 0 ? 0 : i % 61 + 1;

		iov[i] = (struct iovec){ self->bytes + at, len };
		at += len;
	}
	ASSERT_EQ(at, writev(self->server, iov, 1000));
	expect_all(self, self->client, self->bytes, at);
}

/* A reader that does not come: the writer is told, and nothing is lost. */
TEST_F(calls, a_full_buffer_takes_up_where_it_ended)
{
	uint8_t *all = malloc(32 << 20);
	size_t sent = 0;

	ASSERT_NOT_NULL(all);
	for (size_t i = 0; i < (32 << 20); i++)
		all[i] = self->bytes[i % MUCH];
	for (int idle = 0; idle < 20;) {
		ssize_t n = send(self->server, all + sent, 60000, MSG_DONTWAIT | MSG_NOSIGNAL);

		ASSERT_LT(sent, (32 << 20) - 60000);
		if (n > 0) {
			sent += (size_t)n;
			idle = 0;
			continue;
		}
		ASSERT_EQ(EAGAIN, errno);
		idle++;
		usleep(10000);
	}
	for (size_t at = 0; at < sent; at += MUCH)
		expect_all(self, self->client, self->bytes, sent - at < MUCH ? sent - at : MUCH);
	EXPECT_EQ(-1, recv(self->client, self->got, 1, MSG_DONTWAIT));
	free(all);
}

/* ---- receiving ------------------------------------------------------------------------------- */

TEST_F(calls, one_byte_at_a_time)
{
	send_all(self->server, self->bytes, 300);
	for (size_t i = 0; i < 300; i++)
		ASSERT_EQ(1, recv(self->client, self->got + i, 1, 0));
	EXPECT_MEMEQ(self->bytes, self->got, 300);
	EXPECT_EQ(-1, recv(self->client, self->got, 1, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
}

TEST_F(calls, all_that_is_wanted_is_waited_for)
{
	send_all(self->server, self->bytes, 100);
	send_all(self->server, self->bytes + 100, 40000);
	EXPECT_EQ(40100, recv(self->client, self->got, 40100, MSG_WAITALL));
	EXPECT_MEMEQ(self->bytes, self->got, 40100);
}

TEST_F(calls, a_look_takes_nothing)
{
	send_all(self->server, self->bytes, 50);
	EXPECT_EQ(20, recv(self->client, self->got, 20, MSG_PEEK | MSG_WAITALL));
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(50, recv(self->client, self->got, 100, MSG_PEEK));
		EXPECT_MEMEQ(self->bytes, self->got, 50);
	}
	expect_all(self, self->client, self->bytes, 50);
}

TEST_F(calls, a_pipe_that_is_too_small)
{
	int pipes[2];

	ASSERT_EQ(0, pipe(pipes));
	ASSERT_GE(fcntl(pipes[1], F_SETPIPE_SZ, 4096), 4096);
	send_all(self->server, self->bytes, 40000);
	for (size_t at = 0; at < 40000;) {
		ssize_t n = splice(self->client, NULL, pipes[1], NULL, 40000 - at, 0);

		ASSERT_GT(n, 0);
		ASSERT_EQ(n, read(pipes[0], self->got, (size_t)n));
		ASSERT_MEMEQ(self->bytes + at, self->got, (size_t)n);
		at += (size_t)n;
	}
	close(pipes[0]);
	close(pipes[1]);
}

TEST_F(calls, poll_and_epoll)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(0);

	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, self->client, &event));
	EXPECT_FALSE(readable(self->client, 0));
	EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 20));
	send_all(self->server, self->bytes, 100);
	EXPECT_TRUE(readable(self->client, 5000));
	EXPECT_EQ(1, epoll_wait(epoll, &event, 1, 5000));
	expect_all(self, self->client, self->bytes, 100);
	EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 20));
	ASSERT_EQ(0, shutdown(self->server, SHUT_WR));
	EXPECT_EQ(1, epoll_wait(epoll, &event, 1, 5000));
	EXPECT_EQ(0, recv(self->client, self->got, 1, 0));
	close(epoll);
}

/* ---- several processes ----------------------------------------------------------------------- */

#define WRITERS  4
#define MESSAGES 500
#define MESSAGE  100

/* A message is one call: a writer's number and a count, over and over. */
static void write_messages(int fd, unsigned int writer)
{
	uint8_t message[MESSAGE];

	for (unsigned int i = 0; i < MESSAGES; i++) {
		memset(message, (int)(writer + 1), sizeof(message));
		message[0] = (uint8_t)writer;
		message[1] = (uint8_t)i;
		send_all(fd, message, sizeof(message));
	}
}

TEST_F(calls, many_write_one_reads)
{
	unsigned int counts[WRITERS] = { 0 };
	pid_t pids[WRITERS];
	int status;

	for (unsigned int w = 0; w < WRITERS; w++) {
		pids[w] = fork();
		ASSERT_GE(pids[w], 0);
		if (pids[w] == 0) {
			write_messages(self->server, w);
			_exit(0);
		}
	}
	for (int i = 0; i < WRITERS * MESSAGES; i++) {
		uint8_t message[MESSAGE], want[MESSAGE];

		ASSERT_EQ(MESSAGE, recv(self->client, message, MESSAGE, MSG_WAITALL));
		ASSERT_LT(message[0], WRITERS);
		memset(want, message[0] + 1, sizeof(want));
		EXPECT_MEMEQ(want + 2, message + 2, MESSAGE - 2);
		EXPECT_EQ((uint8_t)counts[message[0]]++, message[1]);
	}
	for (int w = 0; w < WRITERS; w++) {
		ASSERT_EQ(pids[w], waitpid(pids[w], &status, 0));
		EXPECT_EQ(0, status);
	}
}

/* ---- the end --------------------------------------------------------------------------------- */

TEST_F(calls, shutdown_for_sending)
{
	send_all(self->server, self->bytes, 1000);
	ASSERT_EQ(0, shutdown(self->server, SHUT_WR));
	expect_all(self, self->client, self->bytes, 1000);
	EXPECT_EQ(0, recv(self->client, self->got, 1, 0));
	EXPECT_EQ(-1, send(self->server, "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(EPIPE, errno);
	/* The other direction lives on. */
	send_all(self->client, self->bytes, 2000);
	expect_all(self, self->server, self->bytes, 2000);
}

TEST_F(calls, close_with_much_under_way)
{
	send_all(self->server, self->bytes, MUCH);
	relay_pair_close_end(&self->pair, 1);
	expect_all(self, self->client, self->bytes, MUCH);
	EXPECT_EQ(0, recv(self->client, self->got, 1, 0));
	relay_pair_finish(&self->pair);
	EXPECT_STREQ("OK", ktls_reason_name((int)self->pair.ends[0].reason));
}

/* Nobody reads what is sent any more: the writer learns of it, and nothing hangs. */
TEST_F(calls, the_peer_is_gone)
{
	relay_pair_close_end(&self->pair, 1);
	for (int i = 0; i < 1000; i++) {
		if (send(self->client, self->bytes, 60000, MSG_NOSIGNAL) < 0)
			break;
		usleep(1000);
	}
	EXPECT_TRUE(errno == EPIPE || errno == ECONNRESET);
	relay_pair_finish(&self->pair);
}

TEST_HARNESS_MAIN
