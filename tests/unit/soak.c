/* SPDX-License-Identifier: MIT */
/*
 * Hand-offs without end over relays, which any machine has; KTLS_SOAK=100000 says how many. Into
 * the kernel: tests/kernel/soak.c.
 */
#include <stdio.h>
#include <unistd.h>

#include "tests/harness/harness.h"
#include "tests/harness/soak.h"

TEST_TIMEOUT(over_relays, 3600)
{
	char profile[128];
	struct soak s = { .profile = profile,
			  .records = KTLS_RECORDS_PREFER_KERNEL,
			  .number = 1000,
			  .at_once = 8 };

	snprintf(profile, sizeof(profile), "records = relay\nserver-users = %u\nclient-users = *\n",
		 geteuid());
	soak(&s);
}

TEST_HARNESS_MAIN
