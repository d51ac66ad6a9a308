/* SPDX-License-Identifier: MIT */
/*
 * The role that holds the private keys. It is sent fields, never a digest to be signed as it is,
 * and builds the content of a CertificateVerify (RFC 9846, 4.5.2) itself: what it signs is good for
 * one TLS handshake and for nothing else. It has the keys of tickets and of sealed sessions, too.
 * It has no network, and nobody to talk to but its supervisor and the workers.
 *
 *	signer.c         the process, its channels, signatures
 *	signer_bundle.c  keys and profiles, from the supervisor
 *	signer_ticket.c  tickets
 *	signer_seal.c    sealed sessions
 */
#ifndef KTLSD_SIGNER_H
#define KTLSD_SIGNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ktls.h>

#include "daemon/bundle.h"
#include "daemon/channel.h"
#include "daemon/log.h"
#include "daemon/question.h"
#include "lib/conn/sealing_keys.h"
#include "lib/conn/ticket_keys.h"

struct x509_key;

#define SIGNER_WORKERS_MAX 64
#define SIGNER_TICKETS     8 /* made and opened, at most, for each signature that may be made */
#define SIGNER_SEALS       8 /* likewise */

/* A captured worker can have signatures made as long as it lives: they are counted and limited. */
struct signer_profile {
	char name[KTLS_PROFILE_MAX + 1];
	struct question_limits limits;
	uint32_t limit;  /* signatures a second */
	uint32_t credit; /* that may be made until the second is over */
	uint64_t second; /* CLOCK_MONOTONIC seconds */
	uint32_t ticket_credit;
	uint32_t seal_credit;
	uint64_t made;    /* since the last line about it */
	uint64_t tickets; /* made and opened */
	uint64_t seals;   /* likewise */
	uint64_t refused;
	struct log_limit refusals;
};

struct signer_key {
	struct x509_key *key;
	struct signer_profile *profile;
};

struct worker_link {
	struct signer *signer;
	struct channel channel; /* fd is -1 as long as there is none */
	uint16_t index;
	char name[16];
	bool waiting; /* an answer has had no room: nothing is read until it has */
	struct channel_message answer;
};

struct signer {
	uint16_t index;
	char name[16];
	struct bundle_settings settings;
	struct channel supervisor;
	int epoll;
	bool ready;
	struct signer_profile *profiles;
	size_t profiles_len;
	struct signer_key *keys;
	size_t keys_len;
	struct ticket_keys tickets;
	int sealing_file; /* 0: none, and no sessions are sealed */
	struct sealing_keys sealing;
	uint64_t sealing_retry; /* when to try again what failed */
	struct log_limit complaints;
	uint8_t ticket[KTLS_ENGINE_TICKET_MAX]; /* or session: being made, or what is in it */
	struct worker_link workers[SIGNER_WORKERS_MAX];
	uint64_t counted; /* when the last lines about counts were written */
};

/* Profiles and keys from the bundle. False where it is not as it should be. */
bool signer_read_bundle(struct signer *s, const struct bundle *bundle)
	__attribute__((warn_unused_result));

/* Whether one more signature, or ticket, is within what the profile may have in a second. */
bool signer_may_sign(struct signer_profile *profile);
bool signer_may_ticket(struct signer_profile *profile);

/* One of so many things a second, of which credit tells how many are left; counts what it refuses.
 */
bool signer_spend(struct signer_profile *profile, uint32_t *credit, uint32_t limit,
		  const char *what);

/* Replaces the key that seals where it is due. */
void signer_seals_run(struct signer *s);

/* Sends the link's answer, now or as soon as there is room: 0 or a negative errno. */
int signer_answer(struct worker_link *link) __attribute__((warn_unused_result));

/* Likewise OPENED, with what is in ticket, which is wiped. */
int signer_answer_opened(struct worker_link *link, uint64_t token, enum ktls_reason reason,
			 size_t len) __attribute__((warn_unused_result));

/* Handlers of messages: of KEYS and SEALING (arg is the signer), of the others (the link). */
int signer_on_keys(void *arg, struct reader *body, int fd);
int signer_on_sealing(void *arg, struct reader *body, int fd);
int signer_on_seal_session(void *arg, struct reader *body, int fd);
int signer_on_open_session(void *arg, struct reader *body, int fd);
int signer_on_seal(void *arg, struct reader *body, int fd);
int signer_on_open(void *arg, struct reader *body, int fd);

/* The role: does not return before its end. An exit status. */
int signer_main(void);

#endif
