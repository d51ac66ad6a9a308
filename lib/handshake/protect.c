/* SPDX-License-Identifier: MIT */
#include "lib/handshake/protect.h"

#include <string.h>

#include "lib/wire/writer.h"

#define EXPLICIT_NONCE 8  /* bytes of it in a record of TLS 1.2 with AES-GCM, RFC 5288 3 */
#define AD_1_2         13 /* bytes of additional data in TLS 1.2 */
#define TYPE_1_3       23 /* all protected records are application_data outside */

static bool is_1_3(const struct schedule *s)
{
	return s->suite->version == KTLS_TLS_1_3;
}

static bool has_explicit_nonce(const struct schedule *s)
{
	return !is_1_3(s) && s->suite->aead != AEAD_CHACHA20_POLY1305;
}

size_t protect_prefix(const struct schedule *s, const struct traffic *t)
{
	return t->on && has_explicit_nonce(s) ? EXPLICIT_NONCE : 0;
}

size_t protect_suffix(const struct schedule *s, const struct traffic *t)
{
	if (!t->on)
		return 0;
	return is_1_3(s) ? 1 + AEAD_TAG : AEAD_TAG;
}

/* iv xor the record's number (5.3; RFC 7905, 2). */
static void nonce_by_number(const struct traffic *t, uint64_t seq, uint8_t out[static AEAD_NONCE])
{
	memcpy(out, t->iv, AEAD_NONCE);
	for (size_t i = 0; i < 8; i++)
		out[AEAD_NONCE - 1 - i] ^= (uint8_t)(seq >> (8 * i));
}

/* Salt and explicit part (RFC 5288, 3). */
static void nonce_explicit(const struct traffic *t, const uint8_t *explicit,
			   uint8_t out[static AEAD_NONCE])
{
	memcpy(out, t->iv, AEAD_NONCE - EXPLICIT_NONCE);
	memcpy(out + AEAD_NONCE - EXPLICIT_NONCE, explicit, EXPLICIT_NONCE);
}

static void additional_data_1_2(uint8_t type, size_t len, uint64_t seq, uint8_t out[static AD_1_2])
{
	struct writer w;

	writer_init(&w, out, AD_1_2);
	writer_u64(&w, seq);
	writer_u8(&w, type);
	writer_u16(&w, KTLS_TLS_1_2);
	writer_u16(&w, (uint16_t)len);
}

static void seal_1_3(const struct schedule *s, const struct traffic *t, uint8_t type, uint8_t *at,
		     size_t len, uint64_t seq)
{
	uint8_t nonce[AEAD_NONCE], *content = at + PROTECT_HEADER;

	content[len] = type;
	nonce_by_number(t, seq, nonce);
	aead_seal_once(s->suite->aead, t->key, nonce, at, PROTECT_HEADER, content, len + 1,
		       content);
}

static void seal_1_2(const struct schedule *s, const struct traffic *t, uint8_t type, uint8_t *at,
		     size_t len, uint64_t seq)
{
	uint8_t nonce[AEAD_NONCE], ad[AD_1_2], *content = at + PROTECT_HEADER;
	struct writer w;

	nonce_by_number(t, seq, nonce);
	if (has_explicit_nonce(s)) {
		/* The record's number, which never repeats under one key. */
		writer_init(&w, content, EXPLICIT_NONCE);
		writer_u64(&w, seq);
		nonce_explicit(t, content, nonce);
		content += EXPLICIT_NONCE;
	}
	additional_data_1_2(type, len, seq, ad);
	aead_seal_once(s->suite->aead, t->key, nonce, ad, sizeof(ad), content, len, content);
}

size_t protect_seal(const struct schedule *s, const struct traffic *t, uint8_t type,
		    uint16_t version, uint8_t *at, size_t len, uint64_t seq)
{
	size_t body = protect_prefix(s, t) + len + protect_suffix(s, t);
	struct writer w;

	writer_init(&w, at, PROTECT_HEADER);
	writer_u8(&w, t->on && is_1_3(s) ? TYPE_1_3 : type);
	writer_u16(&w, version);
	writer_u16(&w, (uint16_t)body);
	if (t->on && is_1_3(s))
		seal_1_3(s, t, type, at, len, seq);
	else if (t->on)
		seal_1_2(s, t, type, at, len, seq);
	return PROTECT_HEADER + body;
}

bool protect_open(const struct schedule *s, const struct traffic *t, uint8_t *at, size_t len,
		  uint8_t **content, size_t *content_len)
{
	size_t prefix = protect_prefix(s, t);
	uint8_t nonce[AEAD_NONCE], ad_1_2[AD_1_2], *body = at + PROTECT_HEADER;
	const uint8_t *ad = at;
	size_t ad_len = PROTECT_HEADER;

	if (len < prefix + AEAD_TAG)
		return false;
	nonce_by_number(t, t->seq, nonce);
	if (prefix > 0)
		nonce_explicit(t, body, nonce);
	if (!is_1_3(s)) {
		additional_data_1_2(at[0], len - prefix - AEAD_TAG, t->seq, ad_1_2);
		ad = ad_1_2;
		ad_len = sizeof(ad_1_2);
	}
	body += prefix;
	if (!aead_open_once(s->suite->aead, t->key, nonce, ad, ad_len, body, len - prefix, body))
		return false;
	*content = body;
	*content_len = len - prefix - AEAD_TAG;
	return true;
}
