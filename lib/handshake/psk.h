/* SPDX-License-Identifier: MIT */
/*
 * Resumption by a pre-shared key of an earlier session (RFC 9846, 4.3.11): whether a session is
 * offered, or a ticket accepted, and the binders that tie the key to the hello.
 */
#ifndef KTLS_HANDSHAKE_PSK_H
#define KTLS_HANDSHAKE_PSK_H

#include "lib/handshake/extensions.h"

/*
 * Client, before each ClientHello is built: offers the session of the configuration if it is one
 * that can be resumed here and now.
 */
int psk_offer(struct engine *e) __attribute__((warn_unused_result));

/* Client: fills in the binder of the ClientHello whose body begins at start and ends the buffer. */
void psk_bind(const struct engine *e, struct writer *w, size_t start);

/* Client: what the ServerHello says to the offer. Needs its suite and values. */
int psk_answer(struct engine *e, const struct extension_values *values)
	__attribute__((warn_unused_result));

/* Client: the offer is withdrawn, or the suite that is negotiated does not fit it. */
void psk_withdraw(struct engine *e);

/*
 * Server, in a ClientHello whose body is given: opens the ticket and keeps what psk_accept() needs.
 * has_share: a group is agreed on, and the client's share of it is here. 0, PENDING, or a reason.
 */
int psk_open(struct engine *e, const struct extension_values *values, struct reader body,
	     bool has_share) __attribute__((warn_unused_result));

/*
 * Server: RESUMED where the ticket that was opened holds what is needed, and the binder fits; 0 for
 * a full handshake.
 */
int psk_accept(struct engine *e) __attribute__((warn_unused_result));

#endif
