/* SPDX-License-Identifier: MIT */
/*
 * The seal at the end of a handshake: what the connection needs later goes to the application,
 * where something can be done with it; or to the relay that gets the keys, for a client's tickets.
 * Whatever goes wrong here, the handshake has succeeded.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/conn/internal.h"
#include "lib/conn/sealed_state.h"
#include "lib/conn/sealing_keys.h"
#include "lib/crypto/util.h"
#include "lib/handshake/suite.h"

/*
 * RFC 9846, 5.5: so many records under one key of AES-GCM are within the margin of safety. With
 * ChaCha20-Poly1305 the sequence numbers are at their end before that.
 */
#define RECORDS_CHACHA (UINT64_C(1) << 60)

uint64_t conn_records_max(const struct conn_profile *profile, uint16_t suite)
{
	const struct suite *s = suite_find(suite);
	uint64_t most =
		s && s->aead == AEAD_CHACHA20_POLY1305 ? RECORDS_CHACHA : KTLS_AES_GCM_RECORDS_MAX;

	return profile->records_max > 0 && profile->records_max < most ? profile->records_max
								       : most;
}

bool conn_cookie(int fd, uint64_t *out)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) != 0 || len != sizeof(cookie))
		return false;
	*out = cookie;
	return true;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void keep(struct conn *c, const uint8_t *sealed, size_t len)
{
	uint8_t *copy = len > 0 && len <= HANDOFF_SESSION_MAX ? malloc(len) : NULL;

	if (!copy)
		return;
	memcpy(copy, sealed, len);
	free(c->session);
	c->session = copy;
	c->session_len = len;
}

/* What does not fit with the chain does without tickets. */
static size_t build(struct sealed_state *state, uint8_t *content)
{
	size_t len = sealed_state_build(state, content, SEALING_CONTENT_MAX);

	if (len > 0 || !state->takes_tickets)
		return len;
	state->takes_tickets = false;
	return sealed_state_build(state, content, SEALING_CONTENT_MAX);
}

int conn_seal(struct conn *c, uint64_t cookie, struct sealed_state *state)
{
	const struct conn_config *config = &c->loop->config;
	const struct sealed_header header = {
		.role = (uint8_t)state->secrets.role,
		.version = state->secrets.version,
		.suite = state->secrets.suite,
		.records_max = conn_records_max(c->profile, state->secrets.suite),
		.session_age = config->session_age,
	};
	struct conn_seal request = { .token = c->token,
				     .cookie = cookie,
				     .bytes = c->loop->scratch };
	uint8_t sealed[HANDOFF_SESSION_MAX];
	size_t len = 0;
	int r;

	sealed_header_build(&header, request.header);
	request.len = build(state, c->loop->scratch);
	if (request.len == 0)
		return -KTLS_R_INTERNAL;
	c->pending.what = CONN_SEAL_SESSION;
	r = config->sealer->seal(config->sealer->arg, &request, sealed, &len);
	secret_wipe(c->loop->scratch, request.len);
	if (r == 0)
		keep(c, sealed, len);
	if (r == 0 && c->session_len == 0)
		r = -KTLS_R_NO_MEMORY;
	return r;
}

/* ---- at the end of a handshake --------------------------------------------------------------- */

/* New keys for a kernel that takes them, or tickets for a client that keeps them. */
static bool is_useful(const struct conn *c)
{
	const struct conn_config *config = &c->loop->config;

	return config->sealer && c->secrets->secrets.version == KTLS_TLS_1_3 &&
	       ((config->rekey && !c->result.carry) || c->resumable);
}

static void describe_tickets(const struct conn *c, const struct conn_chain *chain,
			     struct sealed_state *state)
{
	if (!c->resumable || !chain || chain->len > HANDOFF_CERTS_MAX ||
	    strlen(c->server_name) >= sizeof(state->server_name))
		return;
	state->takes_tickets = true;
	memcpy(state->server_name, c->server_name, strlen(c->server_name));
	state->alpn = c->alpn;
	state->chain_until = chain->until;
	state->chain_len = chain->len;
	for (size_t i = 0; i < chain->len; i++)
		state->chain[i] = chain->certs[i];
}

/* A profile without a name is the only one. */
static void describe(const struct conn *c, struct sealed_state *state)
{
	const char *name = c->profile->name ? c->profile->name : "default";

	memccpy(state->profile, name, '\0', sizeof(state->profile) - 1);
	memcpy(state->policy, c->profile->policy, sizeof(state->policy));
	state->owner = c->owner;
	state->secrets = c->secrets->secrets;
}

static int seal(struct conn *c)
{
	struct conn_chain *chain = c->resumable ? conn_peer_chain(c) : NULL;
	struct sealed_state state = { .owner = 0 };
	uint64_t cookie;
	int r = -KTLS_R_SOCKET_ERROR;

	describe(c, &state);
	describe_tickets(c, chain, &state);
	if (conn_cookie(c->fd, &cookie))
		r = conn_seal(c, cookie, &state);
	secret_wipe(&state, sizeof(state));
	free(chain);
	return r;
}

void conn_sealing_begin(struct conn *c)
{
	c->has_keys = true;
	c->stage = CONN_SEALING;
	if (!is_useful(c) || seal(c) != KTLS_ENGINE_PENDING)
		conn_end(c, KTLS_OK, c->refused_error);
}

void conn_seal_done(struct conn_loop *loop, uint64_t token, int result, const uint8_t *bytes,
		    size_t len)
{
	struct conn *c = conn_loop_find(loop, token);

	if (!c || (c->stage != CONN_SEALING && c->stage != CONN_SERVICE))
		return;
	if (c->pending.what == CONN_OPEN_SESSION) {
		conn_service_opened(c, result, bytes, len);
		return;
	}
	if (result == 0)
		keep(c, bytes, len);
	if (c->stage == CONN_SERVICE)
		conn_service_sealed(c, result);
	else
		conn_end(c, KTLS_OK, c->refused_error);
}
