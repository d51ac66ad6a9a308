/* SPDX-License-Identifier: MIT */
/* IANA's names of the numbers in a handshake, ours or not. */
#ifndef KTLS_DAEMON_EXPLAIN_NAMES_H
#define KTLS_DAEMON_EXPLAIN_NAMES_H

#include "daemon/explain_trace.h"

enum names {
	NAMES_VERSION,
	NAMES_SUITE,
	NAMES_GROUP,
	NAMES_SCHEME,
	NAMES_EXTENSION,
	NAMES_MESSAGE,
	NAMES_RECORD,      /* ContentType */
	NAMES_CERTIFICATE, /* ClientCertificateType of TLS 1.2 */
	NAMES_COMPRESSION, /* of certificates */
	NAMES_PSK_MODE,
	NAMES_POINT_FORMAT,
};

/* NULL for a number that has none here. */
const char *name_find(enum names table, unsigned int number);

/* The name; "GREASE (0x1a1a)" for a number reserved by RFC 8701; else "unknown (0x1234)". */
const char *name_text(struct trace *trace, enum names table, unsigned int number);

/* 0x0a0a, 0x1a1a, ... (RFC 8701, 2). */
bool name_is_grease(unsigned int number);

/* What an alert means, in a sentence; never NULL. */
const char *alert_meaning(unsigned int alert);

#endif
