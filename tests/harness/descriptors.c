/* SPDX-License-Identifier: MIT */
#include "tests/harness/descriptors.h"

#include <dirent.h>

#include "tests/harness/harness.h"

int open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	ASSERT_NOT_NULL(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 3; /* ".", ".." and the directory's own */
}
