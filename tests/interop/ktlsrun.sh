#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Unchanged programs with TLS, by ktlsrun; a relay of ktlsd has the records.
# tests/kernel/ktlsrun.sh is the same with the kernel's.

anywhere=1
# shellcheck source=tests/interop/ktlsrun_programs.sh
. tests/interop/ktlsrun_programs.sh

test_all prefer-kernel
tap_done
