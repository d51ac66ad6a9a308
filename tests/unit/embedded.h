/* SPDX-License-Identifier: MIT */
/* What the tests of ktls_open_embedded() share: one with a certificate, and two connected sockets.
 */
#ifndef KTLS_TESTS_UNIT_EMBEDDED_H
#define KTLS_TESTS_UNIT_EMBEDDED_H

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "lib/conn/embedded.h"
#include "tests/harness/certs.h"
#include "tests/harness/conns.h"
#include "tests/harness/descriptors.h"
#include "tests/harness/harness.h"

FIXTURE(embedded)
{
	struct conns conns; /* for its certificates and its kernel */
	struct ktls_embedded_identity identity;
	struct ktls_embedded_config config;
	struct ktls_error error;
	struct ktls *k;
	int fd[2];
	int descriptors;
};

static struct ktls_span span_of(const char *text, size_t len)
{
	return (struct ktls_span){ .bytes = (const uint8_t *)text, .len = len };
}

FIXTURE_SETUP(embedded)
{
	const struct cert *leaf;

	conns_init(&self->conns, false);
	leaf = self->conns.leaf;
	self->identity.certs = span_of(leaf->pem, leaf->pem_len);
	self->identity.key = span_of(leaf->key_pem, leaf->key_pem_len);
	self->config.identities = &self->identity;
	self->config.identities_len = 1;
	self->config.trust = span_of(self->conns.ca->pem, self->conns.ca->pem_len);
	self->descriptors = open_descriptors();
	self->k = embedded_open(&self->config, self->conns.config.kernel, &self->error);
	ASSERT_NOT_NULL(self->k);
	tcp_pair(self->fd, 0);
}

FIXTURE_TEARDOWN(embedded)
{
	ktls_close(self->k);
	close(self->fd[0]);
	close(self->fd[1]);
	EXPECT_EQ(self->descriptors, open_descriptors());
	conns_wipe(&self->conns);
}

static const struct ktls_params as_server = { .role = KTLS_SERVER };
static const struct ktls_params as_client = { .role = KTLS_CLIENT, .server_name = "example.com" };

/* Waits for the next reply. */
static struct ktls_reply *collect(struct ktls *k)
{
	struct pollfd pfd = { .fd = ktls_fd(k), .events = POLLIN };
	struct ktls_reply *reply = NULL;
	int r = ktls_collect(k, &reply);

	while (r == -EAGAIN && poll(&pfd, 1, 5000) == 1)
		r = ktls_collect(k, &reply);
	ASSERT_EQ(0, r);
	return reply;
}

#endif
