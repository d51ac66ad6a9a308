/* SPDX-License-Identifier: MIT */
/*
 * What the kernel makes of send(), sendmsg() and sendfile() behind a real handshake: each record is
 * taken off the wire and opened by hand, so that their number, lengths and order show.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/ktls/kernel.h"
#include "lib/ktls/uapi.h"
#include "tests/harness/tls_pair.h"

#define RECORD 16384
#define MOST   (5 * RECORD)

FIXTURE(tx)
{
	struct tls_pair pair;
	int fd; /* the kernel's end */
	uint8_t bytes[MOST];
};

FIXTURE_VARIANT(tx)
{
	struct tls_pair_spec spec;
};

TLS_PAIR_SUITES(tx)

FIXTURE_SETUP(tx)
{
	tls_pair_open(&self->pair, &variant->spec, CLIENT_BY_HAND);
	self->fd = self->pair.fd[SERVER];
	tls_pair_fill(self->bytes, sizeof(self->bytes), 7);
}

FIXTURE_TEARDOWN(tx)
{
	tls_pair_close(&self->pair);
}

static void expect_data(struct test_self_tx *self, const void *bytes, size_t len)
{
	hand_expect(&self->pair, RECORD_APPLICATION_DATA, bytes, len);
}

/* The first len of self->bytes in a file. */
static int file_of(struct test_self_tx *self, size_t len)
{
	FILE *file = tmpfile();
	int fd;

	ASSERT_NOT_NULL(file);
	ASSERT_EQ(len, fwrite(self->bytes, 1, len, file));
	ASSERT_EQ(0, fflush(file));
	fd = dup(fileno(file));
	fclose(file);
	ASSERT_EQ(0, lseek(fd, 0, SEEK_SET));
	return fd;
}

/* ---- sendfile -------------------------------------------------------------------------------- */

TEST_F(tx, a_file)
{
	int file;
	off_t at = 0;

	if (!self->pair.ready)
		return;
	file = file_of(self, MOST);
	ASSERT_EQ(MOST, sendfile(self->fd, file, &at, MOST));
	EXPECT_EQ(MOST, at);
	EXPECT_GE(hand_expect_data(&self->pair, self->bytes, MOST), MOST / RECORD);
	EXPECT_EQ(0, sendfile(self->fd, file, &at, 1));
	hand_expect_nothing(&self->pair);
	close(file);
}

TEST_F(tx, a_header_and_a_file)
{
	int file;
	off_t at = 0;

	if (!self->pair.ready)
		return;
	file = file_of(self, 20000);
	ASSERT_EQ(6, send(self->fd, "header", 6, 0));
	ASSERT_EQ(20000, sendfile(self->fd, file, &at, 20000));
	expect_data(self, "header", 6);
	hand_expect_data(&self->pair, self->bytes, 20000);
	/* The header waits for the file, which goes on in its record. */
	at = 0;
	ASSERT_EQ(6, send(self->fd, "header", 6, MSG_MORE));
	ASSERT_EQ(1000, sendfile(self->fd, file, &at, 1000));
	memmove(self->bytes + 6, self->bytes, 1000);
	memcpy(self->bytes, "header", 6);
	expect_data(self, self->bytes, 1006);
	close(file);
}

/* Pieces that end before, at and behind the ends of pages and records. */
TEST_F(tx, files_in_pieces_of_any_size)
{
	static const size_t pieces[][2] = { { 1, 3 },         { 4095, 9000 },  { 4096, 8192 },
					    { 4096, 12289 },  { 4097, 20000 }, { 8192, 16384 },
					    { 12288, 13000 }, { 16383, 32768 } };

	if (!self->pair.ready)
		return;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		size_t len = pieces[i][1];
		int file = file_of(self, len);
		off_t at = 0;

		while ((size_t)at < len)
			ASSERT_LT(0, sendfile(self->fd, file, &at, pieces[i][0]));
		hand_expect_data(&self->pair, self->bytes, len);
		close(file);
	}
	hand_expect_nothing(&self->pair);
}

TEST_F(tx, a_file_that_is_shorter_than_was_said)
{
	int file;
	off_t at = 0;

	if (!self->pair.ready)
		return;
	file = file_of(self, 5000);
	ASSERT_EQ(5000, sendfile(self->fd, file, &at, 60000));
	hand_expect_data(&self->pair, self->bytes, 5000);
	ASSERT_EQ(4, send(self->fd, "more", 4, 0));
	expect_data(self, "more", 4);
	close(file);
}

/* ---- lengths of records ---------------------------------------------------------------------- */

TEST_F(tx, records_are_as_long_as_they_may)
{
	static const struct {
		size_t len, records;
	} sends[] = {
		{ 1, 1 }, { 16383, 1 }, { 16384, 1 }, { 16385, 2 }, { 32768, 2 }, { 40000, 3 }
	};

	if (!self->pair.ready)
		return;
	for (size_t i = 0; i < sizeof(sends) / sizeof(sends[0]); i++) {
		ASSERT_EQ(sends[i].len, send(self->fd, self->bytes, sends[i].len, 0));
		EXPECT_EQ(sends[i].records,
			  hand_expect_data(&self->pair, self->bytes, sends[i].len));
	}
}

TEST_F(tx, a_send_of_nothing_sends_nothing)
{
	if (!self->pair.ready)
		return;
	EXPECT_EQ(0, send(self->fd, NULL, 0, 0));
	hand_expect_nothing(&self->pair);
	/* Nor does it send what waits. */
	ASSERT_EQ(4, send(self->fd, "open", 4, MSG_MORE));
	EXPECT_EQ(0, send(self->fd, NULL, 0, 0));
	hand_expect_nothing(&self->pair);
	ASSERT_EQ(4, send(self->fd, "shut", 4, 0));
	expect_data(self, "openshut", 8);
}

static void try_limit(int fd, uint16_t limit, int error)
{
	errno = 0;
	EXPECT_EQ(error ? -1 : 0,
		  setsockopt(fd, SOL_TLS, TLS_TX_MAX_PAYLOAD_LEN, &limit, sizeof(limit)));
	EXPECT_EQ(error, errno);
}

TEST_F(tx, records_are_as_short_as_the_peer_wants)
{
	bool v13 = variant->spec.version == KTLS_TLS_1_3;

	if (!self->pair.ready)
		return;
	if (tls_pair_kernel.max_payload != 0) {
		try_limit(self->fd, 1000, ENOPROTOOPT);
		return;
	}
	try_limit(self->fd, 62, EINVAL);
	try_limit(self->fd, 63, v13 ? 0 : EINVAL);
	try_limit(self->fd, 16385, EINVAL);
	try_limit(self->fd, 1000, 0);
	ASSERT_EQ(2500, send(self->fd, self->bytes, 2500, 0));
	expect_data(self, self->bytes, 1000);
	expect_data(self, self->bytes + 1000, 1000);
	expect_data(self, self->bytes + 2000, 500);
	/* Not while a record is open. */
	ASSERT_EQ(100, send(self->fd, self->bytes, 100, MSG_MORE));
	try_limit(self->fd, 64, EBUSY);
	ASSERT_EQ(100, send(self->fd, self->bytes + 100, 100, 0));
	expect_data(self, self->bytes, 200);
	try_limit(self->fd, 16384, 0);
	ASSERT_EQ(RECORD, send(self->fd, self->bytes, RECORD, 0));
	expect_data(self, self->bytes, RECORD);
}

/* ---- records that are left open -------------------------------------------------------------- */

TEST_F(tx, more_is_to_come)
{
	if (!self->pair.ready)
		return;
	for (size_t i = 0; i < 10; i++)
		ASSERT_EQ(100, send(self->fd, self->bytes + i * 100, 100, MSG_MORE));
	hand_expect_nothing(&self->pair);
	ASSERT_EQ(1, send(self->fd, self->bytes + 1000, 1, 0));
	expect_data(self, self->bytes, 1001);
}

TEST_F(tx, a_full_record_does_not_wait)
{
	if (!self->pair.ready)
		return;
	ASSERT_EQ(10000, send(self->fd, self->bytes, 10000, MSG_MORE));
	hand_expect_nothing(&self->pair);
	ASSERT_EQ(10000, send(self->fd, self->bytes + 10000, 10000, MSG_MORE));
	expect_data(self, self->bytes, RECORD);
	hand_expect_nothing(&self->pair);
	ASSERT_EQ(1, send(self->fd, self->bytes + 20000, 1, 0));
	expect_data(self, self->bytes + RECORD, 20001 - RECORD);
}

TEST_F(tx, a_control_record_is_never_left_open)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(1)];
	} control = { 0 };
	struct iovec iov = { "\1\0", 2 };
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };

	if (!self->pair.ready)
		return;
	control.header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(1),
					   .cmsg_level = SOL_TLS,
					   .cmsg_type = TLS_SET_RECORD_TYPE };
	*CMSG_DATA(&control.header) = RECORD_ALERT;
	EXPECT_EQ(-1, sendmsg(self->fd, &message, MSG_MORE));
	EXPECT_EQ(EINVAL, errno);
	hand_expect_nothing(&self->pair);
	EXPECT_EQ(2, sendmsg(self->fd, &message, 0));
	hand_expect(&self->pair, RECORD_ALERT, "\1\0", 2);
	ASSERT_EQ(4, send(self->fd, "data", 4, 0));
	expect_data(self, "data", 4);
}

TEST_F(tx, a_control_record_goes_behind_what_waits)
{
	if (!self->pair.ready)
		return;
	ASSERT_EQ(4, send(self->fd, "open", 4, MSG_MORE));
	ASSERT_EQ(2, kernel_record_send(self->fd, RECORD_ALERT, "\1\0", 2, 0));
	expect_data(self, "open", 4);
	hand_expect(&self->pair, RECORD_ALERT, "\1\0", 2);
	ASSERT_EQ(4, send(self->fd, "next", 4, 0));
	expect_data(self, "next", 4);
}

/* close() drops it: why close_notify, or a send without MSG_MORE, has to come before. */
TEST_F(tx, what_waits_is_lost_at_close)
{
	uint8_t byte;

	if (!self->pair.ready)
		return;
	ASSERT_EQ(4, send(self->fd, "sent", 4, 0));
	ASSERT_EQ(4, send(self->fd, "open", 4, MSG_MORE));
	close(self->fd);
	self->pair.fd[SERVER] = -1;
	expect_data(self, "sent", 4);
	EXPECT_EQ(0, recv(self->pair.fd[CLIENT], &byte, 1, 0));
}

/* ---- MSG_EOR --------------------------------------------------------------------------------- */

TEST_F(tx, the_end_of_a_record_is_asked_for)
{
	if (!self->pair.ready)
		return;
	if (send(self->fd, "first", 5, MSG_EOR) < 0) { /* Linux before 6.7 */
		EXPECT_EQ(EOPNOTSUPP, errno);
		EXPECT_NE(0, tls_pair_kernel.rekey);
		hand_expect_nothing(&self->pair);
		return;
	}
	expect_data(self, "first", 5);
	ASSERT_EQ(4, send(self->fd, "open", 4, MSG_MORE));
	ASSERT_EQ(4, send(self->fd, "shut", 4, MSG_EOR));
	expect_data(self, "openshut", 8);
	EXPECT_EQ(-1, send(self->fd, "both", 4, MSG_EOR | MSG_MORE));
	EXPECT_EQ(EINVAL, errno);
	ASSERT_EQ(4, send(self->fd, "last", 4, 0));
	expect_data(self, "last", 4);
}

TEST_F(tx, flags_that_are_not_for_tls)
{
	static const int flags[] = { MSG_OOB, MSG_ZEROCOPY, MSG_WAITALL };

	if (!self->pair.ready)
		return;
	for (size_t i = 0; i < 3; i++) {
		EXPECT_EQ(-1, send(self->fd, "data", 4, flags[i] | MSG_NOSIGNAL));
		EXPECT_EQ(EOPNOTSUPP, errno);
	}
	hand_expect_nothing(&self->pair);
	ASSERT_EQ(4, send(self->fd, "data", 4, 0));
	expect_data(self, "data", 4);
}

/* ---- sendmsg --------------------------------------------------------------------------------- */

TEST_F(tx, one_message_of_many_pieces)
{
	struct iovec iov[1000];
	size_t at = 0;

	if (!self->pair.ready)
		return;
	for (size_t i = 0; i < 1000; i++) {
		size_t len = i % 7 == 0 ? 0 : i % 61 + 1; /* some are empty */

		iov[i] = (struct iovec){ self->bytes + at, len };
		at += len;
	}
	ASSERT_EQ(at, writev(self->fd, iov, 1000));
	EXPECT_EQ((at + RECORD - 1) / RECORD, hand_expect_data(&self->pair, self->bytes, at));
}

TEST_F(tx, a_large_message)
{
	struct iovec iov = { self->bytes, MOST };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (!self->pair.ready)
		return;
	ASSERT_EQ(MOST, sendmsg(self->fd, &message, 0));
	EXPECT_EQ(MOST / RECORD, hand_expect_data(&self->pair, self->bytes, MOST));
}

TEST_F(tx, many_messages)
{
	struct iovec iov[3] = { { self->bytes, 10 },
				{ self->bytes + 10, 0 },
				{ self->bytes + 10, 20 } };
	struct msghdr message = { .msg_iov = iov, .msg_iovlen = 3 };

	if (!self->pair.ready)
		return;
	for (int i = 0; i < 500; i++)
		ASSERT_EQ(30, sendmsg(self->fd, &message, i % 2 ? MSG_MORE : 0));
	/* The first is alone, the others in twos, and the last waits. */
	expect_data(self, self->bytes, 30);
	memcpy(self->bytes + 30, self->bytes, 30);
	for (int i = 0; i < 249; i++)
		expect_data(self, self->bytes, 60);
	hand_expect_nothing(&self->pair);
	ASSERT_EQ(1, send(self->fd, self->bytes + 30, 1, 0));
	expect_data(self, self->bytes, 31);
}

TEST_F(tx, a_piece_that_is_not_there)
{
	struct iovec iov[2] = { { self->bytes, 100 }, { (void *)16, 100 } };

	if (!self->pair.ready)
		return;
	EXPECT_EQ(-1, send(self->fd, (void *)16, 100, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, writev(self->fd, iov, 2));
	EXPECT_EQ(EFAULT, errno);
	hand_expect_nothing(&self->pair);
	ASSERT_EQ(4, send(self->fd, "data", 4, 0));
	expect_data(self, "data", 4);
}

/* ---- no room --------------------------------------------------------------------------------- */

TEST_F(tx, a_full_buffer_takes_up_where_it_ended)
{
	struct pollfd room = { .fd = self->fd, .events = POLLOUT };
	size_t sent = 0, got = 0, len;
	int small = 8192;
	uint8_t type;
	ssize_t n;

	if (!self->pair.ready)
		return;
	for (size_t at = RECORD; at < MOST; at += RECORD)
		memcpy(self->bytes + at, self->bytes, RECORD);
	setsockopt(self->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	while (sent < 200000) {
		n = send(self->fd, self->bytes + sent % RECORD, 20000, MSG_DONTWAIT);
		if (n > 0) {
			sent += (size_t)n;
			continue;
		}
		ASSERT_EQ(EAGAIN, errno);
		EXPECT_LT(got, sent);
		for (; got < sent; got += len) {
			len = hand_recv(&self->pair, &type);
			ASSERT_LE(len, sent - got);
			ASSERT_MEMEQ(self->bytes + got % RECORD, self->pair.content, len);
		}
		ASSERT_EQ(1, poll(&room, 1, 10000));
	}
}

int main(int argc, char **argv)
{
	return tls_pair_main(argc, argv);
}
