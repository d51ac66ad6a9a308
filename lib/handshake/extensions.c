/* SPDX-License-Identifier: MIT */
#include "lib/handshake/extensions.h"

#include "lib/handshake/grease.h"

/* Messages as bits of a row. */
enum {
	CH = 1 << 0,
	SH = 1 << 1,
	HRR = 1 << 2,
	EE = 1 << 3,
	CT = 1 << 4,
	CR = 1 << 5,
	SH12 = 1 << 6, /* ServerHello of TLS 1.2 */
};

struct extension {
	uint16_t type;                            /* IANA */
	uint8_t allowed;                          /* messages that may carry it, 4.3 */
	uint8_t required;                         /* messages that must */
	int missing;                              /* reason where a required one is missing */
	bool (*optional)(const struct engine *e); /* where it need not be there after all */
	uint8_t built; /* messages into which we put it, where it is wanted */
	bool (*wanted)(const struct engine *e, enum message message); /* NULL: always */
	void (*build)(struct engine *e, enum message message, struct writer *w);
	int (*parse)(struct engine *e, struct extension_values *values, struct reader *body);
};

static bool plain_master_secret(const struct engine *e)
{
	return e->config.plain_master_secret;
}

static const struct extension extensions[EXTENSION_ROWS] = {
	[EXTENSION_SUPPORTED_VERSIONS] = {
		.type = 43, .allowed = CH | SH | HRR,
		.required = CH | SH | HRR, .missing = KTLS_R_VERSION_UNSUPPORTED,
		.built = CH | SH | HRR, .build = versions_build, .parse = versions_parse,
	},
	[EXTENSION_SERVER_NAME] = {
		.type = 0, .allowed = CH | EE | CR | SH12, .built = CH | EE | SH12,
		.wanted = server_name_wanted, .build = server_name_build, .parse = server_name_parse,
	},
	[EXTENSION_SUPPORTED_GROUPS] = {
		.type = 10, .allowed = CH | EE | SH12, .required = CH, .missing = KTLS_R_EXTENSION_MISSING,
		.built = CH, .build = groups_build, .parse = groups_parse,
	},
	[EXTENSION_SIGNATURE_ALGORITHMS] = {
		.type = 13, .allowed = CH | CR,
		.required = CH | CR, .missing = KTLS_R_EXTENSION_MISSING,
		.built = CH | CR, .build = schemes_build, .parse = schemes_parse,
	},
	[EXTENSION_SIGNATURE_ALGORITHMS_CERT] = {
		.type = 50, .allowed = CH | CR, .parse = schemes_cert_parse,
	},
	[EXTENSION_ALPN] = {
		.type = 16, .allowed = CH | EE | SH12, .built = CH | EE | SH12,
		.wanted = alpn_wanted, .build = alpn_build, .parse = alpn_parse,
	},
	[EXTENSION_RECORD_SIZE_LIMIT] = {
		.type = 28, .allowed = CH | EE | SH12, .built = CH | EE | SH12,
		.wanted = record_size_limit_wanted, .build = record_size_limit_build,
		.parse = record_size_limit_parse,
	},
	[EXTENSION_MAX_FRAGMENT_LENGTH] = {
		.type = 1, .allowed = CH | EE | SH12, .built = EE | SH12,
		.wanted = max_fragment_wanted, .build = max_fragment_build,
		.parse = max_fragment_parse,
	},
	[EXTENSION_COOKIE] = {
		.type = 44, .allowed = CH | HRR, .built = CH,
		.wanted = cookie_wanted, .build = cookie_build, .parse = cookie_parse,
	},
	[EXTENSION_KEY_SHARE] = {
		.type = 51, .allowed = CH | SH | HRR,
		.required = CH, .missing = KTLS_R_EXTENSION_MISSING,
		.built = CH | SH | HRR, .wanted = key_share_wanted, .build = key_share_build,
		.parse = key_share_parse,
	},
	[EXTENSION_EXTENDED_MASTER_SECRET] = {
		.type = 23, .allowed = CH | SH12,
		.required = SH12, .missing = KTLS_R_MASTER_SECRET, .optional = plain_master_secret,
		.built = CH | SH12, .wanted = extended_master_secret_wanted,
		.build = extended_master_secret_build, .parse = extended_master_secret_parse,
	},
	[EXTENSION_RENEGOTIATION_INFO] = {
		.type = 0xff01, .allowed = CH | SH12,
		.required = SH12, .missing = KTLS_R_RENEGOTIATION,
		.built = CH | SH12, .wanted = renegotiation_info_wanted,
		.build = renegotiation_info_build, .parse = renegotiation_info_parse,
	},
	[EXTENSION_POINT_FORMATS] = {
		.type = 11, .allowed = CH | SH12, .built = CH | SH12,
		.wanted = point_formats_wanted, .build = point_formats_build,
		.parse = point_formats_parse,
	},
	[EXTENSION_SESSION_TICKET] = {
		.type = 35, .allowed = CH | SH12, .built = CH | SH12,
		.wanted = session_ticket_wanted, .build = session_ticket_build,
		.parse = session_ticket_parse,
	},
	[EXTENSION_PSK_MODES] = {
		.type = 45, .allowed = CH, .built = CH,
		.wanted = psk_modes_wanted, .build = psk_modes_build, .parse = psk_modes_parse,
	},
	[EXTENSION_EARLY_DATA] = { .type = 42, .allowed = CH | EE, .parse = early_data_parse },
	/* It "MUST be the last extension in the ClientHello", 4.3.11: so it is the last row. */
	[EXTENSION_PRE_SHARED_KEY] = {
		.type = 41, .allowed = CH | SH, .built = CH | SH,
		.wanted = pre_shared_key_wanted, .build = pre_shared_key_build,
		.parse = pre_shared_key_parse,
	},
};

static uint8_t bit_of(enum message message)
{
	switch (message) {
	case MESSAGE_CLIENT_HELLO:
		return CH;
	case MESSAGE_SERVER_HELLO:
		return SH;
	case MESSAGE_SERVER_HELLO_1_2:
		return SH12;
	case MESSAGE_HELLO_RETRY:
		return HRR;
	case MESSAGE_ENCRYPTED_EXTENSIONS:
		return EE;
	case MESSAGE_CERTIFICATE:
		return CT;
	case MESSAGE_CERTIFICATE_REQUEST:
		return CR;
	default:
		return 0;
	}
}

bool extension_received(const struct engine *e, enum extension_row row)
{
	return (e->received & (uint32_t)1 << row) != 0;
}

static int find(uint16_t type)
{
	for (int i = 0; i < EXTENSION_ROWS; i++)
		if (extensions[i].type == type)
			return i;
	return -1;
}

/* Responses may hold only what was asked for (4.3); a cookie comes without. */
static bool solicited(const struct engine *e, uint8_t message, int row)
{
	if (message & (CH | CR))
		return true;
	if (row < 0)
		return false;
	return row == EXTENSION_COOKIE || (e->offered & (uint32_t)1 << row) != 0;
}

static int parse_one(struct engine *e, struct extension_values *values, uint16_t type,
		     struct reader *body)
{
	uint8_t message = bit_of(values->message);
	int row = find(type);
	int result;

	if (row >= 0 && !(extensions[row].allowed & message))
		return -KTLS_R_EXTENSION_MISPLACED;
	if (!solicited(e, message, row))
		return -KTLS_R_EXTENSION_UNSOLICITED;
	if (row < 0)
		return 0; /* "Servers MUST ignore unrecognized extensions", 4.2.2 */
	e->received |= (uint32_t)1 << row;
	result = extensions[row].parse(e, values, body);
	if (result < 0)
		return result;
	return reader_empty(body) ? 0 : -KTLS_R_MESSAGE_MALFORMED;
}

static bool seen_before(const uint16_t *seen, size_t n, uint16_t type)
{
	for (size_t i = 0; i < n; i++)
		if (seen[i] == type)
			return true;
	return false;
}

int extensions_required(const struct engine *e, enum message message)
{
	for (int i = 0; i < EXTENSION_ROWS; i++)
		if ((extensions[i].required & bit_of(message)) != 0 &&
		    !extension_received(e, (enum extension_row)i) &&
		    !(extensions[i].optional && extensions[i].optional(e)))
			return -extensions[i].missing;
	return 0;
}

int extensions_parse(struct engine *e, struct reader *message, struct extension_values *values)
{
	uint16_t seen[EXTENSIONS_MAX];
	struct reader block, body;
	uint16_t type;
	int result;

	e->received = 0;
	if (!reader_vec16(message, &block))
		return -KTLS_R_MESSAGE_MALFORMED;
	for (size_t n = 0; !reader_empty(&block); n++) {
		if (!reader_u16(&block, &type) || !reader_vec16(&block, &body))
			return -KTLS_R_MESSAGE_MALFORMED;
		if (n == EXTENSIONS_MAX)
			return -KTLS_R_EXTENSION_INVALID;
		if (seen_before(seen, n, type))
			return -KTLS_R_EXTENSION_DUPLICATE;
		/* pre_shared_key "MUST be the last extension in the ClientHello", 4.3.11. */
		if (values->message == MESSAGE_CLIENT_HELLO &&
		    extension_received(e, EXTENSION_PRE_SHARED_KEY))
			return -KTLS_R_EXTENSION_MISPLACED;
		seen[n] = type;
		result = parse_one(e, values, type, &body);
		if (result < 0)
			return result;
	}
	/* What a ClientHello must have depends on the version: its reader asks then. */
	return values->message == MESSAGE_CLIENT_HELLO ? 0
						       : extensions_required(e, values->message);
}

void extensions_build(struct engine *e, enum message message, struct writer *w)
{
	struct writer_vec block = writer_open(w, 2), body;

	/* A second ClientHello may offer less than the first. */
	if (message == MESSAGE_CLIENT_HELLO)
		e->offered = 0;
	for (int i = 0; i < EXTENSION_ROWS; i++) {
		const struct extension *x = &extensions[i];

		/* Ends of the list: 4.3.11 has its own idea of the very last. */
		if (message == MESSAGE_CLIENT_HELLO && i == 0)
			grease_extension_build(e, GREASE_EXTENSION, w);
		if (message == MESSAGE_CLIENT_HELLO && i == EXTENSION_PRE_SHARED_KEY)
			grease_extension_build(e, GREASE_LAST_EXTENSION, w);
		if (!(x->built & bit_of(message)) || (x->wanted && !x->wanted(e, message)))
			continue;
		writer_u16(w, x->type);
		body = writer_open(w, 2);
		x->build(e, message, w);
		writer_close(w, body);
		if (message == MESSAGE_CLIENT_HELLO)
			e->offered |= (uint32_t)1 << i;
	}
	writer_close(w, block);
}
