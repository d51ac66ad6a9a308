/* SPDX-License-Identifier: MIT */
/*
 * Saying why nothing was done, to people and to programs: a line on standard error, and with --json
 * an object on standard output, where there would be nothing else: { "error": "NO_DEVICE",
 * "text": "..." }.
 */
#ifndef KTLS_SETUP_REFUSAL_H
#define KTLS_SETUP_REFUSAL_H

#include <stddef.h>

#include "kernel-setup/options.h"

enum refusal {
	REFUSAL_NONE,
	REFUSAL_NO_DEVICE,  /* none of that name */
	REFUSAL_CANNOT,     /* the device cannot have it changed */
	REFUSAL_NEEDS_ROOT, /* or CAP_NET_ADMIN */
	REFUSAL_READ_ONLY,  /* the configuration is on a file system that is */
	REFUSAL_PROGRAM,    /* others than root can change ktls-setup, which root would run */
	REFUSAL_NAME,       /* cannot stand in a rule of udev's */
	REFUSAL_CONTAINER,  /* the kernel is that of its host */
	REFUSAL_NO_TLS,     /* the kernel was built without CONFIG_TLS */
	REFUSAL_SYSTEM,     /* a call of the kernel's failed in another way */
	REFUSALS,
};

const char *refusal_name(enum refusal why); /* "NO_DEVICE" */

/* Returns 1, an exit status. */
int refuse(const struct options *o, enum refusal why, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A device that is not there. */
int refuse_device(const struct options *o, const char *name);

/* What went wrong with a file, a negative errno, and what mends it. */
enum refusal refusal_of_file(const char *path, int error, char *text, size_t cap);
int refuse_file(const struct options *o, const char *path, int error);

#endif
