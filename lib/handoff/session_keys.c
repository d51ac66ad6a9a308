/* SPDX-License-Identifier: MIT */
#include "lib/handoff/session_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/handoff/sealed.h"
#include "lib/handoff/service.h"
#include "lib/ktls/kernel.h"

#define KEY_UPDATE  24 /* HandshakeType */
#define ANSWERS_MAX 64 /* about a key that somebody has changed since, before that is given up */

/* ---- one at a time ------------------------------------------------------------------------- */

/*
 * The process whose thread changes a key; 0: none. After a fork() in such a moment the child finds
 * its parent's, and passes over it.
 */
static atomic_int keeper;

/* A record lock belongs to a process: it keeps other processes out, and threads need the above. */
static int lock_try(int fd, bool transmit)
{
	struct flock lock = { .l_type = F_WRLCK, .l_start = transmit, .l_len = 1 };
	int held = keeper, self = getpid(), error;

	if (held == self || !atomic_compare_exchange_strong(&keeper, &held, self))
		return -EAGAIN;
	if (fcntl(fd, F_SETLK, &lock) == 0)
		return 0;
	error = errno;
	keeper = 0;
	return error == EACCES || error == EINTR ? -EAGAIN : -error;
}

static int key_lock(int fd, bool transmit)
{
	static const struct timespec pause = { .tv_nsec = 500000 };
	int64_t until = now_ms() + KTLS_SERVICE_MS;
	int ret = lock_try(fd, transmit);

	while (ret == -EAGAIN && now_ms() < until) {
		nanosleep(&pause, NULL);
		ret = lock_try(fd, transmit);
	}
	return ret == -EAGAIN ? -ETIMEDOUT : ret;
}

static void key_unlock(int fd, bool transmit)
{
	struct flock lock = { .l_type = F_UNLCK, .l_start = transmit, .l_len = 1 };

	(void)fcntl(fd, F_SETLK, &lock);
	keeper = 0;
}

/* ---- asking -------------------------------------------------------------------------------- */

/* A fresh seal comes with every answer. */
static void keep_seal(struct ktls_session *session, const struct ktls_span *seal)
{
	struct sealed_header header;

	if (seal->len <= KTLS_SESSION_MAX && sealed_header_parse(seal->bytes, seal->len, &header))
		(void)session_keep_sealed(session, seal->bytes, seal->len);
}

static int answer(struct ktls_session *session, const struct ktls_call *call, uint8_t renew,
		  struct handoff_keys *out, enum ktls_reason *why)
{
	*why = call->reply.reason;
	if (*why == KTLS_R_DEADLINE || *why == KTLS_R_CANCELLED)
		return -ETIMEDOUT;
	if (*why != KTLS_OK)
		return -EOPNOTSUPP;
	*why = KTLS_R_PROTOCOL;
	if (!handoff_keys_parse(renew == HANDOFF_RENEW_TX ? &call->key_tx : &call->key_rx, out))
		return -EOPNOTSUPP;
	keep_seal(session, &call->reply.session);
	return 0;
}

/* The key in force and the one that follows. -EOPNOTSUPP with *why, or another negative errno. */
static int ask(struct ktls_session *session, int fd, uint8_t renew, struct handoff_keys *out,
	       enum ktls_reason *why)
{
	uint8_t sealed[KTLS_SESSION_MAX];
	struct handoff_service service = { .renew = renew, .session.bytes = sealed };
	struct ktls_call *call;
	int ret;

	*why = KTLS_R_KEY_UPDATE_UNSUPPORTED;
	service.session.len = ktls_session_sealed(session, sealed, sizeof(sealed));
	if (!session->can_rekey || service.session.len == 0)
		return -EOPNOTSUPP;
	ret = service_ask(session->k, fd, &service, &call);
	if (ret < 0)
		return ret;
	ret = answer(session, call, renew, out, why);
	ktls_reply_free(&call->reply);
	return ret;
}

/* ---- the kernel's key ---------------------------------------------------------------------- */

static bool equal(const uint8_t *a, const uint8_t *b, size_t len)
{
	uint8_t differ = 0;

	for (size_t i = 0; i < len; i++)
		differ |= a[i] ^ b[i];
	return differ == 0;
}

static bool same_key(const struct ktls_traffic_key *a, const struct ktls_traffic_key *b)
{
	return a->version == b->version && equal(a->key, b->key, sizeof(a->key)) &&
	       equal(a->iv, b->iv, sizeof(a->iv));
}

/* 0 where the key in force is the one that the answer is about, -ESTALE where it is another. */
static int check_follows(const struct ktls_session *session, int fd, bool transmit,
			 const struct handoff_keys *keys)
{
	struct ktls_traffic_key now = { 0 };
	int ret = session->kernel->get(fd, transmit, &now);

	if (ret < 0)
		return -ENOKEY;
	if (!same_key(&now, &keys->follows))
		ret = -ESTALE;
	explicit_bzero(&now, sizeof(now));
	return ret;
}

/* Returns as session_follow() does. */
static int install(const struct ktls_session *session, int fd, bool transmit,
		   const struct ktls_traffic_key *key, enum ktls_reason *why)
{
	int error = 0, ret = session->kernel->install(fd, transmit, key, &error);

	switch (-ret) {
	case 0:
		return 0;
	case KTLS_R_NO_MEMORY:
		return -ENOMEM;
	case KTLS_R_SOCKET_HAS_KEYS:
		*why = KTLS_R_KEY_UPDATE_UNSUPPORTED;
		return -EPROTO;
	default:
		*why = (enum ktls_reason) - ret;
		return -EPROTO;
	}
}

uint64_t session_records(const struct ktls_session *session, int fd, bool transmit)
{
	struct ktls_traffic_key now;
	uint64_t records = 0;

	if (session->kernel->get(fd, transmit, &now) < 0)
		return UINT64_MAX;
	for (size_t i = 0; i < sizeof(now.seq); i++)
		records = records << 8 | now.seq[i];
	explicit_bzero(&now, sizeof(now));
	return records;
}

/* It has been asked for another key, and what was under way then had the old one. */
static bool peer_has_time(const struct ktls_session *session, uint64_t records)
{
	uint64_t max = session->records_max;

	/* "Receiving implementations SHOULD NOT enforce these limits" (RFC 9846, 5.5). */
	if (max >= KTLS_AES_GCM_RECORDS_MAX)
		return true;
	return session->can_rekey && records < max + max + KTLS_RECORDS_UNDER_WAY;
}

enum session_use session_count_in(struct ktls_session *session, int fd)
{
	uint64_t records = session_records(session, fd, false);
	enum session_use use = SESSION_FRESH;
	int none = SESSION_WISH_NONE;

	if (records != UINT64_MAX)
		use = session_use(session, records);
	if (use == SESSION_SPENT && peer_has_time(session, records))
		use = SESSION_HALF;
	if (use == SESSION_HALF)
		atomic_compare_exchange_strong(&session->wish, &none, SESSION_WISH_NOW);
	return use;
}

/* ---- the peer's key ------------------------------------------------------------------------ */

/* Whether the kernel waits for a key; nothing is taken out by looking. */
static bool kernel_waits(const struct ktls_session *session, int fd)
{
	uint8_t byte, type;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	bool end;

	return session->kernel->recv(fd, &iov, 1, MSG_PEEK | MSG_DONTWAIT, &type, &end) ==
	       -EKEYEXPIRED;
}

static int follow_by(struct ktls_session *session, int fd, bool stops,
		     const struct handoff_keys *keys, enum ktls_reason *why)
{
	int ret = key_lock(fd, false);

	if (ret < 0)
		return ret;
	if (!stops || kernel_waits(session, fd)) {
		ret = check_follows(session, fd, false, keys);
		if (ret == 0)
			ret = install(session, fd, false, &keys->next, why);
	}
	key_unlock(fd, false);
	return ret;
}

int session_follow(struct ktls_session *session, int fd, bool stops, enum ktls_reason *why)
{
	struct handoff_keys keys;
	int ret;

	for (int i = 0; i < ANSWERS_MAX; i++) {
		ret = ask(session, fd, HANDOFF_RENEW_RX, &keys, why);
		if (ret < 0)
			return ret == -EOPNOTSUPP ? -EPROTO : ret;
		ret = follow_by(session, fd, stops, &keys, why);
		explicit_bzero(&keys, sizeof(keys));
		if (ret != -ESTALE)
			return ret;
	}
	*why = KTLS_R_STALE_SESSION;
	return -EPROTO;
}

/* For receiving, a key may be installed again, with the number of the record that is next. */
int session_resume(struct ktls_session *session, int fd)
{
	struct ktls_traffic_key now;
	enum ktls_reason why;
	int ret = key_lock(fd, false);

	if (ret < 0)
		return ret;
	ret = session->kernel->get(fd, false, &now);
	if (ret == 0) {
		ret = install(session, fd, false, &now, &why);
		explicit_bzero(&now, sizeof(now));
	}
	key_unlock(fd, false);
	return ret == -ENOMEM ? ret : 0; /* else it is a kernel that does not wait for keys */
}

/* ---- our key ------------------------------------------------------------------------------- */

/* Where memory is short the kernel takes a part; that one is finished, whatever is wanted since. */
static int send_key_update(struct ktls_session *session, int fd, bool request)
{
	const uint8_t message[] = { KEY_UPDATE, 0, 0, 1, request };
	ssize_t n;

	if (session->sent == 0)
		memcpy(session->update, message, sizeof(message));
	while (session->sent < sizeof(session->update)) {
		n = session->kernel->send_record(
			fd, RECORD_HANDSHAKE, &session->update[session->sent],
			sizeof(session->update) - session->sent, MSG_DONTWAIT);
		if (n < 0)
			return (int)n;
		session->sent += (size_t)n;
	}
	return 0;
}

static int change(struct ktls_session *session, int fd, bool request, enum ktls_reason *why)
{
	bool owed = session->owed;
	int ret = 0;

	if (session->sent == 0)
		ret = check_follows(session, fd, true, &session->next);
	if (ret < 0)
		return ret;
	/* What is owed from here on is owed again. */
	session->owed = false;
	ret = send_key_update(session, fd, request);
	if (ret == 0)
		ret = install(session, fd, true, &session->next.next, why);
	if (ret < 0 && (owed || session->sent > 0))
		session->owed = true;
	return ret;
}

static void forget_next(struct ktls_session *session)
{
	explicit_bzero(&session->next, sizeof(session->next));
	session->has_next = false;
	session->sent = 0;
}

static int update_once(struct ktls_session *session, int fd, bool request, enum ktls_reason *why)
{
	int ret;

	if (!session->has_next) {
		ret = ask(session, fd, HANDOFF_RENEW_TX, &session->next, why);
		if (ret < 0)
			return ret;
		session->has_next = true;
	}
	ret = key_lock(fd, true);
	if (ret < 0)
		return ret;
	ret = change(session, fd, request, why);
	key_unlock(fd, true);
	if (ret == 0 || ret == -ESTALE)
		forget_next(session);
	return ret;
}

int session_update(struct ktls_session *session, int fd, bool request, enum ktls_reason *why)
{
	int ret = -ESTALE;

	for (int i = 0; i < ANSWERS_MAX && ret == -ESTALE; i++)
		ret = update_once(session, fd, request, why);
	if (ret != -ESTALE)
		return ret;
	*why = KTLS_R_STALE_SESSION;
	return -EOPNOTSUPP;
}
