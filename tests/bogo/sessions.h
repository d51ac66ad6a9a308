/* SPDX-License-Identifier: MIT */
/*
 * What lasts from one connection of the shim to the next: the client's session, the key of the
 * server's tickets, the clock that the runner puts forward. The operations are as struct
 * ktls_engine_ops describes them.
 */
#ifndef KTLS_TESTS_BOGO_SESSIONS_H
#define KTLS_TESTS_BOGO_SESSIONS_H

#include <ktls-handshake.h>

#define SESSIONS_TICKETS 2 /* that a server sends */

/* A new connection begins: the session to be offered, empty if there is none. Valid until the next.
 */
struct ktls_span sessions_begin(void);

/* Whether this connection has brought a session. */
bool sessions_got_one(void);

/* The clock stands unless it is put forward: the runner counts milliseconds. */
void sessions_wait(int seconds);
uint64_t sessions_now(void);

int sessions_seal(const uint8_t *state, size_t state_len, uint8_t *ticket, size_t *ticket_len);
int sessions_open(const uint8_t *ticket, size_t ticket_len, uint8_t *state, size_t *state_len);
void sessions_keep(const uint8_t *session, size_t session_len);

/*
 * Client, TLS 1.3: takes tickets from handshake bytes behind the handshake, however they are cut.
 * secrets and server_name are those of the connection. 0, or a negative reason.
 */
int sessions_hear(const struct ktls_secrets *secrets, const char *server_name, const uint8_t *bytes,
		  size_t len);

#endif
