/* SPDX-License-Identifier: MIT */
/*
 * Relays: connections whose records (RFC 9846, 5; RFC 5246, 6.2) are carried in userspace, where
 * the kernel cannot. On one side is the peer's TCP socket, on the other one end of a pair of Unix
 * sockets; the application has the other end and reads and writes plain bytes. A loop drives any
 * number of relays on one epoll set, in one thread.
 *
 * What a relay does of itself: backpressure both ways (it holds one record a direction and reads no
 * further), half-closed connections both ways, close_notify, KeyUpdate from the peer and for its
 * own keys (5.5), tickets passed on, HelloRequest refused, alerts for what a peer does wrong.
 *
 * A key that has protected records_max records is changed, ours before the next data, the peer's at
 * our wish (KeyUpdate, update_requested), which is said once. Where it cannot be changed, in
 * TLS 1.2, the connection is closed in order with KEY_EXHAUSTED; and so it is where a peer goes on
 * with the old key for as many records again, KTLS_RECORDS_UNDER_WAY more than that. What comes is
 * not held to RFC 9846's own limit, though ("Receiving implementations SHOULD NOT enforce these
 * limits", 5.5), but to a lower one that somebody has set.
 *
 * How the application sees the end. close_notify and every other end are an end of file for it; the
 * difference shows in the name of the relay's end of the pair (getpeername(2) on the
 * application's), which lib/handoff/relayed.h writes and reads. So a library can tell them apart
 * without asking anybody. Where a relay's process is killed there is no name, and the peer gets a
 * reset: neither side takes that for a good end.
 *
 * Memory of a relay: RELAY_BYTES of which the keys are locked, and up to two buffers of
 * RELAY_BUFFER as long as a record is under way.
 */
#ifndef KTLS_RELAY_RELAY_H
#define KTLS_RELAY_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ktls-secrets.h>

#define RELAY_BUFFER (5 + 16384 + 2048) /* bytes of the longest record, RFC 5246 6.2.3 */

struct relay_loop;

/* How a relay ended. Valid during the call of ended(). */
struct relay_end {
	enum ktls_reason reason; /* KTLS_OK: both sides have closed as they should */
	uint8_t alert;           /* received if the reason is PEER_ALERT, else sent; ALERT_NONE */
	int error;               /* errno behind the reason; 0 where there is none */
	uint64_t sent;           /* bytes of the application's that TCP has taken */
	uint64_t received;       /* bytes that the application's socket has taken */
	uint32_t updates_sent;   /* KeyUpdates */
	uint32_t updates_received;
};

struct relay_config {
	size_t relays_max;  /* at once */
	uint32_t linger_ms; /* for a peer to take our last bytes when nobody waits for its own;
			       0: 5000 */
};

/* A relay that is wanted. Copied by relay_start(). */
struct relay_request {
	int peer;        /* connected TCP socket */
	int application; /* a Unix stream socket, connected to the application's */
	const struct ktls_secrets *secrets;
	const struct ktls_traffic_key *tx, *rx; /* as a kernel would get them */
	size_t content_max; /* bytes of content in our records (RFC 8449); 0: 16384 */
	/* That one key may protect, either way. 0, or what is good for AES-GCM: 2^24, which is a
	 * little less; more is for ChaCha20-Poly1305, which has no such limit. */
	uint64_t records_max;

	/* Client, TLS 1.3: a whole NewSessionTicket. NULL: they are dropped. */
	void (*ticket)(void *arg, const uint8_t *message, size_t len);
	/* Called once, from relay_loop_run(); both sockets are closed when it is. */
	void (*ended)(void *arg, const struct relay_end *end);
	void *arg;
};

/* Returns 0 or a negative errno, *out is unwritten then. The caller has called crypto_init(). */
int relay_loop_new(const struct relay_config *config, struct relay_loop **out)
	__attribute__((warn_unused_result));

/* Drops all relays, as if the process were killed, and calls no ended(). */
void relay_loop_free(struct relay_loop *loop);

/* Readable (level-triggered) when relay_loop_run() has something to do. */
int relay_loop_fd(const struct relay_loop *loop);
void relay_loop_run(struct relay_loop *loop);

size_t relay_loop_count(const struct relay_loop *loop);

/* Those whose application has closed, which only have to deliver what it has written. */
size_t relay_loop_orphans(const struct relay_loop *loop);

/* Bytes of memory that relays hold now: the loop's own are not counted. */
size_t relay_loop_bytes(const struct relay_loop *loop);

/*
 * Begins: 0, and the sockets are the loop's. Or a negative reason (TOO_MANY, NO_MEMORY, MISUSE for
 * keys without sense): they are still the caller's.
 */
int relay_start(struct relay_loop *loop, const struct relay_request *request)
	__attribute__((warn_unused_result));

#endif
