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
	uint8_t session[KTLS_ENGINE_SESSION_MAX]; /* client: to be resumed, or kept */
	size_t session_len;                       /* bytes; 0: none */
};

/* A new key, and no session. */
void sessions_init(struct sessions *sessions);

/*
 * Has the engine make and take tickets, or resume the session and keep what comes. auth_attach()
 * has been called before; sessions stays the caller's.
 */
void sessions_attach(struct sessions *sessions, struct engine_end *end);

/* Reads the session from a file, if there is one; writes it. The program ends if that fails. */
void sessions_load(struct sessions *sessions, const char *path);
void sessions_store(const struct sessions *sessions, const char *path);

#endif
