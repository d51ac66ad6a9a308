/* SPDX-License-Identifier: MIT */
/* Hand-offs without end into the kernel; KTLS_SOAK=100000 says how many. */
#include "tests/harness/harness.h"
#include "tests/harness/keyed.h"
#include "tests/harness/soak.h"

TEST_TIMEOUT(into_the_kernel, 3600)
{
	struct soak s = { .number = 400, .at_once = 8 };

	if (keyed_or_skip())
		soak(&s);
}

TEST_HARNESS_MAIN
