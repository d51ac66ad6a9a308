/* SPDX-License-Identifier: MIT */
/*
 * The handshake messages (RFC 9846, 4): a file each. A recv gets the message's body and need not
 * look for trailing bytes; a build writes the body; the driver in machine.c does header, order,
 * transcript.
 */
#ifndef KTLS_HANDSHAKE_MESSAGES_H
#define KTLS_HANDSHAKE_MESSAGES_H

#include "lib/handshake/engine.h"

/* client_hello.c, 4.2.2. recv: ALTERNATIVE where a HelloRetryRequest is needed, LEGACY for TLS 1.2.
 */
int client_hello_build(struct engine *e, struct writer *w);
int client_hello_recv(struct engine *e, struct reader *body);

/* server_hello.c, 4.2.3 and 4.2.4. recv: LEGACY where it is one of TLS 1.2. */
int server_hello_build(struct engine *e, struct writer *w);
int server_hello_recv(struct engine *e, struct reader *body);
int server_hello_1_2_build(struct engine *e, struct writer *w);
int hello_retry_build(struct engine *e, struct writer *w);
int hello_retry_recv(struct engine *e, struct reader *body);
int hello_retry_again(struct engine *e, struct reader *body);
/* Whether the body of a server_hello is a HelloRetryRequest. */
bool hello_is_retry(struct reader body);

/* encrypted_extensions.c, 4.4.1. build: ALTERNATIVE where a CertificateRequest follows. */
int encrypted_extensions_build(struct engine *e, struct writer *w);
int encrypted_extensions_recv(struct engine *e, struct reader *body);

/*
 * certificate.c, 4.5.1, and the request for one, 4.4.2. ALTERNATIVE where the list is a client's
 * and empty, so that no CertificateVerify follows.
 */
int certificate_build(struct engine *e, struct writer *w);
int certificate_recv(struct engine *e, struct reader *body);
int certificate_request_build(struct engine *e, struct writer *w);
int certificate_request_recv(struct engine *e, struct reader *body);

/* certificate_verify.c, 4.5.2. */
int certificate_verify_sign(struct engine *e);
int certificate_verify_build(struct engine *e, struct writer *w);
int certificate_verify_recv(struct engine *e, struct reader *body);

/* finished.c, 4.5.3. */
int finished_build(struct engine *e, struct writer *w);
int finished_recv(struct engine *e, struct reader *body);

/*
 * new_session_ticket.c, 4.7.1. A server seals all its tickets before it sends them, one a step: 0
 * where there may be another, ALTERNATIVE where there is none.
 */
bool tickets_wanted(const struct engine *e);
int tickets_seal(struct engine *e);
int tickets_send(struct engine *e);
/* Gives back what is borrowed. */
void tickets_release(struct engine *e);

/* certificate_1_2.c, RFC 5246 7.4.2, 7.4.4 and 7.4.6. */
int certificate_1_2_build(struct engine *e, struct writer *w);
int certificate_1_2_recv(struct engine *e, struct reader *body);
int certificate_request_1_2_build(struct engine *e, struct writer *w);
int certificate_request_1_2_recv(struct engine *e, struct reader *body);

/* certificate_verify_1_2.c, RFC 5246 7.4.8; its build is that of TLS 1.3. */
int certificate_verify_1_2_sign(struct engine *e);
int certificate_verify_1_2_recv(struct engine *e, struct reader *body);
/* Whether these are the handshake messages that a client of TLS 1.2 signs, whole and in order. */
bool handshake_messages_valid(const uint8_t *messages, size_t len);

/* key_exchange_1_2.c, RFC 8422 5.4 and 5.7, RFC 5246 7.4.5 and 7.4.7.1. */
int server_key_exchange_sign(struct engine *e);
int server_key_exchange_build(struct engine *e, struct writer *w);
int server_key_exchange_recv(struct engine *e, struct reader *body);
/* ALTERNATIVE where a Certificate follows; likewise for the client. */
int server_hello_done_build(struct engine *e, struct writer *w);
int server_hello_done_recv(struct engine *e, struct reader *body);
int client_key_exchange_build(struct engine *e, struct writer *w);
int client_key_exchange_recv(struct engine *e, struct reader *body);

/* finished_1_2.c, RFC 5246 7.4.9. ALTERNATIVE where a NewSessionTicket is next. */
int finished_1_2_build(struct engine *e, struct writer *w);
int finished_1_2_recv(struct engine *e, struct reader *body);

#endif
