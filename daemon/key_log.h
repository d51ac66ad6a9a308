/* SPDX-License-Identifier: MIT */
/* The file that secrets are appended to for debuggers (RFC 9850), where the configuration says so.
 */
#ifndef KTLSD_KEY_LOG_H
#define KTLSD_KEY_LOG_H

/*
 * Opens it, made if it is not there: a file of ours that nobody else can read, else none. Returns a
 * descriptor, or a negative errno.
 */
int key_log_open(const char *file);

#endif
