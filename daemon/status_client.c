/* SPDX-License-Identifier: MIT */
#include "daemon/status_client.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <ktls.h>

#include "daemon/listener.h"

#define TEXT_MAX  (1 << 20)
#define PAIRS_MAX 24

static const char usage[] =
	"usage: ktlsctl status [--socket PATH] [--json]\n"
	"\n"
	"  -s, --socket PATH   ktlsd's socket, instead of " KTLS_SOCKET_PATH "\n"
	"  -j, --json          for programs\n"
	"      --help          print this\n";

/* ---- lines ------------------------------------------------------------------------------------
 */

struct line {
	const char *kind;
	const char *key[PAIRS_MAX], *value[PAIRS_MAX];
	size_t len;
};

/* Nothing in it has to be quoted. */
static bool is_word(const char *text)
{
	return *text && strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789._+-") == strlen(text);
}

static bool is_number(const char *text)
{
	return strspn(text, "0123456789") == strlen(text);
}

static bool line_parse(char *text, struct line *out)
{
	char *rest = NULL;

	*out = (struct line){ .kind = strtok_r(text, " ", &rest) };
	if (!out->kind || !is_word(out->kind))
		return false;
	for (char *pair = strtok_r(NULL, " ", &rest); pair; pair = strtok_r(NULL, " ", &rest)) {
		char *value = strchr(pair, '=');

		if (!value || out->len == PAIRS_MAX)
			return false;
		*value++ = '\0';
		if (!is_word(pair) || !is_word(value))
			return false;
		out->key[out->len] = pair;
		out->value[out->len++] = value;
	}
	return true;
}

static const char *get(const struct line *line, const char *key)
{
	for (size_t i = 0; i < line->len; i++)
		if (strcmp(line->key[i], key) == 0)
			return line->value[i];
	return "?";
}

/* ---- for people -------------------------------------------------------------------------------
 */

static void print_rest(const struct line *line, size_t from, FILE *out)
{
	for (size_t i = from; i < line->len; i++)
		fprintf(out, "%s%s %s", i > from ? ", " : "", line->key[i], line->value[i]);
	fputc('\n', out);
}

static void print_text(const struct line *line, FILE *out)
{
	char name[64];

	if (strcmp(line->kind, "ktlsd") == 0) {
		fprintf(out, "ktlsd %s, pid %s, up %s s, kernel TLS: %s\n", get(line, "version"),
			get(line, "pid"), get(line, "seconds"), get(line, "kernel-tls"));
		return;
	}
	if (strcmp(line->kind, "process") != 0) {
		fprintf(out, "%-29s", line->kind);
		print_rest(line, 0, out);
		return;
	}
	snprintf(name, sizeof(name), "%s %s", get(line, "role"), get(line, "number"));
	fprintf(out, "%-10s %7s %-9s ", name, get(line, "pid"), get(line, "state"));
	print_rest(line, 4, out);
}

/* ---- for programs -----------------------------------------------------------------------------
 */

static void print_object(const struct line *line, FILE *out)
{
	for (size_t i = 0; i < line->len; i++) {
		const char *quote = is_number(line->value[i]) ? "" : "\"";

		fprintf(out, "%s\"%s\":%s%s%s", i > 0 ? "," : "{", line->key[i], quote,
			line->value[i], quote);
	}
	fputc('}', out);
}

/* Lines of processes follow one another. */
static void print_json(const struct line *line, bool first, bool *list, FILE *out)
{
	bool process = strcmp(line->kind, "process") == 0;

	if (*list && !process)
		fputc(']', out);
	fputc(first ? '{' : ',', out);
	if (!process)
		fprintf(out, "\"%s\":", line->kind);
	else if (!*list)
		fputs("\"processes\":[", out);
	print_object(line, out);
	*list = process;
}

bool status_print(char *text, bool json, FILE *out)
{
	bool list = false, first = true;
	char *rest = NULL;
	struct line line;

	for (char *at = strtok_r(text, "\n", &rest); at; at = strtok_r(NULL, "\n", &rest)) {
		if (!line_parse(at, &line))
			return false;
		if (json)
			print_json(&line, first, &list, out);
		else
			print_text(&line, out);
		first = false;
	}
	if (json && !first)
		fputs(list ? "]}\n" : "}\n", out);
	return !first;
}

/* ---- asking -----------------------------------------------------------------------------------
 */

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int n = snprintf(address.sun_path, sizeof(address.sun_path), "%s%s", path, LISTENER_STATUS);
	int fd;

	if (n < 0 || (size_t)n >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		int err = errno;

		close(fd);
		errno = err;
		return -1;
	}
	return fd;
}

/* What ktlsd says, ended by 0. NULL with errno set. */
static char *read_all(const char *path)
{
	int fd = connect_to(path);
	char *text = fd < 0 ? NULL : malloc(TEXT_MAX);
	size_t len = 0;
	ssize_t n = 1;

	while (text && n > 0 && len < TEXT_MAX - 1) {
		n = read(fd, text + len, TEXT_MAX - 1 - len);
		len += n > 0 ? (size_t)n : 0;
	}
	if (fd >= 0)
		close(fd);
	if (text)
		text[len] = '\0';
	return text;
}

static int show(const char *path, bool json)
{
	char *text = read_all(path);
	bool ok;

	if (!text) {
		fprintf(stderr, "ktlsctl: %s%s: %s\n", path, LISTENER_STATUS, strerror(errno));
		if (errno == EACCES)
			fprintf(stderr, "ktlsctl: status is for root and the socket's group\n");
		return 1;
	}
	ok = status_print(text, json, stdout);
	free(text);
	if (!ok)
		fprintf(stderr, "ktlsctl: %s%s: this is no answer of a ktlsd\n", path,
			LISTENER_STATUS);
	return ok ? 0 : 1;
}

int status_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const char *path = KTLS_SOCKET_PATH;
	bool json = false;
	int c;

	while ((c = getopt_long(argc, argv, "s:jh", options, NULL)) != -1) {
		switch (c) {
		case 's':
			path = optarg;
			break;
		case 'j':
			json = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fputs(usage, stderr);
		return 2;
	}
	return show(path, json);
}
