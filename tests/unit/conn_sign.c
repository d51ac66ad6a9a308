/* SPDX-License-Identifier: MIT */
/* Signatures that are made elsewhere: late, never, wrong, or for a handshake that is no more. */
#include <sys/socket.h>
#include <unistd.h>

#include "tests/harness/conns.h"
#include "tests/harness/harness.h"

FIXTURE(signature)
{
	struct conns conns;
	struct conn_end client, server;
	struct conn_end *both[2];
};

FIXTURE_SETUP(signature)
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

FIXTURE_TEARDOWN(signature)
{
	conns_wipe(&self->conns);
	close(self->client.fd);
	close(self->server.fd);
}

/* Both ends wait: the server for its signature, the client for what is behind that. */
static void begin_until_signature(struct test_self_signature *self)
{
	self->conns.sign_later = true;
	conns_begin(&self->conns, KTLS_CLIENT, &self->client);
	conns_begin(&self->conns, KTLS_SERVER, &self->server);
	conns_settle(&self->conns);
	ASSERT_EQ(1, self->conns.pending_len);
}

TEST_F(signature, that_comes_late)
{
	begin_until_signature(self);
	EXPECT_FALSE(self->server.done);
	conn_sign_done(self->conns.loop, self->conns.pending[0].token + 1, 0, NULL, 0);
	conn_sign_done(self->conns.loop, UINT64_MAX, 0, NULL, 0);
	conn_sign_done(self->conns.loop, 0, 0, NULL, 0);
	conns_sign(&self->conns, 0);
	conns_sign(&self->conns, 0);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 5000));
	EXPECT_EQ(KTLS_OK, self->client.result.reason);
	EXPECT_EQ(KTLS_OK, self->server.result.reason);
	conns_sign(&self->conns, 0);
}

/* Not for the handshake that has its slot now, nor for itself once it is cancelled. */
TEST_F(signature, for_a_handshake_that_has_ended)
{
	int fd[2];

	begin_until_signature(self);
	conn_abandon(self->server.conn);
	conns_sign(&self->conns, 0);
	conn_abandon(self->client.conn);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 5000));
	expect_failed(&self->server, KTLS_R_CANCELLED);
	close(self->client.fd);
	close(self->server.fd);
	tcp_pair(fd, 0);
	self->client.fd = fd[0];
	self->server.fd = fd[1];
	conns_begin(&self->conns, KTLS_CLIENT, &self->client);
	conns_begin(&self->conns, KTLS_SERVER, &self->server);
	conns_settle(&self->conns);
	ASSERT_EQ(2, self->conns.pending_len);
	ASSERT_EQ((uint32_t)self->conns.pending[0].token, (uint32_t)self->conns.pending[1].token);
	self->conns.pending[0].result = -KTLS_R_SIGNER;
	conns_sign(&self->conns, 0);
	conns_settle(&self->conns);
	EXPECT_FALSE(self->server.done);
	conns_sign(&self->conns, 1);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 5000));
	EXPECT_EQ(KTLS_OK, self->server.result.reason);
}

TEST_F(signature, that_fails)
{
	begin_until_signature(self);
	self->conns.pending[0].result = -KTLS_R_SIGNER;
	conns_sign(&self->conns, 0);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 5000));
	expect_failed(&self->server, KTLS_R_SIGNER);
	expect_failed(&self->client, KTLS_R_PEER_ALERT);
	EXPECT_EQ(KTLS_ALERT_INTERNAL_ERROR, self->client.result.alert);
}

TEST_F(signature, longer_than_there_is_room)
{
	begin_until_signature(self);
	self->conns.pending[0].len = KTLS_ENGINE_SIGNATURE_MAX + 1;
	conns_sign(&self->conns, 0);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 5000));
	expect_failed(&self->server, KTLS_R_SIGNER);
}

TEST_F(signature, that_is_wrong)
{
	begin_until_signature(self);
	self->conns.pending[0].signature[self->conns.pending[0].len - 1] ^= 1;
	conns_sign(&self->conns, 0);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 5000));
	expect_failed(&self->client, KTLS_R_SIGNATURE_BAD);
	expect_failed(&self->server, KTLS_R_PEER_ALERT);
	EXPECT_EQ(KTLS_ALERT_DECRYPT_ERROR, self->server.result.alert);
}

TEST_F(signature, reset_while_a_signature_is_due)
{
	begin_until_signature(self);
	conn_abandon(self->client.conn);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 1, 5000));
	close_by_reset(self->client.fd);
	self->client.fd = -1;
	ASSERT_TRUE(conns_run(&self->conns, &self->both[1], 1, 5000));
	expect_failed(&self->server, KTLS_R_PEER_RESET);
}

/* A client says what it has against a certificate, and is gone before its signature is made. */
TEST_F(signature, alert_and_reset_while_a_signature_is_due)
{
	static const uint8_t unknown_ca[] = { 21, 3, 3, 0, 2, 2, 48 };

	begin_until_signature(self);
	conn_abandon(self->client.conn);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 1, 5000));
	EXPECT_EQ(sizeof(unknown_ca), send(self->client.fd, unknown_ca, sizeof(unknown_ca), 0));
	close_by_reset(self->client.fd);
	self->client.fd = -1;
	conns_settle(&self->conns);
	EXPECT_FALSE(self->server.done);
	conns_sign(&self->conns, 0);
	ASSERT_TRUE(conns_run(&self->conns, &self->both[1], 1, 5000));
	expect_failed(&self->server, KTLS_R_PEER_ALERT);
	EXPECT_EQ(KTLS_ALERT_UNKNOWN_CA, self->server.result.alert);
}

TEST_HARNESS_MAIN
