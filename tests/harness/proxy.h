/* SPDX-License-Identifier: MIT */
/*
 * Between applications and their ktlsd: a process that carries the packets of the hand-off, and
 * their descriptors, but loses replies to services.
 */
#ifndef KTLS_TESTS_PROXY_H
#define KTLS_TESTS_PROXY_H

#include <sys/types.h>

enum proxy_loss {
	PROXY_LOSES_LANE,  /* the reply, and with it the connection */
	PROXY_LOSES_REPLY, /* the reply alone: whoever waits for it waits in vain */
};

/*
 * Listens at path for a ktlsd at daemon. Of the replies to services, every second is lost until so
 * many have been. The process ends with its parent.
 */
pid_t proxy_start(const char *path, const char *daemon, enum proxy_loss loss, unsigned int times);

/* How many were lost, up to now. */
unsigned int proxy_lost(void);

void proxy_stop(pid_t pid);

#endif
