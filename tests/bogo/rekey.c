/* SPDX-License-Identifier: MIT */
#include "tests/bogo/rekey.h"

#include <time.h>

#include "lib/crypto/util.h"
#include "lib/ktls/kernel.h"
#include "lib/wire/reason.h"
#include "tests/bogo/records.h"
#include "tests/bogo/report.h"

#define KEY_UPDATE 24 /* HandshakeType */
#define FATAL      2
#define HEADER     4 /* bytes of msg_type and length */

static struct {
	int fd;
	struct ktls_secrets *secrets;
	struct ktls_key_update_limit limit;
	bool owed;
	/* Of another message, which comes in pieces: */
	uint32_t head; /* its header so far */
	int head_len;
	uint32_t left; /* bytes of its body that are to come */
} rekey;

void rekey_start(int fd, struct ktls_secrets *secrets)
{
	rekey.fd = fd;
	rekey.secrets = secrets;
	rekey.limit = (struct ktls_key_update_limit){ 0 };
	rekey.owed = false;
	rekey.head_len = 0;
	rekey.left = 0;
}

void rekey_owe(void)
{
	rekey.owed = true;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int step(enum ktls_direction direction)
{
	struct ktls_traffic_key key;
	int result = ktls_secrets_key_update(rekey.secrets, direction, &key);

	if (result < 0)
		return result;
	records_rekey(rekey.fd, direction == KTLS_TX, &key);
	secret_wipe(&key, sizeof(key));
	return 0;
}

static int follow(const uint8_t *bytes, size_t len)
{
	bool request;
	int result = ktls_secrets_parse_key_update(bytes, len, &request);

	if (result == 0)
		result = ktls_secrets_count_key_update(&rekey.limit, request, 1, now_ms());
	if (result == 0)
		result = step(KTLS_RX);
	if (result == 0 && request)
		rekey.owed = true;
	return result;
}

/* Where messages end: only behind one may a KeyUpdate begin. */
static void pass_over(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (rekey.left > 0) {
			rekey.left--;
			continue;
		}
		rekey.head = rekey.head << 8 | bytes[i];
		if (++rekey.head_len < HEADER)
			continue;
		rekey.left = rekey.head & 0xffffff;
		rekey.head_len = 0;
	}
}

int rekey_hear(const uint8_t *bytes, size_t len)
{
	bool begins = rekey.left == 0 && rekey.head_len == 0;
	uint8_t alert[2] = { FATAL };
	int result;

	if (!begins || bytes[0] != KEY_UPDATE || rekey.secrets->version != KTLS_TLS_1_3) {
		pass_over(bytes, len);
		return 0;
	}
	result = follow(bytes, len);
	if (result == 0)
		return 1;
	alert[1] = (uint8_t)reason_find(-result)->alert;
	report_reason((enum ktls_reason) - result, alert[1]);
	(void)!kernel_record_send(rekey.fd, RECORD_ALERT, alert, sizeof(alert), 0);
	return -1;
}

bool rekey_pay(void)
{
	uint8_t message[KTLS_KEY_UPDATE_LEN];

	if (!rekey.owed)
		return true;
	rekey.owed = false;
	ktls_secrets_build_key_update(false, message);
	return kernel_record_send(rekey.fd, RECORD_HANDSHAKE, message, sizeof(message), 0) ==
		       sizeof(message) &&
	       step(KTLS_TX) == 0;
}
