/* SPDX-License-Identifier: MIT */
/*
 * The other end of the hand-off socket, for tests of the client: says what the test tells it to.
 * All of it happens in the caller's thread, but for the first connection's greeting, which
 * ktls_open() waits for. Whatever goes wrong here fails the test.
 */
#ifndef KTLS_TESTS_FAKE_KTLSD_H
#define KTLS_TESTS_FAKE_KTLSD_H

#include <ktls.h>

#include "lib/handoff/packet.h"
#include "lib/handoff/protocol.h"

struct fake {
	char dir[64];
	char path[96];
	int listener;
	struct handoff_greeting greeting; /* of the connections to come; may be changed */
};

/* A request as it came. fd is the test's to be closed. Spans hold until the next message. */
struct fake_request {
	struct handoff_request request;
	int fd;
};

/* Listens, in a folder of its own, as a ktlsd with so many workers. */
void fake_open(struct fake *f, uint16_t lanes);
void fake_close(struct fake *f);

/* Nobody listens any more; and somebody does again. */
void fake_stop(struct fake *f);
void fake_listen(struct fake *f);

/* ktls_open() on it; *lane is the first connection. */
struct ktls *fake_client(struct fake *f, int *lane);

/* The next connection, greeted; -1 where the client has opened none. */
int fake_accept(struct fake *f);

/* Whether a message is there to be read, or the client has closed. */
bool fake_readable(int lane);

/* The next message, which is to be a request with one descriptor; or a cancel of this id. */
void fake_request(int lane, struct fake_request *out);
uint64_t fake_cancel(int lane);

/* The same for what a client has collected of this listening socket. */
unsigned int fake_collected(int lane, uint64_t id);

/* A connection of a listening socket's: descriptor is HANDOFF_FD_... bits, fd is closed. */
void fake_accepted(int lane, uint64_t id, uint8_t descriptor, int fd);

/* The worker accepts no more for it. */
void fake_leaves(int lane, uint64_t id);

/* A reply with no more than a reason; one with everything; bytes as they are, with descriptors. */
void fake_reply(int lane, uint64_t id, enum ktls_reason reason);
void fake_reply_full(int lane, const struct handoff_reply *reply);
void fake_send(int lane, const void *bytes, size_t len, const int *fds, size_t fds_len);

#endif
