/* SPDX-License-Identifier: MIT */
/* The command line of "ktlsctl explain". */
#include <err.h>
#include <getopt.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/explain.h"

#include "lib/handshake/suite.h"

static const char usage[] =
	"usage: ktlsctl explain [OPTION...] HOST[:PORT]\n"
	"       ktlsctl explain [OPTION...] --listen [ADDRESS:]PORT\n"
	"\n"
	"Performs a TLS handshake and shows it step by step: as a client of any server, or as a\n"
	"server for a client that comes, a browser say.\n"
	"\n"
	"      --tls RANGE           1.2, 1.3 or 1.2-1.3 (default)\n"
	"      --suites LIST         cipher suites, best first: names with commas; 'help' lists "
	"them\n"
	"      --groups LIST         key exchange groups, likewise\n"
	"      --alpn LIST           application protocols: h2,http/1.1\n"
	"  -n, --name NAME           asked for and verified instead of HOST; '' for none\n"
	"      --ca FILE             trusted certificates, instead of the system's\n"
	"  -k, --insecure            shows a bad certificate and goes on\n"
	"      --cert FILE           our certificate with its chain, PEM, and\n"
	"      --key FILE            its key; a server without gets a temporary one\n"
	"      --client-auth HOW     server: 'request' or 'require' a client certificate\n"
	"  -4, -6                    IPv4 or IPv6 only\n"
	"  -t, --timeout SECONDS     for one handshake (default 10)\n"
	"  -c, --count N             handshakes (default 1); server: 0 is without end\n"
	"      --resume              client: resumes the session of the handshake before (count "
	"2)\n"
	"      --grease              client: sends values that nobody knows (RFC 8701)\n"
	"      --keylog FILE         adds the secrets of the connection, for Wireshark\n"
	"      --svg FILE            draws the sequence diagram, of the last handshake\n"
	"      --json                prints JSON\n"
	"      --color WHEN          auto, always, never\n"
	"\n"
	"Exit status: 0 complete, 1 failed, 2 wrong usage or trouble here.  ktlsctl(8)\n";

enum {
	OPT_LISTEN = 0x100,
	OPT_TLS,
	OPT_SUITES,
	OPT_GROUPS,
	OPT_ALPN,
	OPT_CA,
	OPT_CERT,
	OPT_KEY,
	OPT_CLIENT_AUTH,
	OPT_RESUME,
	OPT_GREASE,
	OPT_KEYLOG,
	OPT_SVG,
	OPT_JSON,
	OPT_COLOR,
	OPT_HELP,
};

static const struct option long_options[] = {
	{ "listen", required_argument, NULL, OPT_LISTEN },
	{ "tls", required_argument, NULL, OPT_TLS },
	{ "suites", required_argument, NULL, OPT_SUITES },
	{ "groups", required_argument, NULL, OPT_GROUPS },
	{ "alpn", required_argument, NULL, OPT_ALPN },
	{ "name", required_argument, NULL, 'n' },
	{ "ca", required_argument, NULL, OPT_CA },
	{ "insecure", no_argument, NULL, 'k' },
	{ "cert", required_argument, NULL, OPT_CERT },
	{ "key", required_argument, NULL, OPT_KEY },
	{ "client-auth", required_argument, NULL, OPT_CLIENT_AUTH },
	{ "timeout", required_argument, NULL, 't' },
	{ "count", required_argument, NULL, 'c' },
	{ "resume", no_argument, NULL, OPT_RESUME },
	{ "grease", no_argument, NULL, OPT_GREASE },
	{ "keylog", required_argument, NULL, OPT_KEYLOG },
	{ "svg", required_argument, NULL, OPT_SVG },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "color", required_argument, NULL, OPT_COLOR },
	{ "help", no_argument, NULL, OPT_HELP },
	{ 0 },
};

/* What is being read, besides the options proper. */
struct parse {
	struct explain_options *o;
	const char *listen;
	const char *color;
};

/* ---- values ---------------------------------------------------------------------------------- */

static void take_versions(struct explain_options *o, const char *value)
{
	static const struct {
		const char *text;
		uint16_t min, max;
	} ranges[] = {
		{ "1.2", KTLS_TLS_1_2, KTLS_TLS_1_2 },
		{ "1.3", KTLS_TLS_1_3, KTLS_TLS_1_3 },
		{ "1.2-1.3", KTLS_TLS_1_2, KTLS_TLS_1_3 },
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		if (strcmp(value, ranges[i].text) != 0)
			continue;
		o->version_min = ranges[i].min;
		o->version_max = ranges[i].max;
		return;
	}
	errx(2, "--tls: %s is none of 1.2, 1.3 and 1.2-1.3", value);
}

static void list_names(enum names table, const uint16_t *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		puts(name_find(table, all[i]));
	exit(0);
}

/* The number of one of our names. */
static uint16_t number_of(enum names table, const uint16_t *all, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(name, name_find(table, all[i])) == 0)
			return all[i];
	errx(2, "%s is unknown here; 'help' instead of the list shows all", name);
}

static size_t take_list(const char *value, enum names table, const uint16_t *all, size_t n,
			uint16_t *out)
{
	char *copy = strdup(value), *rest = copy, *name;
	size_t len = 0;

	if (strcmp(value, "help") == 0)
		list_names(table, all, n);
	if (!copy)
		err(2, NULL);
	while ((name = strsep(&rest, ",")) != NULL) {
		if (len == n)
			errx(2, "%s: more than there are", value);
		out[len++] = number_of(table, all, n, name);
	}
	free(copy);
	return len;
}

/* Those with RSA key exchange are used only if somebody asks for them. */
static void take_suites(struct explain_options *o, const char *value)
{
	uint16_t all[SUITES_MAX] = { 0 };

	memcpy(all, suites_all, sizeof(suites_all));
	all[SUITES_ALL] = KTLS_RSA_AES_128_GCM_SHA256;
	all[SUITES_ALL + 1] = KTLS_RSA_AES_256_GCM_SHA384;
	o->suites_len = take_list(value, NAMES_SUITE, all, SUITES_MAX, o->suites);
}

/* As RFC 7301, 3.1 writes them. */
static void take_alpn(struct explain_options *o, const char *value)
{
	o->alpn_len = 0;
	for (;;) {
		size_t len = strcspn(value, ",");

		if (len == 0 || len > 255 || o->alpn_len + 1 + len > sizeof(o->alpn))
			errx(2, "--alpn: names with commas between them, 255 bytes in all");
		o->alpn[o->alpn_len++] = (uint8_t)len;
		memcpy(o->alpn + o->alpn_len, value, len);
		o->alpn_len += len;
		if (value[len] == '\0')
			return;
		value += len + 1;
	}
}

static unsigned long take_number(const char *option, const char *value, unsigned long max)
{
	char *end;
	unsigned long n = strtoul(value, &end, 10);

	if (*value < '0' || *value > '9' || *end != '\0' || n > max)
		errx(2, "%s: %s is no number up to %lu", option, value, max);
	return n;
}

static void take_client_auth(struct explain_options *o, const char *value)
{
	if (strcmp(value, "request") == 0)
		o->client_auth = KTLS_ENGINE_REQUEST_CLIENT_AUTH;
	else if (strcmp(value, "require") == 0)
		o->client_auth = KTLS_ENGINE_REQUIRE_CLIENT_AUTH;
	else
		errx(2, "--client-auth: %s is neither 'request' nor 'require'", value);
}

/* "example.org:443", "[::1]:443", "::1", "443". */
static void take_address(struct explain_options *o, const char *value, const char *port)
{
	char *copy = o->text, *colon, *bracket;

	if (strlen(value) >= sizeof(o->text))
		errx(2, "%s: too long", value);
	strcpy(copy, value);
	o->target = value;
	o->host = copy;
	o->port = port;
	bracket = copy[0] == '[' ? strchr(copy, ']') : NULL;
	colon = strrchr(copy, ':');
	if (bracket) {
		o->host = copy + 1;
		*bracket = '\0';
		colon = bracket[1] == ':' ? bracket + 1 : NULL;
	} else if (colon && strchr(copy, ':') != colon) {
		colon = NULL; /* an IPv6 address */
	}
	if (!colon)
		return;
	*colon = '\0';
	o->port = colon + 1;
}

static void take_listen(struct explain_options *o, const char *value)
{
	o->role = KTLS_SERVER;
	if (value[strspn(value, "0123456789")] != '\0') {
		take_address(o, value, "443");
		return;
	}
	o->port = value;
	o->host = NULL;
	snprintf(o->text, sizeof(o->text), "port %s", value);
	o->target = o->text;
}

/* ---- options --------------------------------------------------------------------------------- */

static bool take_more(struct parse *p, int c)
{
	struct explain_options *o = p->o;

	switch (c) {
	case OPT_CERT:
		o->cert_file = optarg;
		return true;
	case OPT_KEY:
		o->key_file = optarg;
		return true;
	case OPT_CLIENT_AUTH:
		take_client_auth(o, optarg);
		return true;
	case OPT_SVG:
		o->svg_file = optarg;
		return true;
	case OPT_JSON:
		o->json = true;
		return true;
	case OPT_COLOR:
		p->color = optarg;
		return true;
	case 't':
		o->timeout = (unsigned int)take_number("--timeout", optarg, 3600);
		return true;
	case 'c':
		o->count = take_number("--count", optarg, 1000000);
		return true;
	case '4':
	case '6':
		o->family = c == '4' ? AF_INET : AF_INET6;
		return true;
	default:
		return false;
	}
}

static bool take(struct parse *p, int c)
{
	struct explain_options *o = p->o;

	switch (c) {
	case OPT_LISTEN:
		p->listen = optarg;
		return true;
	case OPT_TLS:
		take_versions(o, optarg);
		return true;
	case OPT_SUITES:
		take_suites(o, optarg);
		return true;
	case OPT_GROUPS:
		o->groups_len = take_list(optarg, NAMES_GROUP, groups_all, GROUPS_MAX, o->groups);
		return true;
	case OPT_ALPN:
		take_alpn(o, optarg);
		return true;
	case OPT_CA:
		o->ca_file = optarg;
		return true;
	case 'n':
		o->name = optarg;
		return true;
	case 'k':
		o->insecure = true;
		return true;
	case OPT_RESUME:
		o->resume = true;
		return true;
	case OPT_GREASE:
		o->grease = true;
		return true;
	case OPT_KEYLOG:
		o->keylog_file = optarg;
		return true;
	default:
		return take_more(p, c);
	}
}

static bool want_color(const char *when)
{
	if (strcmp(when, "always") == 0 || strcmp(when, "never") == 0)
		return when[0] == 'a';
	if (strcmp(when, "auto") != 0)
		errx(2, "--color: %s is none of auto, always and never", when);
	return isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
}

/* What follows from the options together. */
static void conclude(struct parse *p, const char *address)
{
	struct explain_options *o = p->o;

	if ((o->cert_file == NULL) != (o->key_file == NULL))
		errx(2, "--cert and --key go together");
	if (p->listen)
		take_listen(o, p->listen);
	else
		take_address(o, address, "443");
	if (!o->name)
		o->name = o->role == KTLS_CLIENT ? o->host : "";
	if (o->resume && o->count == 1)
		o->count = 2;
	if (o->role == KTLS_CLIENT && o->count == 0)
		errx(2, "--count: a client has to end");
	o->color = !o->json && want_color(p->color);
	setlocale(LC_CTYPE, "");
	o->unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

int explain_options_parse(int argc, char **argv, struct explain_options *out, int *status)
{
	struct parse p = { .o = out, .color = "auto" };
	bool wrong = false;
	int c;

	*out = (struct explain_options){ .role = KTLS_CLIENT,
					 .version_min = KTLS_TLS_1_2,
					 .version_max = KTLS_TLS_1_3,
					 .family = AF_UNSPEC,
					 .timeout = 10,
					 .count = 1 };
	while ((c = getopt_long(argc, argv, "n:kt:c:46h", long_options, NULL)) != -1) {
		if (c == OPT_HELP || c == 'h') {
			fputs(usage, stdout);
			*status = 0;
			return -1;
		}
		wrong = wrong || !take(&p, c);
	}
	if (wrong || argc - optind != (p.listen ? 0 : 1)) {
		fputs(usage, stderr);
		*status = 2;
		return -1;
	}
	conclude(&p, argv[optind]);
	return 0;
}
