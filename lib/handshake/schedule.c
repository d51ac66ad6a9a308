/* SPDX-License-Identifier: MIT */
#include "lib/handshake/schedule.h"

#include <string.h>

#include "lib/crypto/util.h"
#include "lib/wire/writer.h"

/*
 * Derive-Secret(Early Secret, "derived", "") without a PSK: the same in every full handshake.
 * A test derives them again.
 */
static const uint8_t derived_sha256[32] = {
	0x6f, 0x26, 0x15, 0xa1, 0x08, 0xc7, 0x02, 0xc5, 0x67, 0x8f, 0x54,
	0xfc, 0x9d, 0xba, 0xb6, 0x97, 0x16, 0xc0, 0x76, 0x18, 0x9c, 0x48,
	0x25, 0x0c, 0xeb, 0xea, 0xc3, 0x57, 0x6c, 0x36, 0x11, 0xba,
};

static const uint8_t derived_sha384[48] = {
	0x15, 0x91, 0xda, 0xc5, 0xcb, 0xbf, 0x03, 0x30, 0xa4, 0xa8, 0x4d, 0xe9,
	0xc7, 0x53, 0x33, 0x0e, 0x92, 0xd0, 0x1f, 0x0a, 0x88, 0x21, 0x4b, 0x44,
	0x64, 0x97, 0x2f, 0xd6, 0x68, 0x04, 0x9e, 0x93, 0xe5, 0x2f, 0x2b, 0x16,
	0xfa, 0xd9, 0x22, 0xfd, 0xc0, 0x58, 0x44, 0x78, 0x42, 0x8f, 0x28, 0x2b,
};

void schedule_expand_label(enum hash_alg alg, const uint8_t *secret, const char *label,
			   const uint8_t *context, size_t context_len, uint8_t *out, size_t len)
{
	uint8_t info[2 + 1 + 255 + 1 + 64];
	struct writer w;
	struct writer_vec vec;

	writer_init(&w, info, sizeof(info));
	writer_u16(&w, (uint16_t)len);
	vec = writer_open(&w, 1);
	writer_bytes(&w, "tls13 ", 6);
	writer_bytes(&w, label, strlen(label));
	writer_close(&w, vec);
	writer_vec(&w, 1, context, context_len);
	hkdf_expand(alg, secret, info, w.len, out, len);
}

/* Derive-Secret (7.1) with the transcript already hashed. */
static void derive(const struct schedule *s, const uint8_t *secret, const char *label,
		   const uint8_t *hash, uint8_t *out)
{
	enum hash_alg alg = s->suite->hash;

	schedule_expand_label(alg, secret, label, hash, hash_size(alg), out, hash_size(alg));
}

/* Traffic keys (7.3) of the secret that stands in t. */
static void traffic_start(const struct schedule *s, struct traffic *t)
{
	enum hash_alg alg = s->suite->hash;

	schedule_expand_label(alg, t->secret, "key", NULL, 0, t->key,
			      aead_key_size(s->suite->aead));
	schedule_expand_label(alg, t->secret, "iv", NULL, 0, t->iv, sizeof(t->iv));
	t->seq = 0;
	t->on = true;
}

/* The key of an HMAC over a transcript that base vouches for (4.5.3), and that HMAC. */
static void verify_data(enum hash_alg alg, const uint8_t *base, const uint8_t *hash, uint8_t *out)
{
	uint8_t key[HASH_MAX];

	schedule_expand_label(alg, base, "finished", NULL, 0, key, hash_size(alg));
	hmac_bytes(alg, key, hash_size(alg), hash, hash_size(alg), out);
	secret_wipe(key, sizeof(key));
}

/* Derive-Secret over no messages; out may be secret. */
static void derive_empty(enum hash_alg alg, const uint8_t *secret, const char *label, uint8_t *out)
{
	uint8_t empty[HASH_MAX];

	hash_bytes(alg, NULL, 0, empty);
	schedule_expand_label(alg, secret, label, empty, hash_size(alg), out, hash_size(alg));
}

int schedule_early(struct schedule *s, enum hash_alg alg, const uint8_t *psk)
{
	if (s->stage != SCHEDULE_START)
		return -KTLS_R_INTERNAL;
	hkdf_extract(alg, NULL, 0, psk, hash_size(alg), s->secret);
	s->early_hash = alg;
	s->stage = SCHEDULE_EARLY;
	return 0;
}

void schedule_binder(const struct schedule *s, const uint8_t *hash, uint8_t *out)
{
	uint8_t key[HASH_MAX];

	derive_empty(s->early_hash, s->secret, "res binder", key);
	verify_data(s->early_hash, key, hash, out);
	secret_wipe(key, sizeof(key));
}

void schedule_forget_early(struct schedule *s)
{
	if (s->stage != SCHEDULE_EARLY)
		return;
	secret_wipe(s->secret, sizeof(s->secret));
	s->psk_only = false;
	s->stage = SCHEDULE_START;
}

/* Whether the stage, and what it was made from, allow for a Handshake Secret. */
static bool may_begin(const struct schedule *s)
{
	if (!s->suite)
		return false;
	if (s->stage == SCHEDULE_EARLY)
		return s->early_hash == s->suite->hash;
	return s->stage == SCHEDULE_START && !s->psk_only;
}

static void handshake_secret(struct schedule *s, enum hash_alg alg)
{
	static const uint8_t zeros[HASH_MAX];
	const uint8_t *salt = alg == HASH_SHA256 ? derived_sha256 : derived_sha384;

	if (s->stage == SCHEDULE_EARLY) {
		derive_empty(alg, s->secret, "derived", s->secret);
		salt = s->secret;
	}
	/* "If a given secret is not available, then the 0-value ... is used", 7.1. */
	hkdf_extract(alg, salt, hash_size(alg), s->psk_only ? zeros : s->shared,
		     s->psk_only ? hash_size(alg) : KTLS_ENGINE_SHARED_MAX, s->secret);
}

int schedule_handshake(struct schedule *s, enum ktls_role role, const uint8_t *hash)
{
	struct traffic *client = role == KTLS_CLIENT ? &s->tx : &s->rx;
	struct traffic *server = role == KTLS_CLIENT ? &s->rx : &s->tx;

	if (!may_begin(s))
		return -KTLS_R_INTERNAL;
	handshake_secret(s, s->suite->hash);
	secret_wipe(s->shared, sizeof(s->shared));
	secret_wipe(s->private_key, sizeof(s->private_key));
	derive(s, s->secret, "c hs traffic", hash, client->secret);
	derive(s, s->secret, "s hs traffic", hash, server->secret);
	traffic_start(s, client);
	traffic_start(s, server);
	s->stage = SCHEDULE_HANDSHAKE;
	return 0;
}

int schedule_application(struct schedule *s, const uint8_t *hash)
{
	static const uint8_t zeros[HASH_MAX];
	enum hash_alg alg;

	if (s->stage != SCHEDULE_HANDSHAKE)
		return -KTLS_R_INTERNAL;
	alg = s->suite->hash;
	derive_empty(alg, s->secret, "derived", s->secret);
	hkdf_extract(alg, s->secret, hash_size(alg), zeros, hash_size(alg), s->secret);
	derive(s, s->secret, "c ap traffic", hash, s->client_application);
	derive(s, s->secret, "s ap traffic", hash, s->server_application);
	derive(s, s->secret, "exp master", hash, s->exporter);
	s->stage = SCHEDULE_APPLICATION;
	return 0;
}

int schedule_resumption(struct schedule *s, const uint8_t *hash)
{
	if (s->stage != SCHEDULE_APPLICATION)
		return -KTLS_R_INTERNAL;
	derive(s, s->secret, "res master", hash, s->resumption);
	secret_wipe(s->secret, sizeof(s->secret));
	s->stage = SCHEDULE_RESUMPTION;
	return 0;
}

/* from is all zero once it was used: an application secret of zeros does not occur. */
static int switch_to(struct schedule *s, struct traffic *t, uint8_t from[static HASH_MAX])
{
	static const uint8_t zeros[HASH_MAX];

	if ((s->stage != SCHEDULE_APPLICATION && s->stage != SCHEDULE_RESUMPTION) ||
	    secret_equal(from, zeros, HASH_MAX))
		return -KTLS_R_INTERNAL;
	memcpy(t->secret, from, HASH_MAX);
	secret_wipe(from, HASH_MAX);
	traffic_start(s, t);
	return 0;
}

int schedule_switch_tx(struct schedule *s, enum ktls_role role)
{
	return switch_to(s, &s->tx,
			 role == KTLS_CLIENT ? s->client_application : s->server_application);
}

int schedule_switch_rx(struct schedule *s, enum ktls_role role)
{
	return switch_to(s, &s->rx,
			 role == KTLS_CLIENT ? s->server_application : s->client_application);
}

void schedule_finished(const struct schedule *s, const struct traffic *t, const uint8_t *hash,
		       uint8_t out[static HASH_MAX])
{
	verify_data(s->suite->hash, t->secret, hash, out);
}
