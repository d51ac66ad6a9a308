/* SPDX-License-Identifier: MIT */
/* What the runner reads: config.json maps the errors that it expects to our reasons. */
#ifndef KTLS_TESTS_BOGO_REPORT_H
#define KTLS_TESTS_BOGO_REPORT_H

#include <ktls-tls.h>

/* ":MESSAGE_UNEXPECTED:" and the rest of the row, on stderr. alert is the one sent or received. */
void report_reason(enum ktls_reason reason, unsigned int alert);

#endif
