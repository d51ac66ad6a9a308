/* SPDX-License-Identifier: MIT */
/* Attributes that are lists: certificates and names of the peer, one by one, and protocols. */
#ifndef KTLS_HANDOFF_LISTS_H
#define KTLS_HANDOFF_LISTS_H

#include "lib/handoff/protocol.h"
#include "lib/wire/writer.h"

/* Adds one more; false where it is one too many, too long, or none. */
WIRE_MUST_CHECK bool list_cert_parse(struct reader value, struct handoff_reply *reply);
WIRE_MUST_CHECK bool list_name_parse(struct reader value, struct handoff_reply *reply);

/* Write all of them, with that type; overflow where the reply has more than may be. */
void list_certs_build(uint16_t type, const struct handoff_reply *reply, struct writer *w);
void list_names_build(uint16_t type, const struct handoff_reply *reply, struct writer *w);

/* Whether it is a list of protocols: RFC 7301, 3.1. */
bool list_alpn_valid(struct reader r);

#endif
