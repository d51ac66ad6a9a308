/* SPDX-License-Identifier: MIT */
/*
 * Values of the configuration file: text to numbers, durations, users and groups. Each function
 * tells an error with its place by config_error(), which counts it, and returns false; outputs are
 * then unwritten (a list may have got the items that were right).
 */
#ifndef KTLSD_CONFIG_VALUE_H
#define KTLSD_CONFIG_VALUE_H

#include "daemon/config.h"

/* Where reading stands, and where errors go. */
struct config_place {
	const char *file;
	unsigned int line; /* 0 where no line is to blame */
	unsigned int errors;
	FILE *out;
};

void config_error(struct config_place *place, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void config_warning(struct config_place *place, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

struct config_range {
	unsigned int min;
	unsigned int max;
};

bool value_number(struct config_place *place, const char *text, struct config_range range,
		  unsigned int *out);
/* "90s", "30m", "12h", "7d" to seconds; the range is in seconds, too. */
bool value_age(struct config_place *place, const char *text, struct config_range range,
	       unsigned int *out);
/* "10s", "500ms", "2m" to milliseconds; the range is in milliseconds, too. */
bool value_duration(struct config_place *place, const char *text, struct config_range range,
		    unsigned int *out);
bool value_bool(struct config_place *place, const char *text, bool *out);
/* The index of text in names, n of them; the error lists them. */
bool value_choice(struct config_place *place, const char *text, const char *const *names, size_t n,
		  unsigned int *out);
/* "sha256/BASE64" (or with two slashes, as curl writes it) to 32 bytes. */
bool value_pin(struct config_place *place, const char *text, uint8_t out[static X509_PIN_LEN]);
/* "1.2", "1.3" to KTLS_TLS_1_2, KTLS_TLS_1_3. */
bool value_version(struct config_place *place, const char *text, uint16_t *out);
/* Octal, within 0777. */
bool value_mode(struct config_place *place, const char *text, mode_t *out);
/* An absolute path, copied; at most max bytes with its end. */
bool value_path(struct config_place *place, const char *text, size_t max, char **out);
/* A name of the user or group database, or a number. */
bool value_user(struct config_place *place, const char *text, uid_t *out);
bool value_group(struct config_place *place, const char *text, gid_t *out);

/*
 * Lists, items separated by commas or blanks; items are added to what is there. "*" among users is
 * everybody.
 */
bool value_users(struct config_place *place, const char *text, struct config_access *access);
bool value_groups(struct config_place *place, const char *text, struct config_access *access);
bool value_alpn(struct config_place *place, const char *text, uint8_t **alpn, size_t *alpn_len);

#endif
