/* SPDX-License-Identifier: MIT */
/* A loop with many handshakes: descriptors that it owns, limits, and what idle ones cost. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/conn/internal.h"
#include "tests/harness/conns.h"
#include "tests/harness/descriptors.h"
#include "tests/harness/harness.h"
#include "tests/harness/idle.h"

FIXTURE(loop)
{
	struct conns conns;
	struct conn_end client, server;
	struct conn_end *both[2];
};

FIXTURE_VARIANT(loop)
{
	unsigned int closers;
};

FIXTURE_VARIANT_ADD(loop, owns_descriptors){ 3 };
FIXTURE_VARIANT_ADD(loop, borrows_descriptors){ 0 };

FIXTURE_SETUP(loop)
{
	conns_init(&self->conns, false);
	self->both[0] = &self->client;
	self->both[1] = &self->server;
	self->conns.config.closers = variant->closers;
	self->conns.config.handshakes_max = 4;
	conns_open(&self->conns);
	open_pair(&self->client, &self->server, 0);
}

FIXTURE_TEARDOWN(loop)
{
	conns_wipe(&self->conns);
}

/* For what only loops with closers do. */
FIXTURE(owner)
{
	struct conns conns;
	struct conn_end client, server;
};

FIXTURE_SETUP(owner)
{
	conns_init(&self->conns, false);
	self->conns.config.closers = 3;
	conns_open(&self->conns);
	open_pair(&self->client, &self->server, 0);
}

FIXTURE_TEARDOWN(owner)
{
	conns_wipe(&self->conns);
}

/* ---- whose descriptor it is ------------------------------------------------------------------ */

TEST_F(loop, done_comes_when_the_descriptor_is_closed)
{
	int dup_of_server = dup(self->server.fd);

	conns_begin(&self->conns, KTLS_CLIENT, &self->client);
	conns_begin(&self->conns, KTLS_SERVER, &self->server);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 5000));
	EXPECT_EQ(KTLS_OK, self->client.result.reason);
	EXPECT_EQ(KTLS_OK, self->server.result.reason);
	EXPECT_EQ(variant->closers == 0, self->client.fd_was_open);
	EXPECT_EQ(variant->closers == 0, self->server.fd_was_open);
	EXPECT_GE(fcntl(dup_of_server, F_GETFD), 0);
	close(dup_of_server);
}

/* With everything else closed, what the application closes is seen by the peer at once. */
TEST_F(loop, nothing_is_held_after_done)
{
	int application = dup(self->server.fd), peer = dup(self->client.fd);
	struct pollfd pfd = { .fd = peer, .events = POLLIN };
	char byte;

	conns_begin(&self->conns, KTLS_CLIENT, &self->client);
	conns_begin(&self->conns, KTLS_SERVER, &self->server);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 5000));
	if (variant->closers == 0)
		close(self->server.fd);
	close(application);
	ASSERT_EQ(1, poll(&pfd, 1, 1000));
	EXPECT_EQ(0, recv(peer, &byte, 1, MSG_DONTWAIT));
	close(peer);
}

/* Data that nobody acknowledges, and SO_LINGER: close() would block for seconds. */
static int lingering_socket(int *peer)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 20 };
	static const char bytes[65536];
	int fd[2];

	tcp_pair(fd, 0);
	while (send(fd[0], bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	setsockopt(fd[0], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	*peer = fd[1];
	return fd[0];
}

TEST_F(owner, one_that_lingers_holds_nobody)
{
	struct conn_end lingering = { 0 }, *list[] = { &self->client, &self->server, &lingering };
	uint64_t before = timer_now();
	int peer;

	lingering.fd = lingering_socket(&peer);
	conns_begin(&self->conns, KTLS_SERVER, &lingering);
	conn_cancel(lingering.conn, KTLS_R_CANCELLED);
	conns_begin(&self->conns, KTLS_CLIENT, &self->client);
	conns_begin(&self->conns, KTLS_SERVER, &self->server);
	ASSERT_TRUE(conns_run(&self->conns, list, 3, 5000));
	EXPECT_LT(timer_now() - before, UINT64_C(2000000000));
	EXPECT_EQ(KTLS_R_CANCELLED, lingering.result.reason);
	EXPECT_EQ(0, conn_loop_count(self->conns.loop));
	close(peer);
}

static void count(void *arg)
{
	(*(int *)arg)++;
}

TEST_F(owner, closes_descriptors_from_elsewhere)
{
	struct pollfd pfd = { .fd = conn_loop_fd(self->conns.loop), .events = POLLIN };
	int pipes[2], closed = 0;
	char byte;

	ASSERT_EQ(0, pipe(pipes));
	conn_loop_close(self->conns.loop, pipes[1], count, &closed);
	EXPECT_EQ(0, closed);
	for (int i = 0; i < 100 && closed == 0; i++)
		if (poll(&pfd, 1, 50) == 1)
			conn_loop_run(self->conns.loop);
	EXPECT_EQ(1, closed);
	EXPECT_EQ(0, read(pipes[0], &byte, 1));
	conn_loop_close(self->conns.loop, pipes[0], NULL, NULL);
	close(self->client.fd);
	close(self->server.fd);
}

TEST_F(loop, freed_in_the_middle_of_everything)
{
	int application = dup(self->server.fd), peer = dup(self->client.fd);
	struct pollfd pfd = { .fd = peer, .events = POLLIN };

	self->conns.sign_later = true;
	conns_begin(&self->conns, KTLS_CLIENT, &self->client);
	conns_begin(&self->conns, KTLS_SERVER, &self->server);
	conns_settle(&self->conns);
	EXPECT_EQ(1, self->conns.pending_len);
	conn_loop_free(self->conns.loop);
	self->conns.loop = NULL;
	EXPECT_FALSE(self->server.done);
	if (variant->closers == 0) {
		EXPECT_GE(fcntl(self->server.fd, F_GETFD), 0);
		close(self->server.fd);
	}
	close(application);
	EXPECT_EQ(1, poll(&pfd, 1, 2000));
	close(peer);
}

/* ---- a loop in use --------------------------------------------------------------------------- */

TEST_F(loop, one_descriptor_in_another_epoll_set)
{
	struct pollfd pfd = { .fd = conn_loop_fd(self->conns.loop), .events = POLLIN };

	EXPECT_EQ(0, poll(&pfd, 1, 0));
	conns_begin(&self->conns, KTLS_SERVER, &self->server);
	EXPECT_EQ(0, poll(&pfd, 1, 0));
	ASSERT_EQ(3, send(self->client.fd, "\x16\x03\x01", 3, 0));
	EXPECT_EQ(1, poll(&pfd, 1, 1000));
	conn_loop_run(self->conns.loop);
	EXPECT_EQ(0, poll(&pfd, 1, 20));
	conn_cancel(self->server.conn, KTLS_R_CANCELLED);
	EXPECT_EQ(1, poll(&pfd, 1, 1000));
	ASSERT_TRUE(conns_run(&self->conns, &self->both[1], 1, 5000));
	EXPECT_EQ(0, poll(&pfd, 1, 0));
	close(self->client.fd);
}

struct again {
	struct conns *conns;
	struct conn_end end;
	int left, refused;
};

/* Begins the next one, which fails at once, from inside of done(). */
static void start_again(void *arg, const struct conn_result *result)
{
	struct again *again = arg;
	struct conn_request request = conns_request(again->conns, KTLS_SERVER, &again->end);

	EXPECT_EQ(KTLS_R_SOCKET_NOT_TCP, result->reason);
	if (again->left-- == 0)
		return;
	request.done = start_again;
	request.arg = again;
	request.fd = dup(again->end.fd);
	if (conn_start(again->conns->loop, &request, &again->end.conn) < 0) {
		again->refused++;
		close(request.fd);
	}
}

TEST_F(loop, handshakes_begun_by_done)
{
	struct again again = { .conns = &self->conns, .left = 10 };
	struct conn_request request;
	struct pollfd pfd = { .fd = conn_loop_fd(self->conns.loop), .events = POLLIN };

	fake_kernel.attach_result = -KTLS_R_SOCKET_NOT_TCP;
	again.end.fd = self->server.fd;
	request = conns_request(&self->conns, KTLS_SERVER, &again.end);
	request.done = start_again;
	request.arg = &again;
	request.fd = dup(self->server.fd);
	ASSERT_EQ(0, conn_start(self->conns.loop, &request, &again.end.conn));
	while (again.left >= 0 && poll(&pfd, 1, 1000) == 1)
		conn_loop_run(self->conns.loop);
	EXPECT_EQ(-1, again.left);
	EXPECT_EQ(0, again.refused);
	close(self->client.fd);
	close(self->server.fd);
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void expect_refused(struct conns *conns, const struct conn_request *request,
			   enum ktls_reason reason)
{
	struct conn *conn = NULL;

	EXPECT_EQ(-(int)reason, conn_start(conns->loop, request, &conn));
	EXPECT_NULL(conn);
	EXPECT_GE(fcntl(request->fd, F_GETFD), 0);
	EXPECT_EQ(0, conn_loop_count(conns->loop));
}

TEST_F(loop, requests_without_sense)
{
	struct conn_request server = conns_request(&self->conns, KTLS_SERVER, &self->server);
	struct conn_request client = conns_request(&self->conns, KTLS_CLIENT, &self->client);
	struct conn_profile nothing = { 0 };
	struct conn_request r;
	char name[300];

	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	r = server;
	r.role = (enum ktls_role)2;
	expect_refused(&self->conns, &r, KTLS_R_REQUEST_VALUE);
	r = server;
	r.server_name = "example.com";
	expect_refused(&self->conns, &r, KTLS_R_REQUEST_VALUE);
	r = server;
	r.preread_len = CONN_PREREAD_MAX + 1;
	expect_refused(&self->conns, &r, KTLS_R_REQUEST_VALUE);
	r = server;
	r.alpn = (const uint8_t *)"\x03h2";
	r.alpn_len = 3;
	expect_refused(&self->conns, &r, KTLS_R_REQUEST_VALUE);
	r = server;
	r.profile = &nothing;
	expect_refused(&self->conns, &r, KTLS_R_PROFILE_ROLE);
	r = client;
	r.profile = &nothing;
	expect_refused(&self->conns, &r, KTLS_R_PROFILE_ROLE);
	r = client;
	r.server_name = NULL;
	expect_refused(&self->conns, &r, KTLS_R_REQUEST_VALUE);
	r = client;
	r.server_name = "";
	expect_refused(&self->conns, &r, KTLS_R_REQUEST_VALUE);
	r = client;
	r.server_name = name;
	expect_refused(&self->conns, &r, KTLS_R_REQUEST_VALUE);
	r = client;
	r.preread = (const uint8_t *)name;
	r.preread_len = 1;
	expect_refused(&self->conns, &r, KTLS_R_REQUEST_VALUE);
	close(self->client.fd);
	close(self->server.fd);
}

TEST_F(loop, too_many_at_once)
{
	struct conn_end end[5] = { 0 }, *list[5];
	struct conn_request request;
	struct conn *conn;
	int peer[5], fd[2];

	for (int i = 0; i < 5; i++) {
		tcp_pair(fd, 0);
		peer[i] = fd[0];
		end[i].fd = fd[1];
		list[i] = &end[i];
		if (i < 4)
			conns_begin(&self->conns, KTLS_SERVER, &end[i]);
	}
	request = conns_request(&self->conns, KTLS_SERVER, &end[4]);
	EXPECT_EQ(-KTLS_R_TOO_MANY, conn_start(self->conns.loop, &request, &conn));
	conn_cancel(end[2].conn, KTLS_R_CANCELLED);
	ASSERT_TRUE(conns_run(&self->conns, &list[2], 1, 5000));
	EXPECT_EQ(0, conn_start(self->conns.loop, &request, &conn));
	conn_abandon(conn);
	for (int i = 0; i < 4; i++) {
		if (i != 2)
			conn_abandon(end[i].conn);
		close(peer[i]);
	}
	ASSERT_TRUE(conns_run(&self->conns, list, 5, 5000));
	close(peer[4]);
	close(self->client.fd);
	close(self->server.fd);
}

TEST_F(loop, records_in_pieces_beyond_the_pool)
{
	static const uint8_t header[] = { 22, 3, 1, 0x40, 0x00, 1 };
	struct conn_end other = { 0 }, *list[] = { &self->server, &other };
	int fd[2];

	self->conns.loop->pool.max = 16389 + 100;
	tcp_pair(fd, 0);
	other.fd = fd[1];
	conns_begin(&self->conns, KTLS_SERVER, &self->server);
	conns_begin(&self->conns, KTLS_SERVER, &other);
	ASSERT_EQ(sizeof(header), send(self->client.fd, header, sizeof(header), 0));
	usleep(1000);
	conns_settle(&self->conns);
	ASSERT_EQ(sizeof(header), send(fd[0], header, sizeof(header), 0));
	ASSERT_TRUE(conns_run(&self->conns, &list[1], 1, 5000));
	EXPECT_EQ(KTLS_R_NO_MEMORY, other.result.reason);
	EXPECT_FALSE(self->server.done);
	conn_cancel(self->server.conn, KTLS_R_CANCELLED);
	ASSERT_TRUE(conns_run(&self->conns, &list[0], 1, 5000));
	close(self->client.fd);
	close(fd[0]);
}

/* ---- five thousand --------------------------------------------------------------------------- */

TEST_TIMEOUT(five_thousand_with_three_bytes_each_use_no_cpu, 120)
{
	idle_handshakes(NULL);
}

/* ---- a thousand, one after the other --------------------------------------------------------- */

TEST_TIMEOUT(a_thousand_leave_nothing_behind, 120)
{
	struct conn_end client = { 0 }, server = { 0 }, *both[] = { &client, &server };
	int applications[20][2], descriptors;
	struct conns conns;

	conns_init(&conns, false);
	conns.config.closers = 2;
	conns_open(&conns);
	descriptors = open_descriptors();
	for (int i = 0; i < 1000; i++) {
		int *application = applications[i % 20];

		if (i >= 20) {
			close_by_reset(application[0]);
			close(application[1]);
		}
		open_pair(&client, &server, 0);
		application[0] = dup(client.fd);
		application[1] = dup(server.fd);
		conns_begin(&conns, KTLS_CLIENT, &client);
		conns_begin(&conns, KTLS_SERVER, &server);
		ASSERT_TRUE(conns_run(&conns, both, 2, 5000));
		ASSERT_EQ(KTLS_OK, client.result.reason);
		ASSERT_EQ(KTLS_OK, server.result.reason);
	}
	EXPECT_EQ(descriptors + 40, open_descriptors());
	conns_wipe(&conns); /* looks at the epoll set; the applications' sockets are still open */
}

TEST_HARNESS_MAIN
