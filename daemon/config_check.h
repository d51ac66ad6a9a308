/* SPDX-License-Identifier: MIT */
/* What stands where the file says nothing, and what can only be judged when all of it is read. */
#ifndef KTLSD_CONFIG_CHECK_H
#define KTLSD_CONFIG_CHECK_H

#include "daemon/config_value.h"

/* NULL when out of memory. */
struct config *config_new(const char *file) __attribute__((warn_unused_result));

void config_profile_init(struct config_profile *profile, unsigned int line);

/* Fills in defaults and tells what does not go together. */
void config_complete(struct config *config, struct config_place *place);

#endif
