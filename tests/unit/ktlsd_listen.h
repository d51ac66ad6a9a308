/* SPDX-License-Identifier: MIT */
/*
 * What the tests of ktls_listen() through ktlsd share: a ktlsd whose relays carry the records, so
 * that they run on any kernel, an application that echoes, and clients, whose handshakes are that
 * ktlsd's as well.
 */
#ifndef KTLS_TESTS_KTLSD_LISTEN_H
#define KTLS_TESTS_KTLSD_LISTEN_H

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <ktls.h>

#include "tests/harness/daemon.h"
#include "tests/harness/descriptors.h"
#include "tests/harness/harness.h"
#include "tests/harness/listener.h"
#include "tests/harness/replies.h"

#ifndef LISTEN_RECORDS /* tests on a kernel with TLS have their own */
#define LISTEN_PROFILE "records = relay\nserver-users = *\nclient-users = *\n"
#define LISTEN_RECORDS KTLS_RECORDS_PREFER_KERNEL
#endif

FIXTURE(listen)
{
	struct daemon daemon;
	struct ktls *app;
	struct ktls *others; /* the clients' */
	int listener;
	uint64_t id;
	int descriptors;
	unsigned int echoed;
};

static const struct ktls_params as_server = { .role = KTLS_SERVER,
					      .records = LISTEN_RECORDS,
					      .deadline_ms = 30000 };
static const struct ktls_params as_client = { .role = KTLS_CLIENT,
					      .records = LISTEN_RECORDS,
					      .deadline_ms = 60000,
					      .server_name = "localhost" };

static inline int64_t clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static inline void open_listen(struct test_self_listen *self, const char *ktlsd)
{
	daemon_open(&self->daemon, ktlsd, LISTEN_PROFILE, NULL);
	self->descriptors = open_descriptors();
	self->app = ktls_open(self->daemon.socket, NULL);
	self->others = ktls_open(self->daemon.socket, NULL);
	ASSERT_NOT_NULL(self->app);
	ASSERT_NOT_NULL(self->others);
	self->listener = listener_open(0);
}

static inline void close_listen(struct test_self_listen *self)
{
	ktls_close(self->app);
	ktls_close(self->others);
	if (self->listener >= 0)
		close(self->listener);
	EXPECT_EQ(self->descriptors, open_descriptors());
	daemon_close(&self->daemon);
}

static inline void begin_listening(struct test_self_listen *self, unsigned int backlog)
{
	ASSERT_EQ(0, ktls_listen(self->app, self->listener, &as_server, backlog, &self->id));
}

/* ---- the application ----------------------------------------------------------------------- */

static inline void echo(struct ktls_reply *reply)
{
	char bytes[4];

	EXPECT_EQ(4, recv(reply->fd, bytes, 4, MSG_WAITALL));
	EXPECT_EQ(4, send(reply->fd, bytes, 4, MSG_NOSIGNAL));
}

/* The next connection or the last reply; NULL where none comes in that time. */
static inline struct ktls_reply *next_of(struct ktls *k, int ms)
{
	struct pollfd p = { .fd = ktls_fd(k), .events = POLLIN };
	int64_t until = clock_now() + ms;
	struct ktls_reply *reply;

	while (ktls_collect(k, &reply) == -EAGAIN) {
		if (clock_now() >= until || poll(&p, 1, (int)(until - clock_now())) <= 0)
			return NULL;
	}
	return reply;
}

/* Echoes what so many connections send, one after the other; until none comes for so long. */
static inline void serve(struct test_self_listen *self, unsigned int n, int ms)
{
	while (n > 0) {
		struct ktls_reply *reply = next_of(self->app, ms);

		if (!reply)
			return;
		EXPECT_EQ(self->id, reply->id);
		EXPECT_STREQ("OK", ktls_reason_name((int)reply->reason));
		ASSERT_EQ(1, reply->more);
		echo(reply);
		ktls_reply_free(reply);
		self->echoed++;
		n--;
	}
}

static inline void expect_last(struct ktls *k, uint64_t id, enum ktls_reason reason)
{
	expect_last_reply(next_of(k, 20000), id, reason);
}

/* ---- clients ------------------------------------------------------------------------------- */

struct crowd {
	struct ktls *k;
	int listener;
	int each; /* connections of a thread, one after the other */
	int pause_ms;
	atomic_int good, bad;
	pthread_t threads[16];
	int len;
};

static inline bool talk(int fd)
{
	struct timeval patience = { .tv_sec = 60 };
	char bytes[4];

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return send(fd, "ping", 4, MSG_NOSIGNAL) == 4 && recv(fd, bytes, 4, MSG_WAITALL) == 4 &&
	       memcmp(bytes, "ping", 4) == 0;
}

static inline void *crowd_thread(void *arg)
{
	struct crowd *c = arg;

	for (int i = 0; i < c->each; i++) {
		struct ktls_reply *reply = NULL;
		int fd = listener_connect(c->listener);
		bool good = ktls_handshake(c->k, fd, &as_client, &reply) == 0 &&
			    reply->reason == KTLS_OK && talk(fd);

		if (!good)
			TH_LOG("client: %s", reply ? reply->text : "?");
		atomic_fetch_add(good ? &c->good : &c->bad, 1);
		ktls_reply_free(reply);
		close(fd);
		if (!good)
			break;
		if (c->pause_ms > 0)
			usleep((useconds_t)c->pause_ms * 1000);
	}
	return NULL;
}

static inline void crowd_start(struct crowd *c, struct test_self_listen *self, int threads,
			       int each, int pause_ms)
{
	*c = (struct crowd){ .k = self->others,
			     .listener = self->listener,
			     .each = each,
			     .pause_ms = pause_ms,
			     .len = threads };
	for (int i = 0; i < threads; i++)
		ASSERT_EQ(0, pthread_create(&c->threads[i], NULL, crowd_thread, c));
}

static inline void crowd_end(struct crowd *c, int good)
{
	for (int i = 0; i < c->len; i++)
		pthread_join(c->threads[i], NULL);
	EXPECT_EQ(good, c->good);
	EXPECT_EQ(0, c->bad);
}

/* So many clients, all of which are served. */
static inline void expect_served(struct test_self_listen *self, int threads, int each)
{
	unsigned int before = self->echoed;
	struct crowd c;

	crowd_start(&c, self, threads, each, 0);
	serve(self, (unsigned int)(threads * each), 60000);
	crowd_end(&c, threads * each);
	EXPECT_EQ(before + (unsigned int)(threads * each), self->echoed);
}

/* Who will never speak TLS: silence, HTTP, a hello of TLS 1.0, half a record, noise. */
static inline void connect_badly(int listener, int *fd, int n)
{
	static const struct {
		const char *bytes;
		size_t len;
	} words[] = { { "", 0 },
		      { "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27 },
		      { "\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x01"
			"0123456789abcdef0123456789abcdef\x00\x00\x02\x00\x2f\x01\x00",
			50 },
		      { "\x16\x03\x01\x20\x00\x01", 6 },
		      { "\x80\x2e\x01\x00\x02\xff\xff", 7 } };

	for (int i = 0; i < n; i++) {
		fd[i] = listener_connect(listener);
		EXPECT_EQ(words[i % 5].len,
			  send(fd[i], words[i % 5].bytes, words[i % 5].len, MSG_NOSIGNAL));
	}
}

static inline void close_fds(const int *fd, int n)
{
	for (int i = 0; i < n; i++)
		close(fd[i]);
}

#endif
