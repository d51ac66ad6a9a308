#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Much data between two unchanged programs under ktlsrun, and the kernel has the records.
# tests/interop/ktlsrun_pour.sh is the same with a relay.

# shellcheck disable=SC2034 # pour.sh's
records=require-kernel
usual=1048576
# shellcheck source=tests/interop/pour.sh
. tests/interop/pour.sh

pour_all
tap_done
