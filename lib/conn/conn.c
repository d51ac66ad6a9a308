/* SPDX-License-Identifier: MIT */
/* One handshake from its request to its result. */
#include "lib/conn/conn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#include "lib/conn/internal.h"
#include "lib/x509/identity.h"
#include "lib/crypto/util.h"

uint64_t conn_cpu_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* ---- the end --------------------------------------------------------------------------------- */

static void forget(struct conn *c)
{
	if (!c->secrets)
		return;
	ktls_engine_wipe(&c->secrets->engine);
	arena_put(c->loop->arena, c->secrets);
	c->secrets = NULL;
}

/* Wipes and gives back whatever only a running handshake needs. The keys are for done(), too. */
static void conn_release(struct conn *c)
{
	struct conn_loop *loop = c->loop;

	if (c->secrets && c->has_keys) {
		ktls_engine_wipe(&c->secrets->engine);
	} else {
		forget(c);
	}
	conn_resume_end(c);
	conn_input_wipe(c);
	conn_output_wipe(c);
	timer_stop(&loop->timers, &c->timer);
	conn_loop_unpoll(c);
}

void conn_end(struct conn *c, enum ktls_reason reason, int error)
{
	struct conn_result *result = &c->result;
	enum conn_stage before = c->stage;

	if (c->stage == CONN_ENDED)
		return;
	c->stage = CONN_ENDED;
	if (c->service)
		conn_service_facts(c, &c->facts);
	else if (before == CONN_ROUTE)
		c->facts = (struct ktls_engine_facts){ .alert = KTLS_ALERT_NONE };
	else
		c->facts = *ktls_engine_facts(&c->secrets->engine);
	result->reason = conn_hardware_reason(c, reason);
	result->error = error;
	result->alert_received = reason == KTLS_R_PEER_ALERT || reason == KTLS_R_PEER_CLOSE_NOTIFY;
	result->alert = c->facts.alert;
	if (c->alert_lost && !result->alert_received)
		result->alert = KTLS_ALERT_NONE;
	c->has_keys = c->has_keys && reason == KTLS_OK;
	if (reason != KTLS_OK) { /* it was abandoned while its session was being sealed */
		result->tx = result->rx = KTLS_STATE_NONE;
		result->carry = false;
	}
	conn_release(c);
	conn_loop_ended(c);
}

void conn_last_words(struct conn *c, size_t len)
{
	bool kept = conn_output_add(c, c->loop->out, len);

	c->alert_lost = len > 0 && (!kept || c->send_error != 0 || c->out.buf);
}

void conn_fail(struct conn *c, enum ktls_reason reason, int error)
{
	struct ktls_engine_io io = { .out = c->loop->out, .out_cap = sizeof(c->loop->out) };

	if (c->stage == CONN_SEALING) { /* it has succeeded, and does without */
		conn_end(c, KTLS_OK, c->refused_error);
		return;
	}
	if (c->stage == CONN_VERDICT)
		conn_verdict_missing(c, reason, error);
	if (c->stage == CONN_SERVICE || c->stage == CONN_ROUTE)
		conn_end(c, reason, error);
	if (c->stage == CONN_ENDED)
		return;
	ktls_engine_abort(&c->secrets->engine, reason, &io);
	conn_last_words(c, io.out_len);
	conn_end(c, reason, error);
}

void conn_fail_socket(struct conn *c, const char *call, int error)
{
	enum ktls_reason reason = KTLS_R_SOCKET_ERROR;
	char message[128];

	if (error == ECONNRESET || error == EPIPE)
		reason = KTLS_R_PEER_RESET;
	else if (error == ENOTCONN)
		reason = KTLS_R_SOCKET_NOT_CONNECTED;
	snprintf(c->text, sizeof(c->text), "%s: %s", call,
		 strerror_r(error, message, sizeof(message)));
	conn_fail(c, reason, error);
}

void conn_end_kernel(struct conn *c, const char *option, enum ktls_reason reason, int error)
{
	char message[128];

	if (error != 0)
		snprintf(c->text, sizeof(c->text), "%s: %s", option,
			 strerror_r(error, message, sizeof(message)));
	conn_end(c, reason, error);
}

void conn_deadline(struct conn *c)
{
	static const char *const waiting[] = {
		[CONN_HANDSHAKE] = "waiting for the peer",
		[CONN_ROUTE] = "waiting to hear of the socket's route",
		[CONN_WAIT] = "waiting for the signer",
		[CONN_FLUSH] = "waiting for room in the socket's send buffer",
		[CONN_VERDICT] = "waiting to hear who has the records",
		[CONN_SEALING] = "",
		[CONN_SERVICE] = "waiting for the signer",
		[CONN_ENDED] = "",
	};

	if (c->stage != CONN_ENDED)
		snprintf(c->text, sizeof(c->text), "%s", waiting[c->stage]);
	conn_fail(c, KTLS_R_DEADLINE, 0);
}

/* Who the peer is: as what it was believed to be, if it was. */
static void tell_peer(const struct conn *c, struct conn_result *result)
{
	const struct conn_chain *chain = c->chain ? c->chain : c->kept;

	if (chain) {
		result->chain = chain->certs;
		result->chain_len = chain->len;
	} else if (c->peer) {
		result->chain = x509_peer_path(c->peer, &result->chain_len);
	}
	if (result->reason == KTLS_OK && c->peer)
		result->names =
			x509_peer_names(c->peer, &result->names_len, &result->names_left_out);
}

/* Who the peer was when the session began: its chain was good then, and holds now. */
static void recall_peer(struct conn *c)
{
	if (c->kept && c->kept->len > 0 && !c->peer &&
	    x509_peer_unchecked(c->kept->certs, &c->peer) != 0)
		c->peer = NULL;
}

static void tell_keys(const struct conn *c, struct conn_result *result)
{
	result->fd = -1;
	if (!c->has_keys)
		return;
	result->secrets = &c->secrets->secrets;
	result->tx_key = &c->secrets->tx;
	result->rx_key = &c->secrets->rx;
	if (c->keep_fd || result->carry)
		result->fd = c->fd;
	result->session = (struct ktls_span){ c->session, c->session_len };
	result->records_max = conn_records_max(c->profile, c->facts.suite);
	if (result->carry)
		return;
	result->session_age = c->session ? c->loop->config.session_age : 0;
}

void conn_finish(struct conn *c)
{
	struct conn_result *result = &c->result;
	uint8_t keys[2 * HANDOFF_KEYS_LEN];

	result->text = c->text;
	result->facts = &c->facts;
	recall_peer(c);
	tell_peer(c, result);
	tell_keys(c, result);
	if (c->service && c->has_keys)
		conn_service_keys(c, keys, result);
	result->exports = result->reason == KTLS_OK ? c->exports : NULL;
	result->wall_us = (uint32_t)((timer_now() - c->started) / 1000);
	result->cpu_us = (uint32_t)(c->cpu / 1000);
	c->done(c->arg, result);
	secret_wipe(keys, sizeof(keys));
	conn_free(c);
}

void conn_free(struct conn *c)
{
	conn_release(c);
	forget(c);
	conn_loop_remove(c);
	free(c->job);
	free(c->service);
	free(c->session);
	free(c->chain);
	free(c->kept);
	conn_exports_free(c->exports);
	x509_peer_free(c->peer);
	free(c);
}

void conn_drop(struct conn *c)
{
	struct closer_job *job = c->job;

	conn_release(c);
	if (job) {
		*job = (struct closer_job){ .fd = c->fd };
		c->job = NULL;
		closer_push(c->loop->closer, job);
	}
	conn_free(c);
}

/* ---- the handshake --------------------------------------------------------------------------- */

static bool has_unread(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

/*
 * While an operation is pending nothing is read: only the socket's end is of interest. What came
 * before a reset is read afterwards, as it may be the alert that says why: a client that refuses a
 * certificate may have gone before its signature is made.
 */
static void conn_wait(struct conn *c, uint32_t events)
{
	socklen_t len = sizeof(int);
	int error = 0;

	conn_output_flush(c);
	if (!(events & (EPOLLERR | EPOLLHUP)) || has_unread(c->fd))
		return;
	getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	conn_fail_socket(c, "poll", error != 0 ? error : ECONNRESET);
}

static void conn_flush(struct conn *c)
{
	bool flushed = conn_output_flush(c);

	if (c->send_error != 0)
		conn_fail_socket(c, "send", c->send_error);
	else if (flushed)
		conn_install(c);
}

static void conn_run(struct conn *c, uint32_t events)
{
	bool more = true;

	if (c->stage == CONN_HANDSHAKE)
		conn_output_flush(c);
	while (c->stage == CONN_HANDSHAKE && more)
		more = conn_input_step(c);
	if (c->stage == CONN_WAIT)
		conn_wait(c, events);
	if (c->stage == CONN_FLUSH)
		conn_flush(c);
}

void conn_advance(struct conn *c, uint32_t events)
{
	uint64_t start = conn_cpu_now();

	conn_run(c, events);
	if (c->stage != CONN_ENDED &&
	    !conn_loop_poll(c, EPOLLIN | EPOLLET | (c->out.buf ? EPOLLOUT : 0)))
		conn_fail_socket(c, "epoll_ctl", errno);
	c->cpu += conn_cpu_now() - start;
}

void conn_cancel(struct conn *c, enum ktls_reason reason)
{
	conn_fail(c, reason, 0);
}

void conn_abandon(struct conn *c)
{
	conn_end(c, KTLS_R_CANCELLED, 0);
}
