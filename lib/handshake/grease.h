/* SPDX-License-Identifier: MIT */
/*
 * GREASE (RFC 8701): values that a client offers and nobody knows, so that servers keep passing
 * over what they do not know.
 */
#ifndef KTLS_HANDSHAKE_GREASE_H
#define KTLS_HANDSHAKE_GREASE_H

#include "lib/handshake/engine.h"

enum grease {
	GREASE_SUITE,
	GREASE_GROUP, /* and its key share */
	GREASE_SCHEME,
	GREASE_VERSION,
	GREASE_EXTENSION,
	GREASE_LAST_EXTENSION,
};

/* Writes the value of a place, if the configuration wants any. */
void grease_build(const struct engine *e, enum grease place, struct writer *w);
void grease_share_build(const struct engine *e, struct writer *w);
void grease_extension_build(const struct engine *e, enum grease place, struct writer *w);

#endif
