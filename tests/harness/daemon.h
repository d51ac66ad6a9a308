/* SPDX-License-Identifier: MIT */
/*
 * A ktlsd for a test: the one that was built beside the test program, with a configuration,
 * certificates and a socket in a folder of its own. What it logs is in a file there, shown when a
 * test fails to start it. Whatever goes wrong here fails the test.
 */
#ifndef TESTS_HARNESS_DAEMON_H
#define TESTS_HARNESS_DAEMON_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct daemon {
	char dir[64];
	char socket[96];
	char config[96];
	char log[96];
	char program[256];
	pid_t pid; /* 0: not running */
};

/*
 * Prepares the folder and the certificates in it: ca.pem, which issued server.pem and server.key
 * for localhost, 127.0.0.1 and ::1.
 */
void daemon_prepare(struct daemon *d);

/*
 * Writes the configuration: ktlsd, lines of the section [ktlsd] beside the socket's; profile, lines
 * of the section [profile default] beside certificate, key and trust, NULL for those that let this
 * user and everybody in; more, further sections.
 */
void daemon_configure(struct daemon *d, const char *ktlsd, const char *profile, const char *more);

/* Starts it and waits until it is ready; the other waits for nothing. */
void daemon_start(struct daemon *d);
void daemon_spawn(struct daemon *d);

/* All three. */
void daemon_open(struct daemon *d, const char *ktlsd, const char *profile, const char *more);

/* Waits for its end. The status of waitpid(). */
int daemon_wait(struct daemon *d);

/* SIGTERM, and the end is to be orderly; the folder is removed. */
void daemon_close(struct daemon *d);

/* The process of a role, "worker 1"; 0 where there is none. */
pid_t daemon_child(const struct daemon *d, const char *name);

/* Waits until there is one, and it is not the one given. */
pid_t daemon_child_after(const struct daemon *d, const char *name, pid_t before);

/* Waits until a line of the log holds the text. False after five seconds. */
bool daemon_logged(const struct daemon *d, const char *text);

/* How many lines of the log hold it now. */
unsigned int daemon_log_count(const struct daemon *d, const char *text);

/* The name of a file in the folder; valid until the next call. */
const char *daemon_path(const struct daemon *d, const char *name);

#endif
