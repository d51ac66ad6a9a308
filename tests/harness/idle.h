/* SPDX-License-Identifier: MIT */
/* A check that both the fake and the real kernel have to pass. */
#ifndef KTLS_TESTS_IDLE_H
#define KTLS_TESTS_IDLE_H

#include "lib/conn/conn.h"

/*
 * 5000 handshakes of servers whose peers have sent three bytes each, and then nothing: for a
 * second, the loop is not woken and uses no CPU. kernel: NULL for the fake one of conns.h.
 */
void idle_handshakes(const struct conn_kernel_ops *kernel);

#endif
