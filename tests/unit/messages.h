/* SPDX-License-Identifier: MIT */
/* What the tests of the hand-off protocol share: each kind of message, with every field used. */
#ifndef KTLS_TESTS_MESSAGES_H
#define KTLS_TESTS_MESSAGES_H

#include "lib/handoff/protocol.h"

#include <stdlib.h>
#include <string.h>

#include "lib/wire/writer.h"
#include "tests/harness/harness.h"

static uint8_t packet[HANDOFF_MESSAGE_MAX];
static uint8_t other[HANDOFF_MESSAGE_MAX] __attribute__((unused));
static uint8_t certs[HANDOFF_CHAIN_MAX];

static inline struct ktls_span span(const void *bytes, size_t len)
{
	return (struct ktls_span){ .bytes = bytes, .len = len };
}

static inline struct handoff_request full_request(void)
{
	return (struct handoff_request){ .id = 0x0102030405060708,
					 .role = KTLS_CLIENT,
					 .records = KTLS_RECORDS_PREFER_KERNEL,
					 .deadline_ms = 2500,
					 .profile = "web",
					 .server_name = "example.org",
					 .alpn = span("\x02h2\x08http/1.1", 12),
					 .received = span("\x16\x03\x03", 3) };
}

static inline struct handoff_reply full_reply(void)
{
	return (struct handoff_reply){ .id = 7,
				       .reason = KTLS_R_PEER_ALERT,
				       .alert_origin = KTLS_ALERT_RECEIVED,
				       .alert = KTLS_ALERT_UNKNOWN_CA,
				       .version = KTLS_TLS_1_3,
				       .suite = KTLS_AES_256_GCM_SHA384,
				       .group = KTLS_GROUP_X25519,
				       .scheme = KTLS_SCHEME_ED25519,
				       .tx = KTLS_STATE_SW,
				       .rx = KTLS_STATE_UNKNOWN,
				       .tx_no_hw = KTLS_NO_HW_FEATURE_OFF,
				       .rx_no_hw = 200,
				       .descriptor = 1,
				       .time_us = 1234567,
				       .text = "nothing more",
				       .server_name = "www.example.org",
				       .alpn = span("h2", 2),
				       .session = span("sealed", 6),
				       .certs = { span(certs, 100), span(certs + 100, 70) },
				       .certs_len = 2,
				       .names = { { KTLS_NAME_SUBJECT, span("CN=alice", 8) },
						  { KTLS_NAME_DNS, span("a.example", 9) } },
				       .names_len = 2,
				       .names_left_out = 3,
				       .client_scheme = KTLS_SCHEME_ECDSA_SECP256R1_SHA256 };
}

static inline struct handoff_greeting full_greeting(void)
{
	return (struct handoff_greeting){ .protocol = 1,
					  .lanes = 4,
					  .lane = 3,
					  .message_max = HANDOFF_MESSAGE_MAX,
					  .in_flight_max = 4096,
					  .deadline_max = KTLS_DEADLINE_MAX,
					  .received_max = KTLS_RECEIVED_MAX,
					  .capabilities = KTLS_CAN_REKEY | 7,
					  .version = "0.1.0" };
}

static inline struct handoff_service full_service(void)
{
	return (struct handoff_service){ .id = 9,
					 .deadline_ms = 700,
					 .renew = HANDOFF_RENEW_TX | HANDOFF_RENEW_RX,
					 .session = span("sealed", 6),
					 .ticket = span("ticket", 6) };
}

/* One type for all messages, so that what holds for each is tested on each. */
union message {
	struct handoff_greeting greeting;
	struct handoff_request request;
	struct handoff_reply reply;
	struct handoff_service service;
	struct handoff_collected collected;
	uint64_t cancel;
};

FIXTURE(message)
{
	union message full;
	size_t len; /* of packet, which holds it */
};

FIXTURE_VARIANT(message)
{
	uint8_t type;
	int malformed; /* what parsing fails with */
	int option;
};

#define TO_DAEMON .malformed = -KTLS_R_REQUEST_MALFORMED, .option = -KTLS_R_REQUEST_OPTION
#define TO_CLIENT .malformed = -KTLS_R_PROTOCOL, .option = -KTLS_R_PROTOCOL

FIXTURE_VARIANT_ADD(message, greeting){ .type = HANDOFF_GREETING, TO_CLIENT };
FIXTURE_VARIANT_ADD(message, request){ .type = HANDOFF_REQUEST, TO_DAEMON };
FIXTURE_VARIANT_ADD(message, reply){ .type = HANDOFF_REPLY, TO_CLIENT };
FIXTURE_VARIANT_ADD(message, cancel){ .type = HANDOFF_CANCEL, TO_DAEMON };
FIXTURE_VARIANT_ADD(message, service){ .type = HANDOFF_SERVICE, TO_DAEMON };
FIXTURE_VARIANT_ADD(message, collected){ .type = HANDOFF_COLLECTED, TO_DAEMON };

static inline size_t build(uint8_t type, const union message *m, void *buf, size_t cap)
{
	switch (type) {
	case HANDOFF_GREETING:
		return handoff_greeting_build(&m->greeting, buf, cap);
	case HANDOFF_REQUEST:
		return handoff_request_build(&m->request, buf, cap);
	case HANDOFF_REPLY:
		return handoff_reply_build(&m->reply, buf, cap);
	case HANDOFF_SERVICE:
		return handoff_service_build(&m->service, buf, cap);
	case HANDOFF_COLLECTED:
		return handoff_collected_build(&m->collected, buf, cap);
	default:
		return handoff_cancel_build(m->cancel, buf, cap);
	}
}

static inline int parse(uint8_t type, const void *buf, size_t len, union message *m)
{
	switch (type) {
	case HANDOFF_GREETING:
		return handoff_greeting_parse(buf, len, &m->greeting);
	case HANDOFF_REQUEST:
		return handoff_request_parse(buf, len, &m->request);
	case HANDOFF_REPLY:
		return handoff_reply_parse(buf, len, &m->reply);
	case HANDOFF_SERVICE:
		return handoff_service_parse(buf, len, &m->service);
	case HANDOFF_COLLECTED:
		return handoff_collected_parse(buf, len, &m->collected);
	default:
		return handoff_cancel_parse(buf, len, &m->cancel);
	}
}

static inline void set_length(uint8_t *buf, size_t len)
{
	struct writer w;

	writer_init(&w, buf + 4, 4);
	writer_u32(&w, (uint32_t)len);
}

/* Appends an attribute to the packet of *len bytes. */
static inline void append(size_t *len, unsigned int type, const void *value, size_t value_len)
{
	struct writer w;

	writer_init(&w, packet + *len, sizeof(packet) - *len);
	writer_u16(&w, (uint16_t)type);
	writer_vec(&w, 2, value, value_len);
	ASSERT_TRUE(writer_ok(&w));
	*len += w.len;
	set_length(packet, *len);
}

/* Whether byte i of the packet begins an attribute, or is its end. */
static inline bool is_boundary(size_t len, size_t i)
{
	size_t at = HANDOFF_HEADER_LEN;

	while (at < i && at < len)
		at += 4u + packet[at + 2] * 256u + packet[at + 3];
	return at == i;
}

FIXTURE_SETUP(message)
{
	for (size_t i = 0; i < sizeof(certs); i++)
		certs[i] = (uint8_t)(i * 7);
	switch (variant->type) {
	case HANDOFF_GREETING:
		self->full.greeting = full_greeting();
		break;
	case HANDOFF_REQUEST:
		self->full.request = full_request();
		break;
	case HANDOFF_REPLY:
		self->full.reply = full_reply();
		break;
	case HANDOFF_SERVICE:
		self->full.service = full_service();
		break;
	case HANDOFF_COLLECTED:
		self->full.collected = (struct handoff_collected){ .id = 77, .count = 300 };
		break;
	default:
		self->full.cancel = UINT64_MAX;
	}
	self->len = build(variant->type, &self->full, packet, sizeof(packet));
	ASSERT_GT(self->len, 0);
}

FIXTURE_TEARDOWN(message)
{
}

#endif
