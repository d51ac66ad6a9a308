/* SPDX-License-Identifier: MIT */
/* Make-believe operations for the engines of engines.h that all complete later. */
#ifndef KTLS_TESTS_LATER_H
#define KTLS_TESTS_LATER_H

#include "tests/harness/engines.h"

/* To be called before engines_start(). Only one operation at a time is under way between two ends.
 */
void engine_end_put_off(struct engine_end *end);

#endif
