/* SPDX-License-Identifier: MIT */
/* Where the records go: into the kernel, or with keys and descriptor to the caller. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/conn/internal.h"
#include "lib/x509/identity.h"

/* What somebody else can make up for: the kernel lacks something, the socket is good. */
static bool may_carry(const struct conn *c, enum ktls_reason reason)
{
	return c->records == CONN_PREFER_KERNEL &&
	       (reason == KTLS_R_KERNEL_NO_TLS || reason == KTLS_R_KERNEL_NO_SUITE ||
		reason == KTLS_R_KERNEL_REFUSED);
}

/* From here on the kernel is not asked any more, and that is why. */
static void turn_to_caller(struct conn *c, const char *option, enum ktls_reason reason, int error)
{
	c->records = CONN_CALLER;
	c->result.refused = reason;
	c->refused_error = error;
	c->refused_option = option;
}

enum ktls_reason conn_attach(struct conn *c, int *error)
{
	const struct conn_kernel_ops *kernel = c->loop->config.kernel;
	uint64_t start = conn_cpu_now();
	int r = 0;

	if (c->records != CONN_CALLER)
		r = kernel->attach(c->fd, error);
	else if (kernel->check)
		r = kernel->check(c->fd, error);
	c->cpu += conn_cpu_now() - start;
	if (r == 0 || !may_carry(c, (enum ktls_reason)(-r)))
		return (enum ktls_reason)(-r);
	turn_to_caller(c, "TCP_ULP", (enum ktls_reason)(-r), *error);
	return KTLS_OK;
}

/* ---- the keys -------------------------------------------------------------------------------- */

/* The server's certificate, where one was shown. */
static const struct ktls_span *server_leaf(const struct conn *c)
{
	size_t len;

	if (ktls_engine_facts(&c->secrets->engine)->resumed)
		return NULL;
	if (c->role == KTLS_SERVER)
		return c->identity ? c->identity->chain : NULL;
	return c->peer ? x509_peer_path(c->peer, &len) : NULL;
}

/* Keys and secrets leave the engine. */
static int take_keys(struct conn *c)
{
	struct conn_secrets *s = c->secrets;
	int r = ktls_engine_keys(&s->engine, &s->tx, &s->rx);

	if (r == 0)
		r = ktls_engine_secrets(&s->engine, &s->secrets);
	if (r == 0 && c->exports)
		conn_exports_make(c->exports, &s->secrets, server_leaf(c));
	return r;
}

static void carry(struct conn *c)
{
	char message[128];

	if (c->refused_error != 0)
		snprintf(c->text, sizeof(c->text), "%s: %s", c->refused_option,
			 strerror_r(c->refused_error, message, sizeof(message)));
	c->result.carry = true;
	conn_sealing_begin(c);
}

/* A suite that only others have was on offer, too. */
static bool kernel_has_suite(const struct conn *c)
{
	const struct conn_config *config = &c->loop->config;

	for (size_t i = 0; i < config->suites_len; i++)
		if (config->suites[i] == c->secrets->tx.suite)
			return true;
	return !config->suites;
}

/* The peer may have asked for shorter records than the kernel sends by itself. */
static int limit(struct conn *c, int *error)
{
	uint16_t most = ktls_engine_facts(&c->secrets->engine)->content_max;

	return most > 0 ? c->loop->config.kernel->limit(c->fd, most, error) : 0;
}

/* Records with padding, which are rare, cost more from now on, and all others less. */
static void expect_no_pad(const struct conn *c)
{
	const struct conn_config *config = &c->loop->config;

	if (config->expect_no_pad && config->kernel->expect_no_pad &&
	    c->secrets->rx.version == KTLS_TLS_1_3)
		(void)config->kernel->expect_no_pad(c->fd);
}

/* One direction has its key: there is no way back. */
static void fail_half(struct conn *c, const char *option, int error)
{
	shutdown(c->fd, SHUT_RDWR);
	conn_end_kernel(c, option, KTLS_R_KERNEL_HALF_INSTALLED, error);
}

/* Transmit first, since a socket with receive keys only is of no use to tell the peer anything. */
static void install(struct conn *c)
{
	const struct conn_kernel_ops *kernel = c->loop->config.kernel;
	int error = 0;
	int r = kernel->install(c->fd, true, &c->secrets->tx, &error);

	if (r < 0 && may_carry(c, (enum ktls_reason)(-r))) {
		turn_to_caller(c, "TLS_TX", (enum ktls_reason)(-r), error);
		carry(c);
		return;
	}
	if (r < 0) {
		conn_end_kernel(c, "TLS_TX", (enum ktls_reason)(-r), error);
		return;
	}
	if (limit(c, &error) < 0) {
		fail_half(c, "TLS_TX_MAX_PAYLOAD_LEN", error);
		return;
	}
	if (kernel->install(c->fd, false, &c->secrets->rx, &error) < 0) {
		fail_half(c, "TLS_RX", error);
		return;
	}
	expect_no_pad(c);
	conn_verdict_begin(c);
}

void conn_install(struct conn *c)
{
	int r = take_keys(c);

	if (r == 0 && c->records == CONN_PREFER_KERNEL && !kernel_has_suite(c))
		turn_to_caller(c, "TLS_TX", KTLS_R_KERNEL_NO_SUITE, 0);
	if (r < 0)
		conn_end(c, (enum ktls_reason)(-r), 0);
	else if (c->records == CONN_CALLER)
		carry(c);
	else
		install(c);
}
