/* SPDX-License-Identifier: MIT */
/* Sockets of ktls-bench. Failures are -1 with errno, or as it says. */
#ifndef KTLS_BENCH_NET_H
#define KTLS_BENCH_NET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "tests/bench/ktls-bench/message.h"

#define NET_PORT "7737" /* where ktls-bench serve waits for the other end */

struct address {
	struct sockaddr_storage of;
	socklen_t len;
};

/* HOST may be a name; NULL with an error message on stderr where it is none. */
bool net_resolve(const char *host, const char *port, bool passive, struct address *out);

/* The same with another port. */
void net_set_port(struct address *address, uint16_t port);
uint16_t net_port(const struct address *address);

/* Non-blocking: who polls it may come too late for the connection. */
int net_listen(const struct address *address, int backlog);
int net_connect(const struct address *address);
bool net_local(int fd, struct address *out);

/* The address that connections to a peer come from. Nothing is sent. */
bool net_source(const struct address *peer, struct address *out);

/* Patience for blocking calls; that of a connection from its beginning. A busy machine lets one
 * wait.
 */
#define NET_PATIENCE_S 20
void net_patience(int fd, int seconds);

/* Where the machine at the other end goes away without a word, the connection fails within about
 * two minutes. Sockets that are not TCP's do not need that. */
void net_watch(int fd);

/* The first bytes of a connection, in the clear: whose it is, and which. */
int net_introduce(int fd, const uint8_t token[static MESSAGE_TOKEN], uint32_t index);
bool net_recognize(int fd, const uint8_t token[static MESSAGE_TOKEN], uint32_t *index);

#endif
