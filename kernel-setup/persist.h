/* SPDX-License-Identifier: MIT */
/*
 * The udev rule that keeps a device's offload as it is wanted. A rule, and not a systemd unit, for
 * udev runs it each time that a driver registers the device, so it holds after the driver was
 * loaded anew, and it knows the device by its address, so it holds under another name.
 */
#ifndef KTLS_SETUP_PERSIST_H
#define KTLS_SETUP_PERSIST_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "kernel-setup/offload.h"

struct persist {
	char name[NETLINK_NAME_MAX];
	char address[3 * NETLINK_ADDRESS_MAX]; /* "02:00:5e:10:00:01"; "": known by its name */
	bool on;
	bool directions[OFFLOAD_DIRECTIONS];
	char program[PATH_MAX]; /* ktls-setup, as the rule will call it */
};

#define PERSIST_CONTENT_MAX (PATH_MAX + 1024)

/* root is "", or the folder where the system's / is. */
int persist_path(const struct persist *p, const char *root, char out[static PATH_MAX])
	__attribute__((warn_unused_result));

/* -EINVAL where the names cannot stand in a rule. */
int persist_content(const struct persist *p, char out[static PERSIST_CONTENT_MAX])
	__attribute__((warn_unused_result));

/*
 * The rule of a device that may be gone: the one of its address, or that was written when it had
 * this name. -ENOENT where there is none.
 */
int persist_find(const struct persist *p, const char *root, char out[static PATH_MAX])
	__attribute__((warn_unused_result));

/* The command: arguments behind "persist". An exit status. */
int persist_main(struct netlink *nl, int argc, char **argv, const struct options *o);

#endif
