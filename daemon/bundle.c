/* SPDX-License-Identifier: MIT */
#include "daemon/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

void bundle_settings_write(struct writer *w, const struct bundle_settings *settings)
{
	writer_u32(w, settings->user);
	writer_u32(w, settings->group);
	writer_u8(w, settings->journal);
	writer_u16(w, settings->workers);
	writer_u32(w, settings->handshakes_max);
	writer_u32(w, settings->deadline_max);
	writer_u32(w, settings->session_age);
	writer_u32(w, settings->relays_max);
}

bool bundle_settings_read(struct reader *r, struct bundle_settings *settings)
{
	struct bundle_settings s;
	uint8_t journal;

	if (!reader_u32(r, &s.user) || !reader_u32(r, &s.group) || !reader_u8(r, &journal) ||
	    !reader_u16(r, &s.workers) || !reader_u32(r, &s.handshakes_max) ||
	    !reader_u32(r, &s.deadline_max) || !reader_u32(r, &s.session_age) ||
	    !reader_u32(r, &s.relays_max))
		return false;
	s.journal = journal;
	*settings = s;
	return true;
}

static int write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

int bundle_create(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	return fd < 0 ? -errno : fd;
}

int bundle_seal(int fd, const void *bytes, size_t len)
{
	int err = write_all(fd, bytes, len);

	if (err == 0 && fcntl(fd, F_ADD_SEALS, SEALS) != 0)
		err = -errno;
	return err;
}

int bundle_map(int fd, struct bundle *out)
{
	struct stat st;
	void *bytes;

	if (fcntl(fd, F_GET_SEALS) != SEALS)
		return -EPERM;
	if (fstat(fd, &st) != 0)
		return -errno;
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return -errno;
	*out = (struct bundle){ .bytes = bytes, .len = (size_t)st.st_size };
	return 0;
}

void bundle_unmap(struct bundle *bundle)
{
	if (bundle->bytes)
		munmap(bundle->bytes, bundle->len);
	*bundle = (struct bundle){ 0 };
}
