/* SPDX-License-Identifier: MIT */
/*
 * What is behind a struct ktls_session: a connection after its handshake, on a socket whose records
 * the kernel carries, or on a Unix socket whose other end is a relay of ktlsd. session.c has its
 * beginning and its end, session_in.c what is read, session_out.c what is written.
 *
 * The locks, of which a thread takes the upper one first:
 *
 *	out   one writer at a time, as in the kernel; held while a send blocks
 *	in    messages that come in pieces, and what follows from them; not held while a recv blocks
 *	lock  the sealed bytes; never held while anything is waited for
 */
#ifndef KTLS_HANDOFF_SESSION_H
#define KTLS_HANDOFF_SESSION_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <ktls-session.h>

#include "lib/handoff/stream.h"

/* What is asked of the kernel. Tests put their own in its place. */
struct session_kernel {
	ssize_t (*recv)(int fd, const struct iovec *iov, size_t iov_len, int flags, uint8_t *type,
			bool *end);
	ssize_t (*send)(int fd, const struct msghdr *message, int flags);
	ssize_t (*sendfile)(int fd, int in_fd, off_t *offset, size_t count);
	ssize_t (*send_record)(int fd, uint8_t type, const void *bytes, size_t len, int flags);
	int (*version)(int fd);
	int (*get)(int fd, bool transmit, struct ktls_traffic_key *out);
	int (*install)(int fd, bool transmit, const struct ktls_traffic_key *key, int *error);
};

extern const struct session_kernel session_kernel;

enum session_carrier {
	SESSION_UNKNOWN = 0, /* not looked yet */
	SESSION_KERNEL = 1,
	SESSION_RELAY = 2,
};

struct ktls_session {
	struct ktls *k; /* NULL: nobody to ask */
	const struct session_kernel *kernel;
	uint64_t records_max;  /* that one key may protect; 0: any number */
	atomic_int carrier;    /* enum session_carrier */
	atomic_uint end;       /* 0: it goes on; else the reason, and its alert << 16 */
	atomic_uint alert_due; /* 0; else 1 and an alert that could not be sent yet */

	pthread_mutex_t out;

	pthread_mutex_t in;
	struct stream stream;
	unsigned int renegotiations; /* that the peer wanted and did not get */

	pthread_mutex_t lock;
	size_t sealed_len;
	uint8_t sealed[KTLS_SESSION_MAX];
};

/* Who carries the records of fd, which is asked once. */
enum session_carrier session_carrier(struct ktls_session *session, int fd);

/*
 * Ends the stream for a reason, unless it has ended before, and sends the alert that belongs to it
 * if there is room: nobody waits for that. peer: the peer's alert, where that is the reason.
 */
void session_end(struct ktls_session *session, int fd, enum ktls_reason reason, uint8_t peer);

/* Whether nothing can be read, or written, any more. */
bool session_over_in(const struct ktls_session *session);
bool session_over_out(const struct ktls_session *session);

/* What a call for data returns then: 0 after close_notify, else -EPROTO. */
int session_result(const struct ktls_session *session);

/* The writers' lock. Unlocking sends an alert that had to wait for it. */
void session_out_lock(struct ktls_session *session);
void session_out_unlock(struct ktls_session *session, int fd);

#endif
