/* SPDX-License-Identifier: MIT */
/* Word to the service manager that has started us (sd_notify(3)); nothing where there is none. */
#ifndef KTLSD_NOTIFY_H
#define KTLSD_NOTIFY_H

/* state: "READY=1", "STOPPING=1". */
void notify_manager(const char *state);

#endif
