/* SPDX-License-Identifier: MIT */
#include "tests/bench/ktls-bench/html.h"

#include <string.h>

void html_text(const char *text, FILE *out)
{
	for (; *text; text++) {
		switch (*text) {
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '&':
			fputs("&amp;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		default:
			fputc(*text, out);
		}
	}
}

void html_unit(const char *unit, FILE *out)
{
	bool micro = strcmp(unit, "us") == 0 || strncmp(unit, "us ", 3) == 0;

	fputs(micro ? "\302\265" : "", out);
	html_text(unit + micro, out);
}

void html_spread(const char *spread, FILE *out)
{
	for (; *spread; spread++)
		if (*spread == '-')
			fputs("\342\200\223", out);
		else
			fputc(*spread, out);
}
