/* SPDX-License-Identifier: MIT */
/*
 * Connections of applications in ktlsd's worker, without the process around it: what happens to
 * those that do not read, of which there are too many, or that go.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/worker.h"
#include "lib/crypto/util.h"
#include "tests/harness/descriptors.h"
#include "tests/harness/harness.h"

/* What sendmsg() says, where it is not 0. */
static int send_error;

/* In the place of libc's. */
ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	if (!send_error)
		return syscall(SYS_sendmsg, fd, message, flags);
	errno = send_error;
	return -1;
}

FIXTURE(worker)
{
	struct worker *w;
	int far; /* the application's end */
	int descriptors;
};

/* With one handshake at a time, and no profile for it. */
static struct worker *new_worker(void)
{
	const struct conn_config config = { .handshakes_max = 1, .pool_max = 65536, .closers = 1 };
	struct worker *w = calloc(1, sizeof(*w));

	ASSERT_NOT_NULL(w);
	w->settings.workers = 1;
	w->settings.handshakes_max = 1;
	w->settings.deadline_max = 1000;
	w->failures.burst = w->complaints.burst = 1;
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	ASSERT_GE(w->epoll, 0);
	ASSERT_EQ(0, conn_loop_new(&config, &w->loop));
	signers_init(w);
	return w;
}

static int adopt(struct worker *w)
{
	const struct client_identity identity = { .uid = 1, .pid = 2 };
	int pair[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	client_adopt(w, pair[1], &identity);
	return pair[0];
}

FIXTURE_SETUP(worker)
{
	struct handoff_greeting greeting;
	uint8_t packet[4096];
	ssize_t n;

	ASSERT_EQ(0, crypto_init());
	self->w = new_worker();
	self->descriptors = open_descriptors();
	self->far = adopt(self->w);
	n = recv(self->far, packet, sizeof(packet), MSG_DONTWAIT);
	ASSERT_GT(n, 0);
	ASSERT_EQ(0, handoff_greeting_parse(packet, (size_t)n, &greeting));
	EXPECT_EQ(1, greeting.in_flight_max);
	EXPECT_EQ(1, self->w->clients_len);
}

/* As the worker's loop does, until nothing is left to be done. */
static void run(struct worker *w)
{
	struct pollfd p = { .fd = conn_loop_fd(w->loop), .events = POLLIN };
	struct epoll_event events[16];
	int n;

	do {
		n = epoll_wait(w->epoll, events, 16, 0);
		for (int i = 0; i < n; i++) {
			struct watch *watch = events[i].data.ptr;

			watch->ready(watch, events[i].events);
		}
		clients_run(w);
		clients_bury(w);
		while (poll(&p, 1, 50) == 1)
			conn_loop_run(w->loop);
	} while (n > 0 || w->due);
}

FIXTURE_TEARDOWN(worker)
{
	if (self->far >= 0)
		close(self->far);
	run(self->w);
	EXPECT_NULL(self->w->clients);
	EXPECT_NULL(self->w->buried);
	EXPECT_EQ(0, self->w->clients_unsent);
	EXPECT_EQ(0, self->w->requests_len);
	EXPECT_EQ(self->descriptors, open_descriptors());
	conn_loop_free(self->w->loop);
	close(self->w->epoll);
	free(self->w);
}

/* A reply that the client has no room for. Returns how many of a kilobyte each went before. */
static unsigned int fill(struct worker *w)
{
	static const uint8_t reply[1024];
	unsigned int sent = 0;

	while (w->clients && !w->clients->unsent && sent < 100000) {
		client_send(w->clients, reply, sizeof(reply));
		sent++;
	}
	return sent - 1;
}

TEST_F(worker, keeps_what_a_client_has_no_room_for)
{
	static uint8_t packet[2048];
	unsigned int sent = fill(self->w) + 1;

	EXPECT_EQ(1, self->w->clients_unsent);
	for (unsigned int i = 0; i < sent; i++) {
		ASSERT_EQ(1024, recv(self->far, packet, sizeof(packet), MSG_DONTWAIT));
		run(self->w); /* there is room again */
	}
	EXPECT_EQ(0, self->w->clients_unsent);
	EXPECT_EQ(-1, recv(self->far, packet, sizeof(packet), MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
}

TEST_F(worker, drops_a_client_that_does_not_read_for_long)
{
	fill(self->w);
	clients_expire(self->w, clock_ms() + 29000);
	EXPECT_NOT_NULL(self->w->clients);
	clients_expire(self->w, clock_ms() + 31000);
	EXPECT_NULL(self->w->clients);
	EXPECT_EQ(1, self->w->clients_gone);
}

TEST_F(worker, leaves_a_client_alone_that_reads)
{
	clients_expire(self->w, clock_ms() + 31000);
	EXPECT_NOT_NULL(self->w->clients);
}

TEST_F(worker, drops_a_client_that_makes_it_keep_too_much)
{
	static const uint8_t reply[60000];
	unsigned int kept = 0;

	fill(self->w);
	for (; self->w->clients && kept < 10000; kept++)
		client_send(self->w->clients, reply, sizeof(reply));
	EXPECT_NULL(self->w->clients);
	EXPECT_GT(kept, 20);
	EXPECT_LT(kept, 100);
}

/* ---- replies with a descriptor ---------------------------------------------------------------
 */

/* The reading end of a pipe whose other end goes to the client: who has that can be seen there. */
static int send_with_pipe(struct worker *w)
{
	int ends[2];

	ASSERT_EQ(0, pipe2(ends, O_CLOEXEC | O_NONBLOCK));
	client_send_fd(w->clients, "reply", 5, ends[1]);
	return ends[0];
}

static bool is_held(int reading)
{
	char byte;

	return read(reading, &byte, 1) < 0 && errno == EAGAIN;
}

/* What is there for the client now, with its descriptor or -1. */
static void expect_packet(struct test_self_worker *self, const char *text, int *fd)
{
	struct handoff_packet packet;
	char bytes[64];

	ASSERT_EQ(1, handoff_recv(self->far, bytes, sizeof(bytes), &packet));
	ASSERT_EQ(strlen(text), packet.len);
	EXPECT_MEMEQ(text, bytes, strlen(text));
	*fd = packet.fds_len > 0 ? packet.fds[0] : -1;
}

/* No event tells when it is over: it is tried again, and nothing overtakes it meanwhile. */
static void tries_again(struct test_self_worker *self, int error)
{
	int reading, fd;

	send_error = error;
	reading = send_with_pipe(self->w);
	EXPECT_TRUE(self->w->clients_retry);
	client_send(self->w->clients, "later", 5);
	clients_expire(self->w, clock_ms());
	EXPECT_TRUE(self->w->clients_retry);
	send_error = 0;
	EXPECT_EQ(1, self->w->clients_unsent);
	EXPECT_TRUE(is_held(reading));
	clients_expire(self->w, clock_ms());
	EXPECT_FALSE(self->w->clients_retry);
	EXPECT_EQ(0, self->w->clients_unsent);
	expect_packet(self, "reply", &fd);
	ASSERT_GE(fd, 0);
	EXPECT_TRUE(is_held(reading));
	close(fd);
	EXPECT_FALSE(is_held(reading)); /* the worker has it no more */
	expect_packet(self, "later", &fd);
	EXPECT_EQ(-1, fd);
	close(reading);
}

TEST_F(worker, tries_again_where_too_much_is_under_way)
{
	tries_again(self, ETOOMANYREFS);
	tries_again(self, ENOBUFS);
	tries_again(self, ENOMEM);
}

/* Whoever does not read, or goes, has no descriptor kept open. */
TEST_F(worker, closes_what_could_not_be_sent)
{
	int reading;

	send_error = ETOOMANYREFS;
	reading = send_with_pipe(self->w);
	client_drop(self->w->clients);
	send_error = 0;
	EXPECT_FALSE(is_held(reading));
	close(reading);
}

TEST_F(worker, closes_what_a_client_that_is_gone_was_to_get)
{
	int reading;

	send_error = EPIPE;
	reading = send_with_pipe(self->w);
	send_error = 0;
	EXPECT_NULL(self->w->clients);
	EXPECT_FALSE(is_held(reading));
	close(reading);
}

/* ---- others ----------------------------------------------------------------------------------
 */

TEST_F(worker, turns_away_whoever_is_too_many)
{
	struct handoff_reply reply;
	uint8_t packet[4096];
	ssize_t n;
	int far;

	self->w->clients_len = CLIENTS_MAX;
	far = adopt(self->w);
	n = recv(far, packet, sizeof(packet), MSG_DONTWAIT);
	ASSERT_GT(n, 0);
	ASSERT_EQ(0, handoff_reply_parse(packet, (size_t)n, &reply));
	EXPECT_EQ(0, reply.id);
	EXPECT_EQ(KTLS_R_TOO_MANY, reply.reason);
	run(self->w);
	EXPECT_EQ(0, recv(far, packet, sizeof(packet), 0));
	close(far);
	self->w->clients_len = 1;
	EXPECT_EQ(1, self->w->clients_gone);
}

/* What a client has sent along in packets that nobody will read is closed, too. */
TEST_F(worker, closes_descriptors_that_nobody_will_read)
{
	int pair[2];
	char byte;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	for (int i = 0; i < 5; i++)
		ASSERT_EQ(0, handoff_send(self->far, "unread", 6, pair[1]));
	close(pair[1]);
	client_drop(self->w->clients);
	run(self->w);
	EXPECT_EQ(0, recv(pair[0], &byte, 1, MSG_DONTWAIT));
	close(pair[0]);
}

/* Both of one's ends in a packet to the other, say: nothing here holds for ever what has gone. */
TEST_F(worker, sees_a_client_go)
{
	close(self->far);
	self->far = -1;
	run(self->w);
	EXPECT_NULL(self->w->clients);
	EXPECT_EQ(1, self->w->clients_gone);
}

/* Requests beyond those in flight wait in the socket; each gets its answer. */
TEST_F(worker, reads_no_more_than_it_has_room_for)
{
	struct handoff_request request = { .role = KTLS_SERVER, .deadline_ms = 1000 };
	struct handoff_reply reply;
	static uint8_t packet[4096];
	uint64_t sum = 0;
	int pair[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	strcpy(request.profile, "none");
	for (request.id = 1; request.id <= 100; request.id++) {
		size_t len = handoff_request_build(&request, packet, sizeof(packet));

		ASSERT_EQ(0, handoff_send(self->far, packet, len, pair[1]));
	}
	run(self->w);
	for (int i = 0; i < 100; i++) {
		ssize_t n = recv(self->far, packet, sizeof(packet), MSG_DONTWAIT);

		ASSERT_GT(n, 0);
		ASSERT_EQ(0, handoff_reply_parse(packet, (size_t)n, &reply));
		EXPECT_EQ(KTLS_R_PROFILE_UNKNOWN, reply.reason);
		sum += reply.id;
	}
	EXPECT_EQ(5050, sum);
	close(pair[0]);
	close(pair[1]);
}

TEST_HARNESS_MAIN
