/* SPDX-License-Identifier: MIT */
/*
 * The policy about network devices, before there is a handshake: what may be negotiated depends on
 * it, and that on the device that the socket's route names. Devices take TLS 1.2 with AES-GCM only.
 */
#include <stdio.h>
#include <string.h>

#include "lib/conn/internal.h"
#include "lib/x509/identity.h"

/*
 * The profile's word and the request's: the administrator's "require" and "avoid" bind the
 * application, and a mere preference gives way to whatever is more than that.
 */
static bool combine(enum ktls_hardware profile, enum ktls_hardware request, enum ktls_hardware *out)
{
	bool binding = profile == KTLS_HARDWARE_REQUIRE || profile == KTLS_HARDWARE_AVOID;
	bool demands = request == KTLS_HARDWARE_REQUIRE || request == KTLS_HARDWARE_AVOID;

	*out = binding || request == KTLS_HARDWARE_ANY ? profile : request;
	return !binding || !demands || profile == request;
}

/* ---- suites ---------------------------------------------------------------------------------- */

static bool is_1_3(uint16_t suite)
{
	return suite >> 8 == 0x13;
}

static bool is_gcm_1_2(uint16_t suite)
{
	switch (suite) {
	case KTLS_ECDHE_ECDSA_AES_128_GCM_SHA256:
	case KTLS_ECDHE_ECDSA_AES_256_GCM_SHA384:
	case KTLS_ECDHE_RSA_AES_128_GCM_SHA256:
	case KTLS_ECDHE_RSA_AES_256_GCM_SHA384:
	case KTLS_RSA_AES_128_GCM_SHA256:
	case KTLS_RSA_AES_256_GCM_SHA384:
		return true;
	default:
		return false;
	}
}

/*
 * A server that prefers TLS 1.2 has to know before the hello whether it can sign there: a key of
 * RSA is not for ECDHE_ECDSA suites, nor another for the rest.
 */
static bool has_key_for(const struct conn_profile *profile, uint16_t suite)
{
	bool rsa = suite != KTLS_ECDHE_ECDSA_AES_128_GCM_SHA256 &&
		   suite != KTLS_ECDHE_ECDSA_AES_256_GCM_SHA384;

	for (size_t i = 0; i < profile->identities_len; i++) {
		uint16_t scheme = profile->identities[i]->schemes[0];
		bool ecdsa = profile->identities[i]->curve != 0 || scheme == KTLS_SCHEME_ED25519;

		if (rsa != ecdsa)
			return true;
	}
	return false;
}

/* Whether the suite may be negotiated; of_1_2: TLS 1.2 is allowed anyway, with all of its suites.
 */
static bool may_have(const struct conn *c, uint16_t suite, bool of_1_2)
{
	if (c->hardware == KTLS_HARDWARE_AVOID)
		return !is_gcm_1_2(suite);
	if (is_1_3(suite))
		return c->hardware != KTLS_HARDWARE_REQUIRE;
	if (!is_gcm_1_2(suite))
		return c->hardware != KTLS_HARDWARE_REQUIRE && of_1_2;
	return c->role == KTLS_CLIENT || has_key_for(c->profile, suite);
}

/* Of both versions there is something in the list, or the range gets narrower. */
static bool narrow(struct ktls_engine_config *config)
{
	bool older = false, newer = false;

	for (size_t i = 0; i < config->suites_len; i++) {
		newer = newer || is_1_3(config->suites[i]);
		older = older || !is_1_3(config->suites[i]);
	}
	if (!older && config->version_min < KTLS_TLS_1_3)
		config->version_min = KTLS_TLS_1_3;
	if (!newer && config->version_max > KTLS_TLS_1_2)
		config->version_max = KTLS_TLS_1_2;
	return config->version_min <= config->version_max;
}

bool conn_hardware_apply(struct conn *c, struct ktls_engine_config *config)
{
	bool of_1_2 = config->version_min == KTLS_TLS_1_2;
	const uint16_t *suites = config->suites ? config->suites : c->loop->suites;
	size_t len = config->suites ? config->suites_len
				    : conn_suites_of(c->profile, suites, CONN_SUITES_MAX);

	if (c->hardware == KTLS_HARDWARE_ANY)
		return true;
	config->suites = c->suites;
	config->suites_len = 0;
	for (size_t i = 0; i < len; i++)
		if (may_have(c, suites[i], of_1_2))
			c->suites[config->suites_len++] = suites[i];
	if (c->hardware != KTLS_HARDWARE_AVOID)
		config->version_min = KTLS_TLS_1_2;
	config->prefer_1_2 =
		c->hardware == KTLS_HARDWARE_PREFER && config->version_max > KTLS_TLS_1_2;
	return narrow(config);
}

/* ---- the device ------------------------------------------------------------------------------ */

static void refuse(struct conn *c, enum ktls_no_hw tx, enum ktls_no_hw rx)
{
	const char *device = c->route.device;

	c->result.tx_no_hw = tx;
	c->result.rx_no_hw = rx;
	snprintf(c->text, sizeof(c->text), "%s: %s%s%s%s", ktls_no_hw_name(tx), ktls_no_hw_text(tx),
		 device[0] ? " (" : "", device, device[0] ? ")" : "");
	conn_end(c, KTLS_R_HARDWARE_UNAVAILABLE, 0);
}

/* What is in the way whatever the route is. */
static enum ktls_no_hw forbidden(const struct conn *c)
{
	const struct conn_config *loop = &c->loop->config;
	bool gcm = !loop->suites;

	if (c->records == CONN_CALLER)
		return KTLS_NO_HW_RELAY;
	if (c->profile->version_min != KTLS_TLS_1_2 && !c->profile->offload_1_2)
		return KTLS_NO_HW_VERSION;
	for (size_t i = 0; i < loop->suites_len; i++)
		gcm = gcm || is_gcm_1_2(loop->suites[i]);
	if (!gcm)
		return KTLS_NO_HW_CIPHER;
	return loop->router ? KTLS_NO_HW_NONE : KTLS_NO_HW_MAY_NOT_LOOK;
}

/*
 * A device that only receives is none: once it goes down, the kernel takes the connection for one
 * that the device had sent for, sends nothing more, and reads freed memory when it is closed
 * (Linux: 6.1 to 7.2, tls_device_down()).
 */
static void go_on(struct conn *c)
{
	bool none = c->route.tx != KTLS_NO_HW_NONE;

	if (none && c->hardware == KTLS_HARDWARE_REQUIRE) {
		refuse(c, c->route.tx, c->route.rx);
		return;
	}
	if (c->route.untold && c->hardware == KTLS_HARDWARE_REQUIRE) {
		refuse(c, KTLS_NO_HW_MAY_NOT_LOOK, KTLS_NO_HW_MAY_NOT_LOOK);
		return;
	}
	if (none)
		c->hardware = KTLS_HARDWARE_ANY;
	conn_begin_routed(c);
}

static void ask(struct conn *c)
{
	const struct conn_router *router = c->loop->config.router;
	enum ktls_no_hw why = forbidden(c);

	c->route = (struct conn_route){ .tx = why, .rx = why };
	if (why != KTLS_NO_HW_NONE ||
	    router->find(router->arg, c->token, c->fd, &c->route) != KTLS_ENGINE_PENDING)
		go_on(c);
}

bool conn_hardware_begin(struct conn *c, enum ktls_hardware wanted)
{
	bool agreed = combine(c->profile->hardware, wanted, &c->hardware);

	if (agreed && (c->hardware == KTLS_HARDWARE_ANY || c->hardware == KTLS_HARDWARE_AVOID))
		return false;
	/* A relay is no device, and no way out for whoever needs one. */
	if (c->hardware == KTLS_HARDWARE_REQUIRE && c->records == CONN_PREFER_KERNEL)
		c->records = CONN_KERNEL;
	c->stage = CONN_ROUTE;
	if (agreed)
		ask(c);
	else
		refuse(c, KTLS_NO_HW_POLICY, KTLS_NO_HW_POLICY);
	return true;
}

void conn_route_done(struct conn_loop *loop, uint64_t token, const struct conn_route *route)
{
	struct conn *c = conn_loop_find(loop, token);

	if (!c || c->stage != CONN_ROUTE)
		return;
	c->route = *route;
	go_on(c);
}

bool conn_hardware_seen(struct conn *c)
{
	const struct conn_router *router = c->loop->config.router;

	if (c->hardware != KTLS_HARDWARE_REQUIRE || !router || !router->sees ||
	    router->sees(router->arg, c->fd))
		return true;
	refuse(c, KTLS_NO_HW_MAY_NOT_LOOK, KTLS_NO_HW_MAY_NOT_LOOK);
	return false;
}

/* ---- the end --------------------------------------------------------------------------------- */

/*
 * What was in the way, where the handshake failed because so little was on offer. A peer that does
 * not even answer a ClientHello with one of its own finds nothing in it that it can do.
 */
static enum ktls_no_hw blame(const struct conn *c, enum ktls_reason reason)
{
	if (reason == KTLS_R_VERSION_UNSUPPORTED)
		return KTLS_NO_HW_VERSION;
	if (reason == KTLS_R_SUITES_NONE_SHARED)
		return KTLS_NO_HW_CIPHER;
	if (reason != KTLS_R_PEER_ALERT || c->role == KTLS_SERVER || c->facts.version != 0)
		return KTLS_NO_HW_NONE;
	if (c->facts.alert == KTLS_ALERT_PROTOCOL_VERSION)
		return KTLS_NO_HW_VERSION;
	return c->facts.alert == KTLS_ALERT_HANDSHAKE_FAILURE ||
			       c->facts.alert == KTLS_ALERT_INSUFFICIENT_SECURITY
		       ? KTLS_NO_HW_CIPHER
		       : KTLS_NO_HW_NONE;
}

enum ktls_reason conn_hardware_reason(struct conn *c, enum ktls_reason reason)
{
	enum ktls_no_hw why = blame(c, reason);

	if (why == KTLS_NO_HW_NONE || c->text[0] || c->service)
		return reason;
	if (c->hardware == KTLS_HARDWARE_AVOID) {
		c->result.tx_no_hw = c->result.rx_no_hw = KTLS_NO_HW_POLICY;
		snprintf(c->text, sizeof(c->text), "TLS 1.2 with AES-GCM is what devices take: %s",
			 ktls_no_hw_text(KTLS_NO_HW_POLICY));
	}
	if (c->hardware != KTLS_HARDWARE_REQUIRE)
		return reason;
	c->result.tx_no_hw = c->result.rx_no_hw = why;
	snprintf(c->text, sizeof(c->text), "%s: %s, and the peer has none of that",
		 ktls_no_hw_name(why), ktls_no_hw_text(why));
	return KTLS_R_HARDWARE_UNAVAILABLE;
}
