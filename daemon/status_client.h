/* SPDX-License-Identifier: MIT */
/* "ktlsctl status": what a ktlsd is doing, as its supervisor tells (supervisor_status.c). */
#ifndef KTLSD_STATUS_CLIENT_H
#define KTLSD_STATUS_CLIENT_H

#include <stdbool.h>
#include <stdio.h>

/* argv[0] is "status". An exit status. */
int status_main(int argc, char **argv);

/* Writes the lines in text, which are changed, for people or as JSON. False for others. */
bool status_print(char *text, bool json, FILE *out);

#endif
