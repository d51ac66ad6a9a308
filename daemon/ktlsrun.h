/* SPDX-License-Identifier: MIT */
/* ktlsrun: whether a program is one that a preload library reaches. */
#ifndef KTLS_DAEMON_KTLSRUN_H
#define KTLS_DAEMON_KTLSRUN_H

#include <stdbool.h>
#include <stddef.h>

enum reach {
	REACH_YES,
	REACH_NOT_FOUND, /* no such file */
	REACH_NOT_RUN,   /* it cannot be run at all */
	REACH_STATIC,    /* statically linked: the dynamic linker has no part in it */
	REACH_SET_UID,   /* runs with other rights: the dynamic linker preloads nothing there */
	REACH_OTHER,     /* for another machine than the library is */
};

/* What execvp() would run: the path of a command. False: there is none; out is unwritten. */
bool reach_find(const char *command, char *out, size_t cap);

/*
 * Looks at the file, and at the interpreter where it is a script. what: the file that is out of
 * reach.
 */
enum reach reach_look(const char *path, char *what, size_t cap);

/* Why, for people. */
const char *reach_text(enum reach reach);

#endif
