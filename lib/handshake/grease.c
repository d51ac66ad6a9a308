/* SPDX-License-Identifier: MIT */
#include "lib/handshake/grease.h"

/*
 * One of the sixteen, 0x0a0a to 0xfafa, by the hello's random: a second ClientHello has the same
 * ones (RFC 9846, 4.2.2).
 */
static uint16_t value(const struct engine *e, enum grease place)
{
	unsigned int high = e->random[place] & 0xf0U;

	/* The two extensions must not be of one type. */
	if (place == GREASE_LAST_EXTENSION && high == (e->random[GREASE_EXTENSION] & 0xf0U))
		high ^= 0x10;
	return (uint16_t)((high | 0x0a) * 0x0101U);
}

void grease_build(const struct engine *e, enum grease place, struct writer *w)
{
	if (e->config.grease)
		writer_u16(w, value(e, place));
}

/* A second ClientHello has the share that it was asked for and no other. */
void grease_share_build(const struct engine *e, struct writer *w)
{
	if (!e->config.grease || e->facts.retried)
		return;
	writer_u16(w, value(e, GREASE_GROUP));
	writer_vec(w, 2, "\0", 1);
}

/* The first is empty, the last is not: a server must pass over both kinds. */
void grease_extension_build(const struct engine *e, enum grease place, struct writer *w)
{
	if (!e->config.grease)
		return;
	writer_u16(w, value(e, place));
	writer_vec(w, 2, "\0", place == GREASE_LAST_EXTENSION ? 1 : 0);
}
