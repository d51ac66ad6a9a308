/* SPDX-License-Identifier: MIT */
/*
 * The file of sealing keys: opened here, for it belongs to root, and given to all signers, of all
 * generations. What is in it is the signers' affair (sealing_file.h).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/log.h"
#include "daemon/sealing_file.h"
#include "daemon/supervisor.h"

/* Beside the socket, under its name: so that no two ktlsds have the same. */
static int open_file(const struct supervisor *s)
{
	char path[sizeof("/") + 256];
	int n = snprintf(path, sizeof(path), "%s.keys", s->socket);
	int fd = n < (int)sizeof(path) ? sealing_file_open(path) : -ENAMETOOLONG;

	if (fd < 0)
		log_message(LOG_WARNING,
			    "%s: %s: sessions sealed now will be of no use when ktlsd is restarted",
			    path, strerror(-fd));
	return fd;
}

bool seals_init(struct supervisor *s)
{
	int err = sealing_boot_read(s->boot);

	if (err)
		log_message(LOG_WARNING,
			    "/proc/sys/kernel/random/boot_id: %s: sessions sealed now will be of "
			    "no use when ktlsd is restarted",
			    strerror(-err));
	s->sealing_file = err ? err : open_file(s);
	if (s->sealing_file < 0)
		s->sealing_file = memfd_create("ktlsd sealing keys", MFD_CLOEXEC);
	if (s->sealing_file < 0)
		log_message(LOG_ERR, "memfd_create: %s", strerror(errno));
	return s->sealing_file >= 0;
}

int seals_tell(const struct supervisor *s, const struct child *signer)
{
	struct channel_message m;

	channel_begin(&m, CHANNEL_SEALING);
	writer_bytes(&m.body, s->boot, sizeof(s->boot));
	return channel_send(&signer->channel, &m, s->sealing_file);
}

void seals_wipe(struct supervisor *s)
{
	if (s->sealing_file >= 0)
		close(s->sealing_file);
}
