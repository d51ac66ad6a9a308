/* SPDX-License-Identifier: MIT */
/* Handshakes that wait, on sockets whose ULP is the real one. */
#include "tests/harness/harness.h"
#include "tests/harness/idle.h"
#include "tests/harness/keyed.h"

TEST_TIMEOUT(five_thousand_with_three_bytes_each_use_no_cpu, 120)
{
	if (keyed_or_skip())
		idle_handshakes(&conn_kernel_default);
}

TEST_HARNESS_MAIN
