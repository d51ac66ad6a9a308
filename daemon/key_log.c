/* SPDX-License-Identifier: MIT */
#include "daemon/key_log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int check(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -errno;
	return S_ISREG(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & 077) == 0 ? 0
											: -EPERM;
}

int key_log_open(const char *file)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
		      0600);
	int err = fd < 0 ? -errno : check(fd);

	if (err == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return err;
}
