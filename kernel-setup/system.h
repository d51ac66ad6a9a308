/* SPDX-License-Identifier: MIT */
/*
 * What the machine says of its kernel's TLS, besides what the kernel does: whether the tls module
 * is there, loaded, loaded at boot; whether this is a container. Good for advice only: what works
 * is the probe's to say (lib/ktls/probe.h).
 */
#ifndef KTLS_SETUP_SYSTEM_H
#define KTLS_SETUP_SYSTEM_H

#include <stdbool.h>
#include <sys/utsname.h>

enum module_state {
	MODULE_UNKNOWN,   /* nothing here tells */
	MODULE_ABSENT,    /* the kernel was built without TLS */
	MODULE_AVAILABLE, /* a module that is not loaded */
	MODULE_LOADED,
	MODULE_BUILTIN,
};

struct system {
	struct utsname uts;
	enum module_state tls;
	bool at_boot;          /* the configuration says to load the module at boot */
	bool root;             /* we are */
	bool aes_unused;       /* the CPU has AES instructions, and their module is not loaded */
	const char *container; /* what kind this is in, NULL: none that is known */
	const char *kernel_package; /* Debian's package of a kernel with TLS for this machine */
};

void system_look(struct system *out);

/* An option of the running kernel's configuration. */
enum kernel_option {
	KERNEL_OPTION_UNKNOWN, /* the configuration is nowhere to be found */
	KERNEL_OPTION_OFF,
	KERNEL_OPTION_ON, /* built in, or a module */
};

enum kernel_option kernel_option(const char *name);

/* "loaded"; for people and for JSON. */
const char *module_state_name(enum module_state state);

#endif
