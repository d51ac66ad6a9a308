/* SPDX-License-Identifier: MIT */
/* splice() into and out of a kernel TLS socket behind a real handshake. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/ktls/kernel.h"
#include "tests/harness/tls_pair.h"

#define RECORD 16384
#define MOST   (3 * RECORD)

FIXTURE(splice)
{
	struct tls_pair pair;
	int fd;      /* the kernel's end */
	int pipe[2]; /* read, write */
	uint8_t bytes[MOST];
};

FIXTURE_VARIANT(splice)
{
	struct tls_pair_spec spec;
};

TLS_PAIR_SUITES(splice)

FIXTURE_SETUP(splice)
{
	tls_pair_open(&self->pair, &variant->spec, CLIENT_BY_HAND);
	self->fd = self->pair.fd[SERVER];
	ASSERT_EQ(0, pipe(self->pipe));
	tls_pair_fill(self->bytes, sizeof(self->bytes), 3);
}

FIXTURE_TEARDOWN(splice)
{
	close(self->pipe[0]);
	close(self->pipe[1]);
	tls_pair_close(&self->pair);
}

/* ---- in -------------------------------------------------------------------------------------- */

static void in(struct test_self_splice *self, size_t len, unsigned int flags)
{
	while (len > 0) {
		ssize_t n = splice(self->pipe[0], NULL, self->fd, NULL, len, flags);

		ASSERT_GT(n, 0);
		len -= (size_t)n;
	}
}

TEST_F(splice, a_pipe_into_the_socket)
{
	if (!self->pair.ready)
		return;
	ASSERT_EQ(MOST, write(self->pipe[1], self->bytes, MOST));
	in(self, MOST, 0);
	hand_expect_data(&self->pair, self->bytes, MOST);
}

TEST_F(splice, two_pipefuls)
{
	if (!self->pair.ready)
		return;
	ASSERT_EQ(16000, write(self->pipe[1], self->bytes, 16000));
	in(self, 16000, 0);
	ASSERT_EQ(8000, write(self->pipe[1], self->bytes + 16000, 8000));
	in(self, 8000, 0);
	EXPECT_EQ(2, hand_expect_data(&self->pair, self->bytes, 24000));
}

/*
 * Pieces with SPLICE_F_MORE go into one record. Linux before 6.5 makes each a record of its own: it
 * can neither MSG_EOR, nor poll() for whole records.
 */
TEST_F(splice, more_is_to_come)
{
	if (!self->pair.ready)
		return;
	ASSERT_EQ(10000, write(self->pipe[1], self->bytes, 10000));
	for (int i = 0; i < 9; i++)
		ASSERT_EQ(1000, splice(self->pipe[0], NULL, self->fd, NULL, 1000, SPLICE_F_MORE));
	if (tls_pair_kernel.poll == 0)
		hand_expect_nothing(&self->pair);
	ASSERT_EQ(1000, splice(self->pipe[0], NULL, self->fd, NULL, 1000, 0));
	EXPECT_EQ(tls_pair_kernel.poll == 0 ? 1 : 10,
		  hand_expect_data(&self->pair, self->bytes, 10000));
}

TEST_F(splice, behind_a_send)
{
	if (!self->pair.ready)
		return;
	ASSERT_EQ(100, send(self->fd, self->bytes, 100, 0));
	ASSERT_EQ(5000, write(self->pipe[1], self->bytes + 100, 5000));
	in(self, 5000, 0);
	EXPECT_EQ(2, hand_expect_data(&self->pair, self->bytes, 5100));
	ASSERT_EQ(100, send(self->fd, self->bytes, 100, MSG_MORE));
	ASSERT_EQ(5000, write(self->pipe[1], self->bytes + 100, 5000));
	in(self, 5000, 0);
	EXPECT_EQ(1, hand_expect_data(&self->pair, self->bytes, 5100));
}

/* What is spliced finds the open record all but full, or full. */
TEST_F(splice, at_the_end_of_a_record)
{
	if (!self->pair.ready)
		return;
	for (size_t room = 0; room < 3; room++) {
		ASSERT_EQ(RECORD - room, send(self->fd, self->bytes, RECORD - room, MSG_MORE));
		ASSERT_EQ(3000, write(self->pipe[1], self->bytes + RECORD - room, 3000));
		in(self, 3000, 0);
		EXPECT_EQ(2, hand_expect_data(&self->pair, self->bytes, RECORD - room + 3000));
	}
	hand_expect_nothing(&self->pair);
}

/* One page in many pieces: more than there are places for in a buffer of the network's. */
TEST_F(splice, many_pieces_in_one_record)
{
	if (!self->pair.ready)
		return;
	for (size_t at = 0; at < 600; at += 100) {
		for (size_t i = 0; i < 10; i++)
			ASSERT_EQ(10, write(self->pipe[1], self->bytes + at + i * 10, 10));
		for (size_t i = 0; i < 10; i++)
			ASSERT_EQ(10, splice(self->pipe[0], NULL, self->fd, NULL, 10,
					     at + i * 10 < 590 ? SPLICE_F_MORE : 0));
	}
	hand_expect_data(&self->pair, self->bytes, 600);
}

/* ---- out ------------------------------------------------------------------------------------- */

static void expect_in_pipe(struct test_self_splice *self, const void *bytes, size_t len)
{
	uint8_t got[MOST];

	ASSERT_EQ(len, read(self->pipe[0], got, len));
	EXPECT_MEMEQ(bytes, got, len);
}

static ssize_t out(struct test_self_splice *self, size_t len, unsigned int flags)
{
	return splice(self->fd, NULL, self->pipe[1], NULL, len, flags);
}

static void data(struct test_self_splice *self, size_t at, size_t len)
{
	hand_send(&self->pair, RECORD_APPLICATION_DATA, self->bytes + at, len);
}

/* Whole records: the pipe has room for each. */
TEST_F(splice, the_socket_into_a_pipe)
{
	if (!self->pair.ready)
		return;
	for (size_t at = 0; at < MOST; at += RECORD) {
		data(self, at, RECORD);
		for (size_t got = 0; got < RECORD;) {
			ssize_t n = out(self, RECORD - got, 0);

			ASSERT_GT(n, 0);
			expect_in_pipe(self, self->bytes + at + got, (size_t)n);
			got += (size_t)n;
		}
	}
}

TEST_F(splice, nothing_there_and_the_end)
{
	if (!self->pair.ready)
		return;
	EXPECT_EQ(-1, out(self, 100, SPLICE_F_NONBLOCK));
	EXPECT_EQ(EAGAIN, errno);
	data(self, 0, 100);
	EXPECT_EQ(100, out(self, 4096, 0));
	expect_in_pipe(self, self->bytes, 100);
	ASSERT_EQ(0, shutdown(self->pair.fd[CLIENT], SHUT_WR));
	EXPECT_EQ(0, out(self, 100, 0));
}

/* A control record stops it; it stays the first in line, for who can take it. */
TEST_F(splice, a_control_record_stops_it)
{
	uint8_t got[16], type = 0;

	if (!self->pair.ready)
		return;
	data(self, 0, 100);
	hand_send(&self->pair, RECORD_HANDSHAKE, "ticket", 6);
	data(self, 100, 200);
	EXPECT_EQ(100, out(self, RECORD, 0));
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(-1, out(self, RECORD, 0));
		EXPECT_EQ(EINVAL, errno);
	}
	EXPECT_EQ(6, kernel_record_recv(self->fd, got, sizeof(got), 0, &type));
	EXPECT_EQ(RECORD_HANDSHAKE, type);
	EXPECT_EQ(200, out(self, RECORD, 0));
	expect_in_pipe(self, self->bytes, 300);
}

/* The same where it was decrypted before, by a look at it. */
TEST_F(splice, a_control_record_that_was_seen_stops_it)
{
	uint8_t got[16], type = 0;

	if (!self->pair.ready)
		return;
	hand_send(&self->pair, RECORD_ALERT, "\1\0", 2);
	EXPECT_EQ(2, kernel_record_recv(self->fd, got, sizeof(got), MSG_PEEK, &type));
	EXPECT_EQ(RECORD_ALERT, type);
	EXPECT_EQ(-1, out(self, RECORD, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(2, kernel_record_recv(self->fd, got, sizeof(got), 0, &type));
	data(self, 0, 50);
	EXPECT_EQ(50, out(self, RECORD, 0));
	expect_in_pipe(self, self->bytes, 50);
}

TEST_F(splice, behind_a_recv)
{
	if (!self->pair.ready)
		return;
	data(self, 0, 10000);
	tls_pair_expect(self->fd, self->bytes, 4000);
	for (size_t got = 4000; got < 10000;) {
		ssize_t n = out(self, 10000, 0);

		ASSERT_GT(n, 0);
		expect_in_pipe(self, self->bytes + got, (size_t)n);
		got += (size_t)n;
	}
}

TEST_F(splice, behind_a_look)
{
	uint8_t got[5000];

	if (!self->pair.ready)
		return;
	data(self, 0, 5000);
	ASSERT_EQ(5000, recv(self->fd, got, sizeof(got), MSG_PEEK));
	EXPECT_MEMEQ(self->bytes, got, 5000);
	EXPECT_EQ(5000, out(self, RECORD, 0));
	expect_in_pipe(self, self->bytes, 5000);
	tls_pair_expect_error(self->fd, MSG_DONTWAIT, EAGAIN);
}

/* Less than a record is wanted: the rest is there afterwards. */
TEST_F(splice, a_part_of_a_record)
{
	if (!self->pair.ready)
		return;
	data(self, 0, 3000);
	EXPECT_EQ(1000, out(self, 1000, 0));
	expect_in_pipe(self, self->bytes, 1000);
	tls_pair_expect(self->fd, self->bytes + 1000, 500);
	EXPECT_EQ(1500, out(self, RECORD, 0));
	expect_in_pipe(self, self->bytes + 1500, 1500);
}

/*
 * A pipe that has less room than the record is long. Linux 6.12 throws away what did not fit:
 * splice() says how much went into the pipe, and the rest of what was asked for is gone. The probe
 * says so.
 */
TEST_F(splice, a_pipe_that_is_too_small)
{
	size_t got = 0;
	ssize_t n;

	if (!self->pair.ready)
		return;
	ASSERT_GE(fcntl(self->pipe[1], F_SETPIPE_SZ, 4096), 4096);
	data(self, 0, RECORD);
	hand_send(&self->pair, RECORD_ALERT, "\1\0", 2); /* so that no call blocks */
	while ((n = out(self, RECORD, SPLICE_F_NONBLOCK)) > 0) {
		TH_LOG("%zd bytes", n);
		expect_in_pipe(self, self->bytes + got, (size_t)n);
		got += (size_t)n;
	}
	EXPECT_EQ(EINVAL, errno); /* the alert is next, all else is gone */
	TH_LOG("%zu of %d bytes came out of a short pipe", got, RECORD);
	if (tls_pair_kernel.splice == 0)
		EXPECT_EQ(RECORD, got);
	else
		EXPECT_LT(got, RECORD);
}

int main(int argc, char **argv)
{
	return tls_pair_main(argc, argv);
}
