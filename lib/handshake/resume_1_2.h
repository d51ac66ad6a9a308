/* SPDX-License-Identifier: MIT */
/*
 * Resumption in TLS 1.2 by tickets (RFC 5077): the session_ticket extension, NewSessionTicket, and
 * what leads into the abbreviated handshake (RFC 5246, 7.3).
 *
 * A server makes a ticket at the end of a full handshake and none when it resumes: a session's
 * lifetime counts from its full handshake. Sessions that a server keeps by session id are offered
 * by nobody here and kept by nobody here.
 */
#ifndef KTLS_HANDSHAKE_RESUME_1_2_H
#define KTLS_HANDSHAKE_RESUME_1_2_H

#include "lib/handshake/extensions.h"

/* ---- client ---------------------------------------------------------------------------------- */

/* Before the first ClientHello: whether config.session will be offered. */
void resume_1_2_offer(struct engine *e);
/* Behind a ServerHello that resumes: whether it fits the session. */
int resume_1_2_check(const struct engine *e) __attribute__((warn_unused_result));
/* The rows behind ServerHello: ALTERNATIVE where the session is resumed, where a ticket follows. */
int resume_1_2_client(struct engine *e);
int resume_1_2_client_keys(struct engine *e);
int new_session_ticket_1_2_recv(struct engine *e, struct reader *body);
/* The handshake is complete: what can be resumed later goes to keep_session(). */
int resume_1_2_keep(struct engine *e);

/* ---- server ---------------------------------------------------------------------------------- */

/* Keeps the ticket and the session id of a ClientHello for the rows below. */
int resume_1_2_take(struct engine *e, struct reader ticket, struct reader session_id)
	__attribute__((warn_unused_result));
int resume_1_2_open(struct engine *e);
/* ALTERNATIVE where the ticket's session is resumed. */
int resume_1_2_server(struct engine *e);
int resume_1_2_server_keys(struct engine *e);
int resume_1_2_seal(struct engine *e);
int new_session_ticket_1_2_build(struct engine *e, struct writer *w);

/* Wipes and gives back what is borrowed. */
void resume_1_2_release(struct engine *e);

#endif
