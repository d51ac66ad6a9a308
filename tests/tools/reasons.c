/* SPDX-License-Identifier: MIT */
/* Prints Documentation/reasons.md from the table of reasons; tests/unit/reasons.sh compares. */
#include <stdio.h>

#include "lib/wire/reason.h"

int main(void)
{
	const struct reason *row;

	puts("<!-- SPDX-License-Identifier: MIT -->\n"
	     "<!-- Made by build/tests/tools/reasons from lib/include/ktls-tls.h -->\n"
	     "# Reasons and alerts\n"
	     "\n"
	     "Why a handshake or a call failed: `KTLS_R_` and the name, in `<ktls-tls.h>`. The "
	     "number goes\n"
	     "over the hand-off socket and never changes. The alert is what the peer is told, if "
	     "it is told.\n"
	     "\n"
	     "| number | name | alert to the peer | section | meaning |\n"
	     "| --- | --- | --- | --- | --- |");
	for (size_t i = 0; (row = reason_row(i)); i++)
		printf("| %d | %s | %s | %s | %s |\n", (int)row->number, row->name,
		       row->alert == KTLS_ALERT_NONE ? "" : alert_name(row->alert), row->section,
		       row->text);
	return 0;
}
