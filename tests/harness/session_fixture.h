/* SPDX-License-Identifier: MIT */
/*
 * A session whose peer is a codec on a plain socket, and whose ktlsd answers services only. The
 * records are the kernel's own where SESSION_REAL is defined, else those of harness/play.h.
 */
#ifndef KTLS_TESTS_SESSION_FIXTURE_H
#define KTLS_TESTS_SESSION_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <ktls-session.h>

#include "lib/handoff/session.h"
#include "lib/ktls/kernel.h"
#include "lib/ktls/loopback.h"
#include "tests/harness/answering.h"
#include "tests/harness/harness.h"
#include "tests/harness/keyed.h"
#ifndef SESSION_REAL
#include "tests/harness/play.h"
#endif

/* fd[0] has the session, fd[1] is the plain peer. */
FIXTURE(session)
{
	bool ready;
	int fd[2];
	struct answering a;
	struct ktls *k;
	struct ktls_session *s;
	struct ktls_secrets secrets;    /* of the session, as the peer has them now */
	struct ktls_traffic_key tx, rx; /* what the peer opens, and seals, with */
	uint8_t record[KEYED_RECORD_MAX];
	uint8_t content[KEYED_RECORD_MAX];
	char got[1024];
};

typedef struct test_self_session session_t;

#define READY()           \
	if (!self->ready) \
	return

static inline void session_reopen(session_t *self, uint64_t records_max)
{
	uint8_t sealed[64];
	size_t len;

	self->a.header.records_max = records_max;
	len = answering_seal(&self->a, sealed);
	ktls_session_free(self->s);
	self->s = ktls_session_open(self->k, sealed, len);
	ASSERT_NOT_NULL(self->s);
#ifndef SESSION_REAL
	self->s->kernel = &play_kernel;
#endif
}

static inline bool carrier_open(session_t *self)
{
#ifdef SESSION_REAL
	int error;

	if (!keyed_or_skip())
		return false;
	keyed_pair(self->fd);
	keyed_install(self->fd[0], true, &self->tx);
	keyed_install(self->fd[0], false, &self->rx);
	/* Nothing has been sent under it: a kernel that changes keys takes it once more. */
	if (kernel_install(self->fd[0], true, &self->tx, &error) == -KTLS_R_SOCKET_HAS_KEYS)
		SKIP(return false, "this kernel's keys cannot be changed");
#else
	ASSERT_EQ(0, loopback_pair(self->fd));
	play_attach(self->fd[0], &self->tx, &self->rx, true);
#endif
	return true;
}

static inline void secrets_init(struct ktls_secrets *secrets)
{
	*secrets = (struct ktls_secrets){ .role = KTLS_CLIENT,
					  .version = KTLS_TLS_1_3,
					  .suite = KTLS_AES_128_GCM_SHA256 };
	for (size_t i = 0; i < 32; i++) {
		secrets->tx[i] = (uint8_t)(i * 3 + 1);
		secrets->rx[i] = (uint8_t)(i * 5 + 2);
	}
}

FIXTURE_SETUP(session)
{
	secrets_init(&self->secrets);
	ASSERT_EQ(0, ktls_secrets_traffic_key(&self->secrets, KTLS_TX, &self->tx));
	ASSERT_EQ(0, ktls_secrets_traffic_key(&self->secrets, KTLS_RX, &self->rx));
	if (!carrier_open(self))
		return;
	self->a.secrets = self->secrets;
#ifdef SESSION_REAL
	self->a.get = kernel_get;
#else
	self->a.get = play_kernel.get;
#endif
	self->a.header = (struct sealed_header){ .role = KTLS_CLIENT,
						 .version = KTLS_TLS_1_3,
						 .suite = KTLS_AES_128_GCM_SHA256 };
	answering_start(&self->a);
	self->k = ktls_open(self->a.fake.path, NULL);
	ASSERT_NOT_NULL(self->k);
	session_reopen(self, KTLS_AES_GCM_RECORDS_MAX);
	self->ready = true;
}

FIXTURE_TEARDOWN(session)
{
	if (!self->ready)
		return;
	ktls_session_free(self->s);
	ktls_close(self->k);
	answering_stop(&self->a);
	close(self->fd[0]);
	close(self->fd[1]);
}

/* ---- the peer ------------------------------------------------------------------------------ */

static inline void put(session_t *self, uint8_t type, const void *bytes, size_t len)
{
	keyed_write(self->fd[1], self->record,
		    keyed_seal(&self->rx, type, bytes, len, self->record));
}

static inline void put_data(session_t *self, const char *text)
{
	put(self, RECORD_APPLICATION_DATA, text, strlen(text));
}

/* The peer's key changes, with a KeyUpdate or behind it. */
static inline void step_rx(session_t *self)
{
	ASSERT_EQ(0, ktls_secrets_key_update(&self->secrets, KTLS_RX, &self->rx));
}

static inline void put_key_update(session_t *self, bool request)
{
	uint8_t message[KTLS_KEY_UPDATE_LEN];

	ktls_secrets_build_key_update(request, message);
	put(self, RECORD_HANDSHAKE, message, sizeof(message));
	step_rx(self);
}

/* The next record on the wire; a KeyUpdate steps the key. Returns its type, and the length. */
static inline uint8_t take_record(session_t *self, size_t *len)
{
	size_t record_len = keyed_read_record(self->fd[1], self->record);
	uint8_t type = 0;
	ssize_t n = keyed_open(&self->tx, self->record, record_len, &type, self->content);

	ASSERT_GE(n, 0);
	*len = (size_t)n;
	if (type == RECORD_HANDSHAKE) {
		ASSERT_EQ(5, n);
		ASSERT_MEMEQ("\x18\0\0\1", self->content, 4);
		ASSERT_EQ(0, ktls_secrets_key_update(&self->secrets, KTLS_TX, &self->tx));
	}
	return type;
}

static inline void expect_on_the_wire(session_t *self, const char *text)
{
	size_t len;

	ASSERT_EQ(RECORD_APPLICATION_DATA, take_record(self, &len));
	EXPECT_EQ(strlen(text), len);
	EXPECT_MEMEQ(text, self->content, len);
}

static inline void expect_key_update(session_t *self, bool request)
{
	size_t len;

	ASSERT_EQ(RECORD_HANDSHAKE, take_record(self, &len));
	EXPECT_EQ(request, self->content[4]);
}

static inline void expect_alert(session_t *self, uint8_t level, uint8_t alert)
{
	size_t len;

	ASSERT_EQ(RECORD_ALERT, take_record(self, &len));
	EXPECT_EQ(level, self->content[0]);
	EXPECT_EQ(alert, self->content[1]);
}

static inline void expect_silence(session_t *self)
{
	EXPECT_EQ(-1, recv(self->fd[1], self->content, 1, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
}

/* ---- the application ----------------------------------------------------------------------- */

static inline void expect_data(session_t *self, const char *text)
{
	ssize_t n = ktls_recv(self->s, self->fd[0], self->got, sizeof(self->got), 0);

	ASSERT_EQ(strlen(text), n);
	EXPECT_MEMEQ(text, self->got, strlen(text));
}

static inline void expect_end(session_t *self, ssize_t result, enum ktls_reason reason)
{
	EXPECT_EQ(result, ktls_recv(self->s, self->fd[0], self->got, sizeof(self->got), 0));
	EXPECT_STREQ(ktls_reason_name((int)reason),
		     ktls_reason_name((int)ktls_session_reason(self->s)));
}

static inline void send_text(session_t *self, const char *text)
{
	ASSERT_EQ(strlen(text), ktls_send(self->s, self->fd[0], text, strlen(text), 0));
}

static inline int64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static inline void nap(int ms)
{
	usleep((useconds_t)ms * 1000);
}

#endif
