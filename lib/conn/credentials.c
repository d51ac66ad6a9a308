/* SPDX-License-Identifier: MIT */
#include "lib/conn/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/conn/own_tickets.h"
#include "lib/crypto/util.h"
#include "lib/x509/identity.h"
#include "lib/x509/key.h"
#include "lib/x509/trust.h"

#define TICKETS 2 /* for a client, after a handshake */
#define FILE_MAX                                                                         \
	(8 << 20) /* bytes: a system's bundle of certificates is a quarter of a megabyte \
		   */

/* ---- files ----------------------------------------------------------------------------------- */

/* PEM on its way to the parser: read from a file, or the caller's. */
struct pem {
	const char *name; /* for messages */
	const uint8_t *bytes;
	size_t len;
	uint8_t *owned; /* to be wiped and freed; NULL: the bytes are the caller's */
};

static bool fail(struct ktls_error *error, enum ktls_reason reason, int number, const char *name,
		 const char *text)
{
	char message[128];

	error->reason = reason;
	error->error = number;
	if (number != 0)
		text = strerror_r(number, message, sizeof(message));
	snprintf(error->text, sizeof(error->text), "%.100s: %.150s", name, text);
	return false;
}

/* Reads to the end or to cap bytes; returns the number, or -1 with errno. */
static ssize_t read_all(int fd, uint8_t *buf, size_t cap)
{
	size_t len = 0;
	ssize_t n = 1;

	while (len < cap && n > 0) {
		n = read(fd, buf + len, cap - len);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			len += (size_t)n;
	}
	return n < 0 ? -1 : (ssize_t)len;
}

static void pem_close(struct pem *pem)
{
	if (pem->owned)
		secret_wipe(pem->owned, pem->len);
	free(pem->owned);
	pem->owned = NULL;
}

static bool pem_read(int fd, struct pem *pem, struct ktls_error *error)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return fail(error, KTLS_R_MISUSE, errno, pem->name, NULL);
	if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX)
		return fail(error, KTLS_R_MISUSE, 0, pem->name, "not a file of a sensible size");
	pem->len = (size_t)st.st_size;
	pem->owned = malloc(pem->len + 1);
	if (!pem->owned)
		return fail(error, KTLS_R_NO_MEMORY, ENOMEM, pem->name, NULL);
	n = read_all(fd, pem->owned, pem->len);
	if (n < 0) {
		pem_close(pem);
		return fail(error, KTLS_R_MISUSE, errno, pem->name, NULL);
	}
	pem->len = (size_t)n;
	pem->bytes = pem->owned;
	return true;
}

static bool pem_open(const char *file, const struct ktls_span *memory, const char *what,
		     struct pem *pem, struct ktls_error *error)
{
	bool read;
	int fd;

	*pem = (struct pem){ .name = file ? file : what,
			     .bytes = memory->bytes,
			     .len = memory->len };
	if (memory->bytes)
		return true;
	if (!file)
		return fail(error, KTLS_R_MISUSE, 0, what, "neither a file nor bytes");
	fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return fail(error, KTLS_R_MISUSE, errno, file, NULL);
	read = pem_read(fd, pem, error);
	close(fd);
	return read;
}

/* ---- what is in them ------------------------------------------------------------------------- */

static struct x509_identity *load_identity(const struct ktls_embedded_identity *from,
					   struct ktls_error *error)
{
	struct x509_identity *identity;
	struct x509_error why;
	struct pem pem;

	if (!pem_open(from->certs_file, &from->certs, "certificate", &pem, error))
		return NULL;
	identity = x509_identity_new(pem.bytes, pem.len, &why);
	if (!identity)
		fail(error, KTLS_R_MISUSE, 0, pem.name, why.text);
	pem_close(&pem);
	return identity;
}

static struct x509_key *load_key(const struct ktls_embedded_identity *from,
				 const struct x509_identity *identity, struct ktls_error *error)
{
	struct x509_error why;
	struct x509_key *key;
	struct pem pem;

	if (!pem_open(from->key_file, &from->key, "key", &pem, error))
		return NULL;
	key = x509_key_new(pem.bytes, pem.len, &why);
	if (!key) {
		fail(error, KTLS_R_MISUSE, 0, pem.name, why.text);
	} else if (!x509_key_fits(key, identity)) {
		fail(error, KTLS_R_MISUSE, 0, pem.name, "not the key of the certificate");
		x509_key_free(key);
		key = NULL;
	}
	pem_close(&pem);
	return key;
}

static bool load_identities(const struct ktls_embedded_config *config, struct credentials *c,
			    struct ktls_error *error)
{
	size_t n = config->identities_len;

	if (n == 0)
		return true;
	c->identities = calloc(n, sizeof(*c->identities));
	c->keys = calloc(n, sizeof(*c->keys));
	if (!c->identities || !c->keys)
		return fail(error, KTLS_R_NO_MEMORY, ENOMEM, "certificates", NULL);
	for (c->len = 0; c->len < n; c->len++) {
		c->identities[c->len] = load_identity(&config->identities[c->len], error);
		if (!c->identities[c->len])
			return false;
		c->keys[c->len] =
			load_key(&config->identities[c->len], c->identities[c->len], error);
		if (!c->keys[c->len]) {
			x509_identity_free(c->identities[c->len]);
			return false;
		}
	}
	return true;
}

_Static_assert((int)KTLS_CRL_CHAIN == (int)X509_CRL_CHAIN, "the same words");
_Static_assert(X509_PIN_LEN == 32, "as the header says");

static void close_crls(struct pem *crls, size_t n)
{
	for (size_t i = 0; i < n; i++)
		pem_close(&crls[i]);
}

/* Opens the files of revocation lists; their number, or -1 with error written. */
static int open_crls(const char *const *files, struct pem crls[static KTLS_CRL_FILES_MAX],
		     struct ktls_error *error)
{
	const struct ktls_span none = { 0 };
	int n = 0;

	for (; files && files[n]; n++) {
		if (n == KTLS_CRL_FILES_MAX)
			fail(error, KTLS_R_MISUSE, 0, files[n], "too many revocation lists");
		if (n == KTLS_CRL_FILES_MAX || !pem_open(files[n], &none, "", &crls[n], error)) {
			close_crls(crls, (size_t)n);
			return -1;
		}
	}
	return n;
}

static struct x509_trust *make_trust(const struct ktls_embedded_config *config,
				     const struct pem *anchors, struct ktls_error *error)
{
	struct x509_trust_spec spec = {
		.anchors = { anchors->bytes, anchors->len },
		.crl_check = (enum x509_crl_check)config->crl_check,
		.pins = config->pins,
		.pins_len = config->pins_len,
	};
	struct pem crls[KTLS_CRL_FILES_MAX];
	struct ktls_span spans[KTLS_CRL_FILES_MAX];
	struct x509_trust *trust;
	struct x509_error why;
	int n = open_crls(config->crl_files, crls, error);

	if (n < 0)
		return NULL;
	for (int i = 0; i < n; i++)
		spans[i] = (struct ktls_span){ crls[i].bytes, crls[i].len };
	spec.crls = spans;
	spec.crls_len = (size_t)n;
	trust = x509_trust_make(&spec, &why);
	if (!trust)
		fail(error, KTLS_R_MISUSE, 0, anchors->name, why.text);
	close_crls(crls, (size_t)n);
	return trust;
}

static bool load_trust(const struct ktls_embedded_config *config, struct credentials *c,
		       struct ktls_error *error)
{
	struct pem anchors = { .name = "trust" };

	if (!config->trust_file && !config->trust.bytes && config->pins_len == 0 &&
	    !config->crl_files)
		return true;
	if ((config->trust_file || config->trust.bytes) &&
	    !pem_open(config->trust_file, &config->trust, "trust", &anchors, error))
		return false;
	c->trust = make_trust(config, &anchors, error);
	pem_close(&anchors);
	return c->trust != NULL;
}

/* ---- signatures ------------------------------------------------------------------------------ */

static int sign(void *arg, const struct conn_sign *request, uint8_t *signature,
		size_t *signature_len)
{
	const struct credentials *c = arg;
	uint8_t scratch[KTLS_ENGINE_CONTENT_MAX];
	struct ktls_span content = ktls_engine_sign_content(request->what, scratch);

	if (content.len == 0)
		return -KTLS_R_MISUSE;
	return x509_key_sign(c->keys[request->identity], request->what->version,
			     request->what->scheme, content.bytes, content.len, signature,
			     signature_len);
}

static int seal(void *arg, const struct conn_ticket *request, uint8_t *ticket, size_t *ticket_len)
{
	const struct credentials *c = arg;

	return own_tickets_seal(c->tickets, request, ticket, ticket_len);
}

static int open_sealed(void *arg, const struct conn_ticket *request, uint8_t *content,
		       size_t *content_len)
{
	const struct credentials *c = arg;

	return own_tickets_open(c->tickets, request, content, content_len);
}

/* Both roles: a client's sessions are kept under the profile's name. */
static bool allow_resumption(struct credentials *c, struct ktls_error *error)
{
	c->tickets = own_tickets_new();
	if (!c->tickets)
		return fail(error, KTLS_R_NO_MEMORY, ENOMEM, "ticket keys", NULL);
	c->profile.name = "default";
	c->profile.tickets = TICKETS;
	c->profile.seal = seal;
	c->profile.open = open_sealed;
	return true;
}

static bool reserved_unused(const struct ktls_embedded_config *config)
{
	uintptr_t used = 0;

	for (size_t i = 0; i < sizeof(config->reserved) / sizeof(config->reserved[0]); i++)
		used |= config->reserved[i];
	for (size_t i = 0; i < config->identities_len; i++)
		for (size_t j = 0; j < 4; j++)
			used |= config->identities[i].reserved[j];
	return used == 0;
}

static bool versions_valid(const struct ktls_embedded_config *config)
{
	uint16_t min = config->version_min ? config->version_min : KTLS_TLS_1_3;
	uint16_t max = config->version_max ? config->version_max : KTLS_TLS_1_3;

	return min >= KTLS_TLS_1_2 && min <= max && max <= KTLS_TLS_1_3;
}

bool credentials_load(const struct ktls_embedded_config *config, struct credentials *out,
		      struct ktls_error *error)
{
	*out = (struct credentials){ 0 };
	if (!reserved_unused(config))
		return fail(error, KTLS_R_MISUSE, 0, "config", "a reserved field is not 0");
	if (!versions_valid(config))
		return fail(error, KTLS_R_MISUSE, 0, "config", "no range of TLS versions");
	if (config->records_per_key > 0 && config->records_per_key < KTLS_RECORDS_PER_KEY_MIN)
		return fail(error, KTLS_R_MISUSE, 0, "config", "records_per_key is too small");
	if ((unsigned int)config->crl_check > KTLS_CRL_CHAIN)
		return fail(error, KTLS_R_MISUSE, 0, "config", "crl_check has no such value");
	if (!load_identities(config, out, error) || !load_trust(config, out, error)) {
		credentials_wipe(out);
		return false;
	}
	out->profile = (struct conn_profile){
		.identities = (const struct x509_identity *const *)out->identities,
		.identities_len = out->len,
		.strict_server_name = config->strict_server_name,
		.version_min = config->version_min,
		.version_max = config->version_max,
		.client_auth = config->client_auth,
		.trust = out->trust,
		.client_trust = out->trust,
		.records_max = config->records_per_key,
		.sign = sign,
		.sign_arg = out,
	};
	conn_profile_seal(&out->profile);
	if (!config->no_resumption && !allow_resumption(out, error)) {
		credentials_wipe(out);
		return false;
	}
	return true;
}

void credentials_wipe(struct credentials *c)
{
	for (size_t i = 0; i < c->len; i++) {
		x509_identity_free(c->identities[i]);
		x509_key_free(c->keys[i]);
	}
	free(c->identities);
	free(c->keys);
	x509_trust_free(c->trust);
	own_tickets_free(c->tickets);
	*c = (struct credentials){ 0 };
}
