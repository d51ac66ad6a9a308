/* SPDX-License-Identifier: MIT */
#include "kernel-setup/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel-setup/refusal.h"

/* ---- reading --------------------------------------------------------------------------------- */

static int read_all(int fd, char *out, size_t *len)
{
	ssize_t n;

	for (*len = 0; *len <= FILE_BYTES_MAX; *len += (size_t)n) {
		n = read(fd, out + *len, FILE_BYTES_MAX + 1 - *len);
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
	}
	return -EFBIG;
}

int file_read(const char *path, char **out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *content;
	size_t len;
	int ret;

	if (fd < 0)
		return -errno;
	content = malloc(FILE_BYTES_MAX + 1);
	ret = content ? read_all(fd, content, &len) : -ENOMEM;
	close(fd);
	if (ret < 0) {
		free(content);
		return ret;
	}
	content[len] = 0;
	*out = content;
	return 0;
}

bool file_is(const char *path, const char *content)
{
	char *now;
	bool same;

	if (file_read(path, &now) < 0)
		return false;
	same = strcmp(now, content) == 0;
	free(now);
	return same;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Cuts the last part off; false at the root. */
static bool parent(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash || slash[1] == 0)
		return false;
	slash[slash == path] = 0;
	return true;
}

int file_may_write(const char *path)
{
	char at[PATH_MAX];
	struct stat st;

	snprintf(at, sizeof(at), "%s", path);
	/* A file that is there is replaced, which its folder decides. */
	while (parent(at))
		if (stat(at, &st) == 0)
			return access(at, W_OK) == 0 ? 0 : -errno;
	return -ENOENT;
}

static int make_folders(const char *path)
{
	char at[PATH_MAX];
	struct stat st;
	int ret;

	snprintf(at, sizeof(at), "%s", path);
	if (!parent(at) || stat(at, &st) == 0)
		return 0;
	ret = make_folders(at);
	if (ret < 0)
		return ret;
	return mkdir(at, 0755) == 0 || errno == EEXIST ? 0 : -errno;
}

static int fill(int fd, const char *content)
{
	size_t len = strlen(content);
	ssize_t n;

	for (; len > 0; content += n, len -= (size_t)n) {
		n = write(fd, content, len);
		if (n < 0)
			return -errno;
	}
	return fchmod(fd, 0644) == 0 && fsync(fd) == 0 ? 0 : -errno;
}

/* The new name is on the disk, too. */
static int sync_folder(const char *path)
{
	char at[PATH_MAX];
	int fd;
	int ret;

	snprintf(at, sizeof(at), "%s", path);
	if (!parent(at))
		return 0;
	fd = open(at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = fsync(fd) == 0 ? 0 : -errno;
	close(fd);
	return ret;
}

int file_write(const char *path, const char *content)
{
	char beside[PATH_MAX];
	int fd, ret;

	/* Behind the name, for nobody reads files that do not end in .rules or .conf. */
	if (snprintf(beside, sizeof(beside), "%s.XXXXXX", path) >= (int)sizeof(beside))
		return -ENAMETOOLONG;
	ret = make_folders(path);
	if (ret < 0)
		return ret;
	fd = mkostemp(beside, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = fill(fd, content);
	close(fd);
	if (ret == 0 && rename(beside, path) != 0)
		ret = -errno;
	if (ret < 0) {
		unlink(beside);
		return ret;
	}
	return sync_folder(path);
}

void file_complain(const char *path, int error)
{
	char text[PATH_MAX + 512];

	(void)refusal_of_file(path, error, text, sizeof(text));
	fprintf(stderr, "ktls-setup: %s\n", text);
}

/* ---- asking ---------------------------------------------------------------------------------- */

bool agreed(const struct options *o)
{
	char answer[16];

	if (option(o, OPTION_YES))
		return true;
	if (!option(o, OPTION_JSON) && isatty(STDIN_FILENO)) {
		fputs("Do it? [y/N] ", stderr);
		if (fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y'))
			return true;
	}
	fputs("ktls-setup: nothing was changed; --yes says yes\n", stderr);
	return false;
}
