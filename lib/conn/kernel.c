/* SPDX-License-Identifier: MIT */
/* The real kernel behind conn.h's table. */
#include <sys/socket.h>

#include "lib/conn/conn.h"
#include "lib/ktls/kernel.h"

#define ALERT_FATAL 2 /* RFC 5246, 7.2; RFC 9846, 6 */

static int send_alert(int fd, uint8_t alert)
{
	const uint8_t bytes[] = { ALERT_FATAL, alert };

	return kernel_record_send(fd, RECORD_ALERT, bytes, sizeof(bytes), MSG_DONTWAIT) ==
			       sizeof(bytes)
		       ? 0
		       : -1;
}

const struct conn_kernel_ops conn_kernel_default = {
	.attach = kernel_ulp_attach,
	.check = kernel_check,
	.install = kernel_install,
	.limit = kernel_limit,
	.expect_no_pad = kernel_expect_no_pad,
	.zerocopy = kernel_zerocopy,
	.alert = send_alert,
	.get = kernel_get,
};
