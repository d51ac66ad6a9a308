/* SPDX-License-Identifier: MIT */
/*
 * Descriptors whose records a relay carries: one end of a pair of Unix stream sockets with plain
 * bytes, the relay has the other. What TLS tells beside data shows in the name of the relay's end,
 * which getpeername(2) gives: no name while the stream goes on; one that says why it has ended,
 * close_notify included, before the end of file is there to be read. An end of file without a name
 * is the end of the relay itself. Where a key has served its time and cannot be changed the name is
 * there when writing says EPIPE, and reading may go on up to the peer's end.
 */
#ifndef KTLS_HANDOFF_RELAYED_H
#define KTLS_HANDOFF_RELAYED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <ktls-tls.h>

#include "lib/wire/reader.h"

/*
 * An abstract name (unix(7)) for a reason and its alert. unique: random, so that nobody else has
 * the name. Returns its length.
 */
socklen_t relayed_name(struct sockaddr_un *name, enum ktls_reason reason, uint8_t alert,
		       uint64_t unique);

/* The other way: false for any other name, and for none, with nothing written. */
WIRE_MUST_CHECK bool relayed_parse(const struct sockaddr_un *name, socklen_t len,
				   enum ktls_reason *reason, uint8_t *alert);

/* Whether it is a Unix socket: then its records, if it has any, are a relay's. */
WIRE_MUST_CHECK bool relayed_is(int fd);

/*
 * Why the stream of a relayed descriptor has ended, for whoever has read the end of file, or has
 * been told EPIPE:
 * PEER_CLOSE_NOTIFY, TRUNCATED, PEER_ALERT with the alert received, what the peer did wrong with
 * the alert sent; KEY_EXHAUSTED; else with KTLS_ALERT_NONE. RELAY_LOST where the relay has left no
 * word, KTLS_OK as long as it is there and the stream goes on.
 */
enum ktls_reason relayed_end(int fd, uint8_t *alert);

/*
 * Puts the relayed descriptor fd in the place of the application's number, as far as can be: with
 * its close-on-exec flag, O_NONBLOCK, and time-outs. fd is closed. Returns 0, or a negative errno
 * with number as it was.
 */
WIRE_MUST_CHECK int relayed_put(int fd, int number);

#endif
