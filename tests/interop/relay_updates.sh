#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tests/kernel/after_updates.c without kernel TLS: KeyUpdates and storms of them, where a relay of ktlsd's has the
# records.

KTLS_AFTER_RELAY=1 exec "${KTLS_BUILD:-build}/tests/kernel/after_updates"
