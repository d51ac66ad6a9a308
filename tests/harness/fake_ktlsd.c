/* SPDX-License-Identifier: MIT */
#include "tests/harness/fake_ktlsd.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/harness/harness.h"

static uint8_t packet[HANDOFF_MESSAGE_MAX];

/* ---- listening ----------------------------------------------------------------------------- */

void fake_listen(struct fake *f)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	strcpy(addr.sun_path, f->path);
	f->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ASSERT_GE(f->listener, 0);
	ASSERT_EQ(0, bind(f->listener, (struct sockaddr *)&addr, sizeof(addr)));
	ASSERT_EQ(0, listen(f->listener, 64));
}

void fake_stop(struct fake *f)
{
	close(f->listener);
	f->listener = -1;
	unlink(f->path);
}

void fake_open(struct fake *f, uint16_t lanes)
{
	strcpy(f->dir, "/tmp/ktls-test-XXXXXX");
	ASSERT_NOT_NULL(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/socket", f->dir);
	f->greeting = (struct handoff_greeting){ .protocol = HANDOFF_VERSION,
						 .lanes = lanes,
						 .message_max = HANDOFF_MESSAGE_MAX,
						 .in_flight_max = 100000,
						 .deadline_max = KTLS_DEADLINE_MAX,
						 .received_max = KTLS_RECEIVED_MAX,
						 .capabilities = KTLS_CAN_REKEY,
						 .version = "fake" };
	fake_listen(f);
}

void fake_close(struct fake *f)
{
	if (f->listener >= 0)
		fake_stop(f);
	rmdir(f->dir);
}

/* ---- connections --------------------------------------------------------------------------- */

int fake_accept(struct fake *f)
{
	int lane = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC);
	size_t len;

	if (lane < 0) {
		ASSERT_EQ(EAGAIN, errno);
		return -1;
	}
	len = handoff_greeting_build(&f->greeting, packet, sizeof(packet));
	ASSERT_EQ(0, handoff_send(lane, packet, len, -1));
	f->greeting.lane = (uint16_t)((f->greeting.lane + 1) % f->greeting.lanes);
	return lane;
}

static void wait_for(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	ASSERT_EQ(1, poll(&p, 1, 5000));
}

struct greeter {
	struct fake *fake;
	int lane;
};

static void *greet(void *arg)
{
	struct greeter *g = arg;

	wait_for(g->fake->listener);
	g->lane = fake_accept(g->fake);
	return NULL;
}

struct ktls *fake_client(struct fake *f, int *lane)
{
	struct greeter g = { .fake = f };
	struct ktls_error error = { 0 };
	struct ktls *k;
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, greet, &g));
	k = ktls_open(f->path, &error);
	pthread_join(thread, NULL);
	if (!k)
		TH_LOG("%s", error.text);
	ASSERT_NOT_NULL(k);
	*lane = g.lane;
	return k;
}

bool fake_readable(int lane)
{
	struct pollfd p = { .fd = lane, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void recv_one(int lane, struct handoff_packet *p)
{
	wait_for(lane);
	ASSERT_EQ(1, handoff_recv(lane, packet, sizeof(packet), p));
	ASSERT_FALSE(p->truncated);
	ASSERT_FALSE(p->fds_lost);
}

void fake_request(int lane, struct fake_request *out)
{
	struct handoff_packet p;

	recv_one(lane, &p);
	ASSERT_EQ(0, handoff_request_parse(packet, p.len, &out->request));
	ASSERT_EQ(1, p.fds_len);
	out->fd = p.fds[0];
}

uint64_t fake_cancel(int lane)
{
	struct handoff_packet p;
	uint64_t id = 0;

	recv_one(lane, &p);
	ASSERT_EQ(0, handoff_cancel_parse(packet, p.len, &id));
	ASSERT_EQ(0, p.fds_len);
	return id;
}

unsigned int fake_collected(int lane, uint64_t id)
{
	struct handoff_collected collected = { 0 };
	struct handoff_packet p;

	recv_one(lane, &p);
	ASSERT_EQ(0, handoff_collected_parse(packet, p.len, &collected));
	ASSERT_EQ(0, p.fds_len);
	EXPECT_EQ(id, collected.id);
	return collected.count;
}

/* ---- what it says -------------------------------------------------------------------------- */

void fake_reply_full(int lane, const struct handoff_reply *reply)
{
	size_t len = handoff_reply_build(reply, packet, sizeof(packet));

	ASSERT_GT(len, 0);
	ASSERT_EQ(0, handoff_send(lane, packet, len, -1));
}

void fake_reply(int lane, uint64_t id, enum ktls_reason reason)
{
	struct handoff_reply reply = { .id = id, .reason = (uint16_t)reason };

	fake_reply_full(lane, &reply);
}

void fake_send(int lane, const void *bytes, size_t len, const int *fds, size_t fds_len)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(16 * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	ASSERT_LE(fds_len, 16);
	if (fds_len > 0) {
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(fds_len * sizeof(int));
		memcpy(CMSG_DATA(&control.header), fds, fds_len * sizeof(int));
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(fds_len * sizeof(int));
	}
	ASSERT_EQ(len, sendmsg(lane, &msg, MSG_NOSIGNAL));
}

void fake_accepted(int lane, uint64_t id, uint8_t descriptor, int fd)
{
	static const uint8_t peer[] = { 0x12, 0x67, 192, 0, 2, 1 };
	const struct handoff_reply reply = { .id = id,
					     .descriptor = descriptor,
					     .more = 1,
					     .version = KTLS_TLS_1_3,
					     .peer_address = { peer, sizeof(peer) } };
	size_t len = handoff_reply_build(&reply, packet, sizeof(packet));

	ASSERT_EQ(0, handoff_send(lane, packet, len, fd));
	close(fd);
}

void fake_leaves(int lane, uint64_t id)
{
	const struct handoff_reply reply = { .id = id, .reason = KTLS_R_WORKER_LOST, .more = 1 };

	fake_reply_full(lane, &reply);
}
