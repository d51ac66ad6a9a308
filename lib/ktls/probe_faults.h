/* SPDX-License-Identifier: MIT */
/* Questions of probe.c that want connections of their own kind: 0 where all is well, or an errno.
 */
#ifndef KTLS_KTLS_PROBE_FAULTS_H
#define KTLS_KTLS_PROBE_FAULTS_H

/* struct ktls_probe.splice */
int probe_splice(void);

/* struct ktls_probe.interrupt. Needs a process for a moment, which no wait() of the caller's sees.
 */
int probe_interrupt(void);

#endif
