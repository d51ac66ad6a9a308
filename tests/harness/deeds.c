/* SPDX-License-Identifier: MIT */
#include "tests/harness/deeds.h"

#include <linux/sockios.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/ktls/kernel.h"
#include "tests/harness/harness.h"

enum deed {
	NOTHING,
	DATA,
	PADDED,
	EMPTY,
	TICKET,
	TICKETS,
	TICKET_BEGINS,
	TICKET_ENDS,
	UPDATE,
	UPDATE_ASKS,
	UPDATE_BEGINS,
	UPDATE_ENDS,
	TICKET_UPDATE,
	REQUEST,
	EMPTY_HANDSHAKE,
	CLOSE_NOTIFY,
	USER_CANCELED,
	FATAL,
	HEARTBEAT,
	UNKNOWN,
	HELLO_REQUEST,
	CLIENT_HELLO,
	SEALED, /* those before are records, those behind something else */
	CHANGED,
	EMPTIES,
	PART,
	TOO_LONG,
	CLEAR,
	CCS,
	NEW_KEY,
	STORM,
	FIN,
	RST,
};

#define A_TICKET  "\x04\x00\x00\x05hello"
#define AN_UPDATE "\x18\x00\x00\x01\x00"
#define RECORD(type, bytes)                    \
	{                                      \
		type, bytes, sizeof(bytes) - 1 \
	}

static const struct {
	uint8_t type;
	const char *bytes;
	size_t len;
} records[] = {
	[DATA] = RECORD(RECORD_APPLICATION_DATA, "data"),
	[PADDED] = RECORD(0, "data\x17\0\0"), /* its type is the last byte that is not 0 */
	[EMPTY] = RECORD(RECORD_APPLICATION_DATA, ""),
	[TICKET] = RECORD(RECORD_HANDSHAKE, A_TICKET),
	[TICKETS] = RECORD(RECORD_HANDSHAKE, A_TICKET A_TICKET),
	[TICKET_BEGINS] = RECORD(RECORD_HANDSHAKE, "\x04\x00\x00\x05h"),
	[TICKET_ENDS] = RECORD(RECORD_HANDSHAKE, "ello"),
	[UPDATE] = RECORD(RECORD_HANDSHAKE, AN_UPDATE),
	[UPDATE_ASKS] = RECORD(RECORD_HANDSHAKE, "\x18\x00\x00\x01\x01"),
	[UPDATE_BEGINS] = RECORD(RECORD_HANDSHAKE, "\x18\x00"),
	[UPDATE_ENDS] = RECORD(RECORD_HANDSHAKE, "\x00\x01\x00"),
	[TICKET_UPDATE] = RECORD(RECORD_HANDSHAKE, A_TICKET AN_UPDATE),
	[REQUEST] = RECORD(RECORD_HANDSHAKE, "\x0d\0\0\0"),
	[EMPTY_HANDSHAKE] = RECORD(RECORD_HANDSHAKE, ""),
	[CLOSE_NOTIFY] = RECORD(RECORD_ALERT, "\1\0"),
	[USER_CANCELED] = RECORD(RECORD_ALERT, "\1\x5a"),
	[FATAL] = RECORD(RECORD_ALERT, "\2\x2f"),
	[HEARTBEAT] = RECORD(24, "\1\0\4ping"),
	[UNKNOWN] = RECORD(99, "what"),
	[HELLO_REQUEST] = RECORD(RECORD_HANDSHAKE, "\0\0\0\0"),
	[CLIENT_HELLO] = RECORD(RECORD_HANDSHAKE, "\1\0\0\4nope"),
};

/* A record of data, made but not sent. */
static size_t seal_data(struct deed_pair *p)
{
	return keyed_seal(&p->rx, RECORD_APPLICATION_DATA, "data", 4, p->record);
}

static void changed(struct deed_pair *p)
{
	size_t len = seal_data(p);

	p->record[len - 1] ^= 1;
	keyed_write(p->fd[1], p->record, len);
}

static void act(struct deed_pair *p, enum deed deed);

static void reset(struct deed_pair *p)
{
	struct linger now = { .l_onoff = 1 };

	ASSERT_EQ(0, setsockopt(p->fd[1], SOL_SOCKET, SO_LINGER, &now, sizeof(now)));
	close(p->fd[1]);
	p->fd[1] = -1;
}

/* More KeyUpdates than anybody takes, also where each takes its time. */
static void storm(struct deed_pair *p)
{
	struct ktls_secrets s = p->secrets;

	for (int i = 0; i < 100; i++) {
		act(p, UPDATE);
		ASSERT_EQ(0, ktls_secrets_key_update(&s, KTLS_RX, &p->rx));
	}
}

static void act(struct deed_pair *p, enum deed deed)
{
	if (deed < SEALED) {
		keyed_write(p->fd[1], p->record,
			    keyed_seal(&p->rx, records[deed].type, records[deed].bytes,
				       records[deed].len, p->record));
		return;
	}
	switch (deed) {
	case CHANGED:
		changed(p);
		break;
	case EMPTIES:
		for (int i = 0; i < 32; i++)
			act(p, EMPTY);
		break;
	case PART:
		keyed_write(p->fd[1], p->record, seal_data(p) - 1);
		break;
	case TOO_LONG:
		keyed_write(p->fd[1], "\x17\x03\x03\x48\x00noncenonce", KEYED_HEADER + 8);
		break;
	case CLEAR:
		keyed_write(p->fd[1], "GET / HTTP/1.0\r\n\r\n", 18);
		break;
	case CCS:
		keyed_write(p->fd[1], "\x14\x03\x03\0\1\1", 6);
		break;
	case NEW_KEY:
		p->rx = p->next;
		break;
	case STORM:
		storm(p);
		break;
	case FIN:
		ASSERT_EQ(0, shutdown(p->fd[1], SHUT_WR));
		break;
	default:
		reset(p);
	}
}

/* In the order of the page. */
const struct deed_row deed_rows[] = {
	{ "data", KTLS_TLS_1_3, { DATA } },
	{ "a part of a record", KTLS_TLS_1_3, { PART } },
	{ "data in a padded record", KTLS_TLS_1_3, { PADDED } },
	{ "32 empty records of data, then data", KTLS_TLS_1_3, { EMPTIES, DATA } },
	{ "a ticket, then data", KTLS_TLS_1_3, { TICKET, DATA } },
	{ "data, then a ticket", KTLS_TLS_1_3, { DATA, TICKET } },
	{ "two tickets, then data", KTLS_TLS_1_3, { TICKET, TICKET, DATA } },
	{ "two tickets in one record, then data", KTLS_TLS_1_3, { TICKETS, DATA } },
	{ "a ticket over two records, then data",
	  KTLS_TLS_1_3,
	  { TICKET_BEGINS, TICKET_ENDS, DATA } },
	{ "KeyUpdate, then data", KTLS_TLS_1_3, { UPDATE, NEW_KEY, DATA } },
	{ "KeyUpdate that asks for ours, then data", KTLS_TLS_1_3, { UPDATE_ASKS, NEW_KEY, DATA } },
	{ "data, KeyUpdate, data", KTLS_TLS_1_3, { DATA, UPDATE, NEW_KEY, DATA } },
	{ "a ticket and KeyUpdate in one record, then data",
	  KTLS_TLS_1_3,
	  { TICKET_UPDATE, NEW_KEY, DATA } },
	{ "KeyUpdate over two records, then data",
	  KTLS_TLS_1_3,
	  { UPDATE_BEGINS, UPDATE_ENDS, NEW_KEY, DATA } },
	{ "100 KeyUpdates, then data", KTLS_TLS_1_3, { STORM, DATA } },
	{ "CertificateRequest, then data", KTLS_TLS_1_3, { REQUEST, DATA } },
	{ "an empty handshake record, then data", KTLS_TLS_1_3, { EMPTY_HANDSHAKE, DATA } },
	{ "close_notify", KTLS_TLS_1_3, { CLOSE_NOTIFY } },
	{ "data, close_notify, FIN", KTLS_TLS_1_3, { DATA, CLOSE_NOTIFY, FIN } },
	{ "user_canceled, close_notify", KTLS_TLS_1_3, { USER_CANCELED, CLOSE_NOTIFY } },
	{ "a fatal alert, FIN", KTLS_TLS_1_3, { FATAL, FIN } },
	{ "data, FIN without close_notify", KTLS_TLS_1_3, { DATA, FIN } },
	{ "a part of a record, FIN", KTLS_TLS_1_3, { PART, FIN } },
	{ "RST", KTLS_TLS_1_3, { RST } },
	{ "data, RST", KTLS_TLS_1_3, { DATA, RST } },
	{ "close_notify, RST", KTLS_TLS_1_3, { CLOSE_NOTIFY, RST } },
	{ "data, close_notify, RST", KTLS_TLS_1_3, { DATA, CLOSE_NOTIFY, RST } },
	{ "a fatal alert, RST", KTLS_TLS_1_3, { FATAL, RST } },
	{ "a record that does not decrypt, then data", KTLS_TLS_1_3, { CHANGED, DATA } },
	{ "a record that is too long", KTLS_TLS_1_3, { TOO_LONG } },
	{ "a request in the clear", KTLS_TLS_1_3, { CLEAR } },
	{ "change_cipher_spec, then data", KTLS_TLS_1_3, { CCS, DATA } },
	{ "heartbeat, then data", KTLS_TLS_1_3, { HEARTBEAT, DATA } },
	{ "a record of type 99, then data", KTLS_TLS_1_3, { UNKNOWN, DATA } },
	{ "TLS 1.2: HelloRequest, then data", KTLS_TLS_1_2, { HELLO_REQUEST, DATA } },
	{ "TLS 1.2: ClientHello, then data", KTLS_TLS_1_2, { CLIENT_HELLO, DATA } },
	{ "TLS 1.2: KeyUpdate, then data", KTLS_TLS_1_2, { UPDATE, DATA } },
	{ "TLS 1.2: heartbeat, then data", KTLS_TLS_1_2, { HEARTBEAT, DATA } },
	{ "TLS 1.2: close_notify", KTLS_TLS_1_2, { CLOSE_NOTIFY } },
	{ "TLS 1.2: data, close_notify, RST", KTLS_TLS_1_2, { DATA, CLOSE_NOTIFY, RST } },
};

const size_t deed_rows_len = sizeof(deed_rows) / sizeof(deed_rows[0]);

/* Until all of it has arrived. */
static void settle(const struct deed_pair *p)
{
	struct pollfd gone = { .fd = p->fd[0], .events = POLLRDHUP };
	int left = 1;

	if (p->fd[1] < 0) {
		ASSERT_EQ(1, poll(&gone, 1, -1));
		return;
	}
	for (;;) {
		ASSERT_EQ(0, ioctl(p->fd[1], SIOCOUTQ, &left));
		if (left == 0)
			return;
		usleep(1000);
	}
}

static void keys_1_2(struct deed_pair *p)
{
	p->tx = keyed_key(KTLS_TLS_1_2, 0xc02f, 1);
	p->rx = keyed_key(KTLS_TLS_1_2, 0xc02f, 2);
}

static void keys_1_3(struct deed_pair *p)
{
	struct ktls_secrets *s = &p->secrets, later;

	*s = (struct ktls_secrets){ .role = KTLS_CLIENT,
				    .version = KTLS_TLS_1_3,
				    .suite = KTLS_AES_128_GCM_SHA256 };
	memset(s->tx, 1, 32);
	memset(s->rx, 2, 32);
	later = *s;
	ASSERT_EQ(0, ktls_secrets_traffic_key(s, KTLS_TX, &p->tx));
	ASSERT_EQ(0, ktls_secrets_traffic_key(s, KTLS_RX, &p->rx));
	ASSERT_EQ(0, ktls_secrets_key_update(&later, KTLS_RX, &p->next));
}

void deeds_begin(const struct deed_row *row, struct deed_pair *p)
{
	if (row->version == KTLS_TLS_1_3)
		keys_1_3(p);
	else
		keys_1_2(p);
	keyed_pair(p->fd);
	keyed_install(p->fd[0], true, &p->tx);
	keyed_install(p->fd[0], false, &p->rx);
	for (const uint8_t *deed = row->deeds; *deed != NOTHING; deed++)
		act(p, *deed);
	settle(p);
}

void deeds_end(struct deed_pair *p)
{
	close(p->fd[0]);
	if (p->fd[1] >= 0)
		close(p->fd[1]);
}
