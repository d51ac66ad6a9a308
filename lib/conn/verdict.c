/* SPDX-License-Identifier: MIT */
/*
 * Who has the records, once the keys are installed. The kernel offers them to a network device
 * first, and does without where that refuses, silently: only sock_diag tells, and only where there
 * can have been a device at all is it asked (Linux: net/tls/tls_device.c).
 */
#include <stdio.h>
#include <sys/socket.h>

#include "lib/conn/internal.h"
#include "lib/handshake/suite.h"
#include "lib/ktls/kernel.h"
#include "lib/wire/reason.h"

static struct conn_verdict both(enum ktls_state state, enum ktls_no_hw why)
{
	return (struct conn_verdict){ .tx = state, .rx = state, .tx_no_hw = why, .rx_no_hw = why };
}

static bool is_local(const struct conn *c)
{
	const struct conn_kernel_ops *kernel = c->loop->config.kernel;

	return kernel->is_local ? kernel->is_local(c->fd) : kernel_is_local(c->fd);
}

/* What keeps devices out of it, as far as it is seen from here. */
static enum ktls_no_hw obvious(const struct conn *c)
{
	const struct ktls_traffic_key *key = &c->secrets->tx;
	const struct suite *suite = suite_find(key->suite);

	if (key->version != KTLS_TLS_1_2)
		return KTLS_NO_HW_VERSION;
	if (!suite || suite->aead == AEAD_CHACHA20_POLY1305)
		return KTLS_NO_HW_CIPHER;
	return is_local(c) ? KTLS_NO_HW_LOOPBACK : KTLS_NO_HW_NONE;
}

/* ---- what comes of it ------------------------------------------------------------------------ */

/* A direction that a device could have had, as far as anybody knows, and does not have. */
static bool is_missed(enum ktls_state state, enum ktls_no_hw why)
{
	return state != KTLS_STATE_HW &&
	       (why == KTLS_NO_HW_REFUSED || why == KTLS_NO_HW_MAY_NOT_LOOK);
}

/* Whoever requires a device gets those directions that it can have, and at least one. */
static bool is_refused(const struct conn *c)
{
	const struct conn_result *r = &c->result;

	if (c->hardware != KTLS_HARDWARE_REQUIRE)
		return false;
	return is_missed(r->tx, r->tx_no_hw) || is_missed(r->rx, r->rx_no_hw) ||
	       (r->tx != KTLS_STATE_HW && r->rx != KTLS_STATE_HW);
}

/* The keys are with the kernel, which sends no alert by itself; nothing else is sent with them. */
static void refuse(struct conn *c, enum ktls_reason reason, int error)
{
	const struct conn_kernel_ops *kernel = c->loop->config.kernel;
	const struct reason *row = reason_find((int)reason);
	const struct conn_result *r = &c->result;
	bool sent = row->alert != KTLS_ALERT_NONE && kernel->alert &&
		    kernel->alert(c->fd, (uint8_t)row->alert) == 0;

	shutdown(c->fd, SHUT_RDWR);
	if (reason == KTLS_R_DEVICE_REFUSED)
		snprintf(c->text, sizeof(c->text), "sending: %s, receiving: %s",
			 ktls_no_hw_name(r->tx_no_hw), ktls_no_hw_name(r->rx_no_hw));
	conn_end(c, reason, error);
	c->result.alert = sent ? (uint8_t)row->alert : KTLS_ALERT_NONE;
}

static void settle(struct conn *c, const struct conn_verdict *v)
{
	const struct conn_kernel_ops *kernel = c->loop->config.kernel;
	struct conn_result *r = &c->result;

	r->tx = v->tx;
	r->rx = v->rx;
	r->tx_no_hw = v->tx_no_hw;
	r->rx_no_hw = v->rx_no_hw;
	if (is_refused(c)) {
		refuse(c, KTLS_R_DEVICE_REFUSED, 0);
		return;
	}
	if (c->zerocopy && r->tx != KTLS_STATE_SW && kernel->zerocopy)
		(void)kernel->zerocopy(c->fd);
	conn_sealing_begin(c);
}

/* ---- asking ---------------------------------------------------------------------------------- */

void conn_verdict_begin(struct conn *c)
{
	const struct conn_router *router = c->loop->config.router;
	enum ktls_no_hw why = obvious(c);
	struct conn_verdict v = both(KTLS_STATE_SW, why);

	if (why == KTLS_NO_HW_NONE) {
		v = both(KTLS_STATE_UNKNOWN, KTLS_NO_HW_MAY_NOT_LOOK);
		c->stage = CONN_VERDICT;
		if (router && router->look &&
		    router->look(router->arg, c->token, c->fd, &v) == KTLS_ENGINE_PENDING)
			return;
	}
	settle(c, &v);
}

void conn_verdict_done(struct conn_loop *loop, uint64_t token, const struct conn_verdict *verdict)
{
	struct conn *c = conn_loop_find(loop, token);

	if (c && c->stage == CONN_VERDICT)
		settle(c, verdict);
}

void conn_verdict_missing(struct conn *c, enum ktls_reason reason, int error)
{
	struct conn_result *r = &c->result;

	r->tx = r->rx = KTLS_STATE_UNKNOWN;
	r->tx_no_hw = r->rx_no_hw = KTLS_NO_HW_MAY_NOT_LOOK;
	if (is_refused(c)) {
		refuse(c, reason, error);
		return;
	}
	c->has_keys = true;
	conn_end(c, KTLS_OK, 0);
}
