/* SPDX-License-Identifier: MIT */
/* Which keys exist when, and what each is for: RFC 9846, 7.1 to 7.3; RFC 5246, 6.3 and 8.1. */
#include "daemon/explain.h"

#include "lib/handshake/suite.h"

struct secret {
	const char *name, *text;
};

/* The key step after a message. */
struct derivation {
	uint16_t version;
	uint8_t message;
	enum ktls_role sender;
	bool rsa, other; /* key exchange of TLS 1.2: for RSA only; for others only */
	bool resumed;    /* TLS 1.2: where the keys come from an earlier session */
	const char *name, *meaning, *brief;
	struct secret secrets[5];
};

static const struct derivation derivations[] = {
	{
		.version = KTLS_TLS_1_3,
		.message = SERVER_HELLO,
		.sender = KTLS_SERVER,
		.name = "handshake keys",
		.meaning = "both shares are known: each end computes the same secret, which nobody who has "
		"only watched can",
		.brief = "handshake traffic secrets, client and server",
		.secrets = {
			{ "shared secret",
			  "of the key exchange: one end's private key with the other's share" },
			{ "Handshake Secret",
			  "HKDF-Extract of the Early Secret and the shared secret" },
			{ "client_handshake_traffic_secret",
			  "keys for what the client sends until its Finished" },
			{ "server_handshake_traffic_secret",
			  "keys for what the server sends until its Finished" },
		},
	},
	{
		.version = KTLS_TLS_1_3,
		.message = FINISHED,
		.sender = KTLS_SERVER,
		.name = "application keys",
		.meaning = "made from all messages up to the server's Finished, so that both ends must have "
		"seen the same ones",
		.brief = "application traffic secrets, client and server",
		.secrets = {
			{ "Master Secret", "HKDF-Extract of the Handshake Secret and zeros" },
			{ "client_application_traffic_secret_0", "keys for the client's data" },
			{ "server_application_traffic_secret_0", "keys for the server's data" },
			{ "exporter_secret",
			  "for keys that an application derives, channel bindings say" },
		},
	},
	{
		.version = KTLS_TLS_1_3,
		.message = FINISHED,
		.sender = KTLS_CLIENT,
		.name = "resumption secret",
		.meaning = "the handshake is complete: the traffic keys are the kernel's from here on",
		.brief = "what tickets stand for",
		.secrets = {
			{ "resumption_secret",
			  "the keys of a later connection that a ticket resumes" },
		},
	},
	{
		.version = KTLS_TLS_1_2,
		.message = CLIENT_KEY_EXCHANGE,
		.sender = KTLS_CLIENT,
		.other = true,
		.name = "keys",
		.meaning = "both shares are known: each end computes the same secret, which nobody who has "
		"only watched can",
		.brief = "premaster secret, master secret, key block",
		.secrets = {
			{ "premaster secret",
			  "of the key exchange: one end's private key with the other's share" },
			{ "master secret", "PRF of the premaster secret" },
			{ "client_write_key, client_write_IV", "for what the client sends" },
			{ "server_write_key, server_write_IV", "for what the server sends" },
		},
	},
	{
		.version = KTLS_TLS_1_2,
		.message = CLIENT_KEY_EXCHANGE,
		.sender = KTLS_CLIENT,
		.rsa = true,
		.name = "keys",
		.meaning = "both ends know the premaster secret: so will anybody who has recorded this and "
		"gets the server's key one day",
		.brief = "premaster secret, master secret, key block",
		.secrets = {
			{ "premaster secret", "48 bytes that the client made up" },
			{ "master secret", "PRF of the premaster secret" },
			{ "client_write_key, client_write_IV", "for what the client sends" },
			{ "server_write_key, server_write_IV", "for what the server sends" },
		},
	},
	{
		.version = KTLS_TLS_1_2,
		.message = SERVER_HELLO,
		.sender = KTLS_SERVER,
		.resumed = true,
		.name = "keys",
		.meaning = "both ends remember the master secret: no certificates, no key exchange",
		.brief = "master secret of the earlier session, key block",
		.secrets = {
			{ "master secret", "of the session that is resumed" },
			{ "client_write_key, client_write_IV", "for what the client sends" },
			{ "server_write_key, server_write_IV", "for what the server sends" },
		},
	},
};

/* A ServerHello of TLS 1.2 leads to keys where it resumes a session. */
static bool fits(const struct explain *x, const struct derivation *row)
{
	if (row->resumed)
		return ktls_engine_facts(&x->engine)->resumed;
	return !(x->decoder.rsa_key_exchange ? row->other : row->rsa);
}

static const struct derivation *find(const struct explain *x, const struct step *step)
{
	enum ktls_role us = x->options->role;
	enum ktls_role them = us == KTLS_CLIENT ? KTLS_SERVER : KTLS_CLIENT;

	for (size_t i = 0; i < sizeof(derivations) / sizeof(derivations[0]); i++) {
		const struct derivation *row = &derivations[i];

		if (row->version == x->decoder.version && row->message == step->message &&
		    row->sender == (step->sent ? us : them) && fits(x, row))
			return row;
	}
	return NULL;
}

/* RFC 7627: what the master secret is bound to. */
static const char *master_secret_from(const struct explain *x)
{
	struct reader block, body;

	if (x->server_hello &&
	    hello_extensions(x->server_hello->bytes, x->server_hello->len, &block) &&
	    extension_find(block, 23, &body))
		return "and of all messages so far (extended_master_secret)";
	return "and of both randoms: not bound to the handshake (no extended_master_secret)";
}

static bool resumes(const struct explain *x)
{
	struct reader block, body;

	return x->server_hello &&
	       hello_extensions(x->server_hello->bytes, x->server_hello->len, &block) &&
	       extension_find(block, 41, &body);
}

void explain_keys(struct explain *x, const struct step *after)
{
	const struct derivation *row = after->retry ? NULL : find(x, after);
	struct step *step;

	if (!row)
		return;
	step = trace_step(&x->trace, STEP_KEYS, x->derived ? x->derived : explain_elapsed(x));
	x->derived = 0;
	step->name = row->name;
	step->meaning = row->meaning;
	step->brief[0] = row->brief;
	if (row->version == KTLS_TLS_1_3 && row->message == SERVER_HELLO)
		field_add(&x->trace, &step->fields, "Early Secret", "%s",
			  resumes(x)
				  ? "of the ticket's pre-shared key: who has that is the peer of "
				    "before"
				  : "of zeros: there is no pre-shared key");
	for (const struct secret *s = row->secrets; s->name; s++)
		field_add(&x->trace, &step->fields, s->name, "%s", s->text);
	if (row->version == KTLS_TLS_1_2 && !row->resumed)
		field_add(&x->trace, &step->fields, "bound to",
			  "the master secret is made of the "
			  "premaster secret %s",
			  master_secret_from(x));
}
