// SPDX-License-Identifier: GPL-2.0
/*
 * The engine: follows a TCP stream through its TLS records, byte by byte as
 * they come, and encrypts or decrypts them on the way.
 */

#include "nicsim.h"

#define TYPE_FIRST	0x14	/* change_cipher_spec */
#define TYPE_LAST	0x18	/* heartbeat */

bool nicsim_header_valid(const u8 *header)
{
	u32 len = NICSIM_HDR + get_unaligned_be16(header + 3);

	return header[0] >= TYPE_FIRST && header[0] <= TYPE_LAST &&
	       header[1] == 3 && header[2] == 3 &&
	       len >= NICSIM_PREFIX + NICSIM_TAG && len <= NICSIM_RECORD_MAX;
}

void nicsim_stream_restart(struct nicsim_stream *pos, u32 seq, u64 sn)
{
	u32 bad_records = pos->bad_records;

	memset(pos, 0, sizeof(*pos));
	pos->seq = seq;
	pos->sn = sn;
	pos->bad_records = bad_records;
}

static void next_record(struct nicsim_stream *pos)
{
	if (pos->bad)
		pos->bad_records++;
	pos->sn++;
	pos->off = 0;
	pos->len = 0;
	pos->broken = false;
	pos->bad = false;
}

/* Header and explicit nonce pass as they are. Returns the bytes taken. */
static int run_prefix(struct nicsim_gcm_key *key, struct nicsim_stream *pos,
		      const u8 *bytes, u32 len, enum nicsim_work work)
{
	u32 end = pos->off < NICSIM_HDR ? NICSIM_HDR : NICSIM_PREFIX;
	u32 n = min(len, end - pos->off);

	memcpy(pos->prefix + pos->off, bytes, n);
	pos->off += n;
	if (pos->off == NICSIM_HDR) {
		if (!nicsim_header_valid(pos->prefix))
			return -EBADMSG;
		pos->len = NICSIM_HDR + get_unaligned_be16(pos->prefix + 3);
	}
	if (pos->off == NICSIM_PREFIX && work != NICSIM_TRACK && !pos->broken)
		nicsim_gcm_begin(key, &pos->gcm, pos->sn, pos->prefix,
				 pos->len - NICSIM_PREFIX - NICSIM_TAG);
	return n;
}

static int run_payload(struct nicsim_gcm_key *key, struct nicsim_stream *pos,
		       u8 *bytes, u32 len, enum nicsim_work work)
{
	u32 n = min(len, pos->len - NICSIM_TAG - pos->off);
	int err = 0;

	if (work != NICSIM_TRACK && !pos->broken)
		err = nicsim_gcm_crypt(key, &pos->gcm, pos->prefix + NICSIM_HDR,
				       bytes, n, work == NICSIM_ENCRYPT);
	pos->off += n;
	return err ?: n;
}

static int run_tag(struct nicsim_gcm_key *key, struct nicsim_stream *pos,
		   u8 *bytes, u32 len, enum nicsim_work work)
{
	u32 at = pos->off - (pos->len - NICSIM_TAG);
	u32 n = min(len, pos->len - pos->off);
	u8 tag[NICSIM_TAG];
	int err;

	pos->off += n;
	if (work == NICSIM_TRACK || pos->broken)
		return n;
	err = nicsim_gcm_tag(key, &pos->gcm, pos->prefix + NICSIM_HDR, tag);
	if (err)
		return err;
	if (work == NICSIM_ENCRYPT)
		memcpy(bytes, tag + at, n);
	else if (memcmp(bytes, tag + at, n))
		pos->bad = true;
	return n;
}

static int run_part(struct nicsim_gcm_key *key, struct nicsim_stream *pos,
		    u8 *bytes, u32 len, enum nicsim_work work)
{
	if (pos->off < NICSIM_PREFIX)
		return run_prefix(key, pos, bytes, len, work);
	if (pos->off < pos->len - NICSIM_TAG)
		return run_payload(key, pos, bytes, len, work);
	return run_tag(key, pos, bytes, len, work);
}

/**
 * nicsim_stream_run() - takes the next bytes of the stream
 * @key: cipher
 * @pos: where they are, and behind them on return
 * @bytes: in place; the caller's own copy
 * @len: number of them
 * @work: what to do to them
 * @whole: set to whether all of them have been en- or decrypted, with good tags
 *
 * Return: 0, or a negative errno: -EBADMSG where this is no stream of records.
 */
int nicsim_stream_run(struct nicsim_gcm_key *key, struct nicsim_stream *pos,
		      u8 *bytes, u32 len, enum nicsim_work work, bool *whole)
{
	int n;

	*whole = work != NICSIM_TRACK;
	pos->seq += len;
	while (len) {
		n = run_part(key, pos, bytes, len, work);
		if (n < 0)
			return n;
		if (pos->broken || pos->bad)
			*whole = false;
		if (pos->off >= NICSIM_PREFIX && pos->off == pos->len)
			next_record(pos);
		bytes += n;
		len -= n;
	}
	return 0;
}

/**
 * nicsim_stream_skip() - passes over bytes that were lost
 * @pos: where they are, and behind them on return
 * @gap: number of them
 *
 * Return: false, with nothing changed, where it cannot be told what is behind
 * them, for the header of a record is among them.
 */
bool nicsim_stream_skip(struct nicsim_stream *pos, u32 gap)
{
	if (pos->off < NICSIM_HDR || gap > pos->len - pos->off)
		return false;
	pos->seq += gap;
	pos->off += gap;
	pos->broken = true;
	if (pos->off == pos->len)
		next_record(pos);
	return true;
}
