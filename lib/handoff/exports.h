/* SPDX-License-Identifier: MIT */
/* Attributes about keying material: what a request wants, what a reply brings. */
#ifndef KTLS_HANDOFF_EXPORTS_H
#define KTLS_HANDOFF_EXPORTS_H

#include "lib/handoff/protocol.h"
#include "lib/wire/writer.h"

#define EXPORT_WANTED_MIN (2 + 1 + 1 + 1) /* length, a label of one byte, no context */
#define EXPORT_WANTED_MAX (2 + 1 + KTLS_EXPORT_LABEL_MAX + 1 + KTLS_EXPORT_CONTEXT_MAX)

/* Whether it is one that may be asked for. */
bool export_valid(const struct handoff_export *wanted);

/* Adds one more; false where it is one too many, or none. */
WIRE_MUST_CHECK bool export_wanted_parse(struct reader value, struct handoff_request *request);
WIRE_MUST_CHECK bool exported_parse(struct reader value, struct handoff_reply *reply);

/* Write all of them, with that type; overflow where there are more than may be. */
void exports_wanted_build(uint16_t type, const struct handoff_request *request, struct writer *w);
void exported_build(uint16_t type, const struct handoff_reply *reply, struct writer *w);

#endif
