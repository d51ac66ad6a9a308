/* SPDX-License-Identifier: MIT */
/*
 * Kernel TLS played in userspace, for tests of what stands on it: records on an ordinary TCP
 * socket, and the kernel's answers, those of Linux 6.14 and later or of an older one. It watches
 * what is done to it: no key is to be installed for sending twice. What it knows of a socket is
 * shared with child processes.
 */
#ifndef KTLS_TESTS_PLAY_H
#define KTLS_TESTS_PLAY_H

#include "lib/handoff/session.h"

extern const struct session_kernel play_kernel;

/* From now on fd has keys, which can be changed if rekeys is set. */
void play_attach(int fd, const struct ktls_traffic_key *tx, const struct ktls_traffic_key *rx,
		 bool rekeys);

/* So many of the next calls fail: installing, for lack of memory; or sending a record. */
void play_fail_installs(int fd, int times);
void play_fail_records(int fd, int times, int error);

/* Whether a key for sending was installed that had been there before. */
bool play_key_reused(int fd);

/* How many keys for sending there have been. */
int play_keys(int fd);

#endif
