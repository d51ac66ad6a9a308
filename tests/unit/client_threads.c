/* SPDX-License-Identifier: MIT */
/* The blocking calls, and many threads on one struct ktls. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "tests/unit/client.h"

FIXTURE_VARIANT_ADD(client, one_worker){ .lanes = 1 };
FIXTURE_VARIANT_ADD(client, three_workers){ .lanes = 3 };

/* A ktlsd in a thread: answers everything, with the profile's name as the name of the server. */
struct server {
	struct fake *fake;
	int lanes[3];
	size_t lanes_len;
	pthread_t thread;
	atomic_bool stop;
};

static void answer(int lane)
{
	struct fake_request r = { .fd = -1 };
	struct handoff_reply reply = { 0 };

	fake_request(lane, &r);
	close(r.fd);
	reply.id = r.request.id;
	strcpy(reply.server_name, r.request.profile);
	fake_reply_full(lane, &reply);
}

static void *serve(void *arg)
{
	struct server *s = arg;

	while (!s->stop) {
		struct pollfd p[4] = { { .fd = s->fake->listener, .events = POLLIN } };

		for (size_t i = 0; i < s->lanes_len; i++)
			p[i + 1] = (struct pollfd){ .fd = s->lanes[i], .events = POLLIN };
		poll(p, s->lanes_len + 1, 20);
		for (size_t i = 0; i < s->lanes_len; i++)
			if (p[i + 1].revents)
				answer(s->lanes[i]);
		if (p[0].revents)
			s->lanes[s->lanes_len++] = fake_accept(s->fake);
	}
	for (size_t i = 1; i < s->lanes_len; i++)
		close(s->lanes[i]);
	return NULL;
}

static void server_start(struct server *s, struct fake *fake, int lane)
{
	*s = (struct server){ .fake = fake, .lanes = { lane }, .lanes_len = 1 };
	ASSERT_EQ(0, pthread_create(&s->thread, NULL, serve, s));
}

static void server_stop(struct server *s)
{
	s->stop = true;
	pthread_join(s->thread, NULL);
}

TEST_F(client, handshake_blocks_until_the_reply)
{
	struct ktls_reply *reply = NULL;
	struct server server;

	server_start(&server, &self->fake, self->lane);
	self->params.profile = "web";
	self->params.arg = &server;
	ASSERT_EQ(0, ktls_handshake(self->k, self->fd, &self->params, &reply));
	EXPECT_EQ(KTLS_OK, reply->reason);
	EXPECT_STREQ("web", reply->server_name);
	EXPECT_TRUE(reply->arg == &server);
	ktls_reply_free(reply);
	server_stop(&server);
}

TEST_F(client, handshake_with_wrong_arguments_returns_at_once)
{
	struct ktls_reply *reply = NULL;

	self->params.deadline_ms = UINT32_MAX;
	EXPECT_EQ(-EINVAL, ktls_handshake(self->k, self->fd, &self->params, &reply));
	self->params.deadline_ms = 0;
	EXPECT_EQ(-EBADF, ktls_handshake(self->k, -1, &self->params, &reply));
	EXPECT_NULL(reply);
}

/* What else is finished meanwhile is for ktls_collect(), and nothing else is. */
TEST_F(client, handshake_among_others)
{
	struct ktls_reply *reply = NULL;
	struct server server;
	uint64_t ids[10];

	for (int i = 0; i < 10; i++)
		ids[i] = START(self);
	server_start(&server, &self->fake, self->lane);
	for (int i = 0; i < 20; i++) {
		ASSERT_EQ(0, ktls_handshake(self->k, self->fd, &self->params, &reply));
		EXPECT_GT(reply->id, ids[9]);
		ktls_reply_free(reply);
	}
	for (int i = 0; i < 10; i++) {
		reply = collect(self->k);
		EXPECT_LE(reply->id, ids[9]);
		ktls_reply_free(reply);
	}
	expect_none(self->k);
	server_stop(&server);
}

static void nothing(int signal)
{
	(void)signal;
}

TEST_F(client, handshake_goes_on_after_a_signal)
{
	struct sigaction action = { .sa_handler = nothing }; /* without SA_RESTART */
	struct itimerspec every = { { 0, 2000000 }, { 0, 2000000 } };
	struct ktls_reply *reply = NULL;
	timer_t timer;

	ASSERT_EQ(0, sigaction(SIGALRM, &action, NULL));
	ASSERT_EQ(0, timer_create(CLOCK_MONOTONIC, NULL, &timer));
	ASSERT_EQ(0, timer_settime(timer, 0, &every, NULL));
	self->params.deadline_ms = 1;
	ASSERT_EQ(0, ktls_handshake(self->k, self->fd, &self->params, &reply));
	EXPECT_EQ(KTLS_R_WORKER_LOST,
		  reply->reason); /* five seconds and two thousand signals later */
	ktls_reply_free(reply);
	timer_delete(timer);
}

/* ---- threads ------------------------------------------------------------------------------- */

#define THREADS 8
#define ROUNDS  200

struct worker {
	struct ktls *k;
	int fd;
	char profile[16];
	size_t mine; /* replies with this thread's own profile */
	pthread_t thread;
};

static void *handshakes(void *arg)
{
	struct worker *w = arg;
	const struct ktls_params params = { .profile = w->profile };
	struct ktls_reply *reply;

	for (int i = 0; i < ROUNDS; i++) {
		if (ktls_handshake(w->k, w->fd, &params, &reply) < 0)
			continue;
		w->mine += reply->reason == KTLS_OK && !strcmp(w->profile, reply->server_name);
		ktls_reply_free(reply);
	}
	return NULL;
}

static void workers_start(struct worker *w, struct ktls *k, int fd)
{
	for (int i = 0; i < THREADS; i++) {
		w[i] = (struct worker){ .k = k, .fd = fd };
		snprintf(w[i].profile, sizeof(w[i].profile), "thread-%d", i);
		ASSERT_EQ(0, pthread_create(&w[i].thread, NULL, handshakes, &w[i]));
	}
}

static void workers_join(struct worker *w)
{
	for (int i = 0; i < THREADS; i++) {
		pthread_join(w[i].thread, NULL);
		EXPECT_EQ(ROUNDS, w[i].mine);
	}
}

TEST_F(client, many_threads_block)
{
	struct worker workers[THREADS];
	struct server server;

	server_start(&server, &self->fake, self->lane);
	workers_start(workers, self->k, self->fd);
	workers_join(workers);
	server_stop(&server);
	expect_none(self->k);
}

/* One thread starts and collects while others block: each gets what is its own. */
TEST_F(client, blocking_and_collecting_threads)
{
	struct worker workers[THREADS];
	struct server server;
	size_t collected = 0;

	self->params.profile = "collected";
	server_start(&server, &self->fake, self->lane);
	workers_start(workers, self->k, self->fd);
	for (int i = 0; i < ROUNDS; i++) {
		struct ktls_reply *reply;

		START(self);
		while (ktls_collect(self->k, &reply) == 0) {
			EXPECT_STREQ("collected", reply->server_name);
			ktls_reply_free(reply);
			collected++;
		}
	}
	while (collected < ROUNDS) {
		ktls_reply_free(collect(self->k));
		collected++;
	}
	workers_join(workers);
	server_stop(&server);
	expect_none(self->k);
}

static void *lose(void *arg)
{
	usleep(50000);
	close(*(int *)arg);
	*(int *)arg = -1;
	return NULL;
}

TEST_F(client, blocked_threads_hear_of_a_lost_worker)
{
	struct ktls_reply *reply = NULL;
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, lose, &self->lane));
	ASSERT_EQ(0, ktls_handshake(self->k, self->fd, &self->params, &reply));
	EXPECT_EQ(KTLS_R_WORKER_LOST, reply->reason);
	ktls_reply_free(reply);
	pthread_join(thread, NULL);
}

TEST_HARNESS_MAIN
