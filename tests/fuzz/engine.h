/* SPDX-License-Identifier: MIT */
/*
 * Engines for fuzzing: everything that is random or slow is fixed, nothing is protected, so that
 * the fuzzer's bytes reach the parsers as they are.
 */
#ifndef KTLS_FUZZ_ENGINE_H
#define KTLS_FUZZ_ENGINE_H

#include <stdlib.h>
#include <string.h>

#include "lib/crypto/util.h"
#include "lib/handshake/engine.h"
#include "lib/handshake/machine.h"
#include "lib/wire/reason.h"
#include "tests/fuzz/fuzz.h"

struct fuzz_engine {
	struct ktls_engine engine;
	struct ktls_engine_ops ops;
	struct ktls_engine_config config;
	uint8_t out[KTLS_ENGINE_OUT_MIN];
	int borrowed;
};

static int fuzz_random(void *arg, uint8_t *out, size_t len)
{
	(void)arg;
	memset(out, 0x42, len);
	return 0;
}

static int fuzz_generate(void *arg, uint16_t group, uint8_t *private_key, uint8_t *share)
{
	(void)arg;
	(void)group;
	memset(private_key, 1, KTLS_ENGINE_PRIVATE_MAX);
	memset(share, 2, KTLS_ENGINE_SHARE_MAX);
	return 0;
}

static int fuzz_agree(void *arg, uint16_t group, const uint8_t *private_key, const uint8_t *peer,
		      size_t peer_len, uint8_t *shared)
{
	(void)arg;
	(void)group;
	(void)private_key;
	FUZZ_CHECK(peer_len <= KTLS_ENGINE_SHARE_MAX);
	memset(shared, peer[0], KTLS_ENGINE_SHARED_MAX);
	return 0;
}

static int fuzz_choose(void *arg, const struct ktls_engine_hello *hello,
		       struct ktls_engine_choice *choice)
{
	static const uint8_t der[] = { 0x30, 0 };
	static const struct ktls_span chain = { der, sizeof(der) };

	(void)arg;
	FUZZ_CHECK(hello->schemes_len >= 1 && hello->schemes_len <= SCHEMES_MAX);
	FUZZ_CHECK(strlen(hello->server_name) <= 255);
	choice->scheme = hello->schemes[0];
	choice->chain = &chain;
	choice->chain_len = 1;
	return 0;
}

static int fuzz_sign(void *arg, const struct ktls_engine_sign *request, uint8_t *signature,
		     size_t *signature_len)
{
	(void)arg;
	memset(signature, request->hash[0], 64);
	*signature_len = 64;
	return 0;
}

static int fuzz_verify_chain(void *arg, const struct ktls_span *certs, size_t certs_len)
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

static int fuzz_verify_signature(void *arg, uint16_t scheme, const uint8_t *content,
				 size_t content_len, const uint8_t *signature, size_t signature_len)
{
	(void)arg;
	(void)scheme;
	(void)content;
	FUZZ_CHECK(content_len <= KTLS_ENGINE_CONTENT_MAX);
	return signature_len > 0 && signature[0] == 0 ? -KTLS_R_SIGNATURE_BAD : 0;
}

static uint8_t *fuzz_borrow(void *arg, size_t len)
{
	((struct fuzz_engine *)arg)->borrowed++;
	FUZZ_CHECK(len <= KTLS_ENGINE_CHAIN_MAX + 20000);
	return malloc(len);
}

static void fuzz_give_back(void *arg, uint8_t *buf)
{
	((struct fuzz_engine *)arg)->borrowed--;
	free(buf);
}

static inline void fuzz_engine_start(struct fuzz_engine *f, enum ktls_role role)
{
	FUZZ_CHECK(crypto_init() == 0);
	memset(f, 0, sizeof(*f));
	f->ops = (struct ktls_engine_ops){
		.random = fuzz_random,
		.generate = fuzz_generate,
		.agree = fuzz_agree,
		.choose = fuzz_choose,
		.sign = fuzz_sign,
		.verify_chain = fuzz_verify_chain,
		.verify_signature = fuzz_verify_signature,
		.borrow = fuzz_borrow,
		.give_back = fuzz_give_back,
	};
	f->config.role = role;
	f->config.ops = &f->ops;
	f->config.alpn = (const uint8_t *)"\002h2\010http/1.1";
	f->config.alpn_len = 12;
	f->config.server_name = role == KTLS_CLIENT ? "fuzz.example" : NULL;
	FUZZ_CHECK(ktls_engine_init(&f->engine, &f->config, f) == 0);
}

/* Runs the engine over bytes, which it may not touch past their end; what must always hold. */
static inline enum ktls_engine_state fuzz_engine_run(struct fuzz_engine *f, const uint8_t *bytes,
						     size_t len, size_t *consumed)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct ktls_engine_io io = {
		.in = copy, .in_len = len, .out = f->out, .out_cap = sizeof(f->out)
	};
	const struct ktls_engine_facts *facts = ktls_engine_facts(&f->engine);
	enum ktls_engine_state state;

	if (len > 0)
		memcpy(copy, bytes, len);
	state = ktls_engine_run(&f->engine, &io);
	free(copy);
	FUZZ_CHECK(io.consumed <= len && io.out_len <= io.out_cap);
	FUZZ_CHECK((state == KTLS_ENGINE_FAILED) == (facts->reason != KTLS_OK));
	if (state == KTLS_ENGINE_FAILED) {
		const struct reason *row = reason_find((int)facts->reason);

		FUZZ_CHECK(row->number == facts->reason && facts->reason != KTLS_R_INTERNAL);
		FUZZ_CHECK(row->alert == KTLS_ALERT_NONE || io.out_len >= 7);
		FUZZ_CHECK(f->borrowed == 0);
	}
	if (state == KTLS_ENGINE_READ)
		FUZZ_CHECK(io.need >= 5 && io.need <= KTLS_ENGINE_RECORD_MAX &&
			   io.need > len - io.consumed);
	*consumed = io.consumed;
	return state;
}

static inline void fuzz_engine_end(struct fuzz_engine *f)
{
	ktls_engine_wipe(&f->engine);
	FUZZ_CHECK(f->borrowed == 0);
}

/* One plaintext record with one handshake message around a body. */
static inline size_t fuzz_wrap(uint8_t type, const uint8_t *body, size_t len, uint8_t *out,
			       size_t cap)
{
	struct writer_vec record;
	struct writer w;

	writer_init(&w, out, cap);
	writer_u8(&w, 22);
	writer_u16(&w, 0x0303);
	record = writer_open(&w, 2);
	writer_u8(&w, type);
	writer_vec(&w, 3, body, len);
	writer_close(&w, record);
	return writer_ok(&w) ? w.len : 0;
}

#endif
