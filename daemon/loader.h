/* SPDX-License-Identifier: MIT */
/*
 * The files that the configuration names: certificates, keys and trust are read, checked against
 * each other and packed into the two bundles (bundle.h). That is done in a process of its own,
 * which then ends: no private key is ever in the supervisor's memory.
 */
#ifndef KTLSD_LOADER_H
#define KTLSD_LOADER_H

#include "daemon/config.h"

struct bundles {
	int workers; /* sealed memory files: close-on-exec descriptors */
	int signers;
};

/*
 * Errors are written to out, a stream over a descriptor, as "file:line: what is wrong: what to do",
 * the line being that of the configuration. Returns 0, or -1 after at least one error, with nothing
 * left open and out parameters unwritten.
 */
int bundles_load(const struct config *config, FILE *out, struct bundles *bundles)
	__attribute__((warn_unused_result));

/*
 * The same in two steps, for a caller that does not want to wait: begins, with the process in
 * *loading, and returns 0 or a negative errno; when waitpid() has told of that process's end, the
 * rest with its status, as bundles_load() has it. config and out stay as they are meanwhile.
 */
struct bundles_loading {
	pid_t pid;
	struct bundles bundles;
};

int bundles_begin(const struct config *config, FILE *out, struct bundles_loading *loading)
	__attribute__((warn_unused_result));
int bundles_end(struct bundles_loading *loading, int status, const struct config *config, FILE *out,
		struct bundles *bundles) __attribute__((warn_unused_result));

void bundles_close(struct bundles *bundles);

#endif
