#!/bin/bash
# SPDX-License-Identifier: MIT
# Documentation/reasons.md says what the table of reasons says.
. tests/harness/tap.sh
tap_plan 1
check 'reasons.md is up to date' diff -u Documentation/reasons.md <("${KTLS_BUILD:-build}/tests/tools/reasons")
tap_done
