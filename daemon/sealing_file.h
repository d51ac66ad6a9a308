/* SPDX-License-Identifier: MIT */
/*
 * The file of sealing keys (lib/conn/sealing_keys.h) in ktlsd's run-time directory: it lets a
 * restarted ktlsd open what the one before has sealed. The supervisor opens it, being root, and
 * neither reads nor writes; the signers have the descriptor and share the keys.
 *
 * The file has room for two sets of keys, each with a number and a digest. The one with the higher
 * number counts; the other's place is written to next. So a set that was not written to its end is
 * not looked at, and readers need no lock. Writers have one (fcntl(2), F_SETLK).
 */
#ifndef KTLSD_SEALING_FILE_H
#define KTLSD_SEALING_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/conn/sealing_keys.h"

/*
 * For the supervisor: opens the file, which is made where there is none, for its owner alone.
 * Returns a descriptor or a negative errno; -EPERM for a file that others made or may read.
 */
int sealing_file_open(const char *path) __attribute__((warn_unused_result));

/* The boot's id, from /proc. 0 or a negative errno. */
int sealing_boot_read(uint8_t boot[static SEALING_BOOT]) __attribute__((warn_unused_result));

/*
 * For signers: reads the keys of keys->boot, of which there may be none. 0; or a negative errno,
 * with nothing changed.
 */
int sealing_file_load(int fd, struct sealing_keys *keys) __attribute__((warn_unused_result));

/*
 * The same, and where the key that seals is due makes another one and writes it. -EAGAIN: another
 * signer is about to do so. age: what seals are good for, in seconds.
 */
int sealing_file_rotate(int fd, struct sealing_keys *keys, uint64_t now, uint32_t age)
	__attribute__((warn_unused_result));

#endif
