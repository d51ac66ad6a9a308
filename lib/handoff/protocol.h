/* SPDX-License-Identifier: MIT */
/*
 * The hand-off protocol: messages between an application and a worker of ktlsd, over a Unix socket
 * of type SOCK_SEQPACKET. Documentation/handoff-protocol.md has it byte by byte.
 *
 * A message is one packet: a header of 16 bytes, then attributes, numbers big endian.
 *
 *	header     u16 magic, u8 version, u8 type, u32 length of the whole message, u64 id
 *	attribute  u16 type, u16 length of the value, value
 *
 * The highest bit of an attribute's type tells a receiver that does not know it to refuse the
 * message; without that bit it passes over it. A decoded message is a struct whose spans point into
 * the packet's bytes; texts are copied and end with 0. The structs are the vocabulary of both ends
 * and of what performs the handshakes; nothing here touches a descriptor (packet.h does).
 */
#ifndef KTLS_HANDOFF_PROTOCOL_H
#define KTLS_HANDOFF_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ktls.h>

#include "lib/wire/reader.h"

#define HANDOFF_MAGIC         0x4b54 /* "KT" */
#define HANDOFF_VERSION       1
#define HANDOFF_HEADER_LEN    16
#define HANDOFF_MESSAGE_MAX   65536
#define HANDOFF_MANDATORY     0x8000 /* the bit in an attribute's type */

#define HANDOFF_LANES_MAX     256   /* workers of a ktlsd, and so connections of a client */
#define HANDOFF_CERTS_MAX     11    /* certificates in a reply */
#define HANDOFF_CHAIN_MAX     40960 /* bytes of all of them: so a reply always fits one message */
#define HANDOFF_NAMES_MAX     128   /* names in a reply */
#define HANDOFF_NAMES_LEN_MAX 8192  /* bytes of all of them, likewise */
#define HANDOFF_TEXT_MAX      512   /* bytes of a reply's text */
#define HANDOFF_SESSION_MAX   2048  /* bytes of a session blob */

enum handoff_type {
	HANDOFF_GREETING = 1, /* ktlsd's first message on a connection */
	HANDOFF_REQUEST = 2,  /* of a handshake, with the socket */
	HANDOFF_REPLY = 3,    /* the only one to a request; with id 0 it is about the connection */
	HANDOFF_CANCEL = 4,   /* no reply of its own */
};

enum handoff_direction {
	HANDOFF_TO_CLIENT,
	HANDOFF_TO_DAEMON,
};

/* A row of the table of messages. */
struct handoff_rule {
	const char *name;
	enum handoff_direction direction;
	size_t len_max; /* bytes of the whole message */
	unsigned int fds_min, fds_max;
};

/* The row of a message type, NULL where there is none. */
const struct handoff_rule *handoff_rule(uint8_t type);

struct handoff_header {
	uint8_t version;
	uint8_t type;
	uint64_t id;
};

struct handoff_greeting {
	uint16_t protocol;      /* highest protocol version that this ktlsd speaks */
	uint16_t lanes;         /* number of workers, 1 to HANDOFF_LANES_MAX */
	uint16_t lane;          /* index of the worker that has this connection */
	uint32_t message_max;   /* bytes of a message */
	uint32_t in_flight_max; /* handshakes that this connection may have under way at a time */
	uint32_t deadline_max;  /* milliseconds */
	uint32_t received_max;  /* bytes already read that a request may carry */
	uint64_t capabilities;  /* KTLS_CAN_... */
	char version[65];       /* of ktlsd */
};

/* Keying material that is wanted: see struct ktls_export. */
struct handoff_export {
	uint16_t len;
	bool has_context;
	struct ktls_span label;
	struct ktls_span context;
};

/* Everything that is asked of a handshake; the descriptor goes beside it. */
struct handoff_request {
	uint64_t id;          /* not 0 */
	uint8_t role;         /* enum ktls_role */
	uint8_t records;      /* enum ktls_records */
	uint8_t hardware;     /* enum ktls_hardware */
	uint32_t deadline_ms; /* 1 to KTLS_DEADLINE_MAX */
	char profile[KTLS_PROFILE_MAX + 1];
	char server_name[KTLS_SERVER_NAME_MAX + 1]; /* DNS name or IP address, "" if none */
	struct ktls_span alpn;     /* RFC 7301, 3.1: each name with a length byte before it */
	struct ktls_span received; /* bytes that the application has read from the socket already */
	struct ktls_span session;  /* reserved */
	struct handoff_export exports[KTLS_EXPORTS_MAX];
	size_t exports_len;
	uint8_t bindings; /* KTLS_BINDING_... */
};

/* A name that the peer's certificate presents. */
struct handoff_name {
	uint8_t kind;          /* enum ktls_name_kind; or one to come, but not 0 */
	struct ktls_span text; /* printable ASCII */
};

/* Everything that is told of a handshake. */
struct handoff_reply {
	uint64_t id;
	uint16_t reason;      /* enum ktls_reason */
	uint8_t alert_origin; /* enum ktls_alert_origin; with ORIGIN_NONE alert means nothing */
	uint8_t alert;
	uint16_t version;
	uint16_t suite;
	uint16_t group;
	uint16_t scheme;
	uint8_t tx; /* enum ktls_state */
	uint8_t rx;
	uint8_t descriptor; /* reserved: what the message's descriptor is for; 0: there is none */
	uint64_t time_us;
	char text[HANDOFF_TEXT_MAX + 1]; /* details; "": nothing to add to the reason's own text */
	char server_name[KTLS_SERVER_NAME_MAX + 1];
	struct ktls_span alpn; /* the name alone, 1 to 255 bytes, or empty */
	struct ktls_span session;
	struct ktls_span certs[HANDOFF_CERTS_MAX]; /* DER, leaf first; see struct ktls_reply */
	size_t certs_len;
	struct handoff_name names[HANDOFF_NAMES_MAX];
	size_t names_len;
	uint16_t names_left_out;
	uint16_t client_scheme;
	uint8_t resumed; /* 0 or 1 */
	struct ktls_span exported[KTLS_EXPORTS_MAX];
	size_t exported_len;
	struct ktls_span tls_exporter;
	struct ktls_span tls_server_end_point;
};

/*
 * The header of a packet of len bytes. -KTLS_R_REQUEST_MALFORMED where it has none (too short,
 * another magic, a length that is not len): then no id can be read, and the connection is closed.
 */
WIRE_MUST_CHECK int handoff_header_parse(const void *packet, size_t len,
					 struct handoff_header *out);

/*
 * A request, in ktlsd. Spans point into packet. Fails with nothing written:
 *	-KTLS_R_REQUEST_MALFORMED  header, version, type, id 0, attributes that do not add up, one
 *	                           twice, one missing
 *	-KTLS_R_REQUEST_OPTION     an unknown attribute with HANDOFF_MANDATORY
 *	-KTLS_R_REQUEST_VALUE      a value too short, too long or out of range
 */
WIRE_MUST_CHECK int handoff_request_parse(const void *packet, size_t len,
					  struct handoff_request *out);

/* A cancel, in ktlsd: the id of what is to be cancelled. Fails as handoff_request_parse() does. */
WIRE_MUST_CHECK int handoff_cancel_parse(const void *packet, size_t len, uint64_t *id);

/* In the application. -KTLS_R_PROTOCOL, with nothing written, for whatever is wrong. */
WIRE_MUST_CHECK int handoff_greeting_parse(const void *packet, size_t len,
					   struct handoff_greeting *out);
WIRE_MUST_CHECK int handoff_reply_parse(const void *packet, size_t len, struct handoff_reply *out);

/*
 * Build a packet of at most cap bytes in buf. Return its length, or 0 where it does not fit or a
 * field is longer than the protocol allows. HANDOFF_MESSAGE_MAX bytes are always enough.
 */
size_t handoff_greeting_build(const struct handoff_greeting *greeting, void *buf, size_t cap);
size_t handoff_request_build(const struct handoff_request *request, void *buf, size_t cap);
size_t handoff_reply_build(const struct handoff_reply *reply, void *buf, size_t cap);
size_t handoff_cancel_build(uint64_t id, void *buf, size_t cap);

/*
 * Whether this version serves a request: fields in range, reserved ones unused. Returns 0 or
 * -KTLS_R_REQUEST_VALUE. handoff_request_parse() has done it; this is for requests that come
 * without having been parsed.
 */
WIRE_MUST_CHECK int handoff_request_check(const struct handoff_request *request);

#endif
