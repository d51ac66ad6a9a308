/* SPDX-License-Identifier: MIT */
/*
 * A packet as an application gets it: as a reply or a greeting, and the reply that is made of it.
 *
 * What must hold: a refusal is PROTOCOL and writes nothing; what was accepted lies within the
 * packet, is the same after it was built and parsed again, and arrives in struct ktls_reply whole.
 */
#include <string.h>

#include "lib/handoff/reply.h"
#include "tests/fuzz/fuzz.h"

static uint8_t built[HANDOFF_MESSAGE_MAX];
static uint8_t again[HANDOFF_MESSAGE_MAX];

/* The header's length is what a fuzzer hardly guesses: each input is tried with the right one, too.
 */
static uint8_t *with_right_length(const uint8_t *data, size_t size)
{
	uint8_t *copy = size >= HANDOFF_HEADER_LEN ? malloc(size) : NULL;

	if (!copy)
		return NULL;
	memcpy(copy, data, size);
	for (size_t i = 0; i < 4; i++)
		copy[4 + i] = (uint8_t)(size >> (8 * (3 - i)));
	return copy;
}

static int within(struct ktls_span span, const uint8_t *data, size_t size)
{
	return span.len == 0 ||
	       (span.bytes >= data && span.len <= size && span.bytes + span.len <= data + size);
}

static void check_same(const struct handoff_reply *r)
{
	struct handoff_reply parsed;
	size_t len = handoff_reply_build(r, built, sizeof(built));

	FUZZ_CHECK(len > 0);
	FUZZ_CHECK(handoff_reply_parse(built, len, &parsed) == 0);
	FUZZ_CHECK(handoff_reply_build(&parsed, again, sizeof(again)) == len);
	FUZZ_CHECK(memcmp(built, again, len) == 0);
}

static int span_equal(struct ktls_span a, struct ktls_span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.bytes, b.bytes, a.len) == 0);
}

/* As the application sees it, after the packet is gone. */
static void check_delivered(const struct handoff_reply *facts)
{
	struct ktls_call *call = calloc(1, sizeof(*call));
	struct ktls_reply *reply;

	if (!call)
		return;
	ktls_reply_init(call, 1, NULL);
	ktls_reply_set(call, facts, -1);
	reply = &call->reply;
	FUZZ_CHECK(reply->reason == facts->reason && reply->version == facts->version);
	FUZZ_CHECK(strcmp(reply->server_name, facts->server_name) == 0);
	FUZZ_CHECK(strstr(reply->text, ktls_reason_text(facts->reason)) == reply->text);
	FUZZ_CHECK(strstr(reply->text, facts->text) != NULL);
	FUZZ_CHECK(reply->alpn[facts->alpn.len] == 0);
	FUZZ_CHECK(span_equal(reply->session, facts->session));
	FUZZ_CHECK(reply->certs_len == facts->certs_len);
	for (size_t i = 0; i < facts->certs_len; i++)
		FUZZ_CHECK(span_equal(reply->certs[i], facts->certs[i]));
	FUZZ_CHECK(reply->names_len == facts->names_len);
	for (size_t i = 0; i < facts->names_len; i++)
		FUZZ_CHECK(strlen(reply->names[i].text) == facts->names[i].text.len);
	ktls_reply_free(reply);
}

static void fuzz_reply(const uint8_t *data, size_t size)
{
	struct handoff_reply reply, before;

	memset(&before, 0x5a, sizeof(before));
	memcpy(&reply, &before, sizeof(before));
	if (handoff_reply_parse(data, size, &reply) < 0) {
		FUZZ_CHECK(handoff_reply_parse(data, size, &reply) == -KTLS_R_PROTOCOL);
		FUZZ_CHECK(memcmp(&reply, &before, sizeof(before)) == 0);
		return;
	}
	FUZZ_CHECK(within(reply.alpn, data, size) && within(reply.session, data, size));
	for (size_t i = 0; i < reply.certs_len; i++)
		FUZZ_CHECK(within(reply.certs[i], data, size));
	for (size_t i = 0; i < reply.names_len; i++)
		FUZZ_CHECK(within(reply.names[i].text, data, size));
	check_same(&reply);
	check_delivered(&reply);
}

static void fuzz_greeting(const uint8_t *data, size_t size)
{
	struct handoff_greeting greeting, before;
	size_t len;

	memset(&before, 0x5a, sizeof(before));
	memcpy(&greeting, &before, sizeof(before));
	if (handoff_greeting_parse(data, size, &greeting) < 0) {
		FUZZ_CHECK(memcmp(&greeting, &before, sizeof(before)) == 0);
		return;
	}
	FUZZ_CHECK(greeting.lane < greeting.lanes && greeting.lanes <= HANDOFF_LANES_MAX);
	len = handoff_greeting_build(&greeting, built, sizeof(built));
	FUZZ_CHECK(len > 0 && handoff_greeting_parse(built, len, &before) == 0);
	FUZZ_CHECK(handoff_greeting_build(&before, again, sizeof(again)) == len);
	FUZZ_CHECK(memcmp(built, again, len) == 0);
}

static void fuzz_packet(const uint8_t *data, size_t size)
{
	fuzz_reply(data, size);
	fuzz_greeting(data, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy;

	fuzz_packet(data, size);
	copy = with_right_length(data, size);
	if (copy)
		fuzz_packet(copy, size);
	free(copy);
	return 0;
}
