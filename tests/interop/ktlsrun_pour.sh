#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Much data between two unchanged programs under ktlsrun; a relay of ktlsd has the records.
# tests/kernel/ktlsrun_pour.sh is the same with the kernel's.

# shellcheck disable=SC2034 # services.sh's
anywhere=1
records=prefer-kernel
usual=16777216
# shellcheck source=tests/interop/pour.sh
. tests/interop/pour.sh

pour_all
tap_done
