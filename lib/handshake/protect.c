/* SPDX-License-Identifier: MIT */
#include "lib/handshake/protect.h"

#include <string.h>

#include "lib/wire/writer.h"

#define EXPLICIT_NONCE 8  /* bytes of it in a record of TLS 1.2 with AES-GCM, RFC 5288 3 */
#define AD_1_2         13 /* bytes of additional data in TLS 1.2 */
#define TYPE_1_3       23 /* all protected records are application_data outside */

static bool is_1_3(const struct suite *suite)
{
	return suite->version == KTLS_TLS_1_3;
}

static bool has_explicit_nonce(const struct suite *suite)
{
	return !is_1_3(suite) && suite->aead != AEAD_CHACHA20_POLY1305;
}

size_t protection_prefix(const struct suite *suite)
{
	return has_explicit_nonce(suite) ? EXPLICIT_NONCE : 0;
}

size_t protection_suffix(const struct suite *suite)
{
	return is_1_3(suite) ? 1 + AEAD_TAG : AEAD_TAG;
}

size_t protect_prefix(const struct schedule *s, const struct traffic *t)
{
	return t->on ? protection_prefix(s->suite) : 0;
}

size_t protect_suffix(const struct schedule *s, const struct traffic *t)
{
	return t->on ? protection_suffix(s->suite) : 0;
}

/* iv xor the record's number (5.3; RFC 7905, 2). */
static void nonce_by_number(const uint8_t *iv, uint64_t seq, uint8_t out[static AEAD_NONCE])
{
	memcpy(out, iv, AEAD_NONCE);
	for (size_t i = 0; i < 8; i++)
		out[AEAD_NONCE - 1 - i] ^= (uint8_t)(seq >> (8 * i));
}

/* Salt and explicit part (RFC 5288, 3). */
static void nonce_explicit(const uint8_t *salt, const uint8_t *explicit,
			   uint8_t out[static AEAD_NONCE])
{
	memcpy(out, salt, AEAD_NONCE - EXPLICIT_NONCE);
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

/* ---- with a key that is kept expanded -------------------------------------------------------- */

static void seal_1_3(const struct protection *p, uint8_t type, uint8_t *at, size_t len,
		     uint64_t seq)
{
	uint8_t nonce[AEAD_NONCE], *content = at + PROTECT_HEADER;

	content[len] = type;
	nonce_by_number(p->iv, seq, nonce);
	aead_seal(p->aead, nonce, at, PROTECT_HEADER, content, len + 1, content);
}

static void seal_1_2(const struct protection *p, uint8_t type, uint8_t *at, size_t len,
		     uint64_t seq)
{
	uint8_t nonce[AEAD_NONCE], ad[AD_1_2], *content = at + PROTECT_HEADER;
	struct writer w;

	if (has_explicit_nonce(p->suite)) {
		/* The record's number, which never repeats under one key. */
		writer_init(&w, content, EXPLICIT_NONCE);
		writer_u64(&w, seq);
		nonce_explicit(p->iv, content, nonce);
		content += EXPLICIT_NONCE;
	} else {
		nonce_by_number(p->iv, seq, nonce);
	}
	additional_data_1_2(type, len, seq, ad);
	aead_seal(p->aead, nonce, ad, sizeof(ad), content, len, content);
}

static void header_build(uint8_t *at, uint8_t type, uint16_t version, size_t body)
{
	struct writer w;

	writer_init(&w, at, PROTECT_HEADER);
	writer_u8(&w, type);
	writer_u16(&w, version);
	writer_u16(&w, (uint16_t)body);
}

size_t protection_seal(const struct protection *p, uint8_t type, uint16_t version, uint8_t *at,
		       size_t len, uint64_t seq)
{
	size_t body = protection_prefix(p->suite) + len + protection_suffix(p->suite);

	header_build(at, is_1_3(p->suite) ? TYPE_1_3 : type, version, body);
	if (is_1_3(p->suite))
		seal_1_3(p, type, at, len, seq);
	else
		seal_1_2(p, type, at, len, seq);
	return PROTECT_HEADER + body;
}

bool protection_open(const struct protection *p, uint8_t *at, size_t len, uint64_t seq,
		     uint8_t **content, size_t *content_len)
{
	size_t prefix = protection_prefix(p->suite);
	uint8_t nonce[AEAD_NONCE], ad_1_2[AD_1_2], *body = at + PROTECT_HEADER;
	const uint8_t *ad = at;
	size_t ad_len = PROTECT_HEADER;

	if (len < prefix + AEAD_TAG)
		return false;
	if (prefix > 0)
		nonce_explicit(p->iv, body, nonce);
	else
		nonce_by_number(p->iv, seq, nonce);
	if (!is_1_3(p->suite)) {
		additional_data_1_2(at[0], len - prefix - AEAD_TAG, seq, ad_1_2);
		ad = ad_1_2;
		ad_len = sizeof(ad_1_2);
	}
	body += prefix;
	if (!aead_open(p->aead, nonce, ad, ad_len, body, len - prefix, body))
		return false;
	*content = body;
	*content_len = len - prefix - AEAD_TAG;
	return true;
}

int protection_strip(const uint8_t *content, size_t *len, uint8_t *type)
{
	size_t n = *len;

	while (n > 0 && content[n - 1] == 0)
		n--;
	if (n == 0)
		return -KTLS_R_RECORD_NO_TYPE;
	*type = content[n - 1];
	*len = n - 1;
	return 0;
}

/* ---- with the keys of a handshake, which see a few records only ------------------------------ */

size_t protect_seal(const struct schedule *s, const struct traffic *t, uint8_t type,
		    uint16_t version, uint8_t *at, size_t len, uint64_t seq)
{
	struct aead aead;
	struct protection p = { .suite = s->suite, .aead = &aead, .iv = t->iv };
	size_t n;

	if (!t->on) {
		header_build(at, type, version, len);
		return PROTECT_HEADER + len;
	}
	aead_init(&aead, s->suite->aead, t->key);
	n = protection_seal(&p, type, version, at, len, seq);
	aead_wipe(&aead);
	return n;
}

bool protect_open(const struct schedule *s, const struct traffic *t, uint8_t *at, size_t len,
		  uint8_t **content, size_t *content_len)
{
	struct aead aead;
	struct protection p = { .suite = s->suite, .aead = &aead, .iv = t->iv };
	bool ok;

	aead_init(&aead, s->suite->aead, t->key);
	ok = protection_open(&p, at, len, t->seq, content, content_len);
	aead_wipe(&aead);
	return ok;
}
