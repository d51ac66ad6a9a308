/* SPDX-License-Identifier: MIT */
/*
 * Sends on blocking sockets that no signal interrupts within the kernel.
 *
 * Linux 6.12 up to 6.12.103, and others of its time, aborts a connection when a signal interrupts a
 * send that waits in the middle of a record (struct ktls_probe.interrupt). So these wait in poll(),
 * and what they ask of the kernel does not block: by MSG_DONTWAIT, or where a call knows no such
 * flag, by no more bytes than there is room for, with signals blocked meanwhile. Everything else is
 * as the kernel has it: all is sent, unless a signal or SO_SNDTIMEO comes between; SA_RESTART
 * holds; a socket that does not block is not waited for.
 *
 * Only for connections whose records the kernel has. Results are those of the calls they stand for,
 * with a negative errno.
 */
#ifndef KTLS_KTLS_STEADY_H
#define KTLS_KTLS_STEADY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

/* sendmsg(). No control messages: message has data only. */
ssize_t steady_send(int fd, const struct msghdr *message, int flags);

/* kernel_record_send(). Signals wait while the kernel sends what is left of the record before it.
 */
ssize_t steady_record_send(int fd, uint8_t type, const void *bytes, size_t len, int flags);

ssize_t steady_sendfile(int fd, int in, off_t *offset, size_t count);

/*
 * What sendfile() is to be told in place of count: no more than a regular file has at *offset, or
 * where it stands. Told more, Linux before 7.2 (6.12.101) leaves the last record open on a socket
 * whose records a device has, until the next send. count where that is not known, or nothing is
 * left.
 */
size_t steady_file_left(int in, const off_t *offset, size_t count);

/*
 * sendfile() of no more than that, which may block. If the file becomes shorter meanwhile, such a
 * record is completed.
 */
ssize_t steady_file_send(int fd, int in, off_t *offset, size_t count);

/* splice() from a pipe, into the socket. May take less than is there. */
ssize_t steady_splice(int in, int fd, size_t len, unsigned int flags);

#endif
