/* SPDX-License-Identifier: MIT */
/*
 * <linux/tls.h>, and what it gained after the oldest headers that we build with. The kernel that we
 * run on may know more or less than either: ask the probe.
 */
#ifndef KTLS_KTLS_UAPI_H
#define KTLS_KTLS_UAPI_H

#include <linux/tls.h>

#ifndef SOL_TLS
#define SOL_TLS 282
#endif

#ifndef TLS_TX_MAX_PAYLOAD_LEN
#define TLS_TX_MAX_PAYLOAD_LEN 5 /* uint16_t: content bytes of a record at most (RFC 8449) */
#endif

#endif
