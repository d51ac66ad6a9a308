/* SPDX-License-Identifier: MIT */
/*
 * KeyUpdate (RFC 9846, 4.7.3) behind the handshake: libktls asks ktlsd for keys, and here is none,
 * so the shim does it below, by the engine's functions.
 */
#ifndef KTLS_TESTS_BOGO_REKEY_H
#define KTLS_TESTS_BOGO_REKEY_H

#include <ktls-secrets.h>

/* For the connection of these secrets, which stay the caller's. */
void rekey_start(int fd, struct ktls_secrets *secrets);

/* Owes the peer a KeyUpdate, unasked for. */
void rekey_owe(void);

/*
 * Handshake bytes of one record: 0 where they are no KeyUpdate; 1 where they are one, with the new
 * key installed; -1 where they are one that is refused: that is reported, and the alert sent.
 */
int rekey_hear(const uint8_t *bytes, size_t len);

/* Sends what is owed, before data. False where the connection is gone. */
bool rekey_pay(void);

#endif
