/* SPDX-License-Identifier: MIT */
#include "tests/bench/ktls-bench/options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ktls-tls.h>

enum option_code {
	OPTION_MODES = 'm',
	OPTION_PATTERNS = 'p',
	OPTION_DIRECTIONS = 'd',
	OPTION_CONNECTIONS = 'c',
	OPTION_THREADS = 't',
	OPTION_ROUNDS = 'r',
	OPTION_DURATION = 'D',
	OPTION_QUIET = 'q',
	OPTION_HELP = 'h',
	OPTION_FIRST = 256,
	OPTION_WARMUP = OPTION_FIRST,
	OPTION_BYTES,
	OPTION_COUNT,
	OPTION_SIZE,
	OPTION_FILE_SIZE,
	OPTION_OBJECT_SIZE,
	OPTION_WRITE_SIZE,
	OPTION_RECORD_SIZE,
	OPTION_TLS,
	OPTION_SUITE,
	OPTION_KEY_TYPE,
	OPTION_CERT,
	OPTION_KEY,
	OPTION_TRUST,
	OPTION_NAME,
	OPTION_SOCKET,
	OPTION_PROFILE,
	OPTION_ADDRESS,
	OPTION_PORT,
	OPTION_DATA_PORT,
	OPTION_KEY_FILE,
	OPTION_NETNS,
	OPTION_PIN,
	OPTION_SERVE_PIN,
	OPTION_ONCE,
	OPTION_SWITCH,
	OPTION_NO_VERIFY,
	OPTION_VERIFY,
	OPTION_JSON,
	OPTION_HTML,
	OPTION_TITLE,
	OPTION_BASE,
};

#define WITH required_argument
#define BARE no_argument

static const struct option known[] = {
	{ "modes", WITH, NULL, OPTION_MODES },
	{ "patterns", WITH, NULL, OPTION_PATTERNS },
	{ "direction", WITH, NULL, OPTION_DIRECTIONS },
	{ "connections", WITH, NULL, OPTION_CONNECTIONS },
	{ "threads", WITH, NULL, OPTION_THREADS },
	{ "rounds", WITH, NULL, OPTION_ROUNDS },
	{ "duration", WITH, NULL, OPTION_DURATION },
	{ "quiet", BARE, NULL, OPTION_QUIET },
	{ "help", BARE, NULL, OPTION_HELP },
	{ "warmup", WITH, NULL, OPTION_WARMUP },
	{ "bytes", WITH, NULL, OPTION_BYTES },
	{ "count", WITH, NULL, OPTION_COUNT },
	{ "size", WITH, NULL, OPTION_SIZE },
	{ "file-size", WITH, NULL, OPTION_FILE_SIZE },
	{ "object-size", WITH, NULL, OPTION_OBJECT_SIZE },
	{ "write-size", WITH, NULL, OPTION_WRITE_SIZE },
	{ "record-size", WITH, NULL, OPTION_RECORD_SIZE },
	{ "tls", WITH, NULL, OPTION_TLS },
	{ "suite", WITH, NULL, OPTION_SUITE },
	{ "key-type", WITH, NULL, OPTION_KEY_TYPE },
	{ "cert", WITH, NULL, OPTION_CERT },
	{ "key", WITH, NULL, OPTION_KEY },
	{ "trust", WITH, NULL, OPTION_TRUST },
	{ "name", WITH, NULL, OPTION_NAME },
	{ "socket", WITH, NULL, OPTION_SOCKET },
	{ "profile", WITH, NULL, OPTION_PROFILE },
	{ "address", WITH, NULL, OPTION_ADDRESS },
	{ "port", WITH, NULL, OPTION_PORT },
	{ "data-port", WITH, NULL, OPTION_DATA_PORT },
	{ "key-file", WITH, NULL, OPTION_KEY_FILE },
	{ "serve-netns", WITH, NULL, OPTION_NETNS },
	{ "pin", WITH, NULL, OPTION_PIN },
	{ "serve-pin", WITH, NULL, OPTION_SERVE_PIN },
	{ "once", BARE, NULL, OPTION_ONCE },
	{ "switch-offload", BARE, NULL, OPTION_SWITCH },
	{ "no-verify", BARE, NULL, OPTION_NO_VERIFY },
	{ "verify", WITH, NULL, OPTION_VERIFY },
	{ "json", WITH, NULL, OPTION_JSON },
	{ "html", WITH, NULL, OPTION_HTML },
	{ "title", WITH, NULL, OPTION_TITLE },
	{ "base", WITH, NULL, OPTION_BASE },
	{ NULL, 0, NULL, 0 },
};

/* ---- values -----------------------------------------------------------------------------------
 */

bool options_size(const char *text, uint64_t *out)
{
	static const char units[] = "KMG";
	unsigned long long value;
	const char *unit;
	char *end;
	unsigned int shift = 0;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (*end != '\0') {
		unit = strchr(units, toupper((unsigned char)*end));
		if (!unit || end[1] != '\0')
			return false;
		shift = 10 * (unsigned int)(unit - units + 1);
	}
	if (errno != 0 || value > UINT64_MAX >> shift)
		return false;
	*out = value << shift;
	return true;
}

static bool size32(const char *text, uint32_t *out)
{
	uint64_t value;

	if (!options_size(text, &value) || value > UINT32_MAX)
		return false;
	*out = (uint32_t)value;
	return true;
}

/* "1K,64K": each once. */
static bool sizes(const char *list, struct options *o)
{
	char word[24];

	for (o->sizes_len = 0; o->sizes_len < OPTIONS_SIZES; list++) {
		uint64_t *size = &o->sizes[o->sizes_len++];
		const size_t len = strcspn(list, ",");

		if (len >= sizeof(word))
			return false;
		memcpy(word, list, len);
		word[len] = '\0';
		if (!options_size(word, size) || *size == 0 || *size > PLAN_OBJECT)
			return false;
		for (unsigned int i = 0; i + 1 < o->sizes_len; i++)
			if (o->sizes[i] == *size)
				return false;
		list += len;
		if (*list == '\0')
			return true;
	}
	return false;
}

static bool port16(const char *text, uint16_t *out)
{
	uint64_t value;

	if (!options_size(text, &value) || value > UINT16_MAX)
		return false;
	*out = (uint16_t)value;
	return true;
}

/* "2" or "0.5" seconds. */
static bool milliseconds(const char *text, uint32_t *out)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end != '\0' || !(value >= 0 && value * 1000 <= PLAN_ROUND_MS))
		return false;
	*out = (uint32_t)lround(value * 1000);
	return true;
}

/* A list of names with commas as bits; "all". */
static bool names(const char *list, const char *(*name_of)(unsigned int), unsigned int n,
		  unsigned int *out)
{
	unsigned int bits = 0, i;

	if (strcmp(list, "all") == 0) {
		*out = (1U << n) - 1;
		return true;
	}
	for (;;) {
		const size_t len = strcspn(list, ",");

		for (i = 0; i < n; i++)
			if (strlen(name_of(i)) == len && strncmp(name_of(i), list, len) == 0)
				break;
		if (i == n)
			return false;
		bits |= 1U << i;
		if (list[len] == '\0')
			break;
		list += len + 1;
	}
	*out = bits;
	return true;
}

static const char *mode_of(unsigned int i)
{
	return mode_name((enum mode)i);
}

static const char *pattern_of(unsigned int i)
{
	return pattern_name((enum pattern)i);
}

static const char *direction_of(unsigned int i)
{
	return direction_name((enum result_direction)i);
}

static bool version(const char *text, uint16_t *out)
{
	if (strcmp(text, "1.2") != 0 && strcmp(text, "1.3") != 0)
		return false;
	*out = text[2] == '2' ? KTLS_TLS_1_2 : KTLS_TLS_1_3;
	return true;
}

static bool one_of(const char *text, const char *a, const char *b, bool *is_b)
{
	*is_b = strcmp(text, b) == 0;
	return *is_b || strcmp(text, a) == 0;
}

static bool pin(const char *text, struct cpu_list *list, const char **kept)
{
	*kept = text;
	return cpu_list_parse(text, list);
}

/* ---- options ----------------------------------------------------------------------------------
 */

static bool set_number(struct options *o, int option, const char *value)
{
	switch (option) {
	case OPTION_CONNECTIONS:
		return size32(value, &o->connections);
	case OPTION_THREADS:
		return size32(value, &o->threads);
	case OPTION_ROUNDS:
		return size32(value, &o->rounds) && o->rounds >= 1 &&
		       o->rounds <= RESULT_ROUNDS_MAX;
	case OPTION_DURATION:
		return milliseconds(value, &o->duration_ms);
	case OPTION_WARMUP:
		return milliseconds(value, &o->warmup_ms);
	case OPTION_BYTES:
		return options_size(value, &o->bytes);
	case OPTION_COUNT:
		return size32(value, &o->count) && o->count >= 1;
	case OPTION_SIZE:
		return sizes(value, o);
	case OPTION_FILE_SIZE:
		return options_size(value, &o->file_bytes);
	case OPTION_OBJECT_SIZE:
		return options_size(value, &o->object_bytes);
	case OPTION_WRITE_SIZE:
		return size32(value, &o->write_bytes);
	case OPTION_RECORD_SIZE:
		return size32(value, &o->record_bytes);
	case OPTION_DATA_PORT:
		return port16(value, &o->data_port);
	default:
		return false;
	}
}

static bool set_choice(struct options *o, int option, const char *value)
{
	switch (option) {
	case OPTION_MODES:
		return names(value, mode_of, MODES, &o->modes);
	case OPTION_PATTERNS:
		return names(value, pattern_of, PATTERNS, &o->patterns);
	case OPTION_DIRECTIONS:
		return names(value, direction_of, RESULT_DIRECTIONS, &o->directions);
	case OPTION_TLS:
		return version(value, &o->version);
	case OPTION_SUITE:
		return options_suite_known(value, &o->suite);
	case OPTION_KEY_TYPE:
		return one_of(value, "ecdsa", "rsa", &o->rsa);
	case OPTION_PIN:
		return pin(value, &o->pin, &o->pin_text);
	case OPTION_SERVE_PIN:
		return pin(value, &o->serve_pin, &o->serve_pin_text);
	case OPTION_SWITCH:
		return o->switch_offload = true;
	case OPTION_ONCE:
		return o->once = true;
	case OPTION_QUIET:
		return o->quiet = true;
	case OPTION_NO_VERIFY:
		o->verify = o->verify_rounds = false;
		return true;
	case OPTION_VERIFY:
		o->verify = true;
		return one_of(value, "first", "all", &o->verify_rounds);
	default:
		return set_number(o, option, value);
	}
}

static const char **text_of(struct options *o, int option)
{
	switch (option) {
	case OPTION_CERT:
		return &o->cert;
	case OPTION_KEY:
		return &o->key;
	case OPTION_TRUST:
		return &o->trust;
	case OPTION_NAME:
		return &o->name;
	case OPTION_SOCKET:
		return &o->socket;
	case OPTION_PROFILE:
		return &o->profile;
	case OPTION_ADDRESS:
		return &o->address;
	case OPTION_PORT:
		return &o->port;
	case OPTION_KEY_FILE:
		return &o->key_file;
	case OPTION_NETNS:
		return &o->netns;
	case OPTION_JSON:
		return &o->json;
	case OPTION_HTML:
		return &o->html;
	case OPTION_TITLE:
		return &o->title;
	case OPTION_BASE:
		return &o->base;
	default:
		return NULL;
	}
}

static bool set(struct options *o, int option, const char *value)
{
	const char **text = text_of(o, option);

	if (!text)
		return set_choice(o, option, value);
	*text = value;
	return true;
}

static const char *name_of_option(int option)
{
	for (size_t i = 0; known[i].name; i++)
		if (known[i].val == option)
			return known[i].name;
	return "";
}

/* ---- the whole --------------------------------------------------------------------------------
 */

static const char *const commands[] = {
	[COMMAND_RUN] = "run",
	[COMMAND_SERVE] = "serve",
	[COMMAND_SHOW] = "show",
	[COMMAND_COMPARE] = "compare",
};

static bool command(const char *word, enum command *out)
{
	for (size_t i = 0; word && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(word, commands[i]) == 0) {
			*out = (enum command)i;
			return true;
		}
	return false;
}

/* What stands behind the options. */
static bool operands(struct options *o, int n, char **words, char *text)
{
	static const int most[] = {
		[COMMAND_RUN] = 1, [COMMAND_SERVE] = 0, [COMMAND_SHOW] = 1, [COMMAND_COMPARE] = 2
	};

	if (n > most[o->command] || (o->command >= COMMAND_SHOW && n < most[o->command])) {
		result_text(text, RESULT_LINE, "%s: %d operands", commands[o->command],
			    most[o->command]);
		return false;
	}
	if (o->command == COMMAND_RUN)
		o->host = n > 0 ? words[0] : NULL;
	for (int i = 0; i < n; i++)
		o->files[i] = words[i];
	return true;
}

static bool fits(const struct options *o, char *text)
{
	const char *wrong = NULL;

	if ((o->cert == NULL) != (o->key == NULL))
		wrong = "--cert and --key belong together";
	else if (o->host && !o->key_file)
		wrong = "another machine: --key-file names the key that both have";
	else if (o->command == COMMAND_SERVE && !o->key_file)
		wrong = "serve: --key-file names the key that both have; it is made where there is "
			"none";
	else if (o->host && (o->netns || o->address))
		wrong = "--address and --serve-netns are for both ends on one machine";
	else if (o->bytes == 0 && o->duration_ms == 0)
		wrong = "a round needs a --duration or --bytes";
	else if (o->socket && (o->suite || o->version))
		wrong = "with --socket, ktlsd's profile chooses --tls and --suite";
	if (wrong)
		result_text(text, RESULT_LINE, "%s", wrong);
	return !wrong;
}

static void set_defaults(struct options *o)
{
	*o = (struct options){
		.modes = (1U << MODES) - 1,
		.patterns = 1U << PATTERN_SENDFILE,
		.directions = 1U << RESULT_TO_CLIENT,
		.file_bytes = 16 << 20,
		.object_bytes = 1024,
		.connections = 1,
		.threads = 1,
		.duration_ms = 1000,
		.warmup_ms = 100,
		.rounds = 5,
		.count = 100,
		.verify = true,
		.port = NET_PORT,
	};
}

bool options_parse(int argc, char **argv, struct options *out, char *text)
{
	int option;

	text[0] = '\0';
	set_defaults(out);
	if (!command(argc > 1 ? argv[1] : NULL, &out->command)) {
		if (argc > 1 && strcmp(argv[1], "--help") != 0 && strcmp(argv[1], "-h") != 0)
			result_text(text, RESULT_LINE, "no command %s: run, serve, show, compare",
				    argv[1]);
		return false;
	}
	optind = 2;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "m:p:d:c:t:r:D:qh", known, NULL)) != -1) {
		if (option == OPTION_HELP)
			return false;
		if (option == '?') {
			result_text(text, RESULT_LINE, "%s: no such option, or no value",
				    argv[optind - 1]);
			return false;
		}
		if (!set(out, option, optarg)) {
			result_text(text, RESULT_LINE, "--%s %s: makes no sense",
				    name_of_option(option), optarg);
			return false;
		}
	}
	return operands(out, argc - optind, argv + optind, text) && fits(out, text);
}
