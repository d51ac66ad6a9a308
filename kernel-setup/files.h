/* SPDX-License-Identifier: MIT */
/*
 * Small files of the system's configuration: read, written whole or not at all, and not before
 * somebody has said yes. Errors are negative errno.
 */
#ifndef KTLS_SETUP_FILES_H
#define KTLS_SETUP_FILES_H

#include <stdbool.h>

#include "kernel-setup/options.h"

#define FILE_BYTES_MAX 65536

/* All of it, with a 0 behind it; the caller frees *out. -EFBIG beyond FILE_BYTES_MAX. */
int file_read(const char *path, char **out) __attribute__((warn_unused_result));

/* Whether path holds just this. */
bool file_is(const char *path, const char *content);

/*
 * Whether the file could be written: 0, or -EACCES, -EROFS, ... of it or of the nearest folder
 * above it that is there.
 */
int file_may_write(const char *path) __attribute__((warn_unused_result));

/* Mode 0644, through a file beside it that takes its name; folders that are missing are made. */
int file_write(const char *path, const char *content) __attribute__((warn_unused_result));

/* Prints what went wrong with path, and what mends it. */
void file_complain(const char *path, int error);

/*
 * Whether what was shown may be done: --yes, or a yes of the one at the terminal. Prints why not.
 */
bool agreed(const struct options *o);

#endif
