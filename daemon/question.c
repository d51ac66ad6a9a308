/* SPDX-License-Identifier: MIT */
#include "daemon/question.h"

#include <string.h>

#include "daemon/bundle.h"

#define RANDOM_LEN 32

static bool has_messages(const struct ktls_engine_sign *what)
{
	return what->version == KTLS_TLS_1_2 && what->role == KTLS_CLIENT;
}

size_t question_size(const struct ktls_engine_sign *what)
{
	return has_messages(what) ? 5 + 3 + what->messages_len : QUESTION_FIELDS_MAX;
}

void question_write(struct writer *w, const struct ktls_engine_sign *what)
{
	writer_u16(w, what->version);
	writer_u16(w, what->scheme);
	writer_u8(w, (uint8_t)what->role);
	if (what->version == KTLS_TLS_1_3) {
		writer_vec(w, 1, what->hash, what->hash_len);
		return;
	}
	if (has_messages(what)) {
		writer_vec(w, 3, what->messages, what->messages_len);
		return;
	}
	writer_bytes(w, what->client_random, RANDOM_LEN);
	writer_bytes(w, what->server_random, RANDOM_LEN);
	writer_u16(w, what->group);
	writer_vec(w, 1, what->share, what->share_len);
}

static bool read_hash(struct reader *r, struct ktls_engine_sign *out)
{
	struct reader hash;

	if (!reader_vec8(r, &hash))
		return false;
	out->hash = hash.at;
	out->hash_len = hash.left;
	return true;
}

static bool read_messages(struct reader *r, struct ktls_engine_sign *out)
{
	struct reader messages;

	if (!reader_vec24(r, &messages))
		return false;
	out->messages = messages.at;
	out->messages_len = messages.left;
	return true;
}

static bool read_params(struct reader *r, struct ktls_engine_sign *out)
{
	struct reader share;

	out->client_random = r->at;
	if (!reader_skip(r, RANDOM_LEN))
		return false;
	out->server_random = r->at;
	if (!reader_skip(r, RANDOM_LEN) || !reader_u16(r, &out->group) || !reader_vec8(r, &share))
		return false;
	out->share = share.at;
	out->share_len = share.left;
	return true;
}

bool question_read(struct reader *r, struct ktls_engine_sign *out)
{
	struct ktls_engine_sign what = { 0 };
	uint8_t role;
	bool ok = false;

	if (!reader_u16(r, &what.version) || !reader_u16(r, &what.scheme) || !reader_u8(r, &role) ||
	    role > KTLS_CLIENT)
		return false;
	what.role = (enum ktls_role)role;
	if (what.version == KTLS_TLS_1_3)
		ok = read_hash(r, &what);
	else if (has_messages(&what))
		ok = read_messages(r, &what);
	else if (what.version == KTLS_TLS_1_2)
		ok = read_params(r, &what);
	if (!ok || !reader_empty(r))
		return false;
	*out = what;
	return true;
}

bool question_allowed(const struct ktls_engine_sign *what, const struct question_limits *limits)
{
	return (limits->roles & BUNDLE_ROLE(what->role)) && what->version >= limits->version_min &&
	       what->version <= limits->version_max;
}

#define SESSION_HASH_MAX 48

static size_t session_hash_len(const struct ktls_engine_decrypt *what)
{
	return what->prf == KTLS_ENGINE_PRF_SHA384 ? 48 : 32;
}

void decrypt_write(struct writer *w, const struct ktls_engine_decrypt *what)
{
	uint8_t hash[SESSION_HASH_MAX] = { 0 };

	memcpy(hash, what->session_hash, session_hash_len(what));
	writer_u16(w, what->version);
	writer_u8(w, (uint8_t)what->prf);
	writer_u8(w, what->extended);
	writer_bytes(w, hash, sizeof(hash));
	writer_bytes(w, what->client_random, RANDOM_LEN);
	writer_bytes(w, what->server_random, RANDOM_LEN);
	writer_vec(w, 2, what->encrypted, what->encrypted_len);
}

bool decrypt_read(struct reader *r, struct ktls_engine_decrypt *out)
{
	struct ktls_engine_decrypt what = { 0 };
	struct reader hash, client, server, encrypted;
	uint8_t prf, extended;

	if (!reader_u16(r, &what.version) || !reader_u8(r, &prf) || prf > KTLS_ENGINE_PRF_SHA384 ||
	    !reader_u8(r, &extended) || extended > 1 || !reader_bytes(r, SESSION_HASH_MAX, &hash) ||
	    !reader_bytes(r, RANDOM_LEN, &client) || !reader_bytes(r, RANDOM_LEN, &server) ||
	    !reader_vec16(r, &encrypted) || !reader_empty(r))
		return false;
	what.prf = (enum ktls_engine_prf)prf;
	what.extended = extended;
	what.session_hash = hash.at;
	what.client_random = client.at;
	what.server_random = server.at;
	what.encrypted = encrypted.at;
	what.encrypted_len = encrypted.left;
	*out = what;
	return true;
}

bool decrypt_allowed(const struct question_limits *limits)
{
	return limits->static_rsa && (limits->roles & BUNDLE_ROLE(KTLS_SERVER)) &&
	       limits->version_min <= KTLS_TLS_1_2;
}
