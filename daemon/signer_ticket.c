/* SPDX-License-Identifier: MIT */
/*
 * Tickets: made and opened for workers, which never see a key of theirs. A captured worker can have
 * as many opened as it has seen or been sent: they are counted and limited, as signatures are.
 */
#include <errno.h>

#include "daemon/clock.h"
#include "daemon/signer.h"
#include "lib/crypto/util.h"

/* ---- limits -----------------------------------------------------------------------------------
 */

static void begin_second(struct signer_profile *profile)
{
	uint64_t now = clock_ms() / 1000;

	if (now == profile->second)
		return;
	profile->second = now;
	profile->credit = profile->limit;
	profile->ticket_credit = SIGNER_TICKETS * profile->limit;
	profile->seal_credit = SIGNER_SEALS * profile->limit;
}

bool signer_spend(struct signer_profile *profile, uint32_t *credit, uint32_t limit,
		  const char *what)
{
	begin_second(profile);
	if (*credit > 0) {
		(*credit)--;
		return true;
	}
	profile->refused++;
	log_limited(&profile->refusals, LOG_WARNING,
		    "profile %s: more than %u %s a second: the others are refused", profile->name,
		    limit, what);
	return false;
}

bool signer_may_sign(struct signer_profile *profile)
{
	return signer_spend(profile, &profile->credit, profile->limit, "signatures");
}

bool signer_may_ticket(struct signer_profile *profile)
{
	if (!signer_spend(profile, &profile->ticket_credit, SIGNER_TICKETS * profile->limit,
			  "tickets"))
		return false;
	profile->tickets++;
	return true;
}

/* ---- keys -------------------------------------------------------------------------------------
 */

static bool read_secrets(struct reader *body, struct ticket_secrets *out)
{
	struct reader secret;

	while (!reader_empty(body)) {
		struct ticket_secret *to = &out->secrets[out->len];

		if (out->len == TICKET_KEYS_MAX || !reader_vec8(body, &secret) ||
		    secret.left < TICKET_SECRET_MIN || secret.left > TICKET_SECRET_MAX)
			return false;
		to->len = secret.left;
		out->len++;
		if (!reader_copy(&secret, to->bytes, to->len))
			return false;
	}
	return true;
}

int signer_on_keys(void *arg, struct reader *body, int fd)
{
	struct ticket_secrets secrets = { .len = 0 };
	struct signer *s = arg;
	bool ok = s->ready && read_secrets(body, &secrets);

	(void)fd;
	if (ok)
		ticket_keys_derive(&s->tickets, &secrets);
	secret_wipe(&secrets, sizeof(secrets));
	return ok ? 0 : -EPROTO;
}

/* ---- tickets ----------------------------------------------------------------------------------
 */

struct ask {
	uint64_t token;
	struct signer_profile *profile;
	const uint8_t *bytes;
	size_t len;
};

static bool read_ask(const struct signer *s, struct reader *body, struct ask *ask)
{
	uint16_t profile;

	if (!reader_u64(body, &ask->token) || !reader_u16(body, &profile) ||
	    profile >= s->profiles_len)
		return false;
	ask->profile = &s->profiles[profile];
	ask->bytes = body->at;
	ask->len = body->left;
	return reader_skip(body, ask->len) &&
	       (ask->profile->limits.roles & BUNDLE_ROLE(KTLS_SERVER));
}

int signer_answer_opened(struct worker_link *link, uint64_t token, enum ktls_reason reason,
			 size_t len)
{
	struct signer *s = link->signer;
	int err;

	channel_begin(&link->answer, CHANNEL_OPENED);
	writer_u64(&link->answer.body, token);
	writer_u16(&link->answer.body, (uint16_t)reason);
	writer_bytes(&link->answer.body, s->ticket, len);
	secret_wipe(s->ticket, len);
	err = signer_answer(link);
	if (!link->waiting)
		channel_wipe(&link->answer);
	return err;
}

/* What is asked for is done by ticket_seal() or ticket_open(); a length of 0 is a refusal. */
static int serve(struct worker_link *link, struct reader *body,
		 size_t (*run)(const struct ticket_keys *, const uint8_t *, size_t, uint8_t *))
{
	struct signer *s = link->signer;
	struct ask ask;
	size_t len = 0;

	if (!read_ask(s, body, &ask))
		return -EPROTO;
	if (signer_may_ticket(ask.profile))
		len = run(&s->tickets, ask.bytes, ask.len, s->ticket);
	return signer_answer_opened(link, ask.token, KTLS_OK, len);
}

int signer_on_seal(void *arg, struct reader *body, int fd)
{
	(void)fd;
	return serve(arg, body, ticket_seal);
}

int signer_on_open(void *arg, struct reader *body, int fd)
{
	(void)fd;
	return serve(arg, body, ticket_open);
}
