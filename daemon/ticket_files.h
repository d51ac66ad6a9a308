/* SPDX-License-Identifier: MIT */
/*
 * Ticket keys from a folder, so that several machines have the same: three files, "current",
 * "previous" and "next", each 32 to 64 random bytes, for their owner alone. Tickets are made with
 * current; all three open them. Only current has to be there.
 */
#ifndef KTLSD_TICKET_FILES_H
#define KTLSD_TICKET_FILES_H

#include <stdbool.h>

#include "lib/conn/ticket_keys.h"

/* False, with why (size bytes), where they are not as they should be; *out is as it was then. */
bool ticket_files_read(const char *folder, struct ticket_secrets *out, char *why, size_t size)
	__attribute__((warn_unused_result));

#endif
