/* SPDX-License-Identifier: MIT */
/*
 * "ktlsctl explain" as a picture: a sequence diagram that stands alone and can be put into a talk.
 * Heights are measured first, then everything is drawn from top to bottom. Text is cut or wrapped
 * by counting characters, with a width that holds for the widest of the fonts named.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/explain.h"

#define WIDTH  1000
#define CLIENT 200 /* x of the lifelines */
#define SERVER 800
#define MIDDLE ((CLIENT + SERVER) / 2)
#define TOP    176 /* y of the first row */

/* Room for text, in hundredths of its size. */
#define ROOM_TITLE   3500
#define ROOM_HEAD    6400
#define ROOM_BOX     2050
#define ROOM_NAME    3000
#define ROOM_BRIEF   4700
#define ROOM_KEYS    3500
#define ROOM_MARGIN  1200
#define ROOM_VERDICT 5500
#define ROOM_WHY     5800
#define LINE         16 /* height of a line of small text */

/* What protects a row: it decides the colour behind it. */
enum band { BAND_NONE, BAND_HANDSHAKE, BAND_APPLICATION };

struct row {
	const struct step *step;
	double y, height;
	enum band band;
};

struct picture {
	FILE *out;
	const struct trace *trace;
	struct row *rows;
	size_t rows_len;
	bool new; /* TLS 1.3 */
};

static const char style[] =
	"text{font-family:Inter,'Segoe UI','Helvetica Neue',Arial,'DejaVu Sans',sans-serif;"
	"fill:#1f2328}"
	".bg{fill:#ffffff}.h1{font-size:24px;font-weight:700}.h2{font-size:14px}"
	".who{font-size:15px;font-weight:700;text-anchor:middle}"
	".at{font-size:12px;text-anchor:middle}.name{font-size:15px;font-weight:600;"
	"text-anchor:middle}"
	".size{font-size:12px;font-weight:400}.brief{font-size:12px;text-anchor:middle}"
	".time{font-size:12px;text-anchor:end;font-variant-numeric:tabular-nums}"
	".note{font-size:11px}.end{text-anchor:end}.v1{font-size:16px;font-weight:700}"
	".v2{font-size:13px}"
	".dim,.size,.h2,.at,.brief,.time,.note{fill:#57606a}"
	".life{stroke:#c3cad2;stroke-width:2}.box{fill:#f6f8fa;stroke:#c3cad2;stroke-width:1.5}"
	".c{stroke:#0969da;stroke-width:2}.cf{fill:#0969da}.s{stroke:#1a7f37;stroke-width:2}"
	".sf{fill:#1a7f37}.x{stroke:#cf222e;stroke-width:2}.xf{fill:#cf222e}"
	".slim{stroke-width:1.2;stroke-dasharray:5 4;opacity:.75}"
	".hs{fill:#ddf4ff}.app{fill:#dafbe1}"
	".key{fill:#fff3c4;stroke:#d4a72c;stroke-width:1.2}.keyt{font-size:13px;font-weight:600;"
	"text-anchor:middle;fill:#6b4a00}.keyd{font-size:12px;text-anchor:middle;fill:#6b4a00}"
	".good{fill:#f0fff4;stroke:#1a7f37;stroke-width:1.5}"
	".bad{fill:#fff5f5;stroke:#cf222e;stroke-width:1.5}"
	".goodt{fill:#1a7f37}.badt{fill:#cf222e}"
	"@media(prefers-color-scheme:dark){text{fill:#e6edf3}.bg{fill:#0d1117}"
	".dim,.size,.h2,.at,.brief,.time,.note{fill:#9aa4af}.life{stroke:#3d444d}"
	".box{fill:#161b22;stroke:#3d444d}.c{stroke:#58a6ff}.cf{fill:#58a6ff}"
	".s{stroke:#3fb950}.sf{fill:#3fb950}.x{stroke:#f85149}.xf{fill:#f85149}"
	".hs{fill:#10233d}.app{fill:#0f2a1a}.key{fill:#2d2510;stroke:#9e6a03}"
	".keyt,.keyd{fill:#e3b341}.good{fill:#0f2417;stroke:#3fb950}"
	".bad{fill:#2a1215;stroke:#f85149}.goodt{fill:#3fb950}.badt{fill:#f85149}}";

/* ---- writing --------------------------------------------------------------------------------- */

/* Hundredths of the font's size that a character may be wide, in the widest of the fonts. */
static unsigned int width_of(char c)
{
	if (strchr("MWmw@%", c))
		return 100;
	if ((c >= 'A' && c <= 'Z') || strchr("_&<>=+~#", c))
		return 74;
	return strchr("iljtfrI.,:;'!|()[]{}/\\ -", c) ? 42 : 64;
}

/* The number of characters that fit, or all. */
static size_t fitting(const char *text, unsigned int room)
{
	unsigned int width = 0;
	size_t n = 0;

	for (; text[n]; n++) {
		width += width_of(text[n]);
		if (width > room)
			break;
	}
	return n;
}

/* Text of a trace is printable ASCII; XML reserves some of it. "; " becomes a dot in the middle. */
static void put_text(FILE *out, const char *text, unsigned int room)
{
	size_t len = strlen(text), shown = fitting(text, room);

	if (shown < len)
		shown = fitting(text, room > 126 ? room - 126 : 0);
	for (size_t i = 0; i < shown; i++) {
		if (text[i] == ';' && text[i + 1] == ' ')
			fputs(" \302\267", out);
		else if (text[i] == '<')
			fputs("&lt;", out);
		else if (text[i] == '>')
			fputs("&gt;", out);
		else if (text[i] == '&')
			fputs("&amp;", out);
		else if (text[i] == '"')
			fputs("&quot;", out);
		else
			fputc(text[i], out);
	}
	if (shown < len)
		fputs("...", out);
}

static void text_at(const struct picture *p, const char *class, double x, double y,
		    const char *text, unsigned int room)
{
	fprintf(p->out, "<text class=\"%s\" x=\"%.0f\" y=\"%.0f\">", class, x, y);
	put_text(p->out, text, room);
	fputs("</text>\n", p->out);
}

static void box(const struct picture *p, const char *class, double x, double y, double width,
		double height, double radius)
{
	fprintf(p->out,
		"<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" "
		"rx=\"%.0f\"/>\n",
		class, x, y, width, height, radius);
}

static void line(const struct picture *p, const char *class, double x1, double y1, double x2,
		 double y2)
{
	fprintf(p->out, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
		class, x1, y1, x2, y2);
}

/* ---- measuring ------------------------------------------------------------------------------- */

static bool is_slim(const struct picture *p, const struct step *s)
{
	return s->kind == STEP_CCS && p->new;
}

static unsigned int brief_lines(const struct step *s)
{
	unsigned int n = 0;

	for (size_t i = 0; i < sizeof(s->brief) / sizeof(s->brief[0]); i++)
		n += s->brief[i] && *s->brief[i];
	return n;
}

static double height_of(const struct picture *p, const struct step *s)
{
	if (s->kind == STEP_KEYS)
		return 58;
	if (s->kind == STEP_DONE)
		return 40;
	if (is_slim(p, s))
		return 30;
	return 46 + LINE * brief_lines(s);
}

static enum band band_of(const struct picture *p, const struct step *s)
{
	if (s->kind == STEP_KEYS || s->kind == STEP_DONE || !s->encrypted)
		return BAND_NONE;
	return p->new && !s->application ? BAND_HANDSHAKE : BAND_APPLICATION;
}

static double measure(struct picture *p)
{
	double y = TOP;
	size_t i = 0;

	for (const struct step *s = p->trace->steps; s; s = s->next, i++) {
		p->rows[i] = (struct row){ s, y, height_of(p, s), band_of(p, s) };
		y += p->rows[i].height;
	}
	return y;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static const char *band_text(const struct picture *p, enum band band)
{
	if (!p->new)
		return "";
	return band == BAND_HANDSHAKE ? "handshake keys" : "application keys";
}

static void put_lock(const struct picture *p, double x, double y)
{
	fprintf(p->out,
		"<path class=\"dimf\" fill=\"none\" stroke=\"#8b949e\" stroke-width=\"1.4\" "
		"d=\"M%.1f %.1fv-2.5a2.5 2.5 0 0 1 5 0v2.5\"/>\n"
		"<rect fill=\"#8b949e\" x=\"%.1f\" y=\"%.1f\" width=\"8\" height=\"6\" "
		"rx=\"1\"/>\n",
		x + 1.5, y - 5, x, y - 5);
}

/* Behind the rows: one rectangle for neighbours under the same keys. */
static void put_bands(const struct picture *p)
{
	for (size_t i = 0, n; i < p->rows_len; i += n) {
		enum band band = p->rows[i].band;
		double height = 0;

		for (n = 0; i + n < p->rows_len && p->rows[i + n].band == band; n++)
			height += p->rows[i + n].height;
		if (band == BAND_NONE)
			continue;
		box(p, band == BAND_HANDSHAKE ? "hs" : "app", CLIENT - 14, p->rows[i].y + 2,
		    SERVER - CLIENT + 28, height - 4, 8);
		put_lock(p, SERVER + 24, p->rows[i].y + 18);
		text_at(p, "note", SERVER + 38, p->rows[i].y + 18, "encrypted", ROOM_MARGIN);
		text_at(p, "note", SERVER + 38, p->rows[i].y + 33, band_text(p, band), ROOM_MARGIN);
	}
}

static void put_arrow(const struct picture *p, const struct step *s, double y)
{
	bool right = s->sent == (p->trace->role == KTLS_CLIENT);
	double from = right ? CLIENT + 4 : SERVER - 4, to = right ? SERVER - 4 : CLIENT + 4;
	double back = right ? -11 : 11;
	const char *class = s->bad ? "x" : right ? "c" : "s";
	char styled[16];

	snprintf(styled, sizeof(styled), "%s%s", class, is_slim(p, s) ? " slim" : "");
	line(p, styled, from, y, to + back / 2, y);
	fprintf(p->out, "<path class=\"%sf\" d=\"M%.1f %.1fl%.1f -5.5v11z\"/>\n", class, to, y,
		back);
}

static void put_message(const struct picture *p, const struct row *row)
{
	const struct step *s = row->step;
	bool slim = is_slim(p, s);
	double y = row->y + 21, arrow = row->y + 29;

	fprintf(p->out, "<text class=\"%s\" x=\"%d\" y=\"%.0f\">", slim ? "brief" : "name", MIDDLE,
		slim ? row->y + 14 : y);
	put_text(p->out, s->name, ROOM_NAME);
	if (!slim)
		fprintf(p->out, "<tspan class=\"size\" dx=\"8\">%zu byte%s%s</tspan>", s->len,
			s->len == 1 ? "" : "s", s->shares_record ? ", same record" : "");
	fputs("</text>\n", p->out);
	put_arrow(p, s, slim ? row->y + 20 : arrow);
	for (size_t i = 0, n = 0; !slim && i < sizeof(s->brief) / sizeof(s->brief[0]); i++)
		if (s->brief[i] && *s->brief[i])
			text_at(p, "brief", MIDDLE, arrow + (double)(++n * LINE), s->brief[i],
				ROOM_BRIEF);
}

/* Both ends make the same keys, each by itself. */
static void put_keys(const struct picture *p, const struct row *row)
{
	const struct step *s = row->step;
	double y = row->y + 8;

	line(p, "key", CLIENT, y + 21, SERVER, y + 21);
	for (int i = 0; i < 2; i++)
		fprintf(p->out, "<circle class=\"key\" cx=\"%d\" cy=\"%.1f\" r=\"7\"/>\n",
			i ? SERVER : CLIENT, y + 21);
	box(p, "key", MIDDLE - 230, y, 460, 42, 21);
	text_at(p, "keyt", MIDDLE, y + 18, s->name, ROOM_KEYS);
	text_at(p, "keyd", MIDDLE, y + 33, s->brief[0] ? s->brief[0] : "", ROOM_KEYS);
}

static void put_done(const struct picture *p, const struct row *row)
{
	double y = row->y + 20;

	line(p, "s slim", CLIENT - 14, y, MIDDLE - 110, y);
	line(p, "s slim", MIDDLE + 110, y, SERVER + 14, y);
	text_at(p, "who goodt", MIDDLE, y + 5, row->step->name, ROOM_BOX);
}

static void put_time(const struct picture *p, const struct row *row, char last[static 32])
{
	char text[32];

	snprintf(text, sizeof(text), "%.1f ms", (double)row->step->at / 1000);
	if (strcmp(text, last) == 0)
		return;
	strcpy(last, text);
	text_at(p, "time", CLIENT - 36,
		row->y + (row->step->kind == STEP_KEYS   ? 33
			  : row->step->kind == STEP_DONE ? 25
			  : is_slim(p, row->step)        ? 24
							 : 33),
		text, ROOM_MARGIN);
}

static void put_rows(const struct picture *p)
{
	char last[32] = "";

	for (size_t i = 0; i < p->rows_len; i++) {
		const struct row *row = &p->rows[i];

		if (row->step->kind == STEP_KEYS)
			put_keys(p, row);
		else if (row->step->kind == STEP_DONE)
			put_done(p, row);
		else
			put_message(p, row);
		put_time(p, row, last);
	}
}

/* ---- head and foot --------------------------------------------------------------------------- */

static const char *agreed(const struct trace *t, const char *name)
{
	const struct field *f = field_find(&t->negotiated, name);

	return f && f->text ? f->text : NULL;
}

static void put_head(const struct picture *p)
{
	const struct trace *t = p->trace;
	bool client = t->role == KTLS_CLIENT;
	const char *version = agreed(t, "version"), *suite = agreed(t, "cipher suite");
	const char *group = agreed(t, "key exchange"), *scheme = agreed(t, "signature");
	char text[512];

	snprintf(text, sizeof(text), "%s handshake %s %s", version ? version : "TLS",
		 client ? "with" : "on", t->target);
	text_at(p, "h1", 40, 48, text, ROOM_TITLE);
	snprintf(text, sizeof(text), "%s%s%s%s%s; %u round trip%s",
		 suite ? suite : "nothing was agreed", group ? "; " : "", group ? group : "",
		 scheme ? "; " : "", scheme ? scheme : "", t->round_trips,
		 t->round_trips == 1 ? "" : "s");
	text_at(p, "h2", 40, 74, text, ROOM_HEAD);
	for (int i = 0; i < 2; i++) {
		double x = i ? SERVER : CLIENT;
		bool us = (i == 0) == client;

		box(p, "box", x - 130, 104, 260, 48, 10);
		text_at(p, "who", x, 125, i ? "server" : "client", ROOM_BOX);
		text_at(p, "at", x, 143, us ? "ktlsctl" : t->address ? t->address : "?", ROOM_BOX);
	}
}

/* A labelled text of a verdict, wrapped; returns the y below it. Draws only where draw is set. */
static double put_wrapped(const struct picture *p, bool draw, double y, const char *label,
			  const char *text)
{
	char line_text[512];

	if (draw)
		text_at(p, "v2 dim", 60, y, label, ROOM_MARGIN);
	while (*text) {
		size_t all = fitting(text, ROOM_WHY), len = all;

		while (text[all] && len > 0 && text[len] != ' ')
			len--;
		len = len > 0 ? len : all;
		snprintf(line_text, sizeof(line_text), "%.*s", (int)len, text);
		if (draw)
			text_at(p, "v2", 160, y, line_text, ROOM_WHY);
		y += 19;
		text += len + (text[len] == ' ');
	}
	return y;
}

static double put_verdict_text(const struct picture *p, bool draw, double y)
{
	const struct verdict *v = &p->trace->verdict;
	const struct field *believed = field_find(&p->trace->certificate, "verified");

	if (v->where && !v->good)
		y = put_wrapped(p, draw, y, "where", v->where);
	if (v->why)
		y = put_wrapped(p, draw, y, v->good ? "time" : "why", v->why);
	if (believed)
		y = put_wrapped(p, draw, y, "verified", believed->text);
	for (const struct field *f = v->advice.first; f; f = f->next)
		y = put_wrapped(p, draw, y, f == v->advice.first ? "what to do" : "", f->text);
	if (p->trace->kernel)
		y = put_wrapped(p, draw, y, "this kernel", p->trace->kernel);
	return y;
}

static void put_verdict(const struct picture *p, double y)
{
	const struct verdict *v = &p->trace->verdict;
	double height = put_verdict_text(p, false, y + 54) - y - 4;

	box(p, v->good ? "good" : "bad", 40, y, WIDTH - 80, height, 12);
	text_at(p, v->good ? "v1 goodt" : "v1 badt", 60, y + 30, v->headline, ROOM_VERDICT);
	put_verdict_text(p, true, y + 54);
}

static void put_foot(const struct picture *p, double y)
{
	char text[128];

	snprintf(text, sizeof(text), "ktlsctl explain " KTLS_VERSION ", %s", p->trace->date);
	text_at(p, "note end", WIDTH - 40, y, text, ROOM_HEAD);
}

static void draw(const struct picture *p, double bottom)
{
	double verdict = bottom + 24;
	double height = put_verdict_text(p, false, verdict + 54) + 48;

	fprintf(p->out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %.0f\" width=\"%d\" "
		"height=\"%.0f\" role=\"img\">\n<title>TLS handshake: ",
		WIDTH, height, WIDTH, height);
	put_text(p->out, p->trace->target, 100000);
	fprintf(p->out, "</title>\n<style>%s</style>\n", style);
	box(p, "bg", 0, 0, WIDTH, height, 0);
	put_bands(p);
	line(p, "life", CLIENT, 152, CLIENT, bottom + 4);
	line(p, "life", SERVER, 152, SERVER, bottom + 4);
	put_head(p);
	put_rows(p);
	put_verdict(p, verdict);
	put_foot(p, height - 14);
	fputs("</svg>\n", p->out);
}

void explain_svg(const struct trace *trace, FILE *out)
{
	struct picture p = { .out = out, .trace = trace };

	for (const struct step *s = trace->steps; s; s = s->next)
		p.rows_len++;
	p.rows = calloc(p.rows_len + 1, sizeof(*p.rows));
	if (!p.rows)
		return;
	p.new = agreed(trace, "version") ? strcmp(agreed(trace, "version"), "TLS 1.3") == 0 : true;
	draw(&p, measure(&p));
	free(p.rows);
}
