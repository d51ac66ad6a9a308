/* SPDX-License-Identifier: MIT */
#include "tests/harness/sessions.h"

#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <ktls.h>

#include "lib/crypto/aead.h"
#include "lib/crypto/util.h"
#include "tests/harness/auth.h"
#include "tests/harness/peer.h"

/* A ticket: nonce, and sealed: whether the client proved who it is, and the state. */
#define SEALED_MAX (1 + KTLS_ENGINE_STATE_MAX)

static struct sessions *sessions_of(void *arg)
{
	const struct auth *auth = ((struct engine_end *)arg)->auth;

	return auth->sessions;
}

void sessions_init(struct sessions *sessions)
{
	memset(sessions, 0, sizeof(*sessions));
	random_bytes(sessions->key, sizeof(sessions->key));
}

/* ---- operations -------------------------------------------------------------------------------
 */

static uint64_t now(void *arg)
{
	struct timespec t;

	(void)arg;
	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int seal_ticket(void *arg, const uint8_t *state, size_t state_len, uint8_t *ticket,
		       size_t *ticket_len)
{
	const struct ktls_engine_facts *facts =
		ktls_engine_facts(&((struct engine_end *)arg)->engine);
	const struct sessions *sessions = sessions_of(arg);
	uint8_t plain[SEALED_MAX];

	plain[0] = facts->resumed ? sessions->known : facts->client_scheme != 0;
	memcpy(plain + 1, state, state_len);
	random_bytes(ticket, AEAD_NONCE);
	aead_seal_once(AEAD_AES_256_GCM, sessions->key, ticket, NULL, 0, plain, 1 + state_len,
		       ticket + AEAD_NONCE);
	*ticket_len = AEAD_NONCE + 1 + state_len + AEAD_TAG;
	return 0;
}

static int open_ticket(void *arg, const uint8_t *ticket, size_t ticket_len, const char *server_name,
		       uint8_t *state, size_t *state_len)
{
	struct sessions *sessions = sessions_of(arg);
	uint8_t plain[SEALED_MAX];
	size_t len = ticket_len - AEAD_NONCE;

	(void)server_name;
	*state_len = 0;
	if (ticket_len < AEAD_NONCE + AEAD_TAG + 1 || len - AEAD_TAG > sizeof(plain))
		return 0;
	if (!aead_open_once(AEAD_AES_256_GCM, sessions->key, ticket, NULL, 0, ticket + AEAD_NONCE,
			    len, plain))
		return 0;
	sessions->known = plain[0];
	if (sessions->must_be_known && !sessions->known)
		return 0;
	*state_len = len - AEAD_TAG - 1;
	memcpy(state, plain + 1, *state_len);
	return 0;
}

static void keep_session(void *arg, const uint8_t *session, size_t session_len)
{
	struct sessions *sessions = sessions_of(arg);

	memcpy(sessions->kept, session, session_len);
	sessions->kept_len = session_len;
}

void sessions_attach(struct sessions *sessions, struct engine_end *end)
{
	((struct auth *)end->auth)->sessions = sessions;
	end->ops.now = now;
	end->ops.seal_ticket = seal_ticket;
	end->ops.open_ticket = open_ticket;
	end->ops.keep_session = keep_session;
	if (end->config.role == KTLS_CLIENT && sessions->offered_len > 0)
		end->config.session =
			(struct ktls_span){ sessions->offered, sessions->offered_len };
}

/* ---- tickets behind the handshake -------------------------------------------------------------
 */

void sessions_expect(struct sessions *sessions, const struct engine_end *end)
{
	if (ktls_engine_secrets(&end->engine, &sessions->secrets) != 0)
		errx(1, "there are no secrets");
	sessions->server_name = end->config.server_name;
}

void sessions_ticket(void *arg, const uint8_t *message, size_t len)
{
	struct sessions *sessions = arg;
	int result = ktls_secrets_ticket(&sessions->secrets, message, len, sessions->server_name,
					 now(NULL), sessions->kept, &sessions->kept_len);

	if (result != 0)
		errx(1, "a ticket: %s", ktls_reason_name(-result));
}

/* ---- files ------------------------------------------------------------------------------------
 */

void sessions_load(struct sessions *sessions, const char *path)
{
	char *bytes;
	size_t len;

	if (access(path, F_OK) < 0)
		return;
	bytes = peer_read_file(path, &len);
	if (len > sizeof(sessions->offered))
		errx(1, "%s: that is no session", path);
	memcpy(sessions->offered, bytes, len);
	sessions->offered_len = len;
	free(bytes);
}

void sessions_store(const struct sessions *sessions, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, sessions->kept, sessions->kept_len) != (ssize_t)sessions->kept_len)
		err(1, "%s", path);
	close(fd);
}
