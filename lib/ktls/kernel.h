/* SPDX-License-Identifier: MIT */
/*
 * A TCP socket whose records the kernel makes and opens (Linux: Documentation/networking/tls.rst).
 *
 * In this order: the "tls" upper layer protocol is attached to a connected socket, which still
 * carries plain bytes then; after the handshake the key of each direction is installed; from then
 * on data is read and written as ever, and whatever is no application data goes through
 * kernel_record_send() and kernel_record_recv().
 *
 * No function here changes the file's status flags or raises SIGPIPE. Reasons are those of
 * ktls-tls.h, negative; *error is the errno behind one, 0 where there is none, and is always
 * written.
 */
#ifndef KTLS_KTLS_KERNEL_H
#define KTLS_KTLS_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <ktls-tls.h>

#include "lib/wire/reader.h"

/* TLS ContentType (RFC 9846, 5.1; RFC 6520). */
#define RECORD_CHANGE_CIPHER_SPEC 20
#define RECORD_ALERT              21
#define RECORD_HANDSHAKE          22
#define RECORD_APPLICATION_DATA   23

/*
 * Checks that the socket can have kernel TLS and attaches the ULP. A socket that has it already,
 * but no keys, is taken as it is. Nothing changes on the wire. Returns 0, or a negative reason with
 * the socket as it was:
 *
 *	SOCKET_NOT_SOCKET, SOCKET_NOT_TCP, SOCKET_MPTCP
 *	SOCKET_PEEK_OFF       a later read would not begin where the handshake ended
 *	SOCKET_NOT_CONNECTED  listening, connecting, or shut down for sending by this side
 *	PEER_EOF              the peer has sent its FIN before the ULP was there: Linux wants
 *	                      ESTABLISHED
 *	PEER_RESET, SOCKET_ERROR
 *	SOCKET_OTHER_ULP, SOCKET_HAS_KEYS
 *	KERNEL_NO_TLS         built without, module not loaded, or not for this user to load
 *	                      (ENOENT)
 *	KERNEL_REFUSED, NO_MEMORY
 */
WIRE_MUST_CHECK int kernel_ulp_attach(int fd, int *error);

/*
 * Checks a socket whose records the kernel will not have: as kernel_ulp_attach(), but that a kernel
 * without TLS is none the worse, nor a peer that has sent its FIN already.
 */
WIRE_MUST_CHECK int kernel_check(int fd, int *error);

/* Whether a connected socket's peer is on this machine, as its addresses say: loopback, or twice
 * the same. */
bool kernel_is_local(int fd);

/*
 * Installs the key of one direction: for what we send, or what we receive. The ULP is attached, all
 * bytes of the handshake are written or read, and nobody else reads meanwhile. Once installed, a
 * key cannot be taken out; a second one is a rekey, which kernels before 6.14 refuse, and TLS 1.2.
 *
 * Returns 0, or a negative reason with the socket as it was:
 *
 *	MISUSE             no such version or suite
 *	KERNEL_NO_SUITE    the kernel lacks the cipher (ENOENT)
 *	SOCKET_HAS_KEYS    this direction has a key that cannot be changed (EBUSY)
 *	KERNEL_REFUSED     version or cipher differ from the other direction's (EINVAL), no ULP
 *	                   (ENOPROTOOPT), others
 *	SOCKET_NOT_SOCKET, NO_MEMORY
 */
WIRE_MUST_CHECK int kernel_install(int fd, bool transmit, const struct ktls_traffic_key *key,
				   int *error);

/*
 * Makes records sent no longer than so many bytes of content, 64 to 16384 (63 for TLS 1.3), behind
 * kernel_install() and before any data: TLS_TX_MAX_PAYLOAD_LEN, where the probe shows it. Returns 0
 * or -KTLS_R_KERNEL_REFUSED, with *error the errno behind it.
 */
WIRE_MUST_CHECK int kernel_limit(int fd, uint16_t content_max, int *error);

/*
 * Lets a network device read what sendfile() sends from the page cache, without a copy
 * (TLS_TX_ZEROCOPY_RO): behind kernel_install() of the transmit key. The file must not change until
 * the peer has it all, for what is sent again is read again: a record that has changed is none.
 * Where the kernel encrypts it is accepted and has no effect. Returns 0 or a negative errno,
 * -ENOPROTOOPT on kernels before 5.19.
 */
WIRE_MUST_CHECK int kernel_zerocopy(int fd);

/*
 * Says that the peer is expected not to pad its records (TLS_RX_EXPECT_NO_PAD): they are decrypted
 * into the reader's buffer, without a copy; padded ones, and those that are no data, are decrypted
 * twice. Behind kernel_install() of the receive key, TLS 1.3 only, and only where the probe finds
 * it good: some kernels write more than they say. Returns 0 or a negative errno: -EINVAL for TLS
 * 1.2, which needs no such thing.
 */
WIRE_MUST_CHECK int kernel_expect_no_pad(int fd);

/*
 * Reads back the key in force, with the sequence number of the next record. Anybody who has the
 * descriptor can. In TLS 1.2 several suites share a cipher: suite is one of them; and where records
 * have an explicit nonce the last 8 bytes of iv are 0. The caller wipes *out. Returns 0, or a
 * negative errno with nothing written: -EBUSY without a key, -ENOPROTOOPT without the ULP.
 */
WIRE_MUST_CHECK int kernel_get(int fd, bool transmit, struct ktls_traffic_key *out);

/* The version of TLS whose keys receive; a negative errno, -EBUSY where there are none. */
WIRE_MUST_CHECK int kernel_version(int fd);

/*
 * Sends len bytes (1 to 16384) as one record of a type, behind the record that MSG_MORE has left
 * open. flags: 0 or MSG_DONTWAIT. Returns the bytes taken, which are fewer than len only where
 * memory is short (the rest goes into another record), or a negative errno:
 *
 *	-ENOKEY   no transmit key: nothing was sent, least of all in the clear
 *	-EAGAIN   no room in the socket's buffer: nothing was sent
 *	-EINVAL   len
 *	-EPIPE, -ECONNRESET, ... the connection is gone
 *
 * Linux 6.12 up to 6.12.103 aborts a connection when a signal interrupts a send: MSG_DONTWAIT
 * avoids that, or steady.h.
 */
WIRE_MUST_CHECK ssize_t kernel_record_send(int fd, uint8_t type, const void *bytes, size_t len,
					   int flags);

/*
 * Receives bytes of one record, of any type, and says which. Bytes of several records of
 * application data may come together; of others never. What does not fit is kept for the next call.
 * flags: 0, MSG_DONTWAIT, MSG_WAITALL. Returns the bytes written to buf with *type set, 0 for an
 * empty record (that is not the end of the stream), or a negative errno with *type unwritten:
 *
 *	-EAGAIN       no whole record there
 *	-EINTR        a signal came first
 *	-ENODATA      the end: the peer's FIN, or a shutdown() of our own. Without a close_notify
 *	              before it, it may be a truncation; a record cut off by it is dropped without
 *	              a word
 *	-EKEYEXPIRED  the peer's KeyUpdate was received before, and the new key is not installed
 *	              yet (Linux 6.14; older ones say -EBADMSG)
 *	-EBADMSG      a record that does not decrypt
 *	-EMSGSIZE     a record longer than allowed
 *	-EINVAL       a record header that is none of TLS; or len is 0
 *	-ENOKEY       no receive key: what was there came in the clear, and is lost
 *	-ECONNRESET, -ETIMEDOUT, ...
 *
 * After -EBADMSG, -EMSGSIZE and -EINVAL the stream is beyond repair: some kernels say so only once
 * and then -EAGAIN for ever. The kernel sends no alert by itself.
 */
WIRE_MUST_CHECK ssize_t kernel_record_recv(int fd, void *buf, size_t len, int flags, uint8_t *type);

/*
 * The same into several buffers, of which at least one has room. flags may have MSG_PEEK: then
 * nothing is taken out. *end: the bytes reach to the end of a record, always so where the record is
 * no application data and its rest is not in the buffers.
 */
WIRE_MUST_CHECK ssize_t kernel_record_recvmsg(int fd, const struct iovec *iov, size_t iov_len,
					      int flags, uint8_t *type, bool *end);

#endif
