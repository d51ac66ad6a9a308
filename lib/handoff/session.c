/* SPDX-License-Identifier: MIT */
#include "lib/handoff/session.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <ktls.h>

#include "lib/handoff/relayed.h"
#include "lib/handoff/sealed.h"
#include "lib/handoff/service.h"
#include "lib/ktls/kernel.h"
#include "lib/ktls/steady.h"
#include "lib/wire/reason.h"

static ssize_t kernel_send(int fd, const struct msghdr *message, int flags)
{
	ssize_t n = sendmsg(fd, message, flags | MSG_NOSIGNAL);

	return n < 0 ? -errno : n;
}

const struct session_kernel session_kernel = {
	.recv = kernel_record_recvmsg,
	.send = kernel_send,
	.sendfile = steady_file_send,
	.send_record = kernel_record_send,
	.version = kernel_version,
	.get = kernel_get,
	.install = kernel_install,
};

static ssize_t kernel_send_steadily(int fd, const struct msghdr *message, int flags)
{
	return steady_send(fd, message, flags | MSG_NOSIGNAL);
}

const struct session_kernel session_kernel_steady = {
	.recv = kernel_record_recvmsg,
	.send = kernel_send_steadily,
	.sendfile = steady_sendfile,
	.send_record = steady_record_send,
	.version = kernel_version,
	.get = kernel_get,
	.install = kernel_install,
};

/* Where nobody tells, it might be such a kernel. */
static const struct session_kernel *kernel_for(struct ktls *k)
{
	struct ktls_info info = { 0 };

	if (k)
		ktls_get_info(k, &info);
	return info.capabilities & KTLS_CAN_INTERRUPT ? &session_kernel : &session_kernel_steady;
}

const struct session_kernel *session_sender(const struct ktls_session *session)
{
	if (session->carrier == SESSION_RELAY && session->kernel == &session_kernel_steady)
		return &session_kernel;
	return session->kernel;
}

/* ---- beginning and end --------------------------------------------------------------------- */

bool session_keep_sealed(struct ktls_session *session, const void *sealed, size_t len)
{
	uint8_t *copy = malloc(len), *old;

	if (!copy)
		return false;
	memcpy(copy, sealed, len);
	pthread_mutex_lock(&session->lock);
	old = session->sealed;
	session->sealed = copy;
	session->sealed_len = len;
	pthread_mutex_unlock(&session->lock);
	free(old);
	return true;
}

static struct ktls_session *session_alloc(struct ktls *k, const void *sealed, size_t len)
{
	struct ktls_session *session = calloc(1, sizeof(*session));

	if (!session)
		return NULL;
	session->k = k;
	session->kernel = kernel_for(k);
	pthread_mutex_init(&session->out, NULL);
	pthread_mutex_init(&session->in, NULL);
	pthread_mutex_init(&session->lock, NULL);
	if (len == 0 || session_keep_sealed(session, sealed, len))
		return session;
	ktls_session_free(session);
	return NULL;
}

struct ktls_session *ktls_session_new(struct ktls *k, const struct ktls_reply *reply)
{
	const struct ktls_span *sealed = &reply->session;
	struct ktls_session *session;

	session = ktls_session_open(k, sealed->len > 0 ? sealed->bytes : NULL, sealed->len);
	if (!session && sealed->len > 0)
		session = ktls_session_open(k, NULL, 0);
	if (!session)
		return NULL;
	session->records_max = reply->records_max;
	if (reply->tx == KTLS_STATE_RELAY)
		session->carrier = SESSION_RELAY;
	return session;
}

static void keep_ticket(void *arg, const uint8_t *message, size_t len)
{
	struct ktls_session *session = arg;
	uint8_t sealed[KTLS_SESSION_MAX];
	struct handoff_service service = { .session.bytes = sealed,
					   .ticket = { .bytes = message, .len = len } };

	service.session.len = ktls_session_sealed(session, sealed, sizeof(sealed));
	service_tell(session->k, session->fd, &service);
}

/* There is a seal, and somebody who opens it. */
static void serve(struct ktls_session *session, const struct sealed_header *header)
{
	struct ktls_info info;

	ktls_get_info(session->k, &info);
	if (header->version != KTLS_TLS_1_3)
		return;
	session->can_rekey = (info.capabilities & KTLS_CAN_REKEY) != 0;
	if (header->role == KTLS_CLIENT) {
		session->stream.ticket = keep_ticket;
		session->stream.arg = session;
	}
}

struct ktls_session *ktls_session_open(struct ktls *k, const void *sealed, size_t len)
{
	struct sealed_header header = { .role = KTLS_CLIENT };
	struct ktls_session *session;

	if (sealed && (len > KTLS_SESSION_MAX || !sealed_header_parse(sealed, len, &header)))
		return NULL;
	session = session_alloc(k, sealed, sealed ? len : 0);
	if (!session)
		return NULL;
	session->records_max = header.records_max;
	session->stream.server = header.role == KTLS_SERVER;
	if (k && sealed)
		serve(session, &header);
	return session;
}

size_t ktls_session_sealed(struct ktls_session *session, void *buf, size_t cap)
{
	size_t len;

	pthread_mutex_lock(&session->lock);
	len = session->sealed_len <= cap ? session->sealed_len : 0;
	if (len > 0)
		memcpy(buf, session->sealed, len);
	pthread_mutex_unlock(&session->lock);
	return len;
}

void ktls_session_free(struct ktls_session *session)
{
	if (!session)
		return;
	stream_wipe(&session->stream);
	free(session->sealed);
	pthread_mutex_destroy(&session->out);
	pthread_mutex_destroy(&session->in);
	pthread_mutex_destroy(&session->lock);
	explicit_bzero(session, sizeof(*session));
	free(session);
}

/* ---- how it ended -------------------------------------------------------------------------- */

enum ktls_reason ktls_session_reason(const struct ktls_session *session)
{
	return (enum ktls_reason)(session->end & 0xffff);
}

uint8_t ktls_session_alert(const struct ktls_session *session)
{
	return session->end ? (uint8_t)(session->end >> 16) : KTLS_ALERT_NONE;
}

bool session_over_in(const struct ktls_session *session)
{
	return session->end != 0;
}

/* After the peer's close_notify we may still write (RFC 9846, 6.1). */
bool session_over_out(const struct ktls_session *session)
{
	enum ktls_reason reason = ktls_session_reason(session);

	return reason != KTLS_OK && reason != KTLS_R_PEER_CLOSE_NOTIFY;
}

int session_result(const struct ktls_session *session)
{
	return ktls_session_reason(session) == KTLS_R_PEER_CLOSE_NOTIFY ? 0 : -EPROTO;
}

/* The first reason stays, but for the good end, behind which sending can still fail. */
static bool end_set(struct ktls_session *session, enum ktls_reason reason, uint8_t alert)
{
	unsigned int old = 0, now = (unsigned int)reason | (unsigned int)alert << 16;

	while (!atomic_compare_exchange_weak(&session->end, &old, now)) {
		if (old != 0 && (enum ktls_reason)(old & 0xffff) != KTLS_R_PEER_CLOSE_NOTIFY)
			return false;
	}
	return true;
}

/* TCP has hung up where it is closed, or shut down in both directions. */
void session_failed(struct ktls_session *session, int fd, int error)
{
	struct pollfd pfd = { .fd = fd };

	if (error != -EAGAIN && error != -EINTR && poll(&pfd, 1, 0) == 1 && (pfd.revents & POLLHUP))
		session->lost = true;
}

static void alert_flush(struct ktls_session *session, int fd)
{
	uint8_t bytes[2];
	unsigned int due;

	if (!session->alert_due || pthread_mutex_trylock(&session->out) != 0)
		return;
	due = atomic_exchange(&session->alert_due, 0);
	bytes[0] = (uint8_t)(due >> 8);
	bytes[1] = (uint8_t)due;
	if (due && session->kernel->send_record(fd, RECORD_ALERT, bytes, sizeof(bytes),
						MSG_DONTWAIT) == -EAGAIN)
		session->alert_due = due;
	pthread_mutex_unlock(&session->out);
}

void session_end(struct ktls_session *session, int fd, enum ktls_reason reason, uint8_t peer)
{
	uint8_t alert = peer;

	if (reason != KTLS_R_PEER_ALERT)
		alert = (uint8_t)reason_find((int)reason)->alert;
	if (!end_set(session, reason, alert) || reason == KTLS_R_PEER_ALERT)
		return;
	if (reason == KTLS_R_KEY_EXHAUSTED)
		session->alert_due = SESSION_ALERT_WARNING | KTLS_ALERT_CLOSE_NOTIFY;
	else if (alert != KTLS_ALERT_NONE)
		session->alert_due = SESSION_ALERT_FATAL | alert;
	alert_flush(session, fd);
}

void session_ended(struct ktls_session *session, enum ktls_reason reason, uint8_t alert)
{
	(void)end_set(session, reason, alert);
}

/* ---- how long a key may serve -------------------------------------------------------------- */

/* What ktls_maintain() allows between two calls of it. */
#define UNSEEN_MAX (UINT64_C(1) << 22)

enum session_use session_use(const struct ktls_session *session, uint64_t records)
{
	uint64_t max = session->records_max;
	uint64_t spare = max / 4 < UNSEEN_MAX ? max / 4 : UNSEEN_MAX;

	if (max == 0 || records < max / 2)
		return SESSION_FRESH;
	return records < max - spare ? SESSION_HALF : SESSION_SPENT;
}

bool session_count_due(const struct ktls_session *session, uint64_t unseen)
{
	return session->records_max > 0 && unseen >= session->records_max / 64;
}

void session_out_lock(struct ktls_session *session)
{
	pthread_mutex_lock(&session->out);
}

void session_out_unlock(struct ktls_session *session, int fd)
{
	pthread_mutex_unlock(&session->out);
	alert_flush(session, fd);
}

/* ---- who carries its records --------------------------------------------------------------- */

enum session_carrier session_carrier(struct ktls_session *session, int fd)
{
	if (session->carrier == SESSION_UNKNOWN)
		session->carrier = relayed_is(fd) ? SESSION_RELAY : SESSION_KERNEL;
	return (enum session_carrier)(int)session->carrier;
}
