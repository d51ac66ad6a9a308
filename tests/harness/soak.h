/* SPDX-License-Identifier: MIT */
/*
 * Hand-offs without end, for tests: good ones and bad ones of every kind, against a ktlsd of the
 * test's own, and whether anything has grown in the meantime: descriptors, processes, threads,
 * memory, of each role and of the application.
 */
#ifndef KTLS_TESTS_SOAK_H
#define KTLS_TESTS_SOAK_H

#include <ktls.h>

struct soak {
	const char *profile; /* lines of [profile default], as daemon_configure() has them */
	enum ktls_records records;
	unsigned int number;  /* hand-offs; KTLS_SOAK in the environment says otherwise */
	unsigned int at_once; /* connections under way */
};

/* Fails the test where something has grown, or where a hand-off did not end as it should. */
void soak(const struct soak *soak);

#endif
