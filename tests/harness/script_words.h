/* SPDX-License-Identifier: MIT */
/* What the parts of script.c share: a statement that is being done, and the tables of words. */
#ifndef KTLS_TESTS_SCRIPT_WORDS_H
#define KTLS_TESTS_SCRIPT_WORDS_H

#include "tests/harness/script.h"

#define SCRIPT_WORDS_MAX 6

struct script {
	struct peer_records *p;
	bool closed; /* by the script itself */
	int argc;    /* words behind the statement's name */
	char *argv[SCRIPT_WORDS_MAX];
};

struct script_word {
	const char *name;
	int args_max;
	void (*run)(struct script *s);
};

/* Each ends with a row without a name. */
extern const struct script_word script_senders[];
extern const struct script_word script_listeners[];

/* The row of a name, or NULL. */
const struct script_word *script_find(const struct script_word *table, const char *name);

/* Word i behind the name, "" where there is none; as a number; whether it is this one. */
const char *script_arg(const struct script *s, int i);
uint64_t script_number(const struct script *s, int i, uint64_t otherwise);
bool script_is(const struct script *s, int i, const char *word);

#endif
