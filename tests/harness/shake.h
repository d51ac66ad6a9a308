/* SPDX-License-Identifier: MIT */
/*
 * A handshake by an engine of engines.h on a TCP socket, read record-exactly, as for a kernel; and
 * its certificates from files. For the peers among tests/tools.
 */
#ifndef KTLS_TESTS_SHAKE_H
#define KTLS_TESTS_SHAKE_H

#include "tests/harness/auth.h"

/*
 * To the handshake's end, however it ends: end->state tells. Returns KTLS_OK, or why the socket
 * gave no more: PEER_EOF, PEER_RESET, DEADLINE (SO_RCVTIMEO), SOCKET_ERROR.
 */
enum ktls_reason shake_hands(int fd, struct engine_end *end);

/* All of it, or false with errno. */
bool shake_send(int fd, const void *bytes, size_t len);

/* Adds BASE.pem with BASE.key; trusts the certificates in a file. The program ends if that fails.
 */
void shake_load(struct auth *auth, const char *base);
void shake_trust(struct auth *auth, const char *path);

/* A host name is sent to the server, an address is not (RFC 6066, 3). */
bool shake_is_host_name(const char *name);

#endif
