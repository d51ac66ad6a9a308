/* SPDX-License-Identifier: MIT */
/*
 * A client's sessions that a later handshake may resume, with the server's chain, which is not
 * shown again. Bounded in number and bytes: the one that was not used for longest goes first. Found
 * by a digest of whatever must be the same for a session to be used: see conn_session_key().
 *
 * TLS 1.3's sessions are used once ("Clients SHOULD NOT reuse a ticket for multiple connections",
 * RFC 9846, C.4), TLS 1.2's as often as the server likes. What has expired, of the session or the
 * chain, is not given out. Belongs to one thread; sessions are wiped when they go.
 */
#ifndef KTLS_CONN_SESSION_STORE_H
#define KTLS_CONN_SESSION_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lib/conn/chain.h"

#define SESSION_KEY     32
#define SESSIONS_OF_KEY 4 /* of TLS 1.3, kept for one key; of TLS 1.2: one */

struct stored_session {
	TAILQ_ENTRY(stored_session) by_use;
	LIST_ENTRY(stored_session) in_bucket;
	uint8_t key[SESSION_KEY];
	uint16_t version;
	uint64_t expires;         /* milliseconds since 1970 */
	struct conn_chain *chain; /* the server's */
	size_t len;
	uint8_t session[]; /* as the engine wants it; secret */
};

struct session_store;

/* NULL without memory. */
struct session_store *session_store_new(size_t sessions_max, size_t bytes_max)
	__attribute__((warn_unused_result));
void session_store_free(struct session_store *store);

/*
 * Keeps copies of a session and its chain. What is no session, or does not fit at all, is passed
 * over; so is everything without memory.
 */
void session_store_keep(struct session_store *store, const uint8_t key[static SESSION_KEY],
			const struct ktls_span *session, const struct conn_chain *chain);

/* The newest session of a key, the caller's to be freed; NULL where there is none. now as above. */
struct stored_session *session_store_take(struct session_store *store,
					  const uint8_t key[static SESSION_KEY], uint64_t now);

/* Drops all sessions of a key. */
void session_store_forget(struct session_store *store, const uint8_t key[static SESSION_KEY]);

size_t session_store_count(const struct session_store *store);
size_t session_store_bytes(const struct session_store *store);

/* Wipes it, too; NULL is a no-op. */
void stored_session_free(struct stored_session *session);

#endif
