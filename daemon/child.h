/* SPDX-License-Identifier: MIT */
/*
 * The supervisor's child processes: ktlsd itself, executed anew, so that a child shares no memory
 * with its parent and has a layout of its own. A child gets the channel to its supervisor as
 * descriptor 3, standard error, and nothing else; everything more comes through the channel.
 */
#ifndef KTLSD_CHILD_H
#define KTLSD_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/channel.h"

struct generation;

struct child {
	struct generation *generation; /* the supervisor's */
	enum channel_role role;
	uint16_t index;
	char name[16]; /* "worker 1" */
	pid_t pid;     /* 0: not running */
	struct channel channel;
	bool ready;
	bool retired;          /* takes no more requests */
	uint64_t started;      /* CLOCK_MONOTONIC milliseconds */
	unsigned int failures; /* ends in a row soon after a start */
	uint64_t restart;      /* when to start it; 0: not due */
};

void child_init(struct child *child, enum channel_role role, uint16_t index);

/* Starts the process. 0, or a negative errno with the next attempt put off. */
int child_start(struct child *child) __attribute__((warn_unused_result));

/* Kills it at once; its end is told by waitpid() as ever. */
void child_kill(struct child *child);

/*
 * It has ended with this status of waitpid(): closes the channel, says when to start it again. An
 * end that was wanted, with status 0, is no news.
 */
void child_ended(struct child *child, int status, bool wanted);

#endif
