/* SPDX-License-Identifier: MIT */
/*
 * What peers do after the handshake, and what reading a kernel TLS socket shows then. The tables of
 * Documentation/after-the-handshake.md are what is expected here, cell by cell: they are read, and
 * each of their lines is tried on the kernel at hand, whose column is found by the probe. The peer
 * is a codec of ours on a plain socket.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ktls-session.h>

#include "lib/ktls/kernel.h"
#include "lib/ktls/probe.h"
#include "tests/harness/answering.h"
#include "tests/harness/deeds.h"
#include "tests/harness/harness.h"
#include "tests/harness/keyed.h"

#define PAGE      "Documentation/after-the-handshake.md"
#define STEPS     4   /* a peer leaves less than that to be read */
#define CELL_MAX  256 /* bytes of a cell */
#define LINE_MAX  1024
#define SETTLE_MS 20 /* loopback delivers in the sender's call, mostly */

/* ---- the page ----------------------------------------------------------------------------------
 */

/* The lines of one table, without its head: header is how that begins. */
struct table {
	char lines[64][LINE_MAX];
	size_t len;
};

static void table_read(struct table *t, const char *header)
{
	char line[LINE_MAX];
	bool inside = false;
	FILE *f = fopen(PAGE, "re");

	ASSERT_NOT_NULL(f);
	t->len = 0;
	while (fgets(line, sizeof(line), f)) {
		if (inside && line[0] != '|')
			break;
		if (inside && strncmp(line, "| ---", 5) != 0)
			snprintf(t->lines[t->len++], LINE_MAX, "%s", line);
		if (strncmp(line, header, strlen(header)) == 0)
			inside = true;
		ASSERT_LT(t->len, 64);
	}
	fclose(f);
	ASSERT_GT(t->len, 0);
}

/* Cell i of a line; "same" stands for what is left of it. */
static void cell_get(const char *line, int i, char cell[static CELL_MAX])
{
	const char *at = line + 2, *end;

	for (int n = 0; n < i; n++) {
		at = strstr(at, " | ");
		ASSERT_NOT_NULL(at);
		at += 3;
	}
	end = strstr(at, " |");
	ASSERT_NOT_NULL(end);
	snprintf(cell, CELL_MAX, "%.*s", (int)(end - at), at);
	if (strcmp(cell, "same") == 0)
		cell_get(line, i - 1, cell);
}

/* The line that begins with a title, or NULL. */
static const char *table_find(const struct table *t, const char *title)
{
	char cell[CELL_MAX];

	for (size_t i = 0; i < t->len; i++) {
		cell_get(t->lines[i], 0, cell);
		if (strcmp(cell, title) == 0)
			return t->lines[i];
	}
	return NULL;
}

/* Which of the columns 6.1, 6.12 and 7.2 is this kernel's, from what it can do. */
static int column(void)
{
	static struct ktls_probe probe;

	ktls_probe(KTLS_PROBE_SUITES, &probe);
	if (probe.rekey == 0)
		return 3;
	return probe.poll == 0 ? 2 : 1;
}

/* "this; before 6.14 that": the part that is about this kernel. */
static void cell_choose(char cell[static CELL_MAX], int this)
{
	static const char before[] = "; before 6.14 ";
	char *at = strstr(cell, before);

	if (!at)
		return;
	*at = '\0';
	if (this < 3)
		memmove(cell, at + strlen(before), strlen(at + strlen(before)) + 1);
}

static void expect_cell(const char *line, int i, int this, const char *got)
{
	char title[CELL_MAX], cell[CELL_MAX];

	cell_get(line, 0, title);
	cell_get(line, i, cell);
	cell_choose(cell, this);
	if (strcmp(cell, got) != 0)
		TH_LOG("%s: column %d of the page is not what happened", title, i);
	EXPECT_STREQ(cell, got);
}

/* ---- what comes of it --------------------------------------------------------------------------
 */

static void poll_text(int fd, char text[static 64])
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLRDHUP };

	poll(&p, 1, SETTLE_MS);
	snprintf(text, 64, "%s%s%s%s%s", p.revents & POLLIN ? "IN " : "",
		 p.revents & POLLRDHUP ? "RDHUP " : "", p.revents & POLLHUP ? "HUP " : "",
		 p.revents & POLLERR ? "ERR " : "", p.revents ? "" : "- ");
}

static void recv_text(int fd, char text[static 64])
{
	char got[64];
	ssize_t n = recv(fd, got, sizeof(got), MSG_DONTWAIT);

	snprintf(text, 64, "%s", n < 0 ? strerrorname_np(errno) : n == 0 ? "0" : "data");
}

/* recvmsg() with a control buffer. */
static void record_text(int fd, char text[static 64])
{
	uint8_t got[64], type = 0;
	ssize_t n = kernel_record_recv(fd, got, sizeof(got), MSG_DONTWAIT, &type);

	if (n == -ENODATA)
		snprintf(text, 64, "0");
	else if (n < 0)
		snprintf(text, 64, "%s", strerrorname_np((int)-n));
	else if (type == RECORD_APPLICATION_DATA)
		snprintf(text, 64, "data");
	else
		snprintf(text, 64, "type %u: %zd", type, n);
}

/* poll, read, poll, read, until a pair repeats itself. */
static void steps(int fd, void (*read_text)(int fd, char text[static 64]),
		  char cell[static CELL_MAX])
{
	char last[128] = "", now[128];
	size_t len = 0;

	for (int i = 0; i < STEPS; i++) {
		poll_text(fd, now);
		read_text(fd, now + strlen(now));
		if (strcmp(now, last) == 0)
			break;
		len += (size_t)snprintf(cell + len, CELL_MAX - len, "%s%s", i ? ", " : "", now);
		strcpy(last, now);
	}
}

/* Each line of the page that begins with header, tried. */
static void expect_table(const char *header, void (*read_text)(int fd, char text[static 64]))
{
	static struct table table;
	char cell[CELL_MAX];
	struct deed_pair pair;
	int this = column();
	size_t tried = 0;

	table_read(&table, header);
	for (size_t i = 0; i < deed_rows_len; i++) {
		const struct deed_row *row = &deed_rows[i];
		const char *line = table_find(&table, row->title);

		if (!line)
			continue;
		deeds_begin(row, &pair);
		steps(pair.fd[0], read_text, cell);
		expect_cell(line, this, this, cell);
		deeds_end(&pair);
		tried++;
	}
	EXPECT_EQ(table.len, tried);
}

TEST_TIMEOUT(plain_reads, 60)
{
	if (!keyed_or_skip())
		return;
	expect_table("| the peer sends |", recv_text);
}

TEST_TIMEOUT(reads_with_a_control_buffer, 60)
{
	if (!keyed_or_skip())
		return;
	expect_table("| the peer sends: recvmsg |", record_text);
}

/* ---- what the page says besides ----------------------------------------------------------------
 */

static void begin(const char *title, struct deed_pair *p)
{
	for (size_t i = 0; i < deed_rows_len; i++) {
		if (strcmp(deed_rows[i].title, title) == 0)
			deeds_begin(&deed_rows[i], p);
	}
}

static int send_error(int fd)
{
	return send(fd, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? errno : 0;
}

static ssize_t splice_out(int fd)
{
	int ends[2], error;
	ssize_t n;

	ASSERT_EQ(0, pipe(ends));
	n = splice(fd, NULL, ends[1], NULL, 1000, SPLICE_F_NONBLOCK);
	error = errno;
	close(ends[0]);
	close(ends[1]);
	return n < 0 ? -error : n;
}

TEST(splice_and_what_is_no_data)
{
	struct deed_pair pair;

	if (!keyed_or_skip())
		return;
	begin("a ticket, then data", &pair);
	EXPECT_EQ(-EINVAL, splice_out(pair.fd[0]));
	EXPECT_EQ(-EINVAL, splice_out(pair.fd[0]));
	deeds_end(&pair);
	begin("32 empty records of data, then data", &pair);
	EXPECT_EQ(0, splice_out(pair.fd[0]));
	deeds_end(&pair);
}

TEST(sending_after_reads_have_failed)
{
	struct deed_pair pair;
	char byte;

	if (!keyed_or_skip())
		return;
	begin("a record that does not decrypt, then data", &pair);
	EXPECT_EQ(-1, recv(pair.fd[0], &byte, 1, 0));
	EXPECT_EQ(-1, recv(pair.fd[0], &byte, 1, 0));
	EXPECT_EQ(EBADMSG, send_error(pair.fd[0]));
	EXPECT_EQ(EBADMSG, send_error(pair.fd[0]));
	deeds_end(&pair);
	begin("RST", &pair);
	EXPECT_EQ(-1, recv(pair.fd[0], &byte, 1, 0));
	EXPECT_EQ(0, send_error(pair.fd[0]));
	deeds_end(&pair);
}

/* ---- libktls -----------------------------------------------------------------------------------
 */

/* What went to the peer: alerts by their names. */
static void wire_text(struct deed_pair *p, char cell[static CELL_MAX])
{
	uint8_t content[KEYED_RECORD_MAX], type;
	struct pollfd pfd = { .fd = p->fd[1], .events = POLLIN };

	while (p->fd[1] >= 0 && poll(&pfd, 1, SETTLE_MS) == 1 && pfd.revents == POLLIN) {
		size_t len = keyed_read_record(p->fd[1], p->record);

		ASSERT_EQ(2, keyed_open(&p->tx, p->record, len, &type, content));
		ASSERT_EQ(RECORD_ALERT, type);
		strcat(cell, ", sends ");
		strcat(cell, ktls_alert_name(content[1]));
	}
}

/* What is owed to the peer; or that nothing can be, which the kernel says to no writer. */
static const char *write_text(struct ktls_session *session, int fd)
{
	if (ktls_session_reason(session) == KTLS_OK)
		return ", owes KeyUpdate";
	EXPECT_EQ(0, send_error(fd));
	EXPECT_EQ(-EPIPE, ktls_send(session, fd, "x", 1, MSG_DONTWAIT));
	EXPECT_EQ(-EPIPE, ktls_maintain(session, fd));
	EXPECT_EQ(-EPIPE, ktls_shutdown(session, fd));
	return ", sends say EPIPE";
}

static void libktls_text(struct deed_pair *p, struct ktls_session *session,
			 char cell[static CELL_MAX])
{
	enum ktls_reason reason;
	char last[64] = "", now[64], got[64];

	ASSERT_NOT_NULL(session);
	cell[0] = '\0';
	for (int i = 0; i < STEPS; i++) {
		ssize_t n = ktls_recv(session, p->fd[0], got, sizeof(got), MSG_DONTWAIT);

		snprintf(now, sizeof(now), "%s%s", n < 0 ? "-" : "",
			 n > 0   ? "data"
			 : n < 0 ? strerrorname_np((int)-n)
				 : "0");
		if (n <= 0 && strcmp(now, last) == 0)
			break;
		strcat(cell, i ? ", " : "");
		strcat(cell, now);
		strcpy(last, now);
	}
	reason = ktls_session_reason(session);
	if (reason != KTLS_OK) {
		strcat(cell, " ");
		strcat(cell, ktls_reason_name((int)reason));
	}
	if (reason == KTLS_R_PEER_ALERT) {
		strcat(cell, " ");
		strcat(cell, ktls_alert_name(ktls_session_alert(session)));
	}
	if (ktls_update_owed(session))
		strcat(cell, write_text(session, p->fd[0]));
	ktls_session_free(session);
	wire_text(p, cell);
}

/* A ktlsd that has services only and knows the secrets of all pairs; as capable as this kernel. */
static struct ktls *ktlsd_start(struct answering *a, int this)
{
	struct deed_pair pair;
	struct ktls *k;

	deeds_begin(&deed_rows[0], &pair);
	deeds_end(&pair);
	a->secrets = pair.secrets;
	a->get = kernel_get;
	a->header = (struct sealed_header){ .role = KTLS_CLIENT,
					    .version = KTLS_TLS_1_3,
					    .suite = KTLS_AES_128_GCM_SHA256,
					    .records_max = 1 << 24 };
	answering_start(a);
	a->fake.greeting.capabilities = this == 3 ? KTLS_CAN_REKEY : 0;
	k = ktls_open(a->fake.path, NULL);
	ASSERT_NOT_NULL(k);
	return k;
}

static struct ktls_session *session_of(struct ktls *k, const struct answering *a,
				       const struct deed_row *row)
{
	uint8_t sealed[64];

	if (row->version == KTLS_TLS_1_2)
		return ktls_session_open(NULL, NULL, 0);
	return ktls_session_open(k, sealed, answering_seal(a, sealed));
}

TEST_TIMEOUT(libktls_reads, 60)
{
	static struct answering ktlsd;
	static struct table table;
	char cell[CELL_MAX];
	struct deed_pair pair;
	struct ktls *k;
	int this;

	if (!keyed_or_skip())
		return;
	this = column();
	table_read(&table, "| the peer sends |");
	k = ktlsd_start(&ktlsd, this);
	for (size_t i = 0; i < deed_rows_len; i++) {
		const struct deed_row *row = &deed_rows[i];
		const char *line = table_find(&table, row->title);

		ASSERT_NOT_NULL(line);
		deeds_begin(row, &pair);
		libktls_text(&pair, session_of(k, &ktlsd, row), cell);
		expect_cell(line, 4, this, cell);
		deeds_end(&pair);
	}
	ktls_close(k);
	answering_stop(&ktlsd);
}

TEST_HARNESS_MAIN
