/* SPDX-License-Identifier: MIT */
#include "tests/harness/engines.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crypto/hash.h"

static const uint8_t certificate[] = "no certificate at all";

static int fake_choose(void *arg, const struct ktls_engine_hello *hello,
		       struct ktls_engine_choice *choice)
{
	struct engine_end *end = arg;

	*choice = (struct ktls_engine_choice){
		.credential = end,
		.scheme = hello->schemes[0],
		.chain = end->chain,
		.chain_len = end->chain_len,
	};
	return 0;
}

size_t engines_fake_signature(const uint8_t *content, size_t len,
			      uint8_t out[static KTLS_ENGINE_SIGNATURE_MAX])
{
	if (len > KTLS_ENGINE_CONTENT_MAX) {
		hash_bytes(HASH_SHA256, content, len, out);
		return 32;
	}
	memcpy(out, content, len);
	return len;
}

static int fake_sign(void *arg, const struct ktls_engine_sign *request, uint8_t *signature,
		     size_t *signature_len)
{
	uint8_t scratch[KTLS_ENGINE_CONTENT_MAX];
	struct ktls_span content = ktls_engine_sign_content(request, scratch);

	(void)arg;
	*signature_len = engines_fake_signature(content.bytes, content.len, signature);
	return 0;
}

/* The input goes, what was seen stays: a client may show it later. */
static int fake_verify_chain(void *arg, const struct ktls_span *certs, size_t certs_len)
{
	struct engine_end *end = arg;
	size_t at = 0;

	for (size_t i = 0; i < certs_len; i++) {
		if (certs[i].len > sizeof(end->seen) - at)
			abort();
		memcpy(end->seen + at, certs[i].bytes, certs[i].len);
		end->chain[i] = (struct ktls_span){ end->seen + at, certs[i].len };
		at += certs[i].len;
	}
	end->chain_len = certs_len;
	return end->verdict;
}

static int fake_verify_signature(void *arg, uint16_t scheme, const uint8_t *content,
				 size_t content_len, const uint8_t *signature, size_t signature_len)
{
	uint8_t expected[KTLS_ENGINE_SIGNATURE_MAX];
	size_t len = engines_fake_signature(content, content_len, expected);

	(void)arg;
	(void)scheme;
	if (len != signature_len || memcmp(expected, signature, len) != 0)
		return -KTLS_R_SIGNATURE_BAD;
	return 0;
}

static uint8_t *counted_borrow(void *arg, size_t len)
{
	struct engine_end *end = arg;
	uint8_t *buf = malloc(len);

	end->borrowed++;
	end->borrowed_now += malloc_usable_size(buf);
	if (end->borrowed_now > end->borrowed_peak)
		end->borrowed_peak = end->borrowed_now;
	return buf;
}

static void counted_give_back(void *arg, uint8_t *buf)
{
	struct engine_end *end = arg;

	end->borrowed--;
	end->borrowed_now -= malloc_usable_size(buf);
	free(buf);
}

static void init_end(struct engine_end *end, enum ktls_role role)
{
	memset(end, 0, sizeof(*end));
	end->ops = ktls_engine_default_ops;
	end->ops.choose = fake_choose;
	end->ops.sign = fake_sign;
	end->ops.verify_chain = fake_verify_chain;
	end->ops.verify_signature = fake_verify_signature;
	end->ops.borrow = counted_borrow;
	end->ops.give_back = counted_give_back;
	end->config.role = role;
	end->config.ops = &end->ops;
}

void engines_init(struct engine_end *client, struct engine_end *server)
{
	init_end(client, KTLS_CLIENT);
	init_end(server, KTLS_SERVER);
	server->chain[0] = (struct ktls_span){ certificate, sizeof(certificate) };
	server->chain_len = 1;
}

int engines_start(struct engine_end *client, struct engine_end *server)
{
	int result = ktls_engine_setup();

	if (result == 0)
		result = ktls_engine_init(&client->engine, &client->config, client);
	return result == 0 ? ktls_engine_init(&server->engine, &server->config, server) : result;
}

void engine_end_feed(struct engine_end *end, const void *bytes, size_t len)
{
	if (len > sizeof(end->in.bytes) - end->in.len)
		abort();
	memcpy(end->in.bytes + end->in.len, bytes, len);
	end->in.len += len;
}

static void append(struct engine_queue *queue, const uint8_t *bytes, size_t len)
{
	if (len > sizeof(queue->bytes) - queue->len)
		abort();
	memcpy(queue->bytes + queue->len, bytes, len);
	queue->len += len;
}

/* The engine works on a copy of exactly the bytes that it may see, so that reading past them shows.
 */
static void run_on(struct engine_end *end, size_t len, struct ktls_engine_io *io)
{
	uint8_t *copy = malloc(len ? len : 1);

	memcpy(copy, end->in.bytes, len);
	*io = (struct ktls_engine_io){
		.in = copy, .in_len = len, .out = end->out, .out_cap = sizeof(end->out)
	};
	end->state = ktls_engine_run(&end->engine, io);
	end->calls++;
	free(copy);
	memmove(end->in.bytes, end->in.bytes + io->consumed, end->in.len - io->consumed);
	end->in.len -= io->consumed;
}

bool engine_end_step(struct engine_end *end, struct engine_queue *peer)
{
	enum ktls_engine_state before = end->state;
	bool first = end->calls == 0, moved = false;
	struct ktls_engine_io io;
	size_t give = end->chunk && end->chunk < end->in.len ? end->chunk : end->in.len;

	for (;;) {
		run_on(end, give, &io);
		append(peer, end->out, io.out_len);
		moved = moved || io.consumed > 0 || io.out_len > 0;
		if (end->state != KTLS_ENGINE_READ)
			break;
		if (io.consumed > 0)
			give = end->chunk && end->chunk < end->in.len ? end->chunk : end->in.len;
		else if (give < end->in.len)
			give = give + end->chunk < end->in.len ? give + end->chunk : end->in.len;
		else
			break;
	}
	if (end->state == KTLS_ENGINE_WAIT && end->deferred) {
		int (*deferred)(struct engine_end *) = end->deferred;

		end->deferred = NULL;
		ktls_engine_resume(&end->engine, deferred(end));
		moved = true;
	}
	return moved || first || end->state != before;
}

bool engines_run(struct engine_end *client, struct engine_end *server)
{
	bool moved;

	do {
		moved = engine_end_step(client, &server->in);
		moved = engine_end_step(server, &client->in) || moved;
	} while (moved);
	return client->state == KTLS_ENGINE_DONE && server->state == KTLS_ENGINE_DONE;
}

void engines_wipe(struct engine_end *client, struct engine_end *server)
{
	ktls_engine_wipe(&client->engine);
	ktls_engine_wipe(&server->engine);
}
