/* SPDX-License-Identifier: MIT */
/* Keying material and channel bindings in replies: params, handshake, reply. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/embedded.h"

static const struct ktls_export wanted[] = {
	{ .label = "EXPERIMENTAL one", .context = "context", .context_len = 7, .len = 32 },
	{ .label = "EXPERIMENTAL two", .len = 1000 },
	{ .label = "key expansion", .len = 16 },
};

static void start_both(struct test_self_embedded *self)
{
	struct ktls_params params[2] = { as_server, as_client };

	for (size_t i = 0; i < 2; i++) {
		params[i].exports = wanted;
		params[i].exports_len = 3;
		params[i].bindings = KTLS_BINDING_EXPORTER | KTLS_BINDING_SERVER_END_POINT;
		ASSERT_EQ(0, ktls_start(self->k, self->fd[1 - i], &params[i], NULL));
	}
}

static void expect_same(const struct ktls_span *a, const struct ktls_span *b, size_t len)
{
	ASSERT_EQ(len, a->len);
	ASSERT_EQ(len, b->len);
	EXPECT_MEMEQ(a->bytes, b->bytes, len);
}

static void expect_same_exports(struct test_self_embedded *self)
{
	struct ktls_reply *reply[2];

	start_both(self);
	for (int i = 0; i < 2; i++) {
		reply[i] = collect(self->k);
		ASSERT_EQ(KTLS_OK, reply[i]->reason);
		ASSERT_EQ(3, reply[i]->exported_len);
	}
	for (size_t i = 0; i < 2; i++)
		expect_same(&reply[0]->exported[i], &reply[1]->exported[i], wanted[i].len);
	EXPECT_EQ(0, reply[0]->exported[2].len); /* TLS's own label */
	expect_same(&reply[0]->tls_exporter, &reply[1]->tls_exporter, 32);
	expect_same(&reply[0]->tls_server_end_point, &reply[1]->tls_server_end_point, 32);
	EXPECT_TRUE(memcmp(reply[0]->exported[0].bytes, reply[0]->tls_exporter.bytes, 32) != 0);
	ktls_reply_free(reply[0]);
	ktls_reply_free(reply[1]);
}

TEST_F(embedded, exports_are_the_same_at_both_ends)
{
	expect_same_exports(self);
}

TEST_F(embedded, exports_of_tls_1_2)
{
	ktls_close(self->k);
	self->config.version_min = self->config.version_max = KTLS_TLS_1_2;
	self->k = embedded_open(&self->config, self->conns.config.kernel, &self->error);
	ASSERT_NOT_NULL(self->k);
	expect_same_exports(self);
}

TEST_F(embedded, bad_exports)
{
	static const struct ktls_export bad[] = {
		{ .label = NULL, .len = 1 },
		{ .label = "", .len = 1 },
		{ .label = "a", .len = 0 },
		{ .label = "a", .len = KTLS_EXPORTED_MAX + 1 },
		{ .label = "a\n", .len = 1 },
		{ .label = "a", .context_len = 1, .len = 1 },
		{ .label = "a",
		  .context = "",
		  .context_len = KTLS_EXPORT_CONTEXT_MAX + 1,
		  .len = 1 },
	};
	struct ktls_params params = as_server;

	params.exports_len = 1;
	EXPECT_EQ(-EINVAL, ktls_start(self->k, self->fd[0], &params, NULL));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		params.exports = &bad[i];
		EXPECT_EQ(-EINVAL, ktls_start(self->k, self->fd[0], &params, NULL));
	}
	params.exports = wanted;
	params.exports_len = KTLS_EXPORTS_MAX + 1;
	EXPECT_EQ(-EINVAL, ktls_start(self->k, self->fd[0], &params, NULL));
	params.exports_len = 0;
	params.bindings = 4;
	EXPECT_EQ(-EINVAL, ktls_start(self->k, self->fd[0], &params, NULL));
}

/* ---- secrets for debuggers --------------------------------------------------------------------
 */

/* Two ends, five secrets each in TLS 1.3, only where the config says so. */
TEST_F(embedded, secrets_go_to_a_file_if_the_config_says_so)
{
	char name[] = "/tmp/key-log-XXXXXX", line[256];
	int fd = mkstemp(name), lines = 0;
	FILE *f;

	ASSERT_GE(fd, 0);
	close(fd);
	setenv("SSLKEYLOGFILE", name, 1);
	expect_same_exports(self);
	ktls_close(self->k);
	self->config.key_log = true;
	self->k = embedded_open(&self->config, self->conns.config.kernel, &self->error);
	ASSERT_NOT_NULL(self->k);
	close(self->fd[0]);
	close(self->fd[1]);
	tcp_pair(self->fd, 0);
	expect_same_exports(self);
	f = fopen(name, "re");
	ASSERT_NOT_NULL(f);
	for (; fgets(line, sizeof(line), f); lines++) {
		char label[40], random[65], secret[97];

		ASSERT_EQ(3, sscanf(line, "%39[A-Z_0] %64[0-9a-f] %96[0-9a-f]\n", label, random,
				    secret));
		EXPECT_EQ(64u, strlen(random));
		EXPECT_EQ(64u, strlen(secret));
	}
	fclose(f);
	unlink(name);
	EXPECT_EQ(10, lines);
	unsetenv("SSLKEYLOGFILE");
}

TEST_F(embedded, a_file_of_secrets_that_cannot_be_written)
{
	struct ktls *k;

	setenv("SSLKEYLOGFILE", "/nowhere/at/all", 1);
	self->config.key_log = true;
	k = embedded_open(&self->config, self->conns.config.kernel, &self->error);
	EXPECT_NULL(k);
	EXPECT_EQ(KTLS_R_MISUSE, self->error.reason);
	EXPECT_STREQ("SSLKEYLOGFILE: cannot be opened: errno 2", self->error.text);
	unsetenv("SSLKEYLOGFILE");
}

TEST_HARNESS_MAIN
