/* SPDX-License-Identifier: MIT */
/*
 * Sealed sessions of a program that performs its handshakes itself: random keys in guarded memory,
 * replaced by themselves (sealing_keys.h). With the process they are gone, and so is what they have
 * sealed.
 */
#ifndef KTLS_CONN_OWN_SEALS_H
#define KTLS_CONN_OWN_SEALS_H

#include "lib/conn/conn.h"

struct own_seals;

/* NULL without memory. */
struct own_seals *own_seals_new(void) __attribute__((warn_unused_result));
void own_seals_free(struct own_seals *seals);

/* A loop's sealer; it lives as long as the seals. */
const struct conn_sealer *own_seals_sealer(struct own_seals *seals);

#endif
