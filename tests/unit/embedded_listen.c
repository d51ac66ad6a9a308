/* SPDX-License-Identifier: MIT */
/* ktls_listen() without ktlsd, with a kernel that only writes down what it is asked. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include "tests/harness/listener.h"
#include "tests/unit/embedded.h"

static uint64_t listen_on(struct ktls *k, int fd, unsigned int backlog)
{
	uint64_t id = 0;

	ASSERT_EQ(0, ktls_listen(k, fd, &as_server, backlog, &id));
	return id;
}

static void expect_last(struct ktls *k, uint64_t id, enum ktls_reason reason)
{
	struct ktls_reply *reply = collect(k);

	EXPECT_EQ(id, reply->id);
	EXPECT_STREQ(ktls_reason_name((int)reason), ktls_reason_name((int)reply->reason));
	EXPECT_EQ(0, reply->more);
	EXPECT_EQ(-1, reply->fd);
	ktls_reply_free(reply);
	EXPECT_EQ(-EAGAIN, ktls_collect(k, &reply));
}

static void cancel(struct ktls *k, uint64_t id)
{
	ASSERT_EQ(0, ktls_cancel(k, id));
	expect_last(k, id, KTLS_R_CANCELLED);
	EXPECT_EQ(-ENOENT, ktls_cancel(k, id));
}

/* The same struct ktls performs the client's handshake; its reply and the connection's come in any
 * order. Returns the connection's descriptor. */
static int good_client(struct ktls *k, int listener, uint64_t id)
{
	int fd = listener_connect(listener), got = -1;
	char tickets[4096];

	ASSERT_EQ(0, ktls_start(k, fd, &as_client, NULL));
	for (int i = 0; i < 2; i++) {
		struct ktls_reply *reply = collect(k);

		EXPECT_STREQ("OK", ktls_reason_name((int)reply->reason));
		EXPECT_EQ(reply->id == id, reply->more);
		if (reply->id == id) {
			got = reply->fd;
			reply->fd = -1;
		}
		ktls_reply_free(reply);
	}
	ASSERT_GE(got, 0);
	EXPECT_EQ(3, write(fd, "abc", 3));
	while (recv(fd, tickets, sizeof(tickets), MSG_DONTWAIT) > 0)
		; /* else its end would be a reset */
	close(fd);
	return got;
}

static void expect_text(int fd)
{
	char text[4] = "";

	EXPECT_EQ(3, recv(fd, text, 3, MSG_WAITALL));
	EXPECT_STREQ("abc", text);
	EXPECT_EQ(0, recv(fd, text, 3, 0)); /* and nobody else has it */
	close(fd);
}

TEST_F(embedded, listens)
{
	int listener = listener_open(0);
	uint64_t id = listen_on(self->k, listener, 4);

	for (int i = 0; i < 20; i++)
		expect_text(good_client(self->k, listener, id));
	cancel(self->k, id);
	close(listener);
}

TEST_F(embedded, tells_who_has_connected)
{
	int listener = listener_open(0), fd = listener_connect(listener);
	uint64_t id = listen_on(self->k, listener, 4);
	struct sockaddr_in peer, local;
	struct ktls_reply *reply;
	socklen_t len = sizeof(peer);

	ASSERT_EQ(0, getsockname(fd, (struct sockaddr *)&peer, &len));
	ASSERT_EQ(0, getpeername(fd, (struct sockaddr *)&local, &len));
	ASSERT_EQ(0, ktls_start(self->k, fd, &as_client, NULL));
	for (int i = 0; i < 2; i++) {
		reply = collect(self->k);
		if (reply->id == id) {
			EXPECT_MEMEQ(&peer, reply->peer, sizeof(peer));
			EXPECT_MEMEQ(&local, reply->local, sizeof(local));
			EXPECT_STREQ("example.com", reply->server_name);
			EXPECT_EQ(KTLS_TLS_1_3, reply->version);
			EXPECT_EQ(0, fcntl(reply->fd, F_GETFL) & O_NONBLOCK);
			EXPECT_EQ(FD_CLOEXEC, fcntl(reply->fd, F_GETFD));
		}
		ktls_reply_free(reply);
	}
	cancel(self->k, id);
	close(fd);
	close(listener);
}

/* Whoever comes with the first connections: garbage, silence, half a hello, an end at once. */
TEST_F(embedded, those_that_fail_are_not_seen)
{
	static const char *const words[] = { "", "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x40",
					     "\x16\x03\x01\x00\x05hello", "\x80\x2e\x01\x00\x02" };
	int listener = listener_open(0), bad[40];
	uint64_t id = listen_on(self->k, listener, 1);

	for (int i = 0; i < 40; i++) {
		const char *w = words[i % 5];

		bad[i] = listener_connect(listener);
		EXPECT_EQ(strlen(w), send(bad[i], w, strlen(w), MSG_NOSIGNAL));
		if (i % 4 == 0)
			close_by_reset(bad[i]);
		else if (i % 7 == 0)
			shutdown(bad[i], SHUT_WR);
	}
	for (int i = 0; i < 5; i++)
		expect_text(good_client(self->k, listener, id));
	cancel(self->k, id);
	for (int i = 0; i < 40; i++)
		if (i % 4 != 0)
			close(bad[i]);
	close(listener);
}

/* ---- how many -------------------------------------------------------------------------------- */

/* A client in a struct ktls of its own, so that only the listening one is collected from. */
static struct ktls *clients(struct test_self_embedded *self)
{
	struct ktls *k = embedded_open(&self->config, self->conns.config.kernel, &self->error);

	ASSERT_NOT_NULL(k);
	return k;
}

static void run(struct ktls *k, int ms)
{
	struct pollfd p = { .fd = ktls_fd(k), .events = POLLIN };
	struct ktls_reply *reply;

	for (int i = 0; i < ms / 10; i++) {
		poll(&p, 1, 10);
		while (ktls_collect(k, &reply) == 0)
			ktls_reply_free(reply);
	}
}

/* Time for k to do what it has to, without anything being collected. */
static void let_run(struct ktls *k)
{
	const struct ktls_params params = { .role = KTLS_SERVER, .deadline_ms = 100 };
	struct ktls_reply *reply;
	int fd[2];

	tcp_pair(fd, 0);
	ASSERT_EQ(0, ktls_handshake(k, fd[0], &params, &reply));
	EXPECT_EQ(KTLS_R_DEADLINE, reply->reason);
	ktls_reply_free(reply);
	close(fd[0]);
	close(fd[1]);
}

static void expect_connections(struct ktls *k, uint64_t id, int n)
{
	for (int i = 0; i < n; i++) {
		struct ktls_reply *reply = collect(k);

		EXPECT_EQ(id, reply->id);
		EXPECT_EQ(1, reply->more);
		ktls_reply_free(reply);
	}
}

/* How often k wants to be run, within that time, for nothing. */
static int woken(struct ktls *k, int ms)
{
	const struct timespec nap = { .tv_nsec = 1000000 };
	struct pollfd p = { .fd = ktls_fd(k), .events = POLLIN };
	struct ktls_reply *reply;
	struct timespec begin, now;
	int n = 0;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	do {
		if (poll(&p, 1, 1) == 1) {
			EXPECT_EQ(-EAGAIN, ktls_collect(k, &reply));
			n++;
			nanosleep(&nap, NULL);
		}
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1000000 < ms);
	return n;
}

/* accept() says EMFILE: the connection stays in the kernel's queue. */
TEST_F(embedded, waits_for_a_descriptor)
{
	int listener = listener_open(0), fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), n;
	uint64_t id = listen_on(self->k, listener, 4);
	struct ktls_reply *reply;
	struct sockaddr_in address;
	socklen_t len = sizeof(address);
	struct rlimit limit, few;

	run(self->k, 20);
	ASSERT_EQ(0, getsockname(listener, (struct sockaddr *)&address, &len));
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &limit));
	few = (struct rlimit){ .rlim_cur = 3, .rlim_max = limit.rlim_max };
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &few));
	ASSERT_EQ(0, connect(fd, (struct sockaddr *)&address, len));
	n = woken(self->k, 400);
	TH_LOG("woken %d times", n);
	EXPECT_GT(n, 0);
	EXPECT_LT(n, 20);
	EXPECT_EQ(1, listener_waiting(listener));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	ASSERT_EQ(0, ktls_start(self->k, fd, &as_client, NULL));
	for (int i = 0; i < 2; i++) {
		reply = collect(self->k);
		EXPECT_STREQ("OK", ktls_reason_name((int)reply->reason));
		ktls_reply_free(reply);
	}
	cancel(self->k, id);
	close(fd);
	close(listener);
}

TEST_F(embedded, stops_accepting_when_nobody_collects)
{
	int listener = listener_open(0), fd[20];
	uint64_t id = listen_on(self->k, listener, 3);
	struct ktls_reply *reply;

	for (int i = 0; i < 3; i++) {
		fd[i] = listener_connect(listener);
		ASSERT_EQ(0, ktls_handshake(self->k, fd[i], &as_client, &reply));
		EXPECT_EQ(KTLS_OK, reply->reason);
		ktls_reply_free(reply);
	}
	let_run(self->k);
	for (int i = 3; i < 20; i++)
		fd[i] = listener_connect(listener);
	let_run(self->k);
	EXPECT_EQ(17, listener_waiting(listener));
	expect_connections(self->k, id, 3);
	let_run(self->k);
	EXPECT_EQ(0, listener_waiting(listener));
	cancel(self->k, id);
	for (int i = 0; i < 20; i++)
		close(fd[i]);
	close(listener);
}

/* More are under way than may wait: those that are finished first come first, the others later. */
TEST_F(embedded, what_is_finished_waits_for_room)
{
	struct ktls *others = clients(self);
	int listener = listener_open(0), fd[20];
	uint64_t id = listen_on(self->k, listener, 2);

	for (int i = 0; i < 20; i++)
		fd[i] = listener_connect(listener);
	let_run(self->k);
	EXPECT_EQ(0, listener_waiting(listener));
	for (int i = 0; i < 20; i++)
		ASSERT_EQ(0, ktls_start(others, fd[i], &as_client, NULL));
	for (int i = 0; i < 3; i++) {
		run(others, 50);
		let_run(self->k);
	}
	expect_connections(self->k, id, 20);
	cancel(self->k, id);
	ktls_close(others);
	for (int i = 0; i < 20; i++)
		close(fd[i]);
	close(listener);
}

/* As many silent ones as may be under way, and more: they make room after a second. */
TEST_F_TIMEOUT(embedded, silent_ones_make_room, 60)
{
	int listener = listener_open(0), bad[40];
	uint64_t id;

	ktls_close(self->k);
	self->config.handshakes_max = 16;
	self->k = clients(self);
	id = listen_on(self->k, listener, 4);
	for (int i = 0; i < 40; i++)
		bad[i] = listener_connect(listener);
	for (int i = 0; i < 3; i++)
		expect_text(good_client(self->k, listener, id));
	cancel(self->k, id);
	for (int i = 0; i < 40; i++)
		close(bad[i]);
	close(listener);
}

/* ---- the socket ------------------------------------------------------------------------------ */

TEST_F(embedded, sockets_that_do_not_listen)
{
	int pair[2], udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), null;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	expect_last(self->k, listen_on(self->k, self->fd[0], 1), KTLS_R_SOCKET_NOT_LISTENING);
	expect_last(self->k, listen_on(self->k, pair[0], 1), KTLS_R_SOCKET_NOT_TCP);
	expect_last(self->k, listen_on(self->k, udp, 1), KTLS_R_SOCKET_NOT_TCP);
	expect_last(self->k, listen_on(self->k, null, 1), KTLS_R_SOCKET_NOT_SOCKET);
	close(null);
	close(udp);
	close(pair[0]);
	close(pair[1]);
}

TEST_F(embedded, refused_profiles)
{
	struct ktls_params params = { .role = KTLS_SERVER, .profile = "other" };
	struct ktls_embedded_config nothing = { 0 };
	struct ktls *k = embedded_open(&nothing, self->conns.config.kernel, NULL);
	int listener = listener_open(0);
	uint64_t id;

	ASSERT_EQ(0, ktls_listen(self->k, listener, &params, 1, &id));
	expect_last(self->k, id, KTLS_R_PROFILE_UNKNOWN);
	expect_last(k, listen_on(k, listener, 1), KTLS_R_PROFILE_ROLE);
	ktls_close(k);
	close(listener);
}

TEST_F(embedded, the_end_of_the_socket)
{
	int listener = listener_open(0), bad = listener_connect(listener);
	uint64_t id = listen_on(self->k, listener, 4);

	run(self->k, 50);
	ASSERT_EQ(0, shutdown(listener, SHUT_RDWR));
	expect_last(self->k, id, KTLS_R_SOCKET_NOT_LISTENING);
	close(bad);
	close(listener);
}

/* Flags stay as they are, and with neither of them anything waits. */
TEST_F(embedded, blocking_or_not)
{
	for (int flag = 0; flag <= SOCK_NONBLOCK; flag += SOCK_NONBLOCK) {
		int listener = listener_open(flag), flags = fcntl(listener, F_GETFL);
		uint64_t id = listen_on(self->k, listener, 4);

		expect_text(good_client(self->k, listener, id));
		EXPECT_EQ(flags, fcntl(listener, F_GETFL));
		cancel(self->k, id);
		EXPECT_EQ(flags, fcntl(listener, F_GETFL));
		close(listener);
	}
}

/* Two take from one blocking socket: whoever comes too late waits in accept(), and can be ended
 * nevertheless. */
TEST_F_TIMEOUT(embedded, two_on_one_socket, 60)
{
	struct ktls *second = clients(self), *others = clients(self);
	int listener = listener_open(0), n[2] = { 0 }, fd[60];
	uint64_t id[2] = { listen_on(self->k, listener, 100), listen_on(second, listener, 100) };
	struct ktls_reply *reply;

	for (int i = 0; i < 60; i++) {
		fd[i] = listener_connect(listener);
		ASSERT_EQ(0, ktls_start(others, fd[i], &as_client, NULL));
	}
	for (int i = 0; i < 1000 && n[0] + n[1] < 60; i++) {
		run(others, 10);
		for (int j = 0; j < 2; j++) {
			while (ktls_collect(j ? second : self->k, &reply) == 0) {
				n[j]++;
				ktls_reply_free(reply);
			}
		}
	}
	EXPECT_EQ(60, n[0] + n[1]);
	EXPECT_GT(n[0], 5);
	EXPECT_GT(n[1], 5);
	cancel(self->k, id[0]);
	cancel(second, id[1]);
	ktls_close(second);
	ktls_close(others);
	for (int i = 0; i < 60; i++)
		close(fd[i]);
	close(listener);
}

TEST_F(embedded, closed_while_it_listens)
{
	int listener = listener_open(0), bad = listener_connect(listener);

	listen_on(self->k, listener, 4);
	run(self->k, 50);
	ktls_close(self->k);
	self->k = NULL;
	EXPECT_EQ(self->descriptors + 4, open_descriptors());
	close(bad);
	close(listener);
}

/* Connections that nobody has accepted are there for whoever listens next. */
TEST_F(embedded, what_was_not_accepted_is_not_lost)
{
	int listener = listener_open(0), fd = -1;
	uint64_t id = listen_on(self->k, listener, 4);

	cancel(self->k, id);
	fd = listener_connect(listener);
	id = listen_on(self->k, listener, 4);
	close(fd);
	expect_text(good_client(self->k, listener, id));
	cancel(self->k, id);
	close(listener);
}

TEST_HARNESS_MAIN
