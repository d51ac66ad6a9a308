/* SPDX-License-Identifier: MIT */
/*
 * Two engines in memory, for tests: a client and a server joined by byte queues. Authentication is
 * make-believe unless a test puts in its own operations: the "certificate" is a few bytes and the
 * "signature" is what was to be signed, or its hash where that is long, so that a test of the
 * protocol needs no keys.
 */
#ifndef KTLS_TESTS_ENGINES_H
#define KTLS_TESTS_ENGINES_H

#include <ktls-handshake.h>

#define ENGINES_QUEUE  (256 * 1024)
#define CHAIN_SEEN_MAX (KTLS_ENGINE_CHAIN_MAX + 1024)

struct engine_queue {
	uint8_t bytes[ENGINES_QUEUE];
	size_t len;
};

struct engine_end {
	struct ktls_engine engine;
	struct ktls_engine_ops ops;
	struct ktls_engine_config config;
	enum ktls_engine_state state;
	struct engine_queue in; /* what the peer sent and the engine did not take yet */
	uint8_t out[KTLS_ENGINE_OUT_MIN];
	size_t chunk;         /* the engine sees its input in pieces of so many bytes; 0: whole */
	size_t calls;         /* of ktls_engine_run() */
	int borrowed;         /* buffers that are out */
	size_t borrowed_peak; /* bytes, the most at once */
	size_t borrowed_now;
	bool pending; /* each operation that may is put off */
	int (*deferred)(struct engine_end *end);
	struct ktls_span chain[KTLS_ENGINE_CERTS_MAX]; /* server: sends it; client: saw it */
	size_t chain_len;
	uint8_t seen[CHAIN_SEEN_MAX]; /* what the client's chain points to, once it saw one */
	int verdict;                  /* what verify_chain() returns */
	void *auth;                   /* of operations that a test puts in */
};

/* Sets both up with the make-believe operations; then change ops and config, then engines_start().
 */
void engines_init(struct engine_end *client, struct engine_end *server);

/* What the make-believe operations sign with: writes it and returns its length. */
size_t engines_fake_signature(const uint8_t *content, size_t len,
			      uint8_t out[static KTLS_ENGINE_SIGNATURE_MAX]);

/* 0, or the negative reason of the init that failed. */
int engines_start(struct engine_end *client, struct engine_end *server);

/* Gives the engine what its queue holds, and appends its output to the peer's queue. True if it
 * moved. */
bool engine_end_step(struct engine_end *end, struct engine_queue *peer);

/* Steps both until neither moves. True where both are done. */
bool engines_run(struct engine_end *client, struct engine_end *server);

/* Bytes to an engine's input. */
void engine_end_feed(struct engine_end *end, const void *bytes, size_t len);

void engines_wipe(struct engine_end *client, struct engine_end *server);

#endif
