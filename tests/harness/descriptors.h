/* SPDX-License-Identifier: MIT */
/* What a test looks at to see that nothing was left open. */
#ifndef TESTS_HARNESS_DESCRIPTORS_H
#define TESTS_HARNESS_DESCRIPTORS_H

/* Number of this process's open descriptors. */
int open_descriptors(void);

#endif
