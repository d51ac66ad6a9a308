/* SPDX-License-Identifier: MIT */
/* What came of the handshake: what was agreed and why, the certificate, the kernel, the verdict. */
#include <string.h>

#include <ktls.h>

#include "daemon/explain.h"

#include "lib/handshake/suite.h"
#include "lib/ktls/cipher.h"
#include "lib/ktls/probe.h"

static bool is_client(const struct explain *x)
{
	return x->options->role == KTLS_CLIENT;
}

static void agree(struct explain *x, const char *name, const char *value, const char *why)
{
	struct field *f = field_add(&x->trace, &x->trace.negotiated, name, "%s", value);

	if (why)
		field_add(&x->trace, f, "why", "%s", why);
}

/* ---- what was agreed ------------------------------------------------------------------------- */

/* Place of a number in a list, from 1; 0 where it is not there. */
static unsigned int place_in(struct reader list, unsigned int number)
{
	unsigned int place = 1;
	uint16_t item;

	for (; reader_u16(&list, &item); place++)
		if (item == number)
			return place;
	return 0;
}

static const char *why_version(const struct explain *x, uint16_t version)
{
	if (!is_client(x))
		return "the highest that both have";
	if (version == x->config.version_max)
		return "the highest that we offered";
	return "we offered a higher one too: the server does not have it, or may not use it";
}

static const char *why_suite(struct explain *x, uint16_t suite)
{
	unsigned int ours = 0, place = 0;
	const struct suite *row = suite_find(suite);
	struct reader theirs;

	for (size_t i = 0; row && i < x->config.suites_len; i++) {
		if (suite_find(x->config.suites[i])->version != row->version)
			continue;
		ours++;
		if (x->config.suites[i] == suite)
			place = ours;
	}
	if (is_client(x))
		return trace_text(&x->trace,
				  "the server's choice: number %u of the %u that we offered for "
				  "this version",
				  place, ours);
	if (!x->client_hello ||
	    !hello_suites(x->client_hello->bytes, x->client_hello->len, &theirs))
		return NULL;
	return trace_text(&x->trace,
			  "the first of ours that the client has too and our key can serve: "
			  "number %u of its %zu",
			  place_in(theirs, suite), theirs.left / 2);
}

static const char *why_group(const struct explain *x, const struct ktls_engine_facts *facts)
{
	if (facts->retried && is_client(x))
		return "the server asked for it by HelloRetryRequest, which cost a round trip";
	if (facts->retried)
		return "the client has it, but sent a share of none of ours: we had to ask for one";
	if (facts->version == KTLS_TLS_1_3)
		return is_client(x) ? "the group that we sent a share for, and the server took it"
				    : "the first of ours for which the client sent a share";
	return is_client(x) ? "the server's choice among the groups that we listed"
			    : "the first of ours that the client has too";
}

static void agree_on_scheme(struct explain *x, const struct ktls_engine_facts *facts)
{
	struct reader block, body, list;
	const char *why = NULL;

	if (facts->scheme == 0)
		return;
	if (x->client_hello &&
	    hello_extensions(x->client_hello->bytes, x->client_hello->len, &block) &&
	    extension_find(block, 13, &body) && reader_vec16(&body, &list))
		why = trace_text(&x->trace,
				 "by the key of the server's certificate; number %u of the %zu "
				 "that the client takes",
				 place_in(list, facts->scheme), list.left / 2);
	agree(x, "signature", name_text(&x->trace, NAMES_SCHEME, facts->scheme), why);
	if (facts->client_scheme != 0)
		agree(x, "client's signature",
		      name_text(&x->trace, NAMES_SCHEME, facts->client_scheme), NULL);
}

static void agree_on_alpn(struct explain *x, const struct ktls_engine_facts *facts)
{
	struct reader name;

	reader_init(&name, facts->alpn, facts->alpn_len);
	if (facts->alpn_len > 0)
		agree(x, "application protocol", trace_escape(&x->trace, name),
		      is_client(x) ? "the server's choice among those that we offered"
				   : "the first of ours that the client offers");
	else
		agree(x, "application protocol", "none",
		      x->config.alpn_len > 0 ? "the peer did not take up ALPN"
					     : "we have none to offer (--alpn)");
}

static void agree_on_name(struct explain *x, const struct ktls_engine_facts *facts)
{
	struct reader name;

	reader_init(&name, facts->server_name, strlen(facts->server_name));
	agree(x, "server name", name.left ? trace_escape(&x->trace, name) : "none",
	      name.left      ? "asked for by the client (SNI)"
	      : is_client(x) ? "an address is not sent as a name"
			     : "the client did not say for whom it comes");
}

static bool hello_has(const struct step *hello, uint16_t extension)
{
	struct reader block, body;

	return hello && hello_extensions(hello->bytes, hello->len, &block) &&
	       extension_find(block, extension, &body);
}

/* What only TLS 1.2 lets one do without. */
static void agree_on_1_2(struct explain *x)
{
	agree(x, "master secret", hello_has(x->server_hello, 23) ? "extended" : "NOT extended",
	      hello_has(x->server_hello, 23)
		      ? "bound to this handshake (RFC 7627)"
		      : "not bound to this handshake: ktlsd refuses that unless told otherwise "
			"(RFC 7627)");
	if (x->decoder.rsa_key_exchange)
		agree(x, "forward secrecy", "NONE",
		      "whoever gets the server's key one day can read what was recorded today");
}

static void negotiated(struct explain *x)
{
	const struct ktls_engine_facts *facts = ktls_engine_facts(&x->engine);

	if (!x->server_hello || facts->version == 0)
		return;
	agree(x, "version", name_text(&x->trace, NAMES_VERSION, facts->version),
	      why_version(x, facts->version));
	if (facts->suite != 0)
		agree(x, "cipher suite", name_text(&x->trace, NAMES_SUITE, facts->suite),
		      why_suite(x, facts->suite));
	if (facts->group != 0)
		agree(x, "key exchange", name_text(&x->trace, NAMES_GROUP, facts->group),
		      why_group(x, facts));
	else if (x->decoder.rsa_key_exchange)
		agree(x, "key exchange", "RSA", "the suite has no other");
	agree_on_scheme(x, facts);
	agree_on_name(x, facts);
	agree_on_alpn(x, facts);
	if (facts->version == KTLS_TLS_1_2)
		agree_on_1_2(x);
	if (facts->resumed)
		agree(x, "resumed", "yes", "no certificates were exchanged");
}

/* ---- the certificate ------------------------------------------------------------------------- */

static const char *what_for(const struct explain *x)
{
	struct reader name;

	if (!is_client(x))
		return "the client's";
	reader_init(&name, x->options->name, strlen(x->options->name));
	return name.left ? trace_text((struct trace *)&x->trace, "for %s",
				      trace_escape((struct trace *)&x->trace, name))
			 : "for any name";
}

static void certificate(struct explain *x)
{
	struct field *out = &x->trace.certificate;

	if (!x->peer_chain)
		return;
	if (x->checked == KTLS_OK)
		field_add(&x->trace, out, "verified", "yes, %s: it leads to a certificate of %s",
			  what_for(x), x->credentials->trust_name);
	else
		field_add(&x->trace, out, "verified", "NO, %s: %s", what_for(x),
			  ktls_reason_text((int)x->checked));
	if (x->checked_error.text[0])
		field_add(&x->trace, out, "detail", "%s", x->checked_error.text);
	if (x->checked == KTLS_OK)
		field_add(&x->trace, out, "not checked", "revocation");
}

/* ---- the kernel ------------------------------------------------------------------------------ */

static const char *kernel_cipher(struct explain *x, const struct ktls_probe *probe,
				 const struct cipher *cipher, uint16_t version)
{
	int v = version == KTLS_TLS_1_3;

	for (int i = 0; i < KTLS_PROBE_CIPHERS; i++) {
		const struct ktls_probe_cipher *row = &probe->ciphers[i];

		if (strcmp(row->name, cipher->name) != 0)
			continue;
		if (row->tx[v] == 0 && row->rx[v] == 0)
			return trace_text(&x->trace,
					  "can carry this connection: %s in %s, sending and "
					  "receiving",
					  cipher->name,
					  name_text(&x->trace, NAMES_VERSION, version));
		return trace_text(&x->trace, "cannot carry this connection: no %s in %s",
				  cipher->name, name_text(&x->trace, NAMES_VERSION, version));
	}
	return "cannot carry this connection";
}

static void kernel(struct explain *x)
{
	const struct ktls_engine_facts *facts = ktls_engine_facts(&x->engine);
	const struct cipher *cipher = cipher_of_suite(facts->version, facts->suite);
	struct ktls_probe probe;

	if (!cipher)
		return;
	ktls_probe(KTLS_PROBE_SUITES, &probe);
	if (probe.reason != KTLS_OK)
		x->trace.kernel = trace_text(&x->trace, "cannot carry this connection: %s",
					     ktls_reason_text((int)probe.reason));
	else
		x->trace.kernel = kernel_cipher(x, &probe, cipher, facts->version);
}

/* ---- the verdict ----------------------------------------------------------------------------- */

static void success(struct explain *x)
{
	const struct ktls_engine_facts *facts = ktls_engine_facts(&x->engine);
	struct verdict *v = &x->trace.verdict;
	unsigned int trips = x->trace.round_trips;
	bool doubtful = x->peer_chain && x->checked != KTLS_OK;

	v->good = true;
	v->headline = trace_text(&x->trace, "The handshake is complete: %s, %s",
				 name_text(&x->trace, NAMES_VERSION, facts->version),
				 name_text(&x->trace, NAMES_SUITE, facts->suite));
	v->why = trace_text(
		&x->trace, "It took %.1f ms and %u round trip%s, of which we computed for %.1f ms.",
		(double)x->trace.finished / 1000, trips, trips == 1 ? "" : "s",
		(double)x->trace.computed / 1000);
	if (!doubtful)
		return;
	v->headline = trace_text(&x->trace, "%s; but the peer may be anybody", v->headline);
	v->why = trace_text(&x->trace, "%s Its certificate does not verify: %s.", v->why,
			    ktls_reason_text((int)x->checked));
}

void explain_verdict(struct explain *x)
{
	bool refused = false;

	x->trace.verdict.advice.list = true;
	for (const struct step *s = x->trace.steps; s; s = s->next)
		refused = refused || (s->bad && !s->sent);
	negotiated(x);
	certificate(x);
	if (x->outcome == OUTCOME_DONE && !refused) {
		kernel(x);
		success(x);
	} else {
		explain_failure(x);
	}
}
