#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Every `file: name` of Documentation/conformance.md is there: the file in the source tree, the name
# in the file.

set -u
# shellcheck source=tests/harness/tap.sh
. tests/harness/tap.sh

page=Documentation/conformance.md

declare -A files
while read -r file; do
	files[${file##*/}]+=" $file"
done < <(find lib daemon tests kernel-setup -type f \( -name '*.[ch]' -o -name '*.sh' -o -name '*.json' \))

# known FILE NAME: whether a file of that name has that name as a word.
known() {
	# shellcheck disable=SC2086 # names of several files
	[ -n "${files[$1]:-}" ] && grep -qw -e "$2" ${files[$1]}
}

missing=()
n=0
while IFS= read -r span; do
	n=$((n + 1))
	known "${span%%: *}" "${span#*: }" || missing+=("$span")
done < <(grep '^|' "$page" | grep -oE '`[a-z0-9_-]+\.(c|h|sh|json): [A-Za-z0-9_*.-]+`' | tr -d '`' | sort -u)

tap_diag "$n names"
[ ${#missing[@]} -eq 0 ] || tap_diag "not there: ${missing[*]}"
check 'each name of the conformance page exists' [ ${#missing[@]} -eq 0 ]

# A row without a test is a demand that nobody holds us to.
rows=$(grep -cE '^\|.*\|.*\|.*\| *\|$' "$page")
check 'each demand has a test' [ "$rows" -eq 0 ]
check 'there are demands at all' [ "$n" -gt 150 ]
tap_done
