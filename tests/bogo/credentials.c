/* SPDX-License-Identifier: MIT */
#include "tests/bogo/credentials.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FILE_MAX (256 * 1024)

/* The file's bytes, to be freed. */
static char *read_file(const char *name, size_t *len)
{
	char *bytes = malloc(FILE_MAX);
	FILE *f = fopen(name, "re");

	if (bytes == NULL || f == NULL)
		err(1, "%s", name);
	*len = fread(bytes, 1, FILE_MAX, f);
	if (ferror(f) || *len == FILE_MAX)
		errx(1, "%s: cannot be read, or too long", name);
	fclose(f);
	return bytes;
}

static struct x509_identity *load_identity(const char *name)
{
	struct x509_error error;
	struct x509_identity *identity;
	size_t len;
	char *pem = read_file(name, &len);

	identity = x509_identity_new(pem, len, &error);
	if (identity == NULL)
		errx(1, "%s: %s", name, error.text);
	free(pem);
	return identity;
}

static struct x509_key *load_key(const char *name)
{
	struct x509_error error;
	struct x509_key *key;
	size_t len;
	char *pem = read_file(name, &len);

	key = x509_key_new(pem, len, &error);
	if (key == NULL)
		errx(1, "%s: %s", name, error.text);
	free(pem);
	return key;
}

static struct x509_trust *load_trust(const char *name)
{
	struct x509_error error;
	struct x509_trust *trust;
	size_t len;
	char *pem = read_file(name, &len);

	trust = x509_trust_new(pem, len, &error);
	if (trust == NULL)
		errx(1, "%s: %s", name, error.text);
	free(pem);
	return trust;
}

/* Leaves those of the key's schemes that the list has. */
static void limit_schemes(struct x509_identity *identity, const struct list *list)
{
	size_t n = 0;

	if (list->len == 0)
		return;
	for (size_t i = 0; i < identity->schemes_len; i++)
		if (list_has(list, identity->schemes[i]))
			identity->schemes[n++] = identity->schemes[i];
	identity->schemes_len = n;
}

void credentials_load(struct credentials *c, const struct flags *flags)
{
	memset(c, 0, sizeof(*c));
	c->flags = flags;
	for (size_t i = 0; i <= flags->credentials_len; i++) {
		const struct credential_flags *credential = &flags->credentials[i];

		if (credential->cert_file == NULL || credential->key_file == NULL)
			continue;
		c->identities[i] = load_identity(credential->cert_file);
		c->keys[i] = load_key(credential->key_file);
		limit_schemes(c->identities[i], &credential->schemes);
	}
	/* Some of the runner's certificates have no issuer. */
	if (flags->trust_file != NULL && flags->trust_file[0] != '\0')
		c->trust = load_trust(flags->trust_file);
	if (flags->expect_chain_file != NULL)
		c->expected_chain = load_identity(flags->expect_chain_file);
}

void credentials_free(struct credentials *c)
{
	for (size_t i = 0; i <= CREDENTIALS_MAX; i++) {
		x509_identity_free(c->identities[i]);
		x509_key_free(c->keys[i]);
	}
	x509_trust_free(c->trust);
	x509_identity_free(c->expected_chain);
	x509_peer_free(c->peer);
	memset(c, 0, sizeof(*c));
}

/* The runner wants [0] considered last. */
static size_t place(size_t i)
{
	return (i + 1) % (1 + CREDENTIALS_MAX);
}

int credentials_choose(struct credentials *c, const struct ktls_engine_hello *hello,
		       struct ktls_engine_choice *choice)
{
	const struct x509_identity *list[1 + CREDENTIALS_MAX], *identity;
	size_t n = 0;
	int result;

	if (c->flags->fail_choice)
		return -KTLS_R_INTERNAL;
	for (size_t i = 0; i <= CREDENTIALS_MAX; i++)
		if (c->identities[place(i)] != NULL)
			list[n++] = c->identities[place(i)];
	if (n == 0)
		return -KTLS_R_SCHEMES_NONE_SHARED;
	result = x509_identity_choose(list, n, hello, false, &identity, &choice->scheme);
	if (result < 0)
		return result;
	while (c->identities[c->chosen] != identity)
		c->chosen = place(c->chosen);
	choice->credential = c->keys[c->chosen];
	choice->chain = identity->chain;
	choice->chain_len = identity->chain_len;
	return 0;
}

int credentials_sign(const struct ktls_engine_sign *request, uint8_t *signature,
		     size_t *signature_len)
{
	uint8_t scratch[KTLS_ENGINE_CONTENT_MAX];
	struct ktls_span content = ktls_engine_sign_content(request, scratch);

	if (content.len == 0)
		return -KTLS_R_MISUSE;
	return x509_key_sign((struct x509_key *)(uintptr_t)request->credential, request->version,
			     request->scheme, content.bytes, content.len, signature, signature_len);
}

static bool same_chain(const struct x509_identity *expected, const struct ktls_span *certs,
		       size_t n)
{
	if (expected->chain_len != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (expected->chain[i].len != certs[i].len ||
		    memcmp(expected->chain[i].bytes, certs[i].bytes, certs[i].len) != 0)
			return false;
	return true;
}

int credentials_verify_chain(struct credentials *c, const struct ktls_span *certs, size_t n)
{
	struct x509_error error = { .text = "" };
	int result;

	c->chain_seen = true;
	c->chain_differs = c->expected_chain != NULL && !same_chain(c->expected_chain, certs, n);
	if (c->flags->verify_fail)
		return -KTLS_R_CERTIFICATE_OTHER;
	if (c->trust == NULL)
		return -KTLS_R_CERTIFICATE_UNKNOWN_CA;
	x509_peer_free(c->peer);
	c->peer = NULL;
	result = x509_peer_verify_chain(c->trust, certs, n,
					c->flags->server ? KTLS_CLIENT : KTLS_SERVER, NULL,
					time(NULL), &c->peer, &error);
	if (result < 0)
		warnx("%s", error.text);
	return result;
}

int credentials_verify_signature(struct credentials *c, uint16_t version, uint16_t scheme,
				 const uint8_t *content, size_t content_len,
				 const uint8_t *signature, size_t signature_len)
{
	return x509_peer_verify_signature(c->peer, version, scheme, content, content_len, signature,
					  signature_len);
}
