/* SPDX-License-Identifier: MIT */
/* Records of both versions (RFC 9846, 5; RFC 5246, 6.2) behind the handshake, in userspace. */
#include <string.h>

#include <ktls-record.h>

#include "lib/crypto/util.h"
#include "lib/handshake/protect.h"
#include "lib/wire/reader.h"

#define TYPE_CCS              20
#define TYPE_APPLICATION_DATA 23
#define CIPHERTEXT_MAX_1_3    (16384 + 256)  /* RFC 9846, 5.2 */
#define CIPHERTEXT_MAX_1_2    (16384 + 2048) /* RFC 5246, 6.2.3 */

struct direction {
	const struct suite *suite; /* NULL: no key, or no further record */
	struct aead aead;
	uint8_t iv[AEAD_NONCE];
	uint64_t seq;
	uint64_t used; /* records under this key */
};

struct records {
	struct direction tx, rx;
};

_Static_assert(sizeof(struct records) <= sizeof(struct ktls_record_layer),
	       "KTLS_RECORD_LAYER_SIZE");
_Static_assert(PROTECT_HEADER + 8 == KTLS_RECORD_PREFIX_MAX, "header and explicit nonce");
_Static_assert(KTLS_RECORD_PREFIX_MAX + AEAD_TAG == KTLS_RECORD_OVERHEAD_MAX, "and tag");

static struct records *records_of(struct ktls_record_layer *public)
{
	return (struct records *)(void *)public->opaque;
}

static struct protection protection_of(const struct direction *d)
{
	return (struct protection){ .suite = d->suite, .aead = &d->aead, .iv = d->iv };
}

/* ---- keys ------------------------------------------------------------------------------------ */

static bool key_valid(const struct ktls_traffic_key *key)
{
	const struct suite *suite = suite_find(key->suite);

	return suite && suite->version == key->version;
}

static void take_key(struct direction *d, const struct ktls_traffic_key *key)
{
	struct reader r;

	d->suite = suite_find(key->suite);
	aead_init(&d->aead, d->suite->aead, key->key);
	memcpy(d->iv, key->iv, sizeof(d->iv));
	d->used = 0;
	reader_init(&r, key->seq, sizeof(key->seq));
	if (!reader_u64(&r, &d->seq))
		d->suite = NULL;
}

int ktls_record_init(struct ktls_record_layer *layer, const struct ktls_traffic_key *tx,
		     const struct ktls_traffic_key *rx)
{
	struct records *r = records_of(layer);

	if (!key_valid(tx) || !key_valid(rx) || tx->suite != rx->suite)
		return -KTLS_R_MISUSE;
	memset(layer, 0, sizeof(*layer));
	take_key(&r->tx, tx);
	take_key(&r->rx, rx);
	return 0;
}

void ktls_record_wipe(struct ktls_record_layer *layer)
{
	secret_wipe(layer, sizeof(*layer));
}

static int rekey(struct direction *d, const struct ktls_traffic_key *key)
{
	if (!d->suite || !key_valid(key) || key->suite != d->suite->number ||
	    key->version != KTLS_TLS_1_3)
		return -KTLS_R_MISUSE;
	take_key(d, key);
	return 0;
}

int ktls_record_rekey_tx(struct ktls_record_layer *layer, const struct ktls_traffic_key *tx)
{
	return rekey(&records_of(layer)->tx, tx);
}

int ktls_record_rekey_rx(struct ktls_record_layer *layer, const struct ktls_traffic_key *rx)
{
	return rekey(&records_of(layer)->rx, rx);
}

/* Whether the key is good for one more record: by its number, and by RFC 9846, 5.5. */
static bool used_up(const struct direction *d)
{
	if (d->seq == UINT64_MAX)
		return true;
	return d->suite->aead != AEAD_CHACHA20_POLY1305 && d->used >= KTLS_AES_GCM_RECORDS_MAX;
}

static void count(struct direction *d)
{
	d->seq++;
	d->used++;
}

/* ---- sending --------------------------------------------------------------------------------- */

size_t ktls_record_prefix(const struct ktls_record_layer *layer)
{
	const struct records *r = (const struct records *)(const void *)layer->opaque;

	return PROTECT_HEADER + (r->tx.suite ? protection_prefix(r->tx.suite) : 0);
}

int ktls_record_seal(struct ktls_record_layer *layer, uint8_t type, const void *content, size_t len,
		     uint8_t *out, size_t *out_len)
{
	struct direction *d = &records_of(layer)->tx;
	struct protection p = protection_of(d);

	if (!d->suite || len > KTLS_RECORD_CONTENT_MAX ||
	    (len == 0 && type != TYPE_APPLICATION_DATA))
		return -KTLS_R_MISUSE;
	if (used_up(d))
		return -KTLS_R_KEY_EXHAUSTED;
	if (len > 0)
		memmove(out + ktls_record_prefix(layer), content, len);
	*out_len = protection_seal(&p, type, KTLS_TLS_1_2, out, len, d->seq);
	count(d);
	return 0;
}

/* ---- receiving ------------------------------------------------------------------------------- */

/* The header says one whole record of a kind that is protected. */
static int check_header(const struct direction *d, const uint8_t *record, size_t record_len)
{
	bool is_1_3 = d->suite->version == KTLS_TLS_1_3;
	struct reader r, body;
	uint16_t version;
	uint8_t type;

	reader_init(&r, record, record_len);
	if (!reader_u8(&r, &type) || !reader_u16(&r, &version) || !reader_vec16(&r, &body) ||
	    !reader_empty(&r))
		return -KTLS_R_MISUSE;
	if (body.left > (is_1_3 ? CIPHERTEXT_MAX_1_3 : CIPHERTEXT_MAX_1_2))
		return -KTLS_R_RECORD_TOO_LONG;
	if (is_1_3 ? type != TYPE_APPLICATION_DATA
		   : type < TYPE_CCS || type > TYPE_APPLICATION_DATA)
		return -KTLS_R_RECORD_TYPE;
	return 0;
}

static int open_record(struct direction *d, uint8_t *record, size_t record_len, uint8_t *type,
		       struct ktls_span *out)
{
	struct protection p = protection_of(d);
	int result = check_header(d, record, record_len);
	uint8_t *content, inner = record[0];
	size_t len;

	if (result < 0)
		return result;
	if (d->seq == UINT64_MAX)
		return -KTLS_R_KEY_EXHAUSTED;
	if (!protection_open(&p, record, record_len - PROTECT_HEADER, d->seq, &content, &len))
		return -KTLS_R_RECORD_MAC;
	if (len > KTLS_RECORD_CONTENT_MAX + (d->suite->version == KTLS_TLS_1_3))
		return -KTLS_R_RECORD_TOO_LONG;
	if (d->suite->version == KTLS_TLS_1_3)
		result = protection_strip(content, &len, &inner);
	if (result == 0 && len == 0 && inner != TYPE_APPLICATION_DATA)
		result = -KTLS_R_RECORD_EMPTY;
	if (result < 0)
		return result;
	count(d);
	*type = inner;
	*out = (struct ktls_span){ .bytes = content, .len = len };
	return 0;
}

int ktls_record_open(struct ktls_record_layer *layer, uint8_t *record, size_t record_len,
		     uint8_t *type, struct ktls_span *content)
{
	struct direction *d = &records_of(layer)->rx;
	int result;

	if (!d->suite || record_len < PROTECT_HEADER)
		return -KTLS_R_MISUSE;
	result = open_record(d, record, record_len, type, content);
	if (result < 0 && result != -KTLS_R_MISUSE)
		d->suite = NULL;
	return result;
}
