/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "tests/bench/ktls-bench/format.h"
#include "tests/bench/ktls-bench/grown.h"
#include "tests/bench/ktls-bench/html.h"
#include "tests/bench/ktls-bench/report.h"
#include "tests/bench/ktls-bench/sweep.h"

static const char style[] =
	":root{--bg:#fff;--ink:#1f2328;--dim:#57606a;--line:#d8dee4;--soft:#f6f8fa;--warn:#fff8e1;"
	"--edge:#d4a72c;--good:#0a7f5a;--bad:#c0341d}\n"
	"body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.55 Inter,'Segoe UI',"
	"'Helvetica Neue',Arial,'DejaVu Sans',sans-serif}\n"
	"main{max-width:1180px;margin:0 auto;padding:40px 28px 64px}\n"
	"h1{font-size:30px;line-height:1.2;margin:0 0 8px}h2{font-size:20px;margin:48px 0 4px}\n"
	".kicker{margin:0 0 6px;color:var(--dim);font-size:13px;letter-spacing:.08em;"
	"text-transform:uppercase}\n"
	".lede,.note,figcaption,footer{color:var(--dim)}.lede{margin:0}\n"
	".note,figcaption,footer{font-size:13px}\n"
	".counters{width:auto;margin-top:12px;font-size:12px}.counters td,.counters th{padding:2px "
	"14px 2px 0}.counters th[scope=row]"
	"{font-weight:400}figure{margin:16px 0 8px}svg{width:100%;height:auto;display:block}\n"
	"figcaption{margin-top:4px}\n"
	".wide{overflow-x:auto}table{border-collapse:collapse;font-size:13px;"
	"font-variant-numeric:tabular-nums;width:100%}\n"
	"caption{text-align:left;color:var(--dim);font-size:13px;padding:4px 0}\n"
	"th,td{padding:6px 10px 6px 0;text-align:right;vertical-align:top;"
	"border-bottom:1px solid var(--line);white-space:nowrap}\n"
	"thead th{border-bottom:2px solid var(--line);vertical-align:bottom;line-height:1.3}\n"
	"th{font-weight:600}th[scope=row],.words{text-align:left}.words{white-space:normal}td."
	"words{min-width:5em}\n"
	"small{display:block;color:var(--dim);font-size:11px;font-weight:400}\n"
	".swatch{display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:8px}\n"
	".better{color:var(--good);font-weight:600}.worse{color:var(--bad);font-weight:600}\n"
	".warnings{background:var(--warn);border-left:4px solid var(--edge);border-radius:4px;"
	"padding:12px 20px;margin:28px 0}\n"
	".warnings h2{margin:0 0 6px;font-size:16px}.warnings ul{margin:0;padding-left:18px}\n"
	".warnings li{margin:6px 0}.warnings li span{color:var(--dim)}\n"
	"dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 20px;font-size:14px}"
	"dt{color:var(--dim)}dd{margin:0;overflow-wrap:anywhere}\n"
	"footer{margin-top:48px;border-top:1px solid var(--line);padding-top:12px}\n";

static const char style_dark[] =
	"@media screen and (prefers-color-scheme:dark){:root{--bg:#0d1117;--ink:#e6edf3;"
	"--dim:#9aa4af;--line:#30363d;--soft:#161b22;--warn:#2a2312;--edge:#9e6a03;"
	"--good:#3fb98a;--bad:#ff7b6b}\n"
	"svg .paper{fill:none}svg .ink{fill:var(--ink)}svg .dim{fill:var(--dim)}svg "
	".grid{stroke:#21262d}"
	"svg .axis{stroke:#6e7681}svg .whisker{stroke:#f0f6fc}"
	"svg .dot{fill:#0d1117;stroke:#f0f6fc}\n";

static const char style_print[] =
	"@media print{main{max-width:none;padding:0}body{font-size:12px}.wide{overflow:visible}"
	"figure,tr,.warnings{break-inside:avoid}h2{break-after:avoid}"
	"*{print-color-adjust:exact;-webkit-print-color-adjust:exact}table{font-size:11px}"
	"th,td{padding-right:6px}}\n";

static void put_style(FILE *out)
{
	fprintf(out, "<style>\n%s", style);
	for (unsigned int i = 0; i < PLOT_COLOURS; i++)
		fprintf(out, ".s%u{background:%s}", i, plot_colour_light(i));
	fprintf(out, "\n%s", style_dark);
	for (unsigned int i = 0; i < PLOT_COLOURS; i++)
		fprintf(out, ".s%u{background:%s}svg .c%u{fill:%s}svg .l%u{stroke:%s}", i,
			plot_colour_dark(i), i, plot_colour_dark(i), i, plot_colour_dark(i));
	fprintf(out, "}\n%s</style>\n", style_print);
}

static void element(const char *open, const char *text, const char *close, FILE *out)
{
	fputs(open, out);
	html_text(text, out);
	fputs(close, out);
}

/* ---- head ------------------------------------------------------------------------------------ */

static void put_head(const struct result_run *run, FILE *out)
{
	const char *title = run->title[0] ? run->title : "TLS records: modes side by side";
	char text[2 * RESULT_LINE];

	fputs("<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n<head>\n"
	      "<meta charset=\"utf-8\"/>\n<meta name=\"viewport\" "
	      "content=\"width=device-width, initial-scale=1\"/>\n",
	      out);
	element("<title>", title, "</title>\n", out);
	put_style(out);
	fputs("</head>\n<body>\n<main>\n<p class=\"kicker\">ktls-bench", out);
	element(run->date[0] ? " \302\267 " : "", run->date, "</p>\n", out);
	element("<h1>", title, "</h1>\n", out);
	format_parameters(text, sizeof(text), run);
	element("<p class=\"lede\">", text, ".</p>\n", out);
}

static void put_warnings(const struct result_run *run, FILE *out)
{
	if (run->warnings_len == 0)
		return;
	fputs("<section class=\"warnings\">\n<h2>What spoils this measurement</h2>\n<ul>\n", out);
	for (size_t i = 0; i < run->warnings_len; i++) {
		element("<li>", run->warnings[i].text, "", out);
		element(" <span>", run->warnings[i].advice, "</span></li>\n", out);
	}
	fputs("</ul>\n</section>\n", out);
}

/* ---- a workload ------------------------------------------------------------------------------ */

/* "better" or "worse" where the spread of a ratio leaves little doubt. */
static const char *verdict(const struct result_run *run, const struct rows *rows, enum column c,
			   const struct result_cell *cell)
{
	const struct result_cell *base = cell_base(run, cell);
	struct estimate e;
	enum metric metric;

	if ((c != COLUMN_SPEED_RATIO && c != COLUMN_SERVER_CPU_RATIO) || !base || base == cell ||
	    !column_metric(c, rows->workload, &metric))
		return "";
	e = estimate_ratio(metric, cell, base);
	if (!estimate_concludes(&e) || (e.low <= 1 && e.high >= 1))
		return "";
	return (e.low > 1) == metric_about(metric)->more_is_better ? "better" : "worse";
}

static void put_piece(const struct result_run *run, const struct rows *rows, const struct row *row,
		      enum column c, FILE *out)
{
	const char *class = c == COLUMN_HARDWARE || c == COLUMN_PAYLOAD
				    ? "words"
				    : verdict(run, rows, c, row->cell);

	fprintf(out, class[0] ? "<td class=\"%s\">" : "<td>%s", class);
	html_text(row->pieces[c].text, out);
	if (row->pieces[c].spread[0]) {
		fputs("<small>", out);
		html_spread(row->pieces[c].spread, out);
		fputs("</small>", out);
	}
	fputs("</td>", out);
}

/* Of a mode that has no numbers: why, over all columns. */
static void put_missing(const struct rows *rows, const struct row *row, FILE *out)
{
	unsigned int n = 0;

	for (enum column c = COLUMN_SPEED; c < COLUMNS; c++)
		n += rows->shown[c];
	fprintf(out, "<td class=\"words note\" colspan=\"%u\">", n);
	element("", row->cell->missing[0] ? row->cell->missing : "nothing was moved", "</td>", out);
}

static void put_row(const struct result_run *run, const struct rows *rows, const struct row *row,
		    FILE *out)
{
	fprintf(out, "<tr><th scope=\"row\"><span class=\"swatch s%u\"></span>",
		plot_colour(run, row->cell));
	element("", row->pieces[COLUMN_MODE].text, "</th>", out);
	if (!cell_measured(row->cell))
		put_missing(rows, row, out);
	for (enum column c = COLUMN_SPEED; c < COLUMNS && cell_measured(row->cell); c++)
		if (rows->shown[c])
			put_piece(run, rows, row, c, out);
	fputs("</tr>\n", out);
}

static void put_table(const struct result_run *run, const struct rows *rows, FILE *out)
{
	fputs("<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\" "
	      "class=\"words\">mode</th>",
	      out);
	for (enum column c = COLUMN_SPEED; c < COLUMNS; c++) {
		if (!rows->shown[c])
			continue;
		fputs(c >= COLUMN_HARDWARE ? "<th scope=\"col\" class=\"words\">"
					   : "<th scope=\"col\">",
		      out);
		html_text(rows->heads[c], out);
		fputs("<small>", out);
		html_unit(rows->units[c], out);
		fputs("</small></th>", out);
	}
	fputs("</tr></thead>\n<tbody>\n", out);
	for (size_t i = 0; i < rows->len; i++)
		put_row(run, rows, &rows->rows[i], out);
	fputs("</tbody>\n</table></div>\n", out);
}

/* A row for each counter, a column for each mode in which one grew. */
static void put_counter(const struct rows *rows, const struct counters *c, size_t i, FILE *out)
{
	char name[2 * RESULT_NAME], value[32];

	counters_name(name, sizeof(name), c, i);
	element("<tr><th scope=\"row\">", name, "</th>", out);
	for (size_t k = 0; k < rows->len; k++)
		if (counters_any(c, k)) {
			counters_value(value, sizeof(value), c, i, k);
			element("<td>", value, "</td>", out);
		}
	fputs("</tr>\n", out);
}

static void put_counters(const struct rows *rows, FILE *out)
{
	struct counters *c = counters_new(rows);

	if (c && c->len > 0) {
		fputs("<div class=\"wide\"><table class=\"counters\">\n<caption>Counters that "
		      "grew, "
		      "all rounds together</caption>\n<thead><tr><th scope=\"col\" "
		      "class=\"words\">counter</th>",
		      out);
		for (size_t k = 0; k < rows->len; k++)
			if (counters_any(c, k))
				element("<th scope=\"col\">", rows->rows[k].pieces[0].text, "</th>",
					out);
		fputs("</tr></thead>\n<tbody>\n", out);
		for (size_t i = 0; i < c->len; i++)
			put_counter(rows, c, i, out);
		fputs("</tbody>\n</table></div>\n", out);
	}
	counters_free(c);
}

static void put_whiskers(const struct result_run *run, FILE *out)
{
	char sure[RESULT_NAME];

	format_confidence(sure, sizeof(sure), run);
	if (sure[0])
		fprintf(out, "whiskers where the median lies with %s, ", sure);
}

static void put_workload(const struct result_run *run, const struct rows *rows, unsigned int number,
			 FILE *out)
{
	fprintf(out, "<section>\n<h2>%u. ", number);
	html_text(rows->title, out);
	fputs("</h2>\n<figure>\n", out);
	plot_rows(run, rows, number, out);
	fprintf(out, "<figcaption>Figure %u. Bars are medians of the rounds, ", number);
	put_whiskers(run, out);
	fprintf(out, "dots the rounds.%s</figcaption>\n</figure>\n",
		rows->shown[COLUMN_P50] ? " Latency: p50, and p99 in a lighter shade." : "");
	put_table(run, rows, out);
	put_counters(rows, out);
	fputs("</section>\n", out);
}

/* ---- a sweep --------------------------------------------------------------------------------- */

static void put_ratios(const struct sweep *sweep, enum column column,
		       const struct result_mode *mode, FILE *out)
{
	char text[32];

	element("<tr><th scope=\"row\">", mode->label, "</th>", out);
	for (size_t i = 0; i < sweep->sizes_len; i++) {
		const struct estimate e = sweep_ratio(sweep, column, mode->name, i);

		format_number(text, sizeof(text), e.median);
		element("<td>", e.n > 0 ? text : "-", "</td>", out);
	}
	fputs("</tr>\n", out);
}

static void put_matrix(const struct sweep *sweep, enum column column, FILE *out)
{
	char text[RESULT_LINE];

	sweep_caption(text, sizeof(text), sweep, column);
	element("<div class=\"wide\"><table>\n<caption>", text, "</caption>\n<thead><tr><th ", out);
	fputs("scope=\"col\" class=\"words\">mode</th>", out);
	for (size_t i = 0; i < sweep->sizes_len; i++) {
		format_bytes(text, sizeof(text), sweep->sizes[i]);
		element("<th scope=\"col\">", text, "</th>", out);
	}
	fputs("</tr></thead>\n<tbody>\n", out);
	for (size_t i = 0; i < sweep->run->modes_len; i++)
		if (sweep_has(sweep, column, sweep->run->modes[i].name))
			put_ratios(sweep, column, &sweep->run->modes[i], out);
	fputs("</tbody>\n</table></div>\n", out);
}

static void put_sweep(const struct sweep *sweep, unsigned int number, FILE *out)
{
	fprintf(out, "<section>\n<h2>%u. ", number);
	html_text(sweep->title, out);
	fputs(", over sizes</h2>\n<figure>\n", out);
	plot_sweep(sweep, number, out);
	fprintf(out, "<figcaption>Figure %u. Points are medians of the rounds, ", number);
	put_whiskers(sweep->run, out);
	fputs("both scales logarithmic.</figcaption>\n</figure>\n", out);
	for (const enum column *c = sweep_columns; *c != COLUMN_MODE; c++)
		if (sweep_has_any(sweep, *c))
			put_matrix(sweep, *c, out);
	fputs("</section>\n", out);
}

/* ---- foot ------------------------------------------------------------------------------------ */

static void put_machines(const struct result_run *run, FILE *out)
{
	const bool one = run->parameters.one_machine;
	char text[2 * RESULT_LINE];

	fputs("<section>\n<h2>How it was measured</h2>\n<dl>\n", out);
	format_machine(text, sizeof(text), &run->machines[RESULT_SERVER]);
	element(one ? "<dt>machine</dt><dd>" : "<dt>server</dt><dd>", text, "</dd>\n", out);
	format_machine(text, sizeof(text), &run->machines[RESULT_CLIENT]);
	if (!one)
		element("<dt>client</dt><dd>", text, "</dd>\n", out);
	element("<dt>command</dt><dd><code>", run->parameters.command, "</code></dd>\n", out);
	fputs("</dl>\n<p class=\"note\">Modes take turns, round by round, and ratios are those of "
	      "the same round: what changes on a machine meanwhile changes both. Spreads come from "
	      "the order of the values alone and assume no distribution; up to eight rounds they "
	      "are the smallest and the largest value. A ratio is coloured where there are five "
	      "rounds or more and its spread leaves out 1. CPU time is user and system time of the "
	      "end's threads; a GiB is "
	      "2<sup>30</sup> bytes of payload.</p>\n</section>\n",
	      out);
}

void report_html(const struct result_run *run, FILE *out)
{
	unsigned int number = 0;
	struct sweep sweep;
	size_t from = 0;

	put_head(run, out);
	put_warnings(run, out);
	for (size_t i = rows_next(run, 0); i < run->cells_len; i = rows_next(run, i + 1)) {
		struct rows *rows = rows_new(run, i);

		if (rows)
			put_workload(run, rows, ++number, out);
		rows_free(rows);
	}
	while (sweep_next(run, &from, &sweep))
		put_sweep(&sweep, ++number, out);
	put_machines(run, out);
	element("<footer>ktls-bench ", run->machines[RESULT_SERVER].version,
		"; the same as data: --json</footer>\n</main>\n</body>\n</html>\n", out);
}
