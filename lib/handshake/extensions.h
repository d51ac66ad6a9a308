/* SPDX-License-Identifier: MIT */
/*
 * Extensions (RFC 9846, 4.3): a table says which message may carry which, how each is built and
 * parsed and what its absence means. The driver checks once, for all of them, what is duplicate,
 * misplaced, unsolicited, missing or followed by trailing bytes.
 */
#ifndef KTLS_HANDSHAKE_EXTENSIONS_H
#define KTLS_HANDSHAKE_EXTENSIONS_H

#include "lib/handshake/engine.h"

#define EXTENSIONS_MAX 256 /* in one message; more are refused */

/* Rows of the table; also bits of engine.offered and engine.received. */
enum extension_row {
	EXTENSION_SUPPORTED_VERSIONS,
	EXTENSION_SERVER_NAME,
	EXTENSION_SUPPORTED_GROUPS,
	EXTENSION_SIGNATURE_ALGORITHMS,
	EXTENSION_SIGNATURE_ALGORITHMS_CERT,
	EXTENSION_ALPN,
	EXTENSION_RECORD_SIZE_LIMIT,
	EXTENSION_MAX_FRAGMENT_LENGTH,
	EXTENSION_COOKIE,
	EXTENSION_KEY_SHARE,
	EXTENSION_EXTENDED_MASTER_SECRET,
	EXTENSION_RENEGOTIATION_INFO,
	EXTENSION_POINT_FORMATS,
	EXTENSION_SESSION_TICKET,
	EXTENSION_PSK_MODES,
	EXTENSION_EARLY_DATA,
	EXTENSION_PRE_SHARED_KEY,
	EXTENSION_ROWS,
};

/* What the extensions of the message at hand said; readers point into the message. */
struct extension_values {
	enum message message;
	bool offers_1_3, offers_1_2; /* ClientHello: supported_versions has it */
	struct reader groups;        /* ClientHello: NamedGroup list */
	struct reader shares;        /* ClientHello: KeyShareEntry list */
	struct reader ticket;        /* ClientHello: of TLS 1.2 */
	struct reader cookie;        /* HelloRetryRequest */
	uint16_t group;              /* ServerHello, HelloRetryRequest: selected group */
	struct reader share;         /* ServerHello: the server's share */
	bool psk_ke, psk_dhe_ke;     /* ClientHello: modes of psk_key_exchange_modes */
	struct reader psk_identity;  /* ClientHello: the first identity of pre_shared_key */
	uint32_t psk_age;            /* ClientHello: with it, obfuscated */
	struct reader psk_binders;   /* ClientHello: the list, without its length prefix */
	int psk_result;              /* ClientHello: 0, or what is wrong with its pre_shared_key */
	uint16_t identity;           /* ServerHello: the one selected */
};

/* Whether the message parsed last had the extension. */
bool extension_received(const struct engine *e, enum extension_row row);

/* The reason why a message lacks an extension that it must have, or 0. */
int extensions_required(const struct engine *e, enum message message)
	__attribute__((warn_unused_result));

/* Parses the extensions block, its length prefix included, of a message of the peer. */
int extensions_parse(struct engine *e, struct reader *message, struct extension_values *values)
	__attribute__((warn_unused_result));

/* Writes the extensions block of a message of ours, its length prefix included. */
void extensions_build(struct engine *e, enum message message, struct writer *w);

/* The handlers of the table's rows. */
int versions_parse(struct engine *e, struct extension_values *values, struct reader *body);
void versions_build(struct engine *e, enum message message, struct writer *w);
int groups_parse(struct engine *e, struct extension_values *values, struct reader *body);
void groups_build(struct engine *e, enum message message, struct writer *w);
int schemes_parse(struct engine *e, struct extension_values *values, struct reader *body);
int schemes_cert_parse(struct engine *e, struct extension_values *values, struct reader *body);
void schemes_build(struct engine *e, enum message message, struct writer *w);
int cookie_parse(struct engine *e, struct extension_values *values, struct reader *body);
bool cookie_wanted(const struct engine *e, enum message message);
void cookie_build(struct engine *e, enum message message, struct writer *w);
int key_share_parse(struct engine *e, struct extension_values *values, struct reader *body);
bool key_share_wanted(const struct engine *e, enum message message);
void key_share_build(struct engine *e, enum message message, struct writer *w);
int record_size_limit_parse(struct engine *e, struct extension_values *values, struct reader *body);
bool record_size_limit_wanted(const struct engine *e, enum message message);
void record_size_limit_build(struct engine *e, enum message message, struct writer *w);
/* Server: what the ClientHello at hand asks for, now that the version is known. */
void record_size_negotiate(struct engine *e);
int max_fragment_parse(struct engine *e, struct extension_values *values, struct reader *body);
bool max_fragment_wanted(const struct engine *e, enum message message);
void max_fragment_build(struct engine *e, enum message message, struct writer *w);
bool extended_master_secret_wanted(const struct engine *e, enum message message);
int extended_master_secret_parse(struct engine *e, struct extension_values *values,
				 struct reader *body);
void extended_master_secret_build(struct engine *e, enum message message, struct writer *w);
int renegotiation_info_parse(struct engine *e, struct extension_values *values,
			     struct reader *body);
bool renegotiation_info_wanted(const struct engine *e, enum message message);
void renegotiation_info_build(struct engine *e, enum message message, struct writer *w);
int point_formats_parse(struct engine *e, struct extension_values *values, struct reader *body);
bool point_formats_wanted(const struct engine *e, enum message message);
void point_formats_build(struct engine *e, enum message message, struct writer *w);
int session_ticket_parse(struct engine *e, struct extension_values *values, struct reader *body);
bool session_ticket_wanted(const struct engine *e, enum message message);
void session_ticket_build(struct engine *e, enum message message, struct writer *w);
int psk_modes_parse(struct engine *e, struct extension_values *values, struct reader *body);
bool psk_modes_wanted(const struct engine *e, enum message message);
void psk_modes_build(struct engine *e, enum message message, struct writer *w);
int early_data_parse(struct engine *e, struct extension_values *values, struct reader *body);
int pre_shared_key_parse(struct engine *e, struct extension_values *values, struct reader *body);
bool pre_shared_key_wanted(const struct engine *e, enum message message);
void pre_shared_key_build(struct engine *e, enum message message, struct writer *w);
int server_name_parse(struct engine *e, struct extension_values *values, struct reader *body);
bool server_name_wanted(const struct engine *e, enum message message);
void server_name_build(struct engine *e, enum message message, struct writer *w);
int alpn_parse(struct engine *e, struct extension_values *values, struct reader *body);
bool alpn_wanted(const struct engine *e, enum message message);
void alpn_build(struct engine *e, enum message message, struct writer *w);

#endif
