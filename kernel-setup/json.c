/* SPDX-License-Identifier: MIT */
#include "kernel-setup/json.h"

void json_text(const char *s, FILE *out)
{
	fputc('"', out);
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 0x20 || c > 0x7e)
			fprintf(out, "\\u%04x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

void json_member(const char *name, const char *value, FILE *out)
{
	json_text(name, out);
	fputs(": ", out);
	if (value == NULL)
		fputs("null", out);
	else
		json_text(value, out);
}

const char *json_truth(bool v)
{
	return v ? "true" : "false";
}
