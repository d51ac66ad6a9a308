/* SPDX-License-Identifier: MIT */
/*
 * A request of HTTP/1.1 (RFC 9112), GET and HEAD without a body: bytes in, a struct out, nothing
 * else. Whatever is not exactly as the RFC has it is refused: a server that guesses where a request
 * ends can be made to see one that was never sent.
 */
#ifndef HTTPD_REQUEST_H
#define HTTPD_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REQUEST_MAX          8192 /* bytes of a request */
#define REQUEST_PATH_MAX     1024 /* bytes of a path, and its end */
#define REQUEST_IF_RANGE_MAX 64   /* bytes of a validator, and its end: ours are shorter */

/* What part of a file is wanted (RFC 9110, 14.1.2). */
enum request_range {
	REQUEST_ALL,    /* the whole file: also for what RFC 9110 14.2 lets a server ignore */
	REQUEST_FROM,   /* from first to last, and both */
	REQUEST_SUFFIX, /* the last bytes, as many as last says */
};

struct request {
	bool head;       /* HEAD: the answer without its body */
	bool keep_alive; /* another request may follow */
	enum request_range range;
	int64_t first, last; /* bytes; INT64_MAX where more was said, or nothing */
	/* What the file has to be for the range to be meant; "" where nothing was said. */
	char if_range[REQUEST_IF_RANGE_MAX];
	/* Decoded, without query and leading slashes; may have "..": open it below a folder. */
	char path[REQUEST_PATH_MAX];
};

/*
 * The first request in len bytes of text. Returns how many bytes it has, with *request; 0 where its
 * end has not come yet; or a status of HTTP, negative, with which the connection is to be ended:
 * -400, -413 (there is a body), -414, -431, -501 (another method, or a transfer coding), -505. With
 * 0 and less nothing is written to *request.
 */
int request_parse(const char *text, size_t len, struct request *request)
	__attribute__((warn_unused_result));

#endif
