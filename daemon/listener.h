/* SPDX-License-Identifier: MIT */
/*
 * The socket that applications connect to (unix(7)), and who they are. Identity is what the kernel
 * noted at connect(): SO_PEERCRED and SO_PEERGROUPS.
 */
#ifndef KTLSD_LISTENER_H
#define KTLSD_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "daemon/config.h"

/*
 * Makes the socket, with owner and mode set before anybody can connect. A dead one of the same name
 * is replaced. Returns a descriptor, or a negative errno after having logged what is wrong. Where
 * the service manager has made it (systemd.socket(5)), it is taken as it is, and *given is set: its
 * name is the manager's.
 */
int listener_open(const struct config *config, bool *given) __attribute__((warn_unused_result));

#define LISTENER_STATUS ".status" /* behind the socket's name */

/* The same of another name and of type SOCK_STREAM. */
int listener_open_status(const struct config *config, const char *path)
	__attribute__((warn_unused_result));

/* Closes it and removes its name, unless that is NULL. */
void listener_close(int fd, const char *path);

struct peer {
	uid_t uid;
	pid_t pid;
	gid_t *groups; /* its primary group among them */
	size_t groups_len;
};

/* The other end of a connection: 0, to be wiped; or a negative errno. */
int peer_get(int fd, struct peer *out) __attribute__((warn_unused_result));
void peer_wipe(struct peer *peer);

#endif
