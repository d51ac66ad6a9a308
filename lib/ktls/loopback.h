/* SPDX-License-Identifier: MIT */
/* TCP connections of a process to itself: what socketpair() is for Unix sockets. */
#ifndef KTLS_KTLS_LOOPBACK_H
#define KTLS_KTLS_LOOPBACK_H

/*
 * Connects fd[0] to fd[1] over 127.0.0.1, or over ::1 where that does not do. Both are blocking and
 * close-on-exec. Returns 0, or a negative errno with nothing open and fd unwritten.
 */
int loopback_pair(int fd[static 2]) __attribute__((warn_unused_result));

/*
 * The same, with no more room for what fd[0] sends than that many bytes in each of the two buffers,
 * or as few as the kernel allows. TCP then cuts what is sent into small segments.
 */
int loopback_narrow_pair(int fd[static 2], int bytes) __attribute__((warn_unused_result));

#endif
