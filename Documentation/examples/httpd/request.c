/* SPDX-License-Identifier: MIT */
/* Requests: see request.h. One function takes bytes, text_take(), and it looks whether they are
 * there. */
#include "Documentation/examples/httpd/request.h"

#include <string.h>
#include <strings.h>

struct text {
	const char *at;
	size_t len;
};

/* What the fields of a request have said so far. */
struct fields {
	bool http_1_0;
	bool host, length, if_range, range, close, keep_alive;
};

/* ---- text ------------------------------------------------------------------------------------ */

static struct text text_take(struct text *t, size_t len)
{
	struct text taken = { t->at, len < t->len ? len : t->len };

	t->at += taken.len;
	t->len -= taken.len;
	return taken;
}

/* Up to the byte c, which is taken, too, and is not part of it; false where there is none. */
static bool text_until(struct text *t, char c, struct text *part)
{
	const char *found = memchr(t->at, c, t->len);

	if (!found)
		return false;
	*part = text_take(t, (size_t)(found - t->at));
	text_take(t, 1);
	return true;
}

static bool text_is(struct text t, const char *word)
{
	return t.len == strlen(word) && strncasecmp(t.at, word, t.len) == 0;
}

static bool text_starts(struct text *t, const char *word)
{
	struct text rest = *t;

	if (!text_is(text_take(&rest, strlen(word)), word))
		return false;
	*t = rest;
	return true;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

static struct text text_trim(struct text t)
{
	while (t.len > 0 && is_space(*t.at))
		text_take(&t, 1);
	while (t.len > 0 && is_space(t.at[t.len - 1]))
		t.len--;
	return t;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* RFC 9110, 5.6.2 */
static bool is_token(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool text_all(struct text t, bool (*is)(char))
{
	for (size_t i = 0; i < t.len; i++)
		if (!is(t.at[i]))
			return false;
	return t.len > 0;
}

/* A line ends with CR LF: neither byte stands anywhere else (RFC 9112, 2.2). 1, 0 or -400. */
static int text_line(struct text *t, struct text *line)
{
	if (!text_until(t, '\n', line))
		return 0;
	if (line->len == 0 || line->at[line->len - 1] != '\r')
		return -400;
	line->len--;
	return memchr(line->at, '\r', line->len) ? -400 : 1;
}

/* ---- the first line (RFC 9112, 3) ------------------------------------------------------------ */

static int hex(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + ('a' - 'A') : c) : NULL;

	return found ? (int)(found - digits) : -1;
}

/* One byte of a path, percent-encoded or not (RFC 3986, 2.1), or -400. */
static int path_byte(struct text *t)
{
	struct text c = text_take(t, 1), digits;
	int value;

	if (*c.at != '%')
		return *c.at > ' ' && *c.at < 0x7f && *c.at != '#' ? *c.at : -400;
	digits = text_take(t, 2);
	if (digits.len < 2 || hex(digits.at[0]) < 0 || hex(digits.at[1]) < 0)
		return -400;
	value = hex(digits.at[0]) << 4 | hex(digits.at[1]);
	return value ? value : -400;
}

static int parse_path(struct text t, char path[static REQUEST_PATH_MAX])
{
	size_t len = 0;

	while (t.len > 0) {
		int c = path_byte(&t);

		if (c < 0)
			return c;
		if (c == '/' && len == 0)
			continue;
		if (len == REQUEST_PATH_MAX - 1)
			return -414;
		path[len++] = (char)c;
	}
	path[len] = '\0';
	return 1;
}

static bool is_visible(char c)
{
	return c > ' ' && c < 0x7f && c != '#';
}

/* "/path?query", or the same behind "http://host" (RFC 9112, 3.2.2), where the path may be empty.
 */
static int parse_target(struct text t, char path[static REQUEST_PATH_MAX])
{
	struct text rest, before;

	if (!text_all(t, is_visible))
		return -400;
	if (text_starts(&t, "http://") || text_starts(&t, "https://")) {
		size_t host = 0;

		while (host < t.len && t.at[host] != '/' && t.at[host] != '?')
			host++;
		if (host == 0)
			return -400;
		text_take(&t, host);
	} else if (*t.at != '/') {
		return -400;
	}
	rest = t;
	return parse_path(text_until(&rest, '?', &before) ? before : t, path);
}

static int parse_version(struct text t, struct fields *fields)
{
	struct text digits = t;

	/* Case counts here, and both digits are digits (RFC 9112, 2.3). */
	if (t.len != 8 || memcmp(t.at, "HTTP/", 5) != 0 || !is_digit(t.at[5]) || t.at[6] != '.' ||
	    !is_digit(t.at[7]))
		return -400;
	text_take(&digits, 5);
	if (*digits.at != '1')
		return -505;
	fields->http_1_0 = t.at[7] == '0';
	return 1;
}

static int parse_request_line(struct text line, struct request *request, struct fields *fields)
{
	struct text method, target;
	int ret;

	if (!text_until(&line, ' ', &method) || !text_all(method, is_token) ||
	    !text_until(&line, ' ', &target))
		return -400;
	ret = parse_version(line, fields);
	if (ret < 0)
		return ret;
	request->head = method.len == 4 && memcmp(method.at, "HEAD", 4) == 0;
	if (!request->head && (method.len != 3 || memcmp(method.at, "GET", 3) != 0))
		return -501;
	return parse_target(target, request->path);
}

/* ---- fields (RFC 9112, 5) -------------------------------------------------------------------- */

/* A second one of these is as good as none at all: which would count? */
static int once(bool *seen)
{
	int ret = *seen ? -400 : 1;

	*seen = true;
	return ret;
}

static int parse_host(struct text value, struct request *request, struct fields *fields)
{
	(void)request;
	for (size_t i = 0; i < value.len; i++)
		if (!is_visible(value.at[i]) || strchr("/?@\\", value.at[i]))
			return -400;
	return once(&fields->host);
}

/* No request with a body is served, and where there is one the next request would be in it. */
static int parse_length(struct text value, struct request *request, struct fields *fields)
{
	(void)request;
	if (!text_all(value, is_digit))
		return -400;
	for (size_t i = 0; i < value.len; i++)
		if (value.at[i] != '0')
			return -413;
	return once(&fields->length);
}

static int parse_coding(struct text value, struct request *request, struct fields *fields)
{
	(void)value, (void)request, (void)fields;
	return -501;
}

static int parse_connection(struct text value, struct request *request, struct fields *fields)
{
	(void)request;
	while (value.len > 0) {
		struct text option;

		if (!text_until(&value, ',', &option))
			option = text_take(&value, value.len);
		option = text_trim(option);
		fields->close |= text_is(option, "close");
		fields->keep_alive |= text_is(option, "keep-alive");
	}
	return 1;
}

/* False where it is no number. More than a file can have is as much as one can have. */
static bool parse_number(struct text t, int64_t *number)
{
	*number = 0;
	if (!text_all(t, is_digit))
		return false;
	for (; t.len > 0; text_take(&t, 1)) {
		if (!__builtin_mul_overflow(*number, 10, number) &&
		    !__builtin_add_overflow(*number, *t.at - '0', number))
			continue;
		*number = INT64_MAX;
		break;
	}
	return true;
}

/* "bytes=FIRST-LAST". What is none of these, several ranges among it, asks for the whole file. */
static int parse_range(struct text value, struct request *request, struct fields *fields)
{
	struct text first;

	request->range = REQUEST_ALL;
	if (once(&fields->range) < 0 || !text_starts(&value, "bytes=") ||
	    !text_until(&value, '-', &first))
		return 1;
	request->first = 0;
	request->last = INT64_MAX;
	if (value.len > 0 && !parse_number(value, &request->last))
		return 1;
	if (first.len == 0 && value.len > 0)
		request->range = REQUEST_SUFFIX;
	else if (parse_number(first, &request->first) && request->first <= request->last)
		request->range = REQUEST_FROM;
	return 1;
}

static int parse_if_range(struct text value, struct request *request, struct fields *fields)
{
	/* Too long, or empty: one that no file of ours has. */
	if (value.len == 0 || value.len >= REQUEST_IF_RANGE_MAX)
		value = (struct text){ "-", 1 };
	memcpy(request->if_range, value.at, value.len);
	request->if_range[value.len] = '\0';
	return once(&fields->if_range);
}

static const struct {
	const char *name;
	int (*parse)(struct text value, struct request *request, struct fields *fields);
} known[] = {
	{ "Host", parse_host },
	{ "Connection", parse_connection },
	{ "Content-Length", parse_length },
	{ "Transfer-Encoding", parse_coding },
	{ "Range", parse_range },
	{ "If-Range", parse_if_range },
};

static bool is_text(char c)
{
	return c == '\t' || (unsigned char)c >= ' ';
}

/* No space before the colon, and no line that goes on in the next one (RFC 9112, 5.1 and 5.2). */
static int parse_field(struct text line, struct request *request, struct fields *fields)
{
	struct text name;

	if (!text_until(&line, ':', &name) || !text_all(name, is_token))
		return -400;
	line = text_trim(line);
	if (line.len > 0 && (!text_all(line, is_text) || memchr(line.at, 0x7f, line.len)))
		return -400;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (text_is(name, known[i].name))
			return known[i].parse(line, request, fields);
	return 1;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static int parse_end(const struct fields *fields, struct request *request)
{
	/* RFC 9112, 3.2 */
	if (!fields->http_1_0 && !fields->host)
		return -400;
	request->keep_alive = !fields->close && (!fields->http_1_0 || fields->keep_alive);
	/* Ranges are GET's (RFC 9110, 14.2), and of two fields neither counts. */
	if (request->head)
		request->range = REQUEST_ALL;
	return 1;
}

static int parse_lines(struct text *t, struct request *request)
{
	struct fields fields = { false };
	struct text line;
	int ret = text_line(t, &line);

	/* One empty line before a request is forgiven (RFC 9112, 2.2). */
	if (ret > 0 && line.len == 0)
		ret = text_line(t, &line);
	if (ret > 0)
		ret = parse_request_line(line, request, &fields);
	while (ret > 0) {
		ret = text_line(t, &line);
		if (ret > 0 && line.len == 0)
			return parse_end(&fields, request);
		if (ret > 0)
			ret = parse_field(line, request, &fields);
	}
	return ret;
}

int request_parse(const char *text, size_t len, struct request *request)
{
	struct text t = { text, len < REQUEST_MAX ? len : REQUEST_MAX };
	struct request parsed = { .range = REQUEST_ALL };
	int ret = parse_lines(&t, &parsed);

	if (ret < 0)
		return ret;
	if (ret == 0)
		return len >= REQUEST_MAX ? -431 : 0;
	*request = parsed;
	return (int)(t.at - text);
}
