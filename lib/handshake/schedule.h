/* SPDX-License-Identifier: MIT */
/*
 * The key schedule (RFC 9846, 7.1 to 7.3): all key bytes of a handshake, in one struct, with a
 * stage that guards order and repetition. Each stage wipes what it was made from.
 */
#ifndef KTLS_HANDSHAKE_SCHEDULE_H
#define KTLS_HANDSHAKE_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include <ktls-handshake.h>

#include "lib/crypto/hash.h"
#include "lib/crypto/prf.h"
#include "lib/handshake/suite.h"

/* One direction of the record layer. */
struct traffic {
	bool on; /* records are protected */
	uint8_t secret[HASH_MAX];
	uint8_t key[AEAD_KEY_MAX];
	uint8_t iv[AEAD_NONCE];
	uint64_t seq; /* number of the next record */
};

enum schedule_stage {
	SCHEDULE_START,
	SCHEDULE_EARLY,       /* Early Secret of a pre-shared key derived */
	SCHEDULE_HANDSHAKE,   /* handshake traffic keys in force */
	SCHEDULE_APPLICATION, /* application traffic secrets derived */
	SCHEDULE_RESUMPTION,  /* resumption secret derived */
	SCHEDULE_1_2,         /* TLS 1.2: master secret and keys derived */
};

struct schedule {
	enum schedule_stage stage;
	const struct suite *suite; /* set with the negotiated suite */
	enum hash_alg early_hash;  /* of the pre-shared key, in EARLY */
	bool psk_only;             /* no key exchange beside it: psk_ke (4.3.9) */
	uint8_t private_key[KTLS_ENGINE_PRIVATE_MAX]; /* ours, until the shared secret is known */
	/* ECDHE's KTLS_ENGINE_SHARED_MAX bytes, or the premaster secret of RSA key exchange: until
	 * the handshake or master secret is known. */
	uint8_t shared[PRF_MASTER];
	uint8_t secret[HASH_MAX]; /* Early, Handshake, Master Secret in turn; 1.2: master secret */
	uint8_t client_application[HASH_MAX]; /* client_application_traffic_secret_0 */
	uint8_t server_application[HASH_MAX]; /* server_application_traffic_secret_0 */
	uint8_t exporter[HASH_MAX];           /* exporter_secret */
	uint8_t resumption[HASH_MAX];         /* resumption_secret */
	struct traffic tx, rx;
};

/*
 * The Early Secret of a pre-shared key of hash_size(alg) bytes, which stays the caller's to be
 * wiped. From START only.
 */
int schedule_early(struct schedule *s, enum hash_alg alg, const uint8_t *psk)
	__attribute__((warn_unused_result));

/*
 * The binder of that key (4.3.11.2) over hash, of the same algorithm: hash_size() bytes. In EARLY
 * only.
 */
void schedule_binder(const struct schedule *s, const uint8_t *hash, uint8_t *out);

/* Goes back to START, without the pre-shared key; does nothing in any other stage than EARLY. */
void schedule_forget_early(struct schedule *s);

/*
 * Handshake Secret and handshake traffic keys, for both directions, from the shared secret (unless
 * psk_only) and hash = Transcript-Hash(ClientHello...ServerHello). From START, or from EARLY if the
 * pre-shared key is of the suite's hash.
 */
int schedule_handshake(struct schedule *s, enum ktls_role role, const uint8_t *hash)
	__attribute__((warn_unused_result));

/*
 * Application traffic and exporter secrets, from hash = Transcript-Hash(ClientHello...server
 * Finished). The keys in force stay. From HANDSHAKE only.
 */
int schedule_application(struct schedule *s, const uint8_t *hash)
	__attribute__((warn_unused_result));

/*
 * The resumption secret, from hash = Transcript-Hash(ClientHello...client Finished). The Master
 * Secret is wiped. From APPLICATION only.
 */
int schedule_resumption(struct schedule *s, const uint8_t *hash)
	__attribute__((warn_unused_result));

/*
 * Puts the application keys in force for what we send, or receive. Each once, from APPLICATION on.
 */
int schedule_switch_tx(struct schedule *s, enum ktls_role role) __attribute__((warn_unused_result));
int schedule_switch_rx(struct schedule *s, enum ktls_role role) __attribute__((warn_unused_result));

/* verify_data of a Finished under the direction's secret (4.5.3): hash_size() bytes. */
void schedule_finished(const struct schedule *s, const struct traffic *t, const uint8_t *hash,
		       uint8_t out[static HASH_MAX]);

/*
 * TLS 1.2's master secret (RFC 5246, 8.1; RFC 7627, 4), from the first premaster_len bytes of
 * shared. From START only. It may also be put into secret by somebody else.
 */
int schedule_1_2_master(struct schedule *s, size_t premaster_len, const struct prf_master *from)
	__attribute__((warn_unused_result));

/*
 * The keys of both directions from the master secret (RFC 5246, 6.3); they are not in force yet.
 * From START only. The randoms are 32 bytes.
 */
int schedule_1_2_keys(struct schedule *s, enum ktls_role role, const uint8_t *client_random,
		      const uint8_t *server_random) __attribute__((warn_unused_result));

/* Puts the keys of a direction in force, once. */
int schedule_1_2_switch(struct schedule *s, struct traffic *t) __attribute__((warn_unused_result));

#define FINISHED_1_2 12 /* bytes of its verify_data */

/* verify_data of a Finished (RFC 5246, 7.4.9), by who sends it. */
void schedule_1_2_finished(const struct schedule *s, enum ktls_role sender, const uint8_t *hash,
			   uint8_t out[static FINISHED_1_2]);

/*
 * HKDF-Expand-Label (7.1): label is without "tls13 " and at most 249 bytes; context at most 64
 * bytes, out at most 255 * hash_size().
 */
void schedule_expand_label(enum hash_alg alg, const uint8_t *secret, const char *label,
			   const uint8_t *context, size_t context_len, uint8_t *out, size_t len);

#endif
