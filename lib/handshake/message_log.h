/* SPDX-License-Identifier: MIT */
/*
 * The handshake messages so far, as TLS 1.2's CertificateVerify signs them (RFC 5246, 7.4.8): they
 * are kept as they are, for which hash is needed is known last, and Ed25519 needs all of them
 * twice. In a borrowed buffer, from the ClientHello on, as long as a certificate of the client's
 * may be asked for; it grows up to KTLS_ENGINE_MESSAGES_MAX.
 */
#ifndef KTLS_HANDSHAKE_MESSAGE_LOG_H
#define KTLS_HANDSHAKE_MESSAGE_LOG_H

#include "lib/handshake/engine.h"

/* Adds a whole message, or gives the log back where it is known that nobody will need it. */
int message_log_add(struct engine *e, const uint8_t *bytes, size_t len)
	__attribute__((warn_unused_result));

/* Gives it back: nothing is added any more. */
void message_log_close(struct engine *e);

#endif
