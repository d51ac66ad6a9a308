/* SPDX-License-Identifier: MIT */
/*
 * What a machine needs that is to carry much over TLS sockets: modules, and those few sysctls that
 * matter for it. Nothing that the administrator has set is touched: a sysctl that some file sets is
 * that file's, a value that is high enough stays, and the file that is written here is the first
 * in sysctl.d(5)'s order, so that all others win over it.
 */
#ifndef KTLS_SETUP_PREPARE_H
#define KTLS_SETUP_PREPARE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "kernel-setup/options.h"
#include "kernel-setup/refusal.h"
#include "kernel-setup/system.h"

#define PREPARE_SYSCTL_FILE  "/etc/sysctl.d/00-ktls-setup.conf"
#define PREPARE_MODULES_FILE "/etc/modules-load.d/ktls-setup.conf"

#define PREPARE_VALUE_MAX    128
#define PREPARE_ITEMS_MAX    8
#define PREPARE_CONTENT_MAX  8192

enum prepare_kind { PREPARE_MODULE, PREPARE_SYSCTL };

struct prepare_item {
	enum prepare_kind kind;
	const char *name;
	const char *reason;
	char now[PREPARE_VALUE_MAX];    /* "" where it is not there */
	char wanted[PREPARE_VALUE_MAX]; /* what it is to be, or is */
	char before[PREPARE_VALUE_MAX]; /* what it was without us */
	bool set;                       /* now */
	bool keep;                      /* in our file, for the next boots */
	char by[PATH_MAX];              /* the administrator's file that decides, or "" */
};

struct prepare {
	const char *root; /* "", or the folder where the system's / is, /proc included */
	struct prepare_item items[PREPARE_ITEMS_MAX];
	size_t len;
};

/* Fills in the items. */
void prepare_look(struct prepare *p, const struct system *s);

/* Why nothing can be prepared here, with a text; REFUSAL_NONE where it can. */
enum refusal prepare_refusal(const struct system *s, char *text, size_t cap);

/* Its parts. */
void prepare_look_modules(struct prepare *p, const struct system *s);
void prepare_look_sysctls(struct prepare *p);

/* What the file of one kind is to hold; "" where there is to be none. */
void prepare_content(const struct prepare *p, enum prepare_kind kind,
		     char out[static PREPARE_CONTENT_MAX]);

/* Our file's, under the root. */
void prepare_path(const struct prepare *p, enum prepare_kind kind, char out[static PATH_MAX]);

/* Whether the file there is ours, or is not there at all. */
bool prepare_is_ours(const char *path);

/* Reads and writes a sysctl under the root. Return 0 or a negative errno. */
int prepare_get(const struct prepare *p, const char *name, char out[static PREPARE_VALUE_MAX])
	__attribute__((warn_unused_result));
int prepare_set(const struct prepare *p, const char *name, const char *value)
	__attribute__((warn_unused_result));

/*
 * Items as they have to be for all of it to be taken back: those sysctls of our file that still
 * have our value get what was before.
 */
void prepare_look_back(struct prepare *p);

/* The command. An exit status. */
int prepare_main(const struct options *o);

#endif
