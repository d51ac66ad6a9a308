/* SPDX-License-Identifier: MIT */
/* A handshake's result in the words of the hand-off protocol, as it is told to the application. */
#ifndef KTLS_CONN_REPLY_H
#define KTLS_CONN_REPLY_H

#include "lib/conn/conn.h"
#include "lib/handoff/protocol.h"

/* out->id is left 0; its spans point into the result. */
void conn_reply(const struct conn_result *result, struct handoff_reply *out);

#endif
