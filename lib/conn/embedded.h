/* SPDX-License-Identifier: MIT */
/* ktls_open_embedded() with the kernel as a parameter, for tests. */
#ifndef KTLS_CONN_EMBEDDED_H
#define KTLS_CONN_EMBEDDED_H

#include <ktls-handshake.h>
#include <ktls.h>

#include "lib/conn/conn.h"

/* kernel NULL: the real one, which is asked what it can do. */
struct ktls *embedded_open(const struct ktls_embedded_config *config,
			   const struct conn_kernel_ops *kernel, struct ktls_error *error)
	__attribute__((warn_unused_result));

#endif
