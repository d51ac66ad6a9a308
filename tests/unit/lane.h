/* SPDX-License-Identifier: MIT */
/*
 * What the tests of ktlsd's requests share: a ktlsd, a connection to it, and the hand-off protocol
 * spoken by hand. They run on any kernel: where that has no TLS, a good request is one that gets
 * KERNEL_NO_TLS.
 */
#ifndef KTLS_TESTS_LANE_H
#define KTLS_TESTS_LANE_H

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/handoff/packet.h"
#include "lib/handoff/protocol.h"
#include "lib/wire/writer.h"
#include "tests/harness/conns.h"
#include "tests/harness/daemon.h"
#include "tests/harness/harness.h"

#define REPLY_MS 10000

FIXTURE(requests)
{
	struct daemon daemon;
	int lane;
	int fd[2]; /* a TCP connection: the application's end, the peer's */
	struct handoff_greeting greeting;
	uint8_t packet[HANDOFF_MESSAGE_MAX + 4096];
};

static inline int open_lane(const struct daemon *d)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	ASSERT_GE(fd, 0);
	strcpy(address.sun_path, d->socket);
	ASSERT_EQ(0, connect(fd, (struct sockaddr *)&address, sizeof(address)));
	return fd;
}

/* The next packet of ktlsd: its length, 0 where it has closed the connection. */
static inline size_t receive(int lane, void *buf, size_t cap)
{
	struct pollfd p = { .fd = lane, .events = POLLIN };
	ssize_t n;

	ASSERT_EQ(1, poll(&p, 1, REPLY_MS));
	n = recv(lane, buf, cap, 0);
	if (n < 0)
		ASSERT_EQ(ECONNRESET, errno);
	return n > 0 ? (size_t)n : 0;
}

FIXTURE_SETUP(requests)
{
	size_t len;

	daemon_open(&self->daemon, "workers = 1\n", NULL,
		    "[profile denied]\nclient-users = 4000000000\n"
		    "[profile client-only]\nclient-users = *\ntrust = system\n");
	self->lane = open_lane(&self->daemon);
	len = receive(self->lane, self->packet, sizeof(self->packet));
	ASSERT_EQ(0, handoff_greeting_parse(self->packet, len, &self->greeting));
	tcp_pair(self->fd, 0);
}

FIXTURE_TEARDOWN(requests)
{
	if (self->lane >= 0)
		close(self->lane);
	for (int i = 0; i < 2; i++) {
		if (self->fd[i] >= 0)
			close(self->fd[i]);
	}
	daemon_close(&self->daemon);
}

static inline void send_fds(int lane, const void *bytes, size_t len, const int *fds, size_t n)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(4 * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	if (n > 0) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	}
	ASSERT_EQ(len, sendmsg(lane, &msg, MSG_NOSIGNAL));
}

static inline struct handoff_request good_request(uint64_t id)
{
	return (struct handoff_request){
		.id = id, .role = KTLS_SERVER, .deadline_ms = 200, .profile = "default"
	};
}

/* In the header, the length of the whole message. */
static inline void set_length(uint8_t *packet, size_t len)
{
	struct writer w;

	writer_init(&w, packet + 4, 4);
	writer_u32(&w, (uint32_t)len);
}

static inline void send_request(struct test_self_requests *self,
				const struct handoff_request *request, int fd)
{
	size_t len = handoff_request_build(request, self->packet, sizeof(self->packet));

	ASSERT_GT(len, 0);
	send_fds(self->lane, self->packet, len, &fd, 1);
}

static inline void get_reply(struct test_self_requests *self, struct handoff_reply *reply)
{
	size_t len = receive(self->lane, self->packet, sizeof(self->packet));

	ASSERT_GT(len, 0);
	ASSERT_EQ(0, handoff_reply_parse(self->packet, len, reply));
}

static inline void expect_reply(struct test_self_requests *self, uint64_t id,
				enum ktls_reason reason)
{
	struct handoff_reply reply;

	get_reply(self, &reply);
	EXPECT_EQ(id, reply.id);
	EXPECT_STREQ(ktls_reason_name((int)reason), ktls_reason_name(reply.reason));
}

/* Whether the peer sees the end of the connection: nobody holds its other end any more. */
static inline void expect_closed(int peer)
{
	struct pollfd p = { .fd = peer, .events = POLLIN };
	char byte;

	ASSERT_EQ(1, poll(&p, 1, REPLY_MS));
	EXPECT_EQ(0, recv(peer, &byte, 1, 0));
}

/* The connection has survived what the test did: a good request gets the reply of a good request.
 */
static inline void expect_alive(struct test_self_requests *self)
{
	struct handoff_request request = good_request(1000);
	struct handoff_reply reply;

	send_request(self, &request, self->fd[0]);
	get_reply(self, &reply);
	EXPECT_EQ(1000, reply.id);
	EXPECT_TRUE(reply.reason == KTLS_R_KERNEL_NO_TLS || reply.reason == KTLS_R_DEADLINE);
}

static inline void expect_hung_up(struct test_self_requests *self)
{
	EXPECT_EQ(0, receive(self->lane, self->packet, sizeof(self->packet)));
	EXPECT_TRUE(daemon_logged(&self->daemon, "what is no message of the protocol"));
	EXPECT_EQ(1, daemon_log_count(&self->daemon, "what is no message of the protocol"));
}

#endif
