/* SPDX-License-Identifier: MIT */
/*
 * Whole handshakes in memory, both ends in this process, ours and libssl's in turns: microseconds
 * of CPU time and bytes of memory for either side, and our share of libssl's beside what is aimed
 * at. X25519 (P-256 is offered, for the certificates of TLS 1.2), AES-128-GCM with SHA-256, chains
 * of leaf and intermediate; who gets a chain verifies it, a client also the host name.
 *
 * No sockets: two queues. A connection's objects are made and freed within the time; contexts, keys
 * and trust stores are not.
 *
 * We keep the parsed certificates of chains that were good, and libssl has no such memory: so what
 * a peer costs depends on what of it was seen before.
 */
#include <openssl/ssl.h>

#include "tests/bench/libssl.h"
#include "tests/bench/ours.h"

#define ROUNDS  400
#define WARM_UP 20

#define RSA     CERT_RSA2048
#define P256    CERT_P256

static const struct scenario scenarios[] = {
	{ "1.3 ECDSA", KTLS_TLS_1_3, P256, .aim = { 0.51, 0.5 } },
	{ "1.3 ECDSA, new leaf", KTLS_TLS_1_3, P256, .memory = NEW_LEAF, .aim = { 0, 0.65 } },
	{ "1.3 ECDSA, new chain", KTLS_TLS_1_3, P256, .memory = NEW_CHAIN, .aim = { 0, NO_AIM } },
	{ "1.3 ECDSA, 2 tickets", KTLS_TLS_1_3, P256, .tickets = 2, .aim = { 0.51, 0 } },
	{ "1.3 ECDSA, mutual", KTLS_TLS_1_3, P256, .mutual = true, .aim = { 0.5, 0.5 } },
	{ "1.3 ECDSA, mutual, new leaf", KTLS_TLS_1_3, P256, .mutual = true, .memory = NEW_LEAF,
	  .aim = { 0.65, 0.65 } },
	{ "1.3 PSK", KTLS_TLS_1_3, P256, .resumed = true, .aim = { 0.5, 0.5 } },
	{ "1.3 PSK, 1 ticket", KTLS_TLS_1_3, P256, .resumed = true, .tickets = 1,
	  .aim = { 0.5, 0 } },
	{ "1.3 RSA", KTLS_TLS_1_3, RSA, .aim = { 0.8, 0.5 } },
	{ "1.3 RSA, new leaf", KTLS_TLS_1_3, RSA, .memory = NEW_LEAF, .aim = { 0, 0.65 } },
	{ "1.3 RSA, new chain", KTLS_TLS_1_3, RSA, .memory = NEW_CHAIN, .aim = { 0, NO_AIM } },
	{ "1.2 ECDSA", KTLS_TLS_1_2, P256, .aim = { 0.63, 0.5 } },
	{ "1.2 ECDSA, new leaf", KTLS_TLS_1_2, P256, .memory = NEW_LEAF, .aim = { 0, 0.65 } },
	{ "1.2 ECDSA, mutual", KTLS_TLS_1_2, P256, .mutual = true, .aim = { 0.5, 0.5 } },
	{ "1.2 ECDSA, mutual, new leaf", KTLS_TLS_1_2, P256, .mutual = true, .memory = NEW_LEAF,
	  .aim = { 0.65, 0.65 } },
	{ "1.2 ECDSA, 1 ticket", KTLS_TLS_1_2, P256, .tickets = 1, .aim = { 0.63, 0 } },
	{ "1.2 resumed", KTLS_TLS_1_2, P256, .resumed = true, .aim = { NO_AIM, NO_AIM } },
	/* The signature, libcrypto's on both sides, is most of it: see the row of TLS 1.3. */
	{ "1.2 RSA", KTLS_TLS_1_2, RSA, .aim = { NO_AIM, 0.5 } },
	{ "1.2 RSA, new leaf", KTLS_TLS_1_2, RSA, .memory = NEW_LEAF, .aim = { 0, 0.65 } },
};

#define SCENARIOS (sizeof(scenarios) / sizeof(scenarios[0]))

static const char *wanted; /* rows whose names hold this; an argument */

static struct row {
	double ours[ROUNDS], theirs[ROUNDS]; /* microseconds */
	struct heap_account our_heap, their_heap;
} rows[SCENARIOS][SIDES];

/* ---- a benchmark of sides that verify nothing would look good -------------------------------- */

/* side believes in another root than the one that issued its peer's certificates. */
static void check_ours(const struct scenario *s, const struct setup *setup, enum side side)
{
	static struct ours o[SIDES];
	struct x509_trust *other = new_trust(&setup->of[side]);

	for (enum side i = SERVER; i < SIDES; i++)
		ours_init(&o[i], s, setup, i, 0);
	o[side].trust = other;
	for (int step = 0; step < 4; step++)
		ours_step(&o[(step + 1) % 2]);
	require(ktls_engine_facts(&o[side].engine)->reason == KTLS_R_CERTIFICATE_UNKNOWN_CA,
		"we take any certificate");
	for (enum side i = SERVER; i < SIDES; i++) {
		ktls_engine_wipe(&o[i].engine);
		x509_peer_free(o[i].peer);
		queues[i].len = 0;
	}
	x509_trust_free(other);
}

static void check_theirs(const struct scenario *s, const struct setup *setup, enum side side)
{
	struct setup wrong = *setup;
	SSL_CTX *ctx[SIDES];
	SSL *ssl[SIDES];

	wrong.of[1 - side] = setup->of[side];
	for (enum side i = SERVER; i < SIDES; i++) {
		ctx[i] = libssl_context(s, i == side ? &wrong : setup, i);
		ssl[i] = libssl_init(ctx[i], i);
	}
	for (int step = 0; step < 4; step++)
		SSL_do_handshake(ssl[(step + 1) % 2]);
	require(SSL_get_verify_result(ssl[side]) != X509_V_OK, "libssl takes any certificate");
	for (enum side i = SERVER; i < SIDES; i++) {
		SSL_free(ssl[i]);
		SSL_CTX_free(ctx[i]);
		queues[i].len = 0;
	}
}

static void check_verification(const struct scenario *s, const struct setup *setup)
{
	for (enum side side = s->mutual ? SERVER : CLIENT; side < SIDES; side++) {
		check_ours(s, setup, side);
		check_theirs(s, setup, side);
	}
}

/* ---- rounds --------------------------------------------------------------------------------- */

static void run_round(const struct scenario *s, const struct setup *setup,
		      SSL_CTX *const ctx[SIDES], int number, struct cost ours[SIDES],
		      struct cost theirs[SIDES])
{
	const size_t leaf = s->memory == NEW_LEAF ? (size_t)number % LEAVES : 0;
	const bool ours_first = number % 2;

	memset(ours, 0, SIDES * sizeof(*ours));
	memset(theirs, 0, SIDES * sizeof(*theirs));
	if (!ours_first)
		libssl_handshake(s, setup, ctx, leaf, theirs);
	ours_handshake(s, setup, leaf, ours);
	if (ours_first)
		libssl_handshake(s, setup, ctx, leaf, theirs);
}

static void run_rounds(const struct scenario *s, const struct setup *setup, struct row row[SIDES])
{
	struct cost ours[SIDES], theirs[SIDES];
	SSL_CTX *ctx[SIDES] = { libssl_context(s, setup, SERVER),
				libssl_context(s, setup, CLIENT) };

	if (s->resumed) {
		ours_make_session(s, setup);
		libssl_make_session(s, ctx);
	}
	for (int i = 0; i < WARM_UP + ROUNDS; i++) {
		run_round(s, setup, ctx, i, ours, theirs);
		for (enum side side = SERVER; i >= WARM_UP && side < SIDES; side++) {
			row[side].ours[i - WARM_UP] = ours[side].cpu;
			row[side].theirs[i - WARM_UP] = theirs[side].cpu;
		}
	}
	counting = true;
	run_round(s, setup, ctx, WARM_UP + ROUNDS, ours, theirs);
	counting = false;
	for (enum side side = SERVER; side < SIDES; side++) {
		row[side].our_heap = ours[side].heap;
		row[side].their_heap = theirs[side].heap;
		SSL_CTX_free(ctx[side]);
	}
	SSL_SESSION_free(libssl_session);
	libssl_session = NULL;
}

/* ---- the tables ----------------------------------------------------------------------------- */

static const char *const side_names[] = { "server", "client" };

static void print_time(const struct scenario *s, enum side side, const struct row *row)
{
	double ours[ROUNDS], theirs[ROUNDS], ratio[ROUNDS], share;

	for (size_t i = 0; i < ROUNDS; i++) {
		ours[i] = row->ours[i];
		theirs[i] = row->theirs[i];
		ratio[i] = ours[i] / theirs[i];
	}
	share = bench_median(ratio, ROUNDS);
	printf("%-28s %-7s %8.1f %8.1f %7.3f", s->name, side_names[side],
	       bench_median(ours, ROUNDS), bench_median(theirs, ROUNDS), share);
	if (s->aim[side] > 0)
		printf(" %5.2f  %s", s->aim[side], share <= s->aim[side] ? "met" : "MISSED");
	printf("\n");
}

static void print_memory(const struct scenario *s, enum side side, const struct row *row)
{
	const long ours = (long)sizeof(struct ktls_engine) + row->our_heap.peak;
	const long theirs = row->their_heap.peak;

	printf("%-28s %-7s %8ld %8ld %7.2f %7ld %7ld\n", s->name, side_names[side], ours, theirs,
	       (double)ours / (double)theirs, row->our_heap.calls, row->their_heap.calls);
}

static void print_rows(void (*print)(const struct scenario *, enum side, const struct row *))
{
	for (size_t i = 0; i < SCENARIOS; i++) {
		for (enum side side = SERVER; side < SIDES; side++) {
			if (scenarios[i].aim[side] != 0 && strstr(scenarios[i].name, wanted))
				print(&scenarios[i], side, &rows[i][side]);
		}
	}
}

static void print_all(void)
{
	printf("%-28s %-7s %8s %8s %7s %5s\n", "CPU us", "side", "ours", "libssl", "share", "aim");
	print_rows(print_time);
	if (!HEAP_COUNTED)
		return;
	printf("\n%-28s %-7s %8s %8s %7s %7s %7s\n", "peak bytes", "side", "ours", "libssl",
	       "share", "mallocs", "libssl's");
	print_rows(print_memory);
	printf("ours: the context (%zu) and the heap's peak. Not counted on either side: the "
	       "queues\nin place of sockets, which are our output buffer too.\n",
	       sizeof(struct ktls_engine));
}

int main(int argc, char **argv)
{
	static struct setup setups[2];

	require(crypto_init() == 0 && x509_init() == 0, "no cryptography");
	ours_setup();
	libssl_setup();
	setup_init(&setups[0], P256);
	setup_init(&setups[1], RSA);
	measure_clock();
	wanted = argc > 1 ? argv[1] : "";
	for (size_t i = 0; i < SCENARIOS; i++) {
		const struct scenario *s = &scenarios[i];
		const struct setup *setup = &setups[s->type == RSA];

		if (!strstr(s->name, wanted))
			continue;
		if (!s->resumed)
			check_verification(s, setup);
		run_rounds(s, setup, rows[i]);
	}
	print_all();
	for (size_t i = 0; i < 2; i++)
		setup_free(&setups[i]);
	BIO_meth_free(queue_method);
	return 0;
}
