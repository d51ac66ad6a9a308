/* SPDX-License-Identifier: MIT */
/* Certificates in "ktlsctl explain": ours, whom we trust, and what the peer's are worth. */
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/explain.h"

#include "lib/crypto/util.h"
#include "lib/x509/temporary.h"

#define FILE_MAX (4 * 1024 * 1024)

/* ---- loading --------------------------------------------------------------------------------- */

/* NULL with errno set. */
static char *read_file(const char *path, size_t *len)
{
	FILE *file = fopen(path, "re");
	char *bytes = NULL;

	if (!file)
		return NULL;
	bytes = malloc(FILE_MAX);
	if (bytes) {
		*len = fread(bytes, 1, FILE_MAX, file);
		if (ferror(file) || *len == FILE_MAX) {
			free(bytes);
			bytes = NULL;
			errno = errno ? errno : EFBIG;
		}
	}
	fclose(file);
	return bytes;
}

static char *must_read(const char *path, size_t *len)
{
	char *bytes = read_file(path, len);

	if (!bytes)
		err(2, "%s", path);
	return bytes;
}

static void put_identity(struct explain_credentials *c, const char *cert, size_t cert_len,
			 const char *key, size_t key_len, const struct explain_options *o)
{
	struct x509_error error = { .text = "" };

	c->identity = x509_identity_new(cert, cert_len, &error);
	if (!c->identity)
		errx(2, "%s: %s", o->cert_file ? o->cert_file : "certificate", error.text);
	c->key = x509_key_new(key, key_len, &error);
	if (!c->key)
		errx(2, "%s: %s", o->key_file ? o->key_file : "key", error.text);
	if (!x509_key_fits(c->key, c->identity))
		errx(2, "%s is not the key of %s", o->key_file, o->cert_file);
}

static void load_identity(const struct explain_options *o, struct explain_credentials *c)
{
	size_t cert_len, key_len;
	char *cert = must_read(o->cert_file, &cert_len);
	char *key = must_read(o->key_file, &key_len);

	put_identity(c, cert, cert_len, key, key_len, o);
	secret_wipe(key, key_len);
	free(key);
	free(cert);
}

/* For whoever may come to this machine by the usual names. */
static void make_identity(const struct explain_options *o, struct explain_credentials *c)
{
	const char *names[] = { "localhost", "127.0.0.1", "::1", NULL };
	struct x509_temporary made;
	char host[256] = "";
	bool good = false;

	if (gethostname(host, sizeof(host) - 1) == 0 && *host) {
		names[3] = host;
		good = x509_temporary_make(names, 4, &made);
	}
	if (!good && !x509_temporary_make(names, 3, &made))
		errx(2, "cannot make a certificate");
	put_identity(c, made.cert, made.cert_len, made.key, made.key_len, o);
	c->temporary = true;
	x509_temporary_free(&made);
}

static bool load_trust(const char *path, struct explain_credentials *c)
{
	struct x509_error error = { .text = "" };
	size_t len;
	char *pem = read_file(path, &len);

	if (!pem)
		return false;
	c->trust = x509_trust_new(pem, len, &error);
	free(pem);
	if (!c->trust)
		errx(2, "%s: %s", path, error.text);
	c->trust_name = path;
	return true;
}

/* Where distributions keep the certificates that their programs trust. */
static void load_system_trust(struct explain_credentials *c)
{
	static const char *const places[] = {
		"/etc/ssl/certs/ca-certificates.crt",
		"/etc/pki/tls/certs/ca-bundle.crt",
		"/etc/ssl/ca-bundle.pem",
		"/etc/ssl/cert.pem",
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (load_trust(places[i], c))
			return;
}

bool explain_credentials_load(const struct explain_options *o, struct explain_credentials *out)
{
	*out = (struct explain_credentials){ .trust_name = "no trusted certificates" };
	if (o->cert_file)
		load_identity(o, out);
	else if (o->role == KTLS_SERVER)
		make_identity(o, out);
	if (o->ca_file && !load_trust(o->ca_file, out))
		err(2, "%s", o->ca_file);
	if (!o->ca_file && o->role == KTLS_CLIENT)
		load_system_trust(out);
	return true;
}

void explain_credentials_free(struct explain_credentials *c)
{
	x509_identity_free(c->identity);
	x509_key_free(c->key);
	x509_trust_free(c->trust);
}

/* ---- operations ------------------------------------------------------------------------------ */

static int choose(void *arg, const struct ktls_engine_hello *hello,
		  struct ktls_engine_choice *choice)
{
	const struct explain *x = arg;
	const struct x509_identity *identity = x->credentials->identity, *chosen;
	int result;

	if (!identity)
		return -KTLS_R_SCHEMES_NONE_SHARED;
	result = x509_identity_choose(&identity, 1, hello, false, &chosen, &choice->scheme);
	if (result < 0)
		return result;
	choice->credential = x->credentials->key;
	choice->chain = identity->chain;
	choice->chain_len = identity->chain_len;
	return 0;
}

static int sign(void *arg, const struct ktls_engine_sign *request, uint8_t *signature,
		size_t *signature_len)
{
	const struct explain *x = arg;
	uint8_t scratch[KTLS_ENGINE_CONTENT_MAX];
	struct ktls_span content = ktls_engine_sign_content(request, scratch);

	return x509_key_sign(x->credentials->key, request->version, request->scheme, content.bytes,
			     content.len, signature, signature_len);
}

static int decrypt_master(void *arg, const struct ktls_engine_decrypt *request,
			  uint8_t master[KTLS_ENGINE_MASTER_LEN])
{
	const struct explain *x = arg;

	return x509_key_decrypt_master(x->credentials->key, request, master);
}

static int encrypt(void *arg, const uint8_t *plain, size_t plain_len, uint8_t *encrypted,
		   size_t *encrypted_len)
{
	const struct explain *x = arg;

	return x509_peer_encrypt(x->peer, plain, plain_len, encrypted, encrypted_len);
}

static int check_chain(struct explain *x, const struct ktls_span *certs, size_t certs_len)
{
	enum ktls_role peer = x->options->role == KTLS_CLIENT ? KTLS_SERVER : KTLS_CLIENT;
	const char *name = peer == KTLS_SERVER && *x->options->name ? x->options->name : NULL;

	if (!x->credentials->trust) {
		snprintf(x->checked_error.text, sizeof(x->checked_error.text),
			 "there is nobody whom we trust: no CA file");
		return -KTLS_R_CERTIFICATE_UNKNOWN_CA;
	}
	return x509_peer_verify_chain(x->credentials->trust, certs, certs_len, peer, name,
				      time(NULL), &x->peer, &x->checked_error);
}

static int verify_chain(void *arg, const struct ktls_span *certs, size_t certs_len)
{
	struct explain *x = arg;
	int result;

	x->peer_chain = true;
	x509_peer_free(x->peer);
	x->peer = NULL;
	result = check_chain(x, certs, certs_len);
	x->checked = (enum ktls_reason) - result;
	if (result == 0 || !x->options->insecure || certs_len == 0)
		return result;
	/* To go on and look, all that is needed is the key. */
	return x509_peer_unchecked(&certs[0], &x->peer);
}

static int verify_signature(void *arg, uint16_t scheme, const uint8_t *content, size_t content_len,
			    const uint8_t *signature, size_t signature_len)
{
	const struct explain *x = arg;

	return x509_peer_verify_signature(x->peer, ktls_engine_facts(&x->engine)->version, scheme,
					  content, content_len, signature, signature_len);
}

void explain_auth_ops(struct explain *x)
{
	x->ops.choose = choose;
	x->ops.sign = sign;
	x->ops.decrypt_master = decrypt_master;
	x->ops.encrypt = encrypt;
	x->ops.verify_chain = verify_chain;
	x->ops.verify_signature = verify_signature;
}
