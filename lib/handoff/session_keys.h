/* SPDX-License-Identifier: MIT */
/*
 * New keys of a session (RFC 9846, 4.7.3 and 7.2). ktlsd makes them from the seal and from the key
 * that the kernel shows to be in force, and says which one that was; here they are installed, and
 * only where that one is in force still: so no key is ever installed twice, whoever else asked for
 * it. From that look to the installing, threads of this process and other processes are kept out.
 */
#ifndef KTLS_HANDOFF_SESSION_KEYS_H
#define KTLS_HANDOFF_SESSION_KEYS_H

#include "lib/handoff/session.h"

/*
 * Installs the peer's next key: its KeyUpdate was read. stops: the kernel reads no further until
 * then, which tells whether somebody else has done it. With session->in held. Returns 0, -ETIMEDOUT
 * (ktlsd is not there), -ENOMEM and the like, with everything as it was; or -EPROTO, and *why is
 * the reason for which the session is to be ended.
 */
WIRE_MUST_CHECK int session_follow(struct ktls_session *session, int fd, bool stops,
				   enum ktls_reason *why);

/* The kernel takes something for a KeyUpdate that is none: lets it read on, with the same key. */
WIRE_MUST_CHECK int session_resume(struct ktls_session *session, int fd);

/*
 * Sends a KeyUpdate and installs our next key, or goes on with that. With session->out held.
 * Returns 0; -EAGAIN where there is no room for the KeyUpdate; -EOPNOTSUPP, and *why, where keys
 * cannot be changed; -EPROTO, and *why, where the session is to be ended; -ETIMEDOUT, -ENOMEM,
 * -EPIPE, ... Once session->sent is not 0, no data may be sent before it returns 0.
 */
WIRE_MUST_CHECK int session_update(struct ktls_session *session, int fd, bool request,
				   enum ktls_reason *why);

/* The records that a key has protected so far; UINT64_MAX where there is none. */
uint64_t session_records(const struct ktls_session *session, int fd, bool transmit);

/*
 * How far the peer's key is used. At half its time the peer is to be asked to change it; it is
 * never spent by RFC 9846's own limit, but by a lower one.
 */
enum session_use session_count_in(struct ktls_session *session, int fd);

#endif
