/* SPDX-License-Identifier: MIT */
/* Run by ktlsrun: every call that carries data, over both ends of a connection in this process. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/harness/harness.h"
#include "tests/harness/wrapped.h"

#define AMOUNT (1 << 20)

ssize_t __read_chk(int fd, void *buf, size_t len, size_t cap);
ssize_t __recv_chk(int fd, void *buf, size_t len, size_t cap, int flags);
ssize_t __recvfrom_chk(int fd, void *buf, size_t len, size_t cap, int flags, struct sockaddr *addr,
		       socklen_t *addrlen);

static uint8_t data[AMOUNT];

static void fill(void)
{
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + i / 251);
}

/* ---- ways to send ---------------------------------------------------------------------------- */

static int file_of_data(void)
{
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("data", MFD_CLOEXEC);
		ASSERT_EQ((ssize_t)sizeof(data), pwrite(fd, data, sizeof(data), 0));
	}
	return fd;
}

static ssize_t by_send(int fd, const void *buf, size_t len)
{
	return send(fd, buf, len, MSG_NOSIGNAL);
}

static ssize_t by_sendto(int fd, const void *buf, size_t len)
{
	return sendto(fd, buf, len, 0, NULL, 0);
}

static ssize_t by_sendmsg(int fd, const void *buf, size_t len)
{
	struct iovec iov[2] = { { (void *)(uintptr_t)buf, len / 2 },
				{ (uint8_t *)(uintptr_t)buf + len / 2, len - len / 2 } };
	struct msghdr message = { .msg_iov = iov, .msg_iovlen = 2 };

	return sendmsg(fd, &message, 0);
}

static ssize_t by_writev(int fd, const void *buf, size_t len)
{
	struct iovec iov[2] = { { (void *)(uintptr_t)buf, len / 3 },
				{ (uint8_t *)(uintptr_t)buf + len / 3, len - len / 3 } };

	return writev(fd, iov, 2);
}

static ssize_t by_pwritev2(int fd, const void *buf, size_t len)
{
	const struct iovec iov = { (void *)(uintptr_t)buf, len };

	return pwritev2(fd, &iov, 1, -1, 0);
}

static ssize_t by_sendmmsg(int fd, const void *buf, size_t len)
{
	struct iovec iov[2] = { { (void *)(uintptr_t)buf, len / 2 },
				{ (uint8_t *)(uintptr_t)buf + len / 2, len - len / 2 } };
	struct mmsghdr messages[2] = {
		{ .msg_hdr = { .msg_iov = &iov[0], .msg_iovlen = 1 } },
		{ .msg_hdr = { .msg_iov = &iov[1], .msg_iovlen = 1 } },
	};
	int n = sendmmsg(fd, messages, 2, 0);

	return n < 0 ? -1 : (ssize_t)messages[0].msg_len + (n > 1 ? messages[1].msg_len : 0);
}

static ssize_t by_sendfile(int fd, const void *buf, size_t len)
{
	off_t at = (const uint8_t *)buf - data;

	return sendfile(fd, file_of_data(), &at, len);
}

static ssize_t by_splice(int fd, const void *buf, size_t len)
{
	size_t some = len < 65536 ? len : 65536, done = 0;
	ssize_t n = 1;
	int p[2];

	ASSERT_EQ(0, pipe(p));
	ASSERT_EQ((ssize_t)some, write(p[1], buf, some));
	while (done < some && n > 0) {
		n = splice(p[0], NULL, fd, NULL, some - done, 0);
		done += n > 0 ? (size_t)n : 0;
	}
	close(p[0]);
	close(p[1]);
	return n < 0 ? -1 : (ssize_t)done;
}

/* ---- ways to receive ------------------------------------------------------------------------- */

static ssize_t by_recv(int fd, void *buf, size_t len)
{
	return recv(fd, buf, len, 0);
}

static ssize_t by_recvfrom(int fd, void *buf, size_t len)
{
	struct sockaddr_storage address;
	socklen_t address_len = sizeof(address);
	ssize_t n = recvfrom(fd, buf, len, 0, (struct sockaddr *)&address, &address_len);

	EXPECT_EQ(0, n >= 0 ? address_len : 0);
	return n;
}

static ssize_t by_readv(int fd, void *buf, size_t len)
{
	struct iovec iov[2] = { { buf, len / 3 }, { (uint8_t *)buf + len / 3, len - len / 3 } };

	return readv(fd, iov, 2);
}

static ssize_t by_preadv2(int fd, void *buf, size_t len)
{
	const struct iovec iov = { buf, len };

	return preadv2(fd, &iov, 1, -1, 0);
}

/* With room for control messages, of which TCP has none. */
static ssize_t by_recvmsg(int fd, void *buf, size_t len)
{
	uint8_t control[256];
	struct iovec iov = { buf, len };
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &message, 0);

	EXPECT_EQ(0u, n >= 0 ? message.msg_controllen : 0);
	return n;
}

static ssize_t by_recvmmsg(int fd, void *buf, size_t len)
{
	struct iovec iov[2] = { { buf, len / 2 }, { (uint8_t *)buf + len / 2, len - len / 2 } };
	struct mmsghdr messages[2] = {
		{ .msg_hdr = { .msg_iov = &iov[0], .msg_iovlen = 1 } },
		{ .msg_hdr = { .msg_iov = &iov[1], .msg_iovlen = 1 } },
	};
	int n = recvmmsg(fd, messages, 2, MSG_WAITFORONE, NULL);

	if (n <= 0)
		return n;
	if (n == 1)
		return messages[0].msg_len;
	memmove((uint8_t *)buf + messages[0].msg_len, iov[1].iov_base, messages[1].msg_len);
	return messages[0].msg_len + messages[1].msg_len;
}

static ssize_t splice_by(int fd, void *buf, size_t len, int room)
{
	size_t done = 0;
	ssize_t n;
	int p[2];

	ASSERT_EQ(0, pipe(p));
	ASSERT_GE(fcntl(p[1], F_SETPIPE_SZ, room), room);
	n = splice(fd, NULL, p[1], NULL, len < 65536 ? len : 65536, 0);
	while (n > 0 && done < (size_t)n)
		done += (size_t)read(p[0], (uint8_t *)buf + done, (size_t)n - done);
	close(p[0]);
	close(p[1]);
	return n;
}

static ssize_t by_splicing(int fd, void *buf, size_t len)
{
	return splice_by(fd, buf, len, 65536);
}

/* A record has more. */
static ssize_t by_splicing_little(int fd, void *buf, size_t len)
{
	return splice_by(fd, buf, len, 4096);
}

static ssize_t by_read_chk(int fd, void *buf, size_t len)
{
	return __read_chk(fd, buf, len, len);
}

static ssize_t by_recv_chk(int fd, void *buf, size_t len)
{
	return __recv_chk(fd, buf, len, len, 0);
}

static ssize_t by_recvfrom_chk(int fd, void *buf, size_t len)
{
	return __recvfrom_chk(fd, buf, len, len, 0, NULL, NULL);
}

/* ---- each with each other -------------------------------------------------------------------- */

FIXTURE(pair)
{
	int listener, client, server;
};

FIXTURE_VARIANT(pair)
{
	int family;
	ssize_t (*send)(int fd, const void *buf, size_t len);
	ssize_t (*recv)(int fd, void *buf, size_t len);
};

FIXTURE_VARIANT_ADD(pair, write_read){ AF_INET, write, read };
FIXTURE_VARIANT_ADD(pair, ipv6){ AF_INET6, write, read };
FIXTURE_VARIANT_ADD(pair, send_recv){ AF_INET, by_send, by_recv };
FIXTURE_VARIANT_ADD(pair, sendto_recvfrom){ AF_INET, by_sendto, by_recvfrom };
FIXTURE_VARIANT_ADD(pair, sendmsg_recvmsg){ AF_INET, by_sendmsg, by_recvmsg };
FIXTURE_VARIANT_ADD(pair, writev_readv){ AF_INET, by_writev, by_readv };
FIXTURE_VARIANT_ADD(pair, pwritev2_preadv2){ AF_INET, by_pwritev2, by_preadv2 };
FIXTURE_VARIANT_ADD(pair, sendmmsg_recvmmsg){ AF_INET, by_sendmmsg, by_recvmmsg };
FIXTURE_VARIANT_ADD(pair, sendfile_read_chk){ AF_INET, by_sendfile, by_read_chk };
FIXTURE_VARIANT_ADD(pair, splice){ AF_INET, by_splice, by_splicing };
FIXTURE_VARIANT_ADD(pair, splice_little){ AF_INET, by_splice, by_splicing_little };
FIXTURE_VARIANT_ADD(pair, sendfile_recv_chk){ AF_INET, by_sendfile, by_recv_chk };
FIXTURE_VARIANT_ADD(pair, write_recvfrom_chk){ AF_INET, write, by_recvfrom_chk };

FIXTURE_SETUP(pair)
{
	fill();
	self->listener = wrapped_listener(variant->family, wrapped_port("listen ", 0), 0);
	wrapped_pair(self->listener, variant->family, &self->client, &self->server);
}

FIXTURE_TEARDOWN(pair)
{
	close(self->client);
	close(self->server);
	close(self->listener);
}

struct sending {
	pthread_t thread;
	int fd;
	ssize_t (*send)(int fd, const void *buf, size_t len);
	ssize_t last;
	int error;
};

static void *send_all(void *arg)
{
	struct sending *s = arg;
	size_t done = 0;

	s->last = 1;
	while (done < sizeof(data) && s->last > 0) {
		s->last = s->send(s->fd, data + done, sizeof(data) - done);
		s->error = errno;
		done += s->last > 0 ? (size_t)s->last : 0;
	}
	return NULL;
}

static void recv_all(int fd, ssize_t (*receive)(int fd, void *buf, size_t len))
{
	uint8_t *got = malloc(AMOUNT);
	size_t done = 0;
	ssize_t n = 1;

	while (done < AMOUNT && n > 0) {
		n = receive(fd, got + done, AMOUNT - done);
		done += n > 0 ? (size_t)n : 0;
	}
	EXPECT_GT(n, 0);
	EXPECT_EQ((size_t)AMOUNT, done);
	EXPECT_EQ(0, memcmp(got, data, AMOUNT));
	free(got);
}

static void carry(int from, int to, ssize_t (*sends)(int fd, const void *buf, size_t len),
		  ssize_t (*receives)(int fd, void *buf, size_t len))
{
	struct sending s = { .fd = from, .send = sends };

	ASSERT_EQ(0, pthread_create(&s.thread, NULL, send_all, &s));
	recv_all(to, receives);
	pthread_join(s.thread, NULL);
	EXPECT_GT(s.last, 0);
}

TEST_F(pair, carries_a_mebibyte_each_way)
{
	carry(self->client, self->server, variant->send, variant->recv);
	carry(self->server, self->client, variant->send, variant->recv);
}

/* As many calls as it takes. */
static void recv_five(int fd, ssize_t (*receive)(int fd, void *buf, size_t len))
{
	uint8_t buf[5];
	size_t done = 0;
	ssize_t n = 1;

	while (done < sizeof(buf) && n > 0) {
		n = receive(fd, buf + done, sizeof(buf) - done);
		done += n > 0 ? (size_t)n : 0;
	}
	EXPECT_EQ(5u, done);
	EXPECT_MEMEQ(data, buf, done);
}

TEST_F(pair, ends_with_close)
{
	uint8_t buf[64];

	EXPECT_EQ(5, variant->send(self->client, data, 5));
	close(self->client);
	recv_five(self->server, variant->recv);
	EXPECT_EQ(0, variant->recv(self->server, buf, sizeof(buf)));
	EXPECT_EQ(0, variant->recv(self->server, buf, sizeof(buf)));
}

TEST_F(pair, half_closes)
{
	uint8_t buf[64];

	EXPECT_EQ(0, shutdown(self->client, SHUT_WR));
	EXPECT_EQ(0, variant->recv(self->server, buf, sizeof(buf)));
	EXPECT_EQ(5, variant->send(self->server, data, 5));
	recv_five(self->client, variant->recv);
	EXPECT_EQ(-1, send(self->client, "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(EPIPE, errno);
	close(self->server);
	EXPECT_EQ(0, variant->recv(self->client, buf, sizeof(buf)));
}

/* ---- flags --------------------------------------------------------------------------------- */

FIXTURE(flags)
{
	int listener, client, server;
};

FIXTURE_SETUP(flags)
{
	fill();
	self->listener = wrapped_listener(AF_INET, wrapped_port("listen ", 0), 0);
	wrapped_pair(self->listener, AF_INET, &self->client, &self->server);
}

FIXTURE_TEARDOWN(flags)
{
	close(self->client);
	close(self->server);
	close(self->listener);
}

TEST_F(flags, peek_takes_nothing)
{
	char buf[8] = "";

	ASSERT_EQ(5, write(self->client, "hello", 5));
	ASSERT_EQ(5, recv(self->server, buf, sizeof(buf), MSG_PEEK));
	EXPECT_MEMEQ("hello", buf, 5);
	memset(buf, 0, sizeof(buf));
	ASSERT_EQ(5, recv(self->server, buf, sizeof(buf), 0));
	EXPECT_MEMEQ("hello", buf, 5);
}

TEST_F(flags, waitall_waits_for_all)
{
	struct sending s = { .fd = self->client, .send = write };
	uint8_t *got = malloc(AMOUNT);

	ASSERT_EQ(0, pthread_create(&s.thread, NULL, send_all, &s));
	EXPECT_EQ(AMOUNT, recv(self->server, got, AMOUNT, MSG_WAITALL));
	EXPECT_EQ(0, memcmp(got, data, AMOUNT));
	pthread_join(s.thread, NULL);
	free(got);
}

TEST_F(flags, nothing_there_is_EAGAIN)
{
	char byte;

	EXPECT_EQ(-1, recv(self->server, &byte, 1, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, fcntl(self->server, F_SETFL, O_NONBLOCK));
	EXPECT_TRUE(fcntl(self->server, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(-1, read(self->server, &byte, 1));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(0, read(self->server, &byte, 0));
	ASSERT_EQ(1, write(self->client, "x", 1));
	EXPECT_TRUE(wrapped_readable(self->server, wrapped_patience(5000)));
	EXPECT_EQ(1, read(self->server, &byte, 1));
}

TEST_F(flags, a_full_socket_is_EAGAIN)
{
	size_t sent = 0, got = 0;
	ssize_t n = 1;

	ASSERT_EQ(0, fcntl(self->client, F_SETFL, O_NONBLOCK));
	for (int i = 0; i < 4096 && n > 0; i++) {
		n = write(self->client, data, 65536);
		sent += n > 0 ? (size_t)n : 0;
	}
	EXPECT_EQ(-1, n);
	EXPECT_EQ(EAGAIN, errno);
	/* close() does not wait, and what is on its way arrives, and the end behind it. */
	close(self->client);
	self->client = -1;
	do {
		n = read(self->server, data, sizeof(data));
		got += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	EXPECT_EQ(0, n);
	EXPECT_EQ(sent, got);
}

TEST_F(flags, fionread)
{
	int there = -1;

	EXPECT_EQ(0, ioctl(self->server, FIONREAD, &there));
	EXPECT_EQ(0, there);
	ASSERT_EQ(7, write(self->client, data, 7));
	ASSERT_TRUE(wrapped_readable(self->server, wrapped_patience(5000)));
	EXPECT_EQ(0, ioctl(self->server, FIONREAD, &there));
	EXPECT_EQ(7, there);
}

TEST_F(flags, fionbio)
{
	int on = 1;
	char byte;

	EXPECT_EQ(0, ioctl(self->server, FIONBIO, &on));
	EXPECT_EQ(-1, read(self->server, &byte, 1));
	EXPECT_EQ(EAGAIN, errno);
}

/* Linux does not know RWF_NOWAIT for sockets before 6.4. */
TEST_F(flags, vectors_with_offsets_and_flags)
{
	char byte = 'x';
	const struct iovec iov = { &byte, 1 };

	EXPECT_EQ(-1, preadv2(self->server, &iov, 1, 0, 0));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(-1, pwritev2(self->client, &iov, 1, 0, 0));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(-1, preadv2(self->server, &iov, 1, -1, RWF_NOWAIT));
	EXPECT_TRUE(errno == EAGAIN || errno == EOPNOTSUPP);
	EXPECT_EQ(-1, pwritev2(self->client, &iov, 1, -1, 1 << 30));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(1, pwritev64v2(self->client, &iov, 1, -1, 0));
	EXPECT_EQ(1, preadv64v2(self->server, &iov, 1, -1, 0));
	EXPECT_EQ(0, shutdown(self->client, SHUT_WR));
	EXPECT_EQ(0, preadv2(self->server, &iov, 1, -1, 0));
}

TEST_HARNESS_MAIN
