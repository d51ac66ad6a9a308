/* SPDX-License-Identifier: MIT */
#include "lib/netlink/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <linux/btf.h>

struct bytes {
	const char *at;
	size_t len;
};

#define BYTES(literal)                       \
	{                                    \
		literal, sizeof(literal) - 1 \
	}

/* What a file has in it with the option, and what shows, without, that it is the right file. */
struct netlink_kernel_source {
	const char *path;
	bool released; /* the release of the kernel stands behind that, then the tail */
	const char *tail;
	bool types; /* in this format, where names are ended by 0, as is what precedes them */
	struct bytes option, proof;
};

#define CONFIG_OPTION BYTES("\nCONFIG_TLS_DEVICE=y\n")
#define CONFIG_PROOF  BYTES("\nCONFIG_NET=y\n")

static const struct netlink_kernel_source sources[] = {
	{ "/sys/kernel/btf/vmlinux", false, "", true, BYTES("\0tlsdev_ops\0"),
	  BYTES("\0net_device\0") },
	{ "/boot/config-", true, "", false, CONFIG_OPTION, CONFIG_PROOF },
	{ "/lib/modules/", true, "/config", false, CONFIG_OPTION, CONFIG_PROOF },
};

#define PIECE  16384
#define BEFORE 32 /* bytes of the piece before: what is looked for may begin there */

/* ---- opening --------------------------------------------------------------------------------- */

/* Strings stand behind the types, which are the larger part. */
static bool skip_types(int fd)
{
	struct btf_header header;

	return read(fd, &header, sizeof(header)) == (ssize_t)sizeof(header) &&
	       header.magic == BTF_MAGIC &&
	       lseek(fd, (off_t)header.hdr_len + header.str_off, SEEK_SET) >= 0;
}

static int open_source(const struct netlink_kernel_source *source, const char *root)
{
	struct utsname uts;
	char path[PATH_MAX];
	int fd;

	uname(&uts);
	snprintf(path, sizeof(path), "%s%s%s%s", root, source->path,
		 source->released ? uts.release : "", source->tail);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || !source->types || skip_types(fd))
		return fd;
	close(fd);
	return -1;
}

void netlink_kernel_open(struct netlink_kernel *kernel, const char *root)
{
	*kernel = (struct netlink_kernel){ .fd = -1 };
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]) && kernel->fd < 0; i++) {
		kernel->source = &sources[i];
		kernel->fd = open_source(&sources[i], root);
	}
}

void netlink_kernel_close(struct netlink_kernel *kernel)
{
	if (kernel->fd >= 0)
		close(kernel->fd);
	kernel->fd = -1;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Up to len bytes; fewer at the end, negative where it cannot be read. */
static ssize_t read_some(int fd, char *out, size_t len)
{
	size_t have = 0;
	ssize_t n;

	while (have < len) {
		n = read(fd, out + have, len - have);
		if (n == 0)
			break;
		if (n < 0 && errno != EINTR)
			return -1;
		have += n > 0 ? (size_t)n : 0;
	}
	return (ssize_t)have;
}

static bool has(const char *piece, size_t len, const struct bytes *what)
{
	return memmem(piece, len, what->at, what->len);
}

static enum netlink_tls_device search(int fd, const struct netlink_kernel_source *source)
{
	char piece[BEFORE + PIECE] = { 0 };
	bool proven = false;
	ssize_t n;

	do {
		n = read_some(fd, piece + BEFORE, PIECE);
		if (n < 0)
			return NETLINK_TLS_DEVICE_UNKNOWN;
		if (has(piece, BEFORE + (size_t)n, &source->option))
			return NETLINK_TLS_DEVICE_YES;
		proven = proven || has(piece, BEFORE + (size_t)n, &source->proof);
		memmove(piece, piece + n, BEFORE);
	} while (n == PIECE);
	return proven ? NETLINK_TLS_DEVICE_NO : NETLINK_TLS_DEVICE_UNKNOWN;
}

enum netlink_tls_device netlink_kernel_tls_device(struct netlink_kernel *kernel)
{
	if (kernel->fd >= 0) {
		kernel->tls_device = search(kernel->fd, kernel->source);
		netlink_kernel_close(kernel);
	}
	return kernel->tls_device;
}
