/* SPDX-License-Identifier: MIT */
/* ktls_listen() without ktlsd, with a kernel that only writes down what it is asked. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "tests/unit/embedded_listen.h"

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

/* The thread that accepts may have to wait for a CPU. */
static void expect_all_accepted(struct ktls *k, int listener)
{
	for (int i = 0; i < 50 && listener_waiting(listener) > 0; i++)
		let_run(k);
	EXPECT_EQ(0, listener_waiting(listener));
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
	expect_all_accepted(self->k, listener);
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
	expect_all_accepted(self->k, listener);
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

#define ROUND 20

/* As many connections, until the two have collected all of them. */
static void serve_round(struct ktls *clients, int listener, struct ktls *const k[2], int n[2])
{
	int fd[ROUND], due = n[0] + n[1] + ROUND;
	struct ktls_reply *reply;

	for (int i = 0; i < ROUND; i++) {
		fd[i] = listener_connect(listener);
		ASSERT_EQ(0, ktls_start(clients, fd[i], &as_client, NULL));
	}
	for (int i = 0; i < 1000 && n[0] + n[1] < due; i++) {
		run(clients, 10);
		for (int j = 0; j < 2; j++) {
			for (; ktls_collect(k[j], &reply) == 0; n[j]++)
				ktls_reply_free(reply);
		}
	}
	ASSERT_EQ(due, n[0] + n[1]);
	for (int i = 0; i < ROUND; i++)
		close(fd[i]);
}

/* Two take from one blocking socket: whoever comes too late waits in accept(), and can be ended
 * nevertheless. A busy machine lets one of the threads wait before it runs at all. */
TEST_F_TIMEOUT(embedded, two_on_one_socket, 60)
{
	struct ktls *others = clients(self), *const k[2] = { self->k, clients(self) };
	int listener = listener_open(0), n[2] = { 0 };
	uint64_t id[2] = { listen_on(k[0], listener, 100), listen_on(k[1], listener, 100) };

	for (int i = 0; i < 3 || (i < 100 && (n[0] <= 5 || n[1] <= 5)); i++)
		serve_round(others, listener, k, n);
	EXPECT_GT(n[0], 5);
	EXPECT_GT(n[1], 5);
	cancel(k[0], id[0]);
	cancel(k[1], id[1]);
	ktls_close(k[1]);
	ktls_close(others);
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
