/* SPDX-License-Identifier: MIT */
#include "tests/bogo/exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ktls/kernel.h"
#include "tests/bogo/records.h"
#include "tests/bogo/rekey.h"

#define FATAL                 2
#define DECOMPRESSION_FAILURE 30

/* Sizes around those of one record and of two. */
static bool write_different_sizes(int fd)
{
	static const size_t sizes[] = { 0,     1,     255,   256,   257,  16383,
					16384, 16385, 32767, 32768, 32769 };
	static uint8_t bytes[32769];

	memset(bytes, 0x42, sizeof(bytes));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (!records_send(fd, bytes, sizes[i]))
			return false;
	return true;
}

static bool write_first(const struct flags *flags, int fd)
{
	size_t len = strlen(flags->initial_write);

	if (flags->different_sizes)
		return write_different_sizes(fd);
	if (flags->unfinished_write)
		return records_send_begin(fd, flags->initial_write, len);
	for (int i = 0; flags->writes_first && i < flags->initial_writes; i++)
		if (!records_send(fd, flags->initial_write, len))
			return false;
	return true;
}

/* Data, or what ended the stream. */
static ssize_t receive(int fd, void *buf, size_t len, struct ktls_session *session)
{
	ssize_t n;

	do {
		n = ktls_recv(session, fd, buf, len, 0);
	} while (n == -EINTR);
	return n;
}

static bool echo(const struct flags *flags, int fd, struct ktls_session *session)
{
	static uint8_t buf[RECORDS_DATA_MAX];
	size_t size = (size_t)flags->read_size;
	bool unfinished = flags->unfinished_write;
	ssize_t n;

	if (size > sizeof(buf))
		size = sizeof(buf);
	while ((n = receive(fd, buf, size, session)) > 0) {
		if (unfinished && !records_send_rest(fd))
			return false;
		unfinished = false;
		for (ssize_t i = 0; i < n; i++)
			buf[i] ^= 0xff;
		if (!records_send(fd, buf, (size_t)n))
			return false;
	}
	/* The runner takes leave without a close_notify, too. */
	return n == 0 || ktls_session_reason(session) == KTLS_R_TRUNCATED;
}

/* Data that comes after our close_notify is nobody's. */
static bool wait_for_close(int fd, struct ktls_session *session)
{
	uint8_t buf[512];
	ssize_t n;

	do {
		n = receive(fd, buf, sizeof(buf), session);
	} while (n > 0);
	return n == 0;
}

static bool send_alert(int fd)
{
	static const uint8_t alert[] = { FATAL, DECOMPRESSION_FAILURE };

	return kernel_record_send(fd, RECORD_ALERT, alert, sizeof(alert), 0) == sizeof(alert);
}

static bool write_export(const struct flags *flags, int fd, const struct ktls_secrets *secrets)
{
	static uint8_t material[KTLS_EXPORT_MAX];
	const char *label = flags->export_label, *context = flags->export_context;
	size_t len = (size_t)flags->export_len;

	if (!flags->use_export_context)
		context = NULL;
	return ktls_secrets_export(secrets, label, (const uint8_t *)context,
				   context ? strlen(context) : 0, material, len) == 0 &&
	       records_send(fd, material, len);
}

static bool write_secrets(int fd, const struct ktls_secrets *secrets)
{
	size_t len = secrets->suite == KTLS_AES_256_GCM_SHA384 ? 48 : 32;
	const uint8_t size[2] = { (uint8_t)len, 0 };

	return records_send(fd, size, sizeof(size)) && records_send(fd, secrets->rx, len) &&
	       records_send(fd, secrets->tx, len);
}

bool exchange(const struct flags *flags, int fd, const struct ktls_secrets *secrets,
	      struct ktls_session *session)
{
	if (flags->export_len > 0 && !write_export(flags, fd, secrets))
		return false;
	if (flags->export_traffic_secrets && !write_secrets(fd, secrets))
		return false;
	if (flags->key_update)
		rekey_owe();
	if (flags->send_alert)
		return send_alert(fd);
	if (!write_first(flags, fd))
		return false;
	if (!flags->different_sizes && !flags->shuts_down && !echo(flags, fd, session))
		return false;
	if (ktls_shutdown(session, fd) < 0)
		return false;
	return !(flags->shuts_down && flags->check_close_notify) || wait_for_close(fd, session);
}
