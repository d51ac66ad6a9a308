/* SPDX-License-Identifier: MIT */
/*
 * ktls_open_embedded() on the real kernel: two programs' worth of it, each in a thread of its own,
 * with nothing but the calls of ktls.h and those of the kernel's sockets.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ktls-handshake.h>
#include <ktls-session.h>

#include "lib/conn/timer.h"
#include "lib/crypto/util.h"
#include "lib/ktls/kernel.h"
#include "tests/harness/certs.h"
#include "tests/harness/conns.h"
#include "tests/harness/descriptors.h"
#include "tests/harness/harness.h"
#include "tests/harness/keyed.h"

#define MEGABYTE (1 << 20)

FIXTURE(embedded)
{
	bool ready;
	struct cert *ca, *leaf;
	struct ktls_embedded_identity identity;
	struct ktls *server, *client;
	int fd[2]; /* client's and server's */
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

	self->ready = keyed_or_skip();
	if (!self->ready)
		return;
	ASSERT_EQ(0, crypto_init());
	self->ca = cert_ca(CERT_P256, "Test CA");
	self->leaf = cert_server(CERT_P256, "DNS:example.com", self->ca);
	self->identity.certs = span_of(self->leaf->pem, self->leaf->pem_len);
	self->identity.key = span_of(self->leaf->key_pem, self->leaf->key_pem_len);
	as_client.trust = span_of(self->ca->pem, self->ca->pem_len);
	self->server = ktls_open_embedded(&as_server, NULL);
	self->client = ktls_open_embedded(&as_client, NULL);
	ASSERT_NOT_NULL(self->server);
	ASSERT_NOT_NULL(self->client);
	tcp_pair(self->fd, 0);
}

FIXTURE_TEARDOWN(embedded)
{
	if (!self->ready)
		return;
	ktls_close(self->server);
	ktls_close(self->client);
	close(self->fd[0]);
	close(self->fd[1]);
	cert_free(self->leaf);
	cert_free(self->ca);
}

static const struct ktls_params server_params = { .role = KTLS_SERVER };
static const struct ktls_params client_params = { .role = KTLS_CLIENT,
						  .server_name = "example.com" };

static void shake(struct ktls *k, int fd, const struct ktls_params *params)
{
	struct ktls_reply *reply;

	ASSERT_EQ(0, ktls_handshake(k, fd, params, &reply));
	EXPECT_EQ(KTLS_OK, reply->reason);
	EXPECT_EQ(KTLS_STATE_SW, reply->tx);
	EXPECT_EQ(KTLS_STATE_SW, reply->rx);
	ktls_reply_free(reply);
}

/* What is at offset at of the stream that everybody sends. */
static uint8_t byte_at(size_t at)
{
	return (uint8_t)(at * 31 + at / 256);
}

static void send_megabyte(int fd)
{
	uint8_t buf[16384];
	ssize_t n;

	for (size_t at = 0; at < MEGABYTE; at += (size_t)n) {
		for (size_t i = 0; i < sizeof(buf); i++)
			buf[i] = byte_at(at + i);
		n = send(fd, buf, at + sizeof(buf) > MEGABYTE ? MEGABYTE - at : sizeof(buf),
			 MSG_NOSIGNAL);
		ASSERT_GT(n, 0);
	}
}

/* To the end of what was sent and its close_notify. */
static void expect_megabyte(int fd)
{
	uint8_t buf[16384], type = 0;
	size_t at = 0, wrong = 0;
	ssize_t n;

	for (;;) {
		n = kernel_record_recv(fd, buf, sizeof(buf), 0, &type);
		if (n > 0 && type == RECORD_HANDSHAKE) /* tickets */
			continue;
		if (n <= 0 || type != RECORD_APPLICATION_DATA)
			break;
		for (ssize_t i = 0; i < n; i++)
			wrong += buf[i] != byte_at(at++);
	}
	EXPECT_EQ(MEGABYTE, at);
	EXPECT_EQ(0, wrong);
	EXPECT_EQ(2, n);
	EXPECT_EQ(RECORD_ALERT, type);
	EXPECT_EQ(KTLS_ALERT_CLOSE_NOTIFY, buf[1]);
}

static void finish(int fd)
{
	static const uint8_t close_notify[] = { 1, KTLS_ALERT_CLOSE_NOTIFY };

	EXPECT_EQ(2, kernel_record_send(fd, RECORD_ALERT, close_notify, 2, 0));
}

struct program {
	struct ktls *k;
	int fd;
};

/* A client that sends a megabyte in the same breath as its Finished, then takes one. */
static void *client_program(void *arg)
{
	struct program *p = arg;

	shake(p->k, p->fd, &client_params);
	send_megabyte(p->fd);
	finish(p->fd);
	shutdown(p->fd, SHUT_WR);
	expect_megabyte(p->fd);
	return NULL;
}

TEST_F_TIMEOUT(embedded, two_threads_exchange_a_megabyte, 60)
{
	struct program p = { self->client, self->fd[0] };
	pthread_t thread;

	if (!self->ready)
		return;
	ASSERT_EQ(0, pthread_create(&thread, NULL, client_program, &p));
	shake(self->server, self->fd[1], &server_params);
	expect_megabyte(self->fd[1]);
	send_megabyte(self->fd[1]);
	finish(self->fd[1]);
	pthread_join(thread, NULL);
}

/* The server's process is slow: all that the client has to say is there before it looks. */
TEST_F_TIMEOUT(embedded, a_slow_server, 60)
{
	struct program p = { self->client, self->fd[0] };
	struct ktls_reply *reply;
	pthread_t thread;
	int r;

	if (!self->ready)
		return;
	ASSERT_EQ(0, ktls_start(self->server, self->fd[1], &server_params, NULL));
	ASSERT_EQ(0, pthread_create(&thread, NULL, client_program, &p));
	for (int i = 0; i < 200; i++) {
		usleep(20000);
		r = ktls_collect(self->server, &reply);
		if (r == 0)
			break;
		ASSERT_EQ(-EAGAIN, r);
	}
	ASSERT_EQ(0, r);
	EXPECT_EQ(KTLS_OK, reply->reason);
	ktls_reply_free(reply);
	expect_megabyte(self->fd[1]);
	send_megabyte(self->fd[1]);
	finish(self->fd[1]);
	pthread_join(thread, NULL);
}

TEST_F_TIMEOUT(embedded, a_file_by_sendfile, 60)
{
	struct program p = { self->client, self->fd[0] };
	FILE *file = tmpfile();
	off_t at = 0;
	pthread_t thread;

	if (!self->ready)
		return;
	ASSERT_NOT_NULL(file);
	for (size_t i = 0; i < MEGABYTE; i++)
		fputc(byte_at(i), file);
	fflush(file);
	ASSERT_EQ(0, pthread_create(&thread, NULL, client_program, &p));
	shake(self->server, self->fd[1], &server_params);
	expect_megabyte(self->fd[1]);
	while (at < MEGABYTE)
		ASSERT_GT(sendfile(self->fd[1], fileno(file), &at, (size_t)(MEGABYTE - at)), 0);
	finish(self->fd[1]);
	pthread_join(thread, NULL);
	fclose(file);
}

static void begin_and_wait(const struct cert *ca, const int fd[2], int ready)
{
	struct ktls_embedded_config config = { .trust = span_of(ca->pem, ca->pem_len) };
	struct ktls *k = ktls_open_embedded(&config, NULL);

	close(fd[1]);
	if (k && ktls_start(k, fd[0], &client_params, NULL) == 0)
		(void)!write(ready, "", 1);
	pause();
	_exit(0);
}

/* The other end is another process; it is killed in the middle, and the peer sees that at once. */
TEST_F_TIMEOUT(embedded, killed_in_the_middle_of_a_handshake, 60)
{
	struct pollfd pfd = { .fd = self->fd[1], .events = POLLIN | POLLRDHUP };
	uint64_t before;
	pid_t child;
	int ready[2];
	char byte;

	if (!self->ready)
		return;
	ASSERT_EQ(0, pipe(ready));
	child = fork();
	ASSERT_GE(child, 0);
	if (child == 0)
		begin_and_wait(self->ca, self->fd, ready[1]);
	close(self->fd[0]);
	self->fd[0] = -1;
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	ASSERT_GT(recv(self->fd[1], (char[4096]){ 0 }, 4096, 0), 0);
	before = timer_now();
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	ASSERT_EQ(1, poll(&pfd, 1, 5000));
	EXPECT_LT(timer_now() - before, 2000000000);
	EXPECT_EQ(0, recv(self->fd[1], &byte, 1, 0));
	close(ready[0]);
	close(ready[1]);
}

/* The descriptor that the application closes is the last one. */
TEST_F(embedded, the_peer_sees_the_end_when_the_application_closes)
{
	struct ktls_session *session = ktls_session_open(NULL, NULL, 0);
	struct program p = { self->client, self->fd[0] };
	struct pollfd pfd = { .fd = self->fd[0], .events = POLLIN };
	struct ktls_reply *reply;
	uint64_t server, client;
	int left = 2, r;

	if (!self->ready)
		return;
	ASSERT_EQ(0, ktls_start(self->server, self->fd[1], &server_params, &server));
	ASSERT_EQ(0, ktls_start(self->client, p.fd, &client_params, &client));
	for (int i = 0; i < 5000 && left > 0; i++) {
		r = ktls_collect(i % 2 ? self->server : self->client, &reply);
		if (r == -EAGAIN) {
			usleep(1000);
			continue;
		}
		ASSERT_EQ(0, r);
		EXPECT_EQ(KTLS_OK, reply->reason);
		ktls_reply_free(reply);
		left--;
	}
	ASSERT_EQ(0, left);
	finish(self->fd[1]);
	close(self->fd[1]);
	self->fd[1] = -1;
	ASSERT_EQ(1, poll(&pfd, 1, 2000));
	EXPECT_EQ(0, ktls_recv(session, self->fd[0], (char[512]){ 0 }, 512, 0));
	EXPECT_EQ(KTLS_R_PEER_CLOSE_NOTIFY, ktls_session_reason(session));
	ktls_session_free(session);
	EXPECT_EQ(0, recv(self->fd[0], &(char){ 0 }, 1, 0));
}

TEST_F(embedded, info_tells_what_the_kernel_can)
{
	struct ktls_info info;

	if (!self->ready)
		return;
	ktls_get_info(self->server, &info);
	EXPECT_TRUE(info.capabilities & KTLS_CAN_TLS_1_3_AES_128_GCM);
	EXPECT_TRUE(info.capabilities & KTLS_CAN_TLS_1_3_AES_256_GCM);
	EXPECT_TRUE(info.capabilities & KTLS_CAN_TLS_1_3_CHACHA20_POLY1305);
}

TEST_HARNESS_MAIN
