/* SPDX-License-Identifier: MIT */
/* Exporters, RFC 9846 7.5 and RFC 5705, and the channel binding tls-exporter, RFC 9266. */
#include <ktls-secrets.h>
#include <string.h>

#include "lib/crypto/prf.h"
#include "lib/crypto/util.h"
#include "lib/handshake/schedule.h"
#include "lib/wire/writer.h"

/* What TLS itself makes of the master secret: RFC 5705, 4; RFC 7627, 4. */
static const char *const reserved[] = {
	"client finished", "server finished",        "master secret",
	"key expansion",   "extended master secret",
};

static bool label_valid(const char *label)
{
	size_t len = strlen(label);

	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		if (strcmp(label, reserved[i]) == 0)
			return false;
	return len <= KTLS_EXPORT_LABEL_MAX;
}

static void export_1_3(const struct ktls_secrets *secrets, enum hash_alg alg, const char *label,
		       const uint8_t *context, size_t context_len, uint8_t *out, size_t len)
{
	uint8_t secret[HASH_MAX], hash[HASH_MAX];
	size_t size = hash_size(alg);

	hash_bytes(alg, NULL, 0, hash);
	schedule_expand_label(alg, secrets->exporter, label, hash, size, secret, size);
	hash_bytes(alg, context, context_len, hash);
	schedule_expand_label(alg, secret, "exporter", hash, size, out, len);
	secret_wipe(secret, sizeof(secret));
}

static void export_1_2(const struct ktls_secrets *secrets, enum hash_alg alg, const char *label,
		       const uint8_t *context, size_t context_len, uint8_t *out, size_t len)
{
	uint8_t seed[32 + 32 + 2 + KTLS_EXPORT_CONTEXT_MAX];
	struct writer w;

	writer_init(&w, seed, sizeof(seed));
	writer_bytes(&w, secrets->client_random, sizeof(secrets->client_random));
	writer_bytes(&w, secrets->server_random, sizeof(secrets->server_random));
	if (context)
		writer_vec(&w, 2, context, context_len);
	prf(alg, secrets->exporter, KTLS_ENGINE_MASTER_LEN, label, seed, w.len, out, len);
}

int ktls_secrets_export(const struct ktls_secrets *secrets, const char *label,
			const uint8_t *context, size_t context_len, uint8_t *out, size_t len)
{
	const struct suite *suite = suite_find(secrets->suite);

	if (!suite || suite->version != secrets->version || !label_valid(label) || len == 0 ||
	    len > KTLS_EXPORT_MAX || context_len > KTLS_EXPORT_CONTEXT_MAX ||
	    (!context && context_len > 0))
		return -KTLS_R_MISUSE;
	if (suite->version == KTLS_TLS_1_2 && !secrets->extended_master)
		return -KTLS_R_MASTER_SECRET;
	if (suite->version == KTLS_TLS_1_2)
		export_1_2(secrets, suite->hash, label, context, context_len, out, len);
	else
		export_1_3(secrets, suite->hash, label, context, context_len, out, len);
	return 0;
}

int ktls_secrets_channel_binding(const struct ktls_secrets *secrets,
				 uint8_t out[static KTLS_CHANNEL_BINDING_LEN])
{
	/* An empty context, not none: RFC 9266, 2. */
	return ktls_secrets_export(secrets, "EXPORTER-Channel-Binding", (const uint8_t *)"", 0, out,
				   KTLS_CHANNEL_BINDING_LEN);
}
