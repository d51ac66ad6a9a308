/* SPDX-License-Identifier: MIT */
/*
 * A thread of one end of a round. It performs the handshakes of its connections, waits at the gate
 * until both ends have theirs, and then does what the pattern says until the round is over.
 */
#ifndef KTLS_BENCH_WORKER_H
#define KTLS_BENCH_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/crypto/hash.h"
#include "tests/bench/ktls-bench/content.h"
#include "tests/bench/ktls-bench/histogram.h"
#include "tests/bench/ktls-bench/link.h"
#include "tests/bench/ktls-bench/plan.h"

#define WORKER_PATIENCE_S 20 /* for a peer that gives no sign of life */

/* A connection and how far it is. */
struct flow {
	struct link link;
	uint32_t index; /* the same number at both ends */
	bool sends, receives;
	bool busy;     /* the last bytes were not taken: they must be offered again */
	bool all_sent; /* and the end with it */
	bool flushing; /* the socket had no room for all records that were made */
	bool at_end;   /* the peer's */
	uint64_t at;   /* place in the content of what is sent next */
	size_t unit_at;
	uint64_t sent, received;
	uint64_t owed;   /* request: bytes of answers */
	uint64_t answer; /* request, client: bytes still to come; */
	uint64_t asked;  /* when */
	uint32_t events; /* that epoll waits for */
	struct hash hash_sent, hash_received;
};

/* Of a round, for all its threads. */
struct round {
	const struct plan *plan;
	enum result_end end;
	const struct content *content;
	const struct credentials *credentials;
	struct ktls *ktls;
	const char *profile;
	const struct cpu_list *cpus;
	struct flow *flows; /* plan->connections; not for churn */
	atomic_bool stop;   /* no more is to be sent */
	atomic_uint open;   /* threads that have their connections, or have failed */
	atomic_uint done;   /* threads that are through */
	/* churn: a connected descriptor, or -1 where there are no more. */
	int (*connect)(struct round *round);
	void *arg;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool go, abandoned;
	char failed[RESULT_LINE];
};

struct worker {
	pthread_t thread;
	struct round *round;
	const struct plan *plan;
	uint32_t number;
	struct link_maker maker;
	int epoll, cycles;
	bool warm;  /* the warm-up is over */
	bool again; /* some flow has more to do without waiting */
	uint64_t now, warm_at, ends_at;
	/* Behind the warm-up. */
	uint64_t began, cpu_began, cycles_began;
	uint64_t sent, received, operations, failures;
	uint64_t wall, cpu, cycles_used, retransmits;
	uint16_t version, suite;
	struct result_offload tx, rx; /* connections, those of the warm-up too */
	struct histogram latencies;
	uint8_t hash_sent[OUTCOME_HASH], hash_received[OUTCOME_HASH];
};

/* The thread; arg is the struct worker. */
void *worker_run(void *arg);

/* The time, and whether the warm-up has ended with it. */
void worker_tick(struct worker *w);

/* Who has the records of a connection that has been opened. */
void worker_count(struct worker *w, const struct link *link);

/* What TCP sent again on a connection that is about to be closed. */
void worker_count_retransmits(struct worker *w, const struct link *link);

/* Whether no more is to be begun. */
bool worker_over(const struct worker *w);

/* The round is worth nothing; the first reason counts. */
__attribute__((format(printf, 2, 3))) void round_fail(struct round *round, const char *format, ...);

/* Streams and requests, by epoll: until every flow is through. flow.c */
void flows_run(struct worker *w);

/* Connections one after the other. churn.c */
void churn_run(struct worker *w);

#endif
