/* SPDX-License-Identifier: MIT */
#include "tests/bogo/handshake.h"

#include <err.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/crypto/cpu.h"
#include "lib/handshake/engine.h"
#include "tests/bogo/report.h"
#include "tests/bogo/sessions.h"

/* ---- operations ------------------------------------------------------------------------------ */

/* With -async, every operation that may completes later. Its outputs are written by now. */
static int now_or_later(struct handshake *h, int result)
{
	if (!h->flags->async)
		return result;
	h->later = result;
	return KTLS_ENGINE_PENDING;
}

static int op_generate(void *arg, uint16_t group, uint8_t *private_key, uint8_t *share)
{
	return now_or_later(arg, ktls_engine_default_ops.generate(arg, group, private_key, share));
}

static int op_agree(void *arg, uint16_t group, const uint8_t *private_key, const uint8_t *peer,
		    size_t peer_len, uint8_t *shared)
{
	return now_or_later(arg, ktls_engine_default_ops.agree(arg, group, private_key, peer,
							       peer_len, shared));
}

static int op_choose(void *arg, const struct ktls_engine_hello *hello,
		     struct ktls_engine_choice *choice)
{
	struct handshake *h = arg;

	return now_or_later(h, credentials_choose(h->credentials, hello, choice));
}

static int op_sign(void *arg, const struct ktls_engine_sign *request, uint8_t *signature,
		   size_t *signature_len)
{
	return now_or_later(arg, credentials_sign(request, signature, signature_len));
}

static int op_verify_chain(void *arg, const struct ktls_span *certs, size_t certs_len)
{
	struct handshake *h = arg;

	return now_or_later(h, credentials_verify_chain(h->credentials, certs, certs_len));
}

static int op_verify_signature(void *arg, uint16_t scheme, const uint8_t *content,
			       size_t content_len, const uint8_t *signature, size_t signature_len)
{
	struct handshake *h = arg;
	uint16_t version = ktls_engine_facts(&h->engine)->version;

	return now_or_later(h,
			    credentials_verify_signature(h->credentials, version, scheme, content,
							 content_len, signature, signature_len));
}

static uint64_t op_now(void *arg)
{
	(void)arg;
	return sessions_now();
}

static int op_seal(void *arg, const uint8_t *state, size_t state_len, uint8_t *ticket,
		   size_t *ticket_len)
{
	struct handshake *h = arg;

	if (!h->flags->skip_ticket)
		return now_or_later(h, sessions_seal(state, state_len, ticket, ticket_len));
	*ticket_len = 0;
	return now_or_later(h, 0);
}

static int op_open(void *arg, const uint8_t *ticket, size_t ticket_len, const char *server_name,
		   uint8_t *state, size_t *state_len)
{
	(void)server_name;
	return now_or_later(arg, sessions_open(ticket, ticket_len, state, state_len));
}

static void op_keep(void *arg, const uint8_t *session, size_t session_len)
{
	(void)arg;
	sessions_keep(session, session_len);
}

static int op_decrypt_master(void *arg, const struct ktls_engine_decrypt *request, uint8_t *master)
{
	return now_or_later(
		arg, x509_key_decrypt_master((struct x509_key *)(uintptr_t)request->credential,
					     request, master));
}

static int op_encrypt(void *arg, const uint8_t *plain, size_t plain_len, uint8_t *encrypted,
		      size_t *encrypted_len)
{
	const struct handshake *h = arg;

	return now_or_later(arg, x509_peer_encrypt(h->credentials->peer, plain, plain_len,
						   encrypted, encrypted_len));
}

/* ---- configuration --------------------------------------------------------------------------- */

/* Also what is not used unless somebody asks for it. */
static const uint16_t suites[] = {
	KTLS_AES_128_GCM_SHA256,           KTLS_AES_256_GCM_SHA384,
	KTLS_CHACHA20_POLY1305_SHA256,     KTLS_ECDHE_ECDSA_AES_128_GCM_SHA256,
	KTLS_ECDHE_RSA_AES_128_GCM_SHA256, KTLS_ECDHE_ECDSA_AES_256_GCM_SHA384,
	KTLS_ECDHE_RSA_AES_256_GCM_SHA384, KTLS_ECDHE_ECDSA_CHACHA20_POLY1305,
	KTLS_ECDHE_RSA_CHACHA20_POLY1305,  KTLS_RSA_AES_128_GCM_SHA256,
	KTLS_RSA_AES_256_GCM_SHA384,
};

/* The range of ours that the flags leave. */
static void set_versions(struct handshake *h)
{
	const struct flags *flags = h->flags;
	uint16_t min = KTLS_TLS_1_2, max = KTLS_TLS_1_3;

	if (flags->no_tls12 || flags->min_version == KTLS_TLS_1_3)
		min = KTLS_TLS_1_3;
	if (flags->no_tls13 || (flags->max_version != 0 && flags->max_version < KTLS_TLS_1_3))
		max = KTLS_TLS_1_2;
	if (min > max || flags->min_version > KTLS_TLS_1_3 ||
	    (flags->max_version != 0 && flags->max_version < KTLS_TLS_1_2))
		flags_missing("flag -max-version: below TLS 1.2");
	h->config.version_min = min;
	h->config.version_max = max;
}

/* A client sends one share, of the group that it likes best. */
static void check_groups(const struct flags *flags)
{
	uint16_t first = flags->groups.len > 0 ? flags->groups.items[0] : groups_all[0];

	for (size_t i = 0; i < flags->groups.len; i++)
		if (group_find(flags->groups.items[i]) == NULL)
			flags_missing("flag -curves: a group");
	if (flags->key_shares.len > 1 ||
	    (flags->key_shares.len == 1 && flags->key_shares.items[0] != first))
		flags_missing("flag -key-shares: not one of the first group");
}

/* All of ours are accepted, whatever else is preferred. */
static void check_schemes(const struct flags *flags)
{
	for (size_t i = 0; i < flags->verify_schemes.len; i++)
		if (!engine_list_has(schemes_all, SCHEMES_MAX, flags->verify_schemes.items[i]))
			flags_missing("flag -verify-prefs: a scheme");
}

/* A server's list: the protocol that it shall select, or one that nobody has. */
static void set_alpn(struct handshake *h)
{
	const struct flags *flags = h->flags;
	const char *name = flags->reject_alpn ? "nobody's" : flags->select_alpn;

	if (!flags->server && flags->alpn != NULL) {
		h->config.alpn = (const uint8_t *)flags->alpn;
		h->config.alpn_len = strlen(flags->alpn);
	}
	if (!flags->server || flags->decline_alpn || name == NULL)
		return;
	h->alpn[0] = (uint8_t)strlen(name);
	memcpy(h->alpn + 1, name, h->alpn[0]);
	h->config.alpn = h->alpn;
	h->config.alpn_len = 1 + (size_t)h->alpn[0];
}

static void set_sessions(struct handshake *h)
{
	struct ktls_span session = sessions_begin();

	h->ops.now = op_now;
	if (h->flags->no_ticket)
		return;
	h->config.session = session;
	h->ops.seal_ticket = op_seal;
	h->ops.open_ticket = op_open;
	h->ops.keep_session = op_keep;
	h->config.tickets = SESSIONS_TICKETS;
}

void handshake_init(struct handshake *h, const struct flags *flags, struct credentials *credentials,
		    int fd)
{
	memset(h, 0, sizeof(*h));
	check_groups(flags);
	check_schemes(flags);
	h->flags = flags;
	h->credentials = credentials;
	h->fd = fd;
	h->ops = ktls_engine_default_ops;
	h->ops.generate = op_generate;
	h->ops.agree = op_agree;
	h->ops.choose = op_choose;
	h->ops.decrypt_master = op_decrypt_master;
	h->ops.encrypt = op_encrypt;
	h->ops.sign = op_sign;
	h->ops.verify_chain = op_verify_chain;
	h->ops.verify_signature = op_verify_signature;
	h->config.role = flags->server ? KTLS_SERVER : KTLS_CLIENT;
	h->config.ops = &h->ops;
	h->config.suites = suites;
	h->config.suites_len = sizeof(suites) / sizeof(suites[0]);
	h->config.plain_master_secret = true;
	h->config.server_name = flags->server ? NULL : flags->host_name;
	h->config.grease = flags->grease;
	if (flags->request_certificate)
		h->config.client_auth = KTLS_ENGINE_REQUEST_CLIENT_AUTH;
	if (flags->require_certificate)
		h->config.client_auth = KTLS_ENGINE_REQUIRE_CLIENT_AUTH;
	if (flags->groups.len > 0) {
		h->config.groups = flags->groups.items;
		h->config.groups_len = flags->groups.len;
	}
	set_versions(h);
	set_alpn(h);
	set_sessions(h);
	if (ktls_engine_init(&h->engine, &h->config, h) != 0)
		errx(1, "the engine takes no such configuration");
}

void handshake_wipe(struct handshake *h)
{
	ktls_engine_wipe(&h->engine);
}

/* ---- running --------------------------------------------------------------------------------- */

static bool send_all(int fd, const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		if (n < 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

/* Calls the engine once, on what is there of the record that it waits for. */
static enum ktls_engine_state step(struct handshake *h, size_t *in_len, size_t *need)
{
	struct ktls_engine_io io = {
		.in = h->in, .in_len = *in_len, .out = h->out, .out_cap = sizeof(h->out)
	};
	enum ktls_engine_state state = ktls_engine_run(&h->engine, &io);

	/* A peer that is gone already may have left an alert to be read. */
	(void)send_all(h->fd, h->out, io.out_len);
	*in_len -= io.consumed;
	memmove(h->in, h->in + io.consumed, *in_len);
	*need = io.need;
	return state;
}

static enum ktls_engine_state run(struct handshake *h)
{
	size_t in_len = 0, need = 0;
	enum ktls_engine_state state;
	ssize_t n;

	for (;;) {
		state = step(h, &in_len, &need);
		if (state == KTLS_ENGINE_WAIT) {
			ktls_engine_resume(&h->engine, h->later);
			continue;
		}
		if (state != KTLS_ENGINE_READ)
			return state;
		n = recv(h->fd, h->in + in_len, h->flags->async ? 1 : need - in_len, 0);
		if (n <= 0)
			return state;
		in_len += (size_t)n;
	}
}

bool handshake_run(struct handshake *h)
{
	const struct ktls_engine_facts *facts = ktls_engine_facts(&h->engine);
	enum ktls_engine_state state = run(h);
	size_t nothing = 0, need;

	if (state == KTLS_ENGINE_READ)
		report_reason(KTLS_R_PEER_EOF, KTLS_ALERT_NONE);
	if (state == KTLS_ENGINE_FAILED)
		report_reason(facts->reason, facts->alert);
	if (state != KTLS_ENGINE_DONE)
		return false;
	if (h->flags->handshake_never_done)
		errx(1, "the handshake was completed");
	return !h->flags->handshake_again || step(h, &nothing, &need) == KTLS_ENGINE_DONE;
}

/* ---- judging --------------------------------------------------------------------------------- */

static bool number_is(const char *what, int got, int expected)
{
	if (expected == 0 || got == expected)
		return true;
	warnx("%s is %d, not %d", what, got, expected);
	return false;
}

static bool truth(const char *what, bool got)
{
	if (!got)
		warnx("not as expected: %s", what);
	return got;
}

static bool text_is(const char *what, const char *got, size_t len, const char *expected)
{
	return truth(what, strlen(expected) == len && memcmp(got, expected, len) == 0);
}

static bool suite_is_as_expected(const struct handshake *h, int suite)
{
	bool aes = crypto_cpu.aes_gcm;

	return number_is("suite", suite, h->flags->expect_suite) &&
	       number_is("suite", suite,
			 aes ? h->flags->expect_suite_aes : h->flags->expect_suite_no_aes);
}

static bool names_are_as_expected(const struct flags *flags, const struct ktls_engine_facts *facts)
{
	const char *alpn = flags->server ? flags->select_alpn : flags->expect_alpn;
	const char *name = flags->expect_server_name;

	return text_is("ALPN", (const char *)facts->alpn, facts->alpn_len, alpn ? alpn : "") &&
	       (name == NULL ||
		text_is("server name", facts->server_name, strlen(facts->server_name), name));
}

static bool peer_is_as_expected(const struct handshake *h)
{
	const struct credentials *c = h->credentials;

	bool wanted = h->flags->server ? h->flags->require_certificate : !h->flags->expect_no_chain;

	/* The session vouches for the peer. */
	if (ktls_engine_facts(&h->engine)->resumed)
		return truth("no chain", !c->chain_seen);
	if (wanted && !truth("chain", c->chain_seen))
		return false;
	return truth("chain", !c->chain_differs && !(h->flags->expect_no_chain && c->chain_seen));
}

bool handshake_is_as_expected(const struct handshake *h)
{
	const struct ktls_engine_facts *facts = ktls_engine_facts(&h->engine);
	const struct flags *flags = h->flags;
	uint16_t scheme = flags->server ? facts->client_scheme : facts->scheme;
	int chosen = (int)h->credentials->chosen - 1;
	bool full = !facts->resumed;

	return number_is("version", facts->version, flags->expect_version) &&
	       suite_is_as_expected(h, facts->suite) &&
	       /* A session does not remember how it began. */
	       number_is("group", facts->group, facts->group || full ? flags->expect_group : 0) &&
	       number_is("scheme", scheme, full ? flags->expect_scheme : 0) &&
	       truth("retry", !(flags->expect_retry && !facts->retried)) &&
	       truth("no retry", !(flags->expect_no_retry && facts->retried)) &&
	       truth("resumption",
		     facts->resumed == (flags->resumes && !flags->expect_session_miss)) &&
	       (flags->expect_credential == CREDENTIAL_ANY ||
		truth("credential", chosen == flags->expect_credential)) &&
	       names_are_as_expected(flags, facts) && peer_is_as_expected(h);
}
