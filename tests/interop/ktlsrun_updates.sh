#!/bin/bash
# SPDX-License-Identifier: MIT
#
# KeyUpdates of unchanged programs under ktlsrun; a relay of ktlsd has the records.
# tests/kernel/ktlsrun_updates.sh is the same with the kernel's.

# shellcheck disable=SC2034 # services.sh's
anywhere=1
records=prefer-kernel
# shellcheck source=tests/interop/ktlsrun_keys.sh
. tests/interop/ktlsrun_keys.sh

test_keys
tap_done
