/* SPDX-License-Identifier: MIT */
/* Options of the socket that make records cheaper, and that no handshake fails for. */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/conn/internal.h"
#include "tests/harness/conns.h"
#include "tests/harness/harness.h"

FIXTURE(options)
{
	struct conns conns;
	struct conn_end client, server;
	struct conn_end *both[2];
};

FIXTURE_VARIANT(options)
{
	uint16_t version;
};

FIXTURE_VARIANT_ADD(options, tls12){ KTLS_TLS_1_2 };
FIXTURE_VARIANT_ADD(options, tls13){ KTLS_TLS_1_3 };

FIXTURE_SETUP(options)
{
	conns_init(&self->conns, false);
	self->conns.profile.version_min = variant->version;
	self->conns.profile.version_max = variant->version;
	self->both[0] = &self->client;
	self->both[1] = &self->server;
	open_pair(&self->client, &self->server, 0);
}

FIXTURE_TEARDOWN(options)
{
	conns_wipe(&self->conns);
	close(self->client.fd);
	close(self->server.fd);
}

static void agree(struct test_self_options *self)
{
	conns_open(&self->conns);
	conns_begin(&self->conns, KTLS_CLIENT, &self->client);
	conns_begin(&self->conns, KTLS_SERVER, &self->server);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 5000));
	EXPECT_EQ(KTLS_OK, self->client.result.reason);
	EXPECT_EQ(KTLS_OK, self->server.result.reason);
}

/* What TLS 1.2 decrypts has no padding to begin with (RFC 5246, 6.2.3.3). */
TEST_F(options, no_padding_is_expected)
{
	self->conns.config.expect_no_pad = true;
	agree(self);
	EXPECT_EQ(variant->version == KTLS_TLS_1_3, self->client.no_pad);
	EXPECT_EQ(variant->version == KTLS_TLS_1_3, self->server.no_pad);
}

TEST_F(options, padding_is_expected_where_the_kernel_cannot_else)
{
	agree(self);
	EXPECT_FALSE(self->client.no_pad);
	EXPECT_FALSE(self->server.no_pad);
}

TEST_F(options, refused_options_are_no_failure)
{
	self->conns.config.expect_no_pad = true;
	fake_kernel.option_result = -EINVAL;
	agree(self);
}

TEST_HARNESS_MAIN
