#!/bin/bash
# SPDX-License-Identifier: MIT
#
# That the hand-off protocol is the same in its document, in the Python client, which was made from
# the document alone, and in the C code.

# shellcheck source=tests/harness/tap.sh
. tests/harness/tap.sh

command -v python3 >/dev/null || tap_skip_all 'python3 is not installed'
export PYTHONDONTWRITEBYTECODE=1

tap_plan 5
check 'the client knows the attributes of the document' python3 tests/unit/handoff_doc.py attributes
check 'the C code has the attributes of the document' python3 tests/unit/handoff_doc.py numbers
check 'the examples are what the client builds' python3 tests/unit/handoff_doc.py examples
check 'the examples are known answers of the C code' python3 tests/unit/handoff_doc.py known_answers
check 'the limits are those of the headers' python3 tests/unit/handoff_doc.py limits
tap_done
