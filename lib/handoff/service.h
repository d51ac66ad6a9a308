/* SPDX-License-Identifier: MIT */
/*
 * Services of ktlsd, or of the embedding library, for a connection whose handshake is over: calls
 * like handshakes, which block their thread.
 */
#ifndef KTLS_HANDOFF_SERVICE_H
#define KTLS_HANDOFF_SERVICE_H

#include "lib/handoff/ops.h"

/*
 * Asks, and asks again where a worker was lost or ktlsd is being restarted, for KTLS_SERVICE_MS
 * altogether. service's id and deadline are set here. Returns 0 with *out, whose reply's reason is
 * to be looked at and which is freed by ktls_reply_free(); or -ETIMEDOUT, -EOPNOTSUPP where there
 * are no services, or what else has failed here.
 */
WIRE_MUST_CHECK int service_ask(struct ktls *k, int fd, struct handoff_service *service,
				struct ktls_call **out);

/* Asks once and does not wait; nobody hears the answer. */
void service_tell(struct ktls *k, int fd, struct handoff_service *service);

#endif
