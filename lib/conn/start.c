/* SPDX-License-Identifier: MIT */
/* From a request to a handshake: what is refused, what is allocated, and the first steps. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "lib/conn/internal.h"

#define SERVER_NAME_MAX 255 /* bytes of a host name, without the dot at its end */

/* Whether the profile has what the role needs. */
static bool profile_serves(const struct conn_profile *profile, enum ktls_role role)
{
	bool signs = role == KTLS_SERVER || profile->identities_len > 0;

	if (signs && !profile->sign)
		return false;
	if (role == KTLS_CLIENT)
		return profile->trust;
	return profile->identities_len > 0 &&
	       (profile->client_auth == KTLS_ENGINE_NO_CLIENT_AUTH || profile->client_trust);
}

int conn_request_check(const struct conn_request *request)
{
	size_t name_len = request->server_name ? strlen(request->server_name) : 0;

	if (request->role == KTLS_CLIENT) {
		if (name_len == 0 || name_len > SERVER_NAME_MAX + 1 || request->preread_len > 0)
			return -KTLS_R_REQUEST_VALUE;
	} else if (request->role != KTLS_SERVER || name_len > 0 ||
		   request->preread_len > CONN_PREREAD_MAX) {
		return -KTLS_R_REQUEST_VALUE;
	}
	return profile_serves(request->profile, request->role) ? 0 : -KTLS_R_PROFILE_ROLE;
}

static bool is_address(const char *name)
{
	struct in6_addr address;

	return inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1;
}

/* Room for the name as it was given, as it is sent, and for the ALPN list. */
static size_t tail_size(const struct conn_request *request)
{
	size_t name_size = request->server_name ? strlen(request->server_name) + 1 : 0;

	return 2 * name_size + request->alpn_len;
}

/* RFC 6066, 3 has neither IP addresses nor the dot at the end of an absolute name there. */
const char *conn_name_to_send(const char *name, char *out)
{
	size_t len = strlen(name);

	if (is_address(name))
		return NULL;
	memcpy(out, name, len + 1);
	if (name[len - 1] == '.')
		out[len - 1] = '\0';
	return out;
}

/* Whether the loop has suites of that version: those of TLS 1.3 are 0x13... */
static bool has_suites(const struct conn_config *loop, uint16_t version)
{
	for (size_t i = 0; i < loop->suites_len; i++)
		if ((loop->suites[i] >> 8 == 0x13) == (version == KTLS_TLS_1_3))
			return true;
	return !loop->suites;
}

/*
 * What the profile allows and the kernel can do. Where that is nothing, somebody else may have the
 * records; else false.
 */
static bool choose_versions(struct conn *c, struct ktls_engine_config *out)
{
	const struct conn_config *loop = &c->loop->config;
	const struct conn_profile *profile = c->profile;
	uint16_t min = profile->version_min ? profile->version_min : KTLS_TLS_1_3;
	uint16_t max = profile->version_max ? profile->version_max : KTLS_TLS_1_3;

	out->version_min = min == KTLS_TLS_1_2 && !has_suites(loop, min) ? KTLS_TLS_1_3 : min;
	out->version_max = max == KTLS_TLS_1_3 && !has_suites(loop, max) ? KTLS_TLS_1_2 : max;
	if (c->records != CONN_CALLER && out->version_min <= out->version_max)
		return true;
	if (c->records == CONN_KERNEL)
		return false;
	if (c->records == CONN_PREFER_KERNEL)
		c->result.refused = KTLS_R_KERNEL_NO_SUITE;
	c->records = CONN_CALLER;
	out->version_min = min;
	out->version_max = max;
	return true;
}

/* A relay takes and makes records of any size. */
static uint16_t record_size_limit(const struct conn *c)
{
	const struct conn_config *loop = &c->loop->config;

	if (c->records == CONN_CALLER)
		return CONN_RECORD_SIZE;
	return loop->kernel->limit ? loop->record_size_limit : 0;
}

/* The kernel's suites, or all where somebody else can have the records. */
static void choose_suites(const struct conn *c, struct ktls_engine_config *out)
{
	const struct conn_config *loop = &c->loop->config;
	bool all = c->records != CONN_KERNEL && loop->suites;

	out->suites = all ? c->loop->suites : loop->suites;
	out->suites_len =
		conn_suites_of(c->profile, out->suites, all ? CONN_SUITES_MAX : loop->suites_len);
}

static int conn_engine_init(struct conn *c)
{
	const struct conn_profile *profile = c->profile;
	struct ktls_engine_config config = { .role = c->role,
					     .ops = &conn_engine_ops,
					     .plain_master_secret = profile->plain_master_secret,
					     .client_auth = profile->client_auth,
					     .record_size_limit = record_size_limit(c),
					     .grease = true,
					     .server_name = c->sent_name,
					     .alpn = c->alpn.bytes,
					     .alpn_len = c->alpn.len };

	if (!choose_versions(c, &config))
		return -KTLS_R_KERNEL_NO_SUITE;
	choose_suites(c, &config);
	if (!conn_hardware_apply(c, &config))
		return -KTLS_R_KERNEL_NO_SUITE;
	conn_resume_begin(c, &config);
	return ktls_engine_init(&c->secrets->engine, &config, c) == 0 ? 0 : -KTLS_R_REQUEST_VALUE;
}

/* Names outlive the request. */
static void keep_names(struct conn *c, const struct conn_request *request)
{
	size_t name_size = request->server_name ? strlen(request->server_name) + 1 : 0;
	char *name = (char *)c->tail;
	uint8_t *alpn = c->tail + 2 * name_size;

	c->alpn = (struct ktls_span){ request->profile->alpn, request->profile->alpn_len };
	if (name_size > 0) {
		memcpy(name, request->server_name, name_size);
		c->server_name = name;
		c->sent_name = conn_name_to_send(name, name + name_size);
	}
	if (request->alpn_len > 0) {
		memcpy(alpn, request->alpn, request->alpn_len);
		c->alpn = (struct ktls_span){ alpn, request->alpn_len };
	}
}

struct conn *conn_new(struct conn_loop *loop, const struct conn_request *request)
{
	struct conn *c = calloc(1, sizeof(*c) + tail_size(request));

	if (!c)
		return NULL;
	c->loop = loop;
	c->started = timer_now();
	c->timer.at = TIMER_OFF;
	c->fd = request->fd;
	c->role = request->role;
	c->records = request->records;
	if (request->profile)
		keep_names(c, request);
	/* A service learns of its profile later. */
	c->zerocopy = request->zerocopy || (request->profile && request->profile->zerocopy);
	c->keep_fd = request->keep_fd;
	c->owner = request->owner;
	c->profile = request->profile;
	c->done = request->done;
	c->arg = request->arg;
	c->secrets = arena_get(loop->arena);
	c->job = loop->closer ? calloc(1, sizeof(*c->job)) : NULL;
	if (c->secrets && (c->job || !loop->closer) && conn_exports_new(request, &c->exports) &&
	    conn_input_preread(c, request->preread, request->preread_len))
		return c;
	conn_free(c);
	return NULL;
}

void conn_timer_start(struct conn *c, uint32_t timeout_ms)
{
	if (timeout_ms == 0)
		timeout_ms = c->loop->config.timeout_ms;
	timer_start(&c->loop->timers, &c->timer, c->started + timeout_ms * UINT64_C(1000000));
}

/* The first steps; from here on, whatever goes wrong is told by done(). */
static void conn_begin(struct conn *c, enum ktls_reason reason, int error)
{
	if (reason != KTLS_OK) {
		conn_end_kernel(c, "TCP_ULP", reason, error);
		return;
	}
	c->kick = c->kick || c->role == KTLS_CLIENT;
	conn_advance(c, 0);
}

/*
 * The socket, then the engine, whose suites depend on what the kernel says. Only where they do not
 * is the engine first: what it refuses has not touched the socket.
 */
static int conn_prepare(struct conn *c, enum ktls_reason *reason, int *error)
{
	bool ready = c->records == CONN_KERNEL;
	int r = ready ? conn_engine_init(c) : 0;

	if (r < 0)
		return r;
	*reason = conn_attach(c, error);
	return ready ? 0 : conn_engine_init(c);
}

void conn_begin_routed(struct conn *c)
{
	enum ktls_reason reason = KTLS_OK;
	int error = 0;
	int r = conn_prepare(c, &reason, &error);

	if (r < 0) {
		conn_end(c, (enum ktls_reason)(-r), 0);
		return;
	}
	c->stage = CONN_HANDSHAKE;
	if (reason == KTLS_OK && !conn_hardware_seen(c))
		return;
	conn_begin(c, reason, error);
}

int conn_start(struct conn_loop *loop, const struct conn_request *request, struct conn **out)
{
	enum ktls_reason reason = KTLS_OK;
	int error = 0;
	int r = conn_request_check(request);
	struct conn *c;

	if (r < 0)
		return r;
	if (loop->count == loop->config.handshakes_max)
		return -KTLS_R_TOO_MANY;
	c = conn_new(loop, request);
	if (!c)
		return -KTLS_R_NO_MEMORY;
	conn_loop_add(c);
	conn_timer_start(c, request->timeout_ms);
	*out = c;
	if (conn_hardware_begin(c, request->hardware))
		return 0;
	r = conn_prepare(c, &reason, &error);
	if (r < 0) {
		*out = NULL;
		conn_free(c);
		return r;
	}
	conn_begin(c, reason, error);
	return 0;
}
