/* SPDX-License-Identifier: MIT */
/*
 * A side of a handshake with make-believe operations, always the same: a key exchange whose shared
 * secret is the two shares' difference, signatures that are a hash of what is signed, tickets that
 * anybody can read.
 */
#ifndef KTLS_FUZZ_PRETEND_H
#define KTLS_FUZZ_PRETEND_H

#include <stdlib.h>
#include <string.h>

#include "lib/crypto/hash.h"
#include "lib/crypto/prf.h"
#include "lib/crypto/util.h"
#include "lib/handshake/engine.h"
#include "lib/handshake/protect.h"
#include "tests/fuzz/fuzz.h"

#define PRETEND_NOW   1800000000000 /* ms since 1970 */
#define PRETEND_QUEUE (512 * 1024)

struct pretend {
	struct ktls_engine engine;
	struct ktls_engine_ops ops;
	struct ktls_engine_config config;
	enum ktls_engine_state state;
	uint8_t in[PRETEND_QUEUE];
	size_t in_len;
	uint8_t out[KTLS_ENGINE_OUT_MIN];
	uint16_t suites[SUITES_MAX];
	int borrowed;
	uint8_t session[KTLS_ENGINE_SESSION_MAX]; /* that keep_session() got */
	size_t session_len;
	uint8_t earlier[KTLS_ENGINE_SESSION_MAX]; /* that is to be resumed */
};

/* What does not fit is lost: no handshake is that long. */
static inline void pretend_queue(struct pretend *to, const uint8_t *bytes, size_t len)
{
	if (len == 0 || len > sizeof(to->in) - to->in_len)
		return;
	memcpy(to->in + to->in_len, bytes, len);
	to->in_len += len;
}

static inline void pretend_consume(struct pretend *p, size_t len)
{
	p->in_len -= len;
	memmove(p->in, p->in + len, p->in_len);
}

/* ---- operations ------------------------------------------------------------------------------ */

static int pretend_random(void *arg, uint8_t *out, size_t len)
{
	(void)arg;
	memset(out, 0x42, len);
	return 0;
}

/* The private key is the first half of the share. */
static int pretend_generate(void *arg, uint16_t group, uint8_t *private_key, uint8_t *share)
{
	const struct pretend *p = arg;

	memset(private_key, p->config.role == KTLS_CLIENT ? 0x11 : 0x22, KTLS_ENGINE_PRIVATE_MAX);
	memset(share, 4, KTLS_ENGINE_SHARE_MAX);
	memcpy(share + (group == KTLS_GROUP_SECP256R1), private_key, KTLS_ENGINE_PRIVATE_MAX);
	return 0;
}

static int pretend_agree(void *arg, uint16_t group, const uint8_t *private_key, const uint8_t *peer,
			 size_t peer_len, uint8_t *shared)
{
	const size_t skipped = group == KTLS_GROUP_SECP256R1;

	(void)arg;
	FUZZ_CHECK(peer_len >= skipped + KTLS_ENGINE_SHARED_MAX &&
		   peer_len <= KTLS_ENGINE_SHARE_MAX);
	for (size_t i = 0; i < KTLS_ENGINE_SHARED_MAX; i++)
		shared[i] = private_key[i] ^ peer[skipped + i];
	return shared[0] == 0 ? -KTLS_R_KEY_SHARE_INVALID : 0;
}

static int pretend_choose(void *arg, const struct ktls_engine_hello *hello,
			  struct ktls_engine_choice *choice)
{
	static const uint8_t leaf[100] = { 0x30, 98 }, issuer[] = { 0x30, 0 };
	static const struct ktls_span chain[] = { { leaf, sizeof(leaf) },
						  { issuer, sizeof(issuer) } };

	FUZZ_CHECK(hello->schemes_len >= !hello->encryption && hello->schemes_len <= SCHEMES_MAX);
	FUZZ_CHECK(strlen(hello->server_name) <= 255);
	choice->credential = arg;
	choice->scheme = hello->schemes_len > 0 ? hello->schemes[0] : 0;
	choice->chain = chain;
	choice->chain_len = 2;
	return 0;
}

static void pretend_signature(uint16_t scheme, const uint8_t *content, size_t len, uint8_t out[32])
{
	uint8_t hash[HASH_MAX];

	hash_bytes(HASH_SHA256, content, len, hash);
	memcpy(out, hash, 32);
	out[0] ^= (uint8_t)scheme;
}

static int pretend_sign(void *arg, const struct ktls_engine_sign *request, uint8_t *signature,
			size_t *signature_len)
{
	uint8_t scratch[KTLS_ENGINE_CONTENT_MAX];
	struct ktls_span content = ktls_engine_sign_content(request, scratch);

	(void)arg;
	/* Messages that were edited may be those of no handshake. */
	FUZZ_CHECK(content.len > 0 || request->messages_len > 0);
	if (content.len == 0)
		content = (struct ktls_span){ request->messages, request->messages_len };
	pretend_signature(request->scheme, content.bytes, content.len, signature);
	*signature_len = 32;
	return 0;
}

static int pretend_verify_chain(void *arg, const struct ktls_span *certs, size_t certs_len)
{
	static volatile uint8_t last;

	(void)arg;
	FUZZ_CHECK(certs_len >= 1 && certs_len <= KTLS_ENGINE_CERTS_MAX);
	for (size_t i = 0; i < certs_len; i++) {
		FUZZ_CHECK(certs[i].len >= 1);
		last = certs[i].bytes[certs[i].len - 1]; /* the span can be read */
	}
	(void)last;
	return 0;
}

static int pretend_verify_signature(void *arg, uint16_t scheme, const uint8_t *content,
				    size_t content_len, const uint8_t *signature,
				    size_t signature_len)
{
	uint8_t good[32];

	(void)arg;
	pretend_signature(scheme, content, content_len, good);
	if (signature_len != sizeof(good) || memcmp(signature, good, sizeof(good)) != 0)
		return -KTLS_R_SIGNATURE_BAD;
	return 0;
}

static int pretend_encrypt(void *arg, const uint8_t *plain, size_t plain_len, uint8_t *encrypted,
			   size_t *encrypted_len)
{
	(void)arg;
	memcpy(encrypted, plain, plain_len);
	*encrypted_len = plain_len;
	return 0;
}

/* Whatever does not decrypt stands for zeros. */
static int pretend_decrypt_master(void *arg, const struct ktls_engine_decrypt *request,
				  uint8_t master[KTLS_ENGINE_MASTER_LEN])
{
	const struct prf_master from = {
		.alg = request->prf == KTLS_ENGINE_PRF_SHA384 ? HASH_SHA384 : HASH_SHA256,
		.extended = request->extended,
		.session_hash = request->session_hash,
		.client_random = request->client_random,
		.server_random = request->server_random,
	};
	uint8_t premaster[48] = { 0 };

	(void)arg;
	if (request->encrypted_len == sizeof(premaster))
		memcpy(premaster, request->encrypted, sizeof(premaster));
	prf_master(&from, premaster, sizeof(premaster), master);
	return 0;
}

static uint8_t *pretend_borrow(void *arg, size_t len)
{
	((struct pretend *)arg)->borrowed++;
	FUZZ_CHECK(len <= KTLS_ENGINE_CHAIN_MAX + 20000);
	return malloc(len);
}

static void pretend_give_back(void *arg, uint8_t *buf)
{
	((struct pretend *)arg)->borrowed--;
	free(buf);
}

static uint64_t pretend_now(void *arg)
{
	(void)arg;
	return PRETEND_NOW;
}

static int pretend_seal_ticket(void *arg, const uint8_t *state, size_t state_len, uint8_t *ticket,
			       size_t *ticket_len)
{
	(void)arg;
	FUZZ_CHECK(state_len <= KTLS_ENGINE_STATE_MAX);
	ticket[0] = 'T';
	memcpy(ticket + 1, state, state_len);
	*ticket_len = 1 + state_len;
	return 0;
}

/* What is in it may be anything. */
static int pretend_open_ticket(void *arg, const uint8_t *ticket, size_t ticket_len,
			       const char *server_name, uint8_t *state, size_t *state_len)
{
	(void)arg;
	FUZZ_CHECK(strlen(server_name) <= 255 && ticket_len <= KTLS_ENGINE_TICKET_MAX);
	*state_len = 0;
	if (ticket_len == 0 || ticket[0] != 'T' || ticket_len - 1 > KTLS_ENGINE_STATE_MAX)
		return 0;
	*state_len = ticket_len - 1;
	memcpy(state, ticket + 1, *state_len);
	return 0;
}

static void pretend_keep_session(void *arg, const uint8_t *session, size_t session_len)
{
	struct pretend *p = arg;

	FUZZ_CHECK(session_len <= sizeof(p->session));
	memcpy(p->session, session, session_len);
	p->session_len = session_len;
}

/* ---- a side ---------------------------------------------------------------------------------- */

static inline void pretend_config(struct pretend *p, enum ktls_role role, uint16_t version)
{
	p->ops = (struct ktls_engine_ops){
		.random = pretend_random,
		.generate = pretend_generate,
		.agree = pretend_agree,
		.choose = pretend_choose,
		.sign = pretend_sign,
		.verify_chain = pretend_verify_chain,
		.verify_signature = pretend_verify_signature,
		.borrow = pretend_borrow,
		.give_back = pretend_give_back,
		.now = pretend_now,
		.seal_ticket = pretend_seal_ticket,
		.open_ticket = pretend_open_ticket,
		.keep_session = pretend_keep_session,
		.encrypt = pretend_encrypt,
		.decrypt_master = pretend_decrypt_master,
	};
	p->config = (struct ktls_engine_config){
		.role = role,
		.ops = &p->ops,
		.version_min = version,
		.version_max = version,
		.alpn = (const uint8_t *)"\002h2\010http/1.1",
		.alpn_len = 12,
		.server_name = role == KTLS_CLIENT ? "fuzz.example" : NULL,
	};
	p->state = KTLS_ENGINE_READ;
	p->in_len = 0;
	p->borrowed = 0;
	p->session_len = 0;
}

/* All, with RSA key exchange. */
static inline size_t pretend_suites(uint16_t out[SUITES_MAX])
{
	memcpy(out, suites_all, sizeof(suites_all));
	out[SUITES_ALL] = KTLS_RSA_AES_128_GCM_SHA256;
	out[SUITES_ALL + 1] = KTLS_RSA_AES_256_GCM_SHA384;
	return SUITES_ALL + 2;
}

/* A server has one suite of the version, the number-th; a client has all. */
static inline void pretend_set_suites(struct pretend *client, struct pretend *server,
				      uint16_t version, size_t number)
{
	uint16_t of_version[SUITES_MAX];
	size_t all = pretend_suites(client->suites), n = 0;

	for (size_t i = 0; i < all; i++) {
		if (suite_find(client->suites[i])->version == version)
			of_version[n++] = client->suites[i];
	}
	server->suites[0] = of_version[number % n];
	server->config.suites = server->suites;
	server->config.suites_len = 1;
	client->config.suites = client->suites;
	client->config.suites_len = all;
}

static inline void pretend_start(struct pretend *p)
{
	static bool ready;

	FUZZ_CHECK(ready || ktls_engine_setup() == 0);
	ready = true;
	FUZZ_CHECK(ktls_engine_init(&p->engine, &p->config, p) == 0);
}

/* A handshake message behind a client's handshake of TLS 1.3. */
static inline void pretend_ticket(struct pretend *p, const struct ktls_secrets *secrets,
				  const uint8_t *message, size_t len)
{
	size_t session_len = 1;
	int ret = ktls_secrets_ticket(secrets, message, len, p->config.server_name, PRETEND_NOW,
				      p->session, &session_len);

	FUZZ_CHECK(ret == 0 || ret == -KTLS_R_MESSAGE_MALFORMED);
	FUZZ_CHECK(ret == 0 || session_len == 1);
	FUZZ_CHECK(session_len <= KTLS_ENGINE_SESSION_MAX);
	if (ret == 0)
		p->session_len = session_len;
}

/* What a client of TLS 1.3 got behind the handshake: the last ticket is its session. */
static inline void pretend_take_session(struct pretend *p)
{
	struct engine *e = engine_of(&p->engine);
	struct ktls_secrets secrets;
	size_t len, content_len;
	uint8_t *content;

	if (ktls_engine_secrets(&p->engine, &secrets) < 0 || engine_is_1_2(e))
		return;
	while (p->in_len >= PROTECT_HEADER) {
		len = (size_t)(p->in[3] << 8 | p->in[4]);
		if (len > p->in_len - PROTECT_HEADER ||
		    !protect_open(&e->schedule, &e->schedule.rx, p->in, len, &content,
				  &content_len))
			break;
		e->schedule.rx.seq++;
		while (content_len > 0 && content[content_len - 1] == 0)
			content_len--;
		if (content_len > 0 && content[content_len - 1] == 22)
			pretend_ticket(p, &secrets, content, content_len - 1);
		pretend_consume(p, PROTECT_HEADER + len);
	}
	secret_wipe(&secrets, sizeof(secrets));
}

static inline void pretend_end(struct pretend *p)
{
	static const struct ktls_engine zeros;

	ktls_engine_wipe(&p->engine);
	FUZZ_CHECK(p->borrowed == 0);
	FUZZ_CHECK(memcmp(&p->engine, &zeros, sizeof(zeros)) == 0);
}

#endif
