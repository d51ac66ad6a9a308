#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tests/kernel/after_trouble.c without kernel TLS: workers and ktlsd that are gone, several threads and processes with one
# socket, where a relay of ktlsd's has the records.

KTLS_AFTER_RELAY=1 exec "${KTLS_BUILD:-build}/tests/kernel/after_trouble"
