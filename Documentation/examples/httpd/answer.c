/* SPDX-License-Identifier: MIT */
/* Answers: see answer.h. */
#include "Documentation/examples/httpd/answer.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* A file, and how HTTP speaks of it. */
struct found {
	int fd;
	const char *type;
	off_t size;
	char modified[32];
	char tag[REQUEST_IF_RANGE_MAX];
};

static const char *status_text(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 206:
		return "Partial Content";
	case 400:
		return "Bad Request";
	case 404:
		return "Not Found";
	case 413:
		return "Content Too Large";
	case 414:
		return "URI Too Long";
	case 416:
		return "Range Not Satisfiable";
	case 431:
		return "Request Header Fields Too Large";
	case 501:
		return "Not Implemented";
	case 503:
		return "Service Unavailable";
	default:
		return "HTTP Version Not Supported";
	}
}

static const char *content_type(const char *path)
{
	static const struct {
		const char *end, *type;
	} types[] = {
		{ ".html", "text/html; charset=utf-8" },
		{ ".txt", "text/plain; charset=utf-8" },
		{ ".css", "text/css; charset=utf-8" },
		{ ".js", "text/javascript; charset=utf-8" },
		{ ".json", "application/json" },
		{ ".png", "image/png" },
		{ ".jpg", "image/jpeg" },
		{ ".svg", "image/svg+xml" },
		{ ".pdf", "application/pdf" },
		{ ".mp4", "video/mp4" },
	};
	size_t len = strlen(path);

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		size_t n = strlen(types[i].end);

		if (len >= n && strcmp(path + len - n, types[i].end) == 0)
			return types[i].type;
	}
	return "application/octet-stream";
}

/* RFC 9110, 5.6.7. The locale is C's. */
static void http_date(time_t t, char date[static 32])
{
	struct tm tm;

	strftime(date, 32, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&t, &tm));
}

/* Made once in a second. */
static const char *date_now(void)
{
	static char date[32];
	static time_t made;
	time_t now = time(NULL);

	if (now != made) {
		http_date(now, date);
		made = now;
	}
	return date;
}

/*
 * RESOLVE_BENEATH: neither "..", nor an absolute path, nor a symbolic link gets out of the folder.
 * O_NONBLOCK: opening a FIFO does not wait for its writer.
 */
static int open_below(int folder, const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, folder, path, &how, sizeof(how));
}

/* A folder stands for its index.html. False where there is no regular file. */
static bool find(int folder, const char *path, struct found *found)
{
	char index[REQUEST_PATH_MAX + 16];
	size_t len = strlen(path);
	struct stat st;

	if (len == 0 || path[len - 1] == '/') {
		snprintf(index, sizeof(index), "%sindex.html", path);
		path = index;
	}
	found->fd = open_below(folder, path);
	if (found->fd < 0)
		return false;
	if (fstat(found->fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(found->fd);
		return false;
	}
	found->size = st.st_size;
	found->type = content_type(path);
	http_date(st.st_mtime, found->modified);
	snprintf(found->tag, sizeof(found->tag), "\"%jx.%lx-%jx\"", (uintmax_t)st.st_mtime,
		 st.st_mtim.tv_nsec, (uintmax_t)st.st_size);
	return true;
}

/*
 * The status, and the bytes that are wanted. If-Range: a file that has changed since the client got
 * its first part is sent as a whole (RFC 9110, 13.1.5).
 */
static int choose(const struct request *request, const struct found *found, struct answer *answer)
{
	const int64_t size = found->size;

	answer->at = 0;
	answer->end = size;
	if (request->range == REQUEST_ALL ||
	    (request->if_range[0] != '\0' && strcmp(request->if_range, found->tag) != 0 &&
	     strcmp(request->if_range, found->modified) != 0))
		return 200;
	if (request->range == REQUEST_SUFFIX) {
		answer->at = request->last < size ? size - request->last : 0;
		return request->last == 0 || size == 0 ? 416 : 206;
	}
	if (request->first >= size)
		return 416;
	answer->at = request->first;
	answer->end = request->last < size ? request->last + 1 : size;
	return 206;
}

static void put_found(struct answer *answer, int status, const struct request *request,
		      const struct found *found)
{
	char range[80] = "";

	if (status == 206)
		snprintf(range, sizeof(range), "Content-Range: bytes %jd-%jd/%jd\r\n",
			 (intmax_t)answer->at, (intmax_t)answer->end - 1, (intmax_t)found->size);
	answer->len = (size_t)snprintf(
		answer->header, sizeof(answer->header),
		"HTTP/1.1 %d %s\r\nServer: ktls-httpd\r\nDate: %s\r\nContent-Type: %s\r\n"
		"Content-Length: %jd\r\nLast-Modified: %s\r\nETag: %s\r\nAccept-Ranges: bytes\r\n"
		"%sConnection: %s\r\n\r\n",
		status, status_text(status), date_now(), found->type,
		(intmax_t)(answer->end - answer->at), found->modified, found->tag, range,
		answer->last ? "close" : "keep-alive");
	answer->file = found->fd;
	if (request->head)
		answer->end = answer->at;
}

/* With size: of a range, that it is not below. */
static void put_error(struct answer *answer, int status, bool head, const struct found *found)
{
	char range[48] = "";

	if (found)
		snprintf(range, sizeof(range), "Content-Range: bytes */%jd\r\n",
			 (intmax_t)found->size);
	answer->len = (size_t)snprintf(
		answer->header, sizeof(answer->header),
		"HTTP/1.1 %d %s\r\nServer: ktls-httpd\r\nDate: %s\r\nContent-Type: text/plain\r\n"
		"Content-Length: %zu\r\n%sConnection: %s\r\n\r\n%s%s",
		status, status_text(status), date_now(), strlen(status_text(status)) + 1, range,
		answer->last ? "close" : "keep-alive", head ? "" : status_text(status),
		head ? "" : "\n");
	answer->file = -1;
	answer->at = answer->end = 0;
}

void answer_request(const struct request *request, int folder, bool last, struct answer *answer)
{
	struct found found;
	int status;

	answer->last = last || !request->keep_alive;
	if (!find(folder, request->path, &found)) {
		put_error(answer, 404, request->head, NULL);
		return;
	}
	status = choose(request, &found, answer);
	if (status != 416) {
		put_found(answer, status, request, &found);
		return;
	}
	put_error(answer, 416, request->head, &found);
	close(found.fd);
}

void answer_error(int status, struct answer *answer)
{
	answer->last = true;
	put_error(answer, status, false, NULL);
}
