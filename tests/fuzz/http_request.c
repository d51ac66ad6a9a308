/* SPDX-License-Identifier: MIT */
/*
 * Requests of the example server. Input: what comes from a client.
 *
 * What must hold: what is refused or incomplete changes nothing; a request ends in one place,
 * however its bytes come, and more bytes do not change it; its path is none from the root; and
 * written anew from what was understood it is understood alike.
 */
#include <string.h>

#include "Documentation/examples/httpd/request.h"
#include "tests/fuzz/fuzz.h"

static int parse(const char *text, size_t len, struct request *request)
{
	struct request unchanged;
	int ret;

	memset(request, 0xee, sizeof(*request));
	unchanged = *request;
	ret = request_parse(text, len, request);
	FUZZ_CHECK(ret > 0 || memcmp(request, &unchanged, sizeof(*request)) == 0);
	FUZZ_CHECK(ret <= (int)len && ret <= REQUEST_MAX && ret > -600);
	return ret;
}

static void check_request(const struct request *r)
{
	FUZZ_CHECK(memchr(r->path, '\0', sizeof(r->path)) && r->path[0] != '/');
	FUZZ_CHECK(memchr(r->if_range, '\0', sizeof(r->if_range)));
	if (r->range == REQUEST_FROM)
		FUZZ_CHECK(r->first >= 0 && r->first <= r->last);
	if (r->range == REQUEST_SUFFIX)
		FUZZ_CHECK(r->last >= 0);
	FUZZ_CHECK(!r->head || r->range == REQUEST_ALL);
}

static size_t write_again(const struct request *r, char *text, size_t cap)
{
	size_t len = (size_t)snprintf(text, cap, "%s /", r->head ? "HEAD" : "GET");

	for (const char *p = r->path; *p; p++)
		len += (size_t)snprintf(text + len, cap - len, "%%%02x", (unsigned char)*p);
	len += (size_t)snprintf(text + len, cap - len, " HTTP/1.1\r\nHost:\r\nConnection: %s\r\n",
				r->keep_alive ? "" : "close");
	if (r->range == REQUEST_FROM)
		len += (size_t)snprintf(text + len, cap - len, "Range: bytes=%jd-%jd\r\n",
					(intmax_t)r->first, (intmax_t)r->last);
	if (r->range == REQUEST_SUFFIX)
		len += (size_t)snprintf(text + len, cap - len, "Range: bytes=-%jd\r\n",
					(intmax_t)r->last);
	if (r->if_range[0] != '\0')
		len += (size_t)snprintf(text + len, cap - len, "If-Range: %s\r\n", r->if_range);
	return len + (size_t)snprintf(text + len, cap - len, "\r\n");
}

static void check_again(const struct request *r)
{
	static char text[REQUEST_MAX];
	struct request again;
	size_t len = write_again(r, text, sizeof(text));

	FUZZ_CHECK(parse(text, len, &again) == (int)len);
	FUZZ_CHECK(strcmp(again.path, r->path) == 0 && again.head == r->head);
	FUZZ_CHECK(again.keep_alive == r->keep_alive && again.range == r->range);
	FUZZ_CHECK(r->range != REQUEST_FROM || again.first == r->first);
	FUZZ_CHECK(r->range == REQUEST_ALL || again.last == r->last);
	FUZZ_CHECK(strcmp(again.if_range, r->if_range) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct request request, part;
	const char *text = (const char *)data;
	int ret = parse(text, size, &request);

	if (ret <= 0)
		return 0;
	check_request(&request);
	check_again(&request);
	FUZZ_CHECK(parse(text, (size_t)ret, &part) == ret);
	for (int cut = 0; cut < ret && cut < 64; cut++)
		FUZZ_CHECK(parse(text, (size_t)(ret - 1 - cut), &part) == 0);
	return 0;
}
