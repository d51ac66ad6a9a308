/* SPDX-License-Identifier: MIT */
#include "lib/x509/name.h"

#include <arpa/inet.h>
#include <string.h>

#define LABEL_MAX 63

/* Not <ctype.h>, which depends on the locale. Returns '\0' for what no label has. */
static char label_char(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_')
		return c;
	return '\0';
}

bool x509_name_lower(const char *name, size_t len, char out[static X509_NAME_MAX + 1])
{
	char lower[X509_NAME_MAX + 1];
	size_t i, label = 0;

	if (len > X509_NAME_MAX)
		return false;
	for (i = 0; i < len; i++) {
		lower[i] = name[i];
		if (name[i] == '.' && label > 0) {
			label = 0;
			continue;
		}
		lower[i] = label_char(name[i]);
		label++;
		if (lower[i] == '\0' || label > LABEL_MAX)
			return false;
	}
	if (label == 0)
		return false;
	memcpy(out, lower, len);
	out[len] = '\0';
	return true;
}

bool x509_reference_parse(const char *name, struct x509_reference *out)
{
	struct x509_reference ref = { .address.len = 0 };
	size_t len = strlen(name);

	if (inet_pton(AF_INET, name, ref.address.bytes) == 1) {
		ref.address.len = 4;
	} else if (inet_pton(AF_INET6, name, ref.address.bytes) == 1) {
		ref.address.len = 16;
	} else {
		if (len > 0 && name[len - 1] == '.')
			len--;
		if (!x509_name_lower(name, len, ref.name))
			return false;
	}
	*out = ref;
	return true;
}
