/* SPDX-License-Identifier: MIT */
/*
 * libktls: a connection after its handshake.
 *
 * Data goes over the application's own descriptor with read(), write() and sendfile(). A peer sends
 * more than data: tickets for later sessions (RFC 9846, 4.7.1), changes of its keys (4.7.3),
 * alerts, of which close_notify says that the stream ends (6.1). A session deals with these. It is
 * made from the reply to the handshake and works the same whoever carries the records: the kernel,
 * a device, or a relay of ktlsd.
 *
 * With libktls's own calls there is nothing more to know:
 *
 *	struct ktls_session *s = ktls_session_new(k, reply);
 *
 *	while ((n = ktls_recv(s, fd, buf, sizeof(buf), 0)) > 0)
 *		ktls_send(s, fd, buf, (size_t)n, 0);
 *	ktls_shutdown(s, fd);
 *	ktls_session_free(s);
 *	close(fd);
 *
 * A program with loops of its own calls ktls_recover() when read() fails or says 0, and, where it
 * sends much, ktls_maintain() now and then.
 *
 * Threads. One thread at a time reads a connection, which is whoever calls ktls_recv(),
 * ktls_recvmsg() or ktls_recover(); one at a time writes: ktls_send(), ktls_sendmsg(),
 * ktls_sendfile(), ktls_update_keys(), ktls_maintain(), ktls_shutdown(), plain write() and
 * sendfile(). The two may be different threads and run at the same time. More than one of a kind
 * is safe as far as keys go, none is ever used twice, but their bytes mix as they would on TCP.
 * ktls_session_new(), ktls_session_open(), ktls_session_sealed(), ktls_session_reason(),
 * ktls_session_alert() and ktls_update_owed() any thread may call at any time; ktls_session_free()
 * when no other call has the session.
 *
 * Processes. A session belongs to one process. Another that has the descriptor, by fork() or
 * SCM_RIGHTS, makes its own from the bytes of ktls_session_sealed(), with a struct ktls of its own.
 * Which keys are in force the kernel says, never the session, so that none needs to know of what
 * the others did. Of all processes, too, one reads at a time, and one writes: what another sends
 * between a KeyUpdate and its key the peer cannot read. While a key is changed the descriptor has a
 * record lock (fcntl(2), F_SETLK) for some microseconds.
 *
 * Calls that need new keys ask ktlsd and wait for it, KTLS_SERVICE_MS at most, on a non-blocking
 * socket, too: that happens when the peer changes its keys or ours have served their time, never
 * for data. If ktlsd is not there in that time they return -ETIMEDOUT. Nothing is lost by that: the
 * next call tries again, before it reads or writes anything.
 *
 * Results. Calls return 0 or more, or a negative errno:
 *
 *	-EAGAIN   not now: on a non-blocking socket, or with MSG_DONTWAIT. Wait for POLLIN behind
 *	          this only: poll() does not tell of all that is there (Linux 7.2)
 *	-EINTR    a signal came first, or many records without data in a row: call again
 *	-EPROTO   the stream is over; ktls_session_reason() says why. The alert that belongs to it
 *	          was sent if there was room. Close the socket
 *	-ENOKEY   the socket has no keys
 *	-ENOMEM   for a new key, in the kernel: call again
 *
 * and others as recv() and send() have them: -ECONNRESET, -EPIPE, -ETIMEDOUT, ... When one thread
 * has been told of a reset, sends say -EPIPE to all, and reads in the end -EPROTO with TRUNCATED.
 */
#ifndef KTLS_SESSION_H
#define KTLS_SESSION_H

#include <stdbool.h>
#include <sys/socket.h>

#include <ktls.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

#define KTLS_SESSION_MAX 6144 /* bytes of a sealed session */

/* Milliseconds that a call waits for ktlsd at most: time enough for a restart. */
#define KTLS_SERVICE_MS 5000

struct ktls_session;

/*
 * From a reply with KTLS_OK, which may be freed afterwards. k is what new keys are asked of, and
 * outlives the session; the calls on it are made by whichever thread needs them. NULL: keys cannot
 * be changed, and tickets are dropped. Returns NULL where memory is short.
 */
struct ktls_session *ktls_session_new(struct ktls *k, const struct ktls_reply *reply)
	__attribute__((warn_unused_result));

/*
 * The same from what ktls_session_sealed() gave, in this process or another. sealed NULL: from
 * nothing, for a descriptor of unknown origin: as with k NULL. NULL where memory is short or the
 * bytes are none of a session's.
 */
struct ktls_session *ktls_session_open(struct ktls *k, const void *sealed, size_t len)
	__attribute__((warn_unused_result));

/*
 * The sealed session, for another process that gets the descriptor, too: copies it to buf and
 * returns its length, at most KTLS_SESSION_MAX; 0 where there is none or cap is too short. Good for
 * this socket only, until the machine is restarted or the reply's session_age is over.
 */
size_t ktls_session_sealed(struct ktls_session *session, void *buf, size_t cap);

/* Wipes and frees; NULL is a no-op. The descriptor is the application's to close. */
void ktls_session_free(struct ktls_session *session);

/* KTLS_OK as long as the stream goes on, else why it ended, PEER_CLOSE_NOTIFY being the good end.
 */
enum ktls_reason ktls_session_reason(const struct ktls_session *session);

/* Then: the alert received if that is PEER_ALERT, else the one sent, or KTLS_ALERT_NONE. */
uint8_t ktls_session_alert(const struct ktls_session *session);

/* ---- reading ------------------------------------------------------------------------------- */

/*
 * recv(), without what is no data. flags: 0, MSG_DONTWAIT, MSG_WAITALL. Returns the bytes of data,
 * behind which the buffer may have been written to, too; 0 at the end that close_notify announced,
 * or where len is 0; or an error. 0 and -EPROTO are final: later calls return the same and do not
 * touch the socket.
 */
ssize_t ktls_recv(struct ktls_session *session, int fd, void *buf, size_t len, int flags)
	__attribute__((warn_unused_result));

/* The same into several buffers; message's name and control are not used. */
ssize_t ktls_recvmsg(struct ktls_session *session, int fd, struct msghdr *message, int flags)
	__attribute__((warn_unused_result));

/*
 * For read loops of one's own: read(), recv(), readv(), recvmsg() without a control buffer,
 * splice() or io_uring on fd failed with error (errno's value, positive: EIO, EINVAL, EKEYEXPIRED,
 * EBADMSG, ...), or returned 0, which is error 0. Takes from the socket what is no data, installs
 * the peer's new key where there is one, and never takes a byte of data. Never waits for the peer.
 *
 * Such a loop reads until EAGAIN before it waits in poll(): a record that the kernel has opened
 * already, a KeyUpdate behind data above all, poll() does not tell of. Returns
 *
 *	1        read again; behind ECONNRESET, too, which may have overtaken what came before
 *	0        the end: the peer sent close_notify
 *	-EPROTO  the stream is over otherwise: TRUNCATED where read() said 0 without a close_notify
 *	-errno   it was an error of the socket's own, -error mostly
 */
int ktls_recover(struct ktls_session *session, int fd, int error)
	__attribute__((warn_unused_result));

/* ---- writing ------------------------------------------------------------------------------- */

/*
 * send(), sendmsg() and sendfile(), which first pay what is owed to the peer (ktls_update_keys())
 * and change our key before it has protected as many records as it may (RFC 9846, 5.5). flags: 0,
 * MSG_DONTWAIT, MSG_MORE, MSG_NOSIGNAL, which is implied. Where the key cannot be changed (TLS 1.2,
 * Linux before 6.14) the connection is closed in order before that: -EPROTO, KEY_EXHAUSTED. -EPIPE
 * behind ktls_shutdown() and where the connection is gone, though the kernel may still take data.
 *
 * count may be more than a regular file has, on any kernel. ktls_sendfile() returns 0 where nothing
 * is left of it.
 *
 * A signal costs no more than -EINTR, and with SA_RESTART not that. In plain write() and sendfile()
 * that block it ends the connection on some kernels (no KTLS_CAN_INTERRUPT): 6.12 up to 6.12.103.
 */
ssize_t ktls_send(struct ktls_session *session, int fd, const void *buf, size_t len, int flags)
	__attribute__((warn_unused_result));
ssize_t ktls_sendmsg(struct ktls_session *session, int fd, const struct msghdr *message, int flags)
	__attribute__((warn_unused_result));
ssize_t ktls_sendfile(struct ktls_session *session, int fd, int in_fd, off_t *offset, size_t count)
	__attribute__((warn_unused_result));

/*
 * Whether the peer has asked for an update of our key (RFC 9846, 4.7.3) that has not been made yet,
 * or one is half made: the writer makes it before its next data. True as well where the connection
 * is gone and the writer cannot know, for the kernel tells it once: ktls_maintain() says -EPIPE
 * then. Any thread may ask.
 */
bool ktls_update_owed(const struct ktls_session *session);

#define KTLS_UPDATE_REQUEST 1U /* ask the peer to change its key, too */

/*
 * Changes our key: a KeyUpdate, then the new key. A record left open by MSG_MORE is sent before it.
 * Called by the thread that writes. flags: 0 or KTLS_UPDATE_REQUEST. Returns 0 when the new key is
 * in force; -EAGAIN where the socket has no room for the KeyUpdate: wait for POLLOUT and call
 * again. -EOPNOTSUPP where keys cannot be changed (TLS 1.2, Linux before 6.14, no struct ktls, a
 * relay, a session that ktlsd does not accept); -ETIMEDOUT where ktlsd is not there. In all these
 * cases the old key is in force; but where ktls_update_owed() says so, no data may be sent before.
 * -EPIPE behind ktls_shutdown(), or where the connection is lost.
 */
int ktls_update_keys(struct ktls_session *session, int fd, unsigned int flags)
	__attribute__((warn_unused_result));

/*
 * The duty of a program that sends with plain write() or sendfile(): to be called by its writing
 * thread at least every 2^22 sends or 16 GiB, whichever comes first, and when ktls_update_owed();
 * where the reply's records_max is less than 2^24 (records-per-key), every records_max / 4 records.
 * Looks how many records the key in force has protected, wipes what it saw, and does what
 * ktls_send() would do before data: returns 0 where data may be sent, else as ktls_update_keys();
 * or -EPROTO with KEY_EXHAUSTED where the connection had to be closed; or -EPIPE as ktls_send(). Of
 * the peer's key it looks at the same, and asks for another in time; where records-per-key is set,
 * a peer that goes on without one is the end, too. Between two calls nothing is to be done.
 */
int ktls_maintain(struct ktls_session *session, int fd) __attribute__((warn_unused_result));

/*
 * Says to the peer that no more data will come: sends close_notify (RFC 9846, 6.1). Called by the
 * thread that writes, once, after its last data and before close() or shutdown(SHUT_WR); reading
 * may go on. A record left open by MSG_MORE is sent by it. Nothing is sent behind it: sends say
 * -EPIPE, and a peer's wish for a KeyUpdate is passed over. Returns 0 when it is on its way:
 * close() may follow at once and still delivers it, shutdown(SHUT_WR) may cut it off. -EAGAIN:
 * nothing was sent; wait for POLLOUT, call again. session may be NULL.
 */
int ktls_shutdown(struct ktls_session *session, int fd) __attribute__((warn_unused_result));

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
