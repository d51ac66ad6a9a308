/* SPDX-License-Identifier: MIT */
/* How many KeyUpdates a peer may send (RFC 9846, 4.7.3): one rule, whoever has the records. */
#ifndef KTLS_WIRE_UPDATE_LIMIT_H
#define KTLS_WIRE_UPDATE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include <ktls-tls.h>

#include "lib/wire/reader.h"

/*
 * Counts a KeyUpdate. request: it asks for ours; records: that have come under the key which it
 * ends, its own included; now: milliseconds that do not go back. Returns 0, or
 * -KTLS_R_KEY_UPDATE_STORM where there were too many.
 */
WIRE_MUST_CHECK int update_limit_count(struct ktls_key_update_limit *limit, bool request,
				       uint64_t records, uint64_t now);

#endif
