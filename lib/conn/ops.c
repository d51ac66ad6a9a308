/* SPDX-License-Identifier: MIT */
/* The engine's operations: key exchange from the library, certificates from lib/x509, signatures.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/conn/internal.h"
#include "lib/crypto/util.h"
#include "lib/wire/writer.h"
#include "lib/x509/identity.h"

static int op_random(void *arg, uint8_t *out, size_t len)
{
	(void)arg;
	return ktls_engine_default_ops.random(NULL, out, len);
}

static int op_generate(void *arg, uint16_t group, uint8_t *private_key, uint8_t *share)
{
	(void)arg;
	return ktls_engine_default_ops.generate(NULL, group, private_key, share);
}

static int op_agree(void *arg, uint16_t group, const uint8_t *private_key, const uint8_t *peer,
		    size_t peer_len, uint8_t *shared)
{
	(void)arg;
	return ktls_engine_default_ops.agree(NULL, group, private_key, peer, peer_len, shared);
}

/* ---- our own certificate --------------------------------------------------------------------- */

/*
 * A client's, which nobody asks for by name: the first that is for clients and whose key will do. A
 * server that is shown another one refuses it, and might do without.
 */
static int choose_for_client(const struct conn_profile *profile,
			     const struct ktls_engine_hello *hello,
			     const struct x509_identity **identity, uint16_t *scheme)
{
	int r = -KTLS_R_SCHEMES_NONE_SHARED;

	for (size_t i = 0; i < profile->identities_len && r < 0; i++) {
		if (profile->identities[i]->for_client)
			r = x509_identity_choose(&profile->identities[i], 1, hello, false, identity,
						 scheme);
	}
	return r;
}

static int op_choose(void *arg, const struct ktls_engine_hello *hello,
		     struct ktls_engine_choice *choice)
{
	struct conn *c = arg;
	const struct conn_profile *profile = c->profile;
	const struct x509_identity *identity;
	uint16_t scheme;
	int r;

	if (c->role == KTLS_CLIENT)
		r = choose_for_client(profile, hello, &identity, &scheme);
	else
		r = x509_identity_choose(profile->identities, profile->identities_len, hello,
					 profile->strict_server_name, &identity, &scheme);
	if (r < 0)
		return r;
	c->identity = identity;
	*choice = (struct ktls_engine_choice){ .credential = identity,
					       .scheme = scheme,
					       .chain = identity->chain,
					       .chain_len = identity->chain_len };
	return 0;
}

static size_t identity_index(const struct conn_profile *profile, const void *credential)
{
	size_t i = 0;

	while (i + 1 < profile->identities_len && profile->identities[i] != credential)
		i++;
	return i;
}

static int op_sign(void *arg, const struct ktls_engine_sign *request, uint8_t *signature,
		   size_t *signature_len)
{
	struct conn *c = arg;
	struct conn_sign sign = { .token = c->token,
				  .profile = c->profile,
				  .identity = identity_index(c->profile, request->credential),
				  .what = request };
	int r = c->profile->sign(c->profile->sign_arg, &sign, signature, signature_len);

	if (r == KTLS_ENGINE_PENDING)
		c->pending = (struct conn_pending){ CONN_SIGN, signature, signature_len };
	return r;
}

void conn_go_on(struct conn *c, int result)
{
	c->pending = (struct conn_pending){ .what = CONN_NOTHING };
	c->stage = CONN_HANDSHAKE;
	c->kick = true;
	ktls_engine_resume(&c->secrets->engine, result);
	conn_advance(c, 0);
}

static int op_decrypt_master(void *arg, const struct ktls_engine_decrypt *request, uint8_t *master)
{
	struct conn *c = arg;
	struct conn_decrypt decrypt = { .token = c->token,
					.profile = c->profile,
					.identity = identity_index(c->profile, request->credential),
					.what = request };
	int r;

	if (!c->profile->decrypt)
		return -KTLS_R_SIGNER;
	r = c->profile->decrypt(c->profile->sign_arg, &decrypt, master);
	if (r == KTLS_ENGINE_PENDING)
		c->pending = (struct conn_pending){ CONN_DECRYPT, master, NULL };
	return r;
}

/* Whether what came back can be what was asked for. */
static bool outcome_fits(const struct conn_pending *pending, size_t len)
{
	return pending->what == CONN_DECRYPT ? len == KTLS_ENGINE_MASTER_LEN
					     : len <= KTLS_ENGINE_SIGNATURE_MAX;
}

void conn_sign_done(struct conn_loop *loop, uint64_t token, int result, const uint8_t *signature,
		    size_t signature_len)
{
	struct conn *c = conn_loop_find(loop, token);

	if (!c || c->stage != CONN_WAIT ||
	    (c->pending.what != CONN_SIGN && c->pending.what != CONN_DECRYPT))
		return;
	if (result == 0 && !outcome_fits(&c->pending, signature_len))
		result = -KTLS_R_SIGNER;
	if (result == 0) {
		memcpy(c->pending.out, signature, signature_len);
		if (c->pending.out_len)
			*c->pending.out_len = signature_len;
	}
	conn_go_on(c, result);
}

/* ---- the peer's certificates ----------------------------------------------------------------- */

/* A chain that is bad is kept, too: whoever reads the result wants to see what was. */
static int op_verify_chain(void *arg, const struct ktls_span *certs, size_t certs_len)
{
	struct conn *c = arg;
	bool server = c->role == KTLS_SERVER;
	const struct x509_trust *trust = server ? c->profile->client_trust : c->profile->trust;
	struct x509_error err = { .text = "" };
	int r;

	r = x509_peer_verify_chain(trust, certs, certs_len, server ? KTLS_CLIENT : KTLS_SERVER,
				   c->server_name, time(NULL), &c->peer, &err);
	if (r == 0)
		return 0;
	memcpy(c->text, err.text, sizeof(c->text));
	c->chain = chain_new(certs, certs_len, 0);
	return c->chain ? r : -KTLS_R_NO_MEMORY;
}

static int op_verify_signature(void *arg, uint16_t scheme, const uint8_t *content,
			       size_t content_len, const uint8_t *signature, size_t signature_len)
{
	struct conn *c = arg;

	uint16_t version = ktls_engine_facts(&c->secrets->engine)->version;

	return x509_peer_verify_signature(c->peer, version, scheme, content, content_len, signature,
					  signature_len);
}

static int op_encrypt(void *arg, const uint8_t *plain, size_t plain_len, uint8_t *encrypted,
		      size_t *encrypted_len)
{
	const struct conn *c = arg;

	return x509_peer_encrypt(c->peer, plain, plain_len, encrypted, encrypted_len);
}

/* ---- secrets for debuggers ------------------------------------------------------------------- */

#define LINE_MAX_LEN 256 /* label, random and secret in hexadecimal, blanks, the end */

static void put_hex(struct writer *w, const uint8_t *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		writer_u8(w, (uint8_t)digits[bytes[i] >> 4]);
		writer_u8(w, (uint8_t)digits[bytes[i] & 15]);
	}
}

static void op_log_secret(void *arg, const char *label, const uint8_t client_random[32],
			  const uint8_t *secret, size_t secret_len)
{
	const struct conn_loop *loop = ((struct conn *)arg)->loop;
	char line[LINE_MAX_LEN];
	struct writer w;

	if (!loop->log)
		return;
	writer_init(&w, (uint8_t *)line, sizeof(line));
	writer_bytes(&w, label, strlen(label));
	writer_u8(&w, ' ');
	put_hex(&w, client_random, 32);
	writer_u8(&w, ' ');
	put_hex(&w, secret, secret_len);
	writer_u8(&w, '\n');
	if (writer_ok(&w))
		loop->log(loop->log_arg, line, w.len);
	secret_wipe(line, sizeof(line));
}

/* ---- memory ---------------------------------------------------------------------------------- */

static uint8_t *op_borrow(void *arg, size_t len)
{
	struct conn *c = arg;

	return pool_get(&c->loop->pool, len);
}

static void op_give_back(void *arg, uint8_t *buf)
{
	struct conn *c = arg;

	pool_put(&c->loop->pool, buf);
}

const struct ktls_engine_ops conn_engine_ops = {
	.random = op_random,
	.generate = op_generate,
	.agree = op_agree,
	.choose = op_choose,
	.sign = op_sign,
	.decrypt_master = op_decrypt_master,
	.encrypt = op_encrypt,
	.verify_chain = op_verify_chain,
	.verify_signature = op_verify_signature,
	.borrow = op_borrow,
	.give_back = op_give_back,
	.now = conn_op_now,
	.seal_ticket = conn_op_seal_ticket,
	.open_ticket = conn_op_open_ticket,
	.keep_session = conn_op_keep_session,
	.log_secret = op_log_secret,
};
