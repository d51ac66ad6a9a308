/* SPDX-License-Identifier: MIT */
/*
 * The role that carries records where the kernel cannot (lib/relay): it has traffic keys and
 * sockets of finished handshakes, from the workers, and makes the pairs of Unix sockets whose other
 * ends applications get. What a client is sent of tickets goes back to a worker, with the sealed
 * session that came with the connection. It has no private keys, no files, no privileges. Workers
 * come and go, and it stays over reloads, for as long as it has a connection.
 */
#ifndef KTLSD_RELAY_H
#define KTLSD_RELAY_H

/* The role: does not return before its end. An exit status. */
int relay_main(void);

#endif
