/* SPDX-License-Identifier: MIT */
#include "daemon/config_value.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define ALPN_MAX  1024 /* bytes of all names of a profile */
#define NAMES_MAX 4096 /* users or groups in one list */

static void tell(struct config_place *place, const char *what, const char *format, va_list args)
{
	if (place->line > 0)
		fprintf(place->out, "%s:%u: %s", place->file, place->line, what);
	else
		fprintf(place->out, "%s: %s", place->file, what);
	vfprintf(place->out, format, args);
	fputc('\n', place->out);
}

void config_error(struct config_place *place, const char *format, ...)
{
	va_list args;

	place->errors++;
	va_start(args, format);
	tell(place, "", format, args);
	va_end(args);
}

void config_warning(struct config_place *place, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tell(place, "warning: ", format, args);
	va_end(args);
}

/* Decimal digits up to end, which is set to what follows them. */
static bool digits(const char *text, unsigned long *out, const char **end)
{
	char *stop;
	unsigned long n;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	n = strtoul(text, &stop, 10);
	if (errno != 0)
		return false;
	*out = n;
	*end = stop;
	return true;
}

bool value_number(struct config_place *place, const char *text, struct config_range range,
		  unsigned int *out)
{
	const char *end = "";
	unsigned long n;

	if (!digits(text, &n, &end) || *end || n < range.min || n > range.max) {
		config_error(place, "'%s' is not a number from %u to %u", text, range.min,
			     range.max);
		return false;
	}
	*out = (unsigned int)n;
	return true;
}

struct unit {
	const char *name; /* NULL ends a list */
	unsigned int size;
};

/* A number with its unit, in range. */
static bool number_of_units(const char *text, const struct unit *units, struct config_range range,
			    unsigned int *out)
{
	const char *end = "";
	unsigned long n, value;

	if (!digits(text, &n, &end) || n > range.max)
		return false;
	for (; units->name; units++) {
		value = n * units->size;
		if (strcmp(end, units->name) == 0 && value >= range.min && value <= range.max) {
			*out = (unsigned int)value;
			return true;
		}
	}
	return false;
}

bool value_duration(struct config_place *place, const char *text, struct config_range range,
		    unsigned int *out)
{
	static const struct unit units[] = {
		{ "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { NULL, 0 }
	};

	if (number_of_units(text, units, range, out))
		return true;
	config_error(place, "'%s' is not a time from %ums to %us: write it like 500ms, 10s or 1m",
		     text, range.min, range.max / 1000);
	return false;
}

bool value_age(struct config_place *place, const char *text, struct config_range range,
	       unsigned int *out)
{
	static const struct unit units[] = {
		{ "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 }, { NULL, 0 }
	};

	if (number_of_units(text, units, range, out))
		return true;
	config_error(place, "'%s' is not a time from %us to %ud: write it like 90s, 30m, 12h or 7d",
		     text, range.min, range.max / 86400);
	return false;
}

bool value_bool(struct config_place *place, const char *text, bool *out)
{
	if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0) {
		config_error(place, "'%s' is neither yes nor no", text);
		return false;
	}
	*out = strcmp(text, "yes") == 0;
	return true;
}

bool value_choice(struct config_place *place, const char *text, const char *const *names, size_t n,
		  unsigned int *out)
{
	char list[128] = "";
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		if (strcmp(text, names[i]) == 0) {
			*out = (unsigned int)i;
			return true;
		}
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", i > 0 ? ", " : "",
					names[i]);
	}
	config_error(place, "'%s' is none of %s", text, list);
	return false;
}

/* RFC 4648, 4: 44 characters, the last one being the padding. */
static bool base64_32(const char *text, uint8_t out[static 32])
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t bytes[33];
	uint32_t bits = 0;

	if (strlen(text) != 44 || text[43] != '=')
		return false;
	for (size_t i = 0; i < 44; i++) {
		const char *at = i < 43 ? strchr(letters, text[i]) : letters;

		if (!at)
			return false;
		bits = bits << 6 | (uint32_t)(at - letters);
		if (i % 4 == 3) {
			bytes[i / 4 * 3] = (uint8_t)(bits >> 16);
			bytes[i / 4 * 3 + 1] = (uint8_t)(bits >> 8);
			bytes[i / 4 * 3 + 2] = (uint8_t)bits;
		}
	}
	memcpy(out, bytes, 32);
	return bytes[32] == 0;
}

bool value_pin(struct config_place *place, const char *text, uint8_t out[static X509_PIN_LEN])
{
	static const char prefix[] = "sha256/";
	const char *base64 = text + sizeof(prefix) - 1;

	if (strncmp(text, prefix, sizeof(prefix) - 1) == 0) {
		if (strlen(base64) == 45 && *base64 == '/')
			base64++;
		if (base64_32(base64, out))
			return true;
	}
	config_error(place,
		     "'%s' is no pinned key: write sha256/ and the SHA-256 of its "
		     "SubjectPublicKeyInfo in base64",
		     text);
	return false;
}

bool value_version(struct config_place *place, const char *text, uint16_t *out)
{
	if (strcmp(text, "1.2") == 0) {
		*out = KTLS_TLS_1_2;
	} else if (strcmp(text, "1.3") == 0) {
		*out = KTLS_TLS_1_3;
	} else {
		config_error(place, "'%s' is neither 1.2 nor 1.3", text);
		return false;
	}
	return true;
}

bool value_mode(struct config_place *place, const char *text, mode_t *out)
{
	char *end = NULL;
	unsigned long mode = strtoul(text, &end, 8);

	if (*text < '0' || *text > '7' || *end || mode > 0777) {
		config_error(place, "'%s' is not a file mode in octal, 0660 for example", text);
		return false;
	}
	*out = (mode_t)mode;
	return true;
}

bool value_path(struct config_place *place, const char *text, size_t max, char **out)
{
	char *copy;

	if (*text != '/') {
		config_error(place, "'%s' is not an absolute path: begin it with /", text);
		return false;
	}
	if (strlen(text) >= max) {
		config_error(place, "path longer than %zu bytes", max - 1);
		return false;
	}
	copy = strdup(text);
	if (!copy) {
		config_error(place, "out of memory");
		return false;
	}
	*out = copy;
	return true;
}

/* (uid_t)-1 and (gid_t)-1 mean "no change" to the kernel and are nobody. */
static bool numeric_id(const char *text, unsigned int *out)
{
	const char *end = "";
	unsigned long n;

	if (!digits(text, &n, &end) || *end || n >= UINT32_MAX)
		return false;
	*out = (unsigned int)n;
	return true;
}

bool value_user(struct config_place *place, const char *text, uid_t *out)
{
	const struct passwd *pw;
	unsigned int id;

	if (numeric_id(text, &id)) {
		*out = id;
		return true;
	}
	pw = getpwnam(text);
	if (!pw) {
		config_error(place, "no user '%s' on this system: create it or name another", text);
		return false;
	}
	*out = pw->pw_uid;
	return true;
}

bool value_group(struct config_place *place, const char *text, gid_t *out)
{
	const struct group *gr;
	unsigned int id;

	if (numeric_id(text, &id)) {
		*out = id;
		return true;
	}
	gr = getgrnam(text);
	if (!gr) {
		config_error(place, "no group '%s' on this system: create it or name another",
			     text);
		return false;
	}
	*out = gr->gr_gid;
	return true;
}

/* One more unsigned int (uid_t and gid_t are such) at the end of an array. */
static bool append_id(struct config_place *place, unsigned int **ids, size_t *len, unsigned int id)
{
	unsigned int *grown;

	if (*len >= NAMES_MAX) {
		config_error(place, "more than %d names in a list", NAMES_MAX);
		return false;
	}
	grown = reallocarray(*ids, *len + 1, sizeof(id));
	if (!grown) {
		config_error(place, "out of memory");
		return false;
	}
	grown[*len] = id;
	*ids = grown;
	(*len)++;
	return true;
}

/* Calls take for each item of a list; an empty list is an error, too. */
static bool each_item(struct config_place *place, const char *text, void *arg,
		      bool (*take)(struct config_place *place, const char *item, void *arg))
{
	char *copy = strdup(text);
	char *rest = copy;
	unsigned int items = 0;
	bool ok = true;

	if (!copy) {
		config_error(place, "out of memory");
		return false;
	}
	for (char *item = strsep(&rest, ", \t"); item; item = strsep(&rest, ", \t")) {
		if (!*item)
			continue;
		items++;
		ok = take(place, item, arg) && ok;
	}
	free(copy);
	if (items == 0)
		config_error(place, "empty list");
	return ok && items > 0;
}

static bool take_user(struct config_place *place, const char *item, void *arg)
{
	struct config_access *access = arg;
	uid_t uid;

	if (strcmp(item, "*") == 0) {
		access->anyone = true;
		return true;
	}
	return value_user(place, item, &uid) &&
	       append_id(place, &access->users, &access->users_len, uid);
}

static bool take_group(struct config_place *place, const char *item, void *arg)
{
	struct config_access *access = arg;
	gid_t gid;

	return value_group(place, item, &gid) &&
	       append_id(place, &access->groups, &access->groups_len, gid);
}

bool value_users(struct config_place *place, const char *text, struct config_access *access)
{
	return each_item(place, text, access, take_user);
}

bool value_groups(struct config_place *place, const char *text, struct config_access *access)
{
	return each_item(place, text, access, take_group);
}

struct alpn {
	uint8_t *names;
	size_t len;
};

static bool take_alpn(struct config_place *place, const char *item, void *arg)
{
	struct alpn *alpn = arg;
	size_t len = strlen(item);
	uint8_t *grown;

	if (len > 255 || alpn->len + 1 + len > ALPN_MAX) {
		config_error(place, "more than 255 bytes in a protocol name or %d in all",
			     ALPN_MAX);
		return false;
	}
	grown = realloc(alpn->names, alpn->len + 1 + len);
	if (!grown) {
		config_error(place, "out of memory");
		return false;
	}
	grown[alpn->len] = (uint8_t)len;
	memcpy(grown + alpn->len + 1, item, len);
	alpn->names = grown;
	alpn->len += 1 + len;
	return true;
}

bool value_alpn(struct config_place *place, const char *text, uint8_t **alpn, size_t *alpn_len)
{
	struct alpn list = { *alpn, *alpn_len };
	bool ok = each_item(place, text, &list, take_alpn);

	*alpn = list.names;
	*alpn_len = list.len;
	return ok;
}
