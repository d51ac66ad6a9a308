/* SPDX-License-Identifier: MIT */
#include "tests/harness/vectors.h"

#include <ctype.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

static void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	fflush(NULL);
	_exit(1);
}

static bool readable(char *out, size_t cap, const char *folder, const char *name)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s", folder, name);

	if (n < 0 || (size_t)n >= sizeof(path) || (size_t)n >= cap || access(path, R_OK) != 0)
		return false;
	memcpy(out, path, (size_t)n + 1);
	return true;
}

/* The tree's root, seen from build/tests/KIND/NAME. */
static bool root_of_program(char *out, size_t cap)
{
	ssize_t n = readlink("/proc/self/exe", out, cap - 1);

	if (n < 0)
		return false;
	out[n] = '\0';
	for (int up = 0; up < 4; up++) {
		char *slash = strrchr(out, '/');

		if (!slash)
			return false;
		*slash = '\0';
	}
	return true;
}

bool test_vectors_path(char *out, size_t cap, const char *name)
{
	static const char beside_root[] = "/../shared/reference/vectors";
	const char *folder = getenv("KTLS_VECTORS");
	char root[PATH_MAX + sizeof(beside_root)];

	if (folder)
		return readable(out, cap, folder, name);
	if (readable(out, cap, beside_root + 1, name))
		return true;
	if (!root_of_program(root, PATH_MAX))
		return false;
	strcat(root, beside_root);
	return readable(out, cap, root, name);
}

static unsigned int nibble(const char *hex, char c)
{
	const char *digits = "0123456789abcdef";
	const char *at = c ? strchr(digits, tolower((unsigned char)c)) : NULL;

	if (!at)
		die("not hex: %.80s", hex);
	return (unsigned int)(at - digits);
}

size_t test_hex(const char *hex, uint8_t *out, size_t cap)
{
	size_t n = 0;

	for (const char *p = hex; *p;) {
		if (isspace((unsigned char)*p)) {
			p++;
			continue;
		}
		if (n == cap)
			die("more than %zu bytes of hex: %.80s", cap, hex);
		out[n++] = (uint8_t)(nibble(hex, p[0]) << 4 | nibble(hex, p[1]));
		p += 2;
	}
	return n;
}

/* ---- tables --------------------------------------------------------------------------------- */

/* Splits text in place; returns the number of fields, at most TEST_TABLE_COLUMNS. */
static size_t split(char *text, char **field)
{
	size_t n = 0;

	text[strcspn(text, "\n")] = '\0';
	while (text && n < TEST_TABLE_COLUMNS)
		field[n++] = strsep(&text, "\t");
	return n;
}

static void read_names(struct test_table *t)
{
	free(t->names);
	t->names = strdup(t->text + 1);
	if (!t->names)
		die("out of memory");
	t->columns = split(t->names, t->name);
}

bool test_table_open(struct test_table *t, const char *name)
{
	char path[PATH_MAX];
	FILE *file;

	if (!test_vectors_path(path, sizeof(path), name))
		return false;
	file = fopen(path, "re");
	if (!file)
		return false;
	*t = (struct test_table){ .file = file };
	return true;
}

bool test_table_next(struct test_table *t)
{
	while (getline(&t->text, &t->cap, t->file) > 0) {
		t->line++;
		if (strncmp(t->text, "#tcId\t", 6) == 0)
			read_names(t);
		if (t->text[0] == '#')
			continue;
		if (t->columns == 0 || split(t->text, t->field) != t->columns)
			die("line %u of the table has not the columns named", t->line);
		return true;
	}
	return false;
}

const char *test_table_text(const struct test_table *t, const char *column)
{
	for (size_t i = 0; i < t->columns; i++)
		if (strcmp(t->name[i], column) == 0)
			return strcmp(t->field[i], "-") == 0 ? "" : t->field[i];
	die("the table has no column %s", column);
}

size_t test_table_hex(const struct test_table *t, const char *column, uint8_t *out, size_t cap)
{
	return test_hex(test_table_text(t, column), out, cap);
}

unsigned long test_table_number(const struct test_table *t, const char *column)
{
	const char *text = test_table_text(t, column);
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (end == text || *end)
		die("line %u: column %s is no number: %s", t->line, column, text);
	return v;
}

void test_table_close(struct test_table *t)
{
	fclose(t->file);
	free(t->names);
	free(t->text);
	*t = (struct test_table){ 0 };
}

/* ---- traces --------------------------------------------------------------------------------- */

/* The text behind "name = " on this line, or NULL. */
static const char *value_of(const char *line, const char *name)
{
	size_t len = strlen(name);

	if (strncmp(line, name, len) != 0)
		return NULL;
	line += len;
	line += strspn(line, " ");
	return *line == '=' ? line + 1 : NULL;
}

size_t test_trace(const char *file, const char *section, const char *name, uint8_t *out, size_t cap)
{
	char path[PATH_MAX];
	char *line = NULL;
	size_t room = 0, found = 0, len = strlen(section);
	bool here = false;
	FILE *f = test_vectors_path(path, sizeof(path), file) ? fopen(path, "re") : NULL;

	if (!f)
		return 0;
	while (found == 0 && getline(&line, &room, f) > 0) {
		const char *value = here ? value_of(line, name) : NULL;

		if (line[0] == '[')
			here = strncmp(line + 1, section, len) == 0 && line[len + 1] == ']';
		if (value)
			found = test_hex(value, out, cap);
	}
	free(line);
	fclose(f);
	return found;
}
