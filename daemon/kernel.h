/* SPDX-License-Identifier: MIT */
/* What this kernel can do for us: asked once, by the one role that may have modules loaded. */
#ifndef KTLSD_KERNEL_H
#define KTLSD_KERNEL_H

#include <stdint.h>

/*
 * Probes by doing (lib/ktls/probe.h), tries 'modprobe tls' where the kernel has no TLS, and logs
 * what is missing with the remedy. Returns KTLS_CAN_... bits, 0 where there is no kernel TLS: then
 * ktlsd serves nevertheless, and requests are told KERNEL_NO_TLS.
 */
uint64_t kernel_probe(void);

#endif
