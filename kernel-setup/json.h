/* SPDX-License-Identifier: MIT */
/* Pieces of JSON (RFC 8259) for reports. */
#ifndef KTLS_SETUP_JSON_H
#define KTLS_SETUP_JSON_H

#include <stdbool.h>
#include <stdio.h>

/* The string with its quotes. */
void json_text(const char *s, FILE *out);

/* "name": "value"; NULL is null. */
void json_member(const char *name, const char *value, FILE *out);

/* "true" or "false". */
const char *json_truth(bool v);

#endif
