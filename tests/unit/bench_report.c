/* SPDX-License-Identifier: MIT */
/* ktls-bench's reports: tables as they are to look, and pages that parsers accept. */
#include <sys/wait.h>

#include "tests/bench/ktls-bench/report.h"
#include "tests/bench/ktls-bench/warnings.h"
#include "tests/harness/harness.h"
#include "tests/unit/bench_run.h"

FIXTURE(report)
{
	struct result_run *run;
	FILE *out;
	char *text;
	size_t len;
};

FIXTURE_SETUP(report)
{
	(void)variant;
	self->run = made_run();
	self->out = open_memstream(&self->text, &self->len);
	ASSERT_NOT_NULL(self->out);
}

FIXTURE_TEARDOWN(report)
{
	(void)variant;
	fclose(self->out);
	free(self->text);
	result_run_free(self->run);
}

#define HAS(words)   (fflush(self->out), strstr(self->text, words) != NULL)
#define LACKS(words) (!HAS(words))

/* ---- tables ---------------------------------------------------------------------------------- */

static const char golden[] =
	"A run that was <never> run & its \"numbers\"\n"
	"2026-01-31T12:00:00Z: 5 rounds of 2 s behind 0.5 s of warming up, two machines\n"
	"server: Linux 6.12.1 #1 SMP, Example CPU at 3 GHz, 8 CPUs, governor performance, eth0 "
	"(nicsim, 100 Gbit/s) with TLS offload tx rx; ktls-bench 0.1.0, libssl 3.0.19\n"
	"client: Linux 6.12.1 #1 SMP, Example CPU at 3 GHz, 8 CPUs, governor performance, eth0 "
	"(nicsim, 100 Gbit/s) with TLS offload tx rx; ktls-bench 0.1.0, libssl 3.0.19\n"
	"\n"
	"sendfile to the client, objects of 1 MiB, 16 connections, 2 threads\n"
	"                          throughput  ratio to    server CPU\n"
	"                          Gbit/s      libssl      s/GiB\n"
	"plain TCP                 38.0 +-1%    2.70 +-1%  0.110 +-1%\n"
	"userspace, own engine     11.0 +-1%   0.794 +-1%  0.520 +-1%\n"
	"userspace, OpenSSL        14.0 +-1%               0.400 +-1%\n"
	"kTLS, software            16.0 +-1%    1.13 +-1%  0.340 +-1%\n"
	"kTLS, hardware            29.0 +-1%    2.08 +-1%  0.160 +-1%\n"
	"kTLS, hardware, zerocopy  36.0 +-1%    2.56 +-1%  0.120 +-1%\n"
	"  kTLS, hardware: server's tx_tls_encrypted_packets (ethtool) 123456, all rounds "
	"together\n"
	"  no room for: ratio to libssl, client CPU s/GiB, server cycles/B, client cycles/B, "
	"records, payload\n"
	"\n"
	"Medians of the rounds; in brackets, where the median lies with 93.75% confidence.\n"
	"Ratios are taken round by round.\n";

TEST_F(report, fits_a_terminal)
{
	for (size_t i = 6; i < self->run->cells_len; i++)
		for (size_t k = 0; k < self->run->cells[i].rounds_len; k++)
			free(self->run->cells[i].rounds[k].counters);
	for (size_t i = 6; i < self->run->cells_len; i++)
		free(self->run->cells[i].rounds);
	self->run->cells_len = 6;
	report_text(self->run, 80, self->out);
	fflush(self->out);
	EXPECT_STREQ(golden, self->text);
}

TEST_F(report, has_every_column_where_width_does_not_matter)
{
	report_text(self->run, 0, self->out);
	EXPECT_TRUE(HAS("38.0 (37.6-38.4)"));
	EXPECT_TRUE(HAS("cycles/B"));
	EXPECT_TRUE(HAS("tx hw, rx sw: feature-off"));
	EXPECT_TRUE(HAS("latency p99"));
	EXPECT_TRUE(HAS("verified"));
	EXPECT_TRUE(
		HAS("  kTLS, hardware: server's tx_tls_encrypted_packets (ethtool) 123456, all"));
	EXPECT_TRUE(LACKS("no room"));
	EXPECT_TRUE(LACKS(" \n"));
	EXPECT_TRUE(LACKS("retransmits"));
	EXPECT_EQ(0, report_width(self->out));
}

TEST_F(report, says_what_is_missing_and_why)
{
	struct result_cell *cell = &self->run->cells[5];

	cell->rounds_len = 0;
	SET(cell->missing, "no device on the route");
	report_text(self->run, 0, self->out);
	EXPECT_TRUE(HAS("kTLS, hardware, zerocopy: no device on the route\n"));
	report_html(self->run, self->out);
	EXPECT_TRUE(HAS("colspan=\"9\">no device on the route</td></tr>"));
}

TEST_F(report, tells_versions_apart_where_a_mode_has_two)
{
	SET(self->run->cells[4].mode, "ktls-sw");
	SET(self->run->cells[3].tls, "TLS 1.3");
	report_text(self->run, 0, self->out);
	EXPECT_TRUE(HAS("kTLS, software, TLS 1.3 ECDHE"));
	EXPECT_TRUE(HAS("kTLS, software, TLS 1.2 ECDHE"));
}

/* Two rounds are their own smallest and largest value: the median lies there every other time. */
TEST_F(report, claims_no_more_than_its_rounds_give)
{
	for (size_t i = 0; i < self->run->cells_len; i++)
		self->run->cells[i].rounds_len = 2;
	report_text(self->run, 0, self->out);
	EXPECT_TRUE(HAS("where the median lies with 50% confidence.\n"));
	self->run->cells[1].rounds_len = 4;
	report_html(self->run, self->out);
	EXPECT_TRUE(HAS("whiskers where the median lies with at least 50% confidence, "));
	EXPECT_TRUE(LACKS("class=\"better\""));
	EXPECT_TRUE(LACKS("class=\"worse\""));
	for (size_t i = 0; i < self->run->cells_len; i++)
		self->run->cells[i].rounds_len = 1;
	report_text(self->run, 0, self->out);
	EXPECT_TRUE(HAS("\nMedians of the rounds.\n"));
	for (size_t i = 0; i < self->run->cells_len; i++)
		self->run->cells[i].rounds_len = 5;
}

TEST_F(report, of_nothing_has_a_head)
{
	struct result_run *none = result_run_new();

	report_text(none, 80, self->out);
	EXPECT_TRUE(HAS("0 rounds"));
	EXPECT_TRUE(LACKS("Medians"));
	result_run_free(none);
}

/* ---- pages ----------------------------------------------------------------------------------- */

/* Whether an XML parser takes the page, and an HTML parser has nothing against it but HTML 5. */
static int parse(const char *page)
{
	FILE *xmllint = popen("xmllint --noout - 2>&1", "w");

	fputs(page, xmllint);
	return pclose(xmllint);
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	while ((text = strstr(text, what)) != NULL) {
		text += strlen(what);
		n++;
	}
	return n;
}

TEST_F(report, is_a_page_that_parsers_accept)
{
	int status;

	SET(self->run->title, "</title><script>&amp;\"'");
	SET(self->run->modes[2].label, "<b> & \"c\"");
	SET(self->run->cells[3].suite, "]]><!--");
	self->run->parameters.one_machine = self->run->parameters.shared_cpu = true;
	warnings_add(self->run);
	report_html(self->run, self->out);
	fflush(self->out);
	status = parse(self->text);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		SKIP(return, "xmllint is not installed");
	EXPECT_EQ(0, status);
	EXPECT_TRUE(HAS("<title>&lt;/title&gt;&lt;script&gt;&amp;amp;&quot;'</title>"));
	EXPECT_EQ(2, count(self->text, "<svg "));
	EXPECT_EQ(count(self->text, "<svg "), count(self->text, "role=\"img\""));
}

TEST_F(report, needs_nothing_from_elsewhere)
{
	report_html(self->run, self->out);
	EXPECT_TRUE(LACKS("<script"));
	EXPECT_TRUE(LACKS("<link"));
	EXPECT_TRUE(LACKS("src="));
	EXPECT_TRUE(LACKS("href="));
	EXPECT_TRUE(LACKS("url("));
	EXPECT_TRUE(LACKS("@import"));
	/* The namespaces of HTML and of SVG are names, not places. */
	EXPECT_EQ(1 + 2, count(self->text, "http"));
}

TEST_F(report, has_all_numbers_of_the_pictures_in_tables)
{
	report_html(self->run, self->out);
	EXPECT_TRUE(HAS("<td>38.0<small>37.6\342\200\22338.4</small></td>"));
	EXPECT_TRUE(HAS("<td>327<small>324\342\200\223331</small></td>"));
	EXPECT_TRUE(HAS("<td class=\"better\">2.70<small>"));
	EXPECT_TRUE(HAS("<td class=\"worse\">0.794<small>"));
	EXPECT_TRUE(HAS("<td class=\"worse\">1.29<small>"));
}

TEST_F(report, sums_counters_over_the_rounds)
{
	struct result_counter *more = result_counter_add(&self->run->cells[4].rounds[2]);
	struct result_counter *other = result_counter_add(&self->run->cells[3].rounds[2]);

	*more = self->run->cells[4].rounds[0].counters[0];
	more->value = 4;
	SET(other->name, "TlsTxSw");
	other->end = RESULT_CLIENT;
	other->value = 16;
	report_html(self->run, self->out);
	EXPECT_TRUE(HAS("<tr><th scope=\"row\">server's tx_tls_encrypted_packets (ethtool)</th>"
			"<td>0</td><td>123460</td></tr>"));
	EXPECT_TRUE(HAS("<tr><th scope=\"row\">client's TlsTxSw</th><td>16</td><td>0</td></tr>"));
}

TEST_HARNESS_MAIN
