/* SPDX-License-Identifier: MIT */
/* What an engine of ours and libssl say to each other behind their handshake: data both ways,
 * keying material, new keys. */
#ifndef KTLS_TESTS_INTEROP_EXCHANGE_H
#define KTLS_TESTS_INTEROP_EXCHANGE_H

#include <ktls-secrets.h>
#include <openssl/ssl.h>
#include <string.h>

#include "lib/handshake/protect.h"
#include "tests/harness/engines.h"
#include "tests/harness/harness.h"

/* The record layer as the kernel would have it from the keys. */
struct direction {
	struct schedule schedule;
	struct traffic traffic;
};

static void start_direction(struct direction *d, const struct ktls_traffic_key *key)
{
	memset(d, 0, sizeof(*d));
	d->schedule.suite = suite_find(key->suite);
	d->traffic.on = true;
	memcpy(d->traffic.key, key->key, sizeof(key->key));
	memcpy(d->traffic.iv, key->iv, sizeof(key->iv));
	d->traffic.seq = key->seq[7];
	ASSERT_EQ(d->schedule.suite->version, key->version);
}

static void send_text(SSL *ssl, const struct ktls_traffic_key *key)
{
	struct direction d;
	uint8_t record[128], text[64];
	size_t len;

	start_direction(&d, key);
	memcpy(record + PROTECT_HEADER + protect_prefix(&d.schedule, &d.traffic), "from the engine",
	       15);
	len = protect_seal(&d.schedule, &d.traffic, 23, 0x0303, record, 15, d.traffic.seq);
	ASSERT_EQ((int)len, BIO_write(SSL_get_rbio(ssl), record, (int)len));
	ASSERT_EQ(15, SSL_read(ssl, text, sizeof(text)));
	EXPECT_MEMEQ("from the engine", text, 15);
}

/* wait: it is under way already. */
static void receive_text(SSL *ssl, const struct ktls_traffic_key *key, bool wait)
{
	struct direction d;
	uint8_t record[128], *content;
	size_t len;
	int n;

	start_direction(&d, key);
	if (!wait)
		ASSERT_EQ(11, SSL_write(ssl, "from libssl", 11));
	n = BIO_read(SSL_get_wbio(ssl), record, sizeof(record));
	ASSERT_GT(n, 5);
	ASSERT_TRUE(protect_open(&d.schedule, &d.traffic, record, (size_t)n - 5, &content, &len));
	ASSERT_EQ(key->version == KTLS_TLS_1_3 ? 12 : 11, len);
	EXPECT_MEMEQ("from libssl", content, 11);
}

/* With a context, with an empty one, with none. */
static void expect_same_exports(SSL *ssl, const struct ktls_secrets *secrets)
{
	static const char label[] = "EXPERIMENTAL interop";
	static const struct ktls_span contexts[] = { { (const uint8_t *)"context", 7 },
						     { (const uint8_t *)"", 0 },
						     { NULL, 0 } };
	uint8_t ours_out[77], theirs[77];

	for (size_t i = 0; i < 3; i++) {
		const struct ktls_span *c = &contexts[i];

		ASSERT_EQ(1, SSL_export_keying_material(ssl, theirs, sizeof(theirs), label,
							strlen(label), c->bytes, c->len,
							c->bytes != NULL));
		ASSERT_EQ(0, ktls_secrets_export(secrets, label, c->bytes, c->len, ours_out,
						 sizeof(ours_out)));
		EXPECT_MEMEQ(theirs, ours_out, sizeof(theirs));
	}
}

/* Ours, which asks for theirs: libssl answers before its next data. */
static void update_keys(SSL *ssl, struct ktls_secrets *secrets, const struct ktls_traffic_key *tx,
			const struct ktls_traffic_key *rx)
{
	uint8_t record[128], *content;
	struct ktls_traffic_key key;
	struct direction d;
	size_t len;
	bool request;
	int n;

	start_direction(&d, tx);
	d.traffic.seq++;
	ktls_secrets_build_key_update(true, record + PROTECT_HEADER);
	len = protect_seal(&d.schedule, &d.traffic, 22, 0x0303, record, KTLS_KEY_UPDATE_LEN,
			   d.traffic.seq);
	ASSERT_EQ((int)len, BIO_write(SSL_get_rbio(ssl), record, (int)len));
	ASSERT_EQ(0, ktls_secrets_key_update(secrets, KTLS_TX, &key));
	send_text(ssl, &key);
	ASSERT_EQ(11, SSL_write(ssl, "from libssl", 11));
	n = BIO_read(SSL_get_wbio(ssl), record,
		     PROTECT_HEADER + KTLS_KEY_UPDATE_LEN + 1 + AEAD_TAG);
	start_direction(&d, rx);
	d.traffic.seq++;
	ASSERT_GT(n, PROTECT_HEADER);
	ASSERT_TRUE(protect_open(&d.schedule, &d.traffic, record, (size_t)n - PROTECT_HEADER,
				 &content, &len));
	ASSERT_EQ(0, ktls_secrets_parse_key_update(content, len - 1, &request));
	EXPECT_FALSE(request);
	ASSERT_EQ(0, ktls_secrets_key_update(secrets, KTLS_RX, &key));
	receive_text(ssl, &key, true);
}

/* The first record each way, under the keys that we would give to the kernel. */
static inline void exchange_data(struct engine_end *end, SSL *ssl)
{
	struct ktls_traffic_key tx, rx;
	struct ktls_secrets secrets;

	ASSERT_EQ(0, ktls_engine_keys(&end->engine, &tx, &rx));
	/* TLS 1.2 counts its Finished; TLS 1.3 has new keys behind it, which tickets are under. */
	if (tx.version == KTLS_TLS_1_2) {
		EXPECT_EQ(1, tx.seq[7]);
		EXPECT_EQ(1, rx.seq[7]);
	} else {
		EXPECT_LE(tx.seq[7], end->config.tickets);
	}
	send_text(ssl, &tx);
	receive_text(ssl, &rx, false);
	ASSERT_EQ(0, ktls_engine_secrets(&end->engine, &secrets));
	expect_same_exports(ssl, &secrets);
	if (tx.version == KTLS_TLS_1_3)
		update_keys(ssl, &secrets, &tx, &rx);
}

/* RSA keys take long to make: once for all tests of a program. */
__attribute__((constructor)) static void share_rsa_keys(void)
{
	static const enum cert_key keys[] = { CERT_RSA2048, CERT_RSA3072, CERT_RSA4096,
					      CERT_RSA_PSS, CERT_RSA_PSS_SHA384 };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		cert_share_keys(keys[i], 1);
}

#endif
