/* SPDX-License-Identifier: MIT */
/*
 * What is wrong on the wire or in a call, behind a real handshake: what the kernel says, how often,
 * and that nothing before it is lost and nothing behind it is believed.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/conn/timer.h"
#include "lib/ktls/kernel.h"
#include "lib/ktls/uapi.h"
#include "tests/harness/tls_pair.h"

FIXTURE(errors)
{
	struct tls_pair pair;
	int fd; /* the kernel's end */
};

FIXTURE_VARIANT(errors)
{
	struct tls_pair_spec spec;
};

TLS_PAIR_SUITES(errors)

FIXTURE_SETUP(errors)
{
	tls_pair_open(&self->pair, &variant->spec, CLIENT_BY_HAND);
	self->fd = self->pair.fd[SERVER];
}

FIXTURE_TEARDOWN(errors)
{
	tls_pair_close(&self->pair);
}

/* Makes a record, changes it and sends it. */
static void send_bad(struct test_self_errors *self)
{
	size_t len = hand_seal(&self->pair, RECORD_APPLICATION_DATA, "forged", 6);

	self->pair.record[len - 1] ^= 1;
	keyed_write(self->pair.fd[CLIENT], self->pair.record, len);
}

static void data(struct test_self_errors *self, const char *text)
{
	hand_send(&self->pair, RECORD_APPLICATION_DATA, text, strlen(text));
}

static void let_arrive(void)
{
	usleep((useconds_t)tls_pair_while() * 1000);
}

/* ---- records --------------------------------------------------------------------------------- */

/* The error is the same for every reader, for good, and for who sends. */
static void expect_broken(struct test_self_errors *self, int error)
{
	char bytes[64];

	errno = 0;
	EXPECT_EQ(-1, recv(self->fd, bytes, sizeof(bytes), 0));
	EXPECT_EQ(error, errno);
	/* From then on it is never data. */
	data(self, "good");
	let_arrive();
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(-1, recv(self->fd, bytes, sizeof(bytes), MSG_DONTWAIT));
		EXPECT_TRUE(errno == error || errno == EAGAIN || errno == EBADMSG);
	}
}

TEST_F(errors, a_length_beyond_all_records)
{
	if (!self->pair.ready)
		return;
	keyed_write(self->pair.fd[CLIENT], "\x17\x03\x03\x48\x00noncenonce", 15);
	expect_broken(self, EMSGSIZE);
}

TEST_F(errors, a_length_too_short_for_a_tag)
{
	if (!self->pair.ready)
		return;
	keyed_write(self->pair.fd[CLIENT], "\x17\x03\x03\x00\x02noncenonce", 15);
	expect_broken(self, EBADMSG);
}

TEST_F(errors, a_version_that_is_none)
{
	if (!self->pair.ready)
		return;
	keyed_write(self->pair.fd[CLIENT], "\x17\x02\x01\x00\x40noncenonce", 15);
	expect_broken(self, EINVAL);
}

TEST_F(errors, a_changed_record)
{
	if (!self->pair.ready)
		return;
	data(self, "before");
	tls_pair_expect(self->fd, "before", 6);
	send_bad(self);
	expect_broken(self, EBADMSG);
}

TEST_F(errors, a_changed_record_out_of_a_splice)
{
	int pipes[2];

	if (!self->pair.ready)
		return;
	ASSERT_EQ(0, pipe(pipes));
	send_bad(self);
	EXPECT_EQ(-1, splice(self->fd, NULL, pipes[1], NULL, 4096, 0));
	EXPECT_EQ(EBADMSG, errno);
	EXPECT_EQ(-1, splice(self->fd, NULL, pipes[1], NULL, 4096, SPLICE_F_NONBLOCK));
	close(pipes[0]);
	close(pipes[1]);
}

/* A large read gets what is before it, and then the error. */
TEST_F(errors, a_changed_record_behind_good_ones)
{
	char got[4096];

	if (!self->pair.ready)
		return;
	for (int i = 0; i < 5; i++)
		data(self, "good");
	send_bad(self);
	data(self, "lost");
	let_arrive();
	for (ssize_t at = 0, n; at < 20; at += n) {
		n = recv(self->fd, got + at, sizeof(got) - (size_t)at, 0);
		ASSERT_GT(n, 0);
		ASSERT_LE(at + n, 20);
	}
	EXPECT_MEMEQ("goodgoodgoodgoodgood", got, 20);
	expect_broken(self, EBADMSG);
}

/* What was decrypted before is there still, whichever call met the error. */
TEST_F(errors, a_changed_record_behind_half_a_read)
{
	char got[64];

	if (!self->pair.ready)
		return;
	data(self, "0123456789");
	send_bad(self);
	let_arrive();
	EXPECT_EQ(4, recv(self->fd, got, 4, 0));
	EXPECT_EQ(6, recv(self->fd, got + 4, sizeof(got) - 4, 0));
	EXPECT_MEMEQ("0123456789", got, 10);
	expect_broken(self, EBADMSG);
}

/* A record of TLS 1.3 that is nothing but padding has no type (RFC 9846, 5.4). */
TEST_F(errors, a_record_without_a_type)
{
	static const uint8_t zeros[20];

	if (!self->pair.ready)
		return;
	if (variant->spec.version != KTLS_TLS_1_3) {
		send_bad(self);
		expect_broken(self, EBADMSG);
		return;
	}
	hand_send(&self->pair, 0, zeros, sizeof(zeros));
	expect_broken(self, EBADMSG);
}

/* ---- calls ----------------------------------------------------------------------------------- */

static ssize_t send_with(int fd, int level, int type, size_t len)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(8)];
	} control = { 0 };
	struct iovec iov = { "data", 4 };
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = CMSG_SPACE(len) };

	control.header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(len),
					   .cmsg_level = level,
					   .cmsg_type = type };
	*CMSG_DATA(&control.header) = RECORD_HANDSHAKE;
	return sendmsg(fd, &message, MSG_NOSIGNAL);
}

TEST_F(errors, control_messages_that_are_wrong)
{
	if (!self->pair.ready)
		return;
	EXPECT_EQ(-1, send_with(self->fd, SOL_TLS, TLS_SET_RECORD_TYPE, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, send_with(self->fd, SOL_TLS, TLS_GET_RECORD_TYPE, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, send_with(self->fd, SOL_TLS, 99, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, send_with(self->fd, SOL_SOCKET, 99, 8));
	EXPECT_EQ(EINVAL, errno);
	hand_expect_nothing(&self->pair);
	EXPECT_EQ(4, send_with(self->fd, SOL_TLS, TLS_SET_RECORD_TYPE, 1));
	hand_expect(&self->pair, RECORD_HANDSHAKE, "data", 4);
}

/* Without room for its type a control record stays where it is; data does not mind. */
TEST_F(errors, no_room_for_the_type)
{
	char got[64], control[1];
	struct iovec iov = { got, sizeof(got) };
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	uint8_t type = 0;

	if (!self->pair.ready)
		return;
	data(self, "data");
	EXPECT_EQ(4, recvmsg(self->fd, &message, 0));
	EXPECT_TRUE(message.msg_flags & MSG_CTRUNC);
	hand_send(&self->pair, RECORD_ALERT, "\1\0", 2);
	for (int i = 0; i < 2; i++) {
		message.msg_controllen = sizeof(control);
		EXPECT_EQ(-1, recvmsg(self->fd, &message, 0));
		EXPECT_EQ(EIO, errno);
	}
	EXPECT_EQ(2, kernel_record_recv(self->fd, got, sizeof(got), 0, &type));
	EXPECT_EQ(RECORD_ALERT, type);
}

/* ---- time ------------------------------------------------------------------------------------ */

/* SO_RCVTIMEO holds for records: a part of one does not count, and is not lost. */
TEST_F(errors, a_time_limit)
{
	struct timeval time = { .tv_usec = 100000 }; /* the kernel counts in ticks */
	uint64_t since;
	size_t len;

	if (!self->pair.ready)
		return;
	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)));
	since = timer_now();
	tls_pair_expect_error(self->fd, 0, EAGAIN);
	EXPECT_GE(timer_now() - since, 80000000);
	len = hand_seal(&self->pair, RECORD_APPLICATION_DATA, "late", 4);
	keyed_write(self->pair.fd[CLIENT], self->pair.record, len - 1);
	let_arrive();
	since = timer_now();
	tls_pair_expect_error(self->fd, 0, EAGAIN);
	EXPECT_GE(timer_now() - since, 80000000);
	keyed_write(self->pair.fd[CLIENT], self->pair.record + len - 1, 1);
	tls_pair_expect(self->fd, "late", 4);
}

/* ---- parts of records ------------------------------------------------------------------------ */

/* Every place at which a record can be cut. */
TEST_F(errors, a_part_of_a_record_under_poll)
{
	size_t len;

	if (!self->pair.ready)
		return;
	len = hand_seal(&self->pair, RECORD_APPLICATION_DATA, "whole", 5);
	for (size_t i = 0; i < len; i++) {
		if (tls_pair_kernel.poll == 0)
			EXPECT_FALSE(tls_pair_readable(self->fd, 2));
		else
			EXPECT_EQ(i > 0, tls_pair_readable(self->fd, i > 0 ? 5000 : 2));
		keyed_write(self->pair.fd[CLIENT], self->pair.record + i, 1);
	}
	EXPECT_TRUE(tls_pair_readable(self->fd, 5000));
	tls_pair_expect(self->fd, "whole", 5);
}

static int epoll_of(int fd, uint32_t events)
{
	struct epoll_event event = { .events = events };
	int epoll = epoll_create1(0);

	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
	return epoll;
}

/*
 * Level-triggered: for as long as a part is there, or not at all. Kernels whose poll() wakes for
 * parts say so to who begins to wait, though nothing wakes who was waiting before.
 */
TEST_F(errors, a_part_of_a_record_under_epoll)
{
	struct epoll_event event;
	size_t len;
	int epoll;

	if (!self->pair.ready)
		return;
	len = hand_seal(&self->pair, RECORD_APPLICATION_DATA, "whole", 5);
	keyed_write(self->pair.fd[CLIENT], self->pair.record, len - 3);
	let_arrive();
	epoll = epoll_of(self->fd, EPOLLIN);
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(tls_pair_kernel.poll == 0 ? 0 : 1, epoll_wait(epoll, &event, 1, 10));
	keyed_write(self->pair.fd[CLIENT], self->pair.record + len - 3, 3);
	EXPECT_EQ(1, epoll_wait(epoll, &event, 1, 5000));
	tls_pair_expect(self->fd, "whole", 5);
	EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 10));
	close(epoll);
}

/* Edge-triggered, what works on every kernel: an event comes when the rest does. */
TEST_F(errors, a_part_of_a_record_at_the_edge)
{
	struct epoll_event event;
	size_t len;
	int epoll;

	if (!self->pair.ready)
		return;
	epoll = epoll_of(self->fd, EPOLLIN | EPOLLET);
	len = hand_seal(&self->pair, RECORD_APPLICATION_DATA, "whole", 5);
	keyed_write(self->pair.fd[CLIENT], self->pair.record, len - 3);
	let_arrive();
	(void)epoll_wait(epoll, &event, 1, 10);
	tls_pair_expect_error(self->fd, MSG_DONTWAIT, EAGAIN);
	EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 10));
	keyed_write(self->pair.fd[CLIENT], self->pair.record + len - 3, 3);
	EXPECT_EQ(1, epoll_wait(epoll, &event, 1, 5000));
	tls_pair_expect(self->fd, "whole", 5);
	close(epoll);
}

/* ---- urgent bytes ---------------------------------------------------------------------------- */

/*
 * A peer with urgent bytes all over the place (RFC 9293, 3.8.5), which TCP takes out of the stream:
 * records with holes. The connection fails; nothing that is not authentic is given out.
 */
TEST_F(errors, urgent_bytes)
{
	char got[4096];
	size_t len, sent = 0;
	ssize_t n = 0;

	if (!self->pair.ready)
		return;
	for (int i = 0; i < 50; i++) {
		len = hand_seal(&self->pair, RECORD_APPLICATION_DATA, "urgent", 6);
		for (size_t at = 0; at < len; at += 10, sent++)
			(void)!send(self->pair.fd[CLIENT], self->pair.record + at,
				    at + 10 < len ? 10 : len - at,
				    MSG_NOSIGNAL | (sent % 3 == 1 ? MSG_OOB : 0));
	}
	let_arrive();
	for (int i = 0; i < 100; i++) {
		n = recv(self->fd, got, sizeof(got), MSG_DONTWAIT);
		if (n <= 0)
			break;
		EXPECT_EQ(0, n % 6);
		EXPECT_MEMEQ("urgent", got, 6);
	}
	EXPECT_EQ(-1, n);
	EXPECT_TRUE(errno == EBADMSG || errno == EMSGSIZE || errno == EINVAL || errno == EAGAIN);
}

int main(int argc, char **argv)
{
	return tls_pair_main(argc, argv);
}
