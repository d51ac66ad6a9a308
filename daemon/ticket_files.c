/* SPDX-License-Identifier: MIT */
#include "daemon/ticket_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/crypto/util.h"

static const char *check(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return "is not a file";
	if (st->st_mode & (S_IRWXG | S_IRWXO))
		return "is open to others: chmod 600 it";
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return "belongs to somebody else: chown it";
	if (st->st_size < TICKET_SECRET_MIN || st->st_size > TICKET_SECRET_MAX)
		return "has not 32 to 64 bytes: head -c 48 /dev/urandom makes one";
	return NULL;
}

static const char *read_open(int fd, struct ticket_secret *out)
{
	struct stat st;
	const char *wrong;
	ssize_t n;

	if (fstat(fd, &st) != 0)
		return strerror(errno);
	wrong = check(&st);
	if (wrong)
		return wrong;
	n = read(fd, out->bytes, sizeof(out->bytes));
	if (n != st.st_size)
		return n < 0 ? strerror(errno) : "changes while it is read";
	out->len = (size_t)n;
	return NULL;
}

/* Adds it. NULL, or what is wrong; a file that is not there is for the caller. */
static const char *read_one(const char *path, struct ticket_secrets *s)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	const char *wrong;

	if (fd < 0)
		return strerror(errno);
	wrong = read_open(fd, &s->secrets[s->len]);
	close(fd);
	if (!wrong)
		s->len++;
	return wrong;
}

static bool read_all(const char *folder, struct ticket_secrets *s, char *why, size_t size)
{
	static const char *const names[] = { "current", "next", "previous" };
	char path[4096];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *wrong;

		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		if (i > 0 && access(path, F_OK) != 0 && errno == ENOENT)
			continue;
		wrong = read_one(path, s);
		if (wrong) {
			snprintf(why, size, "%s, a ticket key, %s%s", path,
				 i == 0 && access(path, F_OK) != 0 ? "cannot be read: " : "",
				 wrong);
			return false;
		}
	}
	return true;
}

bool ticket_files_read(const char *folder, struct ticket_secrets *out, char *why, size_t size)
{
	struct ticket_secrets s = { .len = 0 };
	bool ok = read_all(folder, &s, why, size);

	if (ok)
		*out = s;
	secret_wipe(&s, sizeof(s));
	return ok;
}
