/* SPDX-License-Identifier: MIT */
/*
 * Resumption for the engines of auth.h: a server's tickets, sealed with a key that nobody keeps,
 * and the session that a client was given last.
 */
#ifndef KTLS_TESTS_SESSIONS_H
#define KTLS_TESTS_SESSIONS_H

#include "tests/harness/engines.h"

struct sessions {
	uint8_t key[32];    /* server: that tickets are sealed with */
	bool must_be_known; /* server: a session's client must have proved who it is */
	bool known;         /* server: the ticket that was opened last says that it had */
	uint8_t offered[KTLS_ENGINE_SESSION_MAX]; /* client: to be resumed */
	size_t offered_len;                       /* bytes; 0: none */
	uint8_t kept[KTLS_ENGINE_SESSION_MAX];    /* client: what it was given last */
	size_t kept_len;
	struct ktls_secrets secrets; /* client: of the connection that stands */
	const char *server_name;     /* client: of that connection, or NULL */
};

/* A new key, and no session. */
void sessions_init(struct sessions *sessions);

/*
 * Has the engine make and take tickets, or resume the session and keep what comes. auth_attach()
 * has been called before; sessions stays the caller's.
 */
void sessions_attach(struct sessions *sessions, struct engine_end *end);

/*
 * Client, after the handshake: of this engine's connection come the NewSessionTickets that
 * sessions_ticket() gets, which is for struct record_link.
 */
void sessions_expect(struct sessions *sessions, const struct engine_end *end);
void sessions_ticket(void *sessions, const uint8_t *message, size_t len);

/* Reads the session to offer from a file, if there is one; writes the one that was kept. The
 * program ends if that fails. */
void sessions_load(struct sessions *sessions, const char *path);
void sessions_store(const struct sessions *sessions, const char *path);

#endif
