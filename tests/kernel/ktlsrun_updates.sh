#!/bin/bash
# SPDX-License-Identifier: MIT
#
# KeyUpdates of unchanged programs under ktlsrun, and the kernel has the records.
# tests/interop/ktlsrun_updates.sh is the same with a relay.

# shellcheck disable=SC2034 # ktlsrun_keys.sh's
records=require-kernel
# shellcheck source=tests/interop/ktlsrun_keys.sh
. tests/interop/ktlsrun_keys.sh

test_keys
tap_done
