/* SPDX-License-Identifier: MIT */
/* How handshakes over sockets fail: what the result says, what the peer sees, what is left behind.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/conn/internal.h"
#include "lib/x509/trust.h"
#include "tests/harness/certs.h"
#include "tests/harness/conns.h"
#include "tests/harness/descriptors.h"
#include "tests/harness/harness.h"

FIXTURE(failure)
{
	struct conns conns;
	struct conn_end client, server;
	struct conn_end *both[2];
};

FIXTURE_SETUP(failure)
{
	int fd[2];

	conns_init(&self->conns, false);
	self->both[0] = &self->client;
	self->both[1] = &self->server;
	tcp_pair(fd, 0);
	self->client.fd = fd[0];
	self->server.fd = fd[1];
	conns_open(&self->conns);
}

FIXTURE_TEARDOWN(failure)
{
	conns_wipe(&self->conns);
	close(self->client.fd);
	close(self->server.fd);
}

/* The next record of fd is a plaintext alert; what level it has does not matter (RFC 9846, 6). */
static void expect_alert(int fd, uint8_t alert)
{
	const uint8_t header[] = { 21, 3, 3, 0, 2 };
	uint8_t got[7];

	ASSERT_EQ(sizeof(got), recv(fd, got, sizeof(got), MSG_WAITALL));
	EXPECT_MEMEQ(header, got, sizeof(header));
	EXPECT_EQ(alert, got[6]);
}

/* ---- the peer goes --------------------------------------------------------------------------- */

/*
 * Passes on `budget` bytes, then the peers close both connections, by FIN or by reset. Returns the
 * number of bytes that were passed on.
 */
static size_t run_until(struct conns *conns, struct conn_end *const both[2], size_t budget,
			bool reset)
{
	struct middle middle;
	size_t passed = 0, moved = 1;

	middle_open(&middle, &both[0]->fd, &both[1]->fd);
	conns_begin(conns, KTLS_CLIENT, both[0]);
	conns_begin(conns, KTLS_SERVER, both[1]);
	for (int idle = 0; idle < 3 && passed<budget; idle = moved> 0 ? 0 : idle + 1) {
		moved = middle_to_server(&middle, budget - passed);
		passed += moved;
		conns_settle(conns);
		moved += middle_to_client(&middle, budget - passed);
		passed = middle.to_server + middle.to_client;
		conns_settle(conns);
		if (moved == 0)
			usleep(500);
	}
	if (reset) {
		close_by_reset(middle.client);
		close_by_reset(middle.server);
	} else {
		middle_close(&middle);
	}
	EXPECT_TRUE(conns_run(conns, both, 2, 5000));
	close(both[0]->fd);
	close(both[1]->fd);
	return passed;
}

static void expect_gone(const struct conn_end *end, bool reset)
{
	enum ktls_reason reason = end->result.reason;

	EXPECT_TRUE(end->done);
	EXPECT_EQ(reason == KTLS_OK, end->rx_set);
	EXPECT_EQ(reason == KTLS_OK, end->tx_set);
	if (reason != KTLS_OK && reason != KTLS_R_PEER_EOF)
		EXPECT_EQ(KTLS_R_PEER_RESET, reason);
	if (reset && reason != KTLS_OK)
		EXPECT_EQ(KTLS_R_PEER_RESET, reason);
	if (reason == KTLS_R_PEER_RESET)
		EXPECT_STRNE("", end->text);
}

static void peers_go(struct conns *conns, struct conn_end *const both[2], bool reset)
{
	int descriptors = open_descriptors();
	size_t passed = 0, agreed = 0;

	for (size_t budget = 0; passed + 13 >= budget; budget += budget < 20 ? 1 : 13) {
		memset(both[0], 0, sizeof(*both[0]));
		memset(both[1], 0, sizeof(*both[1]));
		passed = run_until(conns, both, budget, reset);
		expect_gone(both[0], reset);
		expect_gone(both[1], reset);
		agreed += both[0]->result.reason == KTLS_OK && both[1]->result.reason == KTLS_OK;
		ASSERT_EQ(0, conns->loop->pool.used);
		ASSERT_EQ(descriptors, open_descriptors());
	}
	EXPECT_GT(passed, 700);
	EXPECT_GE(agreed, 1);
}

TEST_F(failure, peer_closes_at_each_step)
{
	struct conn_end client = { 0 }, server = { 0 }, *both[] = { &client, &server };

	peers_go(&self->conns, both, false);
}

TEST_F(failure, peer_resets_at_each_step)
{
	struct conn_end client = { 0 }, server = { 0 }, *both[] = { &client, &server };

	peers_go(&self->conns, both, true);
}

/* Our bytes cannot be sent any more, but why is there to be read. */
TEST_F(failure, last_words_of_a_peer_that_is_gone_are_read)
{
	static const uint8_t alert[] = { 21, 3, 3, 0, 2, 2, KTLS_ALERT_ACCESS_DENIED };
	struct middle middle;

	middle_open(&middle, &self->client.fd, &self->server.fd);
	conns_begin(&self->conns, KTLS_CLIENT, &self->client);
	ASSERT_GT(middle_to_server(&middle, SIZE_MAX), 0);
	ASSERT_EQ(sizeof(alert), send(middle.server, alert, sizeof(alert), 0));
	close_by_reset(middle.server);
	close(middle.client);
	conns_begin(&self->conns, KTLS_SERVER, &self->server);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 5000));
	expect_failed(&self->server, KTLS_R_PEER_ALERT);
	EXPECT_EQ(KTLS_ALERT_ACCESS_DENIED, self->server.result.alert);
	EXPECT_TRUE(self->server.result.alert_received);
}

TEST_F(failure, peer_that_is_gone_without_a_word)
{
	struct middle middle;

	middle_open(&middle, &self->client.fd, &self->server.fd);
	conns_begin(&self->conns, KTLS_CLIENT, &self->client);
	ASSERT_GT(middle_to_server(&middle, SIZE_MAX), 0);
	close_by_reset(middle.server);
	close(middle.client);
	conns_begin(&self->conns, KTLS_SERVER, &self->server);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 5000));
	expect_failed(&self->server, KTLS_R_PEER_RESET);
	EXPECT_EQ(ECONNRESET, self->server.result.error);
}

/* ---- alerts ---------------------------------------------------------------------------------- */

TEST_F(failure, wrong_name)
{
	struct conn_request request = conns_request(&self->conns, KTLS_CLIENT, &self->client);

	request.server_name = "example.net";
	conns_start(&self->conns, &request, &self->client);
	conns_begin(&self->conns, KTLS_SERVER, &self->server);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 5000));
	expect_failed(&self->client, KTLS_R_CERTIFICATE_NAME);
	EXPECT_EQ(KTLS_ALERT_BAD_CERTIFICATE, self->client.result.alert);
	EXPECT_FALSE(self->client.result.alert_received);
	EXPECT_STRNE("", self->client.text);
	EXPECT_EQ(1, self->client.result.chain_len);
	expect_failed(&self->server, KTLS_R_PEER_ALERT);
	EXPECT_EQ(KTLS_ALERT_BAD_CERTIFICATE, self->server.result.alert);
	EXPECT_TRUE(self->server.result.alert_received);
}

TEST_F(failure, unknown_ca)
{
	struct cert *other = cert_ca(CERT_P256, "Another CA");
	struct conn_profile profile = self->conns.profile;
	struct conn_request request;
	struct x509_error err;

	profile.trust = x509_trust_new(other->pem, other->pem_len, &err);
	ASSERT_NOT_NULL(profile.trust);
	request = conns_request(&self->conns, KTLS_CLIENT, &self->client);
	request.profile = &profile;
	conns_start(&self->conns, &request, &self->client);
	conns_begin(&self->conns, KTLS_SERVER, &self->server);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 5000));
	expect_failed(&self->client, KTLS_R_CERTIFICATE_UNKNOWN_CA);
	expect_failed(&self->server, KTLS_R_PEER_ALERT);
	EXPECT_EQ(KTLS_ALERT_UNKNOWN_CA, self->server.result.alert);
	x509_trust_free((struct x509_trust *)(uintptr_t)profile.trust);
	cert_free(other);
}

TEST_F(failure, strict_about_names)
{
	struct conn_request request = conns_request(&self->conns, KTLS_CLIENT, &self->client);

	self->conns.profile.strict_server_name = true;
	request.server_name = "example.net";
	conns_start(&self->conns, &request, &self->client);
	conns_begin(&self->conns, KTLS_SERVER, &self->server);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 5000));
	expect_failed(&self->server, KTLS_R_SERVER_NAME_UNKNOWN);
	EXPECT_STREQ("example.net", self->server.facts.server_name);
	expect_failed(&self->client, KTLS_R_PEER_ALERT);
	EXPECT_EQ(KTLS_ALERT_UNRECOGNIZED_NAME, self->client.result.alert);
}

TEST_F(failure, what_is_no_tls_is_left_for_the_application)
{
	static const char http[] = "GET / HTTP/1.0\r\n\r\n";
	char got[sizeof(http)];

	ASSERT_EQ(sizeof(http), send(self->client.fd, http, sizeof(http), 0));
	conns_begin(&self->conns, KTLS_SERVER, &self->server);
	ASSERT_TRUE(conns_run(&self->conns, &self->both[1], 1, 5000));
	expect_failed(&self->server, KTLS_R_NOT_TLS);
	EXPECT_EQ(0, self->server.result.taken);
	ASSERT_EQ(sizeof(http), recv(self->server.fd, got, sizeof(got), MSG_DONTWAIT));
	EXPECT_MEMEQ(http, got, sizeof(http));
	expect_alert(self->client.fd, KTLS_ALERT_UNEXPECTED_MESSAGE);
}

/* Unread bytes would make the application's close() a reset, which may overtake the alert. */
TEST_F(failure, what_is_bad_tls_is_taken)
{
	static const uint8_t bad[64] = { 22, 3, 1, 0xff, 0xff };
	uint8_t byte;

	ASSERT_EQ(sizeof(bad), send(self->client.fd, bad, sizeof(bad), 0));
	conns_begin(&self->conns, KTLS_SERVER, &self->server);
	ASSERT_TRUE(conns_run(&self->conns, &self->both[1], 1, 5000));
	expect_failed(&self->server, KTLS_R_RECORD_TOO_LONG);
	EXPECT_EQ(sizeof(bad), self->server.result.taken);
	close(self->server.fd);
	self->server.fd = -1;
	expect_alert(self->client.fd, KTLS_ALERT_RECORD_OVERFLOW);
	EXPECT_EQ(0, recv(self->client.fd, &byte, 1, 0));
}

/* ---- the end from outside -------------------------------------------------------------------- */

TEST_F(failure, deadline)
{
	struct conn_request request = conns_request(&self->conns, KTLS_SERVER, &self->server);

	request.timeout_ms = 50;
	conns_start(&self->conns, &request, &self->server);
	ASSERT_TRUE(conns_run(&self->conns, &self->both[1], 1, 5000));
	expect_failed(&self->server, KTLS_R_DEADLINE);
	EXPECT_GE(self->server.result.wall_us, 50000);
	EXPECT_LT(self->server.result.wall_us, 1000000);
	EXPECT_EQ(KTLS_ALERT_USER_CANCELED, self->server.result.alert);
	EXPECT_STREQ("waiting for the peer", self->server.text);
	expect_alert(self->client.fd, KTLS_ALERT_USER_CANCELED);
	expect_alert(self->client.fd, KTLS_ALERT_CLOSE_NOTIFY);
}

TEST_F(failure, deadline_of_the_loop_where_the_request_has_none)
{
	self->conns.loop->config.timeout_ms = 30;
	conns_begin(&self->conns, KTLS_SERVER, &self->server);
	ASSERT_TRUE(conns_run(&self->conns, &self->both[1], 1, 5000));
	expect_failed(&self->server, KTLS_R_DEADLINE);
}

TEST_F(failure, deadline_while_a_signature_is_due)
{
	struct conn_request request = conns_request(&self->conns, KTLS_SERVER, &self->server);

	self->conns.sign_later = true;
	request.timeout_ms = 50;
	conns_begin(&self->conns, KTLS_CLIENT, &self->client);
	conns_start(&self->conns, &request, &self->server);
	ASSERT_TRUE(conns_run(&self->conns, &self->both[1], 1, 5000));
	ASSERT_EQ(1, self->conns.pending_len);
	expect_failed(&self->server, KTLS_R_DEADLINE);
	EXPECT_STREQ("waiting for the signer", self->server.text);
	conns_sign(&self->conns, 0);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 1, 5000));
	EXPECT_NE(KTLS_OK, self->client.result.reason);
}

TEST_F(failure, cancel)
{
	conns_begin(&self->conns, KTLS_SERVER, &self->server);
	conns_settle(&self->conns);
	EXPECT_FALSE(self->server.done);
	conn_cancel(self->server.conn, KTLS_R_CANCELLED);
	EXPECT_FALSE(self->server.done);
	conn_cancel(self->server.conn, KTLS_R_DEADLINE);
	ASSERT_TRUE(conns_run(&self->conns, &self->both[1], 1, 5000));
	expect_failed(&self->server, KTLS_R_CANCELLED);
	expect_alert(self->client.fd, KTLS_ALERT_USER_CANCELED);
}

TEST_F(failure, abandoned_handshakes_send_nothing)
{
	uint8_t byte;

	conns_begin(&self->conns, KTLS_SERVER, &self->server);
	conn_abandon(self->server.conn);
	ASSERT_TRUE(conns_run(&self->conns, &self->both[1], 1, 5000));
	expect_failed(&self->server, KTLS_R_CANCELLED);
	EXPECT_EQ(KTLS_ALERT_NONE, self->server.result.alert);
	EXPECT_EQ(-1, recv(self->client.fd, &byte, 1, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
}

/* ---- the kernel ------------------------------------------------------------------------------ */

TEST_F(failure, kernel_without_tls_is_known_before_the_first_byte)
{
	uint8_t byte;

	fake_kernel.attach_result = -KTLS_R_KERNEL_NO_TLS;
	conns_begin(&self->conns, KTLS_CLIENT, &self->client);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 1, 5000));
	expect_failed(&self->client, KTLS_R_KERNEL_NO_TLS);
	EXPECT_EQ(ENOENT, self->client.result.error);
	EXPECT_STREQ("TCP_ULP: No such file or directory", self->client.text);
	EXPECT_EQ(-1, recv(self->server.fd, &byte, 1, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
}

TEST_F(failure, kernel_refuses_transmit_keys)
{
	fake_kernel.tx_result = -KTLS_R_KERNEL_REFUSED;
	conns_begin(&self->conns, KTLS_CLIENT, &self->client);
	conns_begin(&self->conns, KTLS_SERVER, &self->server);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 5000));
	expect_failed(&self->client, KTLS_R_KERNEL_REFUSED);
	expect_failed(&self->server, KTLS_R_KERNEL_REFUSED);
	EXPECT_EQ(EINVAL, self->server.result.error);
	EXPECT_STREQ("TLS_TX: Invalid argument", self->server.text);
	EXPECT_EQ(0, fake_kernel.installs);
}

TEST_F(failure, kernel_refuses_receive_keys)
{
	uint8_t byte;

	fake_kernel.rx_result = -KTLS_R_KERNEL_REFUSED;
	conns_begin(&self->conns, KTLS_CLIENT, &self->client);
	conns_begin(&self->conns, KTLS_SERVER, &self->server);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 5000));
	expect_failed(&self->client, KTLS_R_KERNEL_HALF_INSTALLED);
	EXPECT_EQ(0, recv(self->client.fd, &byte, 1, 0));
	EXPECT_EQ(-1, send(self->client.fd, &byte, 1, MSG_NOSIGNAL));
	EXPECT_EQ(EPIPE, errno);
}

TEST_F(failure, kernel_refuses_shorter_records)
{
	fake_kernel.limit_result = -KTLS_R_KERNEL_REFUSED;
	conn_loop_free(self->conns.loop);
	self->conns.config.record_size_limit = 1000;
	conns_open(&self->conns);
	conns_begin(&self->conns, KTLS_CLIENT, &self->client);
	conns_begin(&self->conns, KTLS_SERVER, &self->server);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 5000));
	expect_failed(&self->client, KTLS_R_KERNEL_HALF_INSTALLED);
	EXPECT_STREQ("TLS_TX_MAX_PAYLOAD_LEN: Invalid argument", self->client.text);
	EXPECT_EQ(1000 - 1, self->client.content_max);
}

TEST_HARNESS_MAIN
