/* SPDX-License-Identifier: MIT */
#include "daemon/signer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/sandbox.h"
#include "lib/crypto/util.h"
#include "lib/x509/key.h"

#define EVENTS_MAX 66
#define MEMORY_MAX (64 << 20) /* bytes: all of it is locked */
#define COUNT_MS   60000      /* between two lines about what was signed */

/* ---- what it is given -------------------------------------------------------------------------
 */

/* Errors are negative errnos. Privileges go before a byte of a key is looked at. */
static int set_up(struct signer *s, const struct bundle *bundle)
{
	struct reader r;
	int err;

	reader_init(&r, bundle->bytes, bundle->len);
	if (!bundle_settings_read(&r, &s->settings))
		return -EPROTO;
	log_init(s->name, s->settings.journal ? LOG_TARGET_JOURNAL : LOG_TARGET_STDERR);
	sandbox_lock_memory(MEMORY_MAX);
	err = sandbox_drop(s->settings.user, s->settings.group);
	if (err)
		return err;
	err = crypto_init();
	if (err)
		return err;
	if (x509_init() != 0 || !signer_read_bundle(s, bundle))
		return -EPROTO;
	err = sandbox_enter(ROLE_SIGNER);
	if (err)
		log_message(LOG_WARNING, "no limits on system calls: %s", strerror(-err));
	return 0;
}

static int on_setup(void *arg, struct reader *body, int fd)
{
	struct signer *s = arg;
	struct channel_message ready;
	struct bundle bundle = { 0 };
	uint64_t capabilities;
	int err;

	if (s->ready || !reader_u16(body, &s->index) || !reader_u64(body, &capabilities)) {
		close(fd);
		return -EPROTO;
	}
	snprintf(s->name, sizeof(s->name), "signer %u", s->index + 1U);
	err = bundle_map(fd, &bundle);
	close(fd);
	if (err == 0)
		err = set_up(s, &bundle);
	bundle_unmap(&bundle);
	if (err) {
		log_message(LOG_ERR, "cannot be set up: %s", strerror(-err));
		_exit(1);
	}
	s->ready = true;
	s->counted = clock_ms();
	channel_begin(&ready, CHANNEL_READY);
	return channel_send(&s->supervisor, &ready, CHANNEL_FD_NONE);
}

/* ---- signatures -------------------------------------------------------------------------------
 */

struct question {
	uint64_t token;
	uint16_t key;
	struct ktls_engine_sign what;
};

/* -KTLS_R_MISUSE for what no worker in its right mind asks. */
static int make(struct signer_key *key, const struct ktls_engine_sign *what,
		uint8_t signature[static KTLS_ENGINE_SIGNATURE_MAX], size_t *signature_len)
{
	uint8_t scratch[KTLS_ENGINE_CONTENT_MAX];
	struct ktls_span content = ktls_engine_sign_content(what, scratch);
	int err;

	if (content.len == 0 || !question_allowed(what, &key->profile->limits))
		return -KTLS_R_MISUSE;
	if (!signer_may_sign(key->profile))
		return -KTLS_R_SIGNER;
	err = x509_key_sign(key->key, what->version, what->scheme, content.bytes, content.len,
			    signature, signature_len);
	if (err == 0)
		key->profile->made++;
	return err;
}

static void answer(struct worker_link *link, const struct question *q, int err,
		   const uint8_t *signature, size_t signature_len)
{
	struct channel_message *m = &link->answer;

	channel_begin(m, CHANNEL_SIGNED);
	writer_u64(&m->body, q->token);
	writer_u16(&m->body, (uint16_t)-err);
	if (err == 0)
		writer_bytes(&m->body, signature, signature_len);
}

static bool read_question(const struct signer *s, struct reader *body, struct question *q)
{
	return reader_u64(body, &q->token) && reader_u16(body, &q->key) &&
	       question_read(body, &q->what) && q->key < s->keys_len;
}

int signer_answer(struct worker_link *link)
{
	int err = channel_send(&link->channel, &link->answer, CHANNEL_FD_NONE);

	link->waiting = err == -EAGAIN;
	return link->waiting ? 0 : err;
}

/* A false question is one that no worker in its right mind asks: it ends the channel. */
static int on_sign(void *arg, struct reader *body, int fd)
{
	struct worker_link *link = arg;
	struct signer *s = link->signer;
	uint8_t signature[KTLS_ENGINE_SIGNATURE_MAX];
	size_t signature_len = 0;
	struct question q;
	int err;

	(void)fd;
	if (!read_question(s, body, &q))
		return -EPROTO;
	err = make(&s->keys[q.key], &q.what, signature, &signature_len);
	if (err == -KTLS_R_MISUSE)
		return -EPROTO;
	answer(link, &q, err, signature, signature_len);
	return signer_answer(link);
}

static int on_decrypt(void *arg, struct reader *body, int fd)
{
	struct worker_link *link = arg;
	struct signer *s = link->signer;
	uint8_t master[KTLS_ENGINE_MASTER_LEN];
	struct ktls_engine_decrypt what;
	struct signer_key *key;
	struct question q;
	int err;

	(void)fd;
	if (!reader_u64(body, &q.token) || !reader_u16(body, &q.key) ||
	    !decrypt_read(body, &what) || q.key >= s->keys_len)
		return -EPROTO;
	key = &s->keys[q.key];
	if (!decrypt_allowed(&key->profile->limits))
		return -EPROTO;
	err = signer_may_sign(key->profile) ? x509_key_decrypt_master(key->key, &what, master)
					    : -KTLS_R_SIGNER;
	if (err == -KTLS_R_MISUSE)
		return -EPROTO;
	if (err == 0)
		key->profile->made++;
	answer(link, &q, err, master, sizeof(master));
	secret_wipe(master, sizeof(master));
	err = signer_answer(link);
	if (!link->waiting)
		channel_wipe(&link->answer);
	return err;
}

static const struct channel_handler worker_handlers[] = {
	{ CHANNEL_SIGN, on_sign },
	{ CHANNEL_DECRYPT, on_decrypt },
	{ CHANNEL_SEAL, signer_on_seal },
	{ CHANNEL_OPEN, signer_on_open },
	{ CHANNEL_SEAL_SESSION, signer_on_seal_session },
	{ CHANNEL_OPEN_SESSION, signer_on_open_session },
	{ 0 },
};

/* ---- channels ---------------------------------------------------------------------------------
 */

static void watch(struct signer *s, int op, struct worker_link *link, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = link };

	if (epoll_ctl(s->epoll, op, link->channel.fd, &event) != 0)
		log_message(LOG_ERR, "epoll_ctl: %s", strerror(errno));
}

static void link_close(struct worker_link *link)
{
	if (link->channel.fd >= 0)
		close(link->channel.fd);
	link->channel.fd = -1;
	link->waiting = false;
}

/* A worker that does not keep to the rules is not to be let near clients either. */
static void accuse(struct worker_link *link)
{
	struct channel_message m;

	channel_begin(&m, CHANNEL_SUSPECT);
	writer_u16(&m.body, link->index);
	if (channel_send(&link->signer->supervisor, &m, CHANNEL_FD_NONE) != 0)
		log_message(LOG_ERR, "cannot tell the supervisor about %s", link->name);
}

/* Each question is answered before the next is read: so one answer at most has to wait. */
static void link_ready(struct worker_link *link)
{
	bool waited = link->waiting;
	int err;

	if (link->channel.fd < 0)
		return;
	if (waited) {
		err = channel_send(&link->channel, &link->answer, CHANNEL_FD_NONE);
		if (err == -EAGAIN)
			return;
		link->waiting = false;
		channel_wipe(&link->answer);
	} else {
		err = channel_run(&link->channel, worker_handlers, link, 1);
	}
	if (err == -EPROTO)
		accuse(link);
	if (err)
		link_close(link);
	else if (link->waiting != waited)
		watch(link->signer, EPOLL_CTL_MOD, link, link->waiting ? EPOLLOUT : EPOLLIN);
}

static int on_worker(void *arg, struct reader *body, int fd)
{
	struct signer *s = arg;
	struct worker_link *link;
	uint16_t index;

	if (!s->ready || !reader_u16(body, &index) || index >= SIGNER_WORKERS_MAX) {
		close(fd);
		return -EPROTO;
	}
	link = &s->workers[index];
	link_close(link);
	link->channel.fd = fd;
	watch(s, EPOLL_CTL_ADD, link, EPOLLIN);
	return 0;
}

static void tell_counts(struct signer *s)
{
	for (size_t i = 0; i < s->profiles_len; i++) {
		struct signer_profile *profile = &s->profiles[i];

		if (profile->made > 0 || profile->tickets > 0 || profile->seals > 0 ||
		    profile->refused > 0)
			log_message(LOG_INFO,
				    "profile %s: %ju signatures, %ju tickets, %ju sealed sessions, "
				    "%ju refused in %ju s",
				    profile->name, (uintmax_t)profile->made,
				    (uintmax_t)profile->tickets, (uintmax_t)profile->seals,
				    (uintmax_t)profile->refused,
				    (uintmax_t)((clock_ms() - s->counted) / 1000));
		profile->made = 0;
		profile->tickets = 0;
		profile->seals = 0;
		profile->refused = 0;
	}
	s->counted = clock_ms();
}

static int on_stop(void *arg, struct reader *body, int fd)
{
	struct signer *s = arg;

	(void)body;
	(void)fd;
	tell_counts(s);
	for (size_t i = 0; i < s->keys_len; i++)
		x509_key_free(s->keys[i].key);
	secret_wipe(&s->tickets, sizeof(s->tickets));
	secret_wipe(&s->sealing, sizeof(s->sealing));
	_exit(0);
}

static const struct channel_handler supervisor_handlers[] = {
	{ CHANNEL_SETUP, on_setup },
	{ CHANNEL_WORKER, on_worker },
	{ CHANNEL_STOP, on_stop },
	{ CHANNEL_KEYS, signer_on_keys },
	{ CHANNEL_SEALING, signer_on_sealing },
	{ 0 },
};

/* ---- the loop ---------------------------------------------------------------------------------
 */

static void run_once(struct signer *s)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(s->epoll, events, EVENTS_MAX, s->ready ? COUNT_MS : -1);

	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr)
			link_ready(events[i].data.ptr);
		else if (channel_run(&s->supervisor, supervisor_handlers, s, CHANNEL_TURN) != 0)
			_exit(1); /* without a supervisor there is nothing to do */
	}
	if (s->ready && clock_ms() >= s->counted + COUNT_MS)
		tell_counts(s);
	signer_seals_run(s);
}

static void init(struct signer *s)
{
	for (uint16_t i = 0; i < SIGNER_WORKERS_MAX; i++) {
		struct worker_link *link = &s->workers[i];

		link->signer = s;
		link->index = i;
		snprintf(link->name, sizeof(link->name), "worker %u", i + 1U);
		link->channel = (struct channel){
			.fd = -1, .here = ROLE_SIGNER, .there = ROLE_WORKER, .name = link->name
		};
	}
}

int signer_main(void)
{
	static struct signer s = {
		.name = "signer",
		.supervisor = { .fd = CHANNEL_FD,
				.here = ROLE_SIGNER,
				.there = ROLE_SUPERVISOR,
				.name = "supervisor" },
		.complaints = { .burst = 3 },
	};
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };

	log_init(s.name, LOG_TARGET_STDERR);
	init(&s);
	s.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s.epoll < 0 || sandbox_hide() != 0 ||
	    epoll_ctl(s.epoll, EPOLL_CTL_ADD, CHANNEL_FD, &event) != 0) {
		log_message(LOG_ERR, "cannot start: %s", strerror(errno));
		return 1;
	}
	for (;;)
		run_once(&s);
}
