#!/bin/bash
# SPDX-License-Identifier: MIT
# The README's example compiles, and the files that the documents link to are there.
. tests/harness/tap.sh

compiles() {
	sed -n '/^```c$/,/^```$/p' README.md | sed '/^```/d' |
		"${CC:-cc}" -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -Ilib/include -fsyntax-only -xc -
}

links_lead_somewhere() {
	local file link missing=0

	for file in README.md Documentation/*.md tests/*.md; do
		while read -r link; do
			[ -e "$(dirname "$file")/$link" ] && continue
			echo "$file: $link"
			missing=1
		done < <(grep -oE '\]\([^)#]+\)' "$file" | sed 's/^](//; s/)$//' | grep -v ://)
	done
	return $missing
}

tap_plan 2
check 'the example compiles' compiles
check 'links lead to files' links_lead_somewhere
tap_done
