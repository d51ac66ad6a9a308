/* SPDX-License-Identifier: MIT */
/*
 * ktlsd's signer, with the test as its supervisor and as two workers: what it signs, and what it
 * makes of those who ask for more.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <ktls-handshake.h>

#include "daemon/channel.h"
#include "daemon/config.h"
#include "daemon/loader.h"
#include "daemon/signer.h"
#include "lib/x509/trust.h"
#include "lib/x509/verify.h"
#include "lib/x509/x509.h"
#include "tests/harness/certs.h"
#include "tests/harness/harness.h"

#define WAIT_MS 10000

static struct cert *ca, *leaf;

FIXTURE(signer)
{
	char dir[64];
	pid_t pid;
	struct channel control;
	struct channel workers[2];
	/* What came last. */
	bool ready;
	int suspect; /* -1: none */
	uint64_t token;
	uint16_t reason;
	uint8_t signature[KTLS_ENGINE_SIGNATURE_MAX];
	size_t signature_len;
	unsigned int answers;
};

/* ---- hearing it -------------------------------------------------------------------------------
 */

static int on_ready(void *arg, struct reader *body, int fd)
{
	struct test_self_signer *self = arg;

	(void)body;
	(void)fd;
	self->ready = true;
	return 0;
}

static int on_suspect(void *arg, struct reader *body, int fd)
{
	struct test_self_signer *self = arg;
	uint16_t index;

	(void)fd;
	if (!reader_u16(body, &index))
		return -EPROTO;
	self->suspect = index;
	return 0;
}

static int on_signed(void *arg, struct reader *body, int fd)
{
	struct test_self_signer *self = arg;

	(void)fd;
	if (!reader_u64(body, &self->token) || !reader_u16(body, &self->reason))
		return -EPROTO;
	self->signature_len = body->left;
	self->answers++;
	return reader_copy(body, self->signature, body->left) ? 0 : -EPROTO;
}

static const struct channel_handler handlers[] = {
	{ CHANNEL_READY, on_ready },
	{ CHANNEL_SUSPECT, on_suspect },
	{ CHANNEL_SIGNED, on_signed },
	{ 0 },
};

/* The next message of a channel: 0, or -EPIPE where it was closed. */
static int hear(struct test_self_signer *self, const struct channel *channel)
{
	struct pollfd p = { .fd = channel->fd, .events = POLLIN };

	ASSERT_EQ(1, poll(&p, 1, WAIT_MS));
	return channel_run(channel, handlers, self, 1);
}

/* ---- starting it ------------------------------------------------------------------------------
 */

static void write_config(struct test_self_signer *self, const char *path)
{
	FILE *f = fopen(path, "w");

	ASSERT_NOT_NULL(f);
	fprintf(f, "[ktlsd]\nsocket-mode = 0600\n%s", geteuid() == 0 ? "user = daemon\n" : "");
	fprintf(f, "[profile a]\ncertificate = %s/leaf.pem\nkey = %s/leaf.key\nserver-users = 0\n",
		self->dir, self->dir);
	fprintf(f,
		"[profile slow]\ncertificate = %s/leaf.pem\nkey = %s/leaf.key\n"
		"server-users = 0\nsignatures-per-second = 2\n",
		self->dir, self->dir);
	ASSERT_EQ(0, fclose(f));
}

static void make_bundles(struct test_self_signer *self, struct bundles *bundles)
{
	struct config *config;
	char path[80];

	strcpy(self->dir, "/tmp/ktlsd-signer-XXXXXX");
	ASSERT_NOT_NULL(mkdtemp(self->dir));
	snprintf(path, sizeof(path), "%s/conf", self->dir);
	cert_write(leaf, self->dir, "leaf");
	write_config(self, path);
	config = config_read(path, stderr);
	ASSERT_NOT_NULL(config);
	ASSERT_EQ(0, bundles_load(config, stderr, bundles));
	config_free(config);
}

static pid_t start(int channel)
{
	pid_t pid = fork();

	ASSERT_GE(pid, 0);
	if (pid == 0) {
		ASSERT_EQ(CHANNEL_FD, dup2(channel, CHANNEL_FD));
		ASSERT_EQ(0, close_range(CHANNEL_FD + 1, ~0U, 0));
		_exit(signer_main());
	}
	return pid;
}

static struct channel channel_of(int fd, enum channel_role here)
{
	return (struct channel){ .fd = fd, .here = here, .there = ROLE_SIGNER, .name = "signer" };
}

static void introduce(struct test_self_signer *self, uint16_t index)
{
	struct channel_message m;
	int pair[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	channel_begin(&m, CHANNEL_WORKER);
	writer_u16(&m.body, index);
	ASSERT_EQ(0, channel_send(&self->control, &m, pair[1]));
	close(pair[1]);
	self->workers[index] = channel_of(pair[0], ROLE_WORKER);
}

FIXTURE_SETUP(signer)
{
	struct bundles bundles;
	struct channel_message m;
	int pair[2];

	ca = cert_ca(CERT_P256, "CA");
	leaf = cert_server(CERT_P256, "DNS:localhost", ca);
	make_bundles(self, &bundles);
	/* not descriptor 3 in this process, which is to be the signer's */
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	self->control = channel_of(fcntl(pair[0], F_DUPFD_CLOEXEC, 20), ROLE_SUPERVISOR);
	close(pair[0]);
	self->pid = start(pair[1]);
	close(pair[1]);
	self->suspect = -1;
	channel_begin(&m, CHANNEL_SETUP);
	writer_u16(&m.body, 0);
	writer_u64(&m.body, 0);
	ASSERT_EQ(0, channel_send(&self->control, &m, bundles.signers));
	bundles_close(&bundles);
	ASSERT_EQ(0, hear(self, &self->control));
	ASSERT_TRUE(self->ready);
	introduce(self, 0);
	introduce(self, 1);
}

FIXTURE_TEARDOWN(signer)
{
	char command[128];
	int status;

	close(self->control.fd);
	close(self->workers[0].fd);
	close(self->workers[1].fd);
	if (self->pid > 0) {
		ASSERT_EQ(self->pid, waitpid(self->pid, &status, 0));
		EXPECT_TRUE(WIFEXITED(status));
	}
	snprintf(command, sizeof(command), "rm -r %s", self->dir);
	EXPECT_EQ(0, system(command));
	cert_free(leaf);
	cert_free(ca);
}

/* ---- asking it --------------------------------------------------------------------------------
 */

struct question {
	uint64_t token;
	uint16_t key;
	uint16_t scheme;
	uint8_t role;
	size_t hash_len;
};

static const uint8_t hash[48] = "a transcript's hash, as far as a signer can tell";

static const struct question good = { .token = 7,
				      .key = 0,
				      .scheme = KTLS_SCHEME_ECDSA_SECP256R1_SHA256,
				      .role = KTLS_SERVER,
				      .hash_len = 32 };

static int ask(struct test_self_signer *self, unsigned int worker, const struct question *q)
{
	struct channel_message m;

	channel_begin(&m, CHANNEL_SIGN);
	writer_u64(&m.body, q->token);
	writer_u16(&m.body, q->key);
	writer_u16(&m.body, KTLS_TLS_1_3);
	writer_u16(&m.body, q->scheme);
	writer_u8(&m.body, q->role);
	writer_vec(&m.body, 1, hash, q->hash_len);
	return channel_send(&self->workers[worker], &m, CHANNEL_FD_NONE);
}

/* It is the leaf's signature of a server's CertificateVerify over this hash, and of nothing else.
 */
static void expect_signature(const struct test_self_signer *self, size_t hash_len)
{
	const struct ktls_span chain = { leaf->der, leaf->der_len };
	uint8_t content[KTLS_ENGINE_CONTENT_MAX];
	size_t len = ktls_engine_signed_content(KTLS_SERVER, hash, hash_len, content);
	struct x509_error err;
	struct x509_trust *trust = x509_trust_new(ca->pem, ca->pem_len, &err);
	struct x509_peer *peer;

	ASSERT_NOT_NULL(trust);
	ASSERT_EQ(0, x509_peer_verify_chain(trust, &chain, 1, KTLS_SERVER, "localhost", time(NULL),
					    &peer, &err));
	EXPECT_EQ(0, x509_peer_verify_signature(peer, KTLS_TLS_1_3, good.scheme, content, len,
						self->signature, self->signature_len));
	EXPECT_NE(0, x509_peer_verify_signature(peer, KTLS_TLS_1_3, good.scheme, hash, hash_len,
						self->signature, self->signature_len));
	x509_peer_free(peer);
	x509_trust_free(trust);
}

TEST_F(signer, signs_handshakes)
{
	struct question q = good;

	ASSERT_EQ(0, ask(self, 0, &q));
	ASSERT_EQ(0, hear(self, &self->workers[0]));
	EXPECT_EQ(7, self->token);
	EXPECT_EQ(KTLS_OK, self->reason);
	expect_signature(self, 32);
	q.token = 8;
	q.hash_len = 48;
	ASSERT_EQ(0, ask(self, 1, &q));
	ASSERT_EQ(0, hear(self, &self->workers[1]));
	EXPECT_EQ(8, self->token);
	expect_signature(self, 48);
}

/* Worker 1 asks for what it may not have: it is cut off and told of, and worker 0 goes on. */
static void expect_accused(struct test_self_signer *self, const struct question *q)
{
	ASSERT_EQ(0, ask(self, 1, q));
	EXPECT_EQ(-EPIPE, hear(self, &self->workers[1]));
	EXPECT_EQ(0, self->answers);
	ASSERT_EQ(0, hear(self, &self->control));
	EXPECT_EQ(1, self->suspect);
	ASSERT_EQ(0, ask(self, 0, &good));
	EXPECT_EQ(0, hear(self, &self->workers[0]));
	EXPECT_EQ(1, self->answers);
}

TEST_F(signer, accuses_who_asks_for_a_key_that_there_is_not)
{
	struct question q = good;

	q.key = 2;
	expect_accused(self, &q);
}

TEST_F(signer, accuses_who_asks_for_a_scheme_that_is_not_the_keys)
{
	struct question q = good;

	q.scheme = KTLS_SCHEME_RSA_PSS_RSAE_SHA256;
	expect_accused(self, &q);
}

/* The profile is for servers: its key proves nothing as a client's. */
TEST_F(signer, accuses_who_asks_for_another_role)
{
	struct question q = good;

	q.role = KTLS_CLIENT;
	expect_accused(self, &q);
}

TEST_F(signer, accuses_who_asks_for_no_role)
{
	struct question q = good;

	q.role = 2;
	expect_accused(self, &q);
}

TEST_F(signer, accuses_who_sends_what_is_no_hash)
{
	struct question q = good;

	q.hash_len = 40;
	expect_accused(self, &q);
}

TEST_F(signer, accuses_who_sends_something_else)
{
	const uint8_t stop = CHANNEL_STOP;

	ASSERT_EQ(1, send(self->workers[1].fd, &stop, 1, 0));
	EXPECT_EQ(-EPIPE, hear(self, &self->workers[1]));
	ASSERT_EQ(0, hear(self, &self->control));
	EXPECT_EQ(1, self->suspect);
	ASSERT_EQ(0, ask(self, 0, &good));
	EXPECT_EQ(0, hear(self, &self->workers[0]));
}

/* A worker that is started again gets a channel of its own in place of the old one. */
TEST_F(signer, takes_a_new_worker)
{
	close(self->workers[1].fd);
	introduce(self, 1);
	ASSERT_EQ(0, ask(self, 1, &good));
	ASSERT_EQ(0, hear(self, &self->workers[1]));
	EXPECT_EQ(KTLS_OK, self->reason);
}

TEST_F(signer, limits_signatures)
{
	struct question q = good;
	unsigned int made = 0, refused = 0;

	q.key = 1;
	for (int i = 0; i < 10; i++) {
		ASSERT_EQ(0, ask(self, 0, &q));
		ASSERT_EQ(0, hear(self, &self->workers[0]));
		if (self->reason == KTLS_OK)
			made++;
		else
			refused += self->reason == KTLS_R_SIGNER && self->signature_len == 0;
	}
	EXPECT_EQ(10, made + refused);
	EXPECT_GE(made, 2);
	EXPECT_LE(made, 4);                /* where the second was over in between */
	ASSERT_EQ(0, ask(self, 0, &good)); /* the other profile has its own */
	ASSERT_EQ(0, hear(self, &self->workers[0]));
	EXPECT_EQ(KTLS_OK, self->reason);
}

/* Who asks and does not listen is not heard any more; the others are, and nothing is lost. */
TEST_F(signer, waits_for_who_does_not_listen)
{
	struct question q = good;
	struct pollfd p = { .fd = self->workers[1].fd, .events = POLLOUT };
	uint64_t asked = 0;

	for (; poll(&p, 1, 300) == 1 && asked < 100000; asked++) {
		q.token = asked;
		ASSERT_EQ(0, ask(self, 1, &q));
	}
	EXPECT_LT(asked, 100000);
	ASSERT_EQ(0, ask(self, 0, &good));
	ASSERT_EQ(0, hear(self, &self->workers[0]));
	for (uint64_t i = 0; i < asked; i++) {
		ASSERT_EQ(0, hear(self, &self->workers[1]));
		ASSERT_EQ(i, self->token);
	}
}

TEST_F(signer, ends_when_told)
{
	struct channel_message m;
	int status;

	channel_begin(&m, CHANNEL_STOP);
	ASSERT_EQ(0, channel_send(&self->control, &m, CHANNEL_FD_NONE));
	EXPECT_EQ(-EPIPE, hear(self, &self->control));
	ASSERT_EQ(self->pid, waitpid(self->pid, &status, 0));
	EXPECT_EQ(0, status);
	self->pid = 0;
}

TEST_HARNESS_MAIN
