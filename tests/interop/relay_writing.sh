#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tests/kernel/after_writing.c without kernel TLS: every way of writing, and keys that change, where a relay of ktlsd's has the
# records.

KTLS_AFTER_RELAY=1 exec "${KTLS_BUILD:-build}/tests/kernel/after_writing"
