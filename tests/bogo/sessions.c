/* SPDX-License-Identifier: MIT */
#include "tests/bogo/sessions.h"

#include <string.h>

#include "lib/crypto/aead.h"
#include "lib/crypto/util.h"
#include "lib/wire/reader.h"

#define HEADER             4 /* bytes of a handshake message's */
#define NEW_SESSION_TICKET 4
#define MESSAGE_MAX        65536

static struct {
	uint8_t offered[KTLS_ENGINE_SESSION_MAX]; /* in this connection */
	size_t offered_len;
	uint8_t newest[KTLS_ENGINE_SESSION_MAX];
	size_t newest_len;
	bool got_one;
	uint64_t now;              /* ms since 1970 */
	uint8_t key[AEAD_KEY_MAX]; /* of tickets */
	bool has_key;
	uint8_t message[MESSAGE_MAX]; /* behind the handshake, as far as it has come */
	size_t message_len;
} sessions;

struct ktls_span sessions_begin(void)
{
	memcpy(sessions.offered, sessions.newest, sessions.newest_len);
	sessions.offered_len = sessions.newest_len;
	sessions.newest_len = 0;
	sessions.got_one = false;
	sessions.message_len = 0;
	return (struct ktls_span){ sessions.offered, sessions.offered_len };
}

bool sessions_got_one(void)
{
	return sessions.got_one;
}

void sessions_wait(int seconds)
{
	sessions.now = sessions_now() + (uint64_t)seconds * 1000;
}

uint64_t sessions_now(void)
{
	if (sessions.now == 0)
		sessions.now = time_now();
	return sessions.now;
}

/* ---- server ---------------------------------------------------------------------------------- */

static const uint8_t *ticket_key(void)
{
	if (!sessions.has_key)
		random_bytes(sessions.key, sizeof(sessions.key));
	sessions.has_key = true;
	return sessions.key;
}

/* A nonce, then the state, sealed. */
int sessions_seal(const uint8_t *state, size_t state_len, uint8_t *ticket, size_t *ticket_len)
{
	random_bytes(ticket, AEAD_NONCE);
	aead_seal_once(AEAD_CHACHA20_POLY1305, ticket_key(), ticket, NULL, 0, state, state_len,
		       ticket + AEAD_NONCE);
	*ticket_len = AEAD_NONCE + state_len + AEAD_TAG;
	return 0;
}

int sessions_open(const uint8_t *ticket, size_t ticket_len, uint8_t *state, size_t *state_len)
{
	*state_len = 0;
	if (ticket_len < AEAD_NONCE + AEAD_TAG ||
	    ticket_len > AEAD_NONCE + AEAD_TAG + KTLS_ENGINE_STATE_MAX)
		return 0;
	if (aead_open_once(AEAD_CHACHA20_POLY1305, ticket_key(), ticket, NULL, 0,
			   ticket + AEAD_NONCE, ticket_len - AEAD_NONCE, state))
		*state_len = ticket_len - AEAD_NONCE - AEAD_TAG;
	return 0;
}

/* ---- client ---------------------------------------------------------------------------------- */

void sessions_keep(const uint8_t *session, size_t session_len)
{
	bool same = session_len == sessions.offered_len &&
		    memcmp(session, sessions.offered, session_len) == 0;

	memcpy(sessions.newest, session, session_len);
	sessions.newest_len = session_len;
	/* Where the server makes no new ticket in TLS 1.2, the old one comes back. */
	sessions.got_one = !same;
}

static int take_ticket(const struct ktls_secrets *secrets, const char *server_name, size_t len)
{
	uint8_t session[KTLS_ENGINE_SESSION_MAX];
	size_t session_len;
	int result = ktls_secrets_ticket(secrets, sessions.message, len, server_name,
					 sessions_now(), session, &session_len);

	if (result == 0 && session_len > 0)
		sessions_keep(session, session_len);
	secret_wipe(session, sizeof(session));
	return result;
}

/* The length of the message that lies at the beginning, 0 where it is not all there. */
static size_t whole_message(void)
{
	struct reader r;
	uint32_t body;
	uint8_t type;

	reader_init(&r, sessions.message, sessions.message_len);
	if (!reader_u8(&r, &type) || !reader_u24(&r, &body) || r.left < body)
		return 0;
	return HEADER + body;
}

int sessions_hear(const struct ktls_secrets *secrets, const char *server_name, const uint8_t *bytes,
		  size_t len)
{
	int result = 0;
	size_t n;

	/* libktls has its say about messages of that length. */
	if (len > sizeof(sessions.message) - sessions.message_len)
		return 0;
	memcpy(sessions.message + sessions.message_len, bytes, len);
	sessions.message_len += len;
	while (result == 0 && (n = whole_message()) > 0) {
		if (sessions.message[0] == NEW_SESSION_TICKET)
			result = take_ticket(secrets, server_name, n);
		sessions.message_len -= n;
		memmove(sessions.message, sessions.message + n, sessions.message_len);
	}
	return result;
}
