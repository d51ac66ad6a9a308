/* SPDX-License-Identifier: MIT */
/*
 * Ticket keys: fresh random ones, which are replaced by themselves, or those of a folder. The
 * supervisor has them, in locked memory, for the sake of signers that are started later, and gives
 * them to all signers, of all generations.
 */
#include <errno.h>
#include <string.h>

#include "daemon/clock.h"
#include "daemon/log.h"
#include "daemon/supervisor.h"
#include "daemon/ticket_files.h"
#include "lib/crypto/arena.h"
#include "lib/crypto/util.h"

#define ROTATE_MS (TICKET_ROTATE_S * UINT64_C(1000))
#define LOOK_MS   30000 /* between two looks into the folder */

int tickets_tell(const struct supervisor *s, const struct child *signer)
{
	const struct ticket_secrets *secrets = s->tickets.secrets;
	struct channel_message m;
	int err;

	if (secrets->len == 0)
		return 0; /* no tickets, until the folder has some */

	channel_begin(&m, CHANNEL_KEYS);
	for (size_t i = 0; i < secrets->len; i++)
		writer_vec(&m.body, 1, secrets->secrets[i].bytes, secrets->secrets[i].len);
	err = channel_send(&signer->channel, &m, CHANNEL_FD_NONE);
	channel_wipe(&m);
	return err;
}

/* A signer that cannot be told is started again, and told then. */
static void tell_all(struct supervisor *s)
{
	for (const struct generation *g = s->newest; g; g = g->older) {
		for (size_t i = 0; i < g->config->signers; i++) {
			struct child *signer = generation_signer(g, i);

			if (signer->pid > 0 && signer->channel.fd >= 0 &&
			    tickets_tell(s, signer) != 0)
				child_kill(signer);
		}
	}
}

/* Fresh ones where there is no folder any more, or was none. */
static void use_own(struct supervisor *s, uint64_t now)
{
	struct tickets *t = &s->tickets;

	if (t->own)
		return;
	ticket_secrets_init(t->secrets);
	t->own = true;
	t->due = now + ROTATE_MS;
	tell_all(s);
}

/* What cannot be read leaves those that there are: keys that are being replaced, say. */
static void use_folder(struct supervisor *s, const char *folder, uint64_t now)
{
	struct tickets *t = &s->tickets;
	struct ticket_secrets *fresh = arena_get(t->arena);
	char why[512];

	t->due = now + LOOK_MS;
	if (!fresh)
		return;
	if (!ticket_files_read(folder, fresh, why, sizeof(why))) {
		log_limited(&t->complaints, LOG_WARNING, "%s: the ticket keys from before stay",
			    why);
	} else if (t->own || !secret_equal(fresh, t->secrets, sizeof(*fresh))) {
		*t->secrets = *fresh;
		t->own = false;
		log_message(LOG_INFO, "%zu ticket keys from %s", fresh->len, folder);
		tell_all(s);
	}
	arena_put(t->arena, fresh);
}

void tickets_configure(struct supervisor *s, const struct config *config)
{
	if (config->ticket_keys.text)
		use_folder(s, config->ticket_keys.text, clock_ms());
	else
		use_own(s, clock_ms());
}

void tickets_run(struct supervisor *s, uint64_t now)
{
	struct tickets *t = &s->tickets;

	if (now < t->due || !s->serving)
		return;
	if (!t->own || s->serving->config->ticket_keys.text) {
		tickets_configure(s, s->serving->config);
		return;
	}
	ticket_secrets_rotate(t->secrets);
	t->due = now + ROTATE_MS;
	tell_all(s);
}

bool tickets_init(struct supervisor *s)
{
	struct tickets *t = &s->tickets;

	t->complaints.burst = 3;
	t->arena = arena_new(sizeof(struct ticket_secrets), 2);
	t->secrets = t->arena ? arena_get(t->arena) : NULL;
	return t->secrets;
}

void tickets_wipe(struct supervisor *s)
{
	if (s->tickets.arena)
		arena_free(s->tickets.arena);
}
