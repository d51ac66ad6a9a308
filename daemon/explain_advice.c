/* SPDX-License-Identifier: MIT */
/* Why a handshake of "ktlsctl explain" failed, where, whose fault that is, and what mends it. */
#include <string.h>

#include "daemon/explain.h"

#include "lib/handshake/machine.h"
#include "lib/wire/reason.h"

struct advice {
	unsigned int number; /* a reason or an alert */
	enum fault fault;
	const char *todo[3];
};

/* What we found wrong with the peer. */
static const struct advice by_reason[] = {
	{ KTLS_R_NOT_TLS,
	  FAULT_UNKNOWN,
	  { "check the port: what listens there does not speak TLS",
	    "mail and directory servers begin in the clear on their usual ports (STARTTLS): use "
	    "the port that begins with TLS" } },
	{ KTLS_R_VERSION_UNSUPPORTED,
	  FAULT_UNKNOWN,
	  { "allow more versions: --tls 1.2-1.3",
	    "TLS 1.1 and older are not done here: the peer has to be updated" } },
	{ KTLS_R_LEGACY_VERSION,
	  FAULT_PEER,
	  { "the peer knows TLS 1.1 or older only: it has to be updated" } },
	{ KTLS_R_SUITES_NONE_SHARED,
	  FAULT_UNKNOWN,
	  { "leave --suites away, to allow all that there are",
	    "compare the lists in the hello with the peer's configuration" } },
	{ KTLS_R_GROUPS_NONE_SHARED,
	  FAULT_UNKNOWN,
	  { "leave --groups away", "allow x25519 or secp256r1 at the peer" } },
	{ KTLS_R_SCHEMES_NONE_SHARED,
	  FAULT_US,
	  { "give a certificate with a key of another type (--cert, --key): see "
	    "signature_algorithms in the hello" } },
	{ KTLS_R_ALPN_NONE_SHARED,
	  FAULT_UNKNOWN,
	  { "offer one of the protocols in the hello: --alpn" } },
	{ KTLS_R_DOWNGRADE,
	  FAULT_BETWEEN,
	  { "the server could do better and says so: look for a proxy or firewall on the way that "
	    "takes part in TLS" } },
	{ KTLS_R_FALLBACK,
	  FAULT_PEER,
	  { "the client tried a higher version before and failed: find out why" } },
	{ KTLS_R_RENEGOTIATION,
	  FAULT_PEER,
	  { "the peer is open to an attack of 2009 (RFC 5746): it has to be updated" } },
	{ KTLS_R_MASTER_SECRET,
	  FAULT_PEER,
	  { "the peer lacks extended_master_secret (RFC 7627): it has to be updated" } },
	{ KTLS_R_RECORD_MAC,
	  FAULT_BETWEEN,
	  { "somebody on the way changes bytes, or one of the ends has a bug: try from another "
	    "network" } },
	{ KTLS_R_FINISHED_MISMATCH,
	  FAULT_BETWEEN,
	  { "the two ends did not see the same messages: look for a device on the way that "
	    "changes them" } },
	{ KTLS_R_SIGNATURE_BAD,
	  FAULT_PEER,
	  { "the peer's key does not belong to its certificate: check what it was configured "
	    "with" } },
	{ KTLS_R_CERTIFICATE_REQUIRED,
	  FAULT_PEER,
	  { "give the client a certificate, or ask for one without requiring it: "
	    "--client-auth request" } },
	{ KTLS_R_CERTIFICATE_EXPIRED,
	  FAULT_PEER,
	  { "renew the certificate and have the server load it", "check the clock of this machine",
	    "--insecure goes on regardless" } },
	{ KTLS_R_CERTIFICATE_NOT_YET_VALID,
	  FAULT_UNKNOWN,
	  { "check the clock of this machine", "--insecure goes on regardless" } },
	{ KTLS_R_CERTIFICATE_UNKNOWN_CA,
	  FAULT_UNKNOWN,
	  { "if a CA of your own issued it, name its certificate: --ca FILE",
	    "--insecure goes on regardless" } },
	{ KTLS_R_CERTIFICATE_SELF_SIGNED,
	  FAULT_UNKNOWN,
	  { "trust this one certificate, if you got it from its owner: --ca FILE",
	    "have a CA issue one", "--insecure goes on regardless" } },
	{ KTLS_R_CERTIFICATE_REVOKED,
	  FAULT_PEER,
	  { "do not go on: the CA took the certificate back" } },
	{ KTLS_R_CERTIFICATE_NAME,
	  FAULT_UNKNOWN,
	  { "connect by a name that the certificate has, or say which one you mean: --name NAME",
	    "if the name is right, have it added to the certificate's subjectAltName" } },
	{ KTLS_R_CERTIFICATE_USAGE,
	  FAULT_PEER,
	  { "the certificate is for another purpose: have one issued for TLS servers "
	    "(serverAuth, digitalSignature) or clients (clientAuth)" } },
	{ KTLS_R_CERTIFICATE_WEAK,
	  FAULT_PEER,
	  { "have it issued anew: ECDSA P-256, or RSA of 2048 bits at least, signed with "
	    "SHA-256" } },
	{ KTLS_R_CERTIFICATE_KEY_TYPE,
	  FAULT_PEER,
	  { "have it issued for a key that is ECDSA P-256 or P-384, RSA or Ed25519" } },
	{ KTLS_R_CERTIFICATE_CONSTRAINT,
	  FAULT_PEER,
	  { "one of the CAs was not allowed to issue this: tell the CA" } },
};

/* What the peer found wrong with us. */
static const struct advice by_alert[] = {
	{ KTLS_ALERT_HANDSHAKE_FAILURE,
	  FAULT_UNKNOWN,
	  { "leave --suites, --groups and --tls away, to offer all that there is",
	    "the server may want a client certificate (--cert, --key), or a name that it knows "
	    "(--name)",
	    "its log says more than it tells us" } },
	{ KTLS_ALERT_PROTOCOL_VERSION,
	  FAULT_UNKNOWN,
	  { "offer other versions: --tls 1.2, --tls 1.2-1.3" } },
	{ KTLS_ALERT_INSUFFICIENT_SECURITY,
	  FAULT_US,
	  { "leave --suites and --groups away, to offer all that there is" } },
	{ KTLS_ALERT_UNRECOGNIZED_NAME,
	  FAULT_US,
	  { "the server has no site by this name: check it, or give another by --name" } },
	{ KTLS_ALERT_CERTIFICATE_REQUIRED,
	  FAULT_US,
	  { "give a client certificate: --cert FILE --key FILE" } },
	{ KTLS_ALERT_NO_APPLICATION_PROTOCOL,
	  FAULT_US,
	  { "offer what the server speaks: --alpn h2,http/1.1 for the web" } },
	{ KTLS_ALERT_UNKNOWN_CA,
	  FAULT_UNKNOWN,
	  { "the peer does not trust the issuer of our certificate: have it trust that CA, or "
	    "use a certificate of one that it trusts" } },
	{ KTLS_ALERT_BAD_CERTIFICATE,
	  FAULT_UNKNOWN,
	  { "look at our certificate with the peer's eyes: its name, its dates, its usage" } },
	{ KTLS_ALERT_UNSUPPORTED_CERTIFICATE,
	  FAULT_US,
	  { "our certificate is of a kind that the peer does not take: key type or usage" } },
	{ KTLS_ALERT_CERTIFICATE_EXPIRED,
	  FAULT_US,
	  { "renew our certificate; or the peer's clock is wrong" } },
	{ KTLS_ALERT_CERTIFICATE_REVOKED, FAULT_US, { "get another certificate" } },
	{ KTLS_ALERT_CERTIFICATE_UNKNOWN,
	  FAULT_UNKNOWN,
	  { "the peer does not take our certificate: browsers say this of one that nobody "
	    "issued" } },
	{ KTLS_ALERT_ACCESS_DENIED,
	  FAULT_US,
	  { "our certificate is good, but its owner may not come in: ask the server's owner" } },
	{ KTLS_ALERT_INTERNAL_ERROR, FAULT_PEER, { "see the peer's log" } },
	{ KTLS_ALERT_USER_CANCELED, FAULT_PEER, { "try again" } },
};

static const struct advice *find(const struct advice *rows, size_t len, unsigned int number)
{
	for (size_t i = 0; i < len; i++)
		if (rows[i].number == number)
			return &rows[i];
	return NULL;
}

#define FIND(rows, number) find(rows, sizeof(rows) / sizeof((rows)[0]), number)

static void advise(struct explain *x, const struct advice *row)
{
	struct verdict *v = &x->trace.verdict;

	v->fault = row->fault;
	for (size_t i = 0; i < 3 && row->todo[i]; i++)
		field_item(&x->trace, &v->advice, "%s", row->todo[i]);
}

/* ---- where ----------------------------------------------------------------------------------- */

static const char *peer_name(const struct explain *x)
{
	return x->options->role == KTLS_CLIENT ? "the server" : "the client";
}

static const struct step *last_step(const struct explain *x, bool sent)
{
	const struct step *found = NULL;

	for (const struct step *s = x->trace.steps; s; s = s->next)
		if (s->kind == STEP_MESSAGE && s->sent == sent && !s->application)
			found = s;
	return found;
}

/* "ServerHello", as the state table has it. */
static const char *awaited(const struct explain *x)
{
	struct machine_row row = machine_row(engine_of_const(&x->engine)->state);
	const char *text = row.name ? strstr(row.name, "wait for ") : NULL;

	return text ? text + strlen("wait for ") : "an answer";
}

static const char *behind(struct explain *x)
{
	const struct step *s = last_step(x, true);

	return s ? trace_text(&x->trace, "behind our %s", s->name) : "before anything was said";
}

static const char *at_received(struct explain *x)
{
	const struct step *s = last_step(x, false);

	if (!s || s->sent)
		return trace_text(&x->trace, "the first bytes of %s", peer_name(x));
	return trace_text(&x->trace, "%s's %s", peer_name(x), s->name);
}

/* ---- why ------------------------------------------------------------------------------------- */

/* The alert of the peer that ended it. */
static void peer_alert(struct explain *x, unsigned int alert)
{
	struct verdict *v = &x->trace.verdict;
	const struct advice *row = FIND(by_alert, alert);

	v->headline = trace_text(&x->trace, "%s ended the handshake: %s",
				 x->options->role == KTLS_CLIENT ? "The server" : "The client",
				 alert_name(alert));
	v->where = behind(x);
	v->why = trace_text(&x->trace, "The alert means: %s.", alert_meaning(alert));
	v->fault = FAULT_UNKNOWN;
	if (alert == KTLS_ALERT_UNKNOWN_CA && x->credentials->temporary)
		field_item(&x->trace, &v->advice,
			   "our certificate is a temporary one that nobody can trust: give --cert "
			   "and --key, or have the client go on without trust (curl -k)");
	else if (row)
		advise(x, row);
	else
		field_item(&x->trace, &v->advice,
			   "one of the two ends breaks the protocol: the peer's log says more");
}

/* A chain of the leaf alone is the most frequent mistake. */
static bool lacks_intermediates(const struct explain *x)
{
	const struct step *s = last_step(x, false);
	const struct field *leaf = s ? s->fields.first : NULL;
	const struct field *issuer = leaf ? field_find(leaf, "issuer") : NULL;

	return issuer && issuer->text && !strstr(issuer->text, "(itself)") && x->trace.last &&
	       s->message == CERTIFICATE &&
	       (!leaf->next || strncmp(leaf->next->name, "certificate", 11) != 0);
}

/* What the certificate says about the point in which it is bad. */
static const char *certificate_says(struct explain *x, enum ktls_reason reason)
{
	const struct step *s = last_step(x, false);
	const struct field *leaf = s && s->message == CERTIFICATE ? s->fields.first : NULL;
	bool about_names = reason == KTLS_R_CERTIFICATE_NAME;
	const struct field *f = leaf ? field_find(leaf, about_names ? "names" : "valid") : NULL;

	if (!f || !f->text)
		return "";
	if (about_names)
		return trace_text(&x->trace, " It is for: %s.", f->text);
	if (reason == KTLS_R_CERTIFICATE_EXPIRED || reason == KTLS_R_CERTIFICATE_NOT_YET_VALID)
		return trace_text(&x->trace, " The leaf is valid %s.", f->text);
	return "";
}

static void our_reason(struct explain *x, enum ktls_reason reason)
{
	const struct reason *row = reason_find((int)reason);
	const struct advice *advice = FIND(by_reason, (unsigned int)reason);
	struct verdict *v = &x->trace.verdict;

	v->headline = trace_text(&x->trace, "We ended the handshake: %s", row->text);
	v->where = at_received(x);
	if (x->first_bytes)
		v->why = trace_text(&x->trace, "It says: %s", x->first_bytes);
	else if (reason == x->checked && x->checked_error.text[0])
		v->why = trace_text(&x->trace,
				    "libcrypto found, counting from the leaf: %s.%s "
				    "ktlsd calls this %s.",
				    x->checked_error.text, certificate_says(x, reason), row->name);
	else
		v->why = trace_text(&x->trace, "ktlsd calls this %s; see %s.", row->name,
				    row->section);
	v->fault = FAULT_PEER;
	if (reason == KTLS_R_CERTIFICATE_UNKNOWN_CA && lacks_intermediates(x))
		field_item(&x->trace, &v->advice,
			   "the server sends its own certificate only: most likely the "
			   "intermediate ones are missing in its configuration");
	if (advice)
		advise(x, advice);
	else
		field_item(&x->trace, &v->advice,
			   "%s breaks the protocol, or somebody on the way changes bytes: note "
			   "its TLS library and version, and try from another network",
			   peer_name(x));
}

/* ---- without an engine's word ---------------------------------------------------------------- */

static void not_connected(struct explain *x)
{
	struct verdict *v = &x->trace.verdict;
	bool resolve = x->outcome == OUTCOME_RESOLVE;

	v->headline = resolve ? "There is no address for this name"
			      : "There is no connection: TLS has not begun";
	v->where = resolve ? "the look-up of the name" : "the TCP connection";
	v->why = resolve ? gai_strerror(x->error) : strerror(x->error);
	v->fault = FAULT_UNKNOWN;
	field_item(&x->trace, &v->advice, "%s",
		   resolve ? "check the name, and this machine's resolver"
			   : "check the port, that the server runs, and firewalls on the way");
}

static void broken_off(struct explain *x)
{
	bool silent = x->outcome == OUTCOME_TIMEOUT, first = last_step(x, false) == NULL;
	struct verdict *v = &x->trace.verdict;

	v->headline = silent                        ? "The peer says nothing"
		      : x->outcome == OUTCOME_EOF   ? "The peer closed the connection"
		      : x->outcome == OUTCOME_RESET ? "The connection was reset"
						    : "The connection broke";
	v->where = trace_text(&x->trace, "%s, while we waited for %s", behind(x), awaited(x));
	v->why = silent ? trace_text(&x->trace, "Nothing came for %u s.", x->options->timeout)
			: "No alert says why.";
	v->fault = FAULT_UNKNOWN;
	if (first && x->options->role == KTLS_SERVER)
		field_item(&x->trace, &v->advice,
			   "the client connects and says no hello: a scan, "
			   "a health check, or a protocol in which the "
			   "server speaks first");
	else if (first && silent)
		field_item(&x->trace, &v->advice,
			   "the server may wait for something else than TLS: check the port");
	else if (first)
		field_item(&x->trace, &v->advice,
			   "servers and firewalls that dislike a ClientHello hang up like this: "
			   "try --tls 1.2, another --name, and from another network");
	else
		field_item(&x->trace, &v->advice, "see the peer's log");
}

void explain_failure(struct explain *x)
{
	const struct ktls_engine_facts *facts = ktls_engine_facts(&x->engine);
	unsigned int alert = KTLS_ALERT_NONE;

	for (const struct step *s = x->trace.steps; s; s = s->next)
		if (s->kind == STEP_ALERT && !s->sent && s->bad)
			alert = s->bytes[1];
	if (x->outcome == OUTCOME_RESOLVE || x->outcome == OUTCOME_CONNECT)
		not_connected(x);
	else if (alert != KTLS_ALERT_NONE)
		peer_alert(x, alert);
	else if (x->outcome == OUTCOME_ENGINE && facts->reason == KTLS_R_PEER_CLOSE_NOTIFY)
		peer_alert(x, KTLS_ALERT_CLOSE_NOTIFY);
	else if (x->outcome == OUTCOME_ENGINE)
		our_reason(x, facts->reason);
	else
		broken_off(x);
}
