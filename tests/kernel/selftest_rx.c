/* SPDX-License-Identifier: MIT */
/*
 * What recv() and its relatives make of records behind a real handshake: records are made by hand,
 * so that each arrives exactly as the test says.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/ktls/kernel.h"
#include "lib/ktls/uapi.h"
#include "tests/harness/tls_pair.h"

#define RECORD 16384
#define MOST   (4 * RECORD)

FIXTURE(rx)
{
	struct tls_pair pair;
	int fd; /* the kernel's end */
	uint8_t bytes[MOST], got[MOST];
};

FIXTURE_VARIANT(rx)
{
	struct tls_pair_spec spec;
};

TLS_PAIR_SUITES(rx)

FIXTURE_SETUP(rx)
{
	tls_pair_open(&self->pair, &variant->spec, CLIENT_BY_HAND);
	self->fd = self->pair.fd[SERVER];
	tls_pair_fill(self->bytes, sizeof(self->bytes), 5);
}

FIXTURE_TEARDOWN(rx)
{
	tls_pair_close(&self->pair);
}

/* A record of self->bytes. */
static void data(struct test_self_rx *self, size_t at, size_t len)
{
	hand_send(&self->pair, RECORD_APPLICATION_DATA, self->bytes + at, len);
}

static ssize_t peek(struct test_self_rx *self, size_t len)
{
	return recv(self->fd, self->got, len, MSG_PEEK | MSG_DONTWAIT);
}

/* All of the len bytes that were sent have arrived, as whole records. */
static void arrived(struct test_self_rx *self, size_t len)
{
	for (int i = 0; i < 200 && recv(self->fd, self->got, len, MSG_PEEK) < (ssize_t)len; i++)
		usleep(10000);
}

/* ---- how much at once ------------------------------------------------------------------------ */

TEST_F(rx, the_longest_record)
{
	if (!self->pair.ready)
		return;
	data(self, 0, RECORD);
	EXPECT_EQ(RECORD, recv(self->fd, self->got, MOST, 0));
	EXPECT_MEMEQ(self->bytes, self->got, RECORD);
	data(self, 0, RECORD);
	tls_pair_expect(self->fd, self->bytes, RECORD);
}

TEST_F(rx, one_byte_at_a_time)
{
	if (!self->pair.ready)
		return;
	for (size_t at = 0; at < 300; at += 100)
		data(self, at, 100);
	for (size_t i = 0; i < 300; i++)
		ASSERT_EQ(1, recv(self->fd, self->got + i, 1, 0));
	EXPECT_MEMEQ(self->bytes, self->got, 300);
	tls_pair_expect_error(self->fd, MSG_DONTWAIT, EAGAIN);
}

TEST_F(rx, many_records_in_one_read)
{
	if (!self->pair.ready)
		return;
	for (size_t at = 0; at < 1000; at += 100)
		data(self, at, 100);
	arrived(self, 1000);
	EXPECT_EQ(1000, recv(self->fd, self->got, MOST, 0));
	EXPECT_MEMEQ(self->bytes, self->got, 1000);
}

/* Reads end in the middle of records, and go on there. */
TEST_F(rx, reads_that_do_not_end_where_records_do)
{
	if (!self->pair.ready)
		return;
	for (size_t at = 0; at < 3000; at += 100)
		data(self, at, 100);
	for (size_t at = 0; at < 3000; at += 250)
		tls_pair_expect(self->fd, self->bytes + at, 250);
	tls_pair_expect_error(self->fd, MSG_DONTWAIT, EAGAIN);
}

TEST_F(rx, many_buffers)
{
	struct iovec iov[1000];

	if (!self->pair.ready)
		return;
	for (size_t i = 0; i < 1000; i++)
		iov[i] = (struct iovec){ self->got + i * 16, 16 };
	data(self, 0, 16000);
	EXPECT_EQ(16000, readv(self->fd, iov, 1000));
	EXPECT_MEMEQ(self->bytes, self->got, 16000);
	data(self, 16000, 5);
	data(self, 16005, 40);
	iov[0] = (struct iovec){ self->got, 3 };
	iov[1] = (struct iovec){ self->got + 3, 0 };
	iov[2] = (struct iovec){ self->got + 3, 42 };
	for (size_t at = 0; at < 45;) {
		struct msghdr message = { .msg_iov = iov, .msg_iovlen = 3 };
		ssize_t n = recvmsg(self->fd, &message, 0);

		ASSERT_GT(n, 0);
		EXPECT_MEMEQ(self->bytes + 16000 + at, self->got, (size_t)n);
		at += (size_t)n;
	}
}

/* A whole record is one call's at most, and its end is told. */
TEST_F(rx, the_end_of_a_record_is_told)
{
	struct iovec iov = { self->got, 60 };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (!self->pair.ready)
		return;
	data(self, 0, 100);
	ASSERT_EQ(60, recvmsg(self->fd, &message, 0));
	EXPECT_FALSE(message.msg_flags & MSG_EOR);
	iov.iov_len = 60;
	ASSERT_EQ(40, recvmsg(self->fd, &message, 0));
	EXPECT_TRUE(message.msg_flags & MSG_EOR);
}

/* ---- waiting --------------------------------------------------------------------------------- */

TEST_F(rx, all_that_is_wanted_is_waited_for)
{
	if (!self->pair.ready)
		return;
	data(self, 0, 100);
	data(self, 100, 100);
	EXPECT_EQ(150, recv(self->fd, self->got, 150, MSG_WAITALL));
	EXPECT_EQ(50, recv(self->fd, self->got + 150, 150, 0));
	EXPECT_MEMEQ(self->bytes, self->got, 200);
	/* A control record ends the wait. */
	data(self, 200, 10);
	hand_send(&self->pair, RECORD_ALERT, "\1\0", 2);
	EXPECT_EQ(10, recv(self->fd, self->got, 150, MSG_WAITALL));
}

TEST_F(rx, nothing_there)
{
	size_t len;

	if (!self->pair.ready)
		return;
	tls_pair_expect_error(self->fd, MSG_DONTWAIT, EAGAIN);
	len = hand_seal(&self->pair, RECORD_APPLICATION_DATA, "data", 4);
	for (size_t i = 0; i < len; i++) {
		tls_pair_expect_error(self->fd, MSG_DONTWAIT, EAGAIN);
		keyed_write(self->pair.fd[CLIENT], self->pair.record + i, 1);
	}
	tls_pair_expect(self->fd, "data", 4);
}

/* SO_RCVLOWAT counts plaintext. */
TEST_F(rx, a_low_water_mark)
{
	int mark = 8;

	if (!self->pair.ready)
		return;
	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof(mark)));
	data(self, 0, 3);
	data(self, 3, 20);
	EXPECT_EQ(23, recv(self->fd, self->got, 100, 0));
	EXPECT_MEMEQ(self->bytes, self->got, 23);
	data(self, 23, 20);
	EXPECT_EQ(2, recv(self->fd, self->got, 2, 0)); /* no more than there is room for */
	EXPECT_EQ(18, recv(self->fd, self->got + 2, 18, 0));
	EXPECT_MEMEQ(self->bytes + 23, self->got, 20);
}

/* ---- looking ahead --------------------------------------------------------------------------- */

TEST_F(rx, a_look_takes_nothing)
{
	if (!self->pair.ready)
		return;
	data(self, 0, 50);
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(50, recv(self->fd, self->got, 100, MSG_PEEK));
		EXPECT_MEMEQ(self->bytes, self->got, 50);
		EXPECT_EQ(7, peek(self, 7));
	}
	tls_pair_expect(self->fd, self->bytes, 20);
	EXPECT_EQ(30, peek(self, 100));
	EXPECT_MEMEQ(self->bytes + 20, self->got, 30);
	tls_pair_expect(self->fd, self->bytes + 20, 30);
	EXPECT_EQ(-1, peek(self, 100));
}

TEST_F(rx, a_look_at_several_records)
{
	if (!self->pair.ready)
		return;
	for (size_t at = 0; at < 500; at += 50)
		data(self, at, 50);
	arrived(self, 500);
	EXPECT_EQ(120, peek(self, 120));
	EXPECT_MEMEQ(self->bytes, self->got, 120);
	EXPECT_EQ(500, peek(self, MOST));
	EXPECT_MEMEQ(self->bytes, self->got, 500);
	data(self, 500, 100);
	tls_pair_expect(self->fd, self->bytes, 600);
}

TEST_F(rx, a_look_does_not_go_beyond_a_control_record)
{
	uint8_t type = 0;

	if (!self->pair.ready)
		return;
	data(self, 0, 50);
	hand_send(&self->pair, RECORD_HANDSHAKE, "ticket", 6);
	data(self, 50, 50);
	EXPECT_EQ(50, recv(self->fd, self->got, MOST, MSG_PEEK));
	tls_pair_expect(self->fd, self->bytes, 50);
	EXPECT_EQ(6, kernel_record_recv(self->fd, self->got, 100, MSG_PEEK, &type));
	EXPECT_EQ(RECORD_HANDSHAKE, type);
	EXPECT_EQ(-1, peek(self, 100));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(6, kernel_record_recv(self->fd, self->got, 100, 0, &type));
	tls_pair_expect(self->fd, self->bytes + 50, 50);
}

/* ---- buffers that are not there -------------------------------------------------------------- */

/* What the call could not give out is not lost, whatever it says. */
TEST_F(rx, a_buffer_that_is_not_there)
{
	struct iovec iov[2] = { { self->got, 60 }, { (void *)16, 1000 } };
	ssize_t n;

	if (!self->pair.ready)
		return;
	data(self, 0, 100);
	data(self, 100, 100);
	arrived(self, 200);
	EXPECT_EQ(-1, recv(self->fd, (void *)16, 1000, 0));
	EXPECT_EQ(EFAULT, errno);
	n = readv(self->fd, iov, 2);
	if (n < 0)
		EXPECT_EQ(EFAULT, errno);
	n = n < 0 ? 0 : n;
	EXPECT_LE(n, 60);
	EXPECT_MEMEQ(self->bytes, self->got, (size_t)n);
	tls_pair_expect(self->fd, self->bytes + n, (size_t)(200 - n));
}

/* ---- poll() ---------------------------------------------------------------------------------- */

struct waiting {
	int fd;
	int result;
};

static void *wait_for_data(void *arg)
{
	struct waiting *w = arg;

	w->result = tls_pair_readable(w->fd, 20000);
	return NULL;
}

TEST_F(rx, poll_says_when_a_record_is_there)
{
	if (!self->pair.ready)
		return;
	EXPECT_FALSE(tls_pair_readable(self->fd, 0));
	data(self, 0, 100);
	EXPECT_TRUE(tls_pair_readable(self->fd, 5000));
	tls_pair_expect(self->fd, self->bytes, 50);
	EXPECT_TRUE(tls_pair_readable(self->fd, 0)); /* the half that was decrypted */
	tls_pair_expect(self->fd, self->bytes + 50, 50);
	EXPECT_FALSE(tls_pair_readable(self->fd, 0));
	hand_send(&self->pair, RECORD_ALERT, "\1\0", 2);
	EXPECT_TRUE(tls_pair_readable(self->fd, 5000));
}

TEST_F(rx, who_sleeps_in_poll_is_woken)
{
	struct waiting w = { .fd = self->fd };
	pthread_t thread;

	if (!self->pair.ready)
		return;
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_for_data, &w));
	usleep((useconds_t)tls_pair_while() * 1000);
	data(self, 0, 10);
	pthread_join(thread, NULL);
	EXPECT_TRUE(w.result);
	tls_pair_expect(self->fd, self->bytes, 10);
}

/* A record that comes in two halves: who can tell wakes for the second only. */
TEST_F(rx, who_sleeps_in_poll_is_woken_by_whole_records)
{
	struct waiting w = { .fd = self->fd };
	pthread_t thread;
	size_t len;

	if (!self->pair.ready)
		return;
	len = hand_seal(&self->pair, RECORD_APPLICATION_DATA, "in halves", 9);
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_for_data, &w));
	keyed_write(self->pair.fd[CLIENT], self->pair.record, len / 2);
	usleep((useconds_t)tls_pair_while() * 1000);
	EXPECT_EQ(tls_pair_kernel.poll == 0, !tls_pair_readable(self->fd, 0));
	tls_pair_expect_error(self->fd, MSG_DONTWAIT, EAGAIN);
	keyed_write(self->pair.fd[CLIENT], self->pair.record + len / 2, len - len / 2);
	pthread_join(thread, NULL);
	EXPECT_TRUE(w.result);
	tls_pair_expect(self->fd, "in halves", 9);
}

/* ---- padding --------------------------------------------------------------------------------- */

/* A record of TLS 1.3 with padding (RFC 9846, 5.4): what seals puts the last 0 of it behind. */
static void padded(struct test_self_rx *self, size_t len, size_t padding)
{
	uint8_t inner[1000] = { 0 };

	memcpy(inner, self->bytes, len);
	inner[len] = RECORD_APPLICATION_DATA;
	hand_send(&self->pair, 0, inner, len + padding);
}

TEST_F(rx, padding_is_taken_off)
{
	if (!self->pair.ready)
		return;
	if (variant->spec.version != KTLS_TLS_1_3) {
		data(self, 0, 0); /* what TLS 1.2 has instead (RFC 5246, 6.2.1) */
		data(self, 0, 10);
		tls_pair_expect(self->fd, self->bytes, 10);
		return;
	}
	padded(self, 10, 1);
	padded(self, 500, 400);
	data(self, 0, 10);
	tls_pair_expect(self->fd, self->bytes, 10);
	tls_pair_expect(self->fd, self->bytes, 500);
	tls_pair_expect(self->fd, self->bytes, 10);
}

static int expects_no_padding(int fd)
{
	int value = -1;
	socklen_t len = sizeof(value);

	ASSERT_EQ(0, getsockopt(fd, SOL_TLS, TLS_RX_EXPECT_NO_PAD, &value, &len));
	EXPECT_EQ(sizeof(value), len);
	return value;
}

/*
 * With TLS_RX_EXPECT_NO_PAD such a record is decrypted twice. Linux 6.12 writes the second copy
 * behind the first: beyond what it returns. The probe knows.
 */
TEST_F(rx, unexpected_padding)
{
	size_t behind = 0;
	int one = 1;

	if (!self->pair.ready)
		return;
	if (variant->spec.version != KTLS_TLS_1_3) {
		EXPECT_EQ(-1,
			  setsockopt(self->fd, SOL_TLS, TLS_RX_EXPECT_NO_PAD, &one, sizeof(one)));
		EXPECT_EQ(EINVAL, errno);
		return;
	}
	EXPECT_EQ(0, expects_no_padding(self->fd));
	ASSERT_EQ(0, setsockopt(self->fd, SOL_TLS, TLS_RX_EXPECT_NO_PAD, &one, sizeof(one)));
	EXPECT_EQ(1, expects_no_padding(self->fd));
	data(self, 0, 300);
	tls_pair_expect(self->fd, self->bytes, 300);
	padded(self, 300, 200);
	memset(self->got, 0xee, MOST);
	EXPECT_EQ(300, recv(self->fd, self->got, MOST, 0));
	EXPECT_MEMEQ(self->bytes, self->got, 300);
	for (size_t i = 501; i < MOST; i++)
		behind += self->got[i] != 0xee;
	TH_LOG("%zu bytes changed behind the record", behind);
	EXPECT_EQ(tls_pair_kernel.no_pad == 0, behind == 0);
}

int main(int argc, char **argv)
{
	return tls_pair_main(argc, argv);
}
