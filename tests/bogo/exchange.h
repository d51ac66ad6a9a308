/* SPDX-License-Identifier: MIT */
/* What the runner wants of a connection after its handshake: its data back, each bit turned over.
 */
#ifndef KTLS_TESTS_BOGO_EXCHANGE_H
#define KTLS_TESTS_BOGO_EXCHANGE_H

#include <ktls-secrets.h>
#include <ktls-session.h>

#include "tests/bogo/flags.h"

/*
 * Until the peer closes, by libktls and by records.h. False where it went wrong;
 * ktls_session_reason() says why if the peer is to blame.
 */
bool exchange(const struct flags *flags, int fd, const struct ktls_secrets *secrets,
	      struct ktls_session *session);

#endif
