/* SPDX-License-Identifier: MIT */
/*
 * A bucket that holds a burst. It fills up again with time, and with records: a KeyUpdate costs us
 * keys, and a record of our own if it asks for one; a peer that sends some records for each spends
 * as much itself. Any records, for a kernel tells how many there were and not what was in them, and
 * empty ones are hardly cheaper to make than those with a byte.
 */
#include "lib/wire/update_limit.h"

static void grant(struct ktls_key_update_limit *limit, uint64_t n)
{
	limit->used -= n < limit->used ? (uint32_t)n : limit->used;
}

static void grant_for_time(struct ktls_key_update_limit *limit, uint64_t now)
{
	uint64_t granted = 0;

	if (limit->used > 0 && now > limit->since)
		granted = (now - limit->since) / KTLS_KEY_UPDATE_REFILL_MS;
	if (granted >= limit->used)
		limit->since = now;
	else
		limit->since += granted * KTLS_KEY_UPDATE_REFILL_MS;
	grant(limit, granted);
}

static void grant_for_records(struct ktls_key_update_limit *limit, uint64_t records)
{
	if (records > 0)
		limit->records += records - 1;
	grant(limit, limit->records / KTLS_KEY_UPDATE_RECORDS);
	limit->records %= KTLS_KEY_UPDATE_RECORDS;
}

int update_limit_count(struct ktls_key_update_limit *limit, bool request, uint64_t records,
		       uint64_t now)
{
	grant_for_time(limit, now);
	grant_for_records(limit, records);
	if (!request && limit->asked > 0) {
		limit->asked--;
		return 0;
	}
	if (limit->used == KTLS_KEY_UPDATE_BURST)
		return -KTLS_R_KEY_UPDATE_STORM;
	limit->used++;
	return 0;
}
