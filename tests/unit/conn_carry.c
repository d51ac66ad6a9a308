/* SPDX-License-Identifier: MIT */
/* Records that are the caller's to carry, and descriptors that are given back. */
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/conn/internal.h"
#include "tests/harness/conns.h"
#include "tests/harness/descriptors.h"
#include "tests/harness/harness.h"

FIXTURE(carry)
{
	struct conns conns;
	struct conn_end client, server;
	struct conn_end *both[2];
};

FIXTURE_SETUP(carry)
{
	conns_init(&self->conns, false);
	self->both[0] = &self->client;
	self->both[1] = &self->server;
	open_pair(&self->client, &self->server, 0);
}

FIXTURE_TEARDOWN(carry)
{
	conns_wipe(&self->conns);
	close(self->client.fd);
	close(self->server.fd);
}

static void begin(struct conns *conns, enum ktls_role role, enum conn_records records,
		  struct conn_end *end)
{
	struct conn_request request = conns_request(conns, role, end);

	request.records = records;
	conns_start(conns, &request, end);
}

/* A handshake of the fixture's; both ends have the same wish. */
static void shake(struct conns *conns, enum conn_records records, struct conn_end *const both[2])
{
	begin(conns, KTLS_CLIENT, records, both[0]);
	begin(conns, KTLS_SERVER, records, both[1]);
	ASSERT_TRUE(conns_run(conns, both, 2, 5000));
}

/* Both have the keys, which fit, and no kernel has any. */
static void expect_carried(const struct conn_end *const both[2], enum ktls_reason refused,
			   const char *text)
{
	struct ktls_traffic_key sent = both[1]->tx;

	for (int i = 0; i < 2; i++) {
		ASSERT_TRUE(both[i]->done);
		ASSERT_EQ(KTLS_OK, both[i]->result.reason);
		EXPECT_TRUE(both[i]->result.carry);
		EXPECT_EQ(refused, both[i]->result.refused);
		EXPECT_EQ(KTLS_STATE_NONE, both[i]->result.tx);
		EXPECT_EQ(KTLS_STATE_NONE, both[i]->result.rx);
		EXPECT_EQ(both[i]->fd, both[i]->result.fd);
		EXPECT_STREQ(text, both[i]->text);
	}
	EXPECT_EQ(0, fake_kernel.installs);
	EXPECT_MEMEQ(&both[0]->tx, &both[1]->rx, sizeof(sent));
	memcpy(sent.seq, both[0]->rx.seq, sizeof(sent.seq));
	EXPECT_MEMEQ(&both[0]->rx, &sent, sizeof(sent));
	EXPECT_MEMEQ(both[0]->secrets.tx, both[1]->secrets.rx, sizeof(both[0]->secrets.tx));
}

/* ---- who has the records --------------------------------------------------------------------- */

TEST_F(carry, kernel_that_can_is_preferred)
{
	conns_open(&self->conns);
	shake(&self->conns, CONN_PREFER_KERNEL, self->both);
	expect_agreed(&self->client, &self->server);
	EXPECT_FALSE(self->client.result.carry);
	EXPECT_EQ(-1, self->client.result.fd);
}

TEST_F(carry, kernel_without_tls)
{
	fake_kernel.attach_result = -KTLS_R_KERNEL_NO_TLS;
	conns_open(&self->conns);
	shake(&self->conns, CONN_PREFER_KERNEL, self->both);
	expect_carried((const struct conn_end *const *)self->both, KTLS_R_KERNEL_NO_TLS,
		       "TCP_ULP: No such file or directory");
	EXPECT_EQ(ENOENT, self->client.result.error);
	EXPECT_EQ(2, fake_kernel.attached);
}

TEST_F(carry, kernel_is_not_asked)
{
	conns_open(&self->conns);
	shake(&self->conns, CONN_CALLER, self->both);
	expect_carried((const struct conn_end *const *)self->both, KTLS_OK, "");
	EXPECT_EQ(0, fake_kernel.attached);
}

/* No key is installed yet, so there is a way back. */
TEST_F(carry, kernel_that_refuses_the_first_key)
{
	static const enum ktls_reason reasons[] = { KTLS_R_KERNEL_REFUSED, KTLS_R_KERNEL_NO_SUITE };

	conns_open(&self->conns);
	for (int i = 0; i < 2; i++) {
		fake_kernel.tx_result = -(int)reasons[i];
		shake(&self->conns, CONN_PREFER_KERNEL, self->both);
		expect_carried((const struct conn_end *const *)self->both, reasons[i],
			       "TLS_TX: Invalid argument");
	}
}

TEST_F(carry, kernel_that_refuses_the_second_key)
{
	fake_kernel.rx_result = -KTLS_R_KERNEL_REFUSED;
	conns_open(&self->conns);
	shake(&self->conns, CONN_PREFER_KERNEL, self->both);
	expect_failed(&self->client, KTLS_R_KERNEL_HALF_INSTALLED);
	expect_failed(&self->server, KTLS_R_KERNEL_HALF_INSTALLED);
}

/* What is wrong with the socket is wrong for everybody. */
TEST_F(carry, socket_that_is_none)
{
	fake_kernel.attach_result = -KTLS_R_SOCKET_NOT_TCP;
	conns_open(&self->conns);
	begin(&self->conns, KTLS_CLIENT, CONN_PREFER_KERNEL, &self->client);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 1, 5000));
	expect_failed(&self->client, KTLS_R_SOCKET_NOT_TCP);
	EXPECT_EQ(KTLS_ALERT_NONE, self->client.result.alert);
	EXPECT_EQ(-1, self->client.result.fd);
}

/* ---- suites and versions --------------------------------------------------------------------- */

static const uint16_t client_has[] = { KTLS_CHACHA20_POLY1305_SHA256 };
static const uint16_t server_has[] = { KTLS_AES_128_GCM_SHA256 };

/* The server's kernel lacks the only suite that the client's has. */
static void shake_apart(struct conns *conns, enum conn_records records,
			struct conn_end *const both[2])
{
	struct conn_loop *first;

	conns->config.suites_len = 1;
	conns->config.suites = client_has;
	conns_open(conns);
	first = conns->loop;
	begin(conns, KTLS_CLIENT, CONN_KERNEL, both[0]);
	conns->config.suites = server_has;
	conns_open(conns);
	begin(conns, KTLS_SERVER, records, both[1]);
	for (int i = 0; i < 5000 && !(both[0]->done && both[1]->done); i++) {
		conn_loop_run(first);
		conn_loop_run(conns->loop);
		usleep(1000);
	}
	conn_loop_free(first);
}

TEST_F(carry, suite_that_the_kernel_lacks)
{
	shake_apart(&self->conns, CONN_PREFER_KERNEL, self->both);
	ASSERT_EQ(KTLS_OK, self->client.result.reason);
	ASSERT_EQ(KTLS_OK, self->server.result.reason);
	EXPECT_FALSE(self->client.result.carry);
	EXPECT_TRUE(self->server.result.carry);
	EXPECT_EQ(KTLS_R_KERNEL_NO_SUITE, self->server.result.refused);
	EXPECT_EQ(KTLS_CHACHA20_POLY1305_SHA256, self->server.tx.suite);
	EXPECT_MEMEQ(&self->client.tx, &self->server.rx, sizeof(self->client.tx));
}

TEST_F(carry, suite_that_the_kernel_lacks_is_refused_where_it_must_have_the_records)
{
	shake_apart(&self->conns, CONN_KERNEL, self->both);
	expect_failed(&self->server, KTLS_R_SUITES_NONE_SHARED);
}

TEST_F(carry, version_that_the_kernel_lacks)
{
	static const uint16_t old[] = { KTLS_ECDHE_ECDSA_AES_128_GCM_SHA256 };

	self->conns.config.suites = old;
	self->conns.config.suites_len = 1;
	conns_open(&self->conns);
	shake(&self->conns, CONN_PREFER_KERNEL, self->both);
	expect_carried((const struct conn_end *const *)self->both, KTLS_R_KERNEL_NO_SUITE, "");
	EXPECT_EQ(KTLS_TLS_1_3, self->client.facts.version);
}

/* Those of the kernel come first, RSA key exchange last, and each once. */
TEST(suites_in_order)
{
	static const uint16_t kernel[] = { KTLS_CHACHA20_POLY1305_SHA256,
					   KTLS_RSA_AES_256_GCM_SHA384 };
	struct conn_profile profile = { .static_rsa = false };
	uint16_t all[CONN_SUITES_MAX];

	conn_suites_extend(kernel, 2, all);
	EXPECT_EQ(kernel[0], all[0]);
	EXPECT_EQ(KTLS_AES_128_GCM_SHA256, all[1]);
	EXPECT_EQ(kernel[1], all[CONN_SUITES_MAX - 2]);
	EXPECT_EQ(KTLS_RSA_AES_128_GCM_SHA256, all[CONN_SUITES_MAX - 1]);
	EXPECT_EQ(CONN_SUITES_MAX - 2, conn_suites_of(&profile, all, CONN_SUITES_MAX));
	for (size_t i = 0; i < CONN_SUITES_MAX; i++)
		for (size_t k = 0; k < i; k++)
			EXPECT_NE(all[k], all[i]);
}

/* ---- descriptors ----------------------------------------------------------------------------- */

TEST_F(carry, descriptor_is_given_back)
{
	struct conn_request request;
	int descriptors;

	self->conns.config.closers = 2;
	conns_open(&self->conns);
	descriptors = open_descriptors();
	request = conns_request(&self->conns, KTLS_CLIENT, &self->client);
	request.keep_fd = true;
	conns_start(&self->conns, &request, &self->client);
	request = conns_request(&self->conns, KTLS_SERVER, &self->server);
	request.keep_fd = true;
	conns_start(&self->conns, &request, &self->server);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 5000));
	expect_agreed(&self->client, &self->server);
	EXPECT_EQ(self->client.fd, self->client.result.fd);
	EXPECT_TRUE(self->client.fd_was_open);
	EXPECT_EQ(descriptors, open_descriptors());
}

TEST_F(carry, descriptor_of_a_failure_is_closed)
{
	struct conn_request request;
	int descriptors;

	self->conns.config.closers = 2;
	conns_open(&self->conns);
	descriptors = open_descriptors();
	request = conns_request(&self->conns, KTLS_CLIENT, &self->client);
	request.records = CONN_CALLER;
	request.keep_fd = true;
	conns_start(&self->conns, &request, &self->client);
	conn_cancel(self->client.conn, KTLS_R_CANCELLED);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 1, 5000));
	EXPECT_EQ(-1, self->client.result.fd);
	EXPECT_FALSE(self->client.fd_was_open);
	EXPECT_EQ(descriptors - 1, open_descriptors());
}

/* Nobody has heard of it, so nobody else will close it. */
TEST_F(carry, descriptor_whose_loop_is_freed_first)
{
	int descriptors = open_descriptors();

	self->conns.config.closers = 2;
	conns_open(&self->conns);
	begin(&self->conns, KTLS_CLIENT, CONN_CALLER, &self->client);
	begin(&self->conns, KTLS_SERVER, CONN_CALLER, &self->server);
	for (int i = 0; i < 1000 && self->conns.loop->ended == NULL; i++)
		for (size_t k = 0; k < 2; k++)
			if (self->both[k]->conn->stage != CONN_ENDED)
				conn_advance(self->both[k]->conn, EPOLLIN);
	EXPECT_NOT_NULL(self->conns.loop->ended);
	conn_loop_free(self->conns.loop);
	self->conns.loop = NULL;
	for (int i = 0; i < 1000 && open_descriptors() != descriptors - 2; i++)
		usleep(1000);
	EXPECT_EQ(descriptors - 2, open_descriptors());
}

TEST_HARNESS_MAIN
