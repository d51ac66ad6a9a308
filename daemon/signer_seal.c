/* SPDX-License-Identifier: MIT */
/*
 * Sealed sessions (lib/conn/sealing_keys.h): made and opened for workers, which never see a key of
 * theirs. All signers share the keys through one file, which they alone read and write. A captured
 * worker can have opened what applications bring to it, for sockets that it names: seals are
 * counted and limited, as tickets are.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/sealing_file.h"
#include "daemon/signer.h"
#include "lib/crypto/util.h"

#define RETRY_S 5 /* after the file could not be written */

/* ---- keys -------------------------------------------------------------------------------------
 */

static void complain(struct signer *s, const char *what, int err)
{
	log_limited(&s->complaints, LOG_ERR, "sealing keys cannot be %s: %s", what, strerror(-err));
}

void signer_seals_run(struct signer *s)
{
	uint64_t now = sealing_time();
	int err;

	if (s->sealing_file <= 0 || !sealing_keys_due(&s->sealing, now) || now < s->sealing_retry)
		return;
	err = sealing_file_rotate(s->sealing_file, &s->sealing, now, s->settings.session_age);
	if (err == 0 || err == -EAGAIN)
		return;
	complain(s, "replaced", err);
	s->sealing_retry = now + RETRY_S;
}

int signer_on_sealing(void *arg, struct reader *body, int fd)
{
	struct signer *s = arg;
	int err;

	if (!s->ready || s->sealing_file > 0 ||
	    !reader_copy(body, s->sealing.boot, sizeof(s->sealing.boot))) {
		close(fd);
		return -EPROTO;
	}
	s->sealing_file = fd;
	err = sealing_file_load(fd, &s->sealing);
	if (err)
		complain(s, "read", err);
	signer_seals_run(s);
	return 0;
}

/* Another signer may have made the key. */
static void look_for_key(struct signer *s, const struct reader *sealed)
{
	int err;

	if (s->sealing_file <= 0 || sealing_key_known(&s->sealing, sealed->at, sealed->left))
		return;
	err = sealing_file_load(s->sealing_file, &s->sealing);
	if (err)
		complain(s, "read", err);
}

/* ---- seals ------------------------------------------------------------------------------------
 */

static bool may_seal(struct signer_profile *profile)
{
	if (!signer_spend(profile, &profile->seal_credit, SIGNER_SEALS * profile->limit,
			  "sealed sessions"))
		return false;
	profile->seals++;
	return true;
}

/* Whose content it is: what it begins with. */
static struct signer_profile *profile_of(const struct signer *s, const uint8_t *content, size_t len)
{
	struct reader r, name;

	reader_init(&r, content, len);
	if (!reader_vec8(&r, &name))
		return NULL;
	for (size_t i = 0; i < s->profiles_len; i++)
		if (reader_equal(&name, s->profiles[i].name, strlen(s->profiles[i].name)))
			return &s->profiles[i];
	return NULL;
}

int signer_on_seal_session(void *arg, struct reader *body, int fd)
{
	struct worker_link *link = arg;
	struct signer *s = link->signer;
	uint8_t header[SEALED_HEADER_LEN];
	struct signer_profile *profile;
	uint64_t token, cookie;
	struct reader content;
	size_t len;

	(void)fd;
	if (!reader_u64(body, &token) || !reader_u64(body, &cookie) ||
	    !reader_copy(body, header, sizeof(header)) || !reader_bytes(body, body->left, &content))
		return -EPROTO;
	profile = profile_of(s, content.at, content.left);
	if (!profile)
		return -EPROTO;
	if (!may_seal(profile))
		return signer_answer_opened(link, token, KTLS_R_SIGNER, 0);
	signer_seals_run(s);
	len = sealing_seal(&s->sealing, sealing_time(), cookie, header, content.at, content.left,
			   s->ticket);
	return signer_answer_opened(link, token, len > 0 ? KTLS_OK : KTLS_R_SIGNER, len);
}

/* Nothing of what was opened goes out where the profile is not there any more. */
static enum ktls_reason check_opened(const struct signer *s, size_t len)
{
	struct signer_profile *profile;

	if (len == 0)
		return KTLS_R_SESSION_INVALID;
	profile = profile_of(s, s->ticket, len);
	if (!profile)
		return KTLS_R_PROFILE_UNKNOWN;
	return may_seal(profile) ? KTLS_OK : KTLS_R_SIGNER;
}

int signer_on_open_session(void *arg, struct reader *body, int fd)
{
	struct worker_link *link = arg;
	struct signer *s = link->signer;
	enum ktls_reason reason;
	uint64_t token, cookie;
	struct reader sealed;
	size_t len;

	(void)fd;
	if (!reader_u64(body, &token) || !reader_u64(body, &cookie) ||
	    !reader_bytes(body, body->left, &sealed))
		return -EPROTO;
	look_for_key(s, &sealed);
	len = sealing_open(&s->sealing, sealing_time(), s->settings.session_age, cookie, sealed.at,
			   sealed.left, s->ticket);
	reason = check_opened(s, len);
	if (reason != KTLS_OK) {
		secret_wipe(s->ticket, len);
		len = 0;
	}
	return signer_answer_opened(link, token, reason, len);
}
