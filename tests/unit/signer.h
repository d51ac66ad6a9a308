/* SPDX-License-Identifier: MIT */
/* What the tests of ktlsd's signer share: the test is its supervisor, and two workers. */
#ifndef KTLS_TESTS_SIGNER_H
#define KTLS_TESTS_SIGNER_H

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
#include "daemon/question.h"
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
	struct bundles bundles;
	pid_t pid;
	struct channel control;
	struct channel workers[2];
	/* What came last. */
	bool ready;
	int suspect; /* -1: none */
	uint64_t token;
	uint16_t reason;
	uint8_t signature[KTLS_ENGINE_TICKET_MAX]; /* or a ticket, or what is in it */
	size_t signature_len;
	unsigned int answers;
};

/* ---- hearing it -------------------------------------------------------------------------------
 */

static inline int on_ready(void *arg, struct reader *body, int fd)
{
	struct test_self_signer *self = arg;

	(void)body;
	(void)fd;
	self->ready = true;
	return 0;
}

static inline int on_suspect(void *arg, struct reader *body, int fd)
{
	struct test_self_signer *self = arg;
	uint16_t index;

	(void)fd;
	if (!reader_u16(body, &index))
		return -EPROTO;
	self->suspect = index;
	return 0;
}

static inline int on_signed(void *arg, struct reader *body, int fd)
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
	{ CHANNEL_OPENED, on_signed },
	{ 0 },
};

/* The next message of a channel: 0, or -EPIPE where it was closed. */
static inline int hear(struct test_self_signer *self, const struct channel *channel)
{
	struct pollfd p = { .fd = channel->fd, .events = POLLIN };

	ASSERT_EQ(1, poll(&p, 1, WAIT_MS));
	return channel_run(channel, handlers, self, 1);
}

/* ---- starting it ------------------------------------------------------------------------------
 */

static inline void write_config(struct test_self_signer *self, const char *path)
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

static inline void make_bundles(struct test_self_signer *self, struct bundles *bundles)
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

static inline pid_t start(int channel)
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

static inline struct channel channel_of(int fd, enum channel_role here)
{
	return (struct channel){ .fd = fd, .here = here, .there = ROLE_SIGNER, .name = "signer" };
}

static inline void introduce(struct test_self_signer *self, uint16_t index)
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

/* Starts one, with two workers, from self->bundles. */
static inline void launch(struct test_self_signer *self)
{
	struct channel_message m;
	int pair[2];

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
	ASSERT_EQ(0, channel_send(&self->control, &m, self->bundles.signers));
	self->ready = false;
	ASSERT_EQ(0, hear(self, &self->control));
	ASSERT_TRUE(self->ready);
	introduce(self, 0);
	introduce(self, 1);
}

/* Ends it, in order, unless it has ended: pid is 0 then. */
static inline void finish(struct test_self_signer *self)
{
	int status;

	close(self->control.fd);
	close(self->workers[0].fd);
	close(self->workers[1].fd);
	if (self->pid > 0) {
		ASSERT_EQ(self->pid, waitpid(self->pid, &status, 0));
		EXPECT_TRUE(WIFEXITED(status));
	}
	self->pid = 0;
}

FIXTURE_SETUP(signer)
{
	ca = cert_ca(CERT_P256, "CA");
	leaf = cert_server(CERT_P256, "DNS:localhost", ca);
	make_bundles(self, &self->bundles);
	launch(self);
}

FIXTURE_TEARDOWN(signer)
{
	char command[128];

	finish(self);
	bundles_close(&self->bundles);
	snprintf(command, sizeof(command), "rm -r %s", self->dir);
	EXPECT_EQ(0, system(command));
	cert_free(leaf);
	cert_free(ca);
}

#endif
