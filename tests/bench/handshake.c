/* SPDX-License-Identifier: MIT */
/*
 * Whole handshakes in memory, both ends in this process, ours and libssl's in turns: microseconds
 * of CPU time and bytes of memory for either side. TLS 1.3, X25519, TLS_AES_128_GCM_SHA256, a chain
 * of leaf and intermediate; the client verifies chain and host name.
 *
 * No sockets: two queues. A connection's objects are made and freed within the time; contexts, keys
 * and trust stores are not. libssl is set up as a careful server would: one protocol version, no
 * tickets, buffers released, contexts made once.
 *
 * The client appears twice: it keeps the parsed certificates of chains that were good, and a
 * handshake with a peer that it knows is spared their parsing; libssl's has no such memory.
 */
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <ktls-handshake.h>

#include "lib/crypto/util.h"
#include "lib/x509/verify.h"
#include "tests/bench/bench.h"
#include "tests/bench/heap.h"
#include "tests/bench/setup.h"

#define ROUNDS  400
#define WARM_UP 20

/* What a side took in one handshake. */
struct cost {
	double cpu; /* microseconds */
	struct heap_account heap;
};

/* Bytes on their way to a side. */
static struct queue {
	uint8_t bytes[1 << 16];
	size_t len;
} queues[SIDES];

static double clock_cost; /* of asking for the time, microseconds */

/* ---- accounts ------------------------------------------------------------------------------- */

static double started;
static bool counting; /* the heap, which takes time */

static void account_open(struct cost *cost)
{
	heap_account = counting ? &cost->heap : NULL;
	started = bench_now();
}

static void account_close(struct cost *cost)
{
	cost->cpu += bench_now() - started - clock_cost;
	heap_account = NULL;
}

static void measure_clock(void)
{
	double samples[1000];

	for (size_t i = 0; i < 1000; i++) {
		samples[i] = bench_now();
		samples[i] = bench_now() - samples[i];
	}
	clock_cost = bench_median(samples, 1000);
}

/* ---- ours ----------------------------------------------------------------------------------- */

struct ours {
	struct ktls_engine engine;
	const struct setup *setup;
	const struct x509_trust *trust;
	struct x509_peer *peer;
	enum ktls_engine_state state;
};

static int ours_choose(void *arg, const struct ktls_engine_hello *hello,
		       struct ktls_engine_choice *choice)
{
	const struct setup *setup = ((struct ours *)arg)->setup;
	const struct x509_identity *list[] = { setup->identity }, *identity;
	int ret = x509_identity_choose(list, 1, hello, true, &identity, &choice->scheme);

	if (ret != 0)
		return ret;
	choice->credential = setup->key;
	choice->chain = identity->chain;
	choice->chain_len = identity->chain_len;
	return 0;
}

static int ours_sign(void *arg, const struct ktls_engine_sign *request, uint8_t *signature,
		     size_t *signature_len)
{
	const struct setup *setup = ((struct ours *)arg)->setup;
	uint8_t content[KTLS_ENGINE_CONTENT_MAX];
	const size_t len = ktls_engine_signed_content(request->role, request->hash,
						      request->hash_len, content);

	return x509_key_sign(setup->key, KTLS_TLS_1_3, request->scheme, content, len, signature,
			     signature_len);
}

static int ours_verify_chain(void *arg, const struct ktls_span *certs, size_t certs_len)
{
	struct ours *o = arg;

	return x509_peer_verify_chain(o->trust, certs, certs_len, KTLS_SERVER, HOST, time(NULL),
				      &o->peer, NULL);
}

static int ours_verify_signature(void *arg, uint16_t scheme, const uint8_t *content,
				 size_t content_len, const uint8_t *signature, size_t signature_len)
{
	return x509_peer_verify_signature(((struct ours *)arg)->peer, KTLS_TLS_1_3, scheme, content,
					  content_len, signature, signature_len);
}

static struct ktls_engine_ops ours_ops;

static void ours_init(struct ours *o, const struct setup *setup, enum side side)
{
	static const uint16_t suites[] = { KTLS_AES_128_GCM_SHA256 };
	static const uint16_t groups[] = { KTLS_GROUP_X25519 };
	const struct ktls_engine_config config = {
		.role = side == SERVER ? KTLS_SERVER : KTLS_CLIENT,
		.ops = &ours_ops,
		.suites = suites,
		.suites_len = 1,
		.groups = groups,
		.groups_len = 1,
		.server_name = side == CLIENT ? HOST : NULL,
	};

	o->setup = setup;
	o->trust = setup->trust;
	o->peer = NULL;
	require(ktls_engine_init(&o->engine, &config, o) == 0, "ktls_engine_init failed");
}

/* Output goes right behind what the peer has not taken yet. */
static void ours_step(struct ours *o, enum side side)
{
	struct queue *in = &queues[side], *out = &queues[1 - side];
	struct ktls_engine_io io = {
		.in = in->bytes,
		.in_len = in->len,
		.out = out->bytes + out->len,
		.out_cap = sizeof(out->bytes) - out->len,
	};

	o->state = ktls_engine_run(&o->engine, &io);
	in->len -= io.consumed;
	memmove(in->bytes, in->bytes + io.consumed, in->len);
	out->len += io.out_len;
}

static void ours_end(struct ours *o)
{
	struct ktls_traffic_key tx, rx;

	require(o->state == KTLS_ENGINE_DONE && ktls_engine_keys(&o->engine, &tx, &rx) == 0,
		"our handshake failed");
	secret_wipe(&tx, sizeof(tx));
	secret_wipe(&rx, sizeof(rx));
	ktls_engine_wipe(&o->engine);
	x509_peer_free(o->peer);
}

/* new_peer: the client has not seen these certificates before. */
static void ours_handshake(const struct setup *setup, bool new_peer, struct cost cost[SIDES])
{
	static struct ours o[SIDES];
	struct x509_trust *forgetful = NULL;

	for (enum side side = SERVER; side < SIDES; side++) {
		account_open(&cost[side]);
		ours_init(&o[side], setup, side);
		account_close(&cost[side]);
	}
	if (new_peer)
		o[CLIENT].trust = forgetful =
			x509_trust_new(setup->root->pem, setup->root->pem_len, NULL);
	for (int step = 0; step < 4; step++) {
		const enum side side = step % 2 ? SERVER : CLIENT;

		account_open(&cost[side]);
		ours_step(&o[side], side);
		if (step >= 2)
			ours_end(&o[side]);
		account_close(&cost[side]);
	}
	x509_trust_free(forgetful);
}

/* ---- libssl's ------------------------------------------------------------------------------- */

static int queue_write(BIO *bio, const char *bytes, int len)
{
	struct queue *out = &queues[1 - *(enum side *)BIO_get_data(bio)];

	memcpy(out->bytes + out->len, bytes, (size_t)len);
	out->len += (size_t)len;
	return len;
}

static int queue_read(BIO *bio, char *bytes, int len)
{
	struct queue *in = &queues[*(enum side *)BIO_get_data(bio)];
	const size_t n = (size_t)len < in->len ? (size_t)len : in->len;

	BIO_clear_retry_flags(bio);
	if (n == 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	memcpy(bytes, in->bytes, n);
	in->len -= n;
	memmove(in->bytes, in->bytes + n, in->len);
	return (int)n;
}

static long queue_ctrl(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *queue_method;

static SSL *ssl_init(const struct setup *setup, enum side side)
{
	static enum side sides[] = { SERVER, CLIENT };
	SSL *ssl = SSL_new(setup->ssl[side]);
	BIO *bio = BIO_new(queue_method);

	require(ssl && bio, "SSL_new failed");
	BIO_set_data(bio, &sides[side]);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
	if (side == SERVER) {
		SSL_set_accept_state(ssl);
		return ssl;
	}
	SSL_set_connect_state(ssl);
	require(SSL_set_tlsext_host_name(ssl, HOST) == 1 && SSL_set1_host(ssl, HOST) == 1,
		"SSL_set1_host failed");
	return ssl;
}

static void ssl_handshake(const struct setup *setup, struct cost cost[SIDES])
{
	SSL *ssl[SIDES];

	for (enum side side = SERVER; side < SIDES; side++) {
		account_open(&cost[side]);
		ssl[side] = ssl_init(setup, side);
		account_close(&cost[side]);
	}
	for (int step = 0; step < 4; step++) {
		const enum side side = step % 2 ? SERVER : CLIENT;
		int ret;

		account_open(&cost[side]);
		ret = SSL_do_handshake(ssl[side]);
		if (step >= 2) {
			require(ret == 1, "libssl's handshake failed");
			SSL_free(ssl[side]);
		}
		account_close(&cost[side]);
	}
}

/* A benchmark of a client that verifies nothing would look good. */
static void check_verification(const struct setup *setup, const struct setup *other)
{
	struct setup wrong = *setup;
	static struct ours o[SIDES];
	SSL *ssl[SIDES];

	wrong.trust = other->trust;
	ours_init(&o[SERVER], &wrong, SERVER);
	ours_init(&o[CLIENT], &wrong, CLIENT);
	for (int step = 0; step < 3; step++)
		ours_step(&o[(step + 1) % 2], step % 2 ? SERVER : CLIENT);
	require(ktls_engine_facts(&o[CLIENT].engine)->reason == KTLS_R_CERTIFICATE_UNKNOWN_CA,
		"our client takes any certificate");
	for (enum side side = SERVER; side < SIDES; side++) {
		ktls_engine_wipe(&o[side].engine);
		queues[side].len = 0;
	}
	wrong.ssl[CLIENT] = other->ssl[CLIENT];
	for (enum side side = SERVER; side < SIDES; side++)
		ssl[side] = ssl_init(&wrong, side);
	for (int step = 0; step < 3; step++)
		SSL_do_handshake(ssl[(step + 1) % 2]);
	require(SSL_get_verify_result(ssl[CLIENT]) != X509_V_OK, "libssl's client takes any");
	for (enum side side = SERVER; side < SIDES; side++) {
		SSL_free(ssl[side]);
		queues[side].len = 0;
	}
}

/* ---- rounds --------------------------------------------------------------------------------- */

struct row {
	double ours[ROUNDS], theirs[ROUNDS]; /* microseconds */
	struct heap_account our_heap, their_heap;
};

static void run_round(const struct setup *setup, bool new_peer, bool ours_first,
		      struct cost ours[SIDES], struct cost theirs[SIDES])
{
	memset(ours, 0, SIDES * sizeof(*ours));
	memset(theirs, 0, SIDES * sizeof(*theirs));
	if (!ours_first)
		ssl_handshake(setup, theirs);
	ours_handshake(setup, new_peer, ours);
	if (ours_first)
		ssl_handshake(setup, theirs);
}

static void run_rounds(const struct setup *setup, bool new_peer, struct row rows[SIDES])
{
	struct cost ours[SIDES], theirs[SIDES];

	for (int i = -WARM_UP; i < ROUNDS; i++) {
		run_round(setup, new_peer, i % 2, ours, theirs);
		for (enum side side = SERVER; i >= 0 && side < SIDES; side++) {
			rows[side].ours[i] = ours[side].cpu;
			rows[side].theirs[i] = theirs[side].cpu;
		}
	}
	counting = true;
	run_round(setup, new_peer, true, ours, theirs);
	counting = false;
	for (enum side side = SERVER; side < SIDES; side++) {
		rows[side].our_heap = ours[side].heap;
		rows[side].their_heap = theirs[side].heap;
	}
}

static void print_time(const char *config, const char *side, const struct row *row)
{
	double ours[ROUNDS], theirs[ROUNDS], ratio[ROUNDS];

	for (size_t i = 0; i < ROUNDS; i++) {
		ours[i] = row->ours[i];
		theirs[i] = row->theirs[i];
		ratio[i] = ours[i] / theirs[i];
	}
	printf("%-12s %-18s %10.1f %10.1f %8.2f\n", config, side, bench_median(ours, ROUNDS),
	       bench_median(theirs, ROUNDS), bench_median(ratio, ROUNDS));
}

static void print_memory(const char *config, const char *side, const struct row *row)
{
	const long ours = (long)sizeof(struct ktls_engine) + row->our_heap.peak;
	const long theirs = row->their_heap.peak;

	printf("%-12s %-18s %10ld %10ld %8.2f %10ld %10ld\n", config, side, ours, theirs,
	       (double)ours / (double)theirs, row->our_heap.calls, row->their_heap.calls);
}

static struct {
	struct setup setup;
	struct row known[SIDES], new_peer[SIDES];
} configs[2];

static void print_all(void)
{
	const size_t n = sizeof(configs) / sizeof(configs[0]);

	printf("%-12s %-18s %10s %10s %8s\n", "CPU us", "side", "ours", "libssl", "ratio");
	for (size_t i = 0; i < n; i++) {
		print_time(configs[i].setup.name, "server", &configs[i].known[SERVER]);
		print_time(configs[i].setup.name, "client", &configs[i].known[CLIENT]);
		print_time(configs[i].setup.name, "client, new peer", &configs[i].new_peer[CLIENT]);
	}
	if (!HEAP_COUNTED)
		return;
	printf("\n%-12s %-18s %10s %10s %8s %10s %10s\n", "peak bytes", "side", "ours", "libssl",
	       "ratio", "our mallocs", "libssl's");
	for (size_t i = 0; i < n; i++) {
		print_memory(configs[i].setup.name, "server", &configs[i].known[SERVER]);
		print_memory(configs[i].setup.name, "client", &configs[i].known[CLIENT]);
		print_memory(configs[i].setup.name, "client, new peer",
			     &configs[i].new_peer[CLIENT]);
	}
	printf("ours: the context (%zu) and the heap's peak. Not counted on either side: the "
	       "queues\nin place of sockets, which are our output buffer too.\n",
	       sizeof(struct ktls_engine));
}

int main(void)
{
	require(crypto_init() == 0 && x509_init() == 0, "no cryptography");
	ours_ops = ktls_engine_default_ops;
	ours_ops.choose = ours_choose;
	ours_ops.sign = ours_sign;
	ours_ops.verify_chain = ours_verify_chain;
	ours_ops.verify_signature = ours_verify_signature;
	queue_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "queue");
	BIO_meth_set_write(queue_method, queue_write);
	BIO_meth_set_read(queue_method, queue_read);
	BIO_meth_set_ctrl(queue_method, queue_ctrl);
	setup_init(&configs[0].setup, "ecdsa-p256", CERT_P256);
	setup_init(&configs[1].setup, "rsa-2048", CERT_RSA2048);
	check_verification(&configs[0].setup, &configs[1].setup);
	measure_clock();
	for (size_t i = 0; i < 2; i++) {
		run_rounds(&configs[i].setup, false, configs[i].known);
		run_rounds(&configs[i].setup, true, configs[i].new_peer);
	}
	print_all();
	for (size_t i = 0; i < 2; i++)
		setup_free(&configs[i].setup);
	BIO_meth_free(queue_method);
	return 0;
}
