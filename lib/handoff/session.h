/* SPDX-License-Identifier: MIT */
/*
 * What is behind a struct ktls_session: a connection after its handshake, on a socket whose records
 * the kernel carries, or on a Unix socket whose other end is a relay of ktlsd. session.c has its
 * beginning and its end, session_in.c what is read, session_out.c what is written, session_keys.c
 * what changes keys.
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

#include "lib/handoff/protocol.h"
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

/* The second is for kernels where a signal must not interrupt a send. */
extern const struct session_kernel session_kernel, session_kernel_steady;

enum session_carrier {
	SESSION_UNKNOWN = 0, /* not looked yet */
	SESSION_KERNEL = 1,
	SESSION_RELAY = 2,
};

/* What has to be done before anything else is read. */
enum session_follows {
	SESSION_FOLLOWS_NOTHING = 0,
	SESSION_FOLLOWS_KEY = 1,      /* the peer's next key is to be installed */
	SESSION_FOLLOWS_KEY_STOP = 2, /* and the kernel waits for it */
	SESSION_FOLLOWS_RESUME = 3,   /* the kernel waits for a key that will not come */
};

/*
 * How far a key has been used, of records_max: not much; half, so that it is to be changed; or so
 * far that the connection has to be closed unless it is.
 */
enum session_use { SESSION_FRESH, SESSION_HALF, SESSION_SPENT };

enum session_wish {
	SESSION_WISH_NONE = 0,
	SESSION_WISH_NOW = 1,
	SESSION_WISH_SENT = 2,
};

#define SESSION_ALERT_FATAL   0x200u
#define SESSION_ALERT_WARNING 0x100u

struct ktls_session {
	struct ktls *k; /* NULL: nobody to ask */
	const struct session_kernel *kernel;
	uint64_t records_max;  /* that one key may protect; 0: any number */
	bool can_rekey;        /* TLS 1.3, and the kernel, as far as k knows */
	atomic_int carrier;    /* enum session_carrier */
	atomic_uint end;       /* 0: it goes on; else the reason, and its alert << 16 */
	atomic_uint alert_due; /* SESSION_ALERT_..., that could not be sent yet; 0: none */
	atomic_bool owed;      /* the peer wants our key changed; or that is half done */
	atomic_uint asked;     /* KeyUpdates that we have asked for, and updates does not know of */
	atomic_int wish;       /* enum session_wish: that the peer changes its key */
	atomic_bool lost;      /* the socket has told of its end, as it does once */
	atomic_bool reset;     /* ... by a reset that is to be said behind what is yet to be read */
	atomic_bool shut;      /* close_notify is out: nothing may follow it */
	atomic_int untold;     /* that error, where no caller has heard of it; 0: none */
	atomic_uint readers;   /* that are in recv(), or have a record from it in hand */

	pthread_mutex_t out;
	bool has_next;            /* our next key is there */
	struct handoff_keys next; /* secret */
	uint8_t update[5];        /* the KeyUpdate */
	size_t sent;              /* bytes of it: more than 0 means that next is to be installed */
	enum session_use use;     /* of our key, as far as records were counted */
	uint64_t out_unseen;      /* records sent at most, since they were counted last */

	pthread_mutex_t in;
	struct stream stream;
	int fd;                      /* that the stream is read from just now */
	unsigned int renegotiations; /* that the peer wanted and did not get */
	atomic_int follows;          /* enum session_follows */
	bool follows_requested;      /* with the KeyUpdate that is followed, for an answer */
	struct ktls_key_update_limit updates; /* of the peer's */
	uint64_t in_unseen; /* records received at most, since they were counted last */

	pthread_mutex_t lock;
	size_t sealed_len;
	uint8_t *sealed; /* NULL: none. A few hundred bytes, and with a client's chain thousands */
};

/*
 * Keeps a copy of these sealed bytes in the place of those that there are. False without memory:
 * then the old ones stay, which are as good, for the kernel says which keys are in force.
 */
bool session_keep_sealed(struct ktls_session *session, const void *sealed, size_t len);

/* By whom data is sent: a relay's socket is one that signals may interrupt. */
const struct session_kernel *session_sender(const struct ktls_session *session);

/* Who carries the records of fd, which is asked once. */
enum session_carrier session_carrier(struct ktls_session *session, int fd);

/*
 * Ends the stream for a reason, unless it has ended before, and sends the alert that belongs to it
 * if there is room: nobody waits for that. peer: the peer's alert, where that is the reason. With
 * KEY_EXHAUSTED it is close_notify that is sent.
 */
void session_end(struct ktls_session *session, int fd, enum ktls_reason reason, uint8_t peer);

/* The same where a relay has sent the alert. */
void session_ended(struct ktls_session *session, enum ktls_reason reason, uint8_t alert);

/* Whether nothing can be read, or written, any more. */
bool session_over_in(const struct ktls_session *session);
bool session_over_out(const struct ktls_session *session);

/*
 * An error of the socket's, negative, from reading or writing. One that means the end of the
 * connection is said once: after it kernel TLS takes whatever is sent and drops it, and this is
 * where that is remembered.
 */
void session_failed(struct ktls_session *session, int fd, int error);

/* What a call for data returns then: 0 after close_notify, else -EPROTO. */
int session_result(const struct ktls_session *session);

/* How far that is, for a key that has protected so many records. */
enum session_use session_use(const struct ktls_session *session, uint64_t records);

/* Of so many records that may have been since, whether it is time to count them. */
bool session_count_due(const struct ktls_session *session, uint64_t unseen);

/* The writers' lock. Unlocking sends an alert that had to wait for it. */
void session_out_lock(struct ktls_session *session);
void session_out_unlock(struct ktls_session *session, int fd);

#endif
