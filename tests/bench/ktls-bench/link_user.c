/* SPDX-License-Identifier: MIT */
/* Links whose records this process makes: our engine's handshake and record layer (RFC 9846, 5). */
#include "tests/bench/ktls-bench/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <ktls.h>

#include "lib/crypto/util.h"
#include "lib/x509/verify.h"

#define TYPE_DATA 23
#define HEADER    5

struct records {
	struct ktls_record_layer layer;
	size_t out_at, out_len; /* records on their way */
	size_t in_at, in_len;   /* bytes of records that came */
	uint8_t out[LINK_GATHER + (LINK_GATHER / PLAN_RECORD_MIN + 1) * KTLS_RECORD_OVERHEAD_MAX];
	uint8_t in[LINK_READ + KTLS_ENGINE_RECORD_MAX];
};

/* ---- the handshake ----------------------------------------------------------------------------
 */

static int choose(void *arg, const struct ktls_engine_hello *hello,
		  struct ktls_engine_choice *choice)
{
	const struct loaded *own = &((struct link_maker *)arg)->loaded;
	const struct x509_identity *list[] = { own->identity }, *identity;
	int r;

	if (!own->identity)
		return -KTLS_R_SCHEMES_NONE_SHARED;
	r = x509_identity_choose(list, 1, hello, false, &identity, &choice->scheme);
	if (r != 0)
		return r;
	choice->credential = own->key;
	choice->chain = identity->chain;
	choice->chain_len = identity->chain_len;
	return 0;
}

static int sign(void *arg, const struct ktls_engine_sign *request, uint8_t *signature,
		size_t *signature_len)
{
	const struct link_maker *maker = arg;
	uint8_t scratch[KTLS_ENGINE_CONTENT_MAX];
	const struct ktls_span content = ktls_engine_sign_content(request, scratch);

	return x509_key_sign(maker->loaded.key, request->version, request->scheme, content.bytes,
			     content.len, signature, signature_len);
}

static int verify_chain(void *arg, const struct ktls_span *certs, size_t certs_len)
{
	struct link_maker *maker = arg;

	return x509_peer_verify_chain(maker->loaded.trust, certs, certs_len, KTLS_SERVER,
				      maker->credentials->name, time(NULL), &maker->peer, NULL);
}

static int verify_signature(void *arg, uint16_t scheme, const uint8_t *content, size_t content_len,
			    const uint8_t *signature, size_t signature_len)
{
	const struct link_maker *maker = arg;

	return x509_peer_verify_signature(maker->peer, ktls_engine_facts(maker->engine)->version,
					  scheme, content, content_len, signature, signature_len);
}

static int begin(struct link_maker *maker, struct ktls_engine *engine, struct ktls_engine_ops *ops)
{
	const struct plan *plan = maker->plan;
	const struct ktls_engine_config config = {
		.role = maker->end == RESULT_CLIENT ? KTLS_CLIENT : KTLS_SERVER,
		.ops = ops,
		.version_min = plan->version,
		.version_max = plan->version,
		.suites = &plan->suite,
		.suites_len = 1,
		.server_name = maker->end == RESULT_CLIENT ? maker->credentials->name : NULL,
	};

	*ops = ktls_engine_default_ops;
	ops->choose = choose;
	ops->sign = sign;
	ops->verify_chain = verify_chain;
	ops->verify_signature = verify_signature;
	maker->engine = engine;
	if (ktls_engine_init(engine, &config, maker) == 0)
		return 0;
	return link_fail(maker, "the engine knows no such version and suite");
}

static int send_all(struct link *link, const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = send(link->fd, bytes, len, MSG_NOSIGNAL);

		if (n < 0)
			return link_fail(link->maker, "handshake: sending: %m");
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

static int receive_all(struct link *link, uint8_t *bytes, size_t len)
{
	ssize_t n = len > 0 ? recv(link->fd, bytes, len, MSG_WAITALL) : 0;

	if (n == (ssize_t)len)
		return 0;
	if (n < 0)
		return link_fail(link->maker, "handshake: receiving: %m");
	return link_fail(link->maker, "handshake: the peer has closed the connection");
}

/* Not a byte behind the handshake is read: that is for whoever has the keys then. */
static int shake(struct link *link, struct ktls_engine *engine)
{
	struct link_maker *maker = link->maker;
	enum ktls_engine_state state;
	size_t len = 0;

	for (;;) {
		struct ktls_engine_io io = { .in = maker->in,
					     .in_len = len,
					     .out = maker->out,
					     .out_cap = sizeof(maker->out) };

		state = ktls_engine_run(engine, &io);
		if (send_all(link, maker->out, io.out_len) < 0)
			return -1;
		if (state != KTLS_ENGINE_READ)
			break;
		len -= io.consumed;
		memmove(maker->in, maker->in + io.consumed, len);
		if (receive_all(link, maker->in + len, io.need - len) < 0)
			return -1;
		len = io.need;
	}
	if (state == KTLS_ENGINE_DONE)
		return 0;
	return link_fail(maker, "handshake: %s",
			 ktls_reason_text((int)ktls_engine_facts(engine)->reason));
}

int link_shake(struct link *link, struct ktls_engine *engine)
{
	struct ktls_engine_ops ops;
	int r = begin(link->maker, engine, &ops);

	if (r == 0) {
		r = shake(link, engine);
		link->version = ktls_engine_facts(engine)->version;
		link->suite = ktls_engine_facts(engine)->suite;
	}
	x509_peer_free(link->maker->peer);
	link->maker->peer = NULL;
	return r;
}

/* ---- records ----------------------------------------------------------------------------------
 */

static int open_user(struct link *link)
{
	struct ktls_engine engine;
	struct ktls_traffic_key tx, rx;
	int r = link_shake(link, &engine);

	link->records = r == 0 ? malloc(sizeof(*link->records)) : NULL;
	if (link->records) {
		link->records->out_at = link->records->out_len = 0;
		link->records->in_at = link->records->in_len = 0;
		if (ktls_engine_keys(&engine, &tx, &rx) != 0 ||
		    ktls_record_init(&link->records->layer, &tx, &rx) != 0)
			r = link_fail(link->maker, "no keys");
		secret_wipe(&tx, sizeof(tx));
		secret_wipe(&rx, sizeof(rx));
	}
	ktls_engine_wipe(&engine);
	return link->records ? r : link_fail(link->maker, "out of memory");
}

static int flush_records(struct link *link)
{
	struct records *records = link->records;

	while (records->out_at < records->out_len) {
		ssize_t n = send(link->fd, records->out + records->out_at,
				 records->out_len - records->out_at, MSG_NOSIGNAL);

		if (n < 0)
			return -errno;
		records->out_at += (size_t)n;
	}
	records->out_at = records->out_len = 0;
	return 0;
}

/* As many records as there is room for; what the socket does not take waits for the next call. */
static ssize_t seal(struct link *link, const uint8_t *bytes, size_t len)
{
	struct records *records = link->records;
	size_t most = link->maker->plan->record_bytes, at = 0, made;

	if (most == 0)
		most = PLAN_RECORD;
	while (at < len) {
		size_t n = len - at < most ? len - at : most;

		if (ktls_record_seal(&records->layer, TYPE_DATA, bytes + at, n,
				     records->out + records->out_len, &made) != 0)
			return -EPROTO;
		records->out_len += made;
		at += n;
	}
	return (ssize_t)at;
}

/* A part with MSG_MORE goes into a record of its own, and out with what follows: as writers of
 * userspace records that do not copy have it. */
static ssize_t send_records(struct link *link, const uint8_t *bytes, size_t len, bool more)
{
	ssize_t taken;
	int r;

	if (link->records->out_at > 0 || link->records->out_len > LINK_GATHER / 2) {
		r = flush_records(link);
		if (r < 0)
			return r;
	}
	taken = seal(link, bytes, len < LINK_GATHER / 2 ? len : LINK_GATHER / 2);
	if (taken < 0 || more)
		return taken;
	r = flush_records(link);
	return r < 0 && r != -EAGAIN ? r : taken;
}

/* The bytes of the record that comes next, 0 where not all of it is there. */
static size_t whole_record(const struct records *records)
{
	const uint8_t *at = records->in + records->in_at;
	size_t have = records->in_len - records->in_at, len;

	if (have < HEADER)
		return 0;
	len = HEADER + ((size_t)at[3] << 8 | at[4]);
	return have >= len ? len : 0;
}

static ssize_t refill(struct link *link)
{
	struct records *records = link->records;
	ssize_t n;

	records->in_len -= records->in_at;
	memmove(records->in, records->in + records->in_at, records->in_len);
	records->in_at = 0;
	n = recv(link->fd, records->in + records->in_len, sizeof(records->in) - records->in_len, 0);
	if (n > 0)
		records->in_len += (size_t)n;
	return n < 0 ? -errno : n;
}

static ssize_t receive_record(struct link *link, const uint8_t **bytes)
{
	struct records *records = link->records;
	struct ktls_span content;
	size_t len = whole_record(records);
	uint8_t type;

	while (len == 0) {
		ssize_t n = refill(link);

		if (n <= 0)
			return n;
		len = whole_record(records);
	}
	if (ktls_record_open(&records->layer, records->in + records->in_at, len, &type, &content) !=
		    0 ||
	    type != TYPE_DATA)
		return -EBADMSG;
	records->in_at += len;
	*bytes = content.bytes;
	return (ssize_t)content.len;
}

static void close_user(struct link *link)
{
	if (link->records)
		ktls_record_wipe(&link->records->layer);
	free(link->records);
}

const struct link_ops link_user = {
	.open = open_user,
	.send = send_records,
	.receive = receive_record,
	.flush = flush_records,
	.close = close_user,
	.own_records = true,
};
