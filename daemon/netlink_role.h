/* SPDX-License-Identifier: MIT */
/*
 * The role that asks the kernel what only netlink tells, for workers, which can make no sockets: by
 * which device a connection's packets go, and whether that can have its records; and, once the keys
 * are installed, whether it has. It is given no sockets and no names, but addresses, and tells what
 * is in the way of a device. Of root's rights it keeps CAP_NET_ADMIN, without which older kernels
 * do not say who has a socket's records.
 *
 * Questions are answered one after the other, as they come; a worker's next one is read when its
 * last answer has gone.
 */
#ifndef KTLSD_NETLINK_ROLE_H
#define KTLSD_NETLINK_ROLE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/conn/conn.h"
#include "lib/netlink/route.h"
#include "lib/netlink/tls.h"
#include "lib/wire/reader.h"
#include "lib/wire/writer.h"

#define ROUTE_QUESTION_LEN (8 + 12 + 32) /* bytes of a ROUTE, but for the token */
#define LOOK_QUESTION_LEN  (ROUTE_QUESTION_LEN + 2 + 2 + 8) /* of a LOOK */
#define LOOK_ANSWER_LEN    4                                /* of a LOOKED */
#define ROUTE_ANSWER_LEN   (2 + 16 + 1)                     /* of a ROUTED, likewise */

/* What a worker asks: its socket's namespace (SO_NETNS_COOKIE), and where its packets go. */
struct route_question {
	uint64_t netns;
	struct netlink_flow flow;
};

void route_question_write(struct writer *w, const struct route_question *question);
WIRE_MUST_CHECK bool route_question_read(struct reader *r, struct route_question *out);

/* And about one that has its keys: which socket it is. */
struct look_question {
	uint64_t netns;
	struct netlink_socket socket;
};

void look_question_write(struct writer *w, const struct look_question *question);
WIRE_MUST_CHECK bool look_question_read(struct reader *r, struct look_question *out);

void look_answer_write(struct writer *w, const struct conn_verdict *answer);
WIRE_MUST_CHECK bool look_answer_read(struct reader *r, struct conn_verdict *out);

void route_answer_write(struct writer *w, const struct conn_route *answer);
WIRE_MUST_CHECK bool route_answer_read(struct reader *r, struct conn_route *out);

/* The role: does not return before its end. An exit status. */
int netlink_main(void);

#endif
