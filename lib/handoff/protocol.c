/* SPDX-License-Identifier: MIT */
/*
 * The hand-off protocol's messages as two tables: one of messages, and one of attributes with the
 * field of the message's struct that each fills. Parsing and building walk the same rows.
 */
#include "lib/handoff/protocol.h"

#include <string.h>

#include "lib/handoff/exports.h"
#include "lib/handoff/values.h"

static const struct handoff_rule rules[] = {
	[HANDOFF_GREETING] = { "greeting", HANDOFF_TO_CLIENT, 4096, 0, 0 },
	[HANDOFF_REQUEST] = { "request", HANDOFF_TO_DAEMON, HANDOFF_MESSAGE_MAX, 1, 1 },
	[HANDOFF_REPLY] = { "reply", HANDOFF_TO_CLIENT, HANDOFF_MESSAGE_MAX, 0, 1 },
	[HANDOFF_CANCEL] = { "cancel", HANDOFF_TO_DAEMON, 4096, 0, 0 },
	[HANDOFF_SERVICE] = { "service", HANDOFF_TO_DAEMON, HANDOFF_MESSAGE_MAX, 1, 1 },
	[HANDOFF_COLLECTED] = { "collected", HANDOFF_TO_DAEMON, 4096, 0, 0 },
};

const struct handoff_rule *handoff_rule(uint8_t type)
{
	if (type >= sizeof(rules) / sizeof(rules[0]) || !rules[type].name)
		return NULL;
	return &rules[type];
}

#define SIZE(s, field) sizeof(((struct handoff_##s *)0)->field)
#define ROW(s, message, type, kind, flags, field, min, max)                                      \
	{                                                                                        \
		message, type, kind, flags, offsetof(struct handoff_##s, field), SIZE(s, field), \
			min, max                                                                 \
	}
#define REQUEST(...)   ROW(request, HANDOFF_REQUEST, __VA_ARGS__)
#define REPLY(...)     ROW(reply, HANDOFF_REPLY, __VA_ARGS__)
#define SERVICE(...)   ROW(service, HANDOFF_SERVICE, __VA_ARGS__)
#define COLLECTED(...) ROW(collected, HANDOFF_COLLECTED, __VA_ARGS__)
#define GREETING(...)  ROW(greeting, HANDOFF_GREETING, __VA_ARGS__)

/* clang-format off */
static const struct attribute attributes[] = {
	/*	 type kind    flags               field          min max */
	REQUEST( 1,   NAME,   MANDATORY,          server_name,   1,  KTLS_SERVER_NAME_MAX),
	REQUEST( 2,   BYTES,  MANDATORY,          session,       1,  HANDOFF_SESSION_MAX),
	REQUEST( 16,  NUMBER, MANDATORY | NEEDED, role,          0,  KTLS_CLIENT),
	REQUEST( 17,  NAME,   MANDATORY,          profile,       1,  KTLS_PROFILE_MAX),
	REQUEST( 18,  NUMBER, MANDATORY,          deadline_ms,   1,  KTLS_DEADLINE_MAX),
	REQUEST( 19,  NUMBER, MANDATORY,          records,       0,  KTLS_RECORDS_PREFER_KERNEL),
	REQUEST( 20,  NUMBER, MANDATORY,          hardware,      0,  KTLS_HARDWARE_AVOID),
	REQUEST( 21,  ALPN,   MANDATORY,          alpn,          2,  KTLS_ALPN_MAX),
	REQUEST( 22,  BYTES,  MANDATORY,          received,      1,  KTLS_RECEIVED_MAX),
	REQUEST( 23,  EXPORT, MANDATORY,          exports,       EXPORT_WANTED_MIN, EXPORT_WANTED_MAX),
	REQUEST( 24,  NUMBER, MANDATORY,          bindings,      0,  KTLS_BINDING_EXPORTER | KTLS_BINDING_SERVER_END_POINT),
	REQUEST( 25,  NUMBER, MANDATORY,          listen,        0,  HANDOFF_BACKLOG_MAX),
	REQUEST( 29,  NUMBER, MANDATORY,          flags,         0,  KTLS_TX_ZEROCOPY),

	SERVICE( 2,   BYTES,  MANDATORY | NEEDED, session,       1,  HANDOFF_SESSION_MAX),
	SERVICE( 18,  NUMBER, MANDATORY,          deadline_ms,   1,  KTLS_DEADLINE_MAX),
	SERVICE( 26,  NUMBER, MANDATORY,          renew,         0,  HANDOFF_RENEW_TX | HANDOFF_RENEW_RX),
	SERVICE( 27,  BYTES,  0,                  ticket,        1,  HANDOFF_TICKET_MAX),

	COLLECTED(28, NUMBER, MANDATORY | NEEDED, count,         1,  HANDOFF_BACKLOG_MAX),

	REPLY(   1,   TEXT,   0,                  server_name,   1,  KTLS_SERVER_NAME_MAX),
	REPLY(   2,   BYTES,  0,                  session,       1,  HANDOFF_SESSION_MAX),
	REPLY(   32,  NUMBER, NEEDED,             reason,        0,  UINT16_MAX),
	REPLY(   33,  NUMBER, 0,                  alert_origin,  0,  KTLS_ALERT_RECEIVED),
	REPLY(   34,  NUMBER, 0,                  alert,         0,  UINT8_MAX),
	REPLY(   35,  TEXT,   0,                  text,          1,  HANDOFF_TEXT_MAX),
	REPLY(   36,  NUMBER, 0,                  version,       0,  UINT16_MAX),
	REPLY(   37,  NUMBER, 0,                  suite,         0,  UINT16_MAX),
	REPLY(   38,  NUMBER, 0,                  group,         0,  UINT16_MAX),
	REPLY(   39,  NUMBER, 0,                  scheme,        0,  UINT16_MAX),
	REPLY(   40,  NUMBER, 0,                  tx,            0,  KTLS_STATE_RELAY),
	REPLY(   41,  NUMBER, 0,                  rx,            0,  KTLS_STATE_RELAY),
	REPLY(   42,  NUMBER, 0,                  time_us,       0,  UINT64_MAX),
	REPLY(   43,  BYTES,  0,                  alpn,          1,  255),
	REPLY(   44,  CERT,   0,                  certs,         1,  HANDOFF_CHAIN_MAX),
	REPLY(   45,  NUMBER, MANDATORY,          descriptor,    0,  UINT8_MAX),
	REPLY(   46,  NUMBER, 0,                  resumed,       0,  1),
	REPLY(   47,  NUMBER, MANDATORY,          more,          0,  1),
	REPLY(   48,  PEER_NAME, 0,               names,         2,  HANDOFF_NAMES_LEN_MAX + 1),
	REPLY(   49,  NUMBER, 0,                  names_left_out, 0, UINT16_MAX),
	REPLY(   50,  NUMBER, 0,                  client_scheme, 0,  UINT16_MAX),
	REPLY(   51,  EXPORTED, 0,                exported,      0,  KTLS_EXPORTED_MAX),
	REPLY(   52,  BYTES,  0,                  tls_exporter,  32, 32),
	REPLY(   53,  BYTES,  0,                  tls_server_end_point, 32, 64),
	REPLY(   54,  BYTES,  0,                  key_tx,        HANDOFF_KEYS_LEN, HANDOFF_KEYS_LEN),
	REPLY(   55,  BYTES,  0,                  key_rx,        HANDOFF_KEYS_LEN, HANDOFF_KEYS_LEN),
	REPLY(   56,  NUMBER, 0,                  records_max,   0,  UINT64_MAX),
	REPLY(   57,  NUMBER, 0,                  session_age,   0,  UINT32_MAX),
	REPLY(   58,  BYTES,  0,                  peer_address,  6,  HANDOFF_ADDRESS_MAX),
	REPLY(   59,  BYTES,  0,                  local_address, 6,  HANDOFF_ADDRESS_MAX),
	REPLY(   60,  NUMBER, 0,                  tx_no_hw,      0,  UINT8_MAX),
	REPLY(   61,  NUMBER, 0,                  rx_no_hw,      0,  UINT8_MAX),

	GREETING(64,  NUMBER, NEEDED,             protocol,      1,  UINT16_MAX),
	GREETING(65,  NUMBER, NEEDED,             lanes,         1,  HANDOFF_LANES_MAX),
	GREETING(66,  NUMBER, NEEDED,             lane,          0,  HANDOFF_LANES_MAX - 1),
	GREETING(67,  NUMBER, NEEDED,             message_max,   1,  UINT32_MAX),
	GREETING(68,  NUMBER, NEEDED,             in_flight_max, 1,  UINT32_MAX),
	GREETING(69,  NUMBER, NEEDED,             deadline_max,  1,  UINT32_MAX),
	GREETING(70,  NUMBER, NEEDED,             received_max,  0,  UINT32_MAX),
	GREETING(71,  NUMBER, NEEDED,             capabilities,  0,  UINT64_MAX),
	GREETING(72,  TEXT,   0,                  version,       1,  SIZE(greeting, version) - 1),
};
/* clang-format on */

#define ATTRIBUTES (sizeof(attributes) / sizeof(attributes[0]))
_Static_assert(ATTRIBUTES <= 64, "one bit each in the set of those that were seen");

/* ---- parsing ------------------------------------------------------------------------------- */

static const struct attribute *attribute_find(uint8_t message, uint16_t type)
{
	for (size_t i = 0; i < ATTRIBUTES; i++)
		if (attributes[i].message == message && attributes[i].type == type)
			return &attributes[i];
	return NULL;
}

static uint64_t bit_of(const struct attribute *a)
{
	return UINT64_C(1) << (a - attributes);
}

static int attribute_parse(uint8_t message, struct reader *r, uint64_t *seen, void *out)
{
	const struct attribute *a;
	struct reader value;
	uint16_t type;

	if (!reader_u16(r, &type) || !reader_vec16(r, &value))
		return -KTLS_R_REQUEST_MALFORMED;
	a = attribute_find(message, type & (uint16_t)~HANDOFF_MANDATORY);
	if (!a)
		return type & HANDOFF_MANDATORY ? -KTLS_R_REQUEST_OPTION : 0;
	if ((*seen & bit_of(a)) && !is_list(a))
		return -KTLS_R_REQUEST_MALFORMED;
	*seen |= bit_of(a);
	return value_parse(a, value, out) ? 0 : -KTLS_R_REQUEST_VALUE;
}

static bool complete(uint8_t message, uint64_t seen)
{
	for (size_t i = 0; i < ATTRIBUTES; i++)
		if (attributes[i].message == message && (attributes[i].flags & NEEDED) &&
		    !(seen & bit_of(&attributes[i])))
			return false;
	return true;
}

int handoff_header_parse(const void *packet, size_t len, struct handoff_header *out)
{
	struct handoff_header h;
	struct reader r;
	uint16_t magic;
	uint32_t length;

	reader_init(&r, packet, len);
	if (!reader_u16(&r, &magic) || !reader_u8(&r, &h.version) || !reader_u8(&r, &h.type) ||
	    !reader_u32(&r, &length) || !reader_u64(&r, &h.id))
		return -KTLS_R_REQUEST_MALFORMED;
	if (magic != HANDOFF_MAGIC || length != len)
		return -KTLS_R_REQUEST_MALFORMED;
	*out = h;
	return 0;
}

/* Fills in out, which holds the defaults; on failure it may be half filled. */
static int message_parse(uint8_t type, const void *packet, size_t len, uint64_t *id, void *out)
{
	struct handoff_header header;
	struct reader r;
	uint64_t seen = 0;
	int ret = handoff_header_parse(packet, len, &header);

	if (ret < 0)
		return ret;
	if (header.version != HANDOFF_VERSION || header.type != type || len > rules[type].len_max)
		return -KTLS_R_REQUEST_MALFORMED;
	reader_init(&r, packet, len);
	if (!reader_skip(&r, HANDOFF_HEADER_LEN))
		return -KTLS_R_REQUEST_MALFORMED;
	while (!reader_empty(&r)) {
		ret = attribute_parse(type, &r, &seen, out);
		if (ret < 0)
			return ret;
	}
	if (!complete(type, seen))
		return -KTLS_R_REQUEST_MALFORMED;
	*id = header.id;
	return 0;
}

int handoff_request_parse(const void *packet, size_t len, struct handoff_request *out)
{
	struct handoff_request request = { .profile = "default",
					   .deadline_ms = KTLS_DEADLINE_DEFAULT };
	int ret = message_parse(HANDOFF_REQUEST, packet, len, &request.id, &request);

	if (ret == 0 && request.id == 0)
		ret = -KTLS_R_REQUEST_MALFORMED;
	if (ret == 0)
		ret = handoff_request_check(&request);
	if (ret == 0)
		*out = request;
	return ret;
}

int handoff_service_parse(const void *packet, size_t len, struct handoff_service *out)
{
	struct handoff_service service = { .deadline_ms = KTLS_DEADLINE_DEFAULT };
	int ret = message_parse(HANDOFF_SERVICE, packet, len, &service.id, &service);

	if (ret == 0 && service.id == 0)
		ret = -KTLS_R_REQUEST_MALFORMED;
	if (ret == 0)
		*out = service;
	return ret;
}

int handoff_collected_parse(const void *packet, size_t len, struct handoff_collected *out)
{
	struct handoff_collected collected = { 0 };
	int ret = message_parse(HANDOFF_COLLECTED, packet, len, &collected.id, &collected);

	if (ret == 0 && collected.id == 0)
		ret = -KTLS_R_REQUEST_MALFORMED;
	if (ret == 0)
		*out = collected;
	return ret;
}

int handoff_cancel_parse(const void *packet, size_t len, uint64_t *id)
{
	uint64_t found;
	int ret = message_parse(HANDOFF_CANCEL, packet, len, &found, &found);

	if (ret == 0 && found == 0)
		ret = -KTLS_R_REQUEST_MALFORMED;
	if (ret == 0)
		*id = found;
	return ret;
}

int handoff_greeting_parse(const void *packet, size_t len, struct handoff_greeting *out)
{
	struct handoff_greeting greeting = { 0 };
	uint64_t id;

	if (message_parse(HANDOFF_GREETING, packet, len, &id, &greeting) < 0)
		return -KTLS_R_PROTOCOL;
	if (id != 0 || greeting.lane >= greeting.lanes)
		return -KTLS_R_PROTOCOL;
	*out = greeting;
	return 0;
}

int handoff_reply_parse(const void *packet, size_t len, struct handoff_reply *out)
{
	struct handoff_reply reply = { 0 };

	if (message_parse(HANDOFF_REPLY, packet, len, &reply.id, &reply) < 0)
		return -KTLS_R_PROTOCOL;
	*out = reply;
	return 0;
}

int handoff_request_check(const struct handoff_request *request)
{
	for (size_t i = 0; i < ATTRIBUTES; i++) {
		const struct attribute *a = &attributes[i];
		uint64_t v;

		if (a->message != HANDOFF_REQUEST || a->kind != NUMBER)
			continue;
		v = number_get((const uint8_t *)request + a->offset, a->size);
		if (v < a->min || v > a->max)
			return -KTLS_R_REQUEST_VALUE;
	}
	if (request->session.len > 0)
		return -KTLS_R_REQUEST_VALUE;
	if (request->role == KTLS_SERVER && request->server_name[0])
		return -KTLS_R_REQUEST_VALUE;
	if (request->listen && (request->role != KTLS_SERVER || request->received.len > 0))
		return -KTLS_R_REQUEST_VALUE;
	if (request->exports_len > KTLS_EXPORTS_MAX)
		return -KTLS_R_REQUEST_VALUE;
	for (size_t i = 0; i < request->exports_len; i++)
		if (!export_valid(&request->exports[i]))
			return -KTLS_R_REQUEST_VALUE;
	return 0;
}

/* ---- building ------------------------------------------------------------------------------ */

static size_t message_build(uint8_t type, uint64_t id, const void *in, void *buf, size_t cap)
{
	struct writer w, length;

	writer_init(&w, buf, cap < rules[type].len_max ? cap : rules[type].len_max);
	writer_u16(&w, HANDOFF_MAGIC);
	writer_u8(&w, HANDOFF_VERSION);
	writer_u8(&w, type);
	writer_u32(&w, 0);
	writer_u64(&w, id);
	for (size_t i = 0; i < ATTRIBUTES; i++)
		if (attributes[i].message == type)
			attribute_build(&attributes[i], in, &w);
	if (!writer_ok(&w))
		return 0;
	writer_init(&length, (uint8_t *)buf + 4, 4);
	writer_u32(&length, (uint32_t)w.len);
	return w.len;
}

size_t handoff_greeting_build(const struct handoff_greeting *greeting, void *buf, size_t cap)
{
	return message_build(HANDOFF_GREETING, 0, greeting, buf, cap);
}

size_t handoff_request_build(const struct handoff_request *request, void *buf, size_t cap)
{
	return message_build(HANDOFF_REQUEST, request->id, request, buf, cap);
}

size_t handoff_reply_build(const struct handoff_reply *reply, void *buf, size_t cap)
{
	return message_build(HANDOFF_REPLY, reply->id, reply, buf, cap);
}

size_t handoff_cancel_build(uint64_t id, void *buf, size_t cap)
{
	return message_build(HANDOFF_CANCEL, id, &id, buf, cap);
}

size_t handoff_service_build(const struct handoff_service *service, void *buf, size_t cap)
{
	return message_build(HANDOFF_SERVICE, service->id, service, buf, cap);
}

size_t handoff_collected_build(const struct handoff_collected *collected, void *buf, size_t cap)
{
	return message_build(HANDOFF_COLLECTED, collected->id, collected, buf, cap);
}
