/* SPDX-License-Identifier: MIT */
/* ktls_open_embedded() where the kernel has no TLS: a thread of the process carries the records. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ktls-handshake.h>
#include <ktls-session.h>

#include "lib/conn/embedded.h"
#include "lib/crypto/util.h"
#include "lib/handoff/relayed.h"
#include "tests/harness/certs.h"
#include "tests/harness/conns.h"
#include "tests/harness/descriptors.h"
#include "tests/harness/harness.h"

#define MEGABYTE (1 << 20)

static int no_tls(int fd, int *error)
{
	(void)fd;
	*error = ENOENT;
	return -KTLS_R_KERNEL_NO_TLS;
}

static const struct conn_kernel_ops without = { .attach = no_tls };

FIXTURE(embedded)
{
	struct cert *ca, *leaf;
	struct ktls_embedded_identity identity;
	struct ktls *k[2]; /* server's and client's */
	int fd[2];
	struct ktls_reply *reply[2];
};

static struct ktls_span span_of(const char *text, size_t len)
{
	return (struct ktls_span){ .bytes = (const uint8_t *)text, .len = len };
}

FIXTURE_SETUP(embedded)
{
	struct ktls_embedded_config as_server = { .identities = &self->identity,
						  .identities_len = 1 };
	struct ktls_embedded_config as_client = { 0 };

	ASSERT_EQ(0, crypto_init());
	self->ca = cert_ca(CERT_P256, "Test CA");
	self->leaf = cert_server(CERT_P256, "DNS:example.com", self->ca);
	self->identity.certs = span_of(self->leaf->pem, self->leaf->pem_len);
	self->identity.key = span_of(self->leaf->key_pem, self->leaf->key_pem_len);
	as_client.trust = span_of(self->ca->pem, self->ca->pem_len);
	self->k[0] = embedded_open(&as_server, &without, NULL);
	self->k[1] = embedded_open(&as_client, &without, NULL);
	ASSERT_NOT_NULL(self->k[0]);
	ASSERT_NOT_NULL(self->k[1]);
	tcp_pair(self->fd, 0);
}

FIXTURE_TEARDOWN(embedded)
{
	for (size_t i = 0; i < 2; i++) {
		ktls_reply_free(self->reply[i]);
		if (self->fd[i] >= 0)
			close(self->fd[i]);
		ktls_close(self->k[i]);
	}
	cert_free(self->leaf);
	cert_free(self->ca);
}

struct shake {
	struct ktls *k;
	int fd;
	enum ktls_role role;
	struct ktls_reply **reply;
};

static void *shake(void *arg)
{
	const struct shake *s = arg;
	struct ktls_params params = { .role = s->role,
				      .records = KTLS_RECORDS_PREFER_KERNEL,
				      .server_name =
					      s->role == KTLS_CLIENT ? "example.com" : NULL };

	ASSERT_EQ(0, ktls_handshake(s->k, s->fd, &params, s->reply));
	return NULL;
}

static void shake_both(struct test_self_embedded *self)
{
	struct shake server = { self->k[0], self->fd[0], KTLS_SERVER, &self->reply[0] };
	struct shake client = { self->k[1], self->fd[1], KTLS_CLIENT, &self->reply[1] };
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, shake, &server));
	shake(&client);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	for (size_t i = 0; i < 2; i++) {
		ASSERT_STREQ("OK", ktls_reason_name((int)self->reply[i]->reason));
		EXPECT_EQ(KTLS_STATE_RELAY, self->reply[i]->tx);
		EXPECT_EQ(KTLS_STATE_RELAY, self->reply[i]->rx);
		EXPECT_TRUE(relayed_is(self->fd[i]));
		EXPECT_NOT_NULL(self->reply[i]->peer);
		EXPECT_NOT_NULL(self->reply[i]->local);
	}
	EXPECT_NOT_NULL(strstr(self->reply[0]->text, "TCP_ULP: No such file or directory"));
}

/* records_per_key is the relay's, too; TLS 1.2 has no other key. */
TEST_F(embedded, records_of_a_key)
{
	const struct ktls_embedded_config config = { .identities = &self->identity,
						     .identities_len = 1,
						     .trust = span_of(self->ca->pem,
								      self->ca->pem_len),
						     .version_min = KTLS_TLS_1_2,
						     .version_max = KTLS_TLS_1_2,
						     .records_per_key = 4 };
	struct ktls_session *session;
	ssize_t n = 1;

	for (size_t i = 0; i < 2; i++) {
		ktls_close(self->k[i]);
		self->k[i] = embedded_open(&config, &without, NULL);
		ASSERT_NOT_NULL(self->k[i]);
	}
	shake_both(self);
	EXPECT_EQ(0, self->reply[0]->records_max);
	session = ktls_session_new(self->k[0], self->reply[0]);
	ASSERT_NOT_NULL(session);
	while (n == 1)
		n = ktls_send(session, self->fd[0], "x", 1, 0);
	EXPECT_EQ(-EPROTO, n);
	EXPECT_EQ(KTLS_R_KEY_EXHAUSTED, ktls_session_reason(session));
	ktls_session_free(session);
}

TEST_F(embedded, says_that_it_can)
{
	struct ktls_info info;

	ktls_get_info(self->k[0], &info);
	EXPECT_TRUE(info.capabilities & KTLS_CAN_RELAY);
}

/* Whoever requires the kernel is told what it lacks. */
TEST_F(embedded, requires_the_kernel_by_default)
{
	const struct ktls_params params = { .role = KTLS_SERVER };
	struct ktls_reply *reply;

	ASSERT_EQ(0, ktls_handshake(self->k[0], self->fd[0], &params, &reply));
	EXPECT_EQ(KTLS_R_KERNEL_NO_TLS, reply->reason);
	EXPECT_FALSE(relayed_is(self->fd[0]));
	ktls_reply_free(reply);
}

/* A program with one thread: what it writes it reads itself, and nothing blocks. */
TEST_F(embedded, carries_both_ways)
{
	char byte;

	shake_both(self);
	for (size_t i = 0; i < 2; i++) {
		ASSERT_EQ(1, send(self->fd[i], "x", 1, MSG_NOSIGNAL));
		ASSERT_EQ(1, recv(self->fd[1 - i], &byte, 1, 0));
		EXPECT_EQ('x', byte);
	}
}

/* What relays meet is there for the next handshake; those that are left over are freed. */
TEST_F(embedded, clients_resume)
{
	bool resumed = false;

	for (int i = 0; i < 100 && !resumed; i++) {
		shake_both(self);
		resumed = self->reply[1]->resumed;
		EXPECT_FALSE(resumed && i == 0);
		for (size_t k = 0; k < 2; k++) {
			ktls_reply_free(self->reply[k]);
			self->reply[k] = NULL;
			close(self->fd[k]);
		}
		usleep(10000);
		tcp_pair(self->fd, 0);
	}
	EXPECT_TRUE(resumed);
	shake_both(self);
}

/* Until its end, by the descriptor given. */
static void *read_all(void *arg)
{
	static uint8_t buf[65536];
	int fd = *(int *)arg;
	size_t got = 0, wrong = 0;
	ssize_t n;

	for (n = recv(fd, buf, sizeof(buf), 0); n > 0; n = recv(fd, buf, sizeof(buf), 0))
		for (ssize_t i = 0; i < n; i++)
			wrong += buf[i] != (uint8_t)(got++ % 251);
	EXPECT_EQ(0, n);
	EXPECT_EQ(0, wrong);
	return (void *)got;
}

/* A file of a megabyte, by each of the calls that a server may use. */
static int file_of_a_megabyte(void)
{
	char name[] = "/tmp/ktls-relay-XXXXXX";
	int fd = mkostemp(name, O_CLOEXEC);
	uint8_t buf[4096];

	unlink(name);
	for (size_t at = 0; at < MEGABYTE; at += sizeof(buf)) {
		for (size_t i = 0; i < sizeof(buf); i++)
			buf[i] = (uint8_t)((at + i) % 251);
		ASSERT_EQ(sizeof(buf), write(fd, buf, sizeof(buf)));
	}
	return fd;
}

static void send_by_sendfile(int to, int file)
{
	off_t at = 0;

	while (at < MEGABYTE)
		ASSERT_GT(sendfile(to, file, &at, (size_t)(MEGABYTE - at)), 0);
}

static void send_by_splice(int to, int file)
{
	loff_t at = 0;
	int pipes[2];
	ssize_t in, out;

	ASSERT_EQ(0, pipe2(pipes, O_CLOEXEC));
	while (at < MEGABYTE) {
		in = splice(file, &at, pipes[1], NULL, 65536, 0);
		ASSERT_GT(in, 0);
		for (; in > 0; in -= out) {
			out = splice(pipes[0], NULL, to, NULL, (size_t)in, 0);
			ASSERT_GT(out, 0);
		}
	}
	close(pipes[0]);
	close(pipes[1]);
}

static void expect_megabyte(struct test_self_embedded *self, void (*send_it)(int to, int file))
{
	int file = file_of_a_megabyte();
	uint8_t alert;
	pthread_t thread;
	void *got;

	shake_both(self);
	ASSERT_EQ(0, pthread_create(&thread, NULL, read_all, &self->fd[1]));
	send_it(self->fd[0], file);
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	ASSERT_EQ(0, pthread_join(thread, &got));
	EXPECT_EQ(MEGABYTE, (size_t)got);
	EXPECT_EQ(KTLS_R_PEER_CLOSE_NOTIFY, relayed_end(self->fd[1], &alert));
	close(file);
}

TEST_F(embedded, takes_sendfile)
{
	expect_megabyte(self, send_by_sendfile);
}

TEST_F(embedded, takes_splice)
{
	expect_megabyte(self, send_by_splice);
}

/* The peer gets what had been written, though the struct ktls is gone. */
TEST_F(embedded, delivers_what_was_written_before_it_was_closed)
{
	int file = file_of_a_megabyte();
	off_t at = 0;
	pthread_t thread;
	void *got;

	shake_both(self);
	ASSERT_EQ(0, fcntl(self->fd[0], F_SETFL, O_RDWR | O_NONBLOCK));
	for (int i = 0; i < 100; i++) {
		(void)!sendfile(self->fd[0], file, &at, (size_t)(MEGABYTE - at));
		usleep(100);
	}
	ASSERT_GT(at, 65536);
	close(self->fd[0]);
	self->fd[0] = -1;
	ASSERT_EQ(0, pthread_create(&thread, NULL, read_all, &self->fd[1]));
	ktls_close(self->k[0]);
	self->k[0] = NULL;
	ASSERT_EQ(0, pthread_join(thread, &got));
	EXPECT_EQ(at, (off_t)(size_t)got);
	close(file);
}

/* Connections go on, as those of the kernel do. */
TEST_F(embedded, leaves_connections_behind)
{
	char byte;

	shake_both(self);
	for (size_t i = 0; i < 2; i++) {
		ktls_close(self->k[i]);
		self->k[i] = NULL;
	}
	for (size_t i = 0; i < 2; i++) {
		ASSERT_EQ(1, send(self->fd[i], "x", 1, MSG_NOSIGNAL));
		ASSERT_EQ(1, recv(self->fd[1 - i], &byte, 1, 0));
	}
}

/* And with the last of them nothing is left. */
TEST_F(embedded, leaves_nothing_behind)
{
	int before = open_descriptors();
	int expected = before - 2;

	shake_both(self);
	close(self->fd[0]);
	close(self->fd[1]);
	self->fd[0] = self->fd[1] = -1;
	for (size_t i = 0; i < 2; i++) {
		ktls_close(self->k[i]);
		self->k[i] = NULL;
	}
	for (int i = 0; i < 500 && open_descriptors() >= expected; i++)
		usleep(10000);
	EXPECT_LT(open_descriptors(), expected); /* those of the two structs are closed, too */
}

TEST_HARNESS_MAIN
