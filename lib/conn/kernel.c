/* SPDX-License-Identifier: MIT */
/* The real kernel behind conn.h's table. */
#include "lib/conn/conn.h"
#include "lib/ktls/kernel.h"

const struct conn_kernel_ops conn_kernel_default = {
	.attach = kernel_ulp_attach,
	.check = kernel_check,
	.install = kernel_install,
	.limit = kernel_limit,
	.expect_no_pad = kernel_expect_no_pad,
	.get = kernel_get,
};
