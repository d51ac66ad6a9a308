/* SPDX-License-Identifier: MIT */
#include "tests/bench/ktls-bench/credentials.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crypto/util.h"
#include "tests/harness/certs.h"

static char *copy_of(const char *text, size_t len)
{
	char *copy = text ? malloc(len + 1) : NULL;

	if (!copy)
		return NULL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

void credentials_make(struct credentials *c, bool rsa)
{
	const enum cert_key type = rsa ? CERT_RSA2048 : CERT_P256;
	struct cert *root = cert_ca(CERT_P256, "ktls-bench");
	struct cert *leaf = cert_server(type, "DNS:" CREDENTIALS_NAME, root);

	*c = (struct credentials){
		.chain = cert_chain_pem(leaf, NULL),
		.key = copy_of(leaf->key_pem, leaf->key_pem_len),
		.trust = copy_of(root->pem, root->pem_len),
		.name = CREDENTIALS_NAME,
		.rsa = rsa,
	};
	cert_free(leaf);
	cert_free(root);
}

/* NULL without a path, or where that fails, with *good false. */
static char *read_text(const char *path, bool *good)
{
	char text[CREDENTIALS_PEM], *copy;
	FILE *file = path ? fopen(path, "re") : NULL;
	size_t len = file ? fread(text, 1, sizeof(text), file) : 0;

	if (!path)
		return NULL;
	copy = len > 0 && len < sizeof(text) ? copy_of(text, len) : NULL;
	secret_wipe(text, sizeof(text));
	if (file)
		fclose(file);
	if (!copy) {
		fprintf(stderr, "ktls-bench: %s: not to be read\n", path);
		*good = false;
	}
	return copy;
}

bool credentials_load(struct credentials *c, const char *chain, const char *key, const char *trust)
{
	bool good = true;

	c->chain = read_text(chain, &good);
	c->key = read_text(key, &good);
	c->trust = read_text(trust, &good);
	return good;
}

void credentials_wipe(struct credentials *c)
{
	if (c->key)
		secret_wipe(c->key, strlen(c->key));
	free(c->chain);
	free(c->key);
	free(c->trust);
	*c = (struct credentials){ .chain = NULL };
}

const char *loaded_init(struct loaded *loaded, const struct credentials *c)
{
	*loaded = (struct loaded){ .identity = NULL };
	if (c->chain) {
		loaded->identity = x509_identity_new(c->chain, strlen(c->chain), NULL);
		loaded->key = x509_key_new(c->key, strlen(c->key), NULL);
		if (!loaded->identity || !loaded->key)
			return "the server's certificate or key does not load";
	}
	if (c->trust) {
		loaded->trust = x509_trust_new(c->trust, strlen(c->trust), NULL);
		if (!loaded->trust)
			return "the trusted certificates do not load";
	}
	return NULL;
}

void loaded_wipe(struct loaded *loaded)
{
	x509_identity_free(loaded->identity);
	x509_key_free(loaded->key);
	x509_trust_free(loaded->trust);
	*loaded = (struct loaded){ .identity = NULL };
}
