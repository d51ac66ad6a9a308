/* SPDX-License-Identifier: MIT */
/* Listening sockets of a struct ktls without ktlsd: lib/conn/accept.h, for embedded.c. */
#ifndef KTLS_CONN_EMBEDDED_LISTEN_H
#define KTLS_CONN_EMBEDDED_LISTEN_H

#include "lib/conn/conn.h"
#include "lib/handoff/ops.h"

struct embedded_listening;

struct embedded_listenings {
	struct ktls *k;
	struct conn_loop *loop;
	struct embedded_relays *relays;
	size_t handshakes_max; /* of the loop */
	struct embedded_listening *first;
};

/*
 * The ops of ops.h for calls with listens set. request is what each connection gets. Returns 0, or
 * a negative errno.
 */
int embedded_listen_start(struct embedded_listenings *all, struct ktls_call *call, int fd,
			  const struct conn_request *request, unsigned int backlog)
	__attribute__((warn_unused_result));
void embedded_listen_cancel(struct ktls_call *call);
void embedded_listen_collected(struct embedded_listenings *all, const struct ktls_call *call);

/* After conn_loop_run(). */
void embedded_listen_run(struct embedded_listenings *all);

/* Frees all; the loop is no more. */
void embedded_listen_close(struct embedded_listenings *all);

#endif
