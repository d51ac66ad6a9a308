/* SPDX-License-Identifier: MIT */
/*
 * A packet as ktlsd's worker gets it: its header, then as each of the messages that it may be.
 *
 * What must hold: a refusal has one of the reasons that a client is told and writes nothing; what
 * was accepted lies within the packet, is what this version serves, and is the same after it was
 * built and parsed again.
 */
#include <string.h>

#include "lib/handoff/protocol.h"
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

static void check_refusal(int ret, const void *out, const void *before, size_t size)
{
	FUZZ_CHECK(ret == -KTLS_R_REQUEST_MALFORMED || ret == -KTLS_R_REQUEST_OPTION ||
		   ret == -KTLS_R_REQUEST_VALUE);
	FUZZ_CHECK(memcmp(out, before, size) == 0);
}

static void check_request(const struct handoff_request *r, const uint8_t *data, size_t size)
{
	struct handoff_request parsed;
	size_t len, len_again;

	FUZZ_CHECK(r->id != 0 && r->profile[0] != 0);
	FUZZ_CHECK(memchr(r->profile, 0, sizeof(r->profile)));
	FUZZ_CHECK(memchr(r->server_name, 0, sizeof(r->server_name)));
	FUZZ_CHECK(within(r->alpn, data, size) && within(r->received, data, size));
	FUZZ_CHECK(handoff_request_check(r) == 0);
	len = handoff_request_build(r, built, sizeof(built));
	FUZZ_CHECK(len > 0);
	FUZZ_CHECK(handoff_request_parse(built, len, &parsed) == 0);
	len_again = handoff_request_build(&parsed, again, sizeof(again));
	FUZZ_CHECK(len == len_again && memcmp(built, again, len) == 0);
}

static void check_service(const uint8_t *data, size_t size)
{
	struct handoff_service service, before, parsed;
	size_t len;
	int ret;

	memset(&before, 0x5a, sizeof(before));
	memcpy(&service, &before, sizeof(before));
	ret = handoff_service_parse(data, size, &service);
	if (ret < 0) {
		check_refusal(ret, &service, &before, sizeof(before));
		return;
	}
	FUZZ_CHECK(service.id != 0 && service.session.len > 0);
	FUZZ_CHECK(within(service.session, data, size) && within(service.ticket, data, size));
	len = handoff_service_build(&service, built, sizeof(built));
	FUZZ_CHECK(len > 0 && handoff_service_parse(built, len, &parsed) == 0);
	FUZZ_CHECK(handoff_service_build(&parsed, again, sizeof(again)) == len &&
		   memcmp(built, again, len) == 0);
}

static void check_collected(const uint8_t *data, size_t size)
{
	struct handoff_collected collected, before, parsed;
	size_t len;
	int ret;

	memset(&before, 0x5a, sizeof(before));
	memcpy(&collected, &before, sizeof(before));
	ret = handoff_collected_parse(data, size, &collected);
	if (ret < 0) {
		check_refusal(ret, &collected, &before, sizeof(before));
		return;
	}
	FUZZ_CHECK(collected.id != 0 && collected.count > 0 &&
		   collected.count <= HANDOFF_BACKLOG_MAX);
	len = handoff_collected_build(&collected, built, sizeof(built));
	FUZZ_CHECK(len > 0 && handoff_collected_parse(built, len, &parsed) == 0);
	FUZZ_CHECK(parsed.id == collected.id && parsed.count == collected.count);
}

static void fuzz_packet(const uint8_t *data, size_t size)
{
	struct handoff_request request, before;
	struct handoff_header header;
	uint64_t id = 7;
	int ret;

	memset(&before, 0x5a, sizeof(before));
	memcpy(&request, &before, sizeof(before));
	ret = handoff_request_parse(data, size, &request);
	if (ret == 0)
		check_request(&request, data, size);
	else
		check_refusal(ret, &request, &before, sizeof(before));
	if (ret == 0 || ret == -KTLS_R_REQUEST_OPTION || ret == -KTLS_R_REQUEST_VALUE)
		FUZZ_CHECK(handoff_header_parse(data, size, &header) == 0);

	check_service(data, size);
	check_collected(data, size);
	ret = handoff_cancel_parse(data, size, &id);
	if (ret < 0)
		check_refusal(ret, &id, &(uint64_t){ 7 }, sizeof(id));
	else
		FUZZ_CHECK(handoff_header_parse(data, size, &header) == 0 && header.id == id);
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
