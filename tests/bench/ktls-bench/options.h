/* SPDX-License-Identifier: MIT */
/* The command line of ktls-bench. */
#ifndef KTLS_BENCH_OPTIONS_H
#define KTLS_BENCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/bench/ktls-bench/cpus.h"
#include "tests/bench/ktls-bench/net.h"
#include "tests/bench/ktls-bench/plan.h"

#define OPTIONS_SIZES 16

enum command { COMMAND_RUN, COMMAND_SERVE, COMMAND_SHOW, COMMAND_COMPARE };

struct options {
	enum command command;
	const char *host;     /* run: the serving end; NULL: this machine does both */
	const char *files[2]; /* show, compare */

	/* What is done: bits, by number. */
	unsigned int modes, patterns, directions;
	uint64_t file_bytes, object_bytes;
	uint32_t write_bytes, record_bytes;
	uint64_t sizes[OPTIONS_SIZES]; /* one after the other, instead of the three above */
	unsigned int sizes_len;        /* 0: those */
	uint32_t connections, threads;
	uint32_t duration_ms, warmup_ms, rounds;
	uint64_t bytes;    /* a connection's in a round; 0: the duration counts */
	uint32_t count;    /* requests and connections instead, where bytes is set */
	uint16_t version;  /* 0: TLS 1.2 where a device could have it, else 1.3 */
	const char *suite; /* NULL: AES-128-GCM; "aes256", "chacha20" */
	bool rsa, switch_offload;
	bool verify;        /* what arrives, before the rounds */
	bool verify_rounds; /* and in them, which disturbs them */

	/* With what. */
	const char *cert, *key, *trust, *name; /* files of PEM; NULL: made now */
	const char *socket, *profile;          /* ktlsd's; NULL: handshakes in this process */
	const char *address, *port, *netns;
	uint16_t data_port;
	const char *key_file;
	struct cpu_list pin, serve_pin;
	const char *pin_text, *serve_pin_text;
	bool once;

	/* What comes out. */
	const char *json, *html, *title, *base;
	bool quiet;
};

/* True, or false with a message in text (RESULT_LINE bytes); "" where help was wanted. */
bool options_parse(int argc, char **argv, struct options *out, char *text);

void options_help(void);

/* "64K", "1M", "2G": bytes. */
bool options_size(const char *text, uint64_t *out) __attribute__((warn_unused_result));

/* "aes128", "aes256", "chacha20": *out stays as it is for another word. */
bool options_suite_known(const char *text, const char **out) __attribute__((warn_unused_result));

/* The suite of a version, for a server with that kind of key; 0: no such. */
uint16_t options_suite(const struct options *o, uint16_t version, bool rsa);

#endif
