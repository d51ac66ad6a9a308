/* SPDX-License-Identifier: MIT */
/*
 * Two relays joined by TCP, in a thread of their own, with an application's socket at each end: for
 * tests whose calls block.
 */
#ifndef KTLS_TESTS_UNIT_RELAY_PAIR_H
#define KTLS_TESTS_UNIT_RELAY_PAIR_H

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/crypto/util.h"
#include "lib/relay/relay.h"
#include "tests/harness/conns.h"
#include "tests/harness/harness.h"

struct relay_pair {
	struct relay_loop *loop;
	pthread_t thread;
	atomic_bool stop;
	int application[2]; /* client's, server's */
	struct relay_end ends[2];
	atomic_int ended;
	size_t most_bytes; /* that relays held at once */
};

static inline void *relay_pair_run(void *arg)
{
	struct relay_pair *pair = arg;
	struct pollfd pfd = { .fd = relay_loop_fd(pair->loop), .events = POLLIN };

	while (!pair->stop) {
		if (poll(&pfd, 1, 20) > 0)
			relay_loop_run(pair->loop);
		if (relay_loop_bytes(pair->loop) > pair->most_bytes)
			pair->most_bytes = relay_loop_bytes(pair->loop);
	}
	return NULL;
}

static struct relay_pair *relay_pair_now; /* a test has one */

static inline void relay_pair_ended(void *arg, const struct relay_end *end)
{
	*(struct relay_end *)arg = *end;
	relay_pair_now->ended++;
}

static inline void relay_pair_begin(struct relay_pair *pair, int i,
				    const struct ktls_secrets *secrets, int tcp,
				    uint64_t records_max)
{
	struct timeval time = { .tv_sec = 60 };
	struct ktls_traffic_key tx, rx;
	struct relay_request request = { .peer = tcp,
					 .secrets = secrets,
					 .tx = &tx,
					 .rx = &rx,
					 .records_max = records_max,
					 .ended = relay_pair_ended,
					 .arg = &pair->ends[i] };
	int fd[2];

	ASSERT_EQ(0, ktls_secrets_traffic_key(secrets, KTLS_TX, &tx));
	ASSERT_EQ(0, ktls_secrets_traffic_key(secrets, KTLS_RX, &rx));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, fd));
	ASSERT_EQ(0, setsockopt(fd[1], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)));
	request.application = fd[0];
	pair->application[i] = fd[1];
	ASSERT_EQ(0, relay_start(pair->loop, &request));
}

/* records_max: under one key, for each end; 0: as ever. */
static inline void relay_pair_open(struct relay_pair *pair, uint16_t version, uint16_t suite,
				   const uint64_t records_max[2])
{
	struct relay_config config = { .relays_max = 2, .linger_ms = 1000 };
	struct ktls_secrets client = { .role = KTLS_CLIENT, .version = version, .suite = suite };
	struct ktls_secrets server;
	int tcp[2];

	ASSERT_EQ(0, crypto_init());
	random_bytes(client.tx, sizeof(client.tx));
	random_bytes(client.rx, sizeof(client.rx));
	random_bytes(client.exporter, sizeof(client.exporter));
	server = client;
	server.role = KTLS_SERVER;
	memcpy(server.tx, client.rx, sizeof(server.tx));
	memcpy(server.rx, client.tx, sizeof(server.rx));
	ASSERT_EQ(0, relay_loop_new(&config, &pair->loop));
	tcp_pair(tcp, 0);
	relay_pair_now = pair;
	relay_pair_begin(pair, 0, &client, tcp[0], records_max[0]);
	relay_pair_begin(pair, 1, &server, tcp[1], records_max[1]);
	ASSERT_EQ(0, pthread_create(&pair->thread, NULL, relay_pair_run, pair));
}

static inline void relay_pair_close_end(struct relay_pair *pair, int i)
{
	if (pair->application[i] >= 0)
		close(pair->application[i]);
	pair->application[i] = -1;
}

/* Closes both applications, and waits until both relays have ended. */
static inline void relay_pair_finish(struct relay_pair *pair)
{
	relay_pair_close_end(pair, 0);
	relay_pair_close_end(pair, 1);
	for (int i = 0; i < 1000 && pair->ended < 2; i++)
		usleep(10000);
	ASSERT_EQ(2, pair->ended);
}

static inline void relay_pair_wipe(struct relay_pair *pair)
{
	pair->stop = true;
	pthread_join(pair->thread, NULL);
	relay_pair_close_end(pair, 0);
	relay_pair_close_end(pair, 1);
	relay_loop_free(pair->loop);
}

#endif
