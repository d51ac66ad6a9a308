/* SPDX-License-Identifier: MIT */
/*
 * How a sealed session begins: in the clear, for the application's library, and authenticated with
 * the rest, which only ktlsd's signers can open.
 */
#ifndef KTLS_HANDOFF_SEALED_H
#define KTLS_HANDOFF_SEALED_H

#include <stddef.h>
#include <stdint.h>

#include "lib/wire/reader.h"

#define SEALED_HEADER_LEN 24 /* bytes */

struct sealed_header {
	uint8_t role; /* enum ktls_role */
	uint16_t version;
	uint16_t suite;
	uint64_t records_max; /* that one key may protect */
	uint32_t session_age; /* seconds for which a seal is good */
};

void sealed_header_build(const struct sealed_header *header, uint8_t out[static SEALED_HEADER_LEN]);

/* False for what is no sealed session, with nothing written. */
WIRE_MUST_CHECK bool sealed_header_parse(const void *sealed, size_t len, struct sealed_header *out);

#endif
