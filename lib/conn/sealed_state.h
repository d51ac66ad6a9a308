/* SPDX-License-Identifier: MIT */
/*
 * What a connection of TLS 1.3 needs behind its handshake: the traffic secrets, of which later keys
 * are made (RFC 9846, 7.2), and of a client that takes tickets what a session is kept with. In this
 * form it is sealed and given to the application (sealing_keys.h). What nothing can be made of
 * later (the exporter's secret, a server's resumption secret) is left out.
 *
 *	vec8 profile, u8 form, the profile's policy, u32 owner, vec8 tx, vec8 rx, u8 takes tickets,
 *	and then: vec8 resumption secret, vec16 server name, vec16 ALPN, u64 when the chain expires,
 *	u8 n, n certificates of the server (vec16 DER)
 *
 * Role, version and suite are in the header (lib/handoff/sealed.h), which is authenticated with it.
 */
#ifndef KTLS_CONN_SEALED_STATE_H
#define KTLS_CONN_SEALED_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ktls-secrets.h>

#include "lib/conn/conn.h"
#include "lib/handoff/protocol.h"
#include "lib/handoff/sealed.h"

#define SEALED_STEPS_MAX 64 /* keys that may have been made since a seal was */

struct sealed_state {
	char profile[KTLS_PROFILE_MAX + 1];
	uint8_t policy[CONN_POLICY_LEN];
	uint32_t owner; /* whose request the handshake was: a uid */
	struct ktls_secrets secrets;
	bool takes_tickets;                         /* the rest is empty if not */
	char server_name[KTLS_SERVER_NAME_MAX + 2]; /* as the client asked for it */
	struct ktls_span alpn;                      /* the list that was offered */
	struct ktls_span chain[HANDOFF_CERTS_MAX];  /* the server's */
	size_t chain_len;
	int64_t chain_until; /* when the first of it expires, seconds since 1970 */
};

/* Returns the length, at most cap; 0 where it does not fit, or is none of TLS 1.3's. */
size_t sealed_state_build(const struct sealed_state *state, uint8_t *buf, size_t cap);

/*
 * The state under a header; spans point into bytes. False, with nothing written, for what build()
 * does not make under that header. The caller wipes it.
 */
WIRE_MUST_CHECK bool sealed_state_parse(const struct sealed_header *header, const uint8_t *bytes,
					size_t len, struct sealed_state *out);

/*
 * Steps one direction's secret forward until its key is the one in force, SEALED_STEPS_MAX times at
 * most. Returns 0, or -KTLS_R_STALE_SESSION with nothing changed.
 */
int sealed_state_step(struct ktls_secrets *secrets, enum ktls_direction direction,
		      const struct ktls_traffic_key *in_force) __attribute__((warn_unused_result));

/* The direction's key, and the one that follows: 0 or a negative reason. The caller wipes them. */
int sealed_state_keys(const struct ktls_secrets *secrets, enum ktls_direction direction,
		      struct handoff_keys *out) __attribute__((warn_unused_result));

#endif
