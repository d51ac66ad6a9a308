#!/bin/bash
# SPDX-License-Identifier: MIT
#
# That libktls's functions, their manual pages and the headers say the same.

# shellcheck source=tests/harness/tap.sh
. tests/harness/tap.sh

command -v python3 >/dev/null || tap_skip_all 'python3 is not installed'
export PYTHONDONTWRITEBYTECODE=1

tap_plan 3
check 'each function is exported and has a page' python3 tests/unit/man.py names
check "the pages' prototypes are the headers'" python3 tests/unit/man.py synopsis
check 'pages lead to pages' python3 tests/unit/man.py links
tap_done
