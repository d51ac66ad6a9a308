/* SPDX-License-Identifier: MIT */
/*
 * What workers and signers give up before they touch anything that came from elsewhere: privileges,
 * core dumps, being traced, and the system calls that their duty does not need.
 */
#ifndef KTLSD_SANDBOX_H
#define KTLSD_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "daemon/channel.h"

/* No core dump and no ptrace, from any user but root. 0 or a negative errno. */
int sandbox_hide(void) __attribute__((warn_unused_result));

/* Raises the limits on locked memory (bytes) and descriptors; says so in the log where it cannot.
 */
void sandbox_raise_limits(size_t memory, size_t descriptors);

/*
 * Keeps all memory, present and future, out of swap, up to so many bytes; says so in the log where
 * the limit cannot be raised to that, and leaves it as it is then.
 */
void sandbox_lock_memory(size_t memory);

/*
 * Becomes user and group for good; whoever is not root only gives up the way to more privileges. 0
 * or a negative errno.
 */
int sandbox_drop(uid_t user, gid_t group) __attribute__((warn_unused_result));

/* The same, but keeping one capability (CAP_...), where it is there to be kept. */
int sandbox_drop_keeping(uid_t user, gid_t group, int capability)
	__attribute__((warn_unused_result));

/*
 * Only the system calls of this role from here on, in all threads: another one ends the process.
 * 0, or a negative errno where the kernel or this build cannot do it: -ENOSYS for sanitizers and
 * for machines other than x86-64 and arm64.
 */
int sandbox_enter(enum channel_role role) __attribute__((warn_unused_result));

#endif
