/* SPDX-License-Identifier: MIT */
/* ktls_open_embedded(), with a kernel that only writes down what it is asked. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/harness/crls.h"
#include "tests/unit/embedded.h"

/* ---- handshakes ------------------------------------------------------------------------------ */

TEST_F(embedded, both_ends_of_one)
{
	struct ktls_reply *reply[2];
	uint64_t server, client;

	ASSERT_EQ(0, ktls_start(self->k, self->fd[1], &as_server, &server));
	ASSERT_EQ(0, ktls_start(self->k, self->fd[0], &as_client, &client));
	for (int i = 0; i < 2; i++) {
		reply[i] = collect(self->k);
		EXPECT_EQ(KTLS_OK, reply[i]->reason);
		EXPECT_EQ(KTLS_TLS_1_3, reply[i]->version);
		EXPECT_EQ(KTLS_AES_128_GCM_SHA256, reply[i]->suite);
		EXPECT_EQ(KTLS_GROUP_X25519, reply[i]->group);
		EXPECT_EQ(KTLS_SCHEME_ECDSA_SECP256R1_SHA256, reply[i]->scheme);
		EXPECT_STREQ("example.com", reply[i]->server_name);
		EXPECT_EQ(KTLS_STATE_SW, reply[i]->tx);
		EXPECT_EQ(KTLS_STATE_SW, reply[i]->rx);
		EXPECT_EQ(KTLS_ALERT_ORIGIN_NONE, reply[i]->alert_origin);
		EXPECT_GT(reply[i]->time_us, 0);
		EXPECT_EQ(-1, reply[i]->fd);
		EXPECT_EQ(reply[i]->id == client ? 2 : 0, reply[i]->certs_len);
		if (reply[i]->id == client)
			EXPECT_MEMEQ(self->conns.leaf->der, reply[i]->certs[0].bytes,
				     self->conns.leaf->der_len);
		ktls_reply_free(reply[i]);
	}
	EXPECT_EQ(4, fake_kernel.installs);
}

struct blocking {
	struct ktls *k;
	int fd;
	const struct ktls_params *params;
	int result;
	struct ktls_reply *reply;
};

static void *handshake(void *arg)
{
	struct blocking *b = arg;

	b->result = ktls_handshake(b->k, b->fd, b->params, &b->reply);
	return NULL;
}

TEST_F(embedded, blocking_in_several_threads)
{
	struct blocking b[16];
	pthread_t thread[16];
	int fd[2];

	for (int i = 0; i < 16; i += 2) {
		tcp_pair(fd, 0);
		b[i] = (struct blocking){ self->k, fd[0], &as_client, -1, NULL };
		b[i + 1] = (struct blocking){ self->k, fd[1], &as_server, -1, NULL };
	}
	for (int i = 0; i < 16; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, handshake, &b[i]));
	for (int i = 0; i < 16; i++) {
		ASSERT_EQ(0, pthread_join(thread[i], NULL));
		ASSERT_EQ(0, b[i].result);
		EXPECT_EQ(KTLS_OK, b[i].reply->reason);
		ktls_reply_free(b[i].reply);
		close(b[i].fd);
	}
}

TEST_F(embedded, alpn)
{
	static const char *const offered[] = { "h2", "http/1.1", NULL };
	static const char *const known[] = { "http/1.1", NULL };
	struct ktls_params server = { .role = KTLS_SERVER, .alpn = known };
	struct ktls_params client = { .role = KTLS_CLIENT,
				      .server_name = "example.com",
				      .alpn = offered };
	struct ktls_reply *reply;

	ASSERT_EQ(0, ktls_start(self->k, self->fd[1], &server, NULL));
	ASSERT_EQ(0, ktls_start(self->k, self->fd[0], &client, NULL));
	for (int i = 0; i < 2; i++) {
		reply = collect(self->k);
		EXPECT_EQ(KTLS_OK, reply->reason);
		EXPECT_STREQ("http/1.1", reply->alpn);
		ktls_reply_free(reply);
	}
}

TEST_F(embedded, bytes_received_before)
{
	struct ktls_params params = as_server;
	uint8_t hello[2048];
	struct ktls_reply *reply;
	ssize_t n;

	ASSERT_EQ(0, ktls_start(self->k, self->fd[0], &as_client, NULL));
	n = recv(self->fd[1], hello, sizeof(hello), 0);
	ASSERT_GT(n, 0);
	params.received = hello;
	params.received_len = (size_t)n;
	ASSERT_EQ(0, ktls_start(self->k, self->fd[1], &params, NULL));
	for (int i = 0; i < 2; i++) {
		reply = collect(self->k);
		EXPECT_EQ(KTLS_OK, reply->reason);
		ktls_reply_free(reply);
	}
}

/* ---- failures -------------------------------------------------------------------------------- */

static void expect_reply(struct ktls *k, enum ktls_reason reason)
{
	struct ktls_reply *reply = collect(k);

	EXPECT_EQ(reason, reply->reason);
	EXPECT_STRNE("", reply->text);
	EXPECT_EQ(KTLS_STATE_NONE, reply->tx);
	ktls_reply_free(reply);
}

TEST_F(embedded, alert_of_the_peer)
{
	struct ktls_params wrong = { .role = KTLS_CLIENT, .server_name = "example.net" };
	struct ktls_reply *reply;
	uint64_t client;

	ASSERT_EQ(0, ktls_start(self->k, self->fd[1], &as_server, NULL));
	ASSERT_EQ(0, ktls_start(self->k, self->fd[0], &wrong, &client));
	for (int i = 0; i < 2; i++) {
		reply = collect(self->k);
		EXPECT_EQ(KTLS_ALERT_BAD_CERTIFICATE, reply->alert);
		EXPECT_EQ(reply->id == client ? KTLS_ALERT_SENT : KTLS_ALERT_RECEIVED,
			  reply->alert_origin);
		EXPECT_EQ(reply->id == client ? KTLS_R_CERTIFICATE_NAME : KTLS_R_PEER_ALERT,
			  reply->reason);
		ktls_reply_free(reply);
	}
}

TEST_F(embedded, unknown_profile)
{
	struct ktls_params params = { .role = KTLS_SERVER, .profile = "other" };

	ASSERT_EQ(0, ktls_start(self->k, self->fd[1], &params, NULL));
	expect_reply(self->k, KTLS_R_PROFILE_UNKNOWN);
	params.profile = "default";
	params.deadline_ms = 20;
	ASSERT_EQ(0, ktls_start(self->k, self->fd[1], &params, NULL));
	expect_reply(self->k, KTLS_R_DEADLINE);
}

/* Both ends are on this machine. */
TEST_F(embedded, hardware_is_not_to_be_had)
{
	struct ktls_params params = { .role = KTLS_SERVER, .hardware = KTLS_HARDWARE_REQUIRE };

	ASSERT_EQ(0, ktls_start(self->k, self->fd[1], &params, NULL));
	expect_reply(self->k, KTLS_R_HARDWARE_UNAVAILABLE);
}

TEST_F(embedded, cancel)
{
	uint64_t id;

	ASSERT_EQ(0, ktls_start(self->k, self->fd[1], &as_server, &id));
	ASSERT_EQ(0, ktls_cancel(self->k, id));
	expect_reply(self->k, KTLS_R_CANCELLED);
	EXPECT_EQ(-ENOENT, ktls_cancel(self->k, id));
}

/* Its number may be somebody else's by then; the handshake has its own. */
TEST_F(embedded, a_descriptor_closed_too_early)
{
	int fd[2], other[2];
	char byte;

	tcp_pair(fd, 0);
	ASSERT_EQ(0, ktls_start(self->k, fd[1], &as_server, NULL));
	close(fd[1]);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, other));
	ASSERT_EQ(1, send(fd[0], "x", 1, 0));
	expect_reply(self->k, KTLS_R_NOT_TLS);
	EXPECT_EQ(-1, recv(other[0], &byte, 1, MSG_DONTWAIT));
	EXPECT_EQ(-1, recv(other[1], &byte, 1, MSG_DONTWAIT));
	close(fd[0]);
	close(other[0]);
	close(other[1]);
}

TEST_F(embedded, closed_with_handshakes_in_flight)
{
	ASSERT_EQ(0, ktls_start(self->k, self->fd[1], &as_server, NULL));
	ASSERT_EQ(0, ktls_start(self->k, self->fd[0], &as_client, NULL));
	ktls_close(self->k);
	self->k = NULL;
	EXPECT_EQ(self->descriptors + 2, open_descriptors());
}

/* ---- opening --------------------------------------------------------------------------------- */

static void expect_refused(const struct ktls_embedded_config *config,
			   const struct conn_kernel_ops *kernel, const char *words)
{
	struct ktls_error error = { 0 };
	int before = open_descriptors();

	EXPECT_NULL(embedded_open(config, kernel, &error));
	EXPECT_EQ(KTLS_R_MISUSE, error.reason);
	EXPECT_NOT_NULL(strstr(error.text, words));
	EXPECT_NULL(embedded_open(config, kernel, NULL));
	EXPECT_EQ(before, open_descriptors());
}

TEST_F(embedded, needs_what_its_role_needs)
{
	struct ktls_embedded_config nothing = { 0 };
	struct ktls *k = embedded_open(&nothing, self->conns.config.kernel, NULL);

	ASSERT_NOT_NULL(k);
	ASSERT_EQ(0, ktls_start(k, self->fd[0], &as_client, NULL));
	expect_reply(k, KTLS_R_PROFILE_ROLE);
	ASSERT_EQ(0, ktls_start(k, self->fd[1], &as_server, NULL));
	expect_reply(k, KTLS_R_PROFILE_ROLE);
	ktls_close(k);
}

TEST_F(embedded, refuses_what_makes_no_sense)
{
	const struct conn_kernel_ops *kernel = self->conns.config.kernel;
	struct ktls_embedded_identity identity = self->identity;
	struct ktls_embedded_config config = self->config;
	struct cert *other = cert_server(CERT_ED25519, "DNS:example.com", self->conns.ca);

	config.identities = &identity;
	identity.key = span_of(other->key_pem, other->key_pem_len);
	expect_refused(&config, kernel, "not the key of the certificate");
	identity.key = span_of("nonsense", 8);
	expect_refused(&config, kernel, "key: ");
	identity.key = (struct ktls_span){ 0 };
	expect_refused(&config, kernel, "key: neither");
	identity = self->identity;
	identity.certs = span_of("nonsense", 8);
	expect_refused(&config, kernel, "certificate: ");
	config = self->config;
	config.trust = span_of("nonsense", 8);
	expect_refused(&config, kernel, "trust: ");
	config = self->config;
	config.trust = (struct ktls_span){ 0 };
	config.trust_file = "/nonexistent/ca.pem";
	expect_refused(&config, kernel, "/nonexistent/ca.pem: No such file");
	config.trust_file = "/dev";
	expect_refused(&config, kernel, "/dev: ");
	config = self->config;
	config.reserved[3] = 1;
	expect_refused(&config, kernel, "reserved");
	cert_free(other);
}

/* A handshake of the two ends of another ktls: what the client's end of it says. */
static enum ktls_reason client_reason(struct test_self_embedded *self,
				      const struct ktls_embedded_config *config)
{
	enum ktls_reason reason = KTLS_R_INTERNAL;
	struct ktls_reply *reply;
	uint64_t client;

	ktls_close(self->k);
	self->k = embedded_open(config, self->conns.config.kernel, &self->error);
	ASSERT_NOT_NULL(self->k);
	close(self->fd[0]);
	close(self->fd[1]);
	tcp_pair(self->fd, 0);
	ASSERT_EQ(0, ktls_start(self->k, self->fd[1], &as_server, NULL));
	ASSERT_EQ(0, ktls_start(self->k, self->fd[0], &as_client, &client));
	for (int i = 0; i < 2; i++) {
		reply = collect(self->k);
		if (reply->id == client)
			reason = reply->reason;
		ktls_reply_free(reply);
	}
	return reason;
}

TEST_F(embedded, lists_and_pins)
{
	const struct crl_spec spec = { .issuer = self->conns.ca, .revoked = { self->conns.leaf } };
	const char *const lists[] = { "/tmp/ktls-embedded.crl", NULL };
	const char *const missing[] = { "/nonexistent/a.crl", NULL };
	static const uint8_t pins[1][32] = { { 1 } };
	struct ktls_embedded_config config = self->config;

	crl_write(&spec, "/tmp", "ktls-embedded");
	config.no_resumption = true;
	config.crl_files = lists;
	EXPECT_EQ(KTLS_R_CERTIFICATE_REVOKED, client_reason(self, &config));
	config.crl_files = NULL;
	config.crl_check = KTLS_CRL_LEAF;
	EXPECT_EQ(KTLS_R_CERTIFICATE_CRL_MISSING, client_reason(self, &config));
	config.crl_check = KTLS_CRL_KNOWN;
	config.pins = pins;
	config.pins_len = 1;
	EXPECT_EQ(KTLS_R_CERTIFICATE_NOT_PINNED, client_reason(self, &config));
	config.trust = (struct ktls_span){ 0 };
	EXPECT_EQ(KTLS_R_CERTIFICATE_NOT_PINNED, client_reason(self, &config));
	config.crl_files = lists;
	expect_refused(&config, self->conns.config.kernel, "revocation lists without anchors");
	config.crl_files = missing;
	expect_refused(&config, self->conns.config.kernel, "/nonexistent/a.crl: No such file");
	EXPECT_EQ(0, unlink(lists[0]));
}

TEST_F(embedded, tls_1_2_where_the_config_has_it)
{
	struct ktls_reply *reply;
	uint64_t id;

	ktls_close(self->k);
	self->config.version_max = KTLS_TLS_1_2;
	self->k = embedded_open(&self->config, self->conns.config.kernel, &self->error);
	EXPECT_NULL(self->k);
	EXPECT_EQ(KTLS_R_MISUSE, self->error.reason);
	EXPECT_STREQ("config: no range of TLS versions", self->error.text);
	self->config.version_min = KTLS_TLS_1_2;
	self->k = embedded_open(&self->config, self->conns.config.kernel, &self->error);
	ASSERT_NOT_NULL(self->k);
	ASSERT_EQ(0, ktls_start(self->k, self->fd[1], &as_server, &id));
	ASSERT_EQ(0, ktls_start(self->k, self->fd[0], &as_client, &id));
	for (int i = 0; i < 2; i++) {
		reply = collect(self->k);
		EXPECT_EQ(KTLS_OK, reply->reason);
		EXPECT_EQ(KTLS_TLS_1_2, reply->version);
		EXPECT_STREQ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
			     ktls_suite_name(reply->suite));
		ktls_reply_free(reply);
	}
	EXPECT_EQ(4, fake_kernel.installs);
}

TEST_F(embedded, reads_files)
{
	char dir[] = "/tmp/ktls-embedded-XXXXXX", certs[64], key[64], trust[64];
	struct ktls_embedded_identity identity = { .certs_file = certs, .key_file = key };
	struct ktls_embedded_config config = { .identities = &identity,
					       .identities_len = 1,
					       .trust_file = trust };
	struct ktls_reply *reply;
	struct ktls *k;

	ASSERT_NOT_NULL(mkdtemp(dir));
	cert_write(self->conns.leaf, dir, "leaf");
	cert_write(self->conns.ca, dir, "ca");
	snprintf(certs, sizeof(certs), "%s/leaf.pem", dir);
	snprintf(key, sizeof(key), "%s/leaf.key", dir);
	snprintf(trust, sizeof(trust), "%s/ca.pem", dir);
	k = embedded_open(&config, self->conns.config.kernel, &self->error);
	ASSERT_NOT_NULL(k);
	ASSERT_EQ(0, ktls_start(k, self->fd[1], &as_server, NULL));
	ASSERT_EQ(0, ktls_start(k, self->fd[0], &as_client, NULL));
	for (int i = 0; i < 2; i++) {
		reply = collect(k);
		EXPECT_EQ(KTLS_OK, reply->reason);
		ktls_reply_free(reply);
	}
	ktls_close(k);
	identity.key_file = trust;
	expect_refused(&config, self->conns.config.kernel, trust);
	unlink(certs);
	unlink(key);
	unlink(trust);
	snprintf(key, sizeof(key), "%s/ca.key", dir);
	unlink(key);
	rmdir(dir);
}

/* Whatever this kernel can do, the real thing says it in the reply. */
TEST_F(embedded, on_the_real_kernel)
{
	struct ktls *k = ktls_open_embedded(&self->config, &self->error);
	struct ktls_reply *reply;
	struct ktls_info info;

	ASSERT_NOT_NULL(k);
	ktls_get_info(k, &info);
	EXPECT_EQ(1, info.workers);
	EXPECT_STREQ(KTLS_VERSION, info.version);
	ASSERT_EQ(0, ktls_start(k, self->fd[1], &as_server, NULL));
	ASSERT_EQ(0, ktls_start(k, self->fd[0], &as_client, NULL));
	for (int i = 0; i < 2; i++) {
		reply = collect(k);
		if (info.capabilities & KTLS_CAN_TLS_1_3_AES_128_GCM)
			EXPECT_EQ(KTLS_OK, reply->reason);
		else
			EXPECT_EQ(KTLS_R_KERNEL_NO_TLS, reply->reason);
		ktls_reply_free(reply);
	}
	ktls_close(k);
}

TEST_HARNESS_MAIN
