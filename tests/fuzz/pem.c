/* SPDX-License-Identifier: MIT */
/*
 * Files of certificates and keys, as the configuration names them. Input: the file.
 *
 * What must hold: a refusal says why, in one line; the line that it blames is one of the file's;
 * what was accepted keeps the limits of its header; nothing stays in libcrypto's error queue.
 */
#include <string.h>

#include <openssl/err.h>

#include "lib/x509/identity.h"
#include "lib/x509/key.h"
#include "lib/x509/trust.h"
#include "tests/fuzz/fuzz.h"

static void check_error(const struct x509_error *err, const uint8_t *data, size_t size)
{
	unsigned int lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	FUZZ_CHECK(memchr(err->text, '\0', sizeof(err->text)) != NULL);
	FUZZ_CHECK(err->text[0] != '\0' && !strchr(err->text, '\n'));
	FUZZ_CHECK(err->line <= lines);
	FUZZ_CHECK(ERR_peek_error() == 0);
}

static void check_identity(const uint8_t *data, size_t size)
{
	struct x509_error err = { .text = "" };
	struct x509_identity *identity = x509_identity_new(data, size, &err);
	size_t total = 0;

	if (!identity) {
		check_error(&err, data, size);
		return;
	}
	FUZZ_CHECK(identity->chain_len >= 1 && identity->chain_len <= KTLS_ENGINE_CERTS_MAX);
	for (size_t i = 0; i < identity->chain_len; i++)
		total += identity->chain[i].len;
	FUZZ_CHECK(total < KTLS_ENGINE_CHAIN_MAX);
	FUZZ_CHECK(identity->schemes_len >= 1);
	x509_identity_free(identity);
}

static void check_trust(const uint8_t *data, size_t size)
{
	struct x509_error err = { .text = "" };
	struct x509_trust *trust = x509_trust_new(data, size, &err);

	if (!trust || err.text[0] != '\0')
		check_error(&err, data, size);
	if (trust)
		FUZZ_CHECK(x509_trust_count(trust) > 0);
	x509_trust_free(trust);
}

static void check_key(const uint8_t *data, size_t size)
{
	struct x509_error err = { .text = "" };
	struct x509_key *key = x509_key_new(data, size, &err);

	if (!key)
		check_error(&err, data, size);
	x509_key_free(key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_identity(data, size);
	check_trust(data, size);
	check_key(data, size);
	FUZZ_CHECK(ERR_peek_error() == 0);
	return 0;
}
