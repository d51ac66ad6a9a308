/* SPDX-License-Identifier: MIT */
/*
 * Published test vectors. They are not part of the tree: a test looks for them with
 * test_vectors_path() and skips, with the reason, where they are not.
 *
 * Two forms are read. Tables (Project Wycheproof): one test a line, fields separated by one TAB,
 * the last line that begins with "#tcId" naming the columns, "-" for the empty string. Traces (RFC
 * 8448): lines "name = hex" under "[section]".
 */
#ifndef KTLS_TESTS_VECTORS_H
#define KTLS_TESTS_VECTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * The path of the vector file called name ("wycheproof/aes_gcm.tsv"), in $KTLS_VECTORS if that is
 * set, else in ../shared/reference/vectors beside the tree. False, and out unchanged, where there
 * is no such file.
 */
bool test_vectors_path(char *out, size_t cap, const char *name) __attribute__((warn_unused_result));

/*
 * Decodes hex; blanks between bytes are passed over. Returns the number of bytes. Anything else in
 * the text, or more bytes than cap, ends the program: a test with wrong data proves nothing.
 */
size_t test_hex(const char *hex, uint8_t *out, size_t cap);

#define TEST_TABLE_COLUMNS 16

struct test_table {
	FILE *file;
	unsigned int line; /* number of the line read last, from 1 */
	size_t columns;
	char *name[TEST_TABLE_COLUMNS];
	char *field[TEST_TABLE_COLUMNS];
	char *names; /* owned: what name[] points into */
	char *text;  /* owned: what field[] points into */
	size_t cap;
};

/* False where there is no such file, see test_vectors_path(). */
bool test_table_open(struct test_table *t, const char *name) __attribute__((warn_unused_result));

/* The next test; false at the end of the file. A line that has not all columns ends the program. */
bool test_table_next(struct test_table *t) __attribute__((warn_unused_result));

/*
 * The field of this line in the column of that name, as text ("-" as ""), decoded, or as a number.
 * A column that is not there ends the program. The text holds until test_table_next().
 */
const char *test_table_text(const struct test_table *t, const char *column);
size_t test_table_hex(const struct test_table *t, const char *column, uint8_t *out, size_t cap);
unsigned long test_table_number(const struct test_table *t, const char *column);

void test_table_close(struct test_table *t);

/* One value of a file of traces; 0 where there is no such file, section or name. */
size_t test_trace(const char *file, const char *section, const char *name, uint8_t *out,
		  size_t cap);

#endif
