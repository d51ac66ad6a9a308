/* SPDX-License-Identifier: MIT */
/*
 * The states that neither send nor receive: key exchange, choice of a certificate, and the moments
 * at which keys change (RFC 9846, 7.1). Each flushes what is to go out under the keys before.
 */
#ifndef KTLS_HANDSHAKE_KEYS_H
#define KTLS_HANDSHAKE_KEYS_H

#include "lib/handshake/engine.h"

int keys_generate(struct engine *e);
int keys_generate_again(struct engine *e);
int keys_agree(struct engine *e);
int keys_choose(struct engine *e);
/* Chooses none where nobody has any. */
int keys_choose_client(struct engine *e);
/* The result of a client's choice, also of one that was pending: to have none is no failure. */
int keys_chosen_client(struct engine *e, int result);
int keys_handshake(struct engine *e);
/*
 * A server that asks for no certificate knows the client's Finished as soon as its own (4.7.1): the
 * secrets behind both, so that tickets can go out with the latter. ALTERNATIVE where none will.
 */
int keys_predict(struct engine *e);
/* ALTERNATIVE where the client was asked for a certificate; likewise for the client. */
int keys_application_server(struct engine *e);
int keys_application_client(struct engine *e);
int keys_switch_tx(struct engine *e);
int keys_switch_rx(struct engine *e);
/* The last keys of each role, and the resumption secret. Server: ALTERNATIVE where tickets follow.
 */
int keys_finish_client(struct engine *e);
int keys_finish_server(struct engine *e);

/* TLS 1.2. A server's certificate signs; where there is none for that, it decrypts. */
int keys_1_2_choose(struct engine *e);
int keys_1_2_choose_rsa(struct engine *e);
/* The result of the first choice, also of one that was pending. */
int keys_chosen_server(struct engine *e, int result);
int keys_1_2_suite(struct engine *e);
/* ALTERNATIVE where the server's key decrypts. */
int keys_1_2_exchange(struct engine *e);
/* ALTERNATIVE where the client is asked for a certificate. */
int keys_1_2_request(struct engine *e);
int keys_1_2_generate_client(struct engine *e);
int keys_1_2_agree(struct engine *e);
/* ALTERNATIVE where a CertificateVerify follows. */
int keys_1_2_derive(struct engine *e);
int keys_1_2_switch_tx(struct engine *e);
int keys_1_2_switch_rx(struct engine *e);

#endif
