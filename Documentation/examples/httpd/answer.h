/* SPDX-License-Identifier: MIT */
/* What a request is answered with: a header, and a part of a file behind it (RFC 9110). */
#ifndef HTTPD_ANSWER_H
#define HTTPD_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "Documentation/examples/httpd/request.h"

#define ANSWER_HEADER_MAX 640

struct answer {
	char header[ANSWER_HEADER_MAX]; /* and all of the body where there is no file */
	size_t len;                     /* bytes of it */
	int file;                       /* to be closed; -1: none */
	off_t at, end;                  /* the bytes of the file that are the body */
	bool last;                      /* no request is to be answered behind it */
};

/*
 * Opens what the request wants, below the folder and nowhere else, whatever ".." and symbolic links
 * say; last: the header shall say that this is the last answer.
 */
void answer_request(const struct request *request, int folder, bool last, struct answer *answer);

/* The answer to what was no request: a status of HTTP, 400 say. It is the last. */
void answer_error(int status, struct answer *answer);

#endif
