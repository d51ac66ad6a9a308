/* SPDX-License-Identifier: MIT */
/*
 * What is done for a connection whose handshake is over: its seal is opened, the kernel is asked
 * which keys are in force, the sealed secrets are stepped forward until they give these, and the
 * keys that follow go to the application, with a fresh seal of what is in force now. Nothing is
 * changed here, on the socket or elsewhere: a reply that is lost was harmless.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/conn/internal.h"
#include "lib/conn/sealed_state.h"
#include "lib/conn/sealing_keys.h"
#include "lib/crypto/util.h"

struct conn_service {
	struct sealed_header header;
	uint64_t cookie;
	uint8_t renew; /* HANDOFF_RENEW_... */
	bool relayed;
	int (*admit)(void *arg, const char *profile, enum ktls_role role,
		     const struct conn_profile **out);
	size_t ticket_len;
	uint8_t ticket[];
};

void conn_service_facts(const struct conn *c, struct ktls_engine_facts *out)
{
	*out = (struct ktls_engine_facts){ .version = c->service->header.version,
					   .suite = c->service->header.suite,
					   .alert = KTLS_ALERT_NONE };
}

void conn_service_keys(const struct conn *c, uint8_t bytes[static 2 * HANDOFF_KEYS_LEN],
		       struct conn_result *result)
{
	struct ktls_span *const spans[] = { &result->key_tx, &result->key_rx };
	struct handoff_keys keys;

	for (int d = KTLS_TX; d <= KTLS_RX; d++) {
		uint8_t *out = bytes + d * HANDOFF_KEYS_LEN;
		unsigned int bit = d == KTLS_TX ? HANDOFF_RENEW_TX : HANDOFF_RENEW_RX;

		if (!(c->service->renew & bit) ||
		    sealed_state_keys(&c->secrets->secrets, (enum ktls_direction)d, &keys) != 0)
			continue;
		handoff_keys_build(&keys, out);
		*spans[d] = (struct ktls_span){ out, HANDOFF_KEYS_LEN };
		secret_wipe(&keys, sizeof(keys));
	}
}

/* ---- tickets --------------------------------------------------------------------------------- */

/* Whoever is believed now must be the same as when the server was. */
static bool may_keep(const struct conn *c, const struct sealed_state *state)
{
	return state->takes_tickets && c->loop->sessions &&
	       memcmp(state->policy, c->profile->policy, sizeof(state->policy)) == 0;
}

static void keep_session(struct conn *c, const struct sealed_state *state,
			 const struct ktls_span *session)
{
	const struct conn_session s = { .owner = state->owner,
					.profile = c->profile,
					.server_name = state->server_name,
					.alpn = state->alpn.bytes,
					.alpn_len = state->alpn.len,
					.session = *session,
					.chain = state->chain,
					.chain_len = state->chain_len,
					.chain_until = state->chain_until };

	if (session->len > 0)
		conn_session_keep(c->loop, &s);
}

_Static_assert(CONN_SCRATCH >= KTLS_ENGINE_SESSION_MAX, "a session must fit");

/* 0, or the reason for which what came is no ticket. */
static int take_ticket(struct conn *c, const struct sealed_state *state)
{
	const struct conn_service *service = c->service;
	struct ktls_span session = { .bytes = c->loop->scratch };
	char name[sizeof(state->server_name)];
	int r;

	if (service->ticket_len == 0 || !may_keep(c, state))
		return 0;
	r = ktls_secrets_ticket(&state->secrets, service->ticket, service->ticket_len,
				conn_name_to_send(state->server_name, name), conn_op_now(NULL),
				c->loop->scratch, &session.len);
	if (r == 0)
		keep_session(c, state, &session);
	secret_wipe(c->loop->scratch, KTLS_ENGINE_SESSION_MAX);
	return r;
}

/* ---- keys ------------------------------------------------------------------------------------ */

/* The kernel, not the seal, says which keys are in force. */
static int catch_up(struct conn *c, enum ktls_direction direction, struct ktls_secrets *secrets)
{
	struct ktls_traffic_key in_force;
	int r = c->loop->config.kernel->get(c->fd, direction == KTLS_TX, &in_force);

	if (r < 0) {
		c->result.error = -r;
		return -KTLS_R_SESSION_INVALID;
	}
	r = sealed_state_step(secrets, direction, &in_force);
	secret_wipe(&in_force, sizeof(in_force));
	return r;
}

static int serve(struct conn *c, struct sealed_state *state)
{
	int r = c->service->admit(c->arg, state->profile, state->secrets.role, &c->profile);

	if (c->service->relayed)
		return r == 0 ? take_ticket(c, state) : r;
	if (r == 0)
		r = catch_up(c, KTLS_TX, &state->secrets);
	if (r == 0)
		r = catch_up(c, KTLS_RX, &state->secrets);
	if (r == 0)
		r = take_ticket(c, state);
	if (r < 0)
		return r;
	c->secrets->secrets = state->secrets;
	c->has_keys = true;
	return conn_seal(c, c->service->cookie, state);
}

static void end(struct conn *c, int r)
{
	conn_end(c, (enum ktls_reason)(-r), c->result.error);
}

void conn_service_opened(struct conn *c, int r, const uint8_t *bytes, size_t len)
{
	struct sealed_state state;

	if (r == 0 && !sealed_state_parse(&c->service->header, bytes, len, &state))
		r = -KTLS_R_SESSION_INVALID;
	if (r == 0) {
		r = serve(c, &state);
		secret_wipe(&state, sizeof(state));
	}
	if (r != KTLS_ENGINE_PENDING)
		end(c, r);
}

void conn_service_sealed(struct conn *c, int r)
{
	if (r == 0 && c->session_len == 0)
		r = -KTLS_R_NO_MEMORY;
	end(c, r);
}

/* ---- beginning ------------------------------------------------------------------------------- */

static void open_session(struct conn *c, const struct ktls_span *session)
{
	const struct conn_sealer *sealer = c->loop->config.sealer;
	const struct conn_seal request = { .token = c->token,
					   .cookie = c->service->cookie,
					   .bytes = session->bytes,
					   .len = session->len };
	size_t len = 0;
	int r;

	c->pending.what = CONN_OPEN_SESSION;
	r = sealer->open(sealer->arg, &request, c->loop->ticket, &len);
	if (r == KTLS_ENGINE_PENDING)
		return;
	conn_service_opened(c, r, c->loop->ticket, len);
	secret_wipe(c->loop->ticket, sizeof(c->loop->ticket));
}

/* 0, or a negative reason. */
static int service_new(const struct conn_loop *loop, const struct conn_service_request *request,
		       struct conn_service **out)
{
	struct conn_service *service;

	if (!loop->config.sealer || !(request->relayed || loop->config.kernel->get))
		return -KTLS_R_SESSION_INVALID;
	service = calloc(1, sizeof(*service) + request->ticket.len);
	if (!service)
		return -KTLS_R_NO_MEMORY;
	if (!sealed_header_parse(request->session.bytes, request->session.len, &service->header) ||
	    !(request->relayed || conn_cookie(request->fd, &service->cookie))) {
		free(service);
		return -KTLS_R_SESSION_INVALID;
	}
	if (request->ticket.len > 0) {
		if (service->header.role != KTLS_CLIENT) {
			free(service);
			return -KTLS_R_REQUEST_VALUE;
		}
		memcpy(service->ticket, request->ticket.bytes, request->ticket.len);
	}
	service->ticket_len = request->ticket.len;
	service->renew = request->renew;
	service->relayed = request->relayed;
	if (request->relayed)
		service->cookie = request->cookie;
	service->admit = request->admit;
	*out = service;
	return 0;
}

int conn_service_start(struct conn_loop *loop, const struct conn_service_request *request,
		       struct conn **out)
{
	struct conn_request base = { .fd = request->fd,
				     .done = request->done,
				     .arg = request->arg };
	struct conn_service *service;
	struct conn *c;
	int r;

	if (loop->count == loop->config.handshakes_max)
		return -KTLS_R_TOO_MANY;
	r = service_new(loop, request, &service);
	if (r < 0)
		return r;
	base.role = (enum ktls_role)service->header.role;
	c = conn_new(loop, &base);
	if (!c) {
		free(service);
		return -KTLS_R_NO_MEMORY;
	}
	c->service = service;
	c->stage = CONN_SERVICE;
	conn_loop_add(c);
	*out = c;
	conn_timer_start(c, request->timeout_ms);
	open_session(c, &request->session);
	return 0;
}
