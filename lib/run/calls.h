/* SPDX-License-Identifier: MIT */
/*
 * What the wrapped calls have in common. The functions that programs call have libc's names and are
 * called by nobody here: with --wrap, libc's own would be called instead.
 */
#ifndef KTLS_RUN_CALLS_H
#define KTLS_RUN_CALLS_H

#include "lib/run/run.h"

ssize_t run_recv(int fd, void *buf, size_t len, int flags);
ssize_t run_send(int fd, const void *buf, size_t len, int flags);
ssize_t run_recvmsg(int fd, struct msghdr *message, int flags);

int run_close(int fd);

/* A socket's protocol is TCP, or is made of it. */
bool run_is_tcp(int fd);

/* In what becomes of sockets that a relay has. -1 and errno, or 0. */
int run_option_get(struct run_file *file, int fd, int level, int name, void *value, socklen_t *len);
int run_option_set(struct run_file *file, int fd, int level, int name, const void *value,
		   socklen_t len);

#endif
