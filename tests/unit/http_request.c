/* SPDX-License-Identifier: MIT */
/* Requests of the example server (Documentation/examples/httpd/request.h). */
#include <stdlib.h>
#include <string.h>

#include "Documentation/examples/httpd/request.h"
#include "tests/harness/harness.h"

#define GET "GET / HTTP/1.1\r\n"
#define END "Host: a\r\n\r\n"

/* From memory of exactly that size. */
static int parse(const char *text, size_t len, struct request *request)
{
	char *exact = malloc(len + 1);
	int ret;

	ASSERT_NOT_NULL(exact);
	memcpy(exact + 1, text, len);
	ret = request_parse(exact + 1, len, request);
	free(exact);
	return ret;
}

/* Refused as a whole, and what is before its end is either refused alike or not complete. */
static void refused(const char *text, int status)
{
	struct request request;
	size_t len = strlen(text);

	EXPECT_EQ(parse(text, len, &request), -status);
	for (size_t cut = 0; cut < len; cut++) {
		int ret = parse(text, cut, &request);

		EXPECT_TRUE(ret == 0 || ret == -status);
	}
}

static struct request accepted(const char *text)
{
	struct request request, unchanged;
	size_t len = strlen(text);

	memset(&request, 0xee, sizeof(request));
	unchanged = request;
	for (size_t cut = 0; cut < len; cut++)
		EXPECT_EQ(parse(text, cut, &request), 0);
	EXPECT_MEMEQ(&request, &unchanged, sizeof(request));
	ASSERT_EQ(parse(text, len, &request), (int)len);
	return request;
}

TEST(lines)
{
	refused("GET / HTTP/1.1\n" END, 400);
	refused("GET / HTTP/1.1\r\nHost: a\n\r\n", 400);
	refused("GET / HTTP/1.1\rX: y\r\n" END, 400);
	refused("\r\n\r\n" GET END, 400);
	refused(" " GET END, 400);
	refused("GET  / HTTP/1.1\r\n" END, 400);
	refused("GET /\r\n" END, 400);
	refused("GET / HTTP/1.1 \r\n" END, 400);
	refused("GET / http/1.1\r\n" END, 400);
	refused("GET / HTTP/1.10\r\n" END, 400);
	refused("GET / HTTP/2.0\r\n" END, 505);
	refused("G(T / HTTP/1.1\r\n" END, 400);
	refused("get / HTTP/1.1\r\n" END, 501);
	refused("PUT / HTTP/1.1\r\n" END, 501);
	EXPECT_FALSE(accepted("\r\n" GET END).head);
	EXPECT_TRUE(accepted("HEAD / HTTP/1.1\r\n" END).head);
}

TEST(fields)
{
	refused(GET "\r\n", 400);
	refused(GET "Host: a\r\nhost: a\r\n\r\n", 400);
	refused(GET "Host: a b\r\n\r\n", 400);
	refused(GET "Host: a/b\r\n\r\n", 400);
	refused(GET "X : y\r\n" END, 400);
	refused(GET ": y\r\n" END, 400);
	refused(GET "X\r\n" END, 400);
	refused(GET "X: y\r\n z\r\n" END, 400);
	refused(GET "X: y\x01\r\n" END, 400);
	refused(GET "X: \x7f\r\n" END, 400);
	refused(GET "Content-Length: 1\r\n" END, 413);
	refused(GET "Content-Length: 0\r\nContent-Length: 0\r\n" END, 400);
	refused(GET "Content-Length: 0, 0\r\n" END, 400);
	refused(GET "Content-Length: -0\r\n" END, 400);
	refused(GET "Content-Length:\r\n" END, 400);
	refused(GET "Transfer-Encoding: chunked\r\n" END, 501);
	accepted(GET "Content-Length: 00\r\nX:\r\nY: \xc3\xa4\t \r\n" END);
	accepted("GET / HTTP/1.0\r\n\r\n");
}

TEST(paths)
{
	char text[3 * REQUEST_PATH_MAX + 64] = "GET /";

	EXPECT_STREQ(accepted(GET END).path, "");
	EXPECT_STREQ(accepted("GET //a/../b?c=d?e HTTP/1.1\r\n" END).path, "a/../b");
	EXPECT_STREQ(accepted("GET /%61%2fb%C3%a4+ HTTP/1.1\r\n" END).path, "a/b\xc3\xa4+");
	EXPECT_STREQ(accepted("GET /%2F/etc HTTP/1.1\r\n" END).path, "etc");
	EXPECT_STREQ(accepted("GET HTTPS://a:1/b HTTP/1.1\r\n" END).path, "b");
	EXPECT_STREQ(accepted("GET http://a?b HTTP/1.1\r\n" END).path, "");
	refused("GET a HTTP/1.1\r\n" END, 400);
	refused("GET * HTTP/1.1\r\n" END, 400);
	refused("GET http:///a HTTP/1.1\r\n" END, 400);
	refused("GET /%00 HTTP/1.1\r\n" END, 400);
	refused("GET /%0 HTTP/1.1\r\n" END, 400);
	refused("GET /%g0 HTTP/1.1\r\n" END, 400);
	refused("GET /a#b HTTP/1.1\r\n" END, 400);
	refused("GET /\xc3\xa4 HTTP/1.1\r\n" END, 400);
	memset(text + 5, 'a', REQUEST_PATH_MAX - 1);
	strcpy(text + 5 + REQUEST_PATH_MAX - 1, " HTTP/1.1\r\n" END);
	EXPECT_EQ(strlen(accepted(text).path), REQUEST_PATH_MAX - 1);
	strcpy(text + 5 + REQUEST_PATH_MAX - 1, "a HTTP/1.1\r\n" END);
	refused(text, 414);
}

TEST(connections)
{
	EXPECT_TRUE(accepted(GET END).keep_alive);
	EXPECT_FALSE(accepted(GET "Connection: x, CLOSE\r\n" END).keep_alive);
	EXPECT_FALSE(
		accepted(GET "Connection: close\r\nConnection: keep-alive\r\n" END).keep_alive);
	EXPECT_TRUE(accepted(GET "Connection: closed,,\r\n" END).keep_alive);
	EXPECT_FALSE(accepted("GET / HTTP/1.0\r\n" END).keep_alive);
	EXPECT_TRUE(accepted("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n" END).keep_alive);
}

static void is_range(const char *field, enum request_range range, int64_t first, int64_t last)
{
	struct request request;
	char text[256];

	snprintf(text, sizeof(text), GET "%s\r\n" END, field);
	request = accepted(text);
	EXPECT_EQ(request.range, range);
	if (range == REQUEST_FROM)
		EXPECT_EQ(request.first, first);
	if (range != REQUEST_ALL)
		EXPECT_EQ(request.last, last);
}

TEST(ranges)
{
	static const char *const whole[] = {
		"bytes=",        "bytes=-",   "bytes",      "bits=1-2",   "bytes=2-1",
		"bytes=1-2,5-6", "bytes=a-",  "bytes=1-b",  "bytes= 1-2", "bytes=1 -2",
		"bytes=-1-2",    "bytes=--1", "bytes=+1-2",
	};
	char field[64];

	for (size_t i = 0; i < sizeof(whole) / sizeof(*whole); i++) {
		snprintf(field, sizeof(field), "Range: %s", whole[i]);
		is_range(field, REQUEST_ALL, 0, 0);
	}
	is_range("range: Bytes=0-0", REQUEST_FROM, 0, 0);
	is_range("Range: bytes=5-", REQUEST_FROM, 5, INT64_MAX);
	is_range("Range: bytes=-5", REQUEST_SUFFIX, 0, 5);
	is_range("Range: bytes=-0", REQUEST_SUFFIX, 0, 0);
	is_range("Range: bytes=9223372036854775807-9223372036854775808", REQUEST_FROM, INT64_MAX,
		 INT64_MAX);
	is_range("Range: bytes=99999999999999999999999999999-", REQUEST_FROM, INT64_MAX, INT64_MAX);
	is_range("Range: bytes=1-2\r\nRange: bytes=1-2", REQUEST_ALL, 0, 0);
	EXPECT_EQ(accepted("HEAD / HTTP/1.1\r\nRange: bytes=0-0\r\n" END).range, REQUEST_ALL);
}

TEST(validators)
{
	char text[256];

	EXPECT_STREQ(accepted(GET "If-Range: \"a\"\r\n" END).if_range, "\"a\"");
	EXPECT_STREQ(accepted(GET END).if_range, "");
	/* Of which none can be a file's. */
	EXPECT_STREQ(accepted(GET "If-Range: \r\n" END).if_range, "-");
	snprintf(text, sizeof(text), GET "If-Range: %0*d\r\n" END, REQUEST_IF_RANGE_MAX, 0);
	EXPECT_STREQ(accepted(text).if_range, "-");
	refused(GET "If-Range: a\r\nIf-Range: a\r\n" END, 400);
}

TEST(one_behind_another)
{
	static const char two[] = GET END "HEAD /b HTTP/1.0\r\n\r\n";
	struct request request;
	int first = parse(two, sizeof(two) - 1, &request);

	ASSERT_EQ(first, (int)strlen(GET END));
	EXPECT_FALSE(request.head);
	EXPECT_EQ(parse(two + first, sizeof(two) - 1 - (size_t)first, &request),
		  (int)sizeof(two) - 1 - first);
	EXPECT_STREQ(request.path, "b");
}

TEST(too_long)
{
	static char text[REQUEST_MAX + 1] = GET "X: ";
	struct request request;

	memset(text + strlen(text), 'x', REQUEST_MAX - strlen(text));
	EXPECT_EQ(parse(text, REQUEST_MAX - 1, &request), 0);
	EXPECT_EQ(parse(text, REQUEST_MAX, &request), -431);
	memcpy(text + REQUEST_MAX - 13, "\r\n" END, 13);
	EXPECT_EQ(parse(text, REQUEST_MAX, &request), REQUEST_MAX);
}

TEST_HARNESS_MAIN
