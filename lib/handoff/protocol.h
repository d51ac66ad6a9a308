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

#include <netinet/in.h>

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
#define HANDOFF_SESSION_MAX   6144  /* bytes of a sealed session */
#define HANDOFF_TICKET_MAX    32768 /* bytes of a NewSessionTicket message */
#define HANDOFF_BACKLOG_MAX   4096  /* finished connections that wait to be collected */

enum handoff_type {
	HANDOFF_GREETING = 1,  /* ktlsd's first message on a connection */
	HANDOFF_REQUEST = 2,   /* of a handshake, with the socket */
	HANDOFF_REPLY = 3,     /* the only one to a request; with id 0 it is about the connection */
	HANDOFF_CANCEL = 4,    /* no reply of its own */
	HANDOFF_SERVICE = 5,   /* for a connection whose handshake is over, with its socket */
	HANDOFF_COLLECTED = 6, /* of a listening socket's connections; no reply of its own */
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
	uint8_t flags;    /* KTLS_TX_ZEROCOPY */
	/*
	 * Not 0: the descriptor is a listening socket, whose connections are accepted, and so many
	 * replies may be on their way: each has a descriptor and more set, the last has neither.
	 */
	uint16_t listen;
};

enum {
	HANDOFF_RENEW_TX = 1,
	HANDOFF_RENEW_RX = 2,
};

/* What is wanted of ktlsd behind a handshake. The reply has a fresh seal, whatever was asked. */
struct handoff_service {
	uint64_t id; /* not 0 */
	uint32_t deadline_ms;
	uint8_t renew;            /* HANDOFF_RENEW_...: the keys that follow those in force */
	struct ktls_span session; /* sealed */
	struct ktls_span ticket;  /* client: a NewSessionTicket message to be kept; or empty */
};

/* The client has taken so many replies of a listening socket's. */
struct handoff_collected {
	uint64_t id; /* of the request */
	uint16_t count;
};

/* A key in force as ktlsd saw it, and the one to install in its place. Secret. */
struct handoff_keys {
	struct ktls_traffic_key follows; /* its seq is nothing */
	struct ktls_traffic_key next;    /* its seq is 0 */
};

enum handoff_descriptor {
	HANDOFF_FD_NONE = 0,
	HANDOFF_FD_RELAYED = 1,  /* bit: carries plain bytes, and takes the place of the socket */
	HANDOFF_FD_ACCEPTED = 2, /* bit: a new connection of a listening socket */
};

#define HANDOFF_ADDRESS_MAX 18 /* u16 port, then 4 or 16 bytes of address */

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
	uint8_t tx_no_hw; /* enum ktls_no_hw; or one to come */
	uint8_t rx_no_hw;
	uint8_t descriptor; /* HANDOFF_FD_...: what the message's descriptor is for */
	uint8_t more;       /* 1: more replies follow with the same id */
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
	struct ktls_span key_tx, key_rx; /* struct handoff_keys by handoff_keys_build(), or empty */
	uint64_t records_max;            /* that one key may protect; 0: not known */
	uint32_t session_age;            /* seconds for which a sealed session is good */
	struct ktls_span peer_address;   /* of the TCP socket: HANDOFF_ADDRESS_MAX, or empty */
	struct ktls_span local_address;
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

/* The same for a service. */
WIRE_MUST_CHECK int handoff_service_parse(const void *packet, size_t len,
					  struct handoff_service *out);

/* Likewise. */
WIRE_MUST_CHECK int handoff_collected_parse(const void *packet, size_t len,
					    struct handoff_collected *out);

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
size_t handoff_service_build(const struct handoff_service *service, void *buf, size_t cap);
size_t handoff_collected_build(const struct handoff_collected *collected, void *buf, size_t cap);

#define HANDOFF_KEYS_LEN (4 + 2 * (32 + 12)) /* bytes of struct handoff_keys */

/* The value of key_tx and key_rx, and back; false for what is none, with nothing written. */
void handoff_keys_build(const struct handoff_keys *keys, uint8_t out[static HANDOFF_KEYS_LEN]);
WIRE_MUST_CHECK bool handoff_keys_parse(const struct ktls_span *value, struct handoff_keys *out);

/*
 * An address as the protocol has it, of a struct sockaddr_in or _in6: returns its length, 0 for
 * another family. And back: false for what is none, with nothing written. IPv4 comes back as a
 * struct sockaddr_in.
 */
size_t handoff_address_build(const struct sockaddr *address,
			     uint8_t out[static HANDOFF_ADDRESS_MAX]);
WIRE_MUST_CHECK bool handoff_address_parse(const struct ktls_span *value, struct sockaddr_in6 *out);

/*
 * Whether this version serves a request: fields in range, reserved ones unused. Returns 0 or
 * -KTLS_R_REQUEST_VALUE. handoff_request_parse() has done it; this is for requests that come
 * without having been parsed.
 */
WIRE_MUST_CHECK int handoff_request_check(const struct handoff_request *request);

#endif
