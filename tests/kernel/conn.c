/* SPDX-License-Identifier: MIT */
/*
 * Handshakes over sockets that end in kernel TLS: every byte that the peer sent behind its last
 * handshake record is decrypted by the kernel, wherever it was cut and whenever it came.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/ktls/kernel.h"
#include "tests/harness/conns.h"
#include "tests/harness/descriptors.h"
#include "tests/harness/harness.h"
#include "tests/harness/keyed.h"

FIXTURE(conn)
{
	bool ready;
	struct conns conns;
	struct conn_end client, server;
	struct conn_end *both[2];
	struct middle middle;
};

FIXTURE_SETUP(conn)
{
	self->ready = keyed_or_skip();
	if (!self->ready)
		return;
	conns_init(&self->conns, false);
	self->conns.config.kernel = &conn_kernel_default;
	conns_open(&self->conns);
	self->both[0] = &self->client;
	self->both[1] = &self->server;
	self->client.fd = -1;
	self->server.fd = -1;
	self->middle = (struct middle){ -1, -1, 0, 0 };
}

static void close_all(struct conn_end *client, struct conn_end *server, struct middle *middle)
{
	middle_close(middle);
	close(client->fd);
	close(server->fd);
}

FIXTURE_TEARDOWN(conn)
{
	if (!self->ready)
		return;
	close_all(&self->client, &self->server, &self->middle);
	conns_wipe(&self->conns);
}

static void expect_tls(const struct conn_end *end)
{
	ASSERT_TRUE(end->done);
	ASSERT_EQ(KTLS_OK, end->result.reason);
	EXPECT_EQ(KTLS_STATE_SW, end->result.tx);
	EXPECT_EQ(KTLS_STATE_SW, end->result.rx);
}

/* Both ends on sockets of their own, the test in between. */
static void start_both(struct conns *conns, struct conn_end *client, struct conn_end *server,
		       struct middle *middle)
{
	middle_open(middle, &client->fd, &server->fd);
	conns_begin(conns, KTLS_CLIENT, client);
	conns_begin(conns, KTLS_SERVER, server);
}

/* Until the client is done: its last flight is on its way to the middle, and no farther. */
static void until_client_done(struct conns *conns, struct conn_end *client, struct middle *middle)
{
	for (int i = 0; i < 5000 && !client->done; i++) {
		conns_settle(conns);
		if (middle->to_server == 0)
			middle_to_server(middle, SIZE_MAX);
		middle_to_client(middle, SIZE_MAX);
		if (!client->done)
			usleep(1000);
	}
	expect_tls(client);
}

static void until_server_done(struct conns *conns, struct conn_end *server)
{
	ASSERT_TRUE(conns_run(conns, &server, 1, 60000));
	expect_tls(server);
}

static void expect_data(int fd, const void *bytes, size_t len)
{
	uint8_t *got = malloc(len);
	ssize_t n = recv(fd, got, len, MSG_WAITALL);

	EXPECT_EQ(len, n);
	if (n == (ssize_t)len)
		EXPECT_MEMEQ(bytes, got, len);
	free(got);
}

/* The end of the stream as TLS says it, then as TCP does. */
static void expect_end(int fd)
{
	uint8_t alert[16], type;

	ASSERT_EQ(2, kernel_record_recv(fd, alert, sizeof(alert), 0, &type));
	EXPECT_EQ(RECORD_ALERT, type);
	EXPECT_EQ(KTLS_ALERT_CLOSE_NOTIFY, alert[1]);
	EXPECT_EQ(-ENODATA, kernel_record_recv(fd, alert, sizeof(alert), 0, &type));
}

static void send_end(int fd)
{
	static const uint8_t close_notify[] = { 1, KTLS_ALERT_CLOSE_NOTIFY };

	EXPECT_EQ(2, kernel_record_send(fd, RECORD_ALERT, close_notify, 2, 0));
}

/* ---- data both ways -------------------------------------------------------------------------- */

static const char request[] = "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n";
static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

static void converse(int client, int server)
{
	ASSERT_EQ(sizeof(request), send(client, request, sizeof(request), 0));
	expect_data(server, request, sizeof(request));
	ASSERT_EQ(sizeof(answer), send(server, answer, sizeof(answer), 0));
	expect_data(client, answer, sizeof(answer));
	send_end(client);
	shutdown(client, SHUT_WR);
	expect_end(server);
}

TEST_F_TIMEOUT(conn, every_suite_carries_data, 60)
{
	static const uint16_t suites[] = { KTLS_AES_128_GCM_SHA256, KTLS_AES_256_GCM_SHA384,
					   KTLS_CHACHA20_POLY1305_SHA256 };
	int fd[2];

	if (!self->ready)
		return;
	self->conns.config.suites_len = 1;
	for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
		conn_loop_free(self->conns.loop);
		self->conns.config.suites = &suites[i];
		conns_open(&self->conns);
		tcp_pair(fd, 0);
		self->client.fd = fd[0];
		self->server.fd = fd[1];
		conns_begin(&self->conns, KTLS_CLIENT, &self->client);
		conns_begin(&self->conns, KTLS_SERVER, &self->server);
		ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 20000));
		expect_tls(&self->client);
		expect_tls(&self->server);
		EXPECT_EQ(suites[i], self->server.facts.suite);
		converse(fd[0], fd[1]);
		close(fd[0]);
		shutdown(fd[1], SHUT_WR);
		close(fd[1]);
	}
	self->client.fd = -1;
	self->server.fd = -1;
}

/* What is on the wire is no plaintext. */
TEST_F(conn, the_wire_has_records_only)
{
	uint8_t wire[512];
	ssize_t n;

	if (!self->ready)
		return;
	start_both(&self->conns, &self->client, &self->server, &self->middle);
	until_client_done(&self->conns, &self->client, &self->middle);
	middle_to_server(&self->middle, SIZE_MAX);
	until_server_done(&self->conns, &self->server);
	ASSERT_EQ(sizeof(answer), send(self->server.fd, answer, sizeof(answer), 0));
	n = recv(self->middle.server, wire, sizeof(wire), 0);
	EXPECT_EQ(5 + sizeof(answer) + 1 + 16, n);
	EXPECT_EQ(RECORD_APPLICATION_DATA, wire[0]);
	EXPECT_NULL(memmem(wire, (size_t)n, answer, 16));
}

/* ---- behind the Finished --------------------------------------------------------------------- */

/* The client's last flight and its first record, together in the middle. */
static size_t last_flight(const struct conn_end *client, struct middle *middle, uint8_t *wire,
			  size_t cap)
{
	size_t len = 0, want;
	ssize_t n = recv(middle->client, wire, cap, 0);

	ASSERT_GT(n, 50);
	len = (size_t)n;
	ASSERT_EQ(sizeof(request), send(client->fd, request, sizeof(request), 0));
	for (want = len + 5 + sizeof(request) + 17; len < want; len += (size_t)n) {
		n = recv(middle->client, wire + len, want - len, 0);
		ASSERT_GT(n, 0);
	}
	return len;
}

TEST_F_TIMEOUT(conn, first_record_cut_at_each_byte, 90)
{
	uint8_t wire[1024];
	size_t cut = 0, len = 1;

	if (!self->ready)
		return;
	for (; cut <= len; cut++) {
		start_both(&self->conns, &self->client, &self->server, &self->middle);
		until_client_done(&self->conns, &self->client, &self->middle);
		len = last_flight(&self->client, &self->middle, wire, sizeof(wire));
		if (cut > 0)
			ASSERT_EQ(cut, send(self->middle.server, wire, cut, 0));
		conns_settle(&self->conns);
		if (cut < len)
			ASSERT_EQ(len - cut, send(self->middle.server, wire + cut, len - cut, 0));
		until_server_done(&self->conns, &self->server);
		expect_data(self->server.fd, request, sizeof(request));
		close_all(&self->client, &self->server, &self->middle);
	}
	EXPECT_GT(cut, 100);
	self->client.fd = -1;
	self->server.fd = -1;
}

struct flow {
	int from, to;
};

static void *flow_through(void *arg)
{
	struct flow *flow = arg;
	static uint8_t buf[65536];
	ssize_t n;

	for (;;) {
		n = recv(flow->from, buf, sizeof(buf), 0);
		if (n <= 0 || send(flow->to, buf, (size_t)n, MSG_NOSIGNAL) != n)
			return NULL;
	}
}

struct bulk {
	int fd;
	const uint8_t *bytes;
	size_t len;
};

static void *send_bulk(void *arg)
{
	struct bulk *bulk = arg;
	size_t sent = 0;
	ssize_t n = 1;

	for (; sent < bulk->len && n > 0; sent += n > 0 ? (size_t)n : 0)
		n = send(bulk->fd, bulk->bytes + sent, bulk->len - sent, MSG_NOSIGNAL);
	send_end(bulk->fd);
	shutdown(bulk->fd, SHUT_WR);
	return NULL;
}

static uint8_t *megabyte(void)
{
	size_t len = 1 << 20;
	uint8_t *bytes = malloc(len);

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(i * 31 + i / 256);
	return bytes;
}

/* As much of it as buffers hold is in the server's socket before its handshake goes on. */
TEST_F_TIMEOUT(conn, a_megabyte_right_behind_the_finished, 60)
{
	pthread_t sender, through;
	struct bulk bulk = { .len = 1 << 20 };
	struct flow flow;
	uint8_t *bytes;

	if (!self->ready)
		return;
	bulk.bytes = bytes = megabyte();
	start_both(&self->conns, &self->client, &self->server, &self->middle);
	until_client_done(&self->conns, &self->client, &self->middle);
	bulk.fd = self->client.fd;
	flow = (struct flow){ self->middle.client, self->middle.server };
	ASSERT_EQ(0, pthread_create(&sender, NULL, send_bulk, &bulk));
	ASSERT_EQ(0, pthread_create(&through, NULL, flow_through, &flow));
	usleep(200000);
	until_server_done(&self->conns, &self->server);
	expect_data(self->server.fd, bytes, bulk.len);
	pthread_join(sender, NULL);
	pthread_join(through, NULL);
	shutdown(self->middle.server, SHUT_WR);
	expect_end(self->server.fd);
	free(bytes);
}

TEST_F(conn, a_client_that_half_closes_right_behind_its_finished)
{
	uint8_t wire[1024], end[64];
	size_t len;
	ssize_t n;

	if (!self->ready)
		return;
	start_both(&self->conns, &self->client, &self->server, &self->middle);
	until_client_done(&self->conns, &self->client, &self->middle);
	len = last_flight(&self->client, &self->middle, wire, sizeof(wire));
	send_end(self->client.fd);
	ASSERT_EQ(0, shutdown(self->client.fd, SHUT_WR));
	n = recv(self->middle.client, end, sizeof(end), 0);
	ASSERT_EQ(5 + 2 + 17, n);
	ASSERT_EQ(len, send(self->middle.server, wire, len, 0));
	ASSERT_EQ(n, send(self->middle.server, end, (size_t)n, 0));
	ASSERT_EQ(0, shutdown(self->middle.server, SHUT_WR));
	usleep(10000);
	until_server_done(&self->conns, &self->server);
	expect_data(self->server.fd, request, sizeof(request));
	expect_end(self->server.fd);
	ASSERT_EQ(sizeof(answer), send(self->server.fd, answer, sizeof(answer), 0));
	ASSERT_GT(middle_to_client(&self->middle, SIZE_MAX), 0);
	expect_data(self->client.fd, answer, sizeof(answer));
}

TEST_F_TIMEOUT(conn, small_receive_buffers, 60)
{
	pthread_t sender;
	struct bulk bulk = { .len = 1 << 16 };
	uint8_t *bytes;
	int fd[2];

	if (!self->ready)
		return;
	bulk.bytes = bytes = megabyte();
	tcp_pair(fd, 2048);
	self->client.fd = fd[0];
	self->server.fd = fd[1];
	conns_begin(&self->conns, KTLS_CLIENT, &self->client);
	conns_begin(&self->conns, KTLS_SERVER, &self->server);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 20000));
	expect_tls(&self->client);
	expect_tls(&self->server);
	bulk.fd = fd[0];
	ASSERT_EQ(0, pthread_create(&sender, NULL, send_bulk, &bulk));
	expect_data(fd[1], bytes, bulk.len);
	pthread_join(sender, NULL);
	expect_end(fd[1]);
	free(bytes);
}

/* ---- refusals -------------------------------------------------------------------------------- */

TEST_F(conn, a_socket_with_keys_is_refused)
{
	struct conn_end again = { 0 }, *list[] = { &again };

	if (!self->ready)
		return;
	start_both(&self->conns, &self->client, &self->server, &self->middle);
	until_client_done(&self->conns, &self->client, &self->middle);
	middle_to_server(&self->middle, SIZE_MAX);
	until_server_done(&self->conns, &self->server);
	again.fd = self->server.fd;
	conns_begin(&self->conns, KTLS_SERVER, &again);
	ASSERT_TRUE(conns_run(&self->conns, list, 1, 5000));
	EXPECT_EQ(KTLS_R_SOCKET_HAS_KEYS, again.result.reason);
	/* And nothing has happened to it. */
	ASSERT_EQ(sizeof(request), send(self->client.fd, request, sizeof(request), 0));
	ASSERT_GT(middle_to_server(&self->middle, SIZE_MAX), 0);
	expect_data(self->server.fd, request, sizeof(request));
}

TEST_F(conn, a_socket_whose_ulp_is_on_already_is_taken)
{
	int fd[2], error;

	if (!self->ready)
		return;
	tcp_pair(fd, 0);
	self->client.fd = fd[0];
	self->server.fd = fd[1];
	ASSERT_EQ(0, kernel_ulp_attach(fd[0], &error));
	ASSERT_EQ(0, kernel_ulp_attach(fd[1], &error));
	conns_begin(&self->conns, KTLS_CLIENT, &self->client);
	conns_begin(&self->conns, KTLS_SERVER, &self->server);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 20000));
	expect_tls(&self->client);
	expect_tls(&self->server);
	converse(fd[0], fd[1]);
}

TEST_F(conn, a_peer_that_is_gone_before)
{
	int fd[2];

	if (!self->ready)
		return;
	tcp_pair(fd, 0);
	self->client.fd = fd[0];
	self->server.fd = fd[1];
	shutdown(fd[0], SHUT_WR);
	usleep(10000);
	conns_begin(&self->conns, KTLS_SERVER, &self->server);
	ASSERT_TRUE(conns_run(&self->conns, &self->both[1], 1, 5000));
	EXPECT_EQ(KTLS_R_PEER_EOF, self->server.result.reason);
}

/* The real kernel, but the receive key is of another suite than the transmit key. */
static int install_badly(int fd, bool transmit, const struct ktls_traffic_key *key, int *error)
{
	struct ktls_traffic_key other = *key;

	other.suite = KTLS_CHACHA20_POLY1305_SHA256;
	return kernel_install(fd, transmit, transmit ? key : &other, error);
}

static const struct conn_kernel_ops bad_kernel = {
	.attach = kernel_ulp_attach,
	.install = install_badly,
};

TEST_F(conn, half_installed_keys_end_the_connection)
{
	uint8_t wire[1024];
	ssize_t n;

	if (!self->ready)
		return;
	conn_loop_free(self->conns.loop);
	self->conns.config.kernel = &bad_kernel;
	conns_open(&self->conns);
	start_both(&self->conns, &self->client, &self->server, &self->middle);
	for (int i = 0; i < 5000 && !self->client.done; i++) {
		conns_settle(&self->conns);
		middle_to_server(&self->middle, SIZE_MAX);
		middle_to_client(&self->middle, SIZE_MAX);
		usleep(1000);
	}
	EXPECT_EQ(KTLS_R_KERNEL_HALF_INSTALLED, self->client.result.reason);
	EXPECT_EQ(EINVAL, self->client.result.error);
	EXPECT_EQ(KTLS_STATE_NONE, self->client.result.tx);
	EXPECT_EQ(0, recv(self->client.fd, wire, 1, 0));
	do
		n = recv(self->middle.client, wire, sizeof(wire), 0);
	while (n > 0);
	EXPECT_EQ(0, n);
	conn_abandon(self->server.conn);
	ASSERT_TRUE(conns_run(&self->conns, &self->both[1], 1, 5000));
}

/* ---- nothing is left ------------------------------------------------------------------------- */

TEST_F_TIMEOUT(conn, done_means_that_nothing_is_held, 60)
{
	struct pollfd pfd = { .events = POLLIN };
	int fd[2], application, descriptors;
	char byte;

	if (!self->ready)
		return;
	conn_loop_free(self->conns.loop);
	self->conns.config.closers = 2;
	conns_open(&self->conns);
	descriptors = open_descriptors();
	for (int i = 0; i < 20; i++) {
		tcp_pair(fd, 0);
		application = dup(fd[1]);
		pfd.fd = dup(fd[0]);
		self->client.fd = fd[0];
		self->server.fd = fd[1];
		conns_begin(&self->conns, KTLS_CLIENT, &self->client);
		conns_begin(&self->conns, KTLS_SERVER, &self->server);
		ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 20000));
		expect_tls(&self->client);
		expect_tls(&self->server);
		close(application);
		ASSERT_EQ(1, poll(&pfd, 1, 2000));
		EXPECT_EQ(0, recv(pfd.fd, &byte, 1, MSG_DONTWAIT));
		close(pfd.fd);
		ASSERT_EQ(descriptors, open_descriptors());
	}
	self->client.fd = -1;
	self->server.fd = -1;
}

TEST_HARNESS_MAIN
