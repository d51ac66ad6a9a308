/* SPDX-License-Identifier: MIT */
/*
 * One packet of the hand-off protocol with its descriptors, in and out of a SOCK_SEQPACKET socket
 * (unix(7), SCM_RIGHTS). Nothing blocks, nothing raises SIGPIPE, what is received is close-on-exec.
 */
#ifndef KTLS_HANDOFF_PACKET_H
#define KTLS_HANDOFF_PACKET_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/wire/reader.h"

/* The kernel's own limit (SCM_MAX_FD): no packet brings more. */
#define HANDOFF_FDS_MAX 253

struct handoff_packet {
	size_t len;     /* bytes in the buffer */
	bool truncated; /* the packet was longer than the buffer; its rest is lost */
	bool fds_lost;  /* control data was cut: fewer descriptors came than were sent */
	size_t fds_len; /* number of descriptors: the receiver's, to be closed by it */
	int fds[HANDOFF_FDS_MAX];
};

/*
 * Receives one packet into buf. Returns 1 for a packet, 0 at the end of the connection, -EAGAIN
 * where nothing is there, or another negative errno. All descriptors that came with it are in
 * out->fds, beside truncated and fds_lost as well; for any other result than 1 there are none. A
 * packet without bytes and descriptors cannot be told from the end and counts as such.
 */
WIRE_MUST_CHECK int handoff_recv(int fd, void *buf, size_t cap, struct handoff_packet *out);

/*
 * Whether the next packet is there and brings descriptors. Where the process has no number left for
 * one, receiving it would lose it.
 */
WIRE_MUST_CHECK bool handoff_brings_fd(int fd);

/* Closes the packet's descriptors and forgets them. */
void handoff_close_fds(struct handoff_packet *packet);

/*
 * Sends one packet with the descriptor pass (-1: none), which stays the caller's. Returns 0, or a
 * negative errno and nothing was sent: -EAGAIN where the peer has to read first; -ETOOMANYREFS
 * where too many descriptors of this user are in flight (poll does not tell when that is over).
 */
WIRE_MUST_CHECK int handoff_send(int fd, const void *packet, size_t len, int pass);

#endif
