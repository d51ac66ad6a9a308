/* SPDX-License-Identifier: MIT */
#include "tests/harness/auth.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/harness/harness.h"

void auth_add(struct auth *auth, const struct cert *cert)
{
	struct x509_error err = { .text = "" };
	size_t len;
	char *pem = cert_chain_pem(cert, &len);

	ASSERT_LT(auth->n, AUTH_IDENTITIES);
	auth->identities[auth->n] = x509_identity_new(pem, len, &err);
	auth->keys[auth->n] = x509_key_new(cert->key_pem, cert->key_pem_len, &err);
	ASSERT_STREQ("", err.text);
	ASSERT_TRUE(x509_key_fits(auth->keys[auth->n], auth->identities[auth->n]));
	auth->n++;
	free(pem);
}

void auth_trust(struct auth *auth, const struct cert *ca)
{
	struct x509_error err = { .text = "" };

	auth->trust = x509_trust_new(ca->pem, ca->pem_len, &err);
	ASSERT_STREQ("", err.text);
}

static int choose(void *arg, const struct ktls_engine_hello *hello,
		  struct ktls_engine_choice *choice)
{
	struct auth *auth = ((struct engine_end *)arg)->auth;
	const struct x509_identity *identity;
	int result;

	if (auth->n == 0)
		return -KTLS_R_SCHEMES_NONE_SHARED;
	result = x509_identity_choose((const struct x509_identity *const *)auth->identities,
				      auth->n, hello, auth->strict, &identity, &choice->scheme);
	if (result < 0)
		return result;
	for (size_t i = 0; i < auth->n; i++)
		if (auth->identities[i] == identity)
			choice->credential = auth->keys[i];
	choice->chain = identity->chain;
	choice->chain_len = identity->chain_len;
	return 0;
}

static int sign(void *arg, const struct ktls_engine_sign *request, uint8_t *signature,
		size_t *signature_len)
{
	uint8_t scratch[KTLS_ENGINE_CONTENT_MAX];
	struct ktls_span content = ktls_engine_sign_content(request, scratch);

	(void)arg;
	return x509_key_sign((struct x509_key *)(uintptr_t)request->credential, request->version,
			     request->scheme, content.bytes, content.len, signature, signature_len);
}

static int decrypt_master(void *arg, const struct ktls_engine_decrypt *request,
			  uint8_t master[KTLS_ENGINE_MASTER_LEN])
{
	(void)arg;
	return x509_key_decrypt_master((struct x509_key *)(uintptr_t)request->credential, request,
				       master);
}

static int encrypt_premaster(void *arg, const uint8_t *plain, size_t plain_len, uint8_t *encrypted,
			     size_t *encrypted_len)
{
	const struct auth *auth = ((struct engine_end *)arg)->auth;

	return x509_peer_encrypt(auth->peer, plain, plain_len, encrypted, encrypted_len);
}

static int verify_chain(void *arg, const struct ktls_span *certs, size_t certs_len)
{
	const struct engine_end *end = arg;
	struct auth *auth = end->auth;
	enum ktls_role peer = end->config.role == KTLS_CLIENT ? KTLS_SERVER : KTLS_CLIENT;
	struct x509_error err;

	return x509_peer_verify_chain(auth->trust, certs, certs_len, peer, auth->name, time(NULL),
				      &auth->peer, &err);
}

static int verify_signature(void *arg, uint16_t scheme, const uint8_t *content, size_t content_len,
			    const uint8_t *signature, size_t signature_len)
{
	struct engine_end *end = arg;
	struct auth *auth = end->auth;

	return x509_peer_verify_signature(auth->peer, ktls_engine_facts(&end->engine)->version,
					  scheme, content, content_len, signature, signature_len);
}

void auth_attach(struct auth *auth, struct engine_end *end)
{
	end->auth = auth;
	end->ops.choose = choose;
	end->ops.sign = sign;
	end->ops.verify_chain = verify_chain;
	end->ops.verify_signature = verify_signature;
	end->ops.decrypt_master = decrypt_master;
	end->ops.encrypt = encrypt_premaster;
}

void auth_wipe(struct auth *auth)
{
	for (size_t i = 0; i < auth->n; i++) {
		x509_identity_free(auth->identities[i]);
		x509_key_free(auth->keys[i]);
	}
	x509_trust_free(auth->trust);
	x509_peer_free(auth->peer);
	memset(auth, 0, sizeof(*auth));
}
