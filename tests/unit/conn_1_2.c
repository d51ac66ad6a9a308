/* SPDX-License-Identifier: MIT */
/*
 * TLS 1.2 over loopback TCP. Its server speaks last, so data may follow the Finished of the server;
 * and that of a client which starts early, RFC 7918.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/conn/internal.h"
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
	self->conns.profile.version_min = KTLS_TLS_1_2;
	self->conns.profile.version_max = KTLS_TLS_1_2;
	self->both[0] = &self->client;
	self->both[1] = &self->server;
}

FIXTURE_TEARDOWN(conn)
{
	conns_wipe(&self->conns);
	close(self->client.fd);
	close(self->server.fd);
}

static void expect_agreed_1_2(const struct conn_end *client, const struct conn_end *server)
{
	static const uint8_t one[8] = { 0, 0, 0, 0, 0, 0, 0, 1 };

	expect_agreed(client, server);
	EXPECT_EQ(KTLS_TLS_1_2, client->facts.version);
	EXPECT_EQ(KTLS_TLS_1_2, client->tx.version);
	/* The Finished was record 0 of each direction. */
	EXPECT_MEMEQ(one, client->tx.seq, 8);
	EXPECT_MEMEQ(one, client->rx.seq, 8);
}

static void expect_bytes(int fd, const uint8_t *bytes, size_t len)
{
	uint8_t got[512];

	ASSERT_LE(len, sizeof(got));
	ASSERT_EQ(len, recv(fd, got, len, MSG_WAITALL));
	EXPECT_MEMEQ(bytes, got, len);
	EXPECT_EQ(-1, recv(fd, got, 1, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
}

TEST_F(conn, every_suite)
{
	static const uint16_t suites[] = { KTLS_ECDHE_ECDSA_AES_128_GCM_SHA256,
					   KTLS_ECDHE_ECDSA_AES_256_GCM_SHA384,
					   KTLS_ECDHE_ECDSA_CHACHA20_POLY1305 };

	for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
		conn_loop_free(self->conns.loop);
		self->conns.config.suites = &suites[i];
		self->conns.config.suites_len = 1;
		conns_open(&self->conns);
		open_pair(&self->client, &self->server, 0);
		conns_begin(&self->conns, KTLS_CLIENT, &self->client);
		conns_begin(&self->conns, KTLS_SERVER, &self->server);
		ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 5000));
		expect_agreed_1_2(&self->client, &self->server);
		EXPECT_EQ(suites[i], self->server.tx.suite);
		EXPECT_EQ(2, self->client.result.chain_len);
		EXPECT_EQ(KTLS_SCHEME_ECDSA_SECP256R1_SHA256, self->client.facts.scheme);
		close(self->client.fd);
		close(self->server.fd);
	}
	EXPECT_EQ(3, self->conns.signed_count);
}

/* ---- which version --------------------------------------------------------------------------- */

static void run_versions(struct conns *conns, struct conn_end *const both[2],
			 const struct conn_profile *client, const struct conn_profile *server)
{
	const struct conn_profile *profiles[] = { client, server };
	struct conn_request request;

	open_pair(both[0], both[1], 0);
	for (int i = 0; i < 2; i++) {
		request = conns_request(conns, i == 0 ? KTLS_CLIENT : KTLS_SERVER, both[i]);
		request.profile = profiles[i];
		conns_start(conns, &request, both[i]);
	}
	ASSERT_TRUE(conns_run(conns, both, 2, 5000));
}

/* Without a signature: the server proves itself by what it decrypts (RFC 5246, 7.4.7.1). */
TEST_F_TIMEOUT(conn, rsa_key_exchange, 30)
{
	static const uint16_t suites[] = { KTLS_RSA_AES_128_GCM_SHA256,
					   KTLS_RSA_AES_256_GCM_SHA384 };

	conns_use_key(&self->conns, CERT_RSA2048);
	self->conns.profile.static_rsa = true;
	for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
		conn_loop_free(self->conns.loop);
		self->conns.config.suites = &suites[i];
		self->conns.config.suites_len = 1;
		conns_open(&self->conns);
		open_pair(&self->client, &self->server, 0);
		conns_begin(&self->conns, KTLS_CLIENT, &self->client);
		conns_begin(&self->conns, KTLS_SERVER, &self->server);
		ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 5000));
		expect_agreed_1_2(&self->client, &self->server);
		EXPECT_EQ(suites[i], self->server.tx.suite);
		EXPECT_EQ(0, self->server.facts.group);
		EXPECT_EQ(0, self->conns.signed_count);
		close(self->client.fd);
		close(self->server.fd);
	}
	self->client.fd = -1;
	self->server.fd = -1;
}

TEST_F(conn, is_off_unless_the_profile_has_it)
{
	struct conn_profile only_1_3 = self->conns.profile;

	only_1_3.version_min = 0;
	only_1_3.version_max = 0;
	conns_open(&self->conns);
	run_versions(&self->conns, self->both, &self->conns.profile, &only_1_3);
	expect_failed(&self->server, KTLS_R_VERSION_UNSUPPORTED);
	expect_failed(&self->client, KTLS_R_PEER_ALERT);
	EXPECT_EQ(KTLS_ALERT_PROTOCOL_VERSION, self->client.result.alert);
	close(self->client.fd);
	close(self->server.fd);
	run_versions(&self->conns, self->both, &only_1_3, &self->conns.profile);
	expect_failed(&self->server, KTLS_R_VERSION_UNSUPPORTED);
	EXPECT_EQ(0, fake_kernel.installs);
	EXPECT_EQ(0, self->conns.signed_count);
}

TEST_F(conn, the_higher_of_two_is_taken)
{
	struct conn_profile both = self->conns.profile;

	both.version_max = KTLS_TLS_1_3;
	conns_open(&self->conns);
	run_versions(&self->conns, self->both, &both, &both);
	expect_agreed(&self->client, &self->server);
	EXPECT_EQ(KTLS_TLS_1_3, self->client.facts.version);
	close(self->client.fd);
	close(self->server.fd);
	run_versions(&self->conns, self->both, &both, &self->conns.profile);
	expect_agreed_1_2(&self->client, &self->server);
}

TEST_F(conn, the_kernel_has_a_say)
{
	uint16_t suites[CONN_SUITES_MAX];
	struct conn_profile both = self->conns.profile, only_1_3 = self->conns.profile;
	struct conn_request request;

	both.version_max = KTLS_TLS_1_3;
	only_1_3.version_min = KTLS_TLS_1_3;
	only_1_3.version_max = KTLS_TLS_1_3;
	self->conns.config.suites = suites;
	self->conns.config.suites_len = conn_suites(KTLS_CAN_TLS_1_2_AES_256_GCM, suites);
	ASSERT_EQ(3, self->conns.config.suites_len); /* of which one is for static_rsa */
	conns_open(&self->conns);
	run_versions(&self->conns, self->both, &both, &both);
	expect_agreed_1_2(&self->client, &self->server);
	EXPECT_EQ(KTLS_ECDHE_ECDSA_AES_256_GCM_SHA384, self->client.facts.suite);
	request = conns_request(&self->conns, KTLS_CLIENT, &self->client);
	request.profile = &only_1_3;
	EXPECT_EQ(-KTLS_R_KERNEL_NO_SUITE,
		  conn_start(self->conns.loop, &request, &self->client.conn));
}

TEST(static_rsa_has_to_be_allowed)
{
	uint16_t suites[CONN_SUITES_MAX];
	size_t len = conn_suites(UINT64_MAX, suites);
	struct conn_profile profile = { .static_rsa = false };

	EXPECT_EQ(9, conn_suites_of(&profile, suites, len));
	profile.static_rsa = true;
	EXPECT_EQ(11, conn_suites_of(&profile, suites, len));
	EXPECT_EQ(0, conn_suites_of(&profile, NULL, 0));
}

TEST(suites_of_capabilities)
{
	uint16_t suites[CONN_SUITES_MAX];

	EXPECT_EQ(0, conn_suites(KTLS_CAN_REKEY, suites));
	EXPECT_EQ(11, conn_suites(UINT64_MAX, suites));
	ASSERT_EQ(3, conn_suites(KTLS_CAN_TLS_1_3_AES_256_GCM | KTLS_CAN_TLS_1_2_CHACHA20_POLY1305,
				 suites));
	EXPECT_EQ(KTLS_AES_256_GCM_SHA384, suites[0]);
	EXPECT_EQ(KTLS_ECDHE_ECDSA_CHACHA20_POLY1305, suites[1]);
	EXPECT_EQ(KTLS_ECDHE_RSA_CHACHA20_POLY1305, suites[2]);
}

/* ---- not a byte too many --------------------------------------------------------------------- */

static const uint8_t data[] = "\x17\x03\x03\x00\x20 this is for the kernel alone ...";

/* Passes on what there is until a flight of the sender, the given one, waits at the middle. */
static size_t catch_flight(struct conns *conns, struct middle *middle, bool of_server, int flights,
			   uint8_t *out, size_t cap)
{
	int from = of_server ? middle->server : middle->client;
	ssize_t n;

	for (int i = 0; i < 2000; i++) {
		conns_settle(conns);
		if (of_server)
			middle_to_server(middle, SIZE_MAX);
		else
			middle_to_client(middle, SIZE_MAX);
		conns_settle(conns);
		if (recv(from, out, 1, MSG_PEEK | MSG_DONTWAIT) != 1) {
			usleep(500);
			continue;
		}
		if (--flights == 0) {
			n = recv(from, out, cap, MSG_DONTWAIT);
			return (size_t)n;
		}
		if (of_server)
			middle_to_client(middle, SIZE_MAX);
		else
			middle_to_server(middle, SIZE_MAX);
	}
	ASSERT_TRUE(false);
	return 0;
}

/* The second flight of one end with data behind it, cut at every byte, the data's included. */
static void cut_everywhere(struct conns *conns, struct conn_end *client, struct conn_end *server,
			   bool of_server)
{
	struct conn_end *both[] = { client, server }, *receiver = of_server ? client : server;
	uint8_t flight[512];
	size_t cut = 0, len = 1;
	struct middle middle;
	int to;

	for (; cut <= len; cut++) {
		middle_open(&middle, &client->fd, &server->fd);
		conns_begin(conns, KTLS_CLIENT, client);
		conns_begin(conns, KTLS_SERVER, server);
		len = catch_flight(conns, &middle, of_server, 2, flight, sizeof(flight));
		ASSERT_GT(len, 40);
		ASSERT_LE(len + sizeof(data), sizeof(flight));
		memcpy(flight + len, data, sizeof(data));
		len += sizeof(data);
		to = of_server ? middle.client : middle.server;
		if (cut > 0)
			ASSERT_EQ(cut, send(to, flight, cut, 0));
		conns_settle(conns);
		if (cut < len)
			ASSERT_EQ(len - cut, send(to, flight + cut, len - cut, 0));
		for (int i = 0; i < 2000 && !(client->done && server->done); i++) {
			conns_settle(conns);
			if (!of_server)
				middle_to_client(&middle, SIZE_MAX);
			usleep(100);
		}
		ASSERT_TRUE(conns_run(conns, both, 2, 5000));
		expect_agreed_1_2(client, server);
		expect_bytes(receiver->fd, data, sizeof(data));
		middle_close(&middle);
		close(client->fd);
		close(server->fd);
	}
	EXPECT_GT(cut, 40 + sizeof(data));
}

TEST_F_TIMEOUT(conn, data_behind_the_servers_finished_stays, 60)
{
	conns_open(&self->conns);
	cut_everywhere(&self->conns, &self->client, &self->server, true);
}

TEST_F_TIMEOUT(conn, data_behind_the_clients_finished_stays, 60)
{
	conns_open(&self->conns);
	cut_everywhere(&self->conns, &self->client, &self->server, false);
}

TEST_F(conn, one_byte_at_a_time)
{
	struct middle middle;

	conns_open(&self->conns);
	for (size_t chunk = 1; chunk < 4; chunk++) {
		middle_open(&middle, &self->client.fd, &self->server.fd);
		conns_begin(&self->conns, KTLS_CLIENT, &self->client);
		conns_begin(&self->conns, KTLS_SERVER, &self->server);
		middle_run(&middle, &self->conns, &self->client, &self->server, chunk);
		expect_agreed_1_2(&self->client, &self->server);
		EXPECT_EQ(middle.to_server, self->server.result.taken);
		EXPECT_EQ(middle.to_client, self->client.result.taken);
		middle_close(&middle);
		close(self->client.fd);
		close(self->server.fd);
	}
}

TEST_F(conn, a_signature_that_comes_late)
{
	self->conns.sign_later = true;
	conns_open(&self->conns);
	open_pair(&self->client, &self->server, 0);
	conns_begin(&self->conns, KTLS_CLIENT, &self->client);
	conns_begin(&self->conns, KTLS_SERVER, &self->server);
	for (int i = 0; i < 500 && self->conns.pending_len == 0; i++) {
		conns_settle(&self->conns);
		usleep(1000);
	}
	ASSERT_EQ(1, self->conns.pending_len);
	conns_sign(&self->conns, 0);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 5000));
	expect_agreed_1_2(&self->client, &self->server);
}

TEST_HARNESS_MAIN
