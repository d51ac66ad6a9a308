/* SPDX-License-Identifier: MIT */
/* Sessions on the kernel that we run on. */
#define SESSION_REAL
#include "tests/harness/session_cases.h"

TEST_HARNESS_MAIN
