/* SPDX-License-Identifier: MIT */
/*
 * What comes on a TLS connection after the handshake, beside data: alerts (RFC 9846, 6) and
 * post-handshake messages (4.7). Without I/O; the state is in the application's struct ktls_stream.
 */
#ifndef KTLS_HANDOFF_STREAM_H
#define KTLS_HANDOFF_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ktls.h>

#include "lib/wire/reader.h"

#define STREAM_DATA          1
#define STREAM_RENEGOTIATION 2

/*
 * Looks at len bytes of a record of a type, or of the part of one that is there. complete: they
 * reach to its end. Returns STREAM_DATA (they are data, at least one), 0 (nothing in them is for
 * the application), STREAM_RENEGOTIATION (likewise; but a HelloRequest or a ClientHello begins in
 * them, which TLS 1.2 refuses politely and TLS 1.3 does not have), or the negative reason for which
 * the stream ends: PEER_CLOSE_NOTIFY, PEER_ALERT with stream->alert set, or what the peer did
 * wrong.
 */
WIRE_MUST_CHECK int stream_record(struct ktls_stream *stream, uint8_t type, const void *bytes,
				  size_t len, bool complete);

#endif
