/* SPDX-License-Identifier: MIT */
/* ktls_open_embedded() resumes sessions by itself: tickets of its own, and those of servers. */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "lib/conn/embedded.h"
#include "tests/harness/certs.h"
#include "tests/harness/conns.h"
#include "tests/harness/harness.h"

FIXTURE(resumption)
{
	struct conns conns; /* for its certificates and its kernel */
	struct ktls_embedded_identity identity;
	struct ktls_embedded_config config;
};

static struct ktls_span span_of(const char *text, size_t len)
{
	return (struct ktls_span){ .bytes = (const uint8_t *)text, .len = len };
}

FIXTURE_SETUP(resumption)
{
	const struct cert *leaf;

	conns_init(&self->conns, false);
	leaf = self->conns.leaf;
	self->identity.certs = span_of(leaf->pem, leaf->pem_len);
	self->identity.key = span_of(leaf->key_pem, leaf->key_pem_len);
	self->config.identities = &self->identity;
	self->config.identities_len = 1;
	self->config.trust = span_of(self->conns.ca->pem, self->conns.ca->pem_len);
}

FIXTURE_TEARDOWN(resumption)
{
	conns_wipe(&self->conns);
}

static const struct ktls_params as_server = { .role = KTLS_SERVER };
static const struct ktls_params as_client = { .role = KTLS_CLIENT, .server_name = "example.com" };

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

/* How many of the two replies say that a session was resumed. */
static int resumed(struct ktls *k)
{
	struct ktls_reply *reply;
	int fd[2], n = 0;

	tcp_pair(fd, 0);
	EXPECT_EQ(0, ktls_start(k, fd[1], &as_server, NULL));
	EXPECT_EQ(0, ktls_start(k, fd[0], &as_client, NULL));
	for (int i = 0; i < 2; i++) {
		reply = collect(k);
		EXPECT_EQ(KTLS_OK, reply->reason);
		n += reply->resumed;
		if (reply->resumed && reply->certs_len > 0)
			EXPECT_MEMEQ("example.com", reply->server_name, 12);
		ktls_reply_free(reply);
	}
	close(fd[0]);
	close(fd[1]);
	return n;
}

/* TLS 1.2: 1.3's tickets come behind the handshake. */
TEST_F(resumption, resumes_unless_told_not_to)
{
	struct ktls *k;

	self->config.version_min = self->config.version_max = KTLS_TLS_1_2;
	k = embedded_open(&self->config, self->conns.config.kernel, NULL);
	ASSERT_NOT_NULL(k);
	EXPECT_EQ(0, resumed(k));
	EXPECT_EQ(2, resumed(k));
	EXPECT_EQ(2, resumed(k));
	ktls_close(k);
	self->config.no_resumption = true;
	k = embedded_open(&self->config, self->conns.config.kernel, NULL);
	ASSERT_NOT_NULL(k);
	EXPECT_EQ(0, resumed(k));
	EXPECT_EQ(0, resumed(k));
	ktls_close(k);
}

TEST_HARNESS_MAIN
