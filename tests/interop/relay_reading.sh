#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tests/kernel/after_reading.c without kernel TLS: every way of reading, and every kind of end, where a relay of ktlsd's has the
# records.

KTLS_AFTER_RELAY=1 exec "${KTLS_BUILD:-build}/tests/kernel/after_reading"
