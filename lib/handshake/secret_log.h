/* SPDX-License-Identifier: MIT */
/* Tells ops.log_secret() of secrets, by their labels in a file for debuggers (RFC 9850). */
#ifndef KTLS_HANDSHAKE_SECRET_LOG_H
#define KTLS_HANDSHAKE_SECRET_LOG_H

#include "lib/handshake/engine.h"

void secret_log_handshake(struct engine *e);
void secret_log_application(struct engine *e);
/* TLS 1.2. */
void secret_log_master(struct engine *e);

#endif
