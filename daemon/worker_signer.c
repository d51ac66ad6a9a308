/* SPDX-License-Identifier: MIT */
/*
 * Signatures, tickets and sealed sessions, asked from the signers. What cannot be sent now waits;
 * what a signer took to its grave is asked again from another one, or from its successor.
 * Handshakes that are over in the meantime are lib/conn's concern: it ignores their tokens.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "daemon/worker.h"
#include "lib/crypto/util.h"

/* As many as keep a signer busy; the others wait here, for whichever is free first. */
#define SENT_MAX 32

/* Bytes of questions that wait: those of TLS 1.2 clients have all their messages in them. */
#define BYTES_MAX (16 << 20)

#define HEAD      (1 + 8 + 8) /* bytes before the question: type, token, what it is about */

/* So that one run of the channel empties it, as an edge-triggered descriptor wants it. */
_Static_assert(SENT_MAX < CHANNEL_TURN, "answers come one a question");

static void queue_init(struct sign_queue *q)
{
	*q = (struct sign_queue){ .tail = &q->head };
}

static void queue_push(struct sign_queue *q, struct sign_job *job)
{
	job->next = NULL;
	*q->tail = job;
	q->tail = &job->next;
	q->len++;
	q->bytes += job->len;
}

static struct sign_job *queue_pop(struct sign_queue *q)
{
	struct sign_job *job = q->head;

	if (!job)
		return NULL;
	q->head = job->next;
	if (!q->head)
		q->tail = &q->head;
	q->len--;
	q->bytes -= job->len;
	return job;
}

/* All of from, in its order, before what is in to. */
static void queue_prepend(struct sign_queue *to, struct sign_queue *from)
{
	if (!from->head)
		return;
	*from->tail = to->head;
	if (!to->head)
		to->tail = from->tail;
	to->head = from->head;
	to->len += from->len;
	to->bytes += from->bytes;
	queue_init(from);
}

static void link_lose(struct signer_link *link)
{
	struct worker *w = link->worker;

	if (link->watch.fd < 0)
		return;
	close(link->watch.fd);
	link->watch.fd = -1;
	link->channel.fd = -1;
	queue_prepend(&w->unsigned_jobs, &link->sent);
}

static int send_job(const struct signer_link *link, const struct sign_job *job)
{
	return channel_send_bytes(&link->channel, job->message, job->len);
}

static void job_free(struct sign_job *job)
{
	secret_wipe(job->message, job->len);
	free(job);
}

static struct signer_link *least_busy(struct worker *w)
{
	struct signer_link *best = NULL;

	for (size_t i = 0; i < SIGNERS_MAX; i++) {
		struct signer_link *link = &w->signers[i];

		if (link->watch.fd < 0 || link->full || link->sent.len >= SENT_MAX)
			continue;
		if (!best || link->sent.len < best->sent.len)
			best = link;
	}
	return best;
}

static void signers_flush(struct worker *w)
{
	while (w->unsigned_jobs.head) {
		struct signer_link *link = least_busy(w);
		int err;

		if (!link)
			return;
		err = send_job(link, w->unsigned_jobs.head);
		if (err == 0)
			queue_push(&link->sent, queue_pop(&w->unsigned_jobs));
		else if (err == -EAGAIN)
			link->full = true;
		else
			link_lose(link);
	}
}

/* The answer to the oldest question, which was of one of these types; its bytes are in *rest. */
/* A signature or a decryption, not a ticket. */
static bool is_for_key(const struct sign_job *job)
{
	return job->message[0] == CHANNEL_SIGN || job->message[0] == CHANNEL_DECRYPT;
}

static struct sign_job *take_answer(struct signer_link *link, struct reader *body, bool sign,
				    uint16_t *reason, struct reader *rest)
{
	const struct sign_job *job = link->sent.head;
	uint64_t token;

	if (!reader_u64(body, &token) || !reader_u16(body, reason))
		return NULL;
	if (!job || job->token != token || is_for_key(job) != sign)
		return NULL;
	*rest = *body;
	if (!reader_skip(body, body->left))
		return NULL;
	return queue_pop(&link->sent);
}

static int on_signed(void *arg, struct reader *body, int fd)
{
	struct signer_link *link = arg;
	struct reader signature;
	struct sign_job *job;
	uint16_t reason;

	(void)fd;
	job = take_answer(link, body, true, &reason, &signature);
	if (!job)
		return -EPROTO;
	if ((reason == KTLS_OK) != (signature.left > 0)) {
		queue_push(&link->sent, job); /* asked again of another signer */
		return -EPROTO;
	}
	conn_sign_done(link->worker->loop, job->token, -(int)reason, signature.at, signature.left);
	job_free(job);
	return 0;
}

static int on_opened(void *arg, struct reader *body, int fd)
{
	struct signer_link *link = arg;
	struct reader bytes;
	struct sign_job *job;
	uint16_t reason;

	(void)fd;
	job = take_answer(link, body, false, &reason, &bytes);
	if (!job)
		return -EPROTO;
	if (job->message[0] == CHANNEL_SEAL_SESSION || job->message[0] == CHANNEL_OPEN_SESSION)
		conn_seal_done(link->worker->loop, job->token, -(int)reason, bytes.at, bytes.left);
	else
		conn_ticket_done(link->worker->loop, job->token, bytes.at, bytes.left);
	job_free(job);
	return 0;
}

static const struct channel_handler signer_handlers[] = {
	{ CHANNEL_SIGNED, on_signed },
	{ CHANNEL_OPENED, on_opened },
	{ 0 },
};

static void link_ready(struct watch *watch, uint32_t events)
{
	struct signer_link *link = (struct signer_link *)watch;

	if (watch->fd < 0)
		return;
	if (events & EPOLLOUT)
		link->full = false;
	if (channel_run(&link->channel, signer_handlers, link, CHANNEL_TURN) != 0)
		link_lose(link);
	signers_flush(link->worker);
}

void signers_init(struct worker *w)
{
	queue_init(&w->unsigned_jobs);
	for (size_t i = 0; i < SIGNERS_MAX; i++) {
		struct signer_link *link = &w->signers[i];

		queue_init(&link->sent);
		link->worker = w;
		link->watch = (struct watch){ .ready = link_ready, .fd = -1 };
		snprintf(link->name, sizeof(link->name), "signer %zu", i + 1);
		link->channel = (struct channel){
			.fd = -1, .here = ROLE_WORKER, .there = ROLE_SIGNER, .name = link->name
		};
	}
}

void signer_adopt(struct worker *w, uint16_t index, int fd)
{
	struct signer_link *link = &w->signers[index];

	link_lose(link);
	link->watch.fd = fd;
	link->channel.fd = fd;
	link->full = false;
	if (!watch_add(w, &link->watch, EPOLLIN | EPOLLOUT | EPOLLET))
		link_lose(link);
	signers_flush(w);
}

static bool has_room(const struct worker *w, size_t size)
{
	return w->unsigned_jobs.len < 2 * (size_t)w->settings.handshakes_max &&
	       w->unsigned_jobs.bytes + size <= BYTES_MAX;
}

/*
 * A question under way, with its token and room for more; NULL where too much waits already, or
 * there is no memory. The worker's, to be freed.
 */
static struct sign_job *job_new(const struct worker *w, enum channel_type type, uint64_t token,
				size_t len, struct writer *message)
{
	size_t size = HEAD + len;
	struct sign_job *job = has_room(w, size) ? malloc(sizeof(*job) + size) : NULL;

	if (!job)
		return NULL;
	*job = (struct sign_job){ .token = token };
	writer_init(message, job->message, size);
	writer_u8(message, (uint8_t)type);
	writer_u64(message, token);
	return job;
}

/* Takes the job over. */
static int ask(struct worker *w, struct sign_job *job, const struct writer *message)
{
	if (!writer_ok(message)) {
		free(job);
		return -KTLS_R_MISUSE;
	}
	job->len = message->len;
	queue_push(&w->unsigned_jobs, job);
	signers_flush(w);
	return KTLS_ENGINE_PENDING;
}

int signer_sign(void *arg, const struct conn_sign *request, uint8_t *signature,
		size_t *signature_len)
{
	const struct profile *profile = arg;
	struct writer message;
	struct sign_job *job = job_new(profile->worker, CHANNEL_SIGN, request->token,
				       question_size(request->what), &message);

	(void)signature;
	(void)signature_len;
	if (!job)
		return -KTLS_R_SIGNER;
	writer_u16(&message, profile->keys[request->identity]);
	question_write(&message, request->what);
	return ask(profile->worker, job, &message);
}

int signer_decrypt(void *arg, const struct conn_decrypt *request, uint8_t *master)
{
	const struct profile *profile = arg;
	struct writer message;
	struct sign_job *job =
		job_new(profile->worker, CHANNEL_DECRYPT, request->token, DECRYPT_MAX, &message);

	(void)master;
	if (!job)
		return -KTLS_R_SIGNER;
	writer_u16(&message, profile->keys[request->identity]);
	decrypt_write(&message, request->what);
	return ask(profile->worker, job, &message);
}

/* Without a ticket things go on, too. */
static int ask_ticket(const struct profile *profile, enum channel_type type,
		      const struct conn_ticket *request, size_t *len)
{
	struct worker *w = profile->worker;
	struct writer message;
	struct sign_job *job = job_new(w, type, request->token, request->len, &message);

	*len = 0;
	if (!job)
		return 0;
	writer_u16(&message, (uint16_t)(profile - w->profiles));
	writer_bytes(&message, request->bytes, request->len);
	return ask(w, job, &message);
}

int signer_seal(void *arg, const struct conn_ticket *request, uint8_t *ticket, size_t *ticket_len)
{
	(void)ticket;
	return ask_ticket(arg, CHANNEL_SEAL, request, ticket_len);
}

int signer_open(void *arg, const struct conn_ticket *request, uint8_t *content, size_t *content_len)
{
	(void)content;
	return ask_ticket(arg, CHANNEL_OPEN, request, content_len);
}

/* ---- sealed sessions --------------------------------------------------------------------------
 */

static int seal_session(void *arg, const struct conn_seal *request, uint8_t *sealed, size_t *len)
{
	struct worker *w = arg;
	struct writer message;
	struct sign_job *job = job_new(w, CHANNEL_SEAL_SESSION, request->token,
				       SEALED_HEADER_LEN + request->len, &message);

	(void)sealed;
	(void)len;
	if (!job)
		return -KTLS_R_SIGNER;
	writer_u64(&message, request->cookie);
	writer_bytes(&message, request->header, sizeof(request->header));
	writer_bytes(&message, request->bytes, request->len);
	return ask(w, job, &message);
}

static int open_session(void *arg, const struct conn_seal *request, uint8_t *content, size_t *len)
{
	struct worker *w = arg;
	struct writer message;
	struct sign_job *job =
		job_new(w, CHANNEL_OPEN_SESSION, request->token, request->len, &message);

	(void)content;
	(void)len;
	if (!job)
		return -KTLS_R_SIGNER;
	writer_u64(&message, request->cookie);
	writer_bytes(&message, request->bytes, request->len);
	return ask(w, job, &message);
}

void signer_sealer(struct worker *w, struct conn_sealer *out)
{
	*out = (struct conn_sealer){ .seal = seal_session, .open = open_session, .arg = w };
}
