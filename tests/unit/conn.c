/* SPDX-License-Identifier: MIT */
/* Handshakes over loopback TCP: results, and that nothing past them is taken from a socket. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/conn/internal.h"
#include "tests/harness/certs.h"
#include "tests/harness/conns.h"
#include "tests/harness/harness.h"

FIXTURE(conn)
{
	struct conns conns;
	struct conn_end client, server;
	struct conn_end *both[2];
};

FIXTURE_SETUP(conn)
{
	conns_init(&self->conns, false);
	self->both[0] = &self->client;
	self->both[1] = &self->server;
}

FIXTURE_TEARDOWN(conn)
{
	conns_wipe(&self->conns);
	close(self->client.fd);
	close(self->server.fd);
}

/* The next len bytes of fd, waiting for them; and that no more are there. */
static void expect_bytes(int fd, const uint8_t *bytes, size_t len)
{
	uint8_t *got = malloc(len + 1);

	ASSERT_EQ(len, recv(fd, got, len, MSG_WAITALL));
	EXPECT_MEMEQ(bytes, got, len);
	EXPECT_EQ(-1, recv(fd, got, 1, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
	free(got);
}

/* RFC 8449: what the peer takes is what the kernel is told, if it can be told at all. */
TEST_F(conn, shorter_records)
{
	static const uint16_t limits[] = { 0, 1000, CONN_RECORD_SIZE };

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		self->conns.config.record_size_limit = limits[i];
		conns_open(&self->conns);
		open_pair(&self->client, &self->server, 0);
		conns_begin(&self->conns, KTLS_CLIENT, &self->client);
		conns_begin(&self->conns, KTLS_SERVER, &self->server);
		ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 5000));
		expect_agreed(&self->client, &self->server);
		EXPECT_EQ(limits[i] == 1000 ? 999 : 0, self->client.content_max);
		EXPECT_EQ(limits[i] == 1000 ? 999 : 0, self->server.content_max);
		close(self->client.fd);
		close(self->server.fd);
		self->client.content_max = self->server.content_max = 0;
		conn_loop_free(self->conns.loop);
		self->conns.loop = NULL;
	}
}

TEST_F(conn, both_roles_agree)
{
	struct conn_result *result = &self->client.result;

	conns_open(&self->conns);
	open_pair(&self->client, &self->server, 0);
	conns_begin(&self->conns, KTLS_CLIENT, &self->client);
	conns_begin(&self->conns, KTLS_SERVER, &self->server);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 5000));
	expect_agreed(&self->client, &self->server);
	EXPECT_EQ(2, fake_kernel.attached);
	EXPECT_EQ(4, fake_kernel.installs);
	EXPECT_EQ(1, self->conns.signed_count);
	EXPECT_EQ(KTLS_TLS_1_3, result->facts->version);
	EXPECT_EQ(KTLS_AES_128_GCM_SHA256, result->facts->suite);
	EXPECT_EQ(KTLS_GROUP_X25519, result->facts->group);
	EXPECT_EQ(KTLS_SCHEME_ECDSA_SECP256R1_SHA256, result->facts->scheme);
	EXPECT_STREQ("example.com", self->server.facts.server_name);
	EXPECT_EQ(2, result->facts->alpn_len);
	EXPECT_MEMEQ("h2", result->facts->alpn, 2);
	EXPECT_EQ(2, result->chain_len); /* with the anchor, which was not sent */
	EXPECT_EQ(self->conns.leaf->der_len, self->client.leaf_len);
	EXPECT_EQ(0, self->server.result.chain_len);
	EXPECT_GT(result->taken, 0);
	EXPECT_GT(result->wall_us, 0);
	EXPECT_GT(result->cpu_us, 0);
	EXPECT_LE(result->cpu_us, result->wall_us);
	EXPECT_STREQ("", self->client.text);
}

TEST_F(conn, suites_are_those_of_the_loop)
{
	static const uint16_t suites[] = { KTLS_CHACHA20_POLY1305_SHA256 };

	self->conns.config.suites = suites;
	self->conns.config.suites_len = 1;
	conns_open(&self->conns);
	open_pair(&self->client, &self->server, 0);
	conns_begin(&self->conns, KTLS_SERVER, &self->server);
	conns_begin(&self->conns, KTLS_CLIENT, &self->client);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 5000));
	expect_agreed(&self->client, &self->server);
	EXPECT_EQ(KTLS_CHACHA20_POLY1305_SHA256, self->server.tx.suite);
}

TEST_F(conn, names_as_they_may_be_written)
{
	static const char *const names[] = { "example.com", "EXAMPLE.com", "example.com.",
					     "a.wild.example", "127.0.0.1" };
	static const char *const sent[] = { "example.com", "example.com", "example.com",
					    "a.wild.example", "" };
	struct conn_request request;

	conns_open(&self->conns);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		open_pair(&self->client, &self->server, 0);
		request = conns_request(&self->conns, KTLS_CLIENT, &self->client);
		request.server_name = names[i];
		conns_start(&self->conns, &request, &self->client);
		conns_begin(&self->conns, KTLS_SERVER, &self->server);
		ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 5000));
		expect_agreed(&self->client, &self->server);
		EXPECT_STREQ(sent[i], self->server.facts.server_name);
		close(self->client.fd);
		close(self->server.fd);
	}
}

TEST_F(conn, alpn_of_the_request_goes_before_the_profiles)
{
	struct conn_request request;
	uint8_t alpn[] = "\x03xyz\x08http/1.1";

	conns_open(&self->conns);
	open_pair(&self->client, &self->server, 0);
	request = conns_request(&self->conns, KTLS_CLIENT, &self->client);
	request.alpn = alpn;
	request.alpn_len = sizeof(alpn) - 1;
	conns_start(&self->conns, &request, &self->client);
	memset(alpn, 0, sizeof(alpn)); /* it was copied */
	conns_begin(&self->conns, KTLS_SERVER, &self->server);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 5000));
	expect_agreed(&self->client, &self->server);
	EXPECT_EQ(8, self->client.facts.alpn_len);
	EXPECT_MEMEQ("http/1.1", self->client.facts.alpn, 8);
}

/* A certificate that is for servers is none for a client. */
TEST_F(conn, a_client_with_a_servers_certificate)
{
	self->conns.profile.client_auth = KTLS_ENGINE_REQUIRE_CLIENT_AUTH;
	conns_open(&self->conns);
	open_pair(&self->client, &self->server, 0);
	conns_begin(&self->conns, KTLS_CLIENT, &self->client);
	conns_begin(&self->conns, KTLS_SERVER, &self->server);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 5000));
	EXPECT_EQ(1, self->conns.signed_count);
	EXPECT_EQ(KTLS_R_CERTIFICATE_REQUIRED, self->server.result.reason);
	EXPECT_EQ(0, self->server.leaf_len);
	EXPECT_EQ(KTLS_ALERT_CERTIFICATE_REQUIRED, self->server.result.alert);
}

TEST_F(conn, a_client_without_a_certificate)
{
	struct conn_profile without = self->conns.profile;
	struct conn_request request;

	without.identities_len = 0;
	without.sign = NULL;
	self->conns.profile.client_auth = KTLS_ENGINE_REQUEST_CLIENT_AUTH;
	conns_open(&self->conns);
	open_pair(&self->client, &self->server, 0);
	request = conns_request(&self->conns, KTLS_CLIENT, &self->client);
	request.profile = &without;
	conns_start(&self->conns, &request, &self->client);
	conns_begin(&self->conns, KTLS_SERVER, &self->server);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 5000));
	expect_agreed(&self->client, &self->server);
	EXPECT_EQ(0, self->server.result.chain_len);
}

/* ---- not a byte too many --------------------------------------------------------------------- */

/* Brings both so far that the client is done and its last flight waits at the middle's client side.
 */
static void until_client_done(struct conns *conns, struct middle *middle, struct conn_end *client,
			      struct conn_end *server)
{
	conns_begin(conns, KTLS_CLIENT, client);
	conns_begin(conns, KTLS_SERVER, server);
	for (int i = 0; i < 500 && !client->done; i++) {
		conns_settle(conns);
		if (middle->to_server == 0)
			middle_to_server(middle, SIZE_MAX);
		middle_to_client(middle, SIZE_MAX);
		usleep(1000);
	}
	ASSERT_TRUE(client->done);
	ASSERT_EQ(KTLS_OK, client->result.reason);
}

/* Bytes to fd in two pieces; between them the loop runs until it has nothing to do. */
static void send_in_two(struct conns *conns, int fd, const uint8_t *bytes, size_t len, size_t cut)
{
	if (cut > 0)
		ASSERT_EQ(cut, send(fd, bytes, cut, 0));
	conns_settle(conns);
	if (cut < len)
		ASSERT_EQ(len - cut, send(fd, bytes + cut, len - cut, 0));
}

static const uint8_t data[] = "\x17\x03\x03\x00\x20 this is for the kernel alone ...";

/*
 * The client's last flight with data behind it, cut at every byte, the data's bytes included: the
 * data stays in the socket, whole.
 */
TEST_F(conn, data_behind_the_finished_stays_however_it_is_cut)
{
	uint8_t flight[512];
	size_t cut = 0, len = 1;
	struct middle middle;
	ssize_t n;

	conns_open(&self->conns);
	for (; cut <= len; cut++) {
		middle_open(&middle, &self->client.fd, &self->server.fd);
		until_client_done(&self->conns, &middle, &self->client, &self->server);
		n = recv(middle.client, flight, sizeof(flight), 0);
		ASSERT_GT(n, 50);
		memcpy(flight + n, data, sizeof(data));
		len = (size_t)n + sizeof(data);
		send_in_two(&self->conns, middle.server, flight, len, cut);
		ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 5000));
		expect_agreed(&self->client, &self->server);
		expect_bytes(self->server.fd, data, sizeof(data));
		middle_close(&middle);
		close(self->client.fd);
		close(self->server.fd);
	}
	EXPECT_GT(cut, 50 + sizeof(data));
}

struct pump {
	int fd;
	const uint8_t *bytes;
	size_t len;
};

static void *pump(void *arg)
{
	struct pump *p = arg;
	size_t sent = 0;
	ssize_t n = 1;

	for (; sent < p->len && n > 0; sent += n > 0 ? (size_t)n : 0)
		n = send(p->fd, p->bytes + sent, p->len - sent, MSG_NOSIGNAL);
	return NULL;
}

TEST_F(conn, a_megabyte_behind_the_finished_stays)
{
	size_t len = 1 << 20;
	uint8_t *bytes = malloc(len), *got = malloc(len), flight[512];
	struct pump p = { .bytes = bytes, .len = len };
	struct middle middle;
	pthread_t thread;
	ssize_t n;

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(i * 31 + i / 256);
	conns_open(&self->conns);
	middle_open(&middle, &self->client.fd, &self->server.fd);
	until_client_done(&self->conns, &middle, &self->client, &self->server);
	n = recv(middle.client, flight, sizeof(flight), 0);
	ASSERT_EQ(n, send(middle.server, flight, (size_t)n, MSG_MORE));
	p.fd = middle.server;
	ASSERT_EQ(0, pthread_create(&thread, NULL, pump, &p));
	ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 5000));
	expect_agreed(&self->client, &self->server);
	ASSERT_EQ(len, recv(self->server.fd, got, len, MSG_WAITALL));
	EXPECT_MEMEQ(bytes, got, len);
	pthread_join(thread, NULL);
	middle_close(&middle);
	free(bytes);
	free(got);
}

TEST_F(conn, a_client_that_half_closes_behind_its_finished_is_served)
{
	struct middle middle;
	uint8_t flight[512];
	ssize_t n;

	conns_open(&self->conns);
	middle_open(&middle, &self->client.fd, &self->server.fd);
	until_client_done(&self->conns, &middle, &self->client, &self->server);
	n = recv(middle.client, flight, sizeof(flight), 0);
	ASSERT_EQ(n, send(middle.server, flight, (size_t)n, 0));
	ASSERT_EQ(0, shutdown(middle.server, SHUT_WR));
	ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 5000));
	expect_agreed(&self->client, &self->server);
	ASSERT_EQ(2, send(self->server.fd, "ok", 2, 0));
	ASSERT_EQ(2, recv(middle.server, flight, 2, MSG_WAITALL));
	middle_close(&middle);
}

/* ---- in small pieces ------------------------------------------------------------------------- */

TEST_F(conn, one_byte_at_a_time)
{
	struct middle middle;

	conns_open(&self->conns);
	for (size_t chunk = 1; chunk < 8; chunk++) {
		middle_open(&middle, &self->client.fd, &self->server.fd);
		conns_begin(&self->conns, KTLS_CLIENT, &self->client);
		conns_begin(&self->conns, KTLS_SERVER, &self->server);
		middle_run(&middle, &self->conns, &self->client, &self->server, chunk);
		expect_agreed(&self->client, &self->server);
		EXPECT_EQ(middle.to_server, self->server.result.taken);
		EXPECT_EQ(middle.to_client, self->client.result.taken);
		middle_close(&middle);
		close(self->client.fd);
		close(self->server.fd);
	}
}

/* A record longer than the receive buffer never lies there whole. */
TEST(small_receive_buffers)
{
	struct conn_end client, server, *both[] = { &client, &server };
	struct conns conns;
	int sndbuf = 2048;

	conns_init(&conns, true);
	ASSERT_GT(conns.leaf->der_len, 8000);
	conns_open(&conns);
	open_pair(&client, &server, 2048);
	setsockopt(server.fd, SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof(sndbuf));
	conns_begin(&conns, KTLS_CLIENT, &client);
	conns_begin(&conns, KTLS_SERVER, &server);
	ASSERT_TRUE(conns_run(&conns, both, 2, 20000));
	expect_agreed(&client, &server);
	EXPECT_EQ(conns.leaf->der_len, client.leaf_len);
	close(client.fd);
	close(server.fd);
	conns_wipe(&conns);
}

/* Brings the client so far that its engine is done and its last bytes cannot be sent. */
static void until_blocked(struct conns *conns, struct middle *middle, struct conn_end *client,
			  struct conn_end *server)
{
	static uint8_t bytes[65536];
	int size = 4096;

	middle_open(middle, &client->fd, &server->fd);
	setsockopt(client->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(middle->client, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	conns_begin(conns, KTLS_CLIENT, client);
	conns_begin(conns, KTLS_SERVER, server);
	ASSERT_GT(middle_to_server(middle, SIZE_MAX), 0);
	conns_settle(conns);
	for (int i = 0; i < 100; i++) {
		while (send(client->fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
			;
		usleep(1000);
	}
	ASSERT_GT(middle_to_client(middle, SIZE_MAX), 0);
	for (int i = 0; i < 50; i++) {
		conns_settle(conns);
		usleep(1000);
	}
	EXPECT_FALSE(client->done);
	EXPECT_EQ(0, fake_kernel.installs);
	EXPECT_GT(conns->loop->pool.used, 0);
}

/* Keys are for what TCP has not got yet: our own last bytes must be through. */
TEST_F(conn, no_keys_before_our_last_bytes_are_accepted)
{
	uint8_t *bytes = malloc(65536);
	struct middle middle;

	conns_open(&self->conns);
	until_blocked(&self->conns, &middle, &self->client, &self->server);
	for (int i = 0; i < 5000 && !self->client.done; i++) {
		if (recv(middle.client, bytes, 65536, MSG_DONTWAIT) < 0)
			usleep(100);
		conns_settle(&self->conns);
	}
	EXPECT_TRUE(self->client.tx_set);
	EXPECT_EQ(KTLS_OK, self->client.result.reason);
	conn_abandon(self->server.conn);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 5000));
	middle_close(&middle);
	free(bytes);
}

TEST_F(conn, reset_before_our_last_bytes_are_accepted)
{
	struct middle middle;

	conns_open(&self->conns);
	until_blocked(&self->conns, &middle, &self->client, &self->server);
	close_by_reset(middle.client);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 1, 2000));
	EXPECT_EQ(KTLS_R_PEER_RESET, self->client.result.reason);
	EXPECT_FALSE(self->client.tx_set);
	conn_abandon(self->server.conn);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 5000));
	close(middle.server);
}

/* ---- shared sockets -------------------------------------------------------------------------- */

static void steal(struct conns *conns)
{
	char byte;

	EXPECT_EQ(1, recv(*(int *)conns->before_sign_arg, &byte, 1, MSG_DONTWAIT));
}

TEST_F(conn, another_reader_is_noticed)
{
	conns_open(&self->conns);
	open_pair(&self->client, &self->server, 0);
	self->conns.before_sign = steal;
	self->conns.before_sign_arg = &self->server.fd;
	conns_begin(&self->conns, KTLS_CLIENT, &self->client);
	conns_begin(&self->conns, KTLS_SERVER, &self->server);
	ASSERT_TRUE(conns_run(&self->conns, &self->both[1], 1, 5000));
	EXPECT_EQ(KTLS_R_SOCKET_DISTURBED, self->server.result.reason);
	EXPECT_FALSE(self->server.tx_set);
	close(self->server.fd);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 1, 5000));
	EXPECT_NE(KTLS_OK, self->client.result.reason);
}

TEST_F(conn, status_flags_stay)
{
	int before[2];

	conns_open(&self->conns);
	for (int flags = 0; flags < 2; flags++) {
		open_pair(&self->client, &self->server, 0);
		fcntl(self->client.fd, F_SETFL, flags ? O_NONBLOCK : 0);
		fcntl(self->server.fd, F_SETFL, flags ? O_NONBLOCK : 0);
		before[0] = fcntl(self->client.fd, F_GETFL);
		before[1] = fcntl(self->server.fd, F_GETFL);
		conns_begin(&self->conns, KTLS_CLIENT, &self->client);
		conns_begin(&self->conns, KTLS_SERVER, &self->server);
		EXPECT_EQ(before[0], fcntl(self->client.fd, F_GETFL));
		ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 5000));
		EXPECT_EQ(before[0], fcntl(self->client.fd, F_GETFL));
		EXPECT_EQ(before[1], fcntl(self->server.fd, F_GETFL));
		close(self->client.fd);
		close(self->server.fd);
	}
}

TEST_HARNESS_MAIN
